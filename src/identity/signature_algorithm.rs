//! How a certificate is signed.

use std::fmt;

use thiserror::Error;

use crate::cert::algorithm_identifier::{AlgorithmIdentifier, Parameters};
use crate::cert::der::{self, INTEGER, NotDer, Reader, SEQUENCE};

/// A signature algorithm that is strong enough to be believed at all. The names are those of TLS 1.3 (RFC 8446 section
/// 4.2.3) without the curve, of which a certificate's signature says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SignatureAlgorithm {
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
    Ed25519,
    Ed448,
}

/// Why no signature of this kind is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureProblem {
    /// The digest was broken: others can be made that have the same one.
    #[error("it is signed with {digest}, which is broken")]
    Broken {
        /// The digest.
        digest: &'static str,
    },
    /// An algorithm that is not known here.
    #[error("it is signed in a way that is not known")]
    Unknown,
    /// The parameters are not those that the algorithm has.
    #[error("the parameters of its signature are not those of the algorithm")]
    Parameters,
}

/// The contents of object identifiers: 1.2.840.113549.1.1 (RFC 8017 appendix A) and 1.2.840.10045.4 (RFC 5758).
const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
/// 1.3.101.112 and 1.3.101.113 (RFC 8410 section 3).
const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];
const ED448: [u8; 3] = [0x2b, 0x65, 0x71];
/// 2.16.840.1.101.3.4.2: SHA-2 (RFC 5754 section 2).
const SHA2: [u8; 8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const MGF1: u8 = 0x08;

impl SignatureAlgorithm {
    /// Every algorithm, in the order of their names' documentation.
    pub(crate) const ALL: [SignatureAlgorithm; 11] = [
        SignatureAlgorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::RsaPssSha256,
        SignatureAlgorithm::RsaPssSha384,
        SignatureAlgorithm::RsaPssSha512,
        SignatureAlgorithm::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384,
        SignatureAlgorithm::EcdsaSha512,
        SignatureAlgorithm::Ed25519,
        SignatureAlgorithm::Ed448,
    ];

    /// The names of [`SignatureAlgorithm::ALL`], as policies write them.
    pub(crate) const NAMES: [&'static str; 11] = [
        "rsa_pkcs1_sha256",
        "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha512",
        "rsa_pss_sha256",
        "rsa_pss_sha384",
        "rsa_pss_sha512",
        "ecdsa_sha256",
        "ecdsa_sha384",
        "ecdsa_sha512",
        "ed25519",
        "ed448",
    ];

    /// Reads the algorithm identifier of a certificate.
    pub(crate) fn of(algorithm: AlgorithmIdentifier<'_>) -> Result<SignatureAlgorithm, SignatureProblem> {
        let parameters = algorithm.parameters;
        // RFC 4055 section 5: CAs must write NULL, and readers take what leaves it out.
        let rsa = |known| match parameters {
            Parameters::Null | Parameters::Absent => Ok(known),
            Parameters::Element(..) => Err(SignatureProblem::Parameters),
        };
        // RFC 5758 section 3.2, RFC 8410 section 3: no parameters.
        let bare = |known| match parameters {
            Parameters::Absent => Ok(known),
            Parameters::Null | Parameters::Element(..) => Err(SignatureProblem::Parameters),
        };
        if let Some([last]) = algorithm.oid.strip_prefix(&RSA) {
            return match last {
                2 => Err(SignatureProblem::Broken { digest: "MD2" }),
                4 => Err(SignatureProblem::Broken { digest: "MD5" }),
                5 => Err(SignatureProblem::Broken { digest: "SHA-1" }),
                10 => pss(parameters),
                11 => rsa(SignatureAlgorithm::RsaPkcs1Sha256),
                12 => rsa(SignatureAlgorithm::RsaPkcs1Sha384),
                13 => rsa(SignatureAlgorithm::RsaPkcs1Sha512),
                _ => Err(SignatureProblem::Unknown),
            };
        }
        match algorithm.oid.strip_prefix(&ECDSA) {
            Some([1]) => return Err(SignatureProblem::Broken { digest: "SHA-1" }),
            Some([3, 2]) => return bare(SignatureAlgorithm::EcdsaSha256),
            Some([3, 3]) => return bare(SignatureAlgorithm::EcdsaSha384),
            Some([3, 4]) => return bare(SignatureAlgorithm::EcdsaSha512),
            Some(_) | None => {}
        }
        if algorithm.oid == ED25519 {
            bare(SignatureAlgorithm::Ed25519)
        } else if algorithm.oid == ED448 {
            bare(SignatureAlgorithm::Ed448)
        } else {
            Err(SignatureProblem::Unknown)
        }
    }

    fn name(self) -> &'static str {
        let at = SignatureAlgorithm::ALL.iter().position(|known| *known == self);
        at.and_then(|at| SignatureAlgorithm::NAMES.get(at)).copied().unwrap_or_default()
    }
}

/// The name as policies write it.
impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// `RSASSA-PSS-params` (RFC 4055 section 3.1) in the forms that TLS knows (RFC 8446 section 4.2.3): one digest for the
/// message and the mask, and a salt of its length. What is left out stands for SHA-1.
fn pss(parameters: Parameters<'_>) -> Result<SignatureAlgorithm, SignatureProblem> {
    let Parameters::Element(SEQUENCE, whole) = parameters else {
        return Err(SignatureProblem::Parameters);
    };
    /// Last arcs of the digests of message and mask, and octets of salt.
    type Read = (Option<u8>, Option<u8>, Option<u8>);
    let read = || -> Result<Read, NotDer> {
        let mut fields = Reader::new(der::only(SEQUENCE, whole)?);
        let message = fields.optional(0xa0)?.map(AlgorithmIdentifier::only).transpose()?;
        let mask = fields.optional(0xa1)?.map(AlgorithmIdentifier::only).transpose()?;
        let salt = fields.optional(0xa2)?.map(|salt| der::only(INTEGER, salt)).transpose()?;
        fields.end()?;
        let mask = match mask {
            Some(AlgorithmIdentifier { oid, parameters: Parameters::Element(SEQUENCE, whole) })
                if oid.strip_prefix(&RSA) == Some(&[MGF1]) =>
            {
                sha2(AlgorithmIdentifier::only(whole)?)
            }
            Some(_) | None => None,
        };
        let salt = match salt {
            Some([length]) => Some(*length),
            Some(_) | None => None,
        };
        Ok((message.and_then(sha2), mask, salt))
    };
    match read() {
        Ok((Some(1), Some(1), Some(32))) => Ok(SignatureAlgorithm::RsaPssSha256),
        Ok((Some(2), Some(2), Some(48))) => Ok(SignatureAlgorithm::RsaPssSha384),
        Ok((Some(3), Some(3), Some(64))) => Ok(SignatureAlgorithm::RsaPssSha512),
        Ok(_) | Err(NotDer) => Err(SignatureProblem::Parameters),
    }
}

/// The last arc of the identifier of a SHA-2 digest.
fn sha2(digest: AlgorithmIdentifier<'_>) -> Option<u8> {
    match (digest.oid.strip_prefix(&SHA2), digest.parameters) {
        (Some([last]), Parameters::Null | Parameters::Absent) => Some(*last),
        (Some(_), _) | (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::der::OBJECT_IDENTIFIER;
    use crate::mint::der;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NULL: &[u8] = &[0x05, 0x00];

    fn identifier(oid: &[&[u8]], parameters: &[u8]) -> Vec<u8> {
        der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, oid), parameters])
    }

    fn read(oid: &[&[u8]], parameters: &[u8]) -> Result<String, SignatureProblem> {
        let bytes = identifier(oid, parameters);
        SignatureAlgorithm::of(AlgorithmIdentifier::only(&bytes).unwrap()).map(|known| known.to_string())
    }

    fn pss(message: u8, mask: u8, salt: &[u8]) -> Vec<u8> {
        let mask = identifier(&[&RSA, &[MGF1]], &identifier(&[&SHA2, &[mask]], NULL));
        let message = identifier(&[&SHA2, &[message]], NULL);
        der(SEQUENCE, &[&der(0xa0, &[&message]), &der(0xa1, &[&mask]), &der(0xa2, &[&der(INTEGER, &[salt])])])
    }

    #[test]
    fn the_algorithms_of_tls_are_known_by_their_names() {
        for (oid, parameters, name) in [
            (&[&RSA[..], &[11]][..], NULL, "rsa_pkcs1_sha256"),
            (&[&RSA, &[12]], NULL, "rsa_pkcs1_sha384"),
            (&[&RSA, &[13]], NULL, "rsa_pkcs1_sha512"),
            (&[&RSA, &[13]], &[], "rsa_pkcs1_sha512"),
            (&[&RSA, &[10]], &pss(1, 1, &[32]), "rsa_pss_sha256"),
            (&[&RSA, &[10]], &pss(2, 2, &[48]), "rsa_pss_sha384"),
            (&[&RSA, &[10]], &pss(3, 3, &[64]), "rsa_pss_sha512"),
            (&[&ECDSA, &[3, 2]], &[], "ecdsa_sha256"),
            (&[&ECDSA, &[3, 3]], &[], "ecdsa_sha384"),
            (&[&ECDSA, &[3, 4]], &[], "ecdsa_sha512"),
            (&[&ED25519], &[], "ed25519"),
            (&[&ED448], &[], "ed448"),
        ] {
            assert_eq!(read(oid, parameters).as_deref(), Ok(name));
        }
    }

    #[test]
    fn broken_digests_are_named_and_others_are_unknown() {
        for (oid, digest) in [
            (&[&RSA[..], &[2]][..], "MD2"),
            (&[&RSA, &[4]], "MD5"),
            (&[&RSA, &[5]], "SHA-1"),
            (&[&ECDSA, &[1]], "SHA-1"),
        ] {
            assert_eq!(read(oid, NULL), Err(SignatureProblem::Broken { digest }));
        }
        // RSA and ECDSA with SHA-224, ECDSA with SHA-256 and an arc more, DSA with SHA-1.
        let dsa: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03];
        for oid in [&[&RSA[..], &[14]][..], &[&ECDSA, &[3, 1]], &[&ECDSA, &[3, 2, 1]], &[dsa], &[&RSA]] {
            assert_eq!(read(oid, &[]), Err(SignatureProblem::Unknown), "{oid:?}");
        }
    }

    #[test]
    fn parameters_must_be_those_of_the_algorithm() {
        let sequence = der(SEQUENCE, &[]);
        for (oid, parameters) in [
            (&[&RSA[..], &[11]][..], &sequence[..]),
            (&[&ECDSA, &[3, 2]], NULL),
            (&[&ED25519], NULL),
            (&[&RSA, &[10]], &[]),
            (&[&RSA, &[10]], NULL),
            (&[&RSA, &[10]], &sequence),
            (&[&RSA, &[10]], &pss(1, 2, &[32])),
            (&[&RSA, &[10]], &pss(1, 1, &[20])),
            (&[&RSA, &[10]], &pss(1, 1, &[0, 32])),
            (&[&RSA, &[10]], &pss(4, 4, &[28])),
        ] {
            assert_eq!(read(oid, parameters), Err(SignatureProblem::Parameters), "{oid:?} {parameters:?}");
        }
    }
}
