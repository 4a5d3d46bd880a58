//! What a decision asks, what becomes of errors, and that it depends on nothing but its facts.

use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Question, Situation, allow, document, leaf, one_route, route, verdict, verdict_on};

const EVERY: [Question; 6] = [
    Question::Headers,
    Question::Digest,
    Question::Pem,
    Question::Valid,
    Question::ServerName,
    Question::TlsVersion,
];

#[test]
fn a_question_that_is_not_answered_is_a_denial() {
    let minted = leaf("a").mint();
    for demand in ["required", "optional"] {
        let hosts = json!({ "hosts": ["pay.acme.example"] });
        let engine =
            || route(json!({ "match": hosts, "client_certificate": demand, "allow": "any_verified" }));
        for question in EVERY {
            // How the client is connected is asked where a server name should be and is not.
            let situation = if question == Question::TlsVersion {
                Situation::get("/").no_server_name()
            } else {
                Situation::get("/")
            };
            assert_eq!(
                verdict(&engine(), &situation.certificate(&minted).failing(question)),
                "internal_error",
                "{question:?}"
            );
        }
        let source = Situation::get("/").certificate(&minted).failing(Question::Source);
        assert_eq!(verdict(&engine(), &source), "verified", "no decision asks for the source");
    }
}

#[test]
fn nothing_is_asked_that_the_policy_does_not_ask_for() {
    let ignored = route(json!({ "client_certificate": "ignored" }));
    let situation = EVERY.into_iter().skip(1).fold(Situation::get("/"), Situation::failing);
    assert_eq!(verdict(&ignored, &situation), "anonymous");

    let mesh = document(json!({
        "peer_certificate": { "verified_by": "envoy" },
        "routes": [one_route(json!({
            "client_certificate": "required", "allow": "any_verified", "tls": { "sni": "ignore" },
        }))],
    }));
    let situation = Situation::get("/").certificate(&leaf("a").mint());
    assert_eq!(verdict(&mesh, &situation), "verified");
    assert_eq!(situation.asked(), [Question::Headers, Question::Digest, Question::Pem]);
}

#[test]
fn the_same_facts_give_the_same_decision_whatever_was_decided_between() {
    let engine = allow(json!({ "dns": "good.example" }));
    let (good, bad) = (leaf("good").dns("good.example").mint(), leaf("bad").dns("bad.example").mint());
    for _ in 0..3 {
        assert_eq!(verdict_on(&engine, &good), "verified");
        assert_eq!(verdict_on(&engine, &bad), "identity_not_allowed");
        assert_eq!(verdict(&engine, &Situation::get("/")), "no_certificate");
        let mismatched = Situation::get("/").certificate(&bad).pem(good.pem().as_bytes());
        let wanted = verdict(&allow(json!({ "dns": "good.example" })), &mismatched);
        assert_eq!(wanted, "forwarded_certificate_mismatch", "to an engine that knows neither");
        assert_eq!(verdict(&engine, &Situation::get("/").certificate(&good).valid(Some(false))), "untrusted");
    }
}

#[test]
fn a_certificate_whose_digest_is_known_is_not_read_again() {
    let engine = allow(json!("any_verified"));
    let minted = leaf("a").mint();
    let presented = || Situation::get("/").certificate(&minted);
    let untrusted = presented().valid(Some(false));
    for situation in [untrusted, presented()] {
        verdict(&engine, &situation);
        assert!(situation.asked().contains(&Question::Pem), "one that was not verified is not kept");
    }
    let known = presented();
    assert_eq!(verdict(&engine, &known), "verified");
    assert!(!known.asked().contains(&Question::Pem));
}

#[test]
fn a_certificate_that_was_untrusted_is_trusted_once_it_is_and_no_longer() {
    let engine = allow(json!("any_verified"));
    let minted = leaf("a").mint();
    for (valid, wanted) in
        [(false, "untrusted"), (true, "verified"), (false, "untrusted"), (true, "verified")]
    {
        assert_eq!(verdict(&engine, &Situation::get("/").certificate(&minted).valid(Some(valid))), wanted);
    }
}

#[test]
fn more_certificates_than_any_cache_holds_are_all_told_apart() {
    let engine = allow(json!({ "dns": "n7.example" }));
    // Large ones, of which some forty fill a generation of the cache.
    let padding: Vec<u8> = vec![0x41; 60_000];
    let minted = |index: usize| {
        let leaf = leaf(&format!("n{index}")).dns(&format!("n{index}.example"));
        leaf.extension(&[1, 3, 6, 1, 4, 1, 99999], &padding).mint()
    };
    let all: Vec<_> = (0..75).map(minted).collect();
    let says = |index: usize| {
        let wanted = if index == 7 { "verified" } else { "identity_not_allowed" };
        assert_eq!(verdict_on(&engine, &all[index]), wanted, "{index}");
    };
    (0..75).for_each(says);
    [7, 0, 8, 74, 7, 40, 7].into_iter().for_each(says);
}

#[test]
fn a_forwarded_header_is_checked_on_every_request() {
    let engine = document(json!({
        "peer_certificate": { "verified_by": "envoy" },
        "routes": [one_route(json!({ "client_certificate": "required", "allow": "any_verified" }))],
    }));
    let minted = leaf("a").mint();
    let good = || Situation::get("/").certificate_in_header(&minted);
    assert_eq!(verdict(&engine, &good()), "verified");
    assert_eq!(
        verdict(&engine, &good().header("x-forwarded-client-cert", b"Hash=00")),
        "forwarded_certificate_mismatch"
    );
    let none = good().without_header("x-forwarded-client-cert");
    assert_eq!(verdict(&engine, &none), "forwarded_certificate_mismatch");
    assert_eq!(verdict(&engine, &good()), "verified");
}
