//! Who vouches for the clients of `mtlsctl test`, where the filter verifies.

use std::fs;

use serde_json::{Value, json};

use crate::chains::{URL, issuing, leaf, policy};
use crate::{Files, run, stdout};

/// What `mtlsctl test` says of one test of a client at `/v1`: the errors, and what differed from a permit.
fn tested(policy: &Value, files: &[(&str, &str)], peer: &Value) -> (Vec<String>, String) {
    let tests = json!({ "tests": [{ "name": "a", "peer": peer, "request": format!("GET {URL}"), "expect": "permit" }] });
    let folder = Files::new(&[("policy.json", &policy.to_string()), ("tests.json", &tests.to_string())]);
    for (name, text) in files {
        fs::write(folder.path(name), text).unwrap();
    }
    let output = run(&["test", "--format", "json", &folder.path("tests.json")]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let errors = report["errors"].as_array().unwrap();
    let errors = errors.iter().map(|error| error.as_str().unwrap().split_once(": ").unwrap().1.to_owned());
    let result = &report["files"][0]["tests"][0];
    let said = match result["differences"].as_array() {
        Some(differences) if differences.is_empty() => "permit".to_owned(),
        Some(_) => result["detail"].as_str().unwrap().to_owned(),
        None => String::new(),
    };
    (errors.collect(), said)
}

fn outcome(files: &[(&str, &str)], peer: &Value) -> String {
    let (errors, said) = tested(&policy("plugin"), files, peer);
    assert_eq!(errors, Vec::<String>::new());
    said
}

#[test]
fn who_vouches_for_a_described_certificate_is_what_its_test_says() {
    let peer = |verified: Option<Value>| {
        let mut peer = json!({ "certificate": { "dns": "billing.acme.example" } });
        if let Some(verified) = verified {
            peer["verified"] = verified;
        }
        outcome(&[], &peer)
    };
    assert_eq!(peer(None), "permit");
    for verified in [json!(true), json!("corp"), json!("partner")] {
        assert_eq!(peer(Some(verified.clone())), "permit", "{verified}");
    }
    assert_eq!(peer(Some(json!(false))), "the test says that no trust bundle vouches for it");
    let mut narrow = policy("plugin");
    narrow["routes"][0]["trust"] = json!("partner");
    let corp = json!({ "certificate": { "dns": "billing.acme.example" }, "verified": "corp" });
    assert_eq!(tested(&narrow, &[], &corp).1, "the test says that no trust bundle vouches for it");
}

#[test]
fn a_certificate_in_a_file_is_verified_with_what_the_file_holds_beside_it() {
    let chain = leaf() + &issuing().pem();
    let files = [("chain.pem", chain.as_str()), ("leaf.pem", &leaf())];
    let as_it_is = |file: &str| outcome(&files, &json!({ "certificate": { "file": file } }));
    assert_eq!(as_it_is("chain.pem"), "permit");
    assert!(as_it_is("leaf.pem").contains("by `corp`: "));
    let said = |file: &str, verified: Value| {
        outcome(&files, &json!({ "certificate": { "file": file }, "verified": verified }))
    };
    assert_eq!(said("leaf.pem", json!(true)), "permit");
    assert_eq!(said("leaf.pem", json!("corp")), "permit");
    assert_eq!(said("chain.pem", json!(false)), "the test says that no trust bundle vouches for it");
}

#[test]
fn a_word_of_envoy_is_none_of_a_trust_bundle_and_the_other_way_round() {
    let peer =
        |verified: Value| json!({ "certificate": { "dns": "billing.acme.example" }, "verified": verified });
    let error = |by: &str, verified: Value| tested(&policy(by), &[], &peer(verified)).0;
    assert_eq!(
        error("plugin", json!("corb")),
        ["test `a`: `verified`: the policy has no trust bundle `corb`; it has `corp`, `partner`"]
    );
    assert_eq!(
        error("plugin", json!(null)),
        ["test `a`: `verified`: `null` is a word of Envoy, and by this policy the filter verifies"]
    );
    assert_eq!(
        error("envoy", json!("corp")),
        [
            "test `a`: `verified`: by this policy Envoy verifies, and knows no trust bundles: say `true`, `false` or `null`"
        ]
    );
    assert_eq!(error("envoy", json!(null)), Vec::<String>::new());
}
