//! Identities of certificates that are in use, so that each is parsed once.

use std::collections::HashMap;
use std::rc::Rc;

use super::Identity;
use crate::cert::{Certificate, Fingerprint};

/// Weight of the identities in one of the two generations: about 2,000 ordinary certificates.
const MAX_GENERATION_WEIGHT: usize = 4 * 1024 * 1024;

/// What a name weighs beside its bytes: the text's own header, its place in a list, the allocator's share.
const NAME_WEIGHT: usize = 160;

/// Identities by the digest of their certificate. Bounded: of two generations the older one is dropped when the
/// younger one is full, and what is asked for moves to the younger.
#[derive(Debug, Default)]
pub(crate) struct IdentityCache {
    young: HashMap<Fingerprint, Entry>,
    old: HashMap<Fingerprint, Entry>,
    young_weight: usize,
}

/// What is kept of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) identity: Rc<Identity>,
    /// The certificate itself, where the policy forwards it.
    pub(crate) certificate: Option<Rc<Certificate>>,
}

#[derive(Debug, Clone)]
struct Entry {
    known: Known,
    weight: usize,
}

impl IdentityCache {
    pub(crate) fn get(&mut self, digest: Fingerprint) -> Option<Known> {
        if let Some(entry) = self.young.get(&digest) {
            return Some(entry.known.clone());
        }
        let entry = self.old.remove(&digest)?;
        self.keep(entry.clone());
        Some(entry.known)
    }

    /// Keeps what is known of a certificate of so many bytes.
    pub(crate) fn insert(&mut self, known: Known, certificate_bytes: usize) {
        let kept = known.certificate.as_ref().map_or(0, |certificate| certificate.der().len());
        let identity = &known.identity;
        let weight =
            certificate_bytes + kept + identity.repeated_bytes() + NAME_WEIGHT * identity.name_count();
        self.keep(Entry { known, weight });
    }

    fn keep(&mut self, entry: Entry) {
        if self.young_weight + entry.weight > MAX_GENERATION_WEIGHT {
            self.old = std::mem::take(&mut self.young);
            self.young_weight = 0;
        }
        let weight = entry.weight;
        if self.young.insert(entry.known.identity.fingerprint(), entry).is_none() {
            self.young_weight += weight;
        }
    }
}
