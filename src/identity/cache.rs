//! Identities of certificates that are in use, so that each is parsed once.

use std::collections::HashMap;
use std::rc::Rc;

use super::Identity;
use crate::cert::Fingerprint;

/// Certificate bytes of the identities in one of the two generations: about 2,000 ordinary certificates. An identity
/// takes a few times the bytes of its certificate.
const MAX_GENERATION_BYTES: usize = 2 * 1024 * 1024;

/// Identities by the digest of their certificate. Bounded: of two generations the older one is dropped when the
/// younger one is full, and what is asked for moves to the younger.
#[derive(Debug, Default)]
pub(crate) struct IdentityCache {
    young: HashMap<Fingerprint, Entry>,
    old: HashMap<Fingerprint, Entry>,
    young_bytes: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    identity: Rc<Identity>,
    certificate_bytes: usize,
}

impl IdentityCache {
    pub(crate) fn get(&mut self, digest: Fingerprint) -> Option<Rc<Identity>> {
        if let Some(entry) = self.young.get(&digest) {
            return Some(Rc::clone(&entry.identity));
        }
        let entry = self.old.remove(&digest)?;
        self.insert(Rc::clone(&entry.identity), entry.certificate_bytes);
        Some(entry.identity)
    }

    /// Keeps the identity of a certificate of so many bytes.
    pub(crate) fn insert(&mut self, identity: Rc<Identity>, certificate_bytes: usize) {
        if self.young_bytes + certificate_bytes > MAX_GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        let digest = identity.fingerprint();
        if self.young.insert(digest, Entry { identity, certificate_bytes }).is_none() {
            self.young_bytes += certificate_bytes;
        }
    }
}
