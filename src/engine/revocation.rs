//! Whether the certificate was revoked, by what the route asks for.
//!
//! In two parts. What is at hand is looked at before `deny` and `allow`, so that a revoked certificate is called that.
//! Whatever takes waiting comes last of all: nobody is asked about a client who is not let in anyway.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Halt, Need};
use crate::cert::{Certificate, Fingerprint};
use crate::generations::Generations;
use crate::identity::Serial;
use crate::policy::trace::{Finding, Stage, Step, Trace};
use crate::policy::{Denial, OnUnknown, Reason, RevocationRules, TrustBundle, WhileLoading};
use crate::revocation::crl;
use crate::revocation::ocsp::{self, Query};
use crate::revocation::{Checked, Evidence, Judgement, Lists, Method, Response, Status, Unknown, Why};

/// How much longer than its timeout a question to a responder is waited for: the time until it is sent, and until the
/// answer is noticed by those who wait.
const RESPONSE_SLACK: Duration = Duration::from_millis(500);

/// Most certificates in one of the two generations of [`CheckedCache`].
const MAX_GENERATION: usize = 4096;

/// The search for the status of a client's certificate, and where the route wants that of those above it.
pub(super) struct Searches<'a, E> {
    leaf: Search<'a, E>,
    /// From the leaf's issuer upwards.
    above: Vec<Search<'a, E>>,
}

/// The search for the status of one certificate on one route.
struct Search<'a, E> {
    rules: &'a RevocationRules,
    bundles: &'a [TrustBundle],
    /// Of the certificate, whether or not it can be read for its status.
    fingerprint: Option<Fingerprint>,
    checked: Option<Rc<Checked>>,
    evidence: &'a E,
    now: OffsetDateTime,
}

/// What the lists say, before anybody is asked: of the leaf, and of those above it.
pub(super) struct AllAtHand {
    leaf: AtHand,
    above: Vec<AtHand>,
}

/// What the lists say of one certificate.
struct AtHand {
    lists: Option<Judgement>,
}

impl<'a, E: Evidence> Searches<'a, E> {
    /// The search on a route with such rules. `leaf` is the client's certificate, and what its status takes where that can be read
    /// of it.
    pub(super) fn new(
        rules: &'a RevocationRules,
        bundles: &'a [TrustBundle],
        leaf: (Option<Fingerprint>, Option<Rc<Checked>>),
        above: Vec<Rc<Checked>>,
        evidence: &'a E,
        now: OffsetDateTime,
    ) -> Searches<'a, E> {
        let search = |fingerprint, checked| Search { rules, bundles, fingerprint, checked, evidence, now };
        let (fingerprint, checked) = leaf;
        Searches {
            leaf: search(fingerprint, checked),
            above: above.into_iter().map(|one| search(Some(one.fingerprint()), Some(one))).collect(),
        }
    }

    /// Looks at deny lists and lists. Leaves in `found` what a denial rests on.
    ///
    /// # Errors
    /// `revoked`.
    pub(super) fn look(
        &self,
        found: &mut Option<Rc<Judgement>>,
        trace: &mut impl Trace,
    ) -> Result<AllAtHand, Denial> {
        let leaf = self.leaf.look(found, trace)?;
        let above =
            self.above.iter().map(|search| search.look(found, trace).map_err(|denial| search.above(denial)));
        let above = above.collect::<Result<_, _>>()?;
        Ok(AllAtHand { leaf, above })
    }

    /// Goes through the methods of the route, and asks a responder if need be. Leaves in `found` what has been found out: of the
    /// leaf, or of the one above it for which the client is denied.
    ///
    /// # Errors
    /// Why the client is denied, or what is to be waited for.
    pub(super) fn conclude(
        &self,
        at_hand: AllAtHand,
        found: &mut Option<Rc<Judgement>>,
        trace: &mut impl Trace,
    ) -> Result<(), Halt> {
        let mut need = match self.leaf.conclude(at_hand.leaf, found, trace) {
            Ok(()) => None,
            Err(Halt::Denied(denial)) => return Err(Halt::Denied(denial)),
            Err(Halt::Needs(need)) => Some(need),
        };
        // All are asked, so that those who are waited for are waited for at once.
        for (search, at_hand) in self.above.iter().zip(at_hand.above) {
            let mut of_this = None;
            match search.conclude(at_hand, &mut of_this, trace) {
                Ok(()) => {}
                Err(Halt::Denied(denial)) => {
                    *found = of_this;
                    return Err(Halt::Denied(search.above(denial)));
                }
                Err(Halt::Needs(more)) => {
                    let at_most = need.map_or(more.at_most, |need: Need| need.at_most.max(more.at_most));
                    need = Some(Need { at_most });
                }
            }
            // What is found out holds for as long as it does of all, and who is let in although nothing can be told of a CA is not
            // called good.
            if let (Some(so_far), Some(mut of_this)) = (found.as_mut(), of_this) {
                let until = so_far.until.into_iter().chain(of_this.until).min();
                if of_this.why().is_some() && so_far.why().is_none() {
                    std::mem::swap(so_far, &mut of_this);
                }
                if until != so_far.until {
                    Rc::make_mut(so_far).until = until;
                }
            }
        }
        need.map_or(Ok(()), |need| Err(Halt::Needs(need)))
    }
}

impl<E: Evidence> Search<'_, E> {
    fn look(&self, found: &mut Option<Rc<Judgement>>, trace: &mut impl Trace) -> Result<AtHand, Denial> {
        if let Some(denied) = self.denied() {
            return Err(revoked(denied, found, trace));
        }
        let lists = self.rules.methods.contains(&Method::Crl).then(|| self.lists());
        match lists {
            Some(judgement) if judgement.is_revoked() => Err(revoked(judgement, found, trace)),
            Some(_) | None => Ok(AtHand { lists }),
        }
    }

    /// Says of a denial that it is not about the client's own certificate.
    fn above(&self, denial: Denial) -> Denial {
        let serial =
            self.checked.as_deref().map(|checked| Serial::from_integer(checked.serial()).to_string());
        let detail = format_args!(
            "a CA in its chain, whose serial number is `{}`: {}",
            serial.unwrap_or_default(),
            denial.detail()
        );
        Denial::new(denial.reason(), detail)
    }

    fn conclude(
        &self,
        at_hand: AtHand,
        found: &mut Option<Rc<Judgement>>,
        trace: &mut impl Trace,
    ) -> Result<(), Halt> {
        let AtHand { mut lists } = at_hand;
        let mut unknown: Option<Judgement> = None;
        for method in &self.rules.methods {
            let mut wait = None;
            let judgement = match method {
                // Looked at already: it does not name the certificate, and says nothing of others unless it is asked alone.
                Method::DenyList if self.rules.methods.len() == 1 => self.not_denied(),
                Method::DenyList => continue,
                Method::Crl => lists.take().unwrap_or_else(|| self.lists()),
                Method::Ocsp => self.ask(&mut wait),
            };
            trace.note(|| note(&judgement));
            match &judgement.status {
                Status::Good => {
                    *found = Some(Rc::new(judgement));
                    return Ok(());
                }
                Status::Revoked(_) => {
                    let denial = Denial::new(Reason::Revoked, &judgement);
                    *found = Some(Rc::new(judgement));
                    return Err(Halt::Denied(denial));
                }
                Status::Unknown(_) => {}
            }
            if let Some(at_most) = wait {
                return Err(Halt::Needs(Need { at_most }));
            }
            // The first method's word, unless it had nothing to go by. What has yet to come is waited for, whoever failed
            // before it; where it lets in, it is no excuse for who failed, whichever came first.
            let loading_lets_in = self.rules.while_loading == WhileLoading::Allow;
            let is_to_come = judgement.why() == Some(Why::Loading) && !loading_lets_in;
            let says_more = unknown.as_ref().and_then(Judgement::why).is_none_or(|first| {
                first == Why::Missing
                    || first == Why::Loading && loading_lets_in && judgement.why() != Some(Why::Missing)
            });
            if says_more || is_to_come {
                unknown = Some(judgement);
            }
        }
        let judgement = unknown.unwrap_or_else(|| Judgement::unknown(Why::Missing, "nothing was asked"));
        let settled = self.settle(&judgement);
        *found = Some(Rc::new(judgement));
        settled
    }

    /// What the route makes of a status that cannot be told.
    fn settle(&self, judgement: &Judgement) -> Result<(), Halt> {
        let Status::Unknown(unknown) = &judgement.status else { return Ok(()) };
        let deny = || Err(Halt::Denied(Denial::new(Reason::RevocationUnknown, unknown)));
        match (unknown.why, self.rules.while_loading, self.rules.on_unknown) {
            (Why::Loading, WhileLoading::Wait(at_most), _) if self.evidence.may_wait() => {
                Err(Halt::Needs(Need { at_most }))
            }
            (Why::Loading, WhileLoading::Deny, _) => deny(),
            (Why::Loading, WhileLoading::Allow, _) => Ok(()),
            (_, _, OnUnknown::Deny) => deny(),
            (_, _, OnUnknown::Allow) => Ok(()),
        }
    }

    /// What deny lists say, if they name the certificate. A serial number counts only among the certificates of the same
    /// bundle's issuers.
    fn denied(&self) -> Option<Judgement> {
        let fingerprint = self.fingerprint?;
        let named = self.bundles.iter().enumerate().any(|(at, bundle)| {
            let is_serial_named = |checked: &Rc<Checked>| {
                names_serial(bundle, checked) && checked.issuers().iter().any(|(position, _)| *position == at)
            };
            bundle.revocation().denied.fingerprints.contains(&fingerprint)
                || self.checked.as_ref().is_some_and(is_serial_named)
        });
        named.then(Judgement::denied)
    }

    /// What deny lists say that do not name the certificate and are asked alone: that it is good, where that can be told.
    fn not_denied(&self) -> Judgement {
        let Some(checked) = &self.checked else { return unreadable() };
        // The certificate may be the one that is meant.
        if checked.issuers().is_empty() && self.bundles.iter().any(|bundle| names_serial(bundle, checked)) {
            let detail = "a deny list holds its serial number, and no trust bundle its issuer";
            return Judgement::unknown(Why::IssuerUnknown, detail);
        }
        Judgement::not_denied()
    }

    /// What lists say: of each bundle that holds the issuer, and the best of those.
    fn lists(&self) -> Judgement {
        self.of_each_bundle(Method::Crl, |checked, bundle, issuer| {
            let sources = bundle.revocation();
            // Nothing is copied where all lists stand in the policy, or all are of one source.
            let mut lists = Cow::Borrowed(sources.lists.as_slice());
            let mut without: Option<Unknown> = None;
            for source in &sources.fetched {
                match self.evidence.lists(source) {
                    Lists::Loaded(loaded) if lists.is_empty() => lists = Cow::Owned(loaded),
                    Lists::Loaded(loaded) => lists.to_mut().extend(loaded),
                    Lists::Loading => {
                        without = Some(Unknown::new(Why::Loading, "a list has not been fetched yet"));
                    }
                    Lists::Failed(unknown) => {
                        without.get_or_insert(unknown);
                    }
                }
            }
            let grace = self.rules.stale_grace;
            let mut judgement = crl::judge(checked, issuer, bundle.authorities(), &lists, self.now, grace);
            // What has not come might have told.
            if let (Status::Unknown(_), Some(unknown)) = (&judgement.status, without)
                && (unknown.why == Why::Loading || judgement.why() == Some(Why::Missing))
            {
                judgement.status = Status::Unknown(unknown);
            }
            judgement
        })
    }

    /// What responders say, each asked about the certificates of its own bundle. `wait` becomes how long to wait at most, where
    /// none can tell and one has not answered yet.
    fn ask(&self, wait: &mut Option<Duration>) -> Judgement {
        let judgement = self.of_each_bundle(Method::Ocsp, |checked, bundle, issuer| {
            let Some(responder) = &bundle.revocation().responder else {
                return Judgement::unknown(Why::Missing, "the trust bundle has no responder");
            };
            let query = Query { responder, issuer, serial: checked.serial() };
            let mut judgement = match self.evidence.response(&query) {
                Response::Answered(answer) => {
                    ocsp::judge(&answer, responder, self.now, self.rules.stale_grace)
                }
                Response::Pending if self.evidence.may_wait() => {
                    *wait = Some(responder.timeout + RESPONSE_SLACK);
                    Judgement::unknown(Why::Loading, "the responder has not answered yet")
                }
                Response::Pending => {
                    Judgement::unknown(Why::Unavailable, "the responder did not answer in time")
                }
                Response::Failed(unknown) => Judgement::unknown(unknown.why, unknown.detail),
            };
            judgement.source.get_or_insert_with(|| Arc::clone(&responder.url));
            match bundle.authorities().issuer_valid_until(issuer, self.now) {
                Some(until) => judgement.until = Some(judgement.until.map_or(until, |end| end.min(until))),
                None if judgement.status == Status::Good => {
                    judgement.status = Status::Unknown(Unknown::issuer_not_valid());
                }
                None => {}
            }
            judgement
        });
        if !matches!(judgement.status, Status::Unknown(_)) {
            *wait = None;
        }
        judgement
    }

    fn of_each_bundle(
        &self,
        method: Method,
        mut judge: impl FnMut(&Checked, &TrustBundle, &Arc<crate::trust::Authority>) -> Judgement,
    ) -> Judgement {
        if let Some(status) = self.evidence.assumed() {
            return Judgement { method: Some(method), ..Judgement::of(status) };
        }
        let Some(checked) = &self.checked else {
            return unreadable();
        };
        let mut best: Option<Judgement> = None;
        for (at, issuer) in checked.issuers() {
            let Some(bundle) = self.bundles.get(*at) else { continue };
            let judgement = Judgement { method: Some(method), ..judge(checked, bundle, issuer) };
            let better = match (&judgement.status, best.as_ref().map(|best| &best.status)) {
                (Status::Revoked(_), _) | (_, None) => true,
                (Status::Good, Some(Status::Unknown(_))) => true,
                (Status::Unknown(unknown), Some(Status::Unknown(so_far))) => {
                    so_far.why == Why::Missing && unknown.why != Why::Missing
                }
                (Status::Good | Status::Unknown(_), Some(Status::Good | Status::Revoked(_))) => false,
            };
            if better {
                best = Some(judgement);
            }
        }
        best.unwrap_or_else(|| {
            Judgement::unknown(Why::IssuerUnknown, "no trust bundle holds the certificate's issuer")
        })
    }
}

/// Whether the deny list of a bundle holds the serial number of a certificate, whoever issued that. A policy has no sign for negative
/// numbers, which break RFC 5280: their octets are what people read off a certificate.
fn names_serial(bundle: &TrustBundle, checked: &Checked) -> bool {
    let serials = &bundle.revocation().denied.serials;
    let serial = checked.serial();
    let is_negative = serial.first().is_some_and(|first| first & 0x80 != 0);
    serials.contains(serial) || is_negative && serials.contains([&[0], serial].concat().as_slice())
}

fn unreadable() -> Judgement {
    Judgement::unknown(Why::Unusable, "the certificate's revocation data cannot be read")
}

fn revoked(judgement: Judgement, found: &mut Option<Rc<Judgement>>, trace: &mut impl Trace) -> Denial {
    trace.note(|| note(&judgement));
    let denial = Denial::new(Reason::Revoked, &judgement);
    *found = Some(Rc::new(judgement));
    denial
}

fn note(judgement: &Judgement) -> Step {
    let finding = match judgement.status {
        Status::Good => Finding::Yes,
        Status::Revoked(_) => Finding::No,
        Status::Unknown(_) => Finding::CannotTell,
    };
    Step::new(Stage::Revocation, finding, judgement.to_string())
}

/// Certificates that were read for their status, by fingerprint, so that the issuer's signature is verified once and not
/// for each request.
#[derive(Debug)]
pub(super) struct CheckedCache(Generations<Fingerprint, Rc<Checked>>);

impl Default for CheckedCache {
    fn default() -> CheckedCache {
        CheckedCache(Generations::new(MAX_GENERATION))
    }
}

impl CheckedCache {
    /// What is to be known of `certificate`; `None` where it cannot be read.
    pub(super) fn get(
        cache: &RefCell<CheckedCache>,
        certificate: &Certificate,
        bundles: &[TrustBundle],
    ) -> Option<Rc<Checked>> {
        let fingerprint = certificate.fingerprint();
        let mut cache = cache.borrow_mut();
        if let Some(checked) = cache.0.get(&fingerprint) {
            return Some(Rc::clone(checked));
        }
        let authorities = bundles.iter().map(TrustBundle::authorities);
        let checked = Rc::new(Checked::of(certificate, authorities).ok()?);
        Some(Rc::clone(cache.0.insert(fingerprint, checked, 1)))
    }
}
