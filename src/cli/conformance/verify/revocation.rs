//! Whether a certificate of a chain was revoked, by the lists and responses of a case.

use std::sync::Arc;
use std::time::Duration;

use mtls_policy::cert::Certificate;
use mtls_policy::identity::Truth;
use mtls_policy::policy::Reason;
use mtls_policy::revocation::crl::{List, Load, LoadError, Unverified};
use mtls_policy::revocation::ocsp::{self, Query, Responder};
use mtls_policy::revocation::{Checked, Judgement, Status, Unknown, Why, crl};
use mtls_policy::trust::chain::Chain;
use mtls_policy::trust::{Authorities, Authority};

use super::Rejection;
use super::ask::{Ask, Revocation, RevocationMode, Scope, Verdict};
use super::bundle::Bundle;
use crate::cli::conformance::ocsp as ocsp_case;

/// Checks the certificates of a chain that are in scope.
///
/// # Errors
/// Where one was revoked, or that cannot be told and must be.
pub(super) fn check(ask: &Ask, leaf: &Certificate, chain: &Chain, bundle: &Bundle) -> Result<(), Rejection> {
    let Revocation { mode, scope, .. } = ask.revocation;
    if mode == RevocationMode::Off {
        return Ok(());
    }
    let known = Known::read(ask, bundle.authorities());
    let above = chain.authorities();
    let certificates = [leaf].into_iter().chain(above.iter().map(|authority| authority.certificate()));
    // The anchor is at the end, and has no issuer.
    let pairs = certificates.zip(above);
    let count = match scope {
        Scope::Leaf => 1,
        Scope::Chain => above.len(),
    };
    pairs.take(count).try_for_each(|(certificate, issuer)| known.check(certificate, issuer))
}

/// What is known of revocation.
struct Known<'a> {
    ask: &'a Ask,
    authorities: Authorities,
    lists: Vec<Arc<List>>,
    unusable: Vec<Unusable>,
    responder: Arc<Responder>,
}

/// A list that cannot be used, and what it says of itself where it can be read.
struct Unusable {
    list: Option<Unverified>,
    error: LoadError,
}

impl Known<'_> {
    fn read(ask: &Ask, authorities: Authorities) -> Known<'_> {
        let (mut lists, mut unusable) = (Vec::new(), Vec::new());
        for pem in &ask.lists {
            match Load::new(pem.clone().into_bytes(), authorities.iter().cloned().collect()).finish() {
                Ok(loaded) => lists.push(Arc::new(loaded.into_list())),
                // Of others than these.
                Err(LoadError::SignerUnknown { .. }) => {}
                Err(error) => {
                    let list = Unverified::read(pem.clone().into_bytes(), 0).ok();
                    unusable.push(Unusable { list, error });
                }
            }
        }
        Known { ask, authorities, lists, unusable, responder: ocsp_case::responder() }
    }

    fn check(&self, certificate: &Certificate, issuer: &Arc<Authority>) -> Result<(), Rejection> {
        let unreadable = || Rejection::new(Reason::RevocationUnknown, "the certificate cannot be read");
        let checked =
            Checked::issued_by(certificate, vec![(0, Arc::clone(issuer))]).map_err(|_| unreadable())?;
        match self.status(&checked, issuer) {
            Status::Good => Ok(()),
            Status::Revoked(entry) => Err(Rejection::new(
                Reason::Revoked,
                format!("`{}`: {}", issuer.subject(), entry.reason.name()),
            )),
            Status::Unknown(unknown) => {
                let list = self.unusable.iter().find(|list| list.may_be_of(issuer));
                match (self.ask.revocation.unknown, list) {
                    (Verdict::Allow, None) if self.is_excused(unknown.why) => Ok(()),
                    (Verdict::Allow, Some(list)) if self.is_excused(unknown.why) => {
                        Err(Rejection::new(Reason::RevocationUnknown, &list.error))
                    }
                    (Verdict::Allow | Verdict::Deny, _) => {
                        Err(Rejection::new(Reason::RevocationUnknown, unknown))
                    }
                }
            }
        }
    }

    /// Whether who lets in whom nobody tells of means this, too: not what is told out of its time, unless that does not matter, and
    /// not what is told by one who may not.
    fn is_excused(&self, why: Why) -> bool {
        match why {
            Why::Stale | Why::Future => self.ask.revocation.expired == Verdict::Allow,
            Why::BadSignature => false,
            Why::IssuerUnknown
            | Why::Missing
            | Why::Loading
            | Why::Unavailable
            | Why::Unusable
            | Why::Incomplete
            | Why::TryLater
            | Why::Refused
            | Why::UnknownToResponder
            | Why::Overloaded => true,
        }
    }

    /// By whichever of the methods tells; revoked, by whichever of them says so.
    fn status(&self, checked: &Checked, issuer: &Arc<Authority>) -> Status {
        let crl = || self.by_lists(checked, issuer);
        let ocsp = || self.by_responses(checked, issuer);
        match self.ask.revocation.mode {
            RevocationMode::Off => Status::Good,
            RevocationMode::Crl => crl(),
            RevocationMode::Ocsp => ocsp(),
            RevocationMode::Any => better(crl(), ocsp()),
        }
    }

    fn by_lists(&self, checked: &Checked, issuer: &Authority) -> Status {
        let Judgement { status, .. } =
            crl::judge(checked, issuer, &self.authorities, &self.lists, self.ask.now, self.grace());
        status
    }

    fn by_responses(&self, checked: &Checked, issuer: &Arc<Authority>) -> Status {
        let query = Query { responder: &self.responder, issuer, serial: checked.serial() };
        let mut best = Status::Unknown(Unknown::new(Why::Missing, "there is no response about it"));
        for response in &self.ask.responses {
            let status = match ocsp::read(response, &query, None, self.ask.now) {
                Ok(answer) => ocsp::judge(&answer, &self.responder, self.ask.now, self.grace()).status,
                Err(error) => Status::Unknown(error.into()),
            };
            best = better(best, status);
        }
        match self.authorities.issuer_valid_until(issuer, self.ask.now) {
            None if best == Status::Good => Status::Unknown(Unknown::issuer_not_valid()),
            Some(_) | None => best,
        }
    }

    /// How long after their end lists and responses are believed.
    fn grace(&self) -> Duration {
        match self.ask.revocation.expired {
            Verdict::Deny => Duration::ZERO,
            Verdict::Allow => Duration::MAX,
        }
    }
}

impl Unusable {
    /// Whether it may be about certificates of this issuer: it bears the name, or none that can be read.
    fn may_be_of(&self, issuer: &Authority) -> bool {
        self.list.as_ref().is_none_or(|list| list.issuer().name().same_name(issuer.subject()) != Truth::No)
    }
}

/// The more telling of two.
fn better(one: Status, other: Status) -> Status {
    match (&one, &other) {
        (Status::Revoked(_), _) | (Status::Good, Status::Good | Status::Unknown(_)) => one,
        (Status::Good | Status::Unknown(_), Status::Revoked(_)) | (Status::Unknown(_), Status::Good) => other,
        (Status::Unknown(first), Status::Unknown(_)) => {
            if first.why == Why::Missing {
                other
            } else {
                one
            }
        }
    }
}
