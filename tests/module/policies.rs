//! Policies of any size.

use serde_json::{Value, json};

use crate::request::{BILLING, CA};

/// The host of most routes.
pub(crate) const PAY: &str = "pay.acme.example";

/// A policy of these routes, under the listener that we ship.
pub(crate) fn policy(routes: &[Value]) -> Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "identities": { "billing": { "spiffe_id": BILLING } },
        "routes": routes,
    })
}

/// A route for this path and all below it that requires `billing`, and leaves no record of permits.
pub(crate) fn route(name: &str, path: &str) -> Value {
    json!({
        "name": name,
        "match": { "hosts": [PAY], "path": { "prefix": path } },
        "client_certificate": "required",
        "allow": { "identity": "billing" },
        "audit": { "allowed_ratio": 0.0 },
    })
}

/// `object` with other members.
pub(crate) fn with(mut object: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members of an object") };
    object.as_object_mut().unwrap().extend(members);
    object
}

/// So many routes on one host: `/service-0`, `/service-1` and so on.
pub(crate) fn routes_by_prefix(number: usize) -> Value {
    let routes: Vec<Value> = (0..number).map(|at| route(&format!("route-{at}"), &prefix(at))).collect();
    policy(&routes)
}

/// The path of one of them.
pub(crate) fn prefix(at: usize) -> String {
    format!("/service-{at}")
}

/// So many routes, each on a host of its own.
pub(crate) fn routes_by_host(number: usize) -> Value {
    let route = |at: usize| {
        let matched = json!({ "match": { "hosts": [host(at)], "path": { "prefix": "/v1" } } });
        with(route(&format!("route-{at}"), "/v1"), matched)
    };
    policy(&(0..number).map(route).collect::<Vec<_>>())
}

/// The host of one of them.
pub(crate) fn host(at: usize) -> String {
    format!("service-{at}.acme.example")
}

/// One route that so many SPIFFE IDs may use, of which `billing` is the last.
pub(crate) fn identities(number: usize) -> Value {
    let ids = (1..number).map(|at| format!("spiffe://acme.example/ns/prod/sa/service-{at}"));
    let ids: Vec<String> = ids.chain([BILLING.to_owned()]).collect();
    let policy = policy(&[route("payments", "/v1/payments")]);
    with(policy, json!({ "identities": { "billing": { "spiffe_id": ids } } }))
}

/// A policy with one route whose certificates are held against the lists of their CA, which are fetched.
pub(crate) fn revocation_by_list() -> Value {
    let source =
        json!({ "cluster": "crl", "url": "http://crl.acme.example/ca.crl", "refresh_seconds": 3600 });
    revocation(json!({ "crls": [source] }), json!({ "check": ["crl"] }))
}

/// The same, of whom a responder is asked.
pub(crate) fn revocation_by_responder() -> Value {
    let responder = json!({ "cluster": "ocsp", "url": "http://ocsp.acme.example/", "timeout_ms": 2000 });
    revocation(json!({ "ocsp": responder }), json!({ "check": ["ocsp"] }))
}

fn revocation(sources: Value, demand: Value) -> Value {
    let bundle = with(json!({ "anchors_pem": [CA.pem()] }), sources);
    let policy = policy(&[with(route("payments", "/v1/payments"), json!({ "revocation": demand }))]);
    with(policy, json!({ "trust_bundles": { "corp": bundle } }))
}
