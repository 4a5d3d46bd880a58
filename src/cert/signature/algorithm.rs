//! Signature algorithms, by their identifiers (RFC 5280 section 4.1.1.2).

use super::SignatureError;
use super::digest::Hash;
use crate::cert::algorithm_identifier::{AlgorithmIdentifier, Parameters};
use crate::cert::der::{self, INTEGER, NotDer, Reader, SEQUENCE};
use crate::cert::public_key_info::ED25519;

/// How something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 section 8.1).
    RsaPss(PssParameters),
    /// ECDSA; the curve is the key's.
    Ecdsa(Hash),
    Ed25519,
}

/// `RSASSA-PSS-params`, with one hash function for the message and for the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PssParameters {
    pub(super) hash: Hash,
    /// Octets of salt.
    pub(super) salt: usize,
}

/// The contents of object identifiers: 1.2.840.113549.1.1 (RFC 8017 appendix A) and 1.2.840.10045.4.3 (RFC 5758 section 3.2).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA_WITH_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
/// 2.16.840.1.101.3.4.2: SHA-2 (RFC 5754 section 2).
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// The last arc of `id-mgf1` below [`RSA`].
const MGF1: u8 = 8;

impl Algorithm {
    /// Reads an `AlgorithmIdentifier`, whole in DER.
    pub(super) fn read(identifier: &[u8]) -> Result<Algorithm, SignatureError> {
        let AlgorithmIdentifier { oid, parameters } =
            AlgorithmIdentifier::only(identifier).map_err(|_| SignatureError::Algorithm)?;
        // RFC 4055 section 5: CAs must write NULL, and readers take what leaves it out.
        let null = matches!(parameters, Parameters::Null | Parameters::Absent);
        // RFC 5758 section 3.2, RFC 8410 section 3: no parameters.
        let bare = parameters == Parameters::Absent;
        match (oid.strip_prefix(RSA), oid.strip_prefix(ECDSA_WITH_SHA2)) {
            (Some([10]), _) => {
                PssParameters::read(parameters).map(Algorithm::RsaPss).map_err(|_| SignatureError::Algorithm)
            }
            (Some([11]), _) if null => Ok(Algorithm::RsaPkcs1(Hash::Sha256)),
            (Some([12]), _) if null => Ok(Algorithm::RsaPkcs1(Hash::Sha384)),
            (Some([13]), _) if null => Ok(Algorithm::RsaPkcs1(Hash::Sha512)),
            (_, Some([2])) if bare => Ok(Algorithm::Ecdsa(Hash::Sha256)),
            (_, Some([3])) if bare => Ok(Algorithm::Ecdsa(Hash::Sha384)),
            (_, Some([4])) if bare => Ok(Algorithm::Ecdsa(Hash::Sha512)),
            _ if oid == ED25519 && bare => Ok(Algorithm::Ed25519),
            _ => Err(SignatureError::Algorithm),
        }
    }
}

impl PssParameters {
    /// Reads `RSASSA-PSS-params` (RFC 4055 section 3.1). A hash function that is left out stands for SHA-1, which is refused; a
    /// salt that is left out has 20 octets.
    pub(super) fn read(parameters: Parameters<'_>) -> Result<PssParameters, NotDer> {
        let Parameters::Element(SEQUENCE, whole) = parameters else {
            return Err(NotDer);
        };
        let mut fields = Reader::new(der::only(SEQUENCE, whole)?);
        let hash = AlgorithmIdentifier::only(fields.optional(0xa0)?.ok_or(NotDer)?)?;
        let mask = AlgorithmIdentifier::only(fields.optional(0xa1)?.ok_or(NotDer)?)?;
        let salt = fields.optional(0xa2)?.map(|salt| der::only(INTEGER, salt)).transpose()?;
        let trailer = fields.optional(0xa3)?.map(|trailer| der::only(INTEGER, trailer)).transpose()?;
        fields.end()?;
        let hash = sha2(hash)?;
        match mask.parameters {
            Parameters::Element(SEQUENCE, whole)
                if mask.oid.strip_prefix(RSA) == Some(&[MGF1])
                    && sha2(AlgorithmIdentifier::only(whole)?)? == hash => {}
            Parameters::Element(..) | Parameters::Null | Parameters::Absent => return Err(NotDer),
        }
        let salt = match salt {
            None => 20,
            Some([short @ 0..=0x7f]) => usize::from(*short),
            Some([0, long @ 0x80..=0xff]) => usize::from(*long),
            Some([high @ 1..=0x7f, low]) => usize::from(*high) << 8 | usize::from(*low),
            Some(_) => return Err(NotDer),
        };
        // RFC 4055 section 3.1: readers take 1 spelt out as well, and nothing else.
        if trailer.is_none_or(|trailer| trailer == [1]) {
            Ok(PssParameters { hash, salt })
        } else {
            Err(NotDer)
        }
    }

    /// Whether they are what a key asks for that is for some parameters only: RFC 4055 section 3.3 wants the key's hash function, and
    /// a salt that is as long as the key's or longer.
    pub(super) fn meet(self, asked: PssParameters) -> bool {
        self.hash == asked.hash && self.salt >= asked.salt
    }
}

/// A digest of SHA-2. RFC 4055 section 2.1: its parameters are NULL or left out.
fn sha2(digest: AlgorithmIdentifier<'_>) -> Result<Hash, NotDer> {
    match (digest.oid.strip_prefix(SHA2), digest.parameters) {
        (Some([1]), Parameters::Null | Parameters::Absent) => Ok(Hash::Sha256),
        (Some([2]), Parameters::Null | Parameters::Absent) => Ok(Hash::Sha384),
        (Some([3]), Parameters::Null | Parameters::Absent) => Ok(Hash::Sha512),
        _ => Err(NotDer),
    }
}
