//! The way of a request through every stage, from facts to a decision.

mod answers;
mod chains;
mod client;
mod revocation;
mod throttling;
mod tls;
mod token;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use self::answers::RouteAnswers;
use self::chains::{Chains, Vouched};
use self::client::{Octets, digest, enroll};
use self::revocation::{CheckedCache, Searches};
use self::throttling::Throttled;
use crate::cert::Certificate;
use crate::facts::{FactError, Facts};
use crate::identity::{Identity, IdentityCache};
use crate::metrics::CacheUse;
use crate::policy::trace::{self, Finding, Stage, Trace, Untraced};
use crate::policy::{
    Certificates, ClientCertificate, Decision, Denial, Matched, Mode, Permit, Policy, Reason, Request,
    RevocationRules, Route, Scope, Selection, Stop, Verification, Verifier, evaluate, without_query,
};
use crate::request::{Headers, RequestTarget};
use crate::revocation::{Evidence, Judgement};
use crate::throttle::{Peer, Throttle};
use crate::trust::chain::Span;

/// Decides requests by one policy.
#[derive(Debug)]
pub struct Engine {
    policy: Policy,
    /// Whether some route needs more of a certificate than the identity in it.
    keeps_certificates: bool,
    /// Identities of verified certificates by the connection's digest, so that a certificate is read once and not
    /// for each request. No decision depends on what is in it, for the digest is the proxy's own and of one
    /// certificate only; whether it is verified, valid and allowed is asked every time.
    identities: RefCell<IdentityCache>,
    identity_use: CacheUse,
    /// Who issued the certificates whose revocation was asked about. That follows from the certificate and the policy.
    checked: RefCell<CheckedCache>,
    /// The chains of the certificates that the filter verifies itself.
    chains: Chains,
}

/// How far a decision has come.
#[derive(Debug)]
pub enum Step {
    /// It is made.
    Decided(Decision),
    /// It wants evidence that was not there yet.
    Needs(Need),
}

/// What a decision waits for: evidence of revocation, which [`Evidence`] was asked for and knows. Whoever has more of it, or
/// has waited long enough, asks again; and says at the end that the request may not wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// How long the request may wait, counted from when it came.
    pub at_most: Duration,
}

impl Step {
    /// The decision. With evidence that lets nothing wait there always is one.
    pub fn decided(self) -> Decision {
        match self {
            Self::Decided(decision) => decision,
            Self::Needs(_) => {
                let denial =
                    Denial::new(Reason::InternalError, "evidence was to come, and nobody waits for it");
                Decision::new(Err(denial), None, Mode::Enforce, None)
            }
        }
    }
}

/// Why judging ends without a permit.
enum Halt {
    Denied(Denial),
    Needs(Need),
}

impl<E: Into<Denial>> From<E> for Halt {
    fn from(error: E) -> Halt {
        Halt::Denied(error.into())
    }
}

impl Engine {
    /// An engine for `policy`.
    pub fn new(policy: Policy) -> Self {
        let keeps_certificates = policy.forwards_certificates()
            || policy.checks_revocation()
            || policy.verification() == Verification::Plugin
            || policy.audit().certificates() == Certificates::Once;
        Self {
            policy,
            keeps_certificates,
            identities: RefCell::default(),
            identity_use: CacheUse::default(),
            checked: RefCell::default(),
            chains: Chains::default(),
        }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How often the caches had what was looked for: those of identities and of verified chains, by name.
    pub fn cache_use(&self) -> [(&'static str, &CacheUse); 2] {
        [("identity", &self.identity_use), ("chain", self.chains.cache_use())]
    }

    /// The policy, without the engine.
    pub fn into_policy(self) -> Policy {
        self.policy
    }

    /// Takes this for what the certificate of its fingerprint says, so that it is not read when a request brings it: for whoever has only
    /// a record of it. What asks for the certificate itself, as revocation does, finds it only if it is given.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn remember(&self, identity: Identity, certificate: Option<Certificate>) {
        let bytes = certificate.as_ref().map_or(0, |certificate| certificate.der().len());
        let known =
            crate::identity::Known { identity: Rc::new(identity), certificate: certificate.map(Rc::new) };
        self.identities.borrow_mut().insert(known, bytes);
    }

    /// Decides one request. Pure: the same facts, evidence and time give the same decision.
    ///
    /// `now` is `None` where the clock cannot be read: then every request is denied whose route looks at a certificate.
    pub fn decide(&self, facts: &impl Facts, evidence: &impl Evidence, now: Option<OffsetDateTime>) -> Step {
        self.decide_traced(facts, evidence, now, &mut Untraced)
    }

    /// Decides one request and notes the steps that lead there.
    pub fn decide_traced(
        &self,
        facts: &impl Facts,
        evidence: &impl Evidence,
        now: Option<OffsetDateTime>,
        trace: &mut impl Trace,
    ) -> Step {
        self.run(facts, evidence, None, now, trace)
    }

    /// Decides one request as [`Self::decide`] does, and tells clients to wait who were denied too often: `throttle` counts, by
    /// the policy's [`Throttling`](crate::policy::Throttling). Who would pass without it passes.
    pub fn decide_throttled(
        &self,
        facts: &impl Facts,
        evidence: &impl Evidence,
        throttle: &dyn Throttle,
        now: Option<OffsetDateTime>,
    ) -> Step {
        self.run(facts, evidence, Some(throttle), now, &mut Untraced)
    }

    fn run(
        &self,
        facts: &impl Facts,
        evidence: &impl Evidence,
        throttle: Option<&dyn Throttle>,
        now: Option<OffsetDateTime>,
        trace: &mut impl Trace,
    ) -> Step {
        let mut found = Found::default();
        let throttle = Throttled::new(self.policy.throttle(), throttle, now);
        let verdict = match self.judge(facts, evidence, throttle.as_ref(), now, &mut found, trace) {
            Ok(permit) => Ok(permit),
            Err(Halt::Denied(denial)) => Err(match throttle {
                Some(throttle) => throttle.count(denial, &found, self.policy.verification()),
                None => denial,
            }),
            Err(Halt::Needs(need)) => return Step::Needs(need),
        };
        let decision = Decision::new(verdict, found.route, found.mode, found.identity);
        let bundle = found.vouched.as_ref().map(|(vouched, _)| vouched.bundle);
        let decision = decision.with_verifier(found.verifier, bundle);
        let chain = found.vouched.map(|(vouched, span)| (Rc::clone(&vouched.chain), span.end()));
        let decision = decision.with_certificate(found.certificate).with_chain(chain);
        Step::Decided(decision.with_revocation(found.revocation))
    }

    /// Why the route at `position` in the policy is not the request's, in words such as `path`; `None` where it matches.
    /// The path is taken as it was sent.
    ///
    /// # Errors
    /// The denial of a request that is none, or of which a fact cannot be had that the route asks for.
    pub fn mismatch(&self, facts: &impl Facts, position: usize) -> Result<Option<String>, Denial> {
        let headers = facts.headers()?;
        let target = RequestTarget::read(headers).map_err(|why| Denial::new(Reason::InvalidRequest, why))?;
        let answers = RouteAnswers { facts, headers, client_address: self.policy.client_address() };
        let request = Request::new(&target.host, target.method, &answers);
        match self.policy.routes().matches(position, &request, target.path.map(without_query)) {
            Ok(None | Some(Matched::Yes)) => Ok(None),
            Ok(Some(Matched::No(why))) => Ok(Some(why.to_string())),
            Ok(Some(Matched::CannotTell(header))) => Ok(Some(format!("header `{header}` cannot be told"))),
            Err(Stop::Denied(denial)) => Err(denial),
            Err(Stop::TooMuchWork) => Err(Denial::new(
                Reason::AmbiguousPath,
                "the request takes more work to read than it may cost",
            )),
        }
    }

    fn judge(
        &self,
        facts: &impl Facts,
        evidence: &impl Evidence,
        throttle: Option<&Throttled<'_>>,
        now: Option<OffsetDateTime>,
        found: &mut Found,
        trace: &mut impl Trace,
    ) -> Result<Permit, Halt> {
        let headers = facts.headers()?;
        let target = RequestTarget::read(headers).map_err(|why| Denial::new(Reason::InvalidRequest, why))?;
        trace.note(|| trace::Step::new(Stage::Request, Finding::Fact, target.to_string()));
        let route = self.select_route(facts, headers, &target, found)?;
        trace.note(|| {
            let subject =
                format!("route `{}`, client certificate {}", route.name(), route.client_certificate().word());
            trace::Step::new(Stage::Route, Finding::Yes, subject)
        });
        let demand = route.client_certificate();
        let Some(rules) = demand.rules() else { return Ok(evaluate::permit_anonymous()) };
        let may_be_anonymous = match demand {
            ClientCertificate::Optional(_) => true,
            ClientCertificate::Ignored
            | ClientCertificate::Unverified(_)
            | ClientCertificate::Required(_) => false,
        };
        if let Err(denial) = tls::check(&rules.tls, &route, &target.host, facts, trace) {
            self.enroll_early(&route, facts, evidence, headers, now, found, trace);
            return Err(denial.into());
        }
        let digest = digest(facts)?;
        // A route in shadow refuses nobody, and its records are to say what is wrong: nothing is counted there.
        if let (Some(throttle), Mode::Enforce) = (throttle, found.mode)
            && (digest.is_some() || !may_be_anonymous)
        {
            found.client = throttling::client(digest, facts);
            throttle.refuse(found, || self.known(digest?))?;
        }
        let mut open = None;
        let permit = match self.presented(facts, headers, digest, found)? {
            Some(presented) => {
                let now =
                    now.ok_or_else(|| Denial::new(Reason::TimeUnavailable, "the clock could not be read"))?;
                let vetted = self.vet(presented, demand, facts, evidence, headers, now, found, trace)?;
                enroll(&route, &vetted, now, found, trace);
                evaluate::examine(rules, vetted.identity(), now, trace)?;
                if let Some(rules) = &rules.revocation {
                    let searches = self.searches(rules, evidence, now, found);
                    let at_hand = searches.look(&mut found.revocation, trace)?;
                    open = Some((searches, at_hand));
                }
                evaluate::admit(rules, &vetted, trace)?
            }
            None => {
                trace.note(|| {
                    trace::Step::new(Stage::Certificate, Finding::No, "the client presented a certificate")
                });
                if !may_be_anonymous {
                    let detail = "the client presented no certificate";
                    return Err(Denial::new(Reason::NoCertificate, detail).into());
                }
                evaluate::permit_anonymous()
            }
        };
        if let Some(demands) = &rules.token {
            token::check(demands, found.identity.as_deref(), facts, trace)?;
        }
        if let Some((searches, at_hand)) = open {
            searches.conclude(at_hand, &mut found.revocation, trace)?;
        }
        Ok(permit)
    }

    fn searches<'a, E: Evidence>(
        &'a self,
        rules: &'a RevocationRules,
        evidence: &'a E,
        now: OffsetDateTime,
        found: &Found,
    ) -> Searches<'a, E> {
        let bundles = self.policy.trust_bundles();
        let (leaf, above) = match (found.certificate.as_deref(), &found.vouched) {
            (None, _) => (None, Vec::new()),
            (Some(certificate), None) => (CheckedCache::get(&self.checked, certificate, bundles), Vec::new()),
            (Some(certificate), Some((vouched, _))) => {
                match (vouched.checked(certificate, bundles), rules.scope) {
                    (Some([leaf, above @ ..]), Scope::Chain) => (Some(Rc::clone(leaf)), above.to_vec()),
                    (Some([leaf, ..]), Scope::Leaf) => (Some(Rc::clone(leaf)), Vec::new()),
                    (Some([]) | None, _) => (None, Vec::new()),
                }
            }
        };
        let fingerprint = found.certificate.as_deref().map(Certificate::fingerprint);
        Searches::new(rules, bundles, (fingerprint, leaf), above, evidence, now)
    }

    fn select_route(
        &self,
        facts: &impl Facts,
        headers: &Headers,
        target: &RequestTarget<'_>,
        found: &mut Found,
    ) -> Result<Arc<Route>, Denial> {
        let client_address = self.policy.client_address();
        let answers = RouteAnswers { facts, headers, client_address };
        let request = Request::new(&target.host, target.method, &answers);
        let selection = self.policy.routes().select(&request, target.path.map(without_query))?;
        match selection {
            Selection::Route(route) => {
                found.mode = route.mode();
                found.route = Some(Arc::clone(&route));
                Ok(route)
            }
            Selection::None => Err(Denial::new(Reason::NoRoute, "no route matches")),
            Selection::Ambiguous(ambiguity) => {
                found.mode = ambiguity.mode();
                Err(Denial::new(Reason::AmbiguousPath, ambiguity))
            }
        }
    }
}

/// What has been found out about a request while it is judged.
#[derive(Default)]
struct Found {
    route: Option<Arc<Route>>,
    mode: Mode,
    /// Whose denials count, where they do.
    client: Option<Peer>,
    octets: Octets,
    identity: Option<Rc<Identity>>,
    certificate: Option<Rc<Certificate>>,
    vouched: Option<(Rc<Vouched>, Span)>,
    verifier: Option<Verifier>,
    revocation: Option<Rc<Judgement>>,
}

impl From<FactError> for Denial {
    fn from(error: FactError) -> Self {
        Denial::new(Reason::InternalError, error)
    }
}
