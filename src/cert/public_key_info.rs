//! The form of public keys: `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7), borrowed.

use super::algorithm_identifier::{AlgorithmIdentifier, Parameters};
use super::der::{self, BIT_STRING, NotDer, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// A public key by its algorithm. The octets are those of the BIT STRING, and not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublicKeyInfo<'a> {
    /// An `RSAPublicKey` (RFC 8017 appendix A.1.1).
    Rsa(&'a [u8]),
    /// The same, for RSASSA-PSS only, and maybe for these parameters only (RFC 4055 section 3.3).
    RsaPss(Parameters<'a>, &'a [u8]),
    /// A point (RFC 5480 section 2.2).
    Elliptic(Curve, &'a [u8]),
    /// A point (RFC 8410 section 4).
    Ed25519(&'a [u8]),
    /// A point (RFC 8410 section 4).
    Ed448(&'a [u8]),
}

/// A named curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// Why a key is none of [`PublicKeyInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAKey {
    /// Not the form that keys of its algorithm have.
    Form,
    /// Another algorithm.
    Algorithm,
    /// A curve that is spelt out, and not named.
    ExplicitCurve,
    /// Another curve than those of [`Curve`].
    Curve,
}

/// 1.2.840.113549.1.1.1 and 10 (RFC 8017 appendix A).
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
pub(crate) const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// 1.2.840.10045.2.1, and the curves 1.2.840.10045.3.1.7, 1.3.132.0.34 and 1.3.132.0.35 (RFC 5480 section 2.1.1).
pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// 1.3.101.112 and 1.3.101.113 (RFC 8410 section 3); the first is a signature algorithm too.
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(crate) const ED448: &[u8] = &[0x2b, 0x65, 0x71];

impl<'a> PublicKeyInfo<'a> {
    /// Reads a `SubjectPublicKeyInfo`, whole in DER.
    pub(crate) fn read(info: &'a [u8]) -> Result<PublicKeyInfo<'a>, NotAKey> {
        let (AlgorithmIdentifier { oid, parameters }, key) = parts(info)?;
        match (oid, parameters) {
            // RFC 4055 section 1.2: the parameters of an RSA key are NULL. BoringSSL refuses a key that leaves them out.
            (RSA_ENCRYPTION, Parameters::Null) => Ok(PublicKeyInfo::Rsa(key)),
            (RSA_PSS, parameters) => Ok(PublicKeyInfo::RsaPss(parameters, key)),
            (EC_PUBLIC_KEY, parameters) => Ok(PublicKeyInfo::Elliptic(Curve::named(parameters)?, key)),
            (ED25519, Parameters::Absent) => Ok(PublicKeyInfo::Ed25519(key)),
            (ED448, Parameters::Absent) => Ok(PublicKeyInfo::Ed448(key)),
            (RSA_ENCRYPTION | ED25519 | ED448, _) => Err(NotAKey::Form),
            _ => Err(NotAKey::Algorithm),
        }
    }
}

impl Curve {
    /// RFC 5480 section 2.1.1: a curve is named. One that is spelt out may be anybody's (CVE-2020-0601).
    fn named(parameters: Parameters<'_>) -> Result<Curve, NotAKey> {
        let name = match parameters {
            Parameters::Element(OBJECT_IDENTIFIER, whole) => der::only(OBJECT_IDENTIFIER, whole)?,
            Parameters::Element(SEQUENCE, _) => return Err(NotAKey::ExplicitCurve),
            Parameters::Element(..) | Parameters::Null | Parameters::Absent => return Err(NotAKey::Form),
        };
        match name {
            P256 => Ok(Curve::P256),
            P384 => Ok(Curve::P384),
            P521 => Ok(Curve::P521),
            _ => Err(NotAKey::Curve),
        }
    }
}

impl From<NotDer> for NotAKey {
    fn from(NotDer: NotDer) -> NotAKey {
        NotAKey::Form
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::der::{INTEGER, SET};
    use crate::mint::{self, der};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NULL: &[u8] = &[0x05, 0x00];
    const KEY: &[u8] = &[1, 2, 3];

    /// Reads a key of this algorithm and these parameters, whose octets are [`KEY`].
    #[track_caller]
    fn assert_read(oid: &[u8], parameters: &[u8], expected: Result<PublicKeyInfo<'_>, NotAKey>) {
        assert_eq!(PublicKeyInfo::read(&mint::public_key(oid, parameters, KEY)), expected);
    }

    #[test]
    fn a_key_is_known_by_its_algorithm_and_the_parameters_that_belong_to_it() {
        assert_read(RSA_ENCRYPTION, NULL, Ok(PublicKeyInfo::Rsa(KEY)));
        assert_read(RSA_ENCRYPTION, &[], Err(NotAKey::Form));
        assert_read(RSA_PSS, &[], Ok(PublicKeyInfo::RsaPss(Parameters::Absent, KEY)));
        assert_read(RSA_PSS, NULL, Ok(PublicKeyInfo::RsaPss(Parameters::Null, KEY)));
        assert_read(ED25519, &[], Ok(PublicKeyInfo::Ed25519(KEY)));
        assert_read(ED25519, NULL, Err(NotAKey::Form));
        assert_read(ED448, &[], Ok(PublicKeyInfo::Ed448(KEY)));
        assert_read(ED448, NULL, Err(NotAKey::Form));
        let dsa: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
        assert_read(dsa, &der(SEQUENCE, &[]), Err(NotAKey::Algorithm));
    }

    #[test]
    fn a_curve_is_named_and_of_the_known_ones() {
        let name = |oid: &[u8]| der(OBJECT_IDENTIFIER, &[oid]);
        for (oid, curve) in [(P256, Curve::P256), (P384, Curve::P384), (P521, Curve::P521)] {
            assert_read(EC_PUBLIC_KEY, &name(oid), Ok(PublicKeyInfo::Elliptic(curve, KEY)));
        }
        let secp256k1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
        let p192: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];
        let p224: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x21];
        for other in [secp256k1, p192, p224] {
            assert_read(EC_PUBLIC_KEY, &name(other), Err(NotAKey::Curve));
        }
        let explicit = der(SEQUENCE, &[&der(INTEGER, &[&[1]])]);
        assert_read(EC_PUBLIC_KEY, &explicit, Err(NotAKey::ExplicitCurve));
        for parameters in [&[][..], NULL, &der(SET, &[])] {
            assert_read(EC_PUBLIC_KEY, parameters, Err(NotAKey::Form));
        }
    }

    #[test]
    fn nothing_is_left_over_and_no_bit_unused() {
        let algorithm = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[ED25519])]);
        let read = |parts: &[&[u8]]| PublicKeyInfo::read(&der(SEQUENCE, parts)).map(|_| ());
        assert_eq!(read(&[&algorithm, &der(BIT_STRING, &[&[0], KEY])]), Ok(()));
        assert_eq!(read(&[&algorithm, &der(BIT_STRING, &[&[1], KEY])]), Err(NotAKey::Form));
        assert_eq!(read(&[&algorithm, &der(BIT_STRING, &[])]), Err(NotAKey::Form));
        assert_eq!(read(&[&algorithm, &der(BIT_STRING, &[&[0], KEY]), NULL]), Err(NotAKey::Form));
        assert_eq!(read(&[&algorithm]), Err(NotAKey::Form));
    }
}
