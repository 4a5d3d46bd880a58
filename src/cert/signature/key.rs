//! Public keys, by their `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).

use super::SignatureError;
use super::algorithm::{ED25519, PssParameters};
use crate::cert::algorithm_identifier::{AlgorithmIdentifier, Parameters};
use crate::cert::der::{self, BIT_STRING, NotDer, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// A public key in the form of its kind, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublicKey<'a> {
    /// An `RSAPublicKey` (RFC 8017 appendix A.1.1).
    Rsa(&'a [u8]),
    /// The same, for RSASSA-PSS only, and maybe for these parameters only (RFC 4055 section 3.3).
    RsaPss(&'a [u8], Option<PssParameters>),
    /// A point (RFC 5480 section 2.2).
    Elliptic(Curve, &'a [u8]),
    /// A point (RFC 8410 section 4).
    Ed25519(&'a [u8]),
}

/// A named curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// 1.2.840.113549.1.1.1 and 10 (RFC 8017 appendix A).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// 1.2.840.10045.2.1, and the curves 1.2.840.10045.3.1.7, 1.3.132.0.34 and 1.3.132.0.35 (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

impl<'a> PublicKey<'a> {
    /// Reads a `SubjectPublicKeyInfo`, whole in DER.
    pub(super) fn read(info: &'a [u8]) -> Result<PublicKey<'a>, SignatureError> {
        let (AlgorithmIdentifier { oid, parameters }, key) = parts(info).map_err(|_| SignatureError::Key)?;
        match oid {
            // RFC 4055 section 1.2: the parameters of an RSA key are NULL. BoringSSL refuses a key that leaves them out.
            RSA_ENCRYPTION if parameters == Parameters::Null => Ok(PublicKey::Rsa(key)),
            RSA_PSS if parameters == Parameters::Absent => Ok(PublicKey::RsaPss(key, None)),
            RSA_PSS => PssParameters::read(parameters)
                .map(|parameters| PublicKey::RsaPss(key, Some(parameters)))
                .map_err(|_| SignatureError::Key),
            EC_PUBLIC_KEY => Ok(PublicKey::Elliptic(named_curve(parameters)?, key)),
            ED25519 if parameters == Parameters::Absent => Ok(PublicKey::Ed25519(key)),
            _ => Err(SignatureError::Key),
        }
    }
}

/// The octets of a positive INTEGER in its shortest form, without the leading zero that keeps it positive.
pub(super) fn positive(integer: &[u8]) -> Result<&[u8], NotDer> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
        [1..=0x7f, ..] => Ok(integer),
        _ => Err(NotDer),
    }
}

fn parts(info: &[u8]) -> Result<(AlgorithmIdentifier<'_>, &[u8]), NotDer> {
    let mut parts = Reader::new(der::only(SEQUENCE, info)?);
    let algorithm = AlgorithmIdentifier::from_contents(parts.expect(SEQUENCE)?)?;
    let key = parts.expect(BIT_STRING)?;
    parts.end()?;
    // Keys are whole octets: no bit is left unused.
    Ok((algorithm, key.strip_prefix(&[0]).ok_or(NotDer)?))
}

/// RFC 5480 section 2.1.1: a curve is named. One that is spelt out may be anybody's (CVE-2020-0601).
fn named_curve(parameters: Parameters<'_>) -> Result<Curve, SignatureError> {
    let Parameters::Element(OBJECT_IDENTIFIER, whole) = parameters else {
        return Err(SignatureError::Key);
    };
    match der::only(OBJECT_IDENTIFIER, whole) {
        Ok(P256) => Ok(Curve::P256),
        Ok(P384) => Ok(Curve::P384),
        Ok(P521) => Ok(Curve::P521),
        Ok(_) | Err(NotDer) => Err(SignatureError::Key),
    }
}
