//! `mtlsctl explain` and `mtlsctl test` on what routes demand of certificates, connections and tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use crate::mint::Ca;
use crate::{Files, run, stderr, stdout};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
  "routes": [
    {
      "name": "payments",
      "match": { "path": { "prefix": "/v1" } },
      "client_certificate": "required",
      "allow": "any_verified",
      "certificate": { "max_dns_names": 1, "max_lifetime_days": 30000 },
      "tls": { "min_version": "TLSv1.3", "ciphers": ["TLS_AES_128_GCM_SHA256"] },
      "token": { "claims": { "sub": "alice" }, "bound": true }
    }
  ]
}"#;

const URL: &str = "https://pay.acme.example/v1";

fn files() -> Files {
    let minted = Ca::new("Acme Root").leaf("billing").dns("billing.acme.example").mint();
    let digest = BASE64_URL_SAFE_NO_PAD.encode(minted.digest());
    let bound = json!({ "sub": "alice", "cnf": { "x5t#S256": digest } }).to_string();
    Files::new(&[
        ("policy.json", POLICY),
        ("client.pem", &minted.pem()),
        ("bound.json", &bound),
        ("list.json", "[]"),
    ])
}

fn explain(files: &Files, more: &[&str]) -> (Option<i32>, String) {
    let (policy, cert) = (files.path("policy.json"), files.path("client.pem"));
    let fixed = ["explain", &policy, URL, "--cert", &cert, "--at", "2026-01-01T00:00:00Z"];
    let output = run(&[&fixed[..], more].concat());
    (output.status.code(), stdout(&output) + &stderr(&output))
}

#[test]
fn every_demand_is_explained_with_what_was_found() {
    let files = files();
    let claims = files.path("bound.json");
    let (code, page) = explain(&files, &["--cipher", "TLS_AES_128_GCM_SHA256", "--claims", &claims]);
    assert_eq!(code, Some(0), "{page}");
    for part in [
        "`TLSv1.3`; demanded is at least `TLSv1.3`",
        "cipher suite `TLS_AES_128_GCM_SHA256`",
        "it is for `clientAuth`",
        "it holds `1` DNS names, and at most `1` are accepted",
        "accepted are `30000` days",
        "claim `sub` is as demanded",
        "bound to the certificate",
    ] {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
}

#[test]
fn a_demand_that_is_not_met_ends_the_explanation() {
    let files = files();
    let suite = ["--cipher", "TLS_AES_128_GCM_SHA256"];
    let claims = files.path("bound.json");
    for (more, reason) in [
        (&["--tls-version", "TLSv1.2"][..], "tls_version"),
        (&["--cipher", "TLS_AES_256_GCM_SHA384"], "cipher"),
        (&[], "internal_error"),
        (&suite, "token_missing"),
        (&[suite[0], suite[1], "--claims", &claims, "--token-metadata", "other"], "token_missing"),
    ] {
        let (code, page) = explain(&files, more);
        assert_eq!(code, Some(1), "{page}");
        assert!(page.contains(reason), "`{reason}` is not in\n{page}");
    }
    let (code, page) = explain(&files, &["--claims", &files.path("list.json")]);
    assert_eq!(code, Some(2), "{page}");
    assert!(page.contains("no JSON object of claims"), "{page}");
}

#[test]
fn a_version_or_cipher_suite_needs_tls() {
    let files = files();
    let policy = files.path("policy.json");
    for more in [["--tls-version", "TLSv1.2"], ["--cipher", "AES128-SHA"]] {
        let output = run(&["explain", &policy, "http://pay.acme.example/v1", more[0], more[1]]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("without TLS"), "{}", stderr(&output));
    }
}

#[test]
fn policy_tests_name_connections_and_tokens() {
    let peer = |more: serde_json::Value| {
        let mut peer = json!({
            "certificate": "client", "cipher": "TLS_AES_128_GCM_SHA256", "token": { "claims": { "sub": "alice" } },
        });
        peer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        peer
    };
    let test = |name: &str, peer: serde_json::Value, expected: &str| json!({ "name": name, "peer": peer, "request": format!("GET {URL}"), "expect": expected });
    let policy = POLICY.replace(r#", "bound": true"#, "");
    let tests = json!({
        "time": "2026-01-01T00:00:00Z",
        "certificates": { "client": { "dns": "billing.acme.example" } },
        "tests": [
            test("good", peer(json!({})), "permit"),
            test("old", peer(json!({ "tls_version": "TLSv1.2" })), "tls_version"),
            test("weak", peer(json!({ "cipher": "AES128-SHA" })), "cipher"),
            test("another", peer(json!({ "token": { "claims": { "sub": "bob" } } })), "token_mismatch"),
            test("none", peer(json!({ "token": null })), "token_missing"),
            test("elsewhere", peer(json!({ "token": { "metadata": "x", "claims": { "sub": "alice" } } })), "token_missing"),
        ],
    });
    let files = Files::new(&[("policy.json", &policy), ("tests.json", &tests.to_string())]);
    let output = run(&["test", &files.path("tests.json")]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}
