//! Signatures of certificates, lists and responses. Nothing else imports the crates that check them.
//!
//! Only public keys are handled here and everything checked is public, so nothing needs to take the same time for all values.
//! Forms are read here, strictly; curves and numbers are the crates' business.

mod algorithm;
mod digest;
mod ecdsa;
mod ed25519;
mod rsa;

use thiserror::Error;

use self::algorithm::{Algorithm, PssParameters};
use self::digest::{Digest, Hash};
use self::ecdsa::EcdsaKey;
use self::ed25519::Ed25519Check;
use self::rsa::RsaKey;
use super::algorithm_identifier::Parameters;
use super::public_key_info::PublicKeyInfo;

/// Why a signature is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// An algorithm, or parameters of one, that is not known or not strong enough.
    #[error("its signature algorithm is not supported")]
    Algorithm,
    /// A key of another kind than the algorithm's, malformed, or not strong enough.
    #[error("the signer's key does not go with the signature algorithm")]
    Key,
    /// The signature is not this key's over these bytes.
    #[error("its signature is wrong")]
    Wrong,
}

/// A signature that is being checked: the signed bytes may come in pieces.
#[derive(Debug)]
pub struct SignatureCheck(Check);

#[derive(Debug)]
enum Check {
    /// What is signed is a digest.
    Digest { digest: Digest, key: Key, signature: Vec<u8> },
    /// Points of key and signature are hashed before the message.
    Ed25519(Ed25519Check),
}

/// A key, and what is done with it.
#[derive(Debug)]
enum Key {
    RsaPkcs1(RsaKey, Hash),
    RsaPss(RsaKey, PssParameters),
    Ecdsa(EcdsaKey),
}

impl SignatureCheck {
    /// Begins to check `signature` by the key in `spki`.
    ///
    /// `spki` is a `SubjectPublicKeyInfo` and `algorithm` an `AlgorithmIdentifier`, both whole in DER; `signature` is what the BIT
    /// STRING holds, of which no bit is unused.
    ///
    /// # Errors
    /// Where key and algorithm do not go together, or are not supported; and where the signature is none of any message.
    pub fn new(spki: &[u8], algorithm: &[u8], signature: &[u8]) -> Result<SignatureCheck, SignatureError> {
        let algorithm = Algorithm::read(algorithm)?;
        let key = PublicKeyInfo::read(spki).map_err(|_| SignatureError::Key)?;
        let (digest, key) = match (algorithm, key) {
            (Algorithm::RsaPkcs1(hash), PublicKeyInfo::Rsa(key)) => {
                (Digest::new(hash), Key::RsaPkcs1(RsaKey::read(key)?, hash))
            }
            (
                Algorithm::RsaPss(parameters),
                PublicKeyInfo::Rsa(key) | PublicKeyInfo::RsaPss(Parameters::Absent, key),
            ) => (Digest::new(parameters.hash), Key::RsaPss(RsaKey::read(key)?, parameters)),
            (Algorithm::RsaPss(parameters), PublicKeyInfo::RsaPss(asked, key))
                if PssParameters::read(asked).is_ok_and(|asked| parameters.meet(asked)) =>
            {
                (Digest::new(parameters.hash), Key::RsaPss(RsaKey::read(key)?, parameters))
            }
            (Algorithm::Ecdsa(hash), PublicKeyInfo::Elliptic(curve, point)) => {
                (Digest::new(hash), Key::Ecdsa(EcdsaKey::read(curve, point)?))
            }
            (Algorithm::Ed25519, PublicKeyInfo::Ed25519(key)) => {
                let check = Ed25519Check::new(key, signature)?;
                return Ok(SignatureCheck(Check::Ed25519(check)));
            }
            (Algorithm::RsaPkcs1(_) | Algorithm::RsaPss(_) | Algorithm::Ecdsa(_) | Algorithm::Ed25519, _) => {
                return Err(SignatureError::Key);
            }
        };
        Ok(SignatureCheck(Check::Digest { digest, key, signature: signature.to_vec() }))
    }

    /// Takes the next signed bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Check::Digest { digest, .. } => digest.update(bytes),
            Check::Ed25519(check) => check.update(bytes),
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// Where the signature is wrong.
    pub fn finish(self) -> Result<(), SignatureError> {
        let good = match self.0 {
            Check::Digest { digest, key, signature } => {
                let digest = digest.finish();
                match key {
                    Key::RsaPkcs1(key, hash) => key.signed_pkcs1(hash, &digest, &signature),
                    Key::RsaPss(key, parameters) => key.signed_pss(parameters, &digest, &signature),
                    Key::Ecdsa(key) => key.signed(&digest, &signature),
                }
            }
            Check::Ed25519(check) => check.finish(),
        };
        if good { Ok(()) } else { Err(SignatureError::Wrong) }
    }
}

/// Checks `signature` over `message`; the rest as in [`SignatureCheck::new`].
///
/// # Errors
/// Where it is not good.
pub fn verify(spki: &[u8], algorithm: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let mut check = SignatureCheck::new(spki, algorithm, signature)?;
    check.update(message);
    check.finish()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
