//! What a whole decision costs: of a client that was seen before, of a new one, and of one that is denied.

mod support;

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use mtls_policy::Engine;
use mtls_policy::policy::Policy;
use mtls_policy::revocation::crl::{List, Load};
use mtls_policy::revocation::ocsp::Query;
use mtls_policy::revocation::{CrlSource, Evidence, Lists, NoEvidence, Response, Unknown, Why};
use serde_json::{Value, json};

use support::mint::Minted;
use support::{
    BILLING_ID, Request, authority, billing, ca, count, decide, document, engine, expect, policy, route,
    service, sure,
};

fn main() {
    let mut criterion = support::criterion();
    by_envoy(&mut criterion);
    with_many_names(&mut criterion);
    with_lists(&mut criterion);
    by_chain(&mut criterion);
    criterion.final_summary();
}

/// Decides again and again: whatever can be remembered is.
fn measure_warm(criterion: &mut Criterion, group: &str, name: &str, engine: &Engine, request: &Request) {
    measure_with(criterion, group, name, engine, request, &NoEvidence);
}

fn measure_with(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    engine: &Engine,
    request: &Request,
    evidence: &impl Evidence,
) {
    let mut group = criterion.benchmark_group(group);
    group.bench_function(name, |bencher| {
        bencher.iter(|| decide(black_box(engine), black_box(request), evidence));
    });
    group.finish();
}

/// Decides by an engine that remembers nothing. To make one of a compiled policy, and to drop what it remembers, is in it.
fn measure_cold(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    policy: Policy,
    request: &Request,
    evidence: &impl Evidence,
) -> Policy {
    let mut group = criterion.benchmark_group(group);
    let mut kept = Some(policy);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let engine = kept.take().map(Engine::new);
            let decision = engine.as_ref().map(|engine| decide(engine, black_box(request), evidence));
            kept = engine.map(Engine::into_policy);
            decision
        });
    });
    group.finish();
    sure(kept.ok_or("the policy is put back"))
}

fn services(number: usize) -> Vec<u8> {
    let each = |number| {
        json!({
            "name": format!("service-{number}"),
            "match": { "path": { "prefix": format!("/service-{number}") }, "methods": ["GET", "POST"] },
            "client_certificate": "required",
            "allow": { "spiffe_id": BILLING_ID },
        })
    };
    let routes: Vec<Value> = (0..number).map(each).collect();
    document(json!({ "routes": routes }))
}

fn by_envoy(criterion: &mut Criterion) {
    for number in [10, 10_000] {
        let group = format!("decide by {} routes", count(number));
        let document = services(number);
        let engine = engine(&document);
        let name = format!("service-{}", number - 1);
        let path = format!("/{name}/orders");
        for (of, client, verdict) in [
            ("of a client that was seen before", billing(), "permit"),
            ("of a client that is denied again", service("web"), "identity_not_allowed"),
        ] {
            let request = Request::get(&path).presenting(&client);
            expect(&engine, &request, &NoEvidence, &name, verdict);
            measure_warm(criterion, &group, of, &engine, &request);
        }
        let request = Request::get(&path);
        expect(&engine, &request, &NoEvidence, &name, "no_certificate");
        measure_warm(criterion, &group, "of a client without a certificate", &engine, &request);
        let mut policy = engine.into_policy();
        for (of, client) in
            [("of a new client", billing()), ("of a new client that is denied", service("web"))]
        {
            let request = Request::get(&path).presenting(&client);
            policy = measure_cold(criterion, &group, of, policy, &request, &NoEvidence);
        }
    }
}

fn with_many_names(criterion: &mut Criterion) {
    let mut policy = policy(&services(10));
    for number in [1, 10, 100] {
        let leaf = ca().leaf("billing").spiffe(BILLING_ID);
        let named =
            (0..number).fold(leaf, |leaf, number| leaf.dns(&format!("n{number}.acme.example"))).mint();
        let request = Request::get("/service-9/orders").presenting(&named);
        let name = format!("of a new client with {number} DNS names");
        policy = measure_cold(criterion, "decide by 10 routes", &name, policy, &request, &NoEvidence);
    }
}

/// What was fetched.
struct Fetched(Vec<Arc<List>>);

impl Evidence for Fetched {
    fn lists(&self, _source: &CrlSource) -> Lists {
        Lists::Loaded(self.0.clone())
    }

    fn response(&self, _query: &Query<'_>) -> Response {
        Response::Failed(Unknown::new(Why::Missing, "nobody was asked"))
    }

    fn may_wait(&self) -> bool {
        false
    }
}

/// A policy of one route that asks the fetched lists of one bundle.
fn guarded() -> Vec<u8> {
    let source = json!({ "cluster": "crl", "url": "http://crl.acme.example/corp.crl" });
    let bundle = json!({ "anchors_pem": [ca().pem()], "crls": [source] });
    let route = route(json!({ "allow": { "spiffe_id": BILLING_ID }, "revocation": { "check": ["crl"] } }));
    document(json!({ "trust_bundles": { "corp": bundle }, "routes": [route] }))
}

fn with_lists(criterion: &mut Criterion) {
    for size in [1_000, 1_000_000] {
        let der = ca().crl().numbered(size).revoke(&service("gone")).der();
        let list = sure(Load::new(der, vec![authority(&ca())]).finish()).into_list();
        let evidence = Fetched(vec![Arc::new(list)]);
        let engine = engine(&guarded());
        let group = format!("decide by a CRL of {} entries", count(size as usize));
        for (of, client, verdict) in [
            ("of a client that was seen before", billing(), "permit"),
            ("of a client that was revoked", service("gone"), "revoked"),
        ] {
            let request = Request::get("/orders").presenting(&client);
            expect(&engine, &request, &evidence, "only", verdict);
            measure_with(criterion, &group, of, &engine, &request, &evidence);
        }
        let request = Request::get("/orders").presenting(&billing());
        measure_cold(criterion, &group, "of a new client", engine.into_policy(), &request, &evidence);
    }
}

/// Where the filter verifies the chain itself.
fn by_chain(criterion: &mut Criterion) {
    let root = ca();
    let issuing = root.intermediate("Acme Issuing");
    let client: Minted = issuing.leaf("billing").spiffe(BILLING_ID).mint();
    let engine = engine(&document(json!({
        "peer_certificate": { "verified_by": "plugin" },
        "trust_bundles": { "corp": { "anchors_pem": [root.pem()] } },
        "routes": [route(json!({ "trust": "corp", "allow": { "spiffe_id": BILLING_ID } }))],
    })));
    let group = "verify and decide";
    let request = Request::with_chain("/orders", &client, &issuing);
    expect(&engine, &request, &NoEvidence, "only", "permit");
    measure_warm(criterion, group, "of a client that was seen before", &engine, &request);
    measure_cold(criterion, group, "of a new client", engine.into_policy(), &request, &NoEvidence);
}
