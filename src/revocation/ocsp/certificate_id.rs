//! How questions and answers name a certificate (RFC 6960 section 4.1.1).

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use crate::cert::algorithm_identifier::{AlgorithmIdentifier, Parameters};
use crate::cert::der::{INTEGER, NotDer, OCTET_STRING, Reader, SEQUENCE};
use crate::trust::Authority;

/// SHA-1, 1.3.14.3.2.26 (RFC 3279 section 2.1).
pub(super) const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// SHA-256, 2.16.840.1.101.3.4.2.1 (RFC 5754 section 2.2).
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// A `CertID`, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct CertificateId<'a> {
    algorithm: AlgorithmIdentifier<'a>,
    name_hash: &'a [u8],
    key_hash: &'a [u8],
    serial: &'a [u8],
}

impl<'a> CertificateId<'a> {
    /// Reads the contents of the SEQUENCE.
    pub(super) fn from_contents(contents: &'a [u8]) -> Result<CertificateId<'a>, NotDer> {
        let mut fields = Reader::new(contents);
        let id = CertificateId {
            algorithm: AlgorithmIdentifier::from_contents(fields.expect(SEQUENCE)?)?,
            name_hash: fields.expect(OCTET_STRING)?,
            key_hash: fields.expect(OCTET_STRING)?,
            serial: fields.expect(INTEGER)?,
        };
        fields.end()?;
        Ok(id)
    }

    /// Whether it is the certificate with this serial number that `issuer` issued. Not where it is named by another digest
    /// than SHA-1 and SHA-256.
    pub(super) fn names(&self, issuer: &Authority, serial: &[u8]) -> bool {
        let hash = match (self.algorithm.oid, self.algorithm.parameters) {
            (_, Parameters::Element(..)) => return false,
            (SHA1, Parameters::Absent | Parameters::Null) => sha1,
            (SHA256, Parameters::Absent | Parameters::Null) => sha256,
            (_, Parameters::Absent | Parameters::Null) => return false,
        };
        self.serial == serial
            && self.name_hash == hash(issuer.subject_der())
            && self.key_hash == hash(issuer.key_bits())
    }
}

/// SHA-1 of `bytes`.
// Not inlined, like the next: the digest would be in the module more than once.
#[inline(never)]
pub(super) fn sha1(bytes: &[u8]) -> Vec<u8> {
    Sha1::digest(bytes).to_vec()
}

#[inline(never)]
fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}
