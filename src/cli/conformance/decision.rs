//! `eval`: what a policy decides of a request.

use mtls_policy::cert::Fingerprint;
use mtls_policy::outcome::{Outcome, Reply};
use mtls_policy::policy::{Policy, Verification};
use mtls_policy::request::XFCC;
use mtls_policy::revocation::NoEvidence;
use mtls_policy::{Engine, audit};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};
use crate::cli::offline::{
    Certificate, Connection, DECISION_ID, Situation, Tls, certificates, forward, headers_of, parse_time,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    authority: Option<String>,
    path: Option<String>,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

fn get() -> String {
    "GET".to_owned()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Peer {
    tls: Option<bool>,
    sni: Option<String>,
    tls_version: Option<String>,
    leaf_pem: Option<String>,
    chain_pem: Option<Vec<String>>,
    envoy_valid: Option<bool>,
    xfcc: Option<String>,
}

/// `eval`: decides one request by a policy.
pub(super) fn decide(case: &Case) -> Result<Finding, Refusal> {
    let [policy, request, peer, time] = case.values(["policy", "request", "peer", "time"])?;
    let policy = match Policy::from_json(policy.to_string().as_bytes()) {
        Ok(policy) => policy,
        Err(errors) => {
            let detail = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Ok(Finding::because(Verdict::Error, "policy", detail));
        }
    };
    let request = Request::deserialize(request).map_err(|error| Refusal::malformed("request", error))?;
    let peer = if peer.is_null() { Ok(Peer::default()) } else { Peer::deserialize(peer) };
    let peer = peer.map_err(|error| Refusal::malformed("peer", error))?;
    let now = time_of(time)?;
    let situation = situation(request, peer, &policy)?;
    let engine = Engine::new(policy);
    let decision = engine.decide(&situation, &NoEvidence, Some(now)).decided();
    let about = audit::About {
        decision: &decision,
        facts: &situation,
        policy: engine.policy(),
        id: DECISION_ID,
        phase: audit::Phase::Request,
        now: Some(now),
        took: None,
    };
    let record = audit::Recorder::default().record(&about).to_line(engine.policy().audit().format());
    let status = match Outcome::of(&decision, engine.policy(), headers_of(&situation), DECISION_ID) {
        Outcome::Reply(Reply::Http { status, .. }) => Some(status),
        Outcome::Reply(Reply::Grpc { .. }) => Some(200),
        Outcome::Pass(_) => None,
    };
    let finding = match decision.enforced_denial() {
        Some(denial) => Finding::because(Verdict::Deny, denial.reason().code(), denial.detail()),
        None => Finding::plain(Verdict::Allow),
    };
    Ok(finding
        .with("route", decision.route().map(|route| route.name()).into())
        .with("status", status.into())
        .with("record", serde_json::from_str(&record).unwrap_or(json!(null))))
}

/// The value of `time`; now, where it is `null`.
pub(super) fn time_of(time: &Value) -> Result<OffsetDateTime, Refusal> {
    match time {
        Value::Null => Ok(OffsetDateTime::now_utc()),
        Value::String(text) => parse_time(text).map_err(|error| Refusal::malformed("time", error)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Refusal::NoText("time"))
        }
    }
}

fn situation(request: Request, peer: Peer, policy: &Policy) -> Result<Situation, Refusal> {
    let Request { authority, path, method, headers } = request;
    let mut headers: Vec<(String, Vec<u8>)> =
        headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes())).collect();
    if let Some(value) = peer.xfcc {
        headers.push((XFCC.to_owned(), value.into_bytes()));
    }
    let leaf = match peer.leaf_pem {
        None => None,
        Some(pem) => {
            let found = certificates::parse(pem.as_bytes());
            let der = found.map_err(|error| Refusal::malformed("leaf_pem", error))?.into_iter().next();
            // Where Envoy verifies, nobody sees the chain.
            if let (Some(leaf), Verification::Plugin) = (&der, policy.verification()) {
                let others = beside(leaf, &peer.chain_pem.unwrap_or_default())?;
                let forwarded = forward(policy, leaf, &others, &mut headers);
                forwarded.map_err(|error| Refusal::malformed("chain_pem", error))?;
            }
            der.map(|der| Certificate {
                digest: Fingerprint::of(&der),
                der: Some(der),
                valid: peer.envoy_valid,
            })
        }
    };
    let tls = Tls { server_name: peer.sni, version: peer.tls_version, cipher: None, certificate: leaf };
    let transport = peer.tls.unwrap_or(true).then_some(tls);
    Ok(Situation::from_parts(
        [(":method", Some(method)), (":authority", authority), (":path", path)],
        headers,
        Connection { transport, ..Connection::default() },
    ))
}

/// What the client presented beside its leaf, with which the chain may begin.
fn beside(leaf: &[u8], chain: &[String]) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut others = Vec::new();
    for pem in chain {
        let found = certificates::parse(pem.as_bytes());
        others.extend(found.map_err(|error| Refusal::malformed("chain_pem", error))?);
    }
    if others.first().is_some_and(|first| first == leaf) {
        others.remove(0);
    }
    Ok(others)
}
