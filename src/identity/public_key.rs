//! The public key of a certificate (`SubjectPublicKeyInfo`, RFC 5280 section 4.1.2.7).

use std::fmt;

use thiserror::Error;

use crate::cert::der;
use crate::cert::public_key_info::{Curve, NotAKey, PublicKeyInfo};

/// The shortest modulus of an RSA key that any policy may accept, in bits: shorter ones were factored, or can be.
pub const MIN_RSA_BITS: u32 = 1024;

/// The longest modulus of an RSA key, in bits, as BoringSSL has it.
pub const MAX_RSA_BITS: u32 = 16_384;

/// A key of a kind that is strong enough to be believed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, or RSA for PSS only.
    Rsa {
        /// Bits of the modulus, [`MIN_RSA_BITS`] to [`MAX_RSA_BITS`].
        bits: u32,
    },
    /// A point on NIST P-256.
    EcP256,
    /// A point on NIST P-384.
    EcP384,
    /// A point on NIST P-521.
    EcP521,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
}

/// Why no key of this kind is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// Not the form that keys of its algorithm have.
    #[error("its key is not in the form of its algorithm")]
    Form,
    /// An algorithm that is not known here.
    #[error("its key is of an algorithm that is not known")]
    Algorithm,
    /// RFC 5480 section 2.1.1: a curve is named. One that is spelt out may be anybody's (CVE-2020-0601).
    #[error("its key spells its curve out instead of naming it")]
    ExplicitCurve,
    /// Another curve than those of [`PublicKey`].
    #[error("its key is on a curve other than P-256, P-384 and P-521")]
    Curve,
    /// Shorter than [`MIN_RSA_BITS`].
    #[error("its RSA key has `{bits}` bits, and below {MIN_RSA_BITS} no policy accepts one")]
    TooShort {
        /// Bits of the modulus.
        bits: u32,
    },
    /// Longer than [`MAX_RSA_BITS`].
    #[error("its RSA key has `{bits}` bits, and above {MAX_RSA_BITS} none is looked at")]
    TooLong {
        /// Bits of the modulus.
        bits: u32,
    },
    /// An even modulus, or an exponent that is even or 1.
    #[error("its RSA key is none: the modulus or the exponent is even, or the exponent is 1")]
    NotRsa,
}

/// The kinds of keys that a policy may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyType {
    Rsa,
    EcP256,
    EcP384,
    EcP521,
    Ed25519,
    Ed448,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(crate) fn of(info: &[u8]) -> Result<PublicKey, KeyProblem> {
        match PublicKeyInfo::read(info)? {
            PublicKeyInfo::Rsa(key) | PublicKeyInfo::RsaPss(_, key) => rsa(key),
            PublicKeyInfo::Elliptic(curve, point) => on_curve(curve, point),
            PublicKeyInfo::Ed25519(point) if point.len() == 32 => Ok(PublicKey::Ed25519),
            PublicKeyInfo::Ed448(point) if point.len() == 57 => Ok(PublicKey::Ed448),
            PublicKeyInfo::Ed25519(_) | PublicKeyInfo::Ed448(_) => Err(KeyProblem::Form),
        }
    }

    /// The kind of key.
    pub fn kind(self) -> KeyType {
        match self {
            PublicKey::Rsa { .. } => KeyType::Rsa,
            PublicKey::EcP256 => KeyType::EcP256,
            PublicKey::EcP384 => KeyType::EcP384,
            PublicKey::EcP521 => KeyType::EcP521,
            PublicKey::Ed25519 => KeyType::Ed25519,
            PublicKey::Ed448 => KeyType::Ed448,
        }
    }
}

impl KeyType {
    /// Every kind.
    pub(crate) const ALL: [KeyType; 6] =
        [KeyType::Rsa, KeyType::EcP256, KeyType::EcP384, KeyType::EcP521, KeyType::Ed25519, KeyType::Ed448];

    /// The names of [`KeyType::ALL`], as policies write them.
    pub(crate) const NAMES: [&'static str; 6] = ["rsa", "ec_p256", "ec_p384", "ec_p521", "ed25519", "ed448"];
}

/// The name as policies write it.
impl fmt::Display for KeyType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            KeyType::Rsa => "rsa",
            KeyType::EcP256 => "ec_p256",
            KeyType::EcP384 => "ec_p384",
            KeyType::EcP521 => "ec_p521",
            KeyType::Ed25519 => "ed25519",
            KeyType::Ed448 => "ed448",
        })
    }
}

impl From<NotAKey> for KeyProblem {
    fn from(problem: NotAKey) -> KeyProblem {
        match problem {
            NotAKey::Form => KeyProblem::Form,
            NotAKey::Algorithm => KeyProblem::Algorithm,
            NotAKey::ExplicitCurve => KeyProblem::ExplicitCurve,
            NotAKey::Curve => KeyProblem::Curve,
        }
    }
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(key: &[u8]) -> Result<PublicKey, KeyProblem> {
    let [modulus, exponent] = der::two_positive(key).map_err(|_| KeyProblem::Form)?;
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if bits < MIN_RSA_BITS {
        Err(KeyProblem::TooShort { bits })
    } else if bits > MAX_RSA_BITS {
        Err(KeyProblem::TooLong { bits })
    } else if !odd(modulus) || !odd(exponent) || exponent == [1] {
        Err(KeyProblem::NotRsa)
    } else {
        Ok(PublicKey::Rsa { bits })
    }
}

/// A point in either of the forms of RFC 5480 section 2.2. That it is on its curve, the handshake has shown.
fn on_curve(curve: Curve, point: &[u8]) -> Result<PublicKey, KeyProblem> {
    let (key, octets) = match curve {
        Curve::P256 => (PublicKey::EcP256, 32),
        Curve::P384 => (PublicKey::EcP384, 48),
        Curve::P521 => (PublicKey::EcP521, 66),
    };
    match point {
        [4, rest @ ..] if rest.len() == 2 * octets => Ok(key),
        [2 | 3, rest @ ..] if rest.len() == octets => Ok(key),
        _ => Err(KeyProblem::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::der::{INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
    use crate::cert::public_key_info::{
        EC_PUBLIC_KEY, ED448, ED25519, P256, P384, P521, RSA_ENCRYPTION, RSA_PSS,
    };
    use crate::mint::{self, der};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NULL: &[u8] = &[0x05, 0x00];

    fn read(oid: &[u8], parameters: &[u8], key: &[u8]) -> Result<PublicKey, KeyProblem> {
        PublicKey::of(&mint::public_key(oid, parameters, key))
    }

    fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, KeyProblem> {
        read(RSA_ENCRYPTION, NULL, &der(SEQUENCE, &[&der(INTEGER, &[modulus]), &der(INTEGER, &[exponent])]))
    }

    fn rsa_bits(bits: usize) -> Result<PublicKey, KeyProblem> {
        PublicKey::of(&mint::rsa_public_key(bits))
    }

    fn curve(oid: &[u8], point: &[u8]) -> Result<PublicKey, KeyProblem> {
        read(EC_PUBLIC_KEY, &der(OBJECT_IDENTIFIER, &[oid]), point)
    }

    fn point(octets: usize) -> Vec<u8> {
        [vec![4], vec![7; 2 * octets]].concat()
    }

    #[test]
    fn keys_are_known_by_their_algorithm() {
        let minted = rcgen::PublicKeyData::subject_public_key_info(&mint::Key::new("a"));
        for (key, name) in [
            (PublicKey::of(&minted), "ec_p256"),
            (curve(P384, &point(48)), "ec_p384"),
            (curve(P521, &point(66)), "ec_p521"),
            (curve(P521, &[&[2][..], &[7; 66]].concat()), "ec_p521"),
            (read(ED25519, &[], &[7; 32]), "ed25519"),
            (read(ED448, &[], &[7; 57]), "ed448"),
            (rsa_bits(2048), "rsa"),
        ] {
            assert_eq!(key.map(|key| key.kind().to_string()).as_deref(), Ok(name));
        }
        assert_eq!(KeyType::ALL.map(|kind| kind.to_string()), KeyType::NAMES);
    }

    #[test]
    fn the_bits_of_a_modulus_are_counted_from_its_highest_one() {
        for bits in [1024, 2047, 2048, 2049, 3072, 4096, 16_384] {
            assert_eq!(rsa_bits(bits), Ok(PublicKey::Rsa { bits: bits as u32 }));
        }
        assert_eq!(rsa_bits(512), Err(KeyProblem::TooShort { bits: 512 }));
        assert_eq!(rsa_bits(1023), Err(KeyProblem::TooShort { bits: 1023 }));
        assert_eq!(rsa_bits(16_385), Err(KeyProblem::TooLong { bits: 16_385 }));
    }

    #[test]
    fn an_even_modulus_and_an_exponent_of_one_are_no_rsa() {
        let modulus = |last: u8| [&[0x71][..], &[0x5a; 254], &[last]].concat();
        assert_eq!(rsa_key(&modulus(1), &[3]), Ok(PublicKey::Rsa { bits: 2047 }));
        assert_eq!(rsa_key(&modulus(1), &[1, 0, 1]), Ok(PublicKey::Rsa { bits: 2047 }));
        assert_eq!(rsa_key(&modulus(2), &[3]), Err(KeyProblem::NotRsa));
        assert_eq!(rsa_key(&modulus(1), &[1]), Err(KeyProblem::NotRsa));
        assert_eq!(rsa_key(&modulus(1), &[1, 0, 0]), Err(KeyProblem::NotRsa));
        for exponent in [&[][..], &[0], &[0x83], &[0, 3], &[0xff]] {
            assert_eq!(rsa_key(&modulus(1), exponent), Err(KeyProblem::Form), "{exponent:?}");
        }
    }

    #[test]
    fn a_key_that_is_none_says_why() {
        let secp256k1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
        assert_eq!(curve(secp256k1, &point(32)), Err(KeyProblem::Curve));
        let explicit = der(SEQUENCE, &[&der(INTEGER, &[&[1]])]);
        assert_eq!(read(EC_PUBLIC_KEY, &explicit, &point(32)), Err(KeyProblem::ExplicitCurve));
        assert_eq!(read(EC_PUBLIC_KEY, NULL, &point(32)), Err(KeyProblem::Form));
        let dsa: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
        assert_eq!(read(dsa, &der(SEQUENCE, &[]), &[2, 1, 5]), Err(KeyProblem::Algorithm));
    }

    #[test]
    fn a_key_has_the_form_of_its_algorithm() {
        for point in [point(31), point(48), [vec![2], vec![7; 64]].concat(), vec![0], Vec::new()] {
            assert_eq!(curve(P256, &point), Err(KeyProblem::Form));
        }
        let modulus = [&[0x71][..], &[0x5b; 255]].concat();
        let key = der(SEQUENCE, &[&der(INTEGER, &[&modulus]), &der(INTEGER, &[&[3]])]);
        assert!(read(RSA_ENCRYPTION, NULL, &key).is_ok());
        assert!(read(RSA_PSS, &[], &key).is_ok());
        assert_eq!(read(RSA_ENCRYPTION, &[], &key), Err(KeyProblem::Form), "absent parameters");
        assert_eq!(read(RSA_ENCRYPTION, NULL, &[&key[..], &[0]].concat()), Err(KeyProblem::Form));
        assert_eq!(read(ED25519, NULL, &[7; 32]), Err(KeyProblem::Form));
        assert_eq!(read(ED25519, &[], &[7; 33]), Err(KeyProblem::Form));
    }
}
