//! Chains that the filter verifies, in explanations and in cases of conformance suites.

use serde_json::{Value, json};

use crate::mint::Ca;
use crate::{Files, run, run_on_stdin, stderr, stdout};

fn root() -> Ca {
    Ca::new("Acme Root")
}

pub(crate) fn issuing() -> Ca {
    root().intermediate("Acme Issuing")
}

pub(crate) fn leaf() -> String {
    issuing().leaf("billing").dns("billing.acme.example").mint().pem()
}

/// A policy by which the filter verifies, or Envoy.
pub(crate) fn policy(verified_by: &str) -> Value {
    let mut policy = json!({
        "version": 1,
        "peer_certificate": { "verified_by": verified_by },
        "trust_bundles": {
            "corp": { "anchors_pem": [root().pem()] },
            "partner": { "anchors_pem": [Ca::new("Partner Root").pem()] },
        },
        "routes": [{
            "name": "payments",
            "match": { "path": { "prefix": "/v1" } },
            "client_certificate": "required",
            "allow": { "dns": "billing.acme.example" },
        }],
    });
    if verified_by == "plugin" {
        policy["routes"][0]["trust"] = json!(["partner", "corp"]);
    }
    policy
}

pub(crate) const URL: &str = "https://pay.acme.example/v1";

/// What is explained of a client that presents what is in the file.
fn explained(presented: &str, arguments: &[&str]) -> String {
    let files = Files::new(&[("policy.json", &policy("plugin").to_string()), ("client.pem", presented)]);
    let (policy, cert) = (files.path("policy.json"), files.path("client.pem"));
    let output = run(&[&["explain", &policy, URL, "--cert", &cert], arguments].concat());
    assert_eq!(stderr(&output), "");
    stdout(&output)
}

#[test]
fn an_explanation_shows_the_chain_that_was_verified() {
    let page = explained(&(leaf() + &issuing().pem()), &[]);
    assert!(
        page.contains("verified up to `CN=Acme Issuing`, issued by `CN=Acme Root`, of trust bundle `corp`"),
        "{page}"
    );
    assert!(page.contains("permit by route `payments`"), "{page}");
}

#[test]
fn an_explanation_says_why_there_is_no_chain() {
    for (presented, why) in [
        // The intermediate is in no bundle, and this client does not present it.
        (
            leaf(),
            "by `corp`: `CN=Acme Issuing`, who issued it or an issuer of it, is neither in the bundle nor was presented",
        ),
        (
            Ca::new("Other Root").leaf("billing").dns("billing.acme.example").mint().pem(),
            "by `partner`: `CN=Other Root`, who issued it or an issuer of it, is neither in the bundle nor was presented",
        ),
    ] {
        let page = explained(&presented, &[]);
        assert!(page.contains("deny untrusted") && page.contains(why), "{page}");
    }
}

#[test]
fn a_header_that_is_given_is_the_one_that_is_read() {
    let header = format!("x-forwarded-client-cert: {}", Ca::new("a").leaf("a").mint().xfcc_element());
    let page = explained(&(leaf() + &issuing().pem()), &["--header", &header]);
    assert!(page.contains("deny forwarded_certificate_mismatch"), "{page}");
}

/// What is decided of a case of `eval`, and why not.
fn evaluated(policy: &Value, peer: &Value) -> (String, String) {
    let case = json!({
        "op": "eval",
        "policy": policy,
        "request": { "authority": "pay.acme.example", "path": "/v1" },
        "peer": peer,
    });
    let output = run_on_stdin(&["conformance"], case.to_string().as_bytes());
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("reason"))
}

fn evaluated_by_plugin(peer: &Value) -> (String, String) {
    evaluated(&policy("plugin"), peer)
}

fn because(reason: &str) -> (String, String) {
    ("deny".to_owned(), reason.to_owned())
}

#[test]
fn a_case_may_say_what_was_presented_beside_the_leaf_with_the_leaf_or_without() {
    let allowed = ("allow".to_owned(), String::new());
    let peer = |chain: Value| json!({ "sni": "pay.acme.example", "leaf_pem": leaf(), "chain_pem": chain });
    assert_eq!(evaluated_by_plugin(&peer(json!([issuing().pem()]))), allowed);
    assert_eq!(evaluated_by_plugin(&peer(json!([leaf(), issuing().pem()]))), allowed);
    assert_eq!(evaluated_by_plugin(&peer(json!([leaf() + &issuing().pem()]))), allowed);
    for chain in [json!(null), json!([]), json!([leaf()]), json!([root().pem()])] {
        assert_eq!(evaluated_by_plugin(&peer(chain.clone())), because("untrusted"), "{chain}");
    }
    assert_eq!(
        evaluated_by_plugin(&peer(json!(["no PEM"]))),
        ("error".to_owned(), "malformed_case".to_owned())
    );
}

#[test]
fn a_header_of_a_case_is_read_instead_of_its_chain() {
    let other = Ca::new("a").leaf("a").mint().xfcc_element();
    let peer = json!({
        "sni": "pay.acme.example",
        "leaf_pem": leaf(),
        "chain_pem": [issuing().pem()],
        "xfcc": other,
    });
    assert_eq!(evaluated_by_plugin(&peer), because("forwarded_certificate_mismatch"));
}

#[test]
fn a_chain_is_nothing_to_a_policy_by_which_envoy_verifies() {
    let peer = json!({ "sni": "pay.acme.example", "leaf_pem": leaf(), "chain_pem": ["no PEM"] });
    assert_eq!(evaluated(&policy("envoy"), &peer), ("allow".to_owned(), String::new()));
}
