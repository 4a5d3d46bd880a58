//! What `required`, `optional` and `ignored` routes demand.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{NOW, Question, Situation, at, decide_at, leaf, route, verdict, verdict_on, word};

fn required(allow: Value) -> Value {
    json!({ "client_certificate": "required", "allow": allow })
}

fn optional(allow: Value) -> Value {
    json!({ "client_certificate": "optional", "allow": allow })
}

#[test]
fn a_required_route_lets_in_whom_it_allows() {
    let engine = route(required(json!({ "dns": "billing.acme.example" })));
    assert_eq!(verdict_on(&engine, &leaf("billing").dns("billing.acme.example").mint()), "verified");
    let other = leaf("billing").dns("billing2.acme.example").mint();
    assert_eq!(verdict_on(&engine, &other), "identity_not_allowed");
}

#[test]
fn a_required_route_denies_without_a_certificate() {
    let engine = route(required(json!("any_verified")));
    assert_eq!(verdict(&engine, &Situation::get("/")), "no_certificate");
    assert_eq!(verdict(&engine, &Situation::get("/").plaintext()), "no_certificate");
}

#[test]
fn any_verified_lets_every_verified_client_in() {
    let engine = route(required(json!("any_verified")));
    assert_eq!(verdict_on(&engine, &leaf("whoever").no_subject().mint()), "verified");
    let unverified = Situation::get("/").certificate(&leaf("whoever").mint()).valid(Some(false));
    assert_eq!(verdict(&engine, &unverified), "untrusted");
}

#[test]
fn deny_is_looked_at_before_allow() {
    let engine = route(json!({
        "client_certificate": "required",
        "allow": { "dns": "*.acme.example" },
        "deny": { "dns": "stolen.acme.example" },
    }));
    assert_eq!(verdict_on(&engine, &leaf("a").dns("good.acme.example").mint()), "verified");
    assert_eq!(verdict_on(&engine, &leaf("a").dns("stolen.acme.example").mint()), "identity_denied");
    let both = leaf("a").dns("good.acme.example").dns("stolen.acme.example").mint();
    assert_eq!(verdict_on(&engine, &both), "identity_denied");
    assert_eq!(verdict_on(&engine, &leaf("a").dns("elsewhere.example").mint()), "identity_not_allowed");
}

#[test]
fn an_optional_route_lets_a_client_without_certificate_in_as_anonymous() {
    let engine = route(optional(json!({ "dns": "nobody.example" })));
    assert_eq!(verdict(&engine, &Situation::get("/")), "anonymous");
    assert_eq!(verdict(&engine, &Situation::get("/").plaintext()), "anonymous");
}

#[test]
fn allow_and_deny_of_an_optional_route_apply_to_presented_certificates() {
    let engine = route(json!({
        "client_certificate": "optional",
        "allow": { "email": { "suffix": "@acme.example" } },
        "deny": { "email": "mallory@acme.example" },
    }));
    assert_eq!(verdict_on(&engine, &leaf("a").email("alice@acme.example").mint()), "verified");
    assert_eq!(verdict_on(&engine, &leaf("a").email("mallory@acme.example").mint()), "identity_denied");
    assert_eq!(verdict_on(&engine, &leaf("a").email("alice@evil.example").mint()), "identity_not_allowed");
    assert_eq!(verdict(&engine, &Situation::get("/")), "anonymous");
}

#[test]
fn a_bad_certificate_on_an_optional_route_is_no_anonymous_client() {
    let engine = route(json!({ "client_certificate": "optional" }));
    let unreadable = Situation::get("/").certificate(&leaf("a").mint()).pem(b"no certificate");
    assert_eq!(verdict(&engine, &unreadable), "malformed_certificate");
    let minted = leaf("a").mint();
    let presented = || Situation::get("/").certificate(&minted);
    assert_eq!(verdict(&engine, &presented()), "verified");
    assert_eq!(verdict(&engine, &presented().valid(Some(false))), "untrusted");
    assert_eq!(verdict(&engine, &presented().valid(None)), "untrusted");
    assert_eq!(verdict_on(&engine, &leaf("a").expired().mint()), "expired");
}

#[test]
fn an_ignored_route_does_not_look_at_the_certificate() {
    let engine = route(json!({ "client_certificate": "ignored" }));
    let broken = || {
        Situation::get("/")
            .digest(b"not a digest")
            .pem(b"not a certificate")
            .valid(Some(false))
            .server_name(b"elsewhere.example")
    };
    assert_eq!(verdict(&engine, &Situation::get("/")), "anonymous");
    assert_eq!(verdict(&engine, &broken()), "anonymous");
    let situation = broken();
    assert_eq!(word(&decide_at(&engine, &situation, None)), "anonymous", "and needs no clock");
    assert_eq!(situation.asked(), [Question::Headers]);
    let verified = Situation::get("/").certificate(&leaf("a").mint());
    let decision = decide_at(&engine, &verified, Some(at(NOW)));
    assert_eq!(word(&decision), "anonymous", "nothing is said of a certificate that was not looked at");
    assert!(decision.identity().is_none());
}

#[test]
fn an_optional_route_may_deny_if_it_says_whom_it_allows() {
    let engine = route(json!({
        "client_certificate": "optional", "allow": "any_verified", "deny": { "dns": "stolen.example" },
    }));
    assert_eq!(verdict_on(&engine, &leaf("a").dns("stolen.example").mint()), "identity_denied");
    assert_eq!(verdict_on(&engine, &leaf("a").dns("good.example").mint()), "verified");
}
