//! Lints about matchers and identities.

use mtls_policy::policy::Lint;
use serde_json::{Value, json};

use crate::{found, policy};

fn with(allow: Value, deny: Value) -> Vec<String> {
    let route = json!({
        "name": "a", "match": {"path": "/"}, "client_certificate": "required", "allow": allow, "deny": deny,
    });
    found(&policy(json!({ "routes": [route] })))
}

/// What is found in a matcher that admits; one that refuses has only what is no matter of whom it admits.
fn in_allow(allow: Value) -> Vec<String> {
    let refused = with(json!({"dns": "a.acme.example"}), allow.clone());
    assert!(refused.iter().all(|line| line.starts_with(Lint::RegexWithoutNeed.id())), "{allow} {refused:?}");
    with(allow, json!({"dns": "b.acme.example"}))
}

#[test]
fn broad_patterns_in_allow_are_found_and_their_near_misses_are_not() {
    for (pattern, broad) in [
        (json!({"spiffe_id": "spiffe://acme.example/**"}), true),
        (json!({"spiffe_id": "spiffe://acme.example/*/**"}), true),
        (json!({"spiffe_id": "spiffe://acme.example/ns/**"}), false),
        (json!({"dns": "*.example"}), true),
        (json!({"dns": "*.co.uk"}), true),
        (json!({"dns": "*.acme.example"}), false),
        (json!({"dns": "*.acme.uk"}), false),
        (json!({"uri": {"prefix": "spiffe://"}}), true),
        (json!({"uri": {"prefix": "spiffe://acme.example"}}), true),
        (json!({"uri": {"prefix": "spiffe://acme.example/"}}), false),
        (json!({"uri": {"prefix": "urn:"}}), true),
        (json!({"uri": {"prefix": "urn:acme:"}}), false),
        (json!({"uri": {"suffix": "/sa/billing"}}), true),
        (json!({"uri": {"regex": ".*/sa/billing"}}), true),
        (json!({"uri": {"regex": "spiffe://acme\\.example/[a-z]+"}}), false),
        (json!({"email": {"prefix": "alice@"}}), true),
        (json!({"email": {"suffix": "acme.example"}}), true),
        (json!({"email": {"suffix": "@acme.example"}}), false),
        (json!({"email": {"suffix": ".acme.example"}}), false),
        (json!({"email": {"suffix": ".example"}}), true),
        (json!({"email": {"regex": "alice@.*"}}), true),
        (json!({"upn": {"suffix": "acme.example"}}), true),
        (json!({"upn": {"suffix": "@acme.example"}}), false),
        (json!({"ip": "0.0.0.0/0"}), true),
        (json!({"ip": "192.0.2.0/24"}), false),
        (json!({"other_name": {"oid": "1.2.3.4", "value": {"regex": ".+"}}}), true),
        (json!({"other_name": {"oid": "1.2.3.4", "value": {"regex": "[a-z]+"}}}), false),
        (json!({"extension": {"oid": "1.2.3.4", "value": {"utf8": {"regex": ".+"}}}}), true),
        (json!({"extension": "1.2.3.4"}), false),
        (json!({"subject": {"CN": {"regex": ".*"}}}), true),
        (json!({"subject": {"CN": {"regex": "(?:.|x)+"}}}), true),
        (json!({"subject": {"CN": {"regex": "[a-z ]+"}}}), false),
    ] {
        let found: Vec<String> =
            in_allow(pattern.clone()).into_iter().filter(|line| line.starts_with("broad-")).collect();
        assert_eq!(!found.is_empty(), broad, "{pattern} {found:?}");
        let turned = with(json!({"not": pattern}), json!({"dns": "b.acme.example"}));
        assert!(!turned.iter().any(|line| line.starts_with("broad-")), "{pattern}");
    }
}

#[test]
fn a_broad_pattern_in_an_identity_is_found_once_where_it_stands() {
    let route = |name: &str| {
        json!({
            "name": name, "match": {"path": format!("/{name}")}, "client_certificate": "required",
            "allow": {"identity": "all"},
        })
    };
    let identities = json!({"all": {"identity": "inner"}, "inner": {"spiffe_id": ["spiffe://a.example/b", "spiffe://a.example/**"]}});
    let document = policy(json!({"identities": identities, "routes": [route("a"), route("b")]}));
    assert_eq!(found(&document), ["broad-pattern at /identities/inner/spiffe_id/1"]);
}

#[test]
fn pins_of_certificates_are_found_and_pins_of_keys_are_not() {
    let digest = "00".repeat(32);
    assert_eq!(in_allow(json!({"sha256": [digest]})), ["expiring-pin at /routes/0/allow/sha256/0"]);
    assert!(in_allow(json!({"spki_sha256": digest})).is_empty());
}

#[test]
fn expressions_that_need_none_are_found_wherever_they_stand() {
    let expression = json!({"email": {"regex": "alice@acme\\.example"}});
    let wanted = ["regex-without-need at /routes/0/allow/email"];
    assert_eq!(in_allow(expression.clone()), wanted);
    let wanted = ["regex-without-need at /routes/0/deny/email"];
    assert_eq!(with(json!("any_verified"), expression), wanted);
    assert!(in_allow(json!({"email": {"regex": "(alice|bob)@acme\\.example"}})).is_empty());
    let routed = |regex: &str| {
        let route =
            json!({"name": "a", "match": {"path": {"regex": regex}}, "client_certificate": "ignored"});
        found(&policy(json!({ "routes": [route] })))
    };
    assert_eq!(routed("/v1/.*"), ["regex-without-need at /routes/0/match/path/regex"]);
    assert!(routed("/v1/[0-9]+").is_empty());
}

#[test]
fn identities_that_no_route_comes_to_are_found() {
    let route = json!({
        "name": "a", "match": {"path": "/"}, "client_certificate": "required",
        "allow": {"identity": "used"}, "deny": {"not": {"identity": ["denied"]}},
    });
    let dns = json!({"dns": "a.acme.example"});
    let identities = json!({
        "used": {"any": [{"identity": "inner"}]}, "inner": dns, "denied": dns,
        "unused": {"identity": "only-there"}, "only-there": dns,
    });
    let document = policy(json!({"identities": identities, "routes": [route]}));
    let wanted = ["unused-identity at /identities/only-there", "unused-identity at /identities/unused"];
    let mut found = found(&document);
    found.sort();
    assert_eq!(found, wanted);
}
