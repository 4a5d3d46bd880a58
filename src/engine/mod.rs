//! The way of a request through every stage, from facts to a decision.

mod answers;
mod chains;
mod revocation;
mod tls;
mod token;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use self::answers::RouteAnswers;
use self::chains::{Chains, Vouched};
use self::revocation::{CheckedCache, Searches};

use crate::cert::forwarded::{self, ForwardedError};
use crate::cert::{Certificate, Fingerprint};
use crate::facts::{FactError, Facts};
use crate::identity::{Identity, IdentityCache, Known};
use crate::policy::evaluate::Vetted;
use crate::policy::trace::{self, Finding, Stage, Trace, Untraced};
use crate::policy::{
    ClientCertificate, Decision, Denial, LeafSource, Matched, Mode, Permit, Policy, Reason, Request,
    RevocationRules, Route, Scope, Selection, Stop, TrustBundle, Verification, evaluate, without_query,
};
use crate::request::{Headers, RequestTarget, XFCC};
use crate::revocation::{Evidence, Judgement};
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
            || policy.verification() == Verification::Plugin;
        Self {
            policy,
            keeps_certificates,
            identities: RefCell::default(),
            checked: RefCell::default(),
            chains: Chains::default(),
        }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The policy, without the engine.
    pub fn into_policy(self) -> Policy {
        self.policy
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
        let mut found = Found::default();
        let verdict = match self.judge(facts, evidence, now, &mut found, trace) {
            Ok(permit) => Ok(permit),
            Err(Halt::Denied(denial)) => Err(denial),
            Err(Halt::Needs(need)) => return Step::Needs(need),
        };
        let decision = Decision::new(verdict, found.route, found.mode, found.identity);
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
        tls::check(&rules.tls, &route, &target.host, facts, trace)?;
        let mut open = None;
        let permit = match self.presented(facts, headers, found)? {
            Some(presented) => {
                let now =
                    now.ok_or_else(|| Denial::new(Reason::TimeUnavailable, "the clock could not be read"))?;
                let vetted = self.vet(presented, demand, facts, evidence, headers, now, found, trace)?;
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

    /// The certificate that the client presented, which nobody has verified yet; `None` if it presented none.
    fn presented(
        &self,
        facts: &impl Facts,
        headers: &Headers,
        found: &mut Found,
    ) -> Result<Option<Presented>, Denial> {
        let Some(digest) = facts.certificate_digest()? else {
            return Ok(None);
        };
        let digest = Fingerprint::from_hex(&digest).ok_or_else(|| {
            Denial::new(Reason::InternalError, "the connection's certificate digest is not SHA-256 in hex")
        })?;
        let known = self.identities.borrow_mut().get(digest);
        if let Some(Known { identity, certificate }) = known {
            found.identity = Some(Rc::clone(&identity));
            found.certificate = certificate;
            return Ok(Some(Presented { identity, unknown_bytes: None }));
        }
        let (certificate, origin) = self.leaf(facts, headers, digest)?;
        let identity =
            Identity::of(&certificate).map_err(|error| Denial::new(Reason::MalformedCertificate, error))?;
        let identity = Rc::new(identity);
        let unknown_bytes = match origin {
            Origin::Connection => Some(certificate.der().len()),
            // A header is checked on every request that brings it.
            Origin::Header => None,
        };
        found.identity = Some(Rc::clone(&identity));
        found.certificate = self.keeps_certificates.then(|| Rc::new(certificate));
        let presented = Presented { identity, unknown_bytes };
        // Here anybody gets as far as this, as often as it likes, and reading a large certificate takes milliseconds.
        if self.policy.verification() == Verification::Plugin {
            self.keep(&presented, found);
        }
        Ok(Some(presented))
    }

    /// Lets whom the policy names verify the certificate.
    #[expect(clippy::too_many_arguments, reason = "the facts of one request, the route and the time")]
    fn vet(
        &self,
        presented: Presented,
        demand: &ClientCertificate,
        facts: &impl Facts,
        evidence: &impl Evidence,
        headers: &Headers,
        now: OffsetDateTime,
        found: &mut Found,
        trace: &mut impl Trace,
    ) -> Result<Vetted, Denial> {
        let identity = &presented.identity;
        let trust = demand.rules().and_then(|rules| rules.trust.as_deref());
        let vetted = match (demand, self.policy.verification(), trust) {
            (ClientCertificate::Unverified(_), _, _) => Vetted::unverified(Rc::clone(identity)),
            (_, Verification::Envoy(resumption), _) => {
                let envoy_verified = || facts.certificate_valid().map_err(Denial::from);
                Vetted::by_envoy(resumption, Rc::clone(identity), envoy_verified)?
            }
            (_, Verification::Plugin, Some(rules)) => {
                // Of a certificate whose time is over that is to be said, and it is no work.
                evaluate::check_validity(identity.validity(), now, &mut Untraced)?;
                let leaf = found.certificate.as_deref().ok_or_else(without_trust)?;
                let bundles = self.policy.trust_bundles();
                if let Some(assumed) = evidence.assumed_bundles() {
                    let named = rules.bundles().iter().filter_map(|at| bundles.get(*at));
                    if named.map(TrustBundle::name).any(|name| assumed.contain(name)) {
                        return Ok(Vetted::assumed(Rc::clone(identity)));
                    }
                    return Err(Denial::new(
                        Reason::Untrusted,
                        "the test says that no trust bundle vouches for it",
                    ));
                }
                let (vouched, span) = self.chains.verify(leaf, identity, headers, rules, bundles, now)?;
                trace.note(|| {
                    let subject = format!("verified up to {}", self.shown(&vouched));
                    trace::Step::new(Stage::Certificate, Finding::Yes, subject)
                });
                let vetted = Vetted::by_chain(Rc::clone(identity), &vouched.chain)?;
                found.vouched = Some((vouched, span));
                vetted
            }
            (_, Verification::Plugin, None) => return Err(without_trust()),
        };
        // Where Envoy verifies, whom it did not verify takes no room from others.
        if self.policy.verification() != Verification::Plugin {
            self.keep(&presented, found);
        }
        Ok(vetted)
    }

    /// Keeps what was read of a certificate, where it was not known and may be.
    fn keep(&self, presented: &Presented, found: &Found) {
        if let Some(bytes) = presented.unknown_bytes {
            let (identity, certificate) = (Rc::clone(&presented.identity), found.certificate.clone());
            self.identities.borrow_mut().insert(Known { identity, certificate }, bytes);
        }
    }

    /// A chain above its leaf, and its bundle, for people.
    fn shown(&self, vouched: &Vouched) -> String {
        let names: Vec<String> = vouched
            .chain
            .authorities()
            .iter()
            .map(|authority| format!("`{}`", authority.subject()))
            .collect();
        let bundle = self.policy.trust_bundles().get(vouched.bundle).map_or("", TrustBundle::name);
        format!("{}, of trust bundle `{bundle}`", names.join(", issued by "))
    }

    fn leaf(
        &self,
        facts: &impl Facts,
        headers: &Headers,
        digest: Fingerprint,
    ) -> Result<(Certificate, Origin), Denial> {
        let from_xfcc = || {
            let values: Vec<&[u8]> = headers.values(XFCC).collect();
            Ok((forwarded::from_xfcc(&values, digest)?, Origin::Header))
        };
        let from_connection =
            |pem: Vec<u8>| Ok((forwarded::from_attribute(&pem, digest)?, Origin::Connection));
        match self.policy.leaf_source() {
            LeafSource::Xfcc => from_xfcc(),
            LeafSource::Auto => facts.certificate_pem()?.map_or_else(from_xfcc, from_connection),
            LeafSource::Connection => {
                let pem = facts.certificate_pem()?.ok_or_else(|| {
                    let detail = "this Envoy has no attribute `connection.peer_certificate`";
                    Denial::new(Reason::InternalError, detail)
                })?;
                from_connection(pem)
            }
        }
    }
}

/// A certificate that a client presented.
struct Presented {
    identity: Rc<Identity>,
    /// Its length, where it was not known and may be.
    unknown_bytes: Option<usize>,
}

fn without_trust() -> Denial {
    Denial::new(Reason::InternalError, "the route names no trust bundle")
}

/// Where a leaf certificate was read.
enum Origin {
    /// An attribute of the connection.
    Connection,
    /// A header of the request.
    Header,
}

/// What has been found out about a request while it is judged.
#[derive(Default)]
struct Found {
    route: Option<Arc<Route>>,
    mode: Mode,
    identity: Option<Rc<Identity>>,
    certificate: Option<Rc<Certificate>>,
    vouched: Option<(Rc<Vouched>, Span)>,
    revocation: Option<Rc<Judgement>>,
}

impl From<FactError> for Denial {
    fn from(error: FactError) -> Self {
        Denial::new(Reason::InternalError, error)
    }
}

impl From<ForwardedError> for Denial {
    fn from(error: ForwardedError) -> Self {
        let reason = match &error {
            ForwardedError::Malformed(_) => Reason::MalformedCertificate,
            ForwardedError::Absent | ForwardedError::Mismatch(_) => Reason::ForwardedCertificateMismatch,
        };
        Denial::new(reason, error)
    }
}
