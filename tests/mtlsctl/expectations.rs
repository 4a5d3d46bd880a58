//! `mtlsctl test`: what may be said of clients, and expected of answers and of what the upstream gets.

use serde_json::{Value, json};

use crate::{Files, run, stdout};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
  "routes": [
    {
      "name": "payments",
      "match": { "path": { "prefix": "/v1" }, "source": ["10.0.0.0/8", "192.0.2.0/24"] },
      "client_certificate": "required",
      "allow": { "issuer": { "CN": "Acme CA" } },
      "token": { "bound": true },
      "forward": { "headers": { "x-client": "{subject}" } },
      "on_deny": { "reasons": { "token_missing": { "redirect": { "url": "https://login.example/" } } } }
    }
  ]
}"#;

/// What comes of tests with these certificates at hand.
fn outcome(tests: &[Value]) -> (Option<i32>, String) {
    let file = json!({
        "certificate_defaults": { "issuer": { "CN": "Acme CA" }, "subject": { "O": "Acme", "CN": "a", "C": "DE" } },
        "certificates": {
            "a": {},
            "b": { "serial": "01" },
            "stranger": { "issuer": { "CN": "Other CA" } },
        },
        "tests": tests,
    });
    let files = Files::new(&[("policy.json", POLICY), ("tests.json", &file.to_string())]);
    let output = run(&["test", &files.path("tests.json")]);
    (output.status.code(), stdout(&output))
}

fn test(peer: Value, expect: Value) -> Value {
    json!({ "name": "one", "peer": peer, "request": {
        "url": "https://pay.example/v1", "headers": { "X-Client": "me", "X-Other": ["1", "2"] } }, "expect": expect })
}

fn bound(certificate: &str, to: &str) -> Value {
    json!({ "certificate": certificate, "token": { "claims": { "sub": "x" }, "bound_to": to } })
}

#[track_caller]
fn assert_passes(peer: Value, expect: Value) {
    let (code, page) = outcome(&[test(peer, expect)]);
    assert_eq!(code, Some(0), "{page}");
}

#[track_caller]
fn assert_fails(peer: Value, expect: Value, difference: &str) {
    let (code, page) = outcome(&[test(peer, expect)]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains(difference), "`{difference}` is not in\n{page}");
}

#[test]
fn a_token_is_bound_to_the_certificate_that_it_names() {
    assert_passes(bound("a", "a"), json!("permit"));
    assert_passes(bound("a", "b"), json!("token_not_bound"));
    assert_passes(
        json!({ "certificate": "a", "token": { "claims": { "sub": "x" } } }),
        json!("token_not_bound"),
    );
    assert_passes(json!("a"), json!("token_missing"));
}

#[test]
fn defaults_hold_for_certificates_that_do_not_say_otherwise() {
    assert_passes(bound("stranger", "stranger"), json!("identity_not_allowed"));
    let given = json!({ "serial": "02" });
    let peer = json!({ "certificate": given, "token": { "claims": {}, "bound_to": given } });
    assert_passes(peer, json!("permit"));
}

#[test]
fn what_the_upstream_gets_is_what_the_policy_sets_and_leaves() {
    // Written from the holder outwards, as RFC 4514 section 2.1 says.
    let named = "CN=a%2CO=Acme%2CC=DE";
    let upstream =
        json!({ "x-client": named, "X-Client-Verify": "SUCCESS", "x-other": "1, 2", "x-none": null });
    assert_passes(bound("a", "a"), json!({ "decision": "permit", "upstream": upstream }));
    assert_fails(
        bound("a", "a"),
        json!({ "decision": "permit", "upstream": { "x-client": null } }),
        &format!("expected header x-client for the upstream: none, got `{named}`"),
    );
}

#[test]
fn headers_of_an_answer_are_compared() {
    let location = json!({ "Location": "https://login.example/" });
    assert_passes(json!("a"), json!({ "decision": "deny", "status": 302, "answer": location }));
    assert_fails(
        json!("a"),
        json!({ "decision": "deny", "answer": { "location": null } }),
        "expected header location of the answer: none, got `https://login.example/`",
    );
}

#[test]
fn a_test_that_fails_says_why_the_request_was_denied() {
    assert_fails(bound("stranger", "stranger"), json!("permit"), "        because ");
}

#[test]
fn an_address_needs_no_port_and_a_client_no_address() {
    let at = |source: &str| {
        let mut peer = bound("a", "a");
        peer["source"] = json!(source);
        peer
    };
    for source in ["10.1.2.3", "10.1.2.3:50000"] {
        assert_passes(at(source), json!("permit"));
    }
    assert_passes(at("198.51.100.1"), json!("no_route"));
    assert_passes(bound("a", "a"), json!("permit"));
    assert_passes(at("nowhere"), json!("internal_error"));
}
