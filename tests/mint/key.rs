//! Keys that follow from texts.

use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use sha2::{Digest, Sha256};

/// A P-256 key that follows from a text.
#[derive(Clone)]
pub(crate) struct Key {
    secret: SecretKey,
    public: Vec<u8>,
}

impl Key {
    pub(crate) fn new(seed: &str) -> Key {
        let secret = SecretKey::from_slice(&Sha256::digest(format!("key of {seed}"))).unwrap();
        let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
        Key { secret, public }
    }

    /// PKCS #8 in PEM.
    pub(crate) fn pem(&self) -> String {
        self.secret.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    /// PKCS #8 in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.secret.to_pkcs8_der().unwrap().as_bytes().to_vec()
    }

    /// The public key as a point that is not compressed.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// The two coordinates of the public key.
    pub(crate) fn coordinates(&self) -> [&[u8]; 2] {
        let (x, y) = self.public[1..].split_at(32);
        [x, y]
    }

    /// A signature with SHA-256 in the form of tokens (RFC 7518 section 3.4).
    pub(crate) fn sign_token(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(&self.secret).sign(message);
        signature.to_bytes().to_vec()
    }

    /// A signature with SHA-256 as X.509 writes it (RFC 3279 section 2.2.3).
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(&self.secret).sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Key::sign(self, message))
    }
}
