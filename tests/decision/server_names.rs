//! The server name of the TLS handshake and the host of the request.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{HOST, Question, Situation, document, leaf, outcome, routes, verdict};
use mtls_policy::Engine;

const MISMATCH: &str = "sni_mismatch";

/// A route of these hosts (any, where there are none) and with this rule (the default, where there is none).
fn engine(hosts: &[&str], rule: Value) -> Engine {
    let mut route = json!({
        "name": "a", "match": { "path": { "prefix": "/" } }, "client_certificate": "optional",
    });
    if !hosts.is_empty() {
        route["match"]["hosts"] = json!(hosts);
    }
    if !rule.is_null() {
        route["tls"] = json!({ "sni": rule });
    }
    routes(json!([route]))
}

fn named(name: &str) -> Situation {
    Situation::get("/").server_name(name.as_bytes())
}

fn unnamed() -> Situation {
    Situation::get("/").no_server_name()
}

#[test]
fn by_default_server_name_and_host_must_be_one() {
    for rule in [Value::Null, json!("match")] {
        let engine = engine(&[HOST], rule);
        for name in ["pay.acme.example", "PAY.ACME.EXAMPLE", "pay.acme.example."] {
            assert_eq!(verdict(&engine, &named(name)), "anonymous", "{name}");
        }
        for name in [
            "public.acme.example",
            "acme.example",
            "x.pay.acme.example",
            "pay.acme.example:443",
            "",
            "a b",
            "\u{e4}",
        ] {
            assert_eq!(verdict(&engine, &named(name)), MISMATCH, "{name:?}");
        }
    }
}

#[test]
fn a_mismatch_is_answered_with_421() {
    let reply = format!("{:?}", outcome(&engine(&[HOST], Value::Null), &named("public.acme.example")));
    assert!(reply.starts_with("Reply(Http { status: 421, "), "{reply}");
}

#[test]
fn the_port_of_the_host_does_not_matter() {
    let engine = engine(&[HOST], Value::Null);
    assert_eq!(verdict(&engine, &named(HOST).authority(b"Pay.acme.example.:8443")), "anonymous");
}

#[test]
fn a_mismatch_counts_on_routes_that_name_no_hosts_too() {
    let engine = engine(&[], Value::Null);
    assert_eq!(verdict(&engine, &named(HOST)), "anonymous");
    assert_eq!(verdict(&engine, &named("public.acme.example")), MISMATCH);
}

#[test]
fn an_absent_server_name_is_a_mismatch_where_the_route_names_hosts() {
    assert_eq!(verdict(&engine(&[HOST], Value::Null), &unnamed()), MISMATCH);
    assert_eq!(verdict(&engine(&["*.acme.example"], Value::Null), &unnamed()), MISMATCH);
    assert_eq!(verdict(&engine(&[HOST, "10.0.0.1"], Value::Null), &unnamed()), MISMATCH);
    assert_eq!(verdict(&engine(&[], Value::Null), &unnamed()), "anonymous");
}

#[test]
fn an_absent_server_name_is_in_order_where_the_request_is_for_an_address() {
    for (host, authority) in [("10.0.0.1", "10.0.0.1:8443"), ("::1", "[::1]:8443")] {
        let request = unnamed().authority(authority.as_bytes());
        assert_eq!(verdict(&engine(&[host], Value::Null), &request), "anonymous", "{host}");
        assert_eq!(verdict(&engine(&[host, HOST], Value::Null), &request), "anonymous", "{host}");
        let with_name = named(HOST).authority(authority.as_bytes());
        assert_eq!(verdict(&engine(&[host], Value::Null), &with_name), MISMATCH, "{host}");
    }
}

#[test]
fn no_server_name_is_wanted_without_tls() {
    assert_eq!(verdict(&engine(&[HOST], Value::Null), &Situation::get("/").plaintext()), "anonymous");
    assert_eq!(verdict(&engine(&[HOST], json!([HOST])), &Situation::get("/").plaintext()), "anonymous");
}

#[test]
fn ignore_does_not_even_ask() {
    let engine = engine(&[HOST], json!("ignore"));
    let request = named("outbound_.8080_._.pay.default.svc.cluster.local").failing(Question::ServerName);
    assert_eq!(verdict(&engine, &request), "anonymous");
    assert_eq!(verdict(&engine, &unnamed()), "anonymous");
    assert!(!request.asked().contains(&Question::ServerName));
}

#[test]
fn a_list_names_the_server_names_that_may_come() {
    let engine = engine(&[HOST], json!(["mtls.acme.example", "*.gateway.example"]));
    for name in ["mtls.acme.example", "MTLS.acme.example.", "a.gateway.example", "a.b.gateway.example"] {
        assert_eq!(verdict(&engine, &named(name)), "anonymous", "{name}");
    }
    for name in [HOST, "gateway.example", "mtls.acme.example.evil.example", ""] {
        assert_eq!(verdict(&engine, &named(name)), MISMATCH, "{name}");
    }
    assert_eq!(verdict(&engine, &unnamed()), MISMATCH);
}

#[test]
fn a_route_that_looks_at_no_certificate_looks_at_no_server_name() {
    let engine = routes(json!([{
        "name": "a", "match": { "hosts": [HOST] }, "client_certificate": "ignored",
    }]));
    assert_eq!(verdict(&engine, &named("other.example")), "anonymous");
    assert_eq!(verdict(&engine, &unnamed()), "anonymous");
}

#[test]
fn the_server_name_is_looked_at_before_the_certificate() {
    let engine = routes(json!([{
        "name": "a", "match": { "hosts": [HOST] }, "client_certificate": "required", "allow": { "dns": "nobody.example" },
    }]));
    assert_eq!(verdict(&engine, &named("other.example")), MISMATCH);
    let minted = leaf("a").mint();
    assert_eq!(verdict(&engine, &named("other.example").certificate(&minted)), MISMATCH);
    assert_eq!(verdict(&engine, &named(HOST).certificate(&minted)), "identity_not_allowed");
}

#[test]
fn defaults_hold_for_routes_that_say_nothing_of_server_names() {
    let with_default = |tls: Value| {
        let mut route = json!({
            "name": "a", "match": { "hosts": [HOST] }, "client_certificate": "optional",
        });
        if !tls.is_null() {
            route["tls"] = tls;
        }
        document(json!({ "defaults": { "tls": { "sni": "ignore" } }, "routes": [route] }))
    };
    assert_eq!(verdict(&with_default(Value::Null), &named("other.example")), "anonymous");
    assert_eq!(verdict(&with_default(json!({ "sni": "match" })), &named("other.example")), MISMATCH);
}

#[test]
fn fronting_cannot_reach_a_route_by_another_hosts_handshake() {
    let engine = routes(json!([
        { "name": "public", "match": { "hosts": ["public.example"] }, "client_certificate": "ignored" },
        {
            "name": "private", "match": { "hosts": ["private.example"] },
            "client_certificate": "required", "allow": "any_verified",
        },
    ]));
    let fronted = named("public.example").authority(b"private.example").certificate(&leaf("a").mint());
    assert_eq!(verdict(&engine, &fronted), MISMATCH);
    let honest = Situation::get("/").host("private.example").certificate(&leaf("a").mint());
    assert_eq!(verdict(&engine, &honest), "verified");
}
