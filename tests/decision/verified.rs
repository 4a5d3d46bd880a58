//! Who verified the certificate: presented is not verified.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::Ca;
use crate::situation::{Question, Situation, decide, document, leaf, one_route, record, verdict};
use mtls_policy::Engine;

fn verified_by(verified_by: Value) -> Engine {
    document(json!({
        "peer_certificate": { "verified_by": verified_by },
        "routes": [one_route(json!({ "client_certificate": "required", "allow": "any_verified" }))],
    }))
}

#[test]
fn without_resumption_the_certificate_must_be_valid_on_this_very_connection() {
    let engine = verified_by(json!({ "envoy": { "resumption": "disabled" } }));
    let minted = leaf("a").mint();
    let presented = || Situation::get("/").certificate(&minted);
    assert_eq!(verdict(&engine, &presented().valid(Some(true))), "verified");
    // Envoy says so of untrusted certificates and of resumed sessions alike.
    assert_eq!(verdict(&engine, &presented().valid(Some(false))), "untrusted");
}

#[test]
fn an_envoy_too_old_to_tell_validity_is_not_trusted_without_the_operators_word() {
    let disabled = verified_by(json!({ "envoy": { "resumption": "disabled" } }));
    let minted = leaf("a").mint();
    let old_envoy = Situation::get("/").certificate_in_header(&minted);
    assert_eq!(verdict(&disabled, &old_envoy), "untrusted");
    let detail = decide(&disabled, &old_envoy).verdict().unwrap_err().detail().to_owned();
    assert!(detail.contains("\"resumption\": \"trusted\""), "{detail}");
    let trusted = verified_by(json!({ "envoy": { "resumption": "trusted" } }));
    assert_eq!(verdict(&trusted, &old_envoy), "verified");
}

#[test]
fn where_the_operator_vouches_for_resumption_validity_is_not_asked_for() {
    let minted = leaf("a").mint();
    for form in [json!({ "envoy": { "resumption": "trusted" } }), json!("envoy")] {
        let engine = verified_by(form);
        for valid in [Some(true), Some(false), None] {
            let presented = Situation::get("/").certificate(&minted).valid(valid);
            assert_eq!(verdict(&engine, &presented), "verified");
            assert!(!presented.asked().contains(&Question::Valid));
        }
    }
}

#[test]
fn validity_is_asked_for_on_every_request_of_a_certificate_that_is_known() {
    let engine = verified_by(json!({ "envoy": { "resumption": "disabled" } }));
    let minted = leaf("a").mint();
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&minted)), "verified");
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&minted).valid(Some(false))), "untrusted");
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&minted).valid(None)), "untrusted");
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&minted)), "verified");
}

#[test]
fn an_untrusted_certificate_is_recorded_with_its_names_and_lets_nobody_in() {
    let engine = verified_by(json!({ "envoy": { "resumption": "disabled" } }));
    let minted = Ca::new("Evil CA").leaf("admin").dns("pay.acme.example").mint();
    let presented = Situation::get("/").certificate(&minted).valid(Some(false));
    let record = record(&engine, &presented);
    assert_eq!(record["decision"], "deny");
    assert_eq!(record["reason"], "untrusted");
    assert_eq!(record["certificate"]["issuer"], "CN=Evil CA");
    assert_eq!(record["certificate"]["dns"], json!(["pay.acme.example"]));
}

#[test]
fn an_untrusted_certificate_is_untrusted_before_it_is_expired_or_denied() {
    let engine = document(json!({
        "routes": [one_route(json!({
            "client_certificate": "required", "allow": "any_verified", "deny": { "dns": "a.example" },
        }))],
    }));
    let minted = leaf("a").dns("a.example").expired().mint();
    let presented = Situation::get("/").certificate(&minted).valid(Some(false));
    assert_eq!(verdict(&engine, &presented), "untrusted");
}
