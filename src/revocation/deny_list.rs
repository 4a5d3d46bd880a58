//! Certificates that the policy itself calls revoked.

use std::collections::HashSet;

use crate::cert::Fingerprint;

/// Certificates that a trust bundle calls revoked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DenyList {
    /// Serial numbers of certificates of the bundle's issuers: the contents of the DER INTEGER.
    pub serials: HashSet<Box<[u8]>>,
    /// SHA-256 of whole certificates.
    pub fingerprints: HashSet<Fingerprint>,
}
