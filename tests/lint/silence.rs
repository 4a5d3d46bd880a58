//! `lint` in policies.

use std::collections::BTreeSet;

use mtls_policy::lint;
use mtls_policy::policy::{Lint, Policy};
use serde_json::{Value, json};

use crate::{found, now, policy, required};

fn shadowed(name: &str) -> Value {
    let mut route = required(name, json!({"path": format!("/{name}")}));
    route["mode"] = json!("shadow");
    route
}

#[test]
fn a_route_silences_what_is_found_in_it_and_the_policy_what_is_found_anywhere() {
    let mut silent = shadowed("a");
    silent["lint"] = json!({"allow": {"shadow": "until march"}});
    let mut document = policy(json!({"routes": [silent, shadowed("b")]}));
    assert_eq!(found(&document), ["shadow at /routes/1/mode"]);
    document["lint"] = json!({"allow": {"shadow": "a trial"}});
    assert!(found(&document).is_empty());
}

#[test]
fn a_silence_that_silences_nothing_is_found_and_can_be_silenced() {
    let mut route = shadowed("a");
    route["lint"] = json!({"allow": {"shadow": "a trial", "back-door": "none is here"}});
    let mut document = policy(json!({"lint": {"allow": {"shadow": "twice"}}, "routes": [route]}));
    let wanted = ["useless-allow at /lint/allow/shadow", "useless-allow at /routes/0/lint/allow/back-door"];
    assert_eq!(found(&document), wanted);
    document["lint"] = json!({"allow": {"useless-allow": "made by a tool"}});
    assert!(found(&document).is_empty());
}

#[test]
fn what_the_caller_allows_is_left_out_and_makes_no_silence_useless() {
    let mut silent = shadowed("a");
    silent["lint"] = json!({"allow": {"shadow": "until march"}});
    let document = policy(json!({"routes": [silent, shadowed("b")]})).to_string();
    let (_, findings) = lint::check(document.as_bytes(), &BTreeSet::from([Lint::Shadow]), now()).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn an_id_that_no_lint_has_is_an_error_with_a_suggestion() {
    let errors = |lint: Value| {
        let document = policy(json!({"lint": lint, "routes": [required("a", json!({"path": "/"}))]}));
        let errors = Policy::from_json(document.to_string().as_bytes()).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let text = errors(json!({"allow": {"never-match": "x"}}));
    assert!(
        text.ends_with(
            "unknown key `never-match` (at `/lint/allow/never-match`); did you mean `never-matches`?"
        ),
        "{text}"
    );
    let text = errors(json!({"allow": {"shadow": " "}}));
    assert!(
        text.ends_with(
            "the reason must not be empty (at `/lint/allow/shadow`); say why what the lint finds is meant"
        ),
        "{text}"
    );
    let text = errors(json!({"allow": ["shadow"]}));
    assert!(text.ends_with("expected an object, found an array (at `/lint/allow`)"), "{text}");
    let text = errors(json!({}));
    assert!(text.contains("missing key `allow`"), "{text}");
}
