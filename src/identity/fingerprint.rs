//! Patterns for SHA-256 digests of certificates and public keys.

use super::pattern::PatternError;
use super::serial::hex_with_colons;
use super::truth::Truth;
use crate::cert::Fingerprint;

/// A pattern for one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FingerprintPattern {
    wanted: Fingerprint,
}

impl FingerprintPattern {
    /// Reads a certificate's digest: 64 hexadecimal digits in either case, plain or with a colon after each pair.
    pub fn sha256(text: &str) -> Result<FingerprintPattern, PatternError> {
        let expected = "64 hexadecimal digits, which may have a colon after each pair";
        FingerprintPattern::parse(text, expected, hex)
    }

    /// Reads a public key's digest: as [`FingerprintPattern::sha256`], or the base64 of RFC 7469 section 2.4.
    pub fn spki_sha256(text: &str) -> Result<FingerprintPattern, PatternError> {
        let expected =
            "64 hexadecimal digits, which may have a colon after each pair, or 44 characters of base64";
        FingerprintPattern::parse(text, expected, |text| {
            hex(text).or_else(|| data_encoding::BASE64.decode(text.as_bytes()).ok())
        })
    }

    /// Whether it is this digest.
    pub fn matches(&self, fingerprint: &Fingerprint) -> Truth {
        (self.wanted == *fingerprint).into()
    }

    fn parse(
        text: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<FingerprintPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let wanted = read(text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Fingerprint::from_bytes)
            .ok_or_else(|| PatternError::Fingerprint { text: text.to_owned(), expected })?;
        Ok(FingerprintPattern { wanted })
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.contains(':') {
        return hex_with_colons(text);
    }
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}
