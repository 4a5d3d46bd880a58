//! What a policy makes of one record.

use mtls_policy::Engine;
use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;
use mtls_policy::identity::recorded::{Part, Rebuilt};
use mtls_policy::metrics::Outcome;
use mtls_policy::policy::trace::{Finding, Stage, Step};
use mtls_policy::policy::{Decision, Policy, Reason, RecordField, RevocationRules, Scope};
use mtls_policy::request::Headers;
use mtls_policy::revocation::{AssumedBundles, Method, Status};

use super::certificates::Certificates;
use super::facts::{Absence, Lacks, Presented, RecordedEvidence, RecordedFacts, status};
use crate::cli::records::{Field, Record};

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was decided by this very policy, which decides alike.
    SamePolicy,
    /// The policy decides so.
    Decided(String),
    /// The record does not hold what the policy asks for.
    Undecidable(String),
}

/// Replays records by one policy.
pub(super) struct Judge {
    engine: Engine,
    digest: String,
    /// The policies that made the records, where they are at hand.
    earlier: Vec<Policy>,
}

impl Judge {
    pub(super) fn new(policy: Policy, earlier: Vec<Policy>) -> Self {
        let digest = policy.digest().to_string();
        Self { engine: Engine::new(policy), digest, earlier }
    }

    pub(super) fn policy(&self) -> &Policy {
        self.engine.policy()
    }

    /// What the policy would have decided, and by which of its routes.
    pub(super) fn judge(
        &self,
        record: &Record,
        certificates: &mut Certificates,
    ) -> (Verdict, Option<String>) {
        if record.policy.as_deref() == Some(self.digest.as_str()) {
            return (Verdict::SamePolicy, record.route.clone());
        }
        match self.decide(record, certificates) {
            Ok(decision) => {
                let route = decision.route().map(|route| route.name().to_owned());
                (Verdict::Decided(outcome(&decision)), route)
            }
            Err(why) => (Verdict::Undecidable(why), record.route.clone()),
        }
    }

    fn decide(&self, record: &Record, certificates: &mut Certificates) -> Result<Decision, String> {
        let now = record.time.ok_or("`time` is not recorded")?;
        match record.reason.as_deref().and_then(Reason::from_code) {
            Some(Reason::InternalError | Reason::TimeUnavailable) => {
                return Err("the proxy did not answer a question then".to_owned());
            }
            Some(Reason::MalformedCertificate | Reason::ForwardedCertificateMismatch) => {
                return Err("the certificate could not be read then".to_owned());
            }
            Some(Reason::Throttled | Reason::AuditUnavailable) => {
                return Err("it was denied for what came before it, not for what it was".to_owned());
            }
            Some(_) | None => {}
        }
        let earlier = self.earlier(record);
        let (presented, known) = presented(record, earlier, certificates);
        let lacks = Lacks::default();
        let facts = RecordedFacts {
            record,
            headers: headers(record)?,
            presented,
            server_name: absence(earlier, RecordField::ServerName),
            lacks: &lacks,
        };
        let evidence =
            RecordedEvidence::new(status(record).unwrap_or(Status::Good), bundles(record, known.as_ref()));
        if let Some(known) = &known {
            self.engine.remember(known.identity.clone(), known.certificate.clone());
        }
        let mut steps: Vec<Step> = Vec::new();
        let decision = self.engine.decide_traced(&facts, &evidence, Some(now), &mut steps).decided();
        if let Some(lack) = lacks.first() {
            return Err(lack);
        }
        if let Some(known) = known {
            check_parts(&decision, &known, &steps)?;
            if evidence.asked_for_bundles.get() {
                self.check_vouching(&decision, record, &known)?;
            }
            self.check_revocation(&decision, record, &known, evidence.asked_for_status.get(), earlier)?;
        }
        Ok(decision)
    }

    /// The policy that made a record.
    fn earlier(&self, record: &Record) -> Option<&Policy> {
        let digest = record.policy.as_deref()?;
        self.earlier.iter().find(|policy| policy.digest().to_string() == digest)
    }

    /// Who vouched then vouches now, where it is the same bundle with the same anchor, and may.
    fn check_vouching(&self, decision: &Decision, record: &Record, known: &Known) -> Result<(), String> {
        let recorded =
            record.verification.as_ref().filter(|recorded| recorded.by.as_deref() == Some("plugin"));
        let Some((recorded, name)) =
            recorded.and_then(|recorded| Some((recorded, recorded.bundle.as_deref()?)))
        else {
            // The chain was looked for. One that is found holds; whether there was another, nobody knows.
            return if is_untrusted(decision) { Err(NO_CHAIN.to_owned()) } else { Ok(()) };
        };
        if is_untrusted(decision) {
            return Err(format!("`{name}` vouched then, and the route trusts others"));
        }
        let policy = self.engine.policy();
        let Some(bundle) = policy.trust_bundles().iter().find(|bundle| bundle.name() == name) else {
            return Err(NO_CHAIN.to_owned());
        };
        let anchor = recorded.anchor_sha256.whole();
        let is_anchor = |anchor: &str| {
            bundle.anchors().any(|held| held.certificate().fingerprint().to_string() == anchor)
        };
        match anchor {
            Some(anchor) if is_anchor(anchor) => {}
            Some(_) => return Err(format!("the anchor by which `{name}` vouched is not in it any more")),
            None => return Err("`verification.anchor_sha256` is not recorded".to_owned()),
        }
        if policy.may_vouch(bundle, &known.identity) {
            Ok(())
        } else {
            Err(format!("`{name}` vouched then, and may not vouch for its SPIFFE ID now"))
        }
    }

    /// What was said of revocation then is said now, where the same is asked.
    fn check_revocation(
        &self,
        decision: &Decision,
        record: &Record,
        known: &Known,
        asked: bool,
        earlier: Option<&Policy>,
    ) -> Result<(), String> {
        let Some(rules) = decision.route().and_then(|route| route.revocation()) else { return Ok(()) };
        let before = decision.verdict().err().is_some_and(|denial| is_before_revocation(denial.reason()));
        if known.certificate.is_none() && !before {
            let has_deny_list = self.engine.policy().trust_bundles().iter().any(|bundle| {
                let denied = &bundle.revocation().denied;
                !denied.fingerprints.is_empty() || !denied.serials.is_empty()
            });
            if has_deny_list || rules.methods == [Method::DenyList] {
                return Err("deny lists want the certificate itself, or its issuer's".to_owned());
            }
        }
        if !asked {
            return Ok(());
        }
        let same = earlier.and_then(|policy| {
            let name = record.route.as_deref()?;
            policy.routes().iter().find(|route| route.name() == name)?.revocation()
        });
        let same = same == Some(rules);
        match &record.revocation {
            Some(_) if same => Ok(()),
            Some(_) => same_question(record, rules),
            // Lists did not call it revoked, or it would have been denied for that.
            None if same && is_after_lists(record) && decision.verdict().is_err() => Ok(()),
            None => Err("`revocation` is not recorded".to_owned()),
        }
    }
}

/// What it says where `field` is empty, by the policy that made the record.
fn absence(earlier: Option<&Policy>, field: RecordField) -> Absence {
    match earlier {
        Some(policy) if !policy.audit().omitted().contains(field) => Absence::Nothing,
        Some(_) | None => Absence::Unknown,
    }
}

const NO_CHAIN: &str = "the chain that came with the certificate is not recorded";

/// A client's certificate, as far as it is at hand.
pub(super) struct Known {
    pub(super) identity: Identity,
    /// The whole of it.
    pub(super) certificate: Option<Certificate>,
    /// What is not known of it.
    pub(super) unknown: Vec<Part>,
}

fn presented(
    record: &Record,
    earlier: Option<&Policy>,
    certificates: &mut Certificates,
) -> (Presented, Option<Known>) {
    let Some(recorded) = &record.certificate else {
        // Of a request whose certificate was not looked at, that there was none is not said.
        let looked = record.reason.as_deref() == Some("no_certificate")
            || record.client.as_deref() == Some("anonymous")
                && earlier.is_some_and(|policy| {
                    let name = record.route.as_deref();
                    let route = policy.routes().iter().find(|route| Some(route.name()) == name);
                    route.is_some_and(|route| route.looks_at_certificates())
                });
        return (if looked { Presented::None } else { Presented::Unknown }, None);
    };
    let Some(digest) = recorded.digest() else { return (Presented::Unknown, None) };
    if let Some(der) = &recorded.der {
        certificates.add_base64(digest, der);
    }
    if let Some((identity, certificate)) = certificates.get(digest) {
        let known = Known { identity, certificate: Some(certificate), unknown: Vec::new() };
        return (Presented::Certificate(digest), Some(known));
    }
    let Rebuilt { identity, unknown } = recorded.recorded(digest).rebuild();
    (Presented::Certificate(digest), Some(Known { identity, certificate: None, unknown }))
}

fn bundles(record: &Record, known: Option<&Known>) -> Option<AssumedBundles> {
    let verification =
        record.verification.as_ref().filter(|recorded| recorded.by.as_deref() == Some("plugin"));
    match verification.and_then(|verification| verification.bundle.clone()) {
        Some(bundle) => Some(AssumedBundles::Named(bundle)),
        // With the certificate a chain can be looked for.
        None if known.is_some_and(|known| known.certificate.is_some()) => None,
        None => Some(AssumedBundles::None),
    }
}

/// The pseudo-headers of the request.
fn headers(record: &Record) -> Result<Headers, String> {
    if record.reason.as_deref() == Some("invalid_request") {
        // No policy has a say in that: a request without anything is none, too.
        return Ok(Headers::new(Vec::new()));
    }
    let request = &record.request;
    let is_connect = request.method.whole() == Some("CONNECT");
    let fields = [
        (":method", "`request.method`", &request.method),
        (":authority", "`request.host`", &request.host),
        (":path", "`request.path`", &request.path),
    ];
    let mut headers = Vec::new();
    for (name, called, field) in fields {
        match field {
            Field::Whole(text) if text.contains('\u{fffd}') => {
                return Err(format!("{called} was not recorded as it was"));
            }
            Field::Whole(text) => headers.push((name.to_owned(), text.clone().into_bytes())),
            Field::Missing if name == ":path" && is_connect => {}
            Field::Cut(_) | Field::Hashed(_) | Field::Missing => {
                return Err(format!("{called} {}", field.lack()));
            }
        }
    }
    Ok(Headers::new(headers))
}

/// Whether the decision rests on what is not known of the certificate.
fn check_parts(decision: &Decision, known: &Known, steps: &[Step]) -> Result<(), String> {
    if known.certificate.is_some() || decision.identity().is_none() {
        return Ok(());
    }
    let Some(route) = decision.route() else { return Ok(()) };
    if let Some(part) = route.asks(&known.identity).into_iter().find(|part| known.unknown.contains(part)) {
        return Err(format!("of the certificate {} cannot be told", part.words()));
    }
    if route.divides_by_names(&known.identity) {
        return Err("by which names the client is told apart cannot be told".to_owned());
    }
    let is_open = |step: &Step| {
        matches!(step.stage, Stage::Deny | Stage::Allow)
            && step.depth == 0
            && step.finding == Finding::CannotTell
    };
    match steps.iter().find(|step| is_open(step)) {
        Some(step) => {
            Err(format!("of the certificate not all names that `{}` asks for are known", word(step.stage)))
        }
        None => Ok(()),
    }
}

fn word(stage: Stage) -> &'static str {
    if stage == Stage::Deny { "deny" } else { "allow" }
}

fn is_untrusted(decision: &Decision) -> bool {
    decision.verdict().is_err_and(|denial| denial.reason() == Reason::Untrusted)
}

/// Whether a request is denied for this before revocation is looked at.
fn is_before_revocation(reason: Reason) -> bool {
    match reason {
        Reason::InvalidRequest
        | Reason::NoRoute
        | Reason::AmbiguousPath
        | Reason::SniMismatch
        | Reason::TlsVersion
        | Reason::Cipher
        | Reason::Throttled
        | Reason::NoCertificate
        | Reason::MalformedCertificate
        | Reason::ForwardedCertificateMismatch
        | Reason::Untrusted
        | Reason::Expired
        | Reason::NotYetValid
        | Reason::WrongKeyUsage
        | Reason::WeakCertificate
        | Reason::WildcardName
        | Reason::LifetimeTooLong
        | Reason::TimeUnavailable
        | Reason::InternalError => true,
        Reason::Revoked
        | Reason::IdentityDenied
        | Reason::IdentityNotAllowed
        | Reason::TokenMissing
        | Reason::TokenMismatch
        | Reason::TokenNotBound
        | Reason::RevocationUnknown
        | Reason::AuditUnavailable => false,
    }
}

/// Whether a record was denied after lists were looked at, and before responders were asked.
fn is_after_lists(record: &Record) -> bool {
    let after = [
        Reason::IdentityDenied,
        Reason::IdentityNotAllowed,
        Reason::TokenMissing,
        Reason::TokenMismatch,
        Reason::TokenNotBound,
    ];
    record.reason.as_deref().and_then(Reason::from_code).is_some_and(|reason| after.contains(&reason))
}

/// Whether a route asks what the recorded status answers.
fn same_question(record: &Record, rules: &RevocationRules) -> Result<(), String> {
    let Some(recorded) = &record.revocation else { return Ok(()) };
    if rules.scope == Scope::Chain {
        return Err("of which certificates revocation was asked is not recorded".to_owned());
    }
    let methods: Vec<&str> = rules
        .methods
        .iter()
        .filter(|method| **method != Method::DenyList)
        .map(|method| method.word())
        .collect();
    let by = recorded.method.as_deref();
    let answers = match recorded.status.as_deref() {
        Some("good" | "revoked") => methods.first().copied() == by,
        Some(_) | None => methods.len() == 1 && methods.first().copied() == by,
    };
    if !answers {
        return Err("revocation was asked about in another way".to_owned());
    }
    if recorded.next_update.zip(record.time).is_some_and(|(end, now)| end < now) {
        return Err("for how long a stale list was believed is not recorded".to_owned());
    }
    Ok(())
}

/// As [`Record::outcome`] has it.
fn outcome(decision: &Decision) -> String {
    let outcome = Outcome::of(decision);
    match outcome {
        Outcome::Permit(client) => format!("permit ({})", client.as_str()),
        Outcome::Deny(reason) | Outcome::ShadowDeny(reason) => format!("{} {reason}", outcome.word()),
    }
}
