//! Patterns for SHA-256 digests of certificates and public keys.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt;

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
            hex(text).or_else(|| BASE64_STANDARD.decode(text).ok())
        })
    }

    /// The digest.
    pub(crate) fn digest(&self) -> Fingerprint {
        self.wanted
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

/// As a policy writes it, in JSON.
impl fmt::Display for FingerprintPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.wanted)
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.contains(':') {
        return hex_with_colons(text);
    }
    hex::decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// SHA-256 of nothing.
    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const BASE64: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn with_colons() -> String {
        let pairs: Vec<String> =
            HEX.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into()).collect();
        pairs.join(":")
    }

    #[test]
    fn every_form_of_a_digest_matches_it_and_no_other() {
        let colons = with_colons();
        for text in [HEX, &HEX.to_uppercase(), &colons, &colons.to_uppercase()] {
            for pattern in [FingerprintPattern::sha256(text), FingerprintPattern::spki_sha256(text)] {
                assert_eq!(pattern.clone().unwrap().matches(&Fingerprint::of(b"")), Truth::Yes, "{text}");
                assert_eq!(pattern.unwrap().matches(&Fingerprint::of(b"a")), Truth::No, "{text}");
            }
        }
        assert_eq!(
            FingerprintPattern::spki_sha256(BASE64).unwrap().matches(&Fingerprint::of(b"")),
            Truth::Yes
        );
    }

    #[test]
    fn base64_is_read_for_public_keys_only() {
        let message = FingerprintPattern::sha256(BASE64).unwrap_err().to_string();
        let expected = "expected 64 hexadecimal digits, which may have a colon after each pair";
        assert_eq!(message, format!("`{BASE64}` is no SHA-256 digest; {expected}"));
    }

    #[test]
    fn other_text_is_refused() {
        let near = [
            "a",
            HEX.split_at(2).1,
            &format!("{HEX}00"),
            &HEX.replace('e', "g"),
            with_colons().split_at(1).1,
            with_colons().split_at(3).1,
        ]
        .map(str::to_owned);
        for text in
            near.into_iter().chain([BASE64.replace('=', ""), BASE64.replace('+', "-"), format!("{BASE64}=")])
        {
            assert!(FingerprintPattern::sha256(&text).is_err(), "{text}");
            assert!(FingerprintPattern::spki_sha256(&text).is_err(), "{text}");
        }
        assert_eq!(FingerprintPattern::sha256(""), Err(PatternError::Empty));
    }
}
