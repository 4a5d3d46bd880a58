//! Digests of what is signed.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A hash function that is strong enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A digest that is being computed.
#[derive(Clone)]
pub(super) enum Digest {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Digest {
    pub(super) fn new(hash: Hash) -> Digest {
        match hash {
            Hash::Sha256 => Digest::Sha256(Sha256::new()),
            Hash::Sha384 => Digest::Sha384(Sha384::new()),
            Hash::Sha512 => Digest::Sha512(Sha512::new()),
        }
    }

    pub(super) fn hash(&self) -> Hash {
        match self {
            Digest::Sha256(_) => Hash::Sha256,
            Digest::Sha384(_) => Hash::Sha384,
            Digest::Sha512(_) => Hash::Sha512,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Digest::Sha256(digest) => digest.update(bytes),
            Digest::Sha384(digest) => digest.update(bytes),
            Digest::Sha512(digest) => digest.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Digest::Sha256(digest) => digest.finalize().to_vec(),
            Digest::Sha384(digest) => digest.finalize().to_vec(),
            Digest::Sha512(digest) => digest.finalize().to_vec(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash().fmt(out)
    }
}
