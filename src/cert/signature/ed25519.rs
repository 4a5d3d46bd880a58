//! Ed25519 (RFC 8032 section 5.1.7), without prehashing and context.
//!
//! Where RFC 8032 leaves a choice the answer is no, as from `verify_strict` of the crate, which cannot take a message in pieces:
//! keys and signatures are in the one form of them, and neither the key nor the point of the signature is of small order. The
//! equation is the one without the cofactor; so do OpenSSL and BoringSSL.

use std::fmt;

use ed25519_dalek::{Signature, StreamVerifier, VerifyingKey};

use super::SignatureError;

/// A signature that is being checked.
pub(super) struct Ed25519Check(StreamVerifier);

impl Ed25519Check {
    /// Begins to check `signature` by `key`, the octets of a point (RFC 8410 section 4).
    pub(super) fn new(key: &[u8], signature: &[u8]) -> Result<Ed25519Check, SignatureError> {
        let key = key.try_into().ok().and_then(point).ok_or(SignatureError::Key)?;
        let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Wrong)?;
        point(signature.r_bytes()).ok_or(SignatureError::Wrong)?;
        // A number `s` that is not less than the order would be another signature of the same message.
        key.verify_stream(&signature).map(Ed25519Check).map_err(|_| SignatureError::Wrong)
    }

    /// Takes the next octets of the message.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether the signature is the key's.
    pub(super) fn finish(self) -> bool {
        self.0.finalize_and_verify().is_ok()
    }
}

impl fmt::Debug for Ed25519Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Ed25519Check")
    }
}

/// Reads a point that may be a key. One of small order is none: with it there are signatures that are good for many messages. The
/// crate takes points in other forms than their one, so that forms are compared.
fn point(octets: &[u8; 32]) -> Option<VerifyingKey> {
    let point = VerifyingKey::from_bytes(octets).ok()?;
    (!point.is_weak() && VerifyingKey::from(point.to_edwards()).as_bytes() == octets).then_some(point)
}
