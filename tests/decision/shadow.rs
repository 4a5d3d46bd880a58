//! Shadow: decided and recorded as usual, but a denial lets the request pass.

use mtls_policy::outcome::Outcome;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::Minted;
use crate::situation::{
    Question, Situation, decide_at, document, leaf, outcome, record, route, routes, verdict, word,
};
use mtls_policy::{Engine, audit};

fn shadowed() -> Engine {
    route(json!({ "client_certificate": "required", "allow": { "dns": "good.example" }, "mode": "shadow" }))
}

fn passes(engine: &Engine, situation: &Situation) -> bool {
    matches!(outcome(engine, situation), Outcome::Pass(_))
}

fn good() -> Minted {
    leaf("good").dns("good.example").mint()
}

#[test]
fn every_denial_that_is_the_routes_own_passes_in_shadow() {
    let engine = shadowed();
    let presented = || Situation::get("/").certificate(&good());
    let cases = [
        (Situation::get("/"), "no_certificate"),
        (Situation::get("/").certificate(&leaf("b").mint()), "identity_not_allowed"),
        (Situation::get("/").certificate(&leaf("b").expired().mint()), "expired"),
        (presented().valid(Some(false)), "untrusted"),
        (presented().pem(b"nonsense"), "malformed_certificate"),
        (presented().pem(leaf("b").mint().pem().as_bytes()), "forwarded_certificate_mismatch"),
    ];
    for (situation, reason) in cases {
        assert_eq!(verdict(&engine, &situation), format!("shadow {reason}"));
        assert!(passes(&engine, &situation), "{reason}");
    }
    let denying = route(json!({
        "client_certificate": "required", "allow": "any_verified", "deny": { "dns": "good.example" }, "mode": "shadow",
    }));
    assert_eq!(verdict(&denying, &presented()), "shadow identity_denied");
}

#[test]
fn a_server_name_of_another_host_passes_in_shadow() {
    let engine = routes(json!([{
        "name": "a", "match": { "hosts": ["pay.acme.example"] }, "client_certificate": "optional", "mode": "shadow",
    }]));
    assert_eq!(verdict(&engine, &Situation::get("/").server_name(b"other.example")), "shadow sni_mismatch");
}

#[test]
fn a_permit_in_shadow_is_a_permit() {
    assert_eq!(verdict(&shadowed(), &Situation::get("/").certificate(&good())), "verified");
}

#[test]
fn the_same_denials_are_enforced_where_the_route_says_so() {
    let engine = route(
        json!({ "client_certificate": "required", "allow": { "dns": "good.example" }, "mode": "enforce" }),
    );
    assert_eq!(verdict(&engine, &Situation::get("/")), "no_certificate");
    assert!(!passes(&engine, &Situation::get("/")));
}

#[test]
fn what_belongs_to_no_route_is_enforced_even_where_everything_is_in_shadow() {
    let engine = document(json!({
        "defaults": { "mode": "shadow" },
        "routes": [{
            "name": "a", "match": { "path": { "prefix": "/a" } },
            "client_certificate": "required", "allow": "any_verified",
        }],
    }));
    let presented = || Situation::get("/a").certificate(&good());
    let cases = [
        (Situation::get("/b"), "no_route"),
        (Situation::get("/a\0"), "invalid_request"),
        (Situation::get("/a").authority(b""), "invalid_request"),
        (presented().failing(Question::Digest), "internal_error"),
        (presented().failing(Question::Pem), "internal_error"),
        (presented().failing(Question::Valid), "internal_error"),
        (presented().failing(Question::ServerName), "internal_error"),
        (presented().failing(Question::Headers), "internal_error"),
        (presented().digest(b"nonsense"), "internal_error"),
    ];
    for (situation, reason) in cases {
        assert_eq!(verdict(&engine, &situation), reason);
        assert!(!passes(&engine, &situation), "{reason}");
    }
    let decision = decide_at(&engine, &presented(), None);
    assert_eq!(word(&decision), "time_unavailable");
    assert!(decision.enforced_denial().is_some());
}

fn two_routes(first: &str, second: &str) -> Engine {
    let route = |name: &str, prefix: &str, mode: &str| {
        json!({
            "name": name, "match": { "path": { "prefix": prefix } },
            "client_certificate": "required", "allow": "any_verified", "mode": mode,
        })
    };
    routes(json!([route("admin", "/admin", first), route("all", "/", second)]))
}

#[test]
fn an_ambiguous_path_is_shadowed_only_if_every_candidate_is() {
    let request = Situation::get("/x/../admin");
    for (first, second, wanted) in [
        ("shadow", "shadow", "shadow ambiguous_path"),
        ("shadow", "enforce", "ambiguous_path"),
        ("enforce", "shadow", "ambiguous_path"),
        ("enforce", "enforce", "ambiguous_path"),
    ] {
        let engine = two_routes(first, second);
        assert_eq!(verdict(&engine, &request), wanted, "{first}, {second}");
        assert_eq!(passes(&engine, &request), wanted.starts_with("shadow"));
    }
}

#[test]
fn an_ambiguous_path_one_reading_of_which_selects_nothing_is_enforced() {
    let engine = routes(json!([{
        "name": "a", "match": { "path": { "prefix": "/a" } },
        "client_certificate": "required", "allow": "any_verified", "mode": "shadow",
    }]));
    assert_eq!(verdict(&engine, &Situation::get("/a/../b")), "ambiguous_path");
}

#[test]
fn shadow_is_of_the_one_route_that_is_found_and_not_of_later_ones() {
    let engine = two_routes("enforce", "shadow");
    assert_eq!(verdict(&engine, &Situation::get("/admin")), "no_certificate");
    assert_eq!(verdict(&engine, &Situation::get("/other")), "shadow no_certificate");
    let engine = two_routes("shadow", "enforce");
    assert_eq!(
        verdict(&engine, &Situation::get("/admin")),
        "shadow no_certificate",
        "and the next is not asked"
    );
}

#[test]
fn the_defaults_mode_holds_for_routes_that_say_nothing() {
    let of = |mode: Value| {
        let mut route = json!({
            "name": "a", "match": { "path": { "prefix": "/" } }, "client_certificate": "required", "allow": "any_verified",
        });
        if !mode.is_null() {
            route["mode"] = mode;
        }
        document(json!({ "defaults": { "mode": "shadow" }, "routes": [route] }))
    };
    assert_eq!(verdict(&of(Value::Null), &Situation::get("/")), "shadow no_certificate");
    assert_eq!(verdict(&of(json!("enforce")), &Situation::get("/")), "no_certificate");
}

#[test]
fn a_shadowed_denial_is_recorded_as_a_denial() {
    let engine = shadowed();
    let situation = Situation::get("/").certificate(&leaf("b").mint());
    let record = record(&engine, &situation);
    assert_eq!(record["decision"], "deny");
    assert_eq!(record["mode"], "shadow");
    assert_eq!(record["reason"], "identity_not_allowed");
    assert_eq!(record["route"], "only");
    assert_eq!(audit::decision_word(&crate::situation::decide(&engine, &situation)), "shadow_deny");
    let permitted = Situation::get("/").certificate(&good());
    assert_eq!(audit::decision_word(&crate::situation::decide(&engine, &permitted)), "permit");
    let enforced = Situation::get("/a\0");
    assert_eq!(audit::decision_word(&crate::situation::decide(&engine, &enforced)), "deny");
}
