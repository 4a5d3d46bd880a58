//! Whom a route trusts to certify its clients.

use super::trust_bundle::TrustBundle;
use crate::identity::{Identity, KeyPurposePattern, Truth};
use crate::trust::chain::Demands;

/// The trust bundles against which the certificates of a route's clients are verified, and what their chains must be.
///
/// Routes that demand the same share one, so that a chain that was verified for one of them need not be verified again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRules {
    pub(super) number: usize,
    pub(super) bundles: Vec<usize>,
    pub(super) purposes: Option<Vec<KeyPurposePattern>>,
}

impl TrustRules {
    /// Tells them from all others of the policy.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Positions of trust bundles in the policy, in the order in which they are tried. Not empty.
    pub fn bundles(&self) -> &[usize] {
        &self.bundles
    }

    /// What a chain to an anchor of `bundle` must be.
    pub(crate) fn demands(&self, bundle: &TrustBundle) -> Demands {
        Demands { max_intermediates: bundle.max_intermediates, purposes: self.purposes.clone() }
    }
}

/// Whether a bundle may vouch for a certificate, as far as its SPIFFE ID says.
///
/// The CA of one trust domain must not speak for another (SPIFFE Trust Domain and Bundle, section 4): a bundle of a domain vouches
/// for certificates with a SPIFFE ID of that domain and for no others, and nobody else vouches for those.
pub(crate) fn may_vouch(bundle: &TrustBundle, bundles: &[TrustBundle], identity: &Identity) -> bool {
    let is_of =
        |bundle: &TrustBundle| bundle.trust_domain.as_ref().map(|domain| domain.matches(identity.spiffe()));
    match is_of(bundle) {
        Some(truth) => truth == Truth::Yes,
        // What cannot be told might be of any domain.
        None => bundles.iter().filter_map(is_of).all(|truth| truth == Truth::No),
    }
}
