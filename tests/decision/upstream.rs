//! The headers that the upstream gets.

use mtls_policy::outcome::{HeaderChanges, Outcome, trailers_to_remove};
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Question, Situation, leaf, outcome, route};
use mtls_policy::Engine;

fn changes(engine: &Engine, situation: &Situation) -> HeaderChanges {
    match outcome(engine, situation) {
        Outcome::Pass(changes) => changes,
        Outcome::Reply(reply) => panic!("{reply:?}"),
    }
}

fn client_verify(engine: &Engine, situation: &Situation) -> String {
    let changes = changes(engine, situation);
    let [(name, value)] = changes.set.as_slice() else { panic!("{changes:?}") };
    assert_eq!(name, "x-client-verify");
    value.clone().into_owned()
}

fn forged() -> Situation {
    Situation::get("/").header("x-client-verify", b"SUCCESS")
}

#[test]
fn a_verified_client_is_a_success() {
    let minted = leaf("a").mint();
    for demand in ["required", "optional"] {
        let engine = route(json!({ "client_certificate": demand, "allow": "any_verified" }));
        assert_eq!(client_verify(&engine, &Situation::get("/").certificate(&minted)), "SUCCESS", "{demand}");
    }
}

#[test]
fn whoever_is_not_verified_is_none_on_every_outcome_that_passes() {
    let presented = || Situation::get("/").certificate(&leaf("a").mint());
    let ignored = route(json!({ "client_certificate": "ignored" }));
    assert_eq!(client_verify(&ignored, &Situation::get("/")), "NONE");
    assert_eq!(client_verify(&ignored, &presented()), "NONE", "the certificate was not looked at");
    let optional = route(json!({ "client_certificate": "optional" }));
    assert_eq!(client_verify(&optional, &Situation::get("/")), "NONE");
    let shadow = route(json!({
        "client_certificate": "required", "allow": { "dns": "nobody.example" }, "mode": "shadow",
    }));
    assert_eq!(client_verify(&shadow, &Situation::get("/")), "NONE");
    assert_eq!(client_verify(&shadow, &presented()), "NONE", "a shadowed denial forwards nothing");
    assert_eq!(client_verify(&shadow, &presented().valid(Some(false))), "NONE");
}

#[test]
fn a_shadowed_denial_takes_envoys_own_header_along_and_a_permit_does_not() {
    let by_xfcc = || Situation::get("/").header("x-forwarded-client-cert", b"By=x");
    let shadow =
        route(json!({ "client_certificate": "required", "allow": "any_verified", "mode": "shadow" }));
    assert_eq!(changes(&shadow, &by_xfcc()).remove, ["x-forwarded-client-cert"]);
    let minted = leaf("a").mint();
    assert!(changes(&shadow, &by_xfcc().certificate(&minted)).remove.is_empty(), "permitted");
    let ignored = route(json!({ "client_certificate": "ignored" }));
    assert!(changes(&ignored, &by_xfcc()).remove.is_empty());
}

#[test]
fn other_spellings_of_envoys_own_header_are_the_clients_and_removed_always() {
    let spellings = ["x_forwarded_client_cert", "X-Forwarded-Client-Cert", "x-forwarded-client_cert"];
    let forged = || {
        let situation = Situation::get("/").header("x-forwarded-client-cert", b"By=x");
        spellings.iter().fold(situation, |situation, name| situation.header(name, b"By=y"))
    };
    let minted = leaf("a").mint();
    let optional = route(json!({ "client_certificate": "optional" }));
    assert_eq!(changes(&optional, &forged()).remove, spellings);
    assert_eq!(changes(&optional, &forged().certificate(&minted)).remove, spellings);
    assert_eq!(changes(&route(json!({ "client_certificate": "ignored" })), &forged()).remove, spellings);
}

#[test]
fn what_a_client_sends_by_the_name_of_our_header_is_removed_on_every_outcome() {
    let minted = leaf("a").mint();
    let engines = [
        route(json!({ "client_certificate": "ignored" })),
        route(json!({ "client_certificate": "optional" })),
        route(json!({ "client_certificate": "required", "allow": "any_verified", "mode": "shadow" })),
        route(
            json!({ "client_certificate": "required", "allow": { "dns": "nobody.example" }, "mode": "shadow" }),
        ),
    ];
    for engine in &engines {
        for situation in [forged(), forged().certificate(&minted)] {
            assert_eq!(changes(engine, &situation).remove, ["x-client-verify"]);
        }
        assert!(changes(engine, &Situation::get("/")).remove.is_empty(), "nothing to remove");
    }
}

#[test]
fn every_spelling_that_some_server_takes_for_our_header_is_removed() {
    let spellings = [
        "x-client-verify",
        "x_client_verify",
        "x-client_verify",
        "x_client-verify",
        "X-Client-Verify",
        // Some take every byte that is no letter or digit for `_`.
        "x.client.verify",
        "x!client~verify",
    ];
    let situation =
        spellings.iter().fold(Situation::get("/"), |situation, name| situation.header(name, b"SUCCESS"));
    let engine = route(json!({ "client_certificate": "ignored" }));
    assert_eq!(changes(&engine, &situation).remove, spellings);
    assert_eq!(trailers_to_remove(engine.policy(), spellings.into_iter()), spellings);
    let twice = forged().header("x-client-verify", b"NONE");
    assert!(changes(&engine, &twice).remove.contains(&"x-client-verify".to_owned()));
}

#[test]
fn no_trailer_bears_the_name_of_envoys_own_header() {
    let engine = route(json!({ "client_certificate": "ignored" }));
    let names =
        ["x-forwarded-client-cert", "X_Forwarded_Client-Cert", "x-forwarded-client-certs", "grpc-status"];
    assert_eq!(trailers_to_remove(engine.policy(), names.into_iter()), names[..2]);
}

#[test]
fn headers_of_similar_names_stay() {
    let names = [
        "x-client-verified",
        "x-client-verify-2",
        "client-verify",
        "x-client-id",
        "xclientverify",
        "x--client-verify",
    ];
    let situation = names.iter().fold(Situation::get("/"), |situation, name| situation.header(name, b"x"));
    let engine = route(json!({ "client_certificate": "ignored" }));
    assert!(changes(&engine, &situation).remove.is_empty());
    assert!(trailers_to_remove(engine.policy(), names.into_iter()).is_empty());
}

#[test]
fn bytes_that_are_no_text_in_headers_change_nothing() {
    let engine = route(json!({ "client_certificate": "ignored" }));
    let situation = Situation::get("/").header("x-odd", b"\xff\xfe\0").header("x-client-verify", b"\xff");
    assert_eq!(changes(&engine, &situation).remove, ["x-client-verify"]);
}

#[test]
fn a_request_whose_headers_cannot_be_read_never_passes() {
    let engine = route(json!({ "client_certificate": "ignored" }));
    let unreadable = Situation::get("/").failing(Question::Headers);
    assert!(matches!(outcome(&engine, &unreadable), Outcome::Reply(_)));
    // Not even where the decision was made while they could be.
    let decision = crate::situation::decide(&engine, &Situation::get("/"));
    assert!(matches!(Outcome::of(&decision, engine.policy(), None, crate::situation::ID), Outcome::Reply(_)));
}
