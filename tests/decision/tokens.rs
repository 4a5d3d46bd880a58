//! What a route demands of the token that comes with the certificate.

use base64::Engine as _;
use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::Minted;
use crate::situation::{Question, Situation, decide, leaf, route, verdict};
use mtls_policy::Engine;

fn engine(token: Value) -> Engine {
    route(json!({ "client_certificate": "required", "allow": "any_verified", "token": token }))
}

fn claims(claims: Value) -> Engine {
    engine(json!({ "claims": claims }))
}

fn client() -> Situation {
    Situation::get("/").certificate(&leaf("a").mint())
}

fn detail(engine: &Engine, situation: &Situation) -> String {
    decide(engine, situation).verdict().unwrap_err().detail().to_owned()
}

/// The claim that binds a token to a certificate.
fn bound_to(minted: &Minted) -> Value {
    json!({ "sub": "alice", "cnf": { "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(minted.digest()) } })
}

#[test]
fn a_claim_is_compared_with_what_it_may_be() {
    let token = json!({
        "sub": "alice", "aud": ["pay", "web"], "scope": "read pay:write", "level": 2, "admin": true,
        "realm_access": { "roles": ["payer", "viewer"] }, "https://acme.example/team": "billing",
    });
    for (wanted, expected) in [
        (json!({ "sub": "alice" }), "verified"),
        (json!({ "sub": "Alice" }), "token_mismatch"),
        (json!({ "sub": ["bob", "alice"] }), "verified"),
        (json!({ "sub": ["bob", "carol"] }), "token_mismatch"),
        (json!({ "sub": { "prefix": "al" } }), "verified"),
        (json!({ "sub": { "prefix": "lice" } }), "token_mismatch"),
        (json!({ "sub": { "suffix": "ice" } }), "verified"),
        (json!({ "sub": { "suffix": "ali" } }), "token_mismatch"),
        (json!({ "sub": { "regex": "al.*" } }), "verified"),
        (json!({ "sub": { "regex": "a" } }), "token_mismatch"),
        (json!({ "aud": "web" }), "verified"),
        (json!({ "aud": "we" }), "token_mismatch"),
        (json!({ "aud": [{ "prefix": "we" }, "x"] }), "verified"),
        (json!({ "scope": { "word": "pay:write" } }), "verified"),
        (json!({ "scope": { "word": "read" } }), "verified"),
        (json!({ "scope": { "word": "pay" } }), "token_mismatch"),
        (json!({ "scope": "read" }), "token_mismatch"),
        (json!({ "aud": { "word": "pay" } }), "verified"),
        (json!({ "level": 2 }), "verified"),
        (json!({ "level": 3 }), "token_mismatch"),
        (json!({ "level": "2" }), "token_mismatch"),
        (json!({ "admin": true }), "verified"),
        (json!({ "admin": false }), "token_mismatch"),
        (json!({ "admin": "true" }), "token_mismatch"),
        (json!({ "sub": true }), "token_mismatch"),
        (json!({ "/realm_access/roles": "payer" }), "verified"),
        (json!({ "/realm_access/roles": "admin" }), "token_mismatch"),
        (json!({ "https://acme.example/team": "billing" }), "verified"),
        (json!({ "sub": "alice", "aud": "pay" }), "verified"),
        (json!({ "sub": "alice", "aud": "x" }), "token_mismatch"),
        (json!({ "realm_access": "payer" }), "token_mismatch"),
        (json!({ "missing": "a" }), "token_missing"),
        (json!({ "realm_access.roles": "payer" }), "token_missing"),
        (json!({ "sub": "alice", "/realm_access/groups": "payer" }), "token_missing"),
    ] {
        assert_eq!(verdict(&claims(wanted.clone()), &client().token(token.clone())), expected, "{wanted}");
    }
}

#[test]
fn a_request_without_a_token_is_told_from_one_whose_token_lacks_a_claim() {
    let engine = claims(json!({ "sub": "alice" }));
    assert_eq!(verdict(&engine, &client()), "token_missing");
    assert_eq!(
        detail(&engine, &client()),
        "there is no token that `jwt_authn` verified: its metadata holds nothing under `payload`"
    );
    assert_eq!(detail(&engine, &client().token(json!({ "iss": "a" }))), "the token has no claim `sub`");
    let null = client().token(json!({ "sub": null }));
    assert_eq!(verdict(&engine, &null), "token_mismatch");
    assert_eq!(detail(&engine, &null), "claim `sub` of the token cannot be compared");
    assert_eq!(
        detail(&engine, &client().token(json!({ "sub": "mallory" }))),
        "claim `sub` of the token is not what is demanded"
    );
}

#[test]
fn claims_are_read_under_the_key_that_the_policy_names() {
    let elsewhere = engine(json!({ "metadata": "partner", "claims": { "sub": "alice" } }));
    let alice = json!({ "sub": "alice" });
    assert_eq!(verdict(&elsewhere, &client().token_under("partner", alice.clone())), "verified");
    assert_eq!(verdict(&elsewhere, &client().token(alice)), "token_missing");
}

#[test]
fn a_token_is_good_only_with_the_certificate_that_it_is_bound_to() {
    let engine = engine(json!({ "bound": true }));
    let (own, other) = (leaf("own").mint(), leaf("other").mint());
    let with = |minted: &Minted, token: Value| {
        verdict(&engine, &Situation::get("/").certificate(minted).token(token))
    };
    assert_eq!(with(&own, bound_to(&own)), "verified");
    assert_eq!(with(&other, bound_to(&own)), "token_not_bound", "stolen");
    assert_eq!(with(&own, json!({ "sub": "alice" })), "token_not_bound");
    assert_eq!(with(&own, json!({ "cnf": {} })), "token_not_bound");
    let named = |digest: Value| with(&own, json!({ "cnf": { "x5t#S256": digest } }));
    assert_eq!(named(json!(BASE64_URL_SAFE_NO_PAD.encode(own.digest()))), "verified");
    assert_eq!(named(json!(BASE64_URL_SAFE.encode(own.digest()))), "token_not_bound", "padded");
    assert_eq!(named(json!(own.hex_digest())), "token_not_bound");
    assert_eq!(named(json!([BASE64_URL_SAFE_NO_PAD.encode(own.digest())])), "token_not_bound", "an array");
    for odd in [json!(""), json!(null), json!(true), json!(1), json!({})] {
        assert_eq!(named(odd.clone()), "token_not_bound", "{odd}");
    }
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&own)), "token_missing");
}

#[test]
fn an_optional_route_demands_the_token_of_anonymous_clients_too() {
    let optional = |token: Value| route(json!({ "client_certificate": "optional", "token": token }));
    let engine = optional(json!({ "claims": { "sub": "alice" } }));
    assert_eq!(verdict(&engine, &Situation::get("/")), "token_missing");
    assert_eq!(verdict(&engine, &Situation::get("/").token(json!({ "sub": "alice" }))), "anonymous");
    assert_eq!(verdict(&engine, &Situation::get("/").token(json!({ "sub": "bob" }))), "token_mismatch");
    assert_eq!(verdict(&engine, &client()), "token_missing");
    let minted = leaf("a").mint();
    let engine = optional(json!({ "bound": true }));
    assert_eq!(verdict(&engine, &Situation::get("/").token(bound_to(&minted))), "token_not_bound");
    assert_eq!(
        verdict(&engine, &Situation::get("/").certificate(&minted).token(bound_to(&minted))),
        "verified"
    );
}

#[test]
fn a_good_token_is_no_substitute_for_a_certificate() {
    let engine = route(json!({
        "client_certificate": "required", "allow": { "dns": "good.example" }, "token": { "claims": { "sub": "alice" } },
    }));
    let token = || json!({ "sub": "alice" });
    assert_eq!(verdict(&engine, &Situation::get("/").token(token())), "no_certificate");
    let other = leaf("a").dns("bad.example").mint();
    assert_eq!(
        verdict(&engine, &Situation::get("/").certificate(&other).token(token())),
        "identity_not_allowed"
    );
    let good = leaf("a").dns("good.example").mint();
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&good)), "token_missing");
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&good).token(token())), "verified");
}

#[test]
fn the_authorization_header_itself_is_nothing() {
    let engine = claims(json!({ "sub": "alice" }));
    // {"alg":"none"}.{"sub":"alice"}.
    let header = client().header("authorization", b"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.");
    assert_eq!(verdict(&engine, &header), "token_missing");
}

#[test]
fn no_token_is_asked_for_where_none_is_demanded() {
    let plain = route(json!({ "client_certificate": "required", "allow": "any_verified" }));
    let situation = client().token(json!({ "sub": "alice" }));
    assert_eq!(verdict(&plain, &situation), "verified");
    assert!(!situation.asked().contains(&Question::Claim));
    let failing = || client().token(json!({ "sub": "alice" })).failing(Question::Claim);
    assert_eq!(verdict(&plain, &failing()), "verified");
    assert_eq!(verdict(&claims(json!({ "sub": "alice" })), &failing()), "internal_error");
    let situation = client().token(json!({ "sub": "alice" }));
    assert_eq!(verdict(&claims(json!({ "sub": "alice" })), &situation), "verified");
    let asked = situation.asked().iter().filter(|question| **question == Question::Claim).count();
    assert_eq!(asked, 1, "one question for one claim");
}

#[test]
fn a_shadowed_route_records_a_token_that_is_missing() {
    let engine = route(json!({
        "client_certificate": "required", "allow": "any_verified", "mode": "shadow", "token": { "bound": true },
    }));
    assert_eq!(verdict(&engine, &client()), "shadow token_missing");
}
