//! Identities of certificates that are in use, so that each is parsed once.

use std::rc::Rc;

use super::Identity;
use crate::cert::{Certificate, Fingerprint};
use crate::generations::Generations;

/// Weight of the identities in one of the two generations: about 2,000 ordinary certificates.
const MAX_GENERATION_WEIGHT: usize = 4 * 1024 * 1024;

/// What a name weighs beside its bytes: the text's own header, its place in a list, the allocator's share.
const NAME_WEIGHT: usize = 160;

/// Identities by the digest of their certificate.
#[derive(Debug)]
pub(crate) struct IdentityCache(Generations<Fingerprint, Known>);

/// What is kept of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) identity: Rc<Identity>,
    /// The certificate itself, where the policy needs more of it.
    pub(crate) certificate: Option<Rc<Certificate>>,
}

impl Default for IdentityCache {
    fn default() -> IdentityCache {
        IdentityCache(Generations::new(MAX_GENERATION_WEIGHT))
    }
}

impl IdentityCache {
    pub(crate) fn get(&mut self, digest: Fingerprint) -> Option<Known> {
        self.0.cloned(&digest)
    }

    /// Keeps what is known of a certificate of so many bytes.
    pub(crate) fn insert(&mut self, known: Known, certificate_bytes: usize) {
        let kept = known.certificate.as_ref().map_or(0, |certificate| certificate.der().len());
        let identity = &known.identity;
        let weight =
            certificate_bytes + kept + identity.repeated_bytes() + NAME_WEIGHT * identity.name_count();
        self.0.insert(identity.fingerprint(), known, weight);
    }
}
