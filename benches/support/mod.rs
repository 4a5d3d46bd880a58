//! What the benchmarks of the core share: certificates, requests as Envoy describes them, policies of any size, and how
//! long criterion measures.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each benchmark takes a part of it, and stops where what it stands on does not hold"
)]

#[path = "../../tests/mint/mod.rs"]
pub(crate) mod mint;
mod request;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use mtls_policy::Engine;
use mtls_policy::cert::Certificate;
use mtls_policy::engine::Step;
use mtls_policy::identity::Identity;
use mtls_policy::policy::{Decision, Policy};
use mtls_policy::revocation::Evidence;
use mtls_policy::trust::Authority;
use serde_json::{Value, json};
use time::OffsetDateTime;

use self::mint::{Ca, Minted};
pub(crate) use self::request::Request;

/// The SPIFFE ID of [`billing`], which policies of benchmarks allow.
pub(crate) const BILLING_ID: &str = "spiffe://acme.example/ns/prod/sa/billing";

/// How long criterion measures unless its arguments say otherwise: all benchmarks together take a few minutes.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20)
        .configure_from_args()
}

/// 2026-01-01T00:00:00Z.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_767_225_600).unwrap()
}

/// The CA of all certificates.
pub(crate) fn ca() -> Ca {
    Ca::new("Acme Root")
}

/// A client as services are: with one SPIFFE ID and one DNS name.
pub(crate) fn service(name: &str) -> Minted {
    let leaf = ca().leaf(name).spiffe(&format!("spiffe://acme.example/ns/prod/sa/{name}"));
    leaf.dns(&format!("{name}.acme.example")).mint()
}

/// The client that policies allow.
pub(crate) fn billing() -> Minted {
    service("billing")
}

/// A certificate as the core takes it.
pub(crate) fn certificate(minted: &Minted) -> Certificate {
    Certificate::from_der(minted.der.clone()).unwrap()
}

/// The names in a certificate.
pub(crate) fn identity(minted: &Minted) -> Identity {
    Identity::of(&certificate(minted)).unwrap()
}

/// What cannot fail here.
pub(crate) fn sure<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap()
}

/// A CA as the core takes it.
pub(crate) fn authority(ca: &Ca) -> Arc<Authority> {
    Arc::new(Authority::of(Certificate::from_der(ca.der().to_vec()).unwrap()).unwrap())
}

/// A policy of these members, on a listener that resumes no sessions.
pub(crate) fn document(members: Value) -> Vec<u8> {
    let mut document = json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
    });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document.to_string().into_bytes()
}

/// An engine for a document.
pub(crate) fn engine(document: &[u8]) -> Engine {
    Engine::new(policy(document))
}

/// A document, compiled.
pub(crate) fn policy(document: &[u8]) -> Policy {
    Policy::from_json(document).unwrap_or_else(|errors| {
        let first = errors.iter().next().map(ToString::to_string).unwrap_or_default();
        panic!("a policy of a benchmark has errors: {first}")
    })
}

/// A route for every path with these members.
pub(crate) fn route(members: Value) -> Value {
    let mut route = json!({
        "name": "only",
        "match": { "path": { "prefix": "/" } },
        "client_certificate": "required",
    });
    route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    route
}

/// A decision; nothing waits.
pub(crate) fn decide(engine: &Engine, request: &Request, evidence: &impl Evidence) -> Decision {
    match engine.decide(request, evidence, Some(now())) {
        Step::Decided(decision) => decision,
        Step::Needs(need) => panic!("a request of a benchmark waits: {need:?}"),
    }
}

/// Asserts which route is found and what is decided (`permit`, or the reason of the denial), so that no benchmark measures something else
/// than its name says.
#[track_caller]
pub(crate) fn expect(
    engine: &Engine,
    request: &Request,
    evidence: &impl Evidence,
    route: &str,
    verdict: &str,
) {
    let decision = decide(engine, request, evidence);
    let found = decision.route().map_or("none", |route| route.name());
    let reason = decision.verdict().err().map(|denial| denial.reason().to_string());
    assert_eq!((found, reason.as_deref().unwrap_or("permit")), (route, verdict));
}

/// Numbers as people write them in names: `10,000`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
