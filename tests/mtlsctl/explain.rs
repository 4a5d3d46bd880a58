//! `mtlsctl explain`: what is decided of one request, and why.

use serde_json::Value;

use crate::mint::{Ca, Leaf};
use crate::{Files, run, stderr, stdout};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
  "identities": { "billing": { "any": [{ "dns": "billing.acme.example" }, { "email": "billing@acme.example" }] } },
  "routes": [
    { "name": "health", "match": { "path": "/healthz" }, "client_certificate": "ignored" },
    {
      "name": "payments",
      "match": { "path": { "prefix": "/v1" } },
      "client_certificate": "required",
      "deny": { "serial": "0f" },
      "allow": { "identity": "billing" }
    }
  ]
}"#;

fn leaf() -> Leaf {
    Ca::new("Acme Root").leaf("billing").dns("billing.acme.example")
}

/// A folder with the policy and the certificate.
fn files(leaf: Leaf) -> Files {
    Files::new(&[("policy.json", POLICY), ("client.pem", &leaf.mint().pem())])
}

#[test]
fn a_permit_is_explained_from_the_request_to_the_matcher_that_held() {
    let files = files(leaf());
    let (policy, cert) = (files.path("policy.json"), files.path("client.pem"));
    let output = run(&[
        "explain",
        &policy,
        "https://pay.acme.example/v1/x",
        "--cert",
        &cert,
        "--at",
        "2026-01-01T00:00:00Z",
    ]);
    let page = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{page}{}", stderr(&output));
    let mut from = 0;
    for part in [
        "GET pay.acme.example/v1/x",
        "route `payments`",
        "subject `CN=billing`",
        r#"{"serial": "0f"}"#,
        r#"{"identity": "billing"}"#,
        r#"{"dns": "billing.acme.example"}"#,
        "permit by route `payments` (enforce)",
    ] {
        let at = page.get(from..).unwrap().find(part);
        from += at.unwrap_or_else(|| panic!("`{part}` is not there, or too early:\n{page}"));
    }
    assert!(!page.contains("billing@"), "what was not asked is not shown:\n{page}");
}

#[test]
fn a_denial_is_explained_as_json_and_exits_with_1() {
    let files = files(leaf().serial(&[0x0f]));
    let (policy, cert) = (files.path("policy.json"), files.path("client.pem"));
    let arguments =
        ["explain", &policy, "https://pay.acme.example/v1/x", "--cert", &cert, "--format", "json"];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let explanation: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(explanation["decision"], "deny");
    assert_eq!(explanation["reason"], "identity_denied");
    assert_eq!(explanation["route"], "payments");
    let steps = explanation["steps"].as_array().unwrap();
    let last = steps.last().unwrap();
    assert_eq!((&last["stage"], &last["finding"]), (&"deny".into(), &"yes".into()));
    assert!(!steps.iter().any(|step| step["stage"] == "allow"), "`allow` is not asked after `deny` held");
}

#[test]
fn a_request_without_a_certificate_or_with_one_that_envoy_did_not_verify_is_denied() {
    let files = files(leaf());
    let (policy, cert) = (files.path("policy.json"), files.path("client.pem"));
    for (arguments, reason) in [
        (&[][..], "no_certificate"),
        (&["--cert", &cert, "--unverified"], "untrusted"),
        (&["--cert", &cert, "--at", "2100-01-01T00:00:00Z"], "expired"),
        (&["--cert", &cert, "--sni", "other.example"], "sni_mismatch"),
    ] {
        let output = run(&[&["explain", &policy, "https://pay.acme.example/v1/x"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{reason}");
        assert!(stdout(&output).contains(&format!("deny {reason}")), "{reason}: {}", stdout(&output));
    }
}

#[test]
fn the_path_is_taken_as_it_is_written() {
    let files = files(leaf());
    let policy = files.path("policy.json");
    let output = run(&["explain", &policy, "https://pay.acme.example/healthz/../v1/x"]);
    assert!(stdout(&output).contains("deny ambiguous_path"), "{}", stdout(&output));
    let output = run(&["explain", &policy, "https://pay.acme.example/healthz"]);
    assert!(stdout(&output).contains("permit by route `health`"), "{}", stdout(&output));
}

#[test]
fn a_forwarded_header_stands_for_the_certificate() {
    let files = files(leaf());
    let policy = files.path("policy.json");
    let xfcc = leaf().mint().xfcc_element();
    let output = run(&["explain", &policy, "https://pay.acme.example/v1/x", "--xfcc", &xfcc]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let near_miss = xfcc.replacen("Hash=", "Hash=0", 1);
    let output = run(&["explain", &policy, "https://pay.acme.example/v1/x", "--xfcc", &near_miss]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("`Hash` of 64 hexadecimal digits"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_explained_exits_with_2_and_says_why() {
    let files =
        Files::new(&[("policy.json", POLICY), ("bad.json", r#"{"version": 1}"#), ("key.pem", "no PEM")]);
    let (policy, bad, key) = (files.path("policy.json"), files.path("bad.json"), files.path("key.pem"));
    let url = "https://pay.acme.example/v1/x";
    for (arguments, part) in [
        (vec!["explain", &bad, url], "missing key `routes`"),
        (vec!["explain", "nowhere.json", url], "cannot be read"),
        (vec!["explain", &policy, url, "--cert", &key], "it holds no certificate"),
        (vec!["explain", &policy, "ftp://a.example/"], "not a URL"),
        (vec!["explain", &policy, url, "--at", "yesterday"], "not a time"),
        (vec!["explain", &policy, "http://a.example/", "--sni", "a"], "without TLS"),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(part), "{arguments:?}: {}", stderr(&output));
    }
}
