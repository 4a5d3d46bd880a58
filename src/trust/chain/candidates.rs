//! The certificates of which a chain may be made.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use time::OffsetDateTime;
use webpki::VerifiedPath;

use super::error::ChainError;
use super::profile;
use crate::cert::{Certificate, Fingerprint};
use crate::trust::{Authorities, Authority};

/// The most certificates beside its leaf that are looked at of what a client presents: more than any honest chain has.
pub const MAX_PRESENTED: usize = 15;

/// The most intermediates among which a path is sought. Only those count whose name stands somewhere above the leaf.
const MAX_CANDIDATES: usize = 64;

/// Authorities whose names lead from a certificate upwards.
pub(super) struct Candidates {
    anchors: Vec<Arc<Authority>>,
    intermediates: Vec<Arc<Authority>>,
    /// Why the first was left out that has a name that was sought.
    left_out: Option<ChainError>,
}

/// An anchor as webpki wants it, and the authority that it was made of.
pub(super) struct Anchors {
    authorities: Vec<Arc<Authority>>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl Candidates {
    /// Those who may stand above a certificate whose issuer has this name, whole in DER.
    pub(super) fn gather(issuer: &[u8], presented: &[Certificate], bundle: &Authorities) -> Candidates {
        let mut candidates = Candidates { anchors: Vec::new(), intermediates: Vec::new(), left_out: None };
        let mut presented = read(presented, bundle);
        let mut names: Vec<Box<[u8]>> = vec![issuer.into()];
        let mut next = 0;
        // As webpki does, names are compared octet for octet. A name leads on as often as it is sought, which is once.
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            for authority in bundle.iter().filter(|authority| *authority.subject_der() == *name) {
                if bundle.is_anchor(authority) {
                    candidates.take_anchor(authority, bundle);
                } else {
                    candidates.take_intermediate(authority, &mut names);
                }
            }
            let (named, rest) = presented.into_iter().partition(|one| *one.subject_der() == *name);
            presented = rest;
            let named: Vec<Arc<Authority>> = named;
            for authority in &named {
                candidates.take_intermediate(authority, &mut names);
            }
        }
        candidates
    }

    fn take_anchor(&mut self, anchor: &Arc<Authority>, bundle: &Authorities) {
        match profile::anchor(anchor, bundle) {
            Ok(()) => self.anchors.push(Arc::clone(anchor)),
            Err(error) => self.leave_out(error),
        }
    }

    fn take_intermediate(&mut self, authority: &Arc<Authority>, names: &mut Vec<Box<[u8]>>) {
        if self.intermediates.len() >= MAX_CANDIDATES {
            return self.leave_out(ChainError::TooMuchWork);
        }
        if let Err(error) = profile::intermediate(authority) {
            return self.leave_out(error);
        }
        self.intermediates.push(Arc::clone(authority));
        if !names.iter().any(|name| **name == *authority.issuer_der()) {
            names.push(authority.issuer_der().into());
        }
    }

    fn leave_out(&mut self, error: ChainError) {
        self.left_out.get_or_insert(error);
    }

    /// All of them.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &Arc<Authority>> {
        self.anchors.iter().chain(&self.intermediates)
    }

    /// The anchors that are valid `now`: webpki does not look at that.
    pub(super) fn anchors(&self, now: OffsetDateTime) -> Anchors {
        let valid = self.anchors.iter().filter(|anchor| anchor.is_valid_at(now));
        // What webpki cannot read of an anchor is no anchor to it.
        let read = valid.filter_map(|authority| {
            let der = CertificateDer::from(authority.certificate().der());
            let anchor = webpki::anchor_from_trusted_cert(&der).ok()?.to_owned();
            Some((Arc::clone(authority), anchor))
        });
        let (authorities, anchors) = read.unzip();
        Anchors { authorities, anchors }
    }

    /// The intermediates as webpki wants them.
    pub(super) fn intermediates(&self) -> Vec<CertificateDer<'_>> {
        self.intermediates
            .iter()
            .map(|authority| CertificateDer::from(authority.certificate().der()))
            .collect()
    }

    /// The authorities on a path, the leaf's issuer first and the anchor last.
    pub(super) fn on(&self, path: &VerifiedPath<'_>, anchors: &Anchors) -> Option<Vec<Arc<Authority>>> {
        let intermediates = path.intermediate_certificates().map(|certificate| {
            let der = certificate.der();
            self.intermediates.iter().find(|authority| authority.certificate().der() == der.as_ref())
        });
        let anchor = anchors.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let anchor = anchor.and_then(|at| anchors.authorities.get(at));
        intermediates.chain([anchor]).map(|authority| authority.cloned()).collect()
    }

    /// What is wrong with the first authority by which there might have been a path.
    pub(super) fn problem(&self, now: OffsetDateTime) -> Option<ChainError> {
        let not_valid = self.authorities().find(|authority| !authority.is_valid_at(now));
        let not_valid = not_valid
            .map(|authority| ChainError::AuthorityNotValid { subject: authority.subject().to_string() });
        self.left_out.clone().or(not_valid)
    }
}

impl Anchors {
    pub(super) fn as_slice(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }
}

/// What a client presented beside its leaf, each once, without what the bundle holds already. What cannot be read is no step of
/// any chain.
fn read(presented: &[Certificate], bundle: &Authorities) -> Vec<Arc<Authority>> {
    let mut seen: Vec<Fingerprint> = Vec::new();
    let mut authorities = Vec::new();
    for certificate in presented.iter().take(MAX_PRESENTED) {
        let fingerprint = certificate.fingerprint();
        if seen.contains(&fingerprint) || bundle.holds(fingerprint) {
            continue;
        }
        seen.push(fingerprint);
        authorities.extend(Authority::of(certificate.clone()).ok().map(Arc::new));
    }
    authorities
}
