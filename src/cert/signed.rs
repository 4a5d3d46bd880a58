//! What of a certificate is signed, and by which key (RFC 5280 section 4.1.1).

use super::Certificate;
use super::der::{self, BIT_STRING, NotDer, Reader, SEQUENCE};
use super::signature::{self, SignatureError};

/// The parts of a certificate, a list or a response that its signature is about, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signed<'a> {
    /// What is signed, whole in DER.
    pub(crate) message: &'a [u8],
    /// The `AlgorithmIdentifier` beside the signature, whole in DER.
    pub(crate) algorithm: &'a [u8],
    /// What the BIT STRING holds, of which no bit is unused.
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes `SEQUENCE { message, algorithm, BIT STRING }`.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Signed<'a>, NotDer> {
        let mut parts = Reader::new(der::only(SEQUENCE, der)?);
        let (message, algorithm) = (parts.whole(SEQUENCE)?, parts.whole(SEQUENCE)?);
        let signature = bits(parts.expect(BIT_STRING)?)?;
        parts.end()?;
        Ok(Signed { message, algorithm, signature })
    }
}

/// The octets of a BIT STRING's contents, of which no bit may be unused.
pub(crate) fn bits(contents: &[u8]) -> Result<&[u8], NotDer> {
    match contents.split_first() {
        Some((0, bits)) => Ok(bits),
        Some(_) | None => Err(NotDer),
    }
}

impl Certificate {
    /// Checks that the key in `spki`, a `SubjectPublicKeyInfo` in DER, signed the certificate.
    ///
    /// # Errors
    /// Where it did not, or the algorithm is not supported.
    pub fn verify_signature(&self, spki: &[u8]) -> Result<(), SignatureError> {
        let signed = Signed::from_der(self.der()).map_err(|NotDer| SignatureError::Wrong)?;
        signature::verify(spki, signed.algorithm, signed.message, signed.signature)
    }
}
