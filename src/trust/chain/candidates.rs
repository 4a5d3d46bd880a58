//! The certificates of which a chain may be made.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, Der, TrustAnchor};
use time::OffsetDateTime;
use webpki::VerifiedPath;

use super::constraints::Constraints;
use super::error::{ChainError, told};
use super::profile;
use super::shown::{Originals, Shown};
use crate::cert::der::NotDer;
use crate::cert::{Certificate, Fingerprint};
use crate::identity::DistinguishedName;
use crate::trust::{Authorities, Authority};

/// The most certificates beside its leaf that are looked at of what a client presents: more than any honest chain has.
pub const MAX_PRESENTED: usize = 15;

/// The most intermediates among which a path is sought. Only those count whose name stands somewhere above the leaf.
const MAX_CANDIDATES: usize = 64;

/// The longest name, in bytes of DER, that is told of a CA that is missing. A client may write others of 64 KiB, which take
/// milliseconds to read, for each bundle anew.
const MAX_TOLD_NAME: usize = 1024;

/// Authorities whose names lead from a certificate upwards.
pub(super) struct Candidates {
    anchors: Vec<Candidate>,
    intermediates: Vec<Rc<Candidate>>,
    /// Why the first was left out that has a name that was sought.
    left_out: Option<ChainError>,
    /// The first name that was sought and that nobody has.
    nobodys: Option<String>,
}

/// What a client presented beside its leaf. It is read when it is first asked for, and once for all bundles: a client may present
/// certificates that take long to read.
#[derive(Debug)]
pub struct Presented<'a> {
    certificates: &'a [Certificate],
    read: OnceCell<Vec<PresentedAuthority>>,
}

/// A certificate that was presented. It proves nothing by itself.
#[derive(Debug)]
struct PresentedAuthority {
    authority: Arc<Authority>,
    candidate: OnceCell<Result<Rc<Candidate>, ChainError>>,
}

/// An authority that may issue certificates.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) authority: Arc<Authority>,
    /// What it says of names that webpki does not know.
    pub(super) constraints: Option<Constraints>,
    /// What webpki is shown in its place.
    shown: Option<Shown>,
    /// How many alternative names it holds.
    alt_names: usize,
}

/// Anchors as webpki wants them, and the candidates that they were made of.
pub(super) struct Anchors<'a> {
    candidates: Vec<&'a Candidate>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl Candidate {
    fn anchor(authority: &Arc<Authority>, bundle: &Authorities) -> Result<Candidate, ChainError> {
        profile::anchor(authority, bundle)?;
        let constraints = profile::constraints(authority)?;
        let alt_names = profile::alt_names(authority)?;
        Ok(Candidate { authority: Arc::clone(authority), constraints, shown: None, alt_names })
    }

    fn intermediate(authority: &Arc<Authority>) -> Result<Candidate, ChainError> {
        profile::intermediate(authority)?;
        let constraints = profile::constraints(authority)?;
        let shown = constraints
            .as_ref()
            .filter(|constraints| !constraints.are_webpkis())
            .map(|constraints| Shown::of(authority.certificate(), constraints.rest()))
            .transpose()
            .map_err(|NotDer| ChainError::Unreadable)?;
        let alt_names = profile::alt_names(authority)?;
        Ok(Candidate { authority: Arc::clone(authority), constraints, shown, alt_names })
    }

    /// What webpki sees of it.
    fn der(&self) -> &[u8] {
        self.shown.as_ref().map_or(self.authority.certificate().der(), Shown::der)
    }

    /// It as webpki wants an anchor; `None` of what webpki cannot read, which is no anchor to it.
    fn trust_anchor(&self) -> Option<TrustAnchor<'static>> {
        let der = CertificateDer::from(self.der());
        let mut anchor = webpki::anchor_from_trusted_cert(&der).ok()?.to_owned();
        if let Some(constraints) = &self.constraints {
            anchor.name_constraints = constraints.rest().map(|rest| Der::from(rest.to_vec()));
        }
        Some(anchor)
    }
}

impl Candidates {
    /// Those who may stand above a certificate whose issuer has this name, whole in DER.
    pub(super) fn gather(issuer: &[u8], presented: &Presented<'_>, bundle: &Authorities) -> Candidates {
        let mut candidates =
            Candidates { anchors: Vec::new(), intermediates: Vec::new(), left_out: None, nobodys: None };
        // Without what the bundle holds already.
        let mut presented: Vec<&PresentedAuthority> = presented
            .read()
            .iter()
            .filter(|one| !bundle.holds(one.authority.certificate().fingerprint()))
            .collect();
        let mut names: Vec<Box<[u8]>> = vec![issuer.into()];
        let mut next = 0;
        // As webpki does, names are compared octet for octet. A name leads on as often as it is sought, which is once.
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            let mut is_nobodys = true;
            for authority in bundle.iter().filter(|authority| *authority.subject_der() == *name) {
                is_nobodys = false;
                if bundle.is_anchor(authority) {
                    candidates.take_anchor(authority, bundle);
                } else {
                    let candidate = || Candidate::intermediate(authority).map(Rc::new);
                    candidates.take_intermediate(candidate, &mut names);
                }
            }
            let (named, rest) = presented.into_iter().partition(|one| *one.authority.subject_der() == *name);
            presented = rest;
            let named: Vec<&PresentedAuthority> = named;
            for one in named {
                is_nobodys = false;
                candidates.take_intermediate(|| one.candidate(), &mut names);
            }
            if is_nobodys && candidates.nobodys.is_none() && name.len() <= MAX_TOLD_NAME {
                candidates.nobodys = DistinguishedName::parse_der(&name).ok().map(|name| name.to_string());
            }
        }
        candidates
    }

    fn take_anchor(&mut self, anchor: &Arc<Authority>, bundle: &Authorities) {
        match Candidate::anchor(anchor, bundle) {
            Ok(anchor) => self.anchors.push(anchor),
            Err(error) => self.leave_out(error),
        }
    }

    fn take_intermediate(
        &mut self,
        candidate: impl FnOnce() -> Result<Rc<Candidate>, ChainError>,
        names: &mut Vec<Box<[u8]>>,
    ) {
        if self.intermediates.len() >= MAX_CANDIDATES {
            return self.leave_out(ChainError::TooMuchWork);
        }
        match candidate() {
            Ok(candidate) => {
                let issuer = candidate.authority.issuer_der();
                if !names.iter().any(|name| **name == *issuer) {
                    names.push(issuer.into());
                }
                self.intermediates.push(candidate);
            }
            Err(error) => self.leave_out(error),
        }
    }

    fn leave_out(&mut self, error: ChainError) {
        self.left_out.get_or_insert(error);
    }

    /// How many comparisons of names webpki makes at most for one path from a leaf with so many alternative names.
    pub(super) fn comparisons(&self, alt_names: usize) -> usize {
        let all = || self.all();
        let names = all().fold(alt_names, |sum, candidate| sum.saturating_add(candidate.alt_names));
        let subtrees = all().filter_map(|candidate| candidate.constraints.as_ref()).map(Constraints::others);
        names.saturating_mul(subtrees.sum())
    }

    /// All of them.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &Arc<Authority>> {
        self.all().map(|candidate| &candidate.authority)
    }

    fn all(&self) -> impl Iterator<Item = &Candidate> {
        self.anchors.iter().chain(self.intermediates.iter().map(|candidate| &**candidate))
    }

    /// The anchors that are valid `now`: webpki does not look at that.
    pub(super) fn anchors(&self, now: OffsetDateTime) -> Anchors<'_> {
        let valid = self.anchors.iter().filter(|anchor| anchor.authority.is_valid_at(now));
        let (candidates, anchors) = valid.filter_map(|anchor| Some((anchor, anchor.trust_anchor()?))).unzip();
        Anchors { candidates, anchors }
    }

    /// The intermediates as webpki is shown them.
    pub(super) fn intermediates(&self) -> Vec<CertificateDer<'_>> {
        self.intermediates.iter().map(|candidate| CertificateDer::from(candidate.der())).collect()
    }

    /// What was signed of those that webpki is shown copies of.
    pub(super) fn originals(&self) -> Originals<'_> {
        Originals::new(
            self.intermediates
                .iter()
                .filter_map(|candidate| Some((candidate.shown.as_ref()?, candidate.authority.certificate()))),
        )
    }

    /// Those on a path, the leaf's issuer first and the anchor last.
    pub(super) fn on<'a>(
        &'a self,
        path: &VerifiedPath<'_>,
        anchors: &Anchors<'a>,
    ) -> Option<Vec<&'a Candidate>> {
        let intermediates = path.intermediate_certificates().map(|certificate| {
            let der = certificate.der();
            // By where it is, for a client may present the bytes of a copy: see [`super::shown`].
            let mut candidates = self.intermediates.iter().map(|candidate| &**candidate);
            candidates.find(|candidate| std::ptr::eq(candidate.der(), der.as_ref()))
        });
        let anchor = anchors.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let anchor = anchor.and_then(|at| anchors.candidates.get(at).copied());
        intermediates.chain([anchor]).collect()
    }

    /// What is wrong with the first authority by which there might have been a path; or whom it would take.
    pub(super) fn problem(&self, now: OffsetDateTime) -> Option<ChainError> {
        let not_valid = self.authorities().find(|authority| !authority.is_valid_at(now));
        let not_valid =
            not_valid.map(|authority| ChainError::AuthorityNotValid { subject: told(authority.subject()) });
        let nobodys = || self.nobodys.clone().map(|name| ChainError::NobodyNamed { name });
        self.left_out.clone().or(not_valid).or_else(nobodys)
    }
}

impl Anchors<'_> {
    pub(super) fn as_slice(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }
}

impl<'a> Presented<'a> {
    /// These, of which at most [`MAX_PRESENTED`] are looked at.
    pub fn new(certificates: &'a [Certificate]) -> Presented<'a> {
        Presented { certificates, read: OnceCell::new() }
    }

    /// Each once. What cannot be read is no step of any chain.
    fn read(&self) -> &[PresentedAuthority] {
        self.read.get_or_init(|| {
            let mut seen: Vec<Fingerprint> = Vec::new();
            let mut authorities = Vec::new();
            for certificate in self.certificates.iter().take(MAX_PRESENTED) {
                let fingerprint = certificate.fingerprint();
                if seen.contains(&fingerprint) {
                    continue;
                }
                seen.push(fingerprint);
                if let Ok(authority) = Authority::of(certificate.clone()) {
                    let authority = Arc::new(authority);
                    authorities.push(PresentedAuthority { authority, candidate: OnceCell::new() });
                }
            }
            authorities
        })
    }
}

impl PresentedAuthority {
    fn candidate(&self) -> Result<Rc<Candidate>, ChainError> {
        self.candidate.get_or_init(|| Candidate::intermediate(&self.authority).map(Rc::new)).clone()
    }
}
