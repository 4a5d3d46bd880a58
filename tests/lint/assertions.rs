//! `assert` in policies.

use mtls_policy::lint::{Finding, Severity};
use mtls_policy::policy::Policy;
use serde_json::{Value, json};

use crate::{findings, ignored, policy, required};

/// The outcomes of one assertion over these routes: codes and messages.
fn outcome(assertion: &Value, routes: Value) -> Vec<(String, String)> {
    let document = policy(json!({ "assert": [assertion], "routes": routes, "path_case": "sensitive" }));
    findings(&document)
        .iter()
        .filter(|finding| finding.location().pointer.starts_with("/assert"))
        .map(|finding: &Finding| (finding.rule().code().to_owned(), finding.message().to_owned()))
        .collect()
}

fn codes(assertion: &Value, routes: Value) -> Vec<String> {
    outcome(assertion, routes).into_iter().map(|(code, _)| code).collect()
}

fn never_open() -> Value {
    json!({"path": {"prefix": "/v1"}, "never": {"client_certificate": ["ignored", "optional", "unverified"]}})
}

#[test]
fn an_assertion_that_holds_says_nothing() {
    let v1 = || required("v1", json!({"path": {"prefix": "/v1"}}));
    assert!(codes(&never_open(), json!([v1()])).is_empty());
    // The open route never takes what the assertion is about.
    assert!(
        codes(&never_open(), json!([v1(), ignored("rest", json!({"path": {"prefix": "/"}}))])).is_empty()
    );
    assert!(
        codes(&never_open(), json!([ignored("old", json!({"path": {"prefix": "/v1-old"}})), v1()]))
            .is_empty()
    );
}

#[test]
fn an_assertion_that_does_not_hold_is_an_error_with_a_counterexample() {
    let routes = json!([
        required("v1", json!({"path": {"prefix": "/v1"}, "methods": ["POST"]})),
        ignored("rest", json!({"path": {"prefix": "/"}})),
    ]);
    let wanted = "the assertion does not hold: `GET https://any.example/v1` is taken by route `rest`, where \
                  `client_certificate` is `ignored`, which it must never be";
    assert_eq!(outcome(&never_open(), routes.clone()), [("assertion-failed".to_owned(), wanted.to_owned())]);
    let findings = findings(&policy(json!({ "assert": [never_open()], "routes": routes })));
    let failed = findings.iter().find(|finding| finding.rule().code() == "assertion-failed").unwrap();
    assert_eq!(failed.rule().severity(), Severity::Error);
}

#[test]
fn hosts_and_methods_say_which_requests_an_assertion_is_about() {
    let routes = || {
        json!([
            required(
                "writes",
                json!({"hosts": ["a.example"], "path": {"prefix": "/v1"}, "methods": ["POST"]})
            ),
            ignored("reads", json!({"path": {"prefix": "/v1"}})),
        ])
    };
    let about = |hosts: Value, methods: Value| {
        let mut assertion = never_open();
        assertion["hosts"] = hosts;
        assertion["methods"] = methods;
        codes(&assertion, routes())
    };
    assert!(about(json!(["a.example"]), json!(["POST"])).is_empty());
    assert_eq!(about(json!(["a.example", "b.example"]), json!(["POST"])), ["assertion-failed"]);
    assert_eq!(about(json!(["*.example"]), json!(["POST"])), ["assertion-failed"]);
    assert_eq!(about(json!(["a.example"]), json!(["POST", "GET"])), ["assertion-failed"]);
}

#[test]
fn always_names_what_every_route_must_have() {
    let assertion = json!({"always": {"client_certificate": "required", "mode": "enforce"}});
    let mut shadowed = required("a", json!({"path": "/a"}));
    assert!(codes(&assertion, json!([shadowed.clone()])).is_empty());
    shadowed["mode"] = json!("shadow");
    let wanted = "the assertion does not hold: `GET https://any.example/a` is taken by route `a`, where `mode` is \
                  `shadow`, and must always be `enforce`";
    assert_eq!(outcome(&assertion, json!([shadowed]))[0].1, wanted);
    let mut in_part = required("a", json!({"path": "/a"}));
    in_part["enforce_ratio"] = json!(0.9);
    assert_eq!(outcome(&assertion, json!([in_part]))[0].1, wanted, "enforced for some is not enforced");
    let either = json!({"always": {"client_certificate": ["required", "ignored"]}});
    let mut optional = ignored("o", json!({"path": "/o"}));
    assert!(codes(&either, json!([optional.clone()])).is_empty());
    optional["client_certificate"] = json!("optional");
    assert_eq!(codes(&either, json!([optional])), ["assertion-failed"]);
}

#[test]
fn never_any_verified_means_whoever_comes() {
    let assertion = json!({"never": {"allow": "any_verified"}});
    let mut route = required("a", json!({"path": "/a"}));
    assert_eq!(codes(&assertion, json!([route.clone()])), ["assertion-failed"]);
    route["allow"] = json!({"dns": "a.acme.example"});
    assert!(codes(&assertion, json!([route.clone()])).is_empty());
    let mut shadowed = route.clone();
    shadowed["mode"] = json!("shadow");
    assert_eq!(
        codes(&assertion, json!([shadowed])),
        ["assertion-failed"],
        "whom it denies gets in all the same"
    );
    route["client_certificate"] = json!("optional");
    assert_eq!(codes(&assertion, json!([route])), ["assertion-failed"]);
    assert_eq!(codes(&assertion, json!([ignored("b", json!({"path": "/b"}))])), ["assertion-failed"]);
}

#[test]
fn requests_without_a_path_are_covered_by_assertions_without_one() {
    let routes = || {
        json!([
            required("all", json!({"path": {"prefix": "/"}})),
            ignored("rest", json!({"methods": ["OPTIONS", "GET"]})),
        ])
    };
    let assertion = json!({"never": {"client_certificate": "ignored"}});
    let (_, message) = outcome(&assertion, routes()).remove(0);
    assert!(message.contains("`OPTIONS * of any.example` is taken by route `rest`"), "{message}");
    let assertion = json!({"path": {"prefix": "/"}, "never": {"client_certificate": "ignored"}});
    assert!(codes(&assertion, routes()).is_empty());
}

#[test]
fn an_assertion_about_nothing_is_found() {
    let routes = json!([required("v2", json!({"path": {"prefix": "/v2"}}))]);
    assert_eq!(codes(&never_open(), routes), ["vacuous-assertion"]);
}

#[test]
fn an_assertion_that_cannot_be_decided_is_an_error() {
    let routes = json!([
        required("a", json!({"path": "/a"})),
        ignored("b", json!({"path": {"regex": "/b/(?:a|b)*a(?:a|b){24}"}}))
    ]);
    let assertion = json!({"path": {"prefix": "/a"}, "never": {"client_certificate": "ignored"}});
    assert_eq!(
        codes(&assertion, routes),
        Vec::<String>::new(),
        "the expression is large, and begins otherwise"
    );
    let mut first = required("a", json!({"path": {"regex": "/a/(?:a|b)*a(?:a|b){24}"}}));
    let second = || ignored("b", json!({"path": {"regex": "/a/[ab]*a[ab]{24}"}}));
    assert_eq!(codes(&assertion, json!([first.clone(), second()])), ["assertion-unproven"]);
    // A request that is easily found is enough.
    first["match"]["methods"] = json!(["POST"]);
    assert_eq!(codes(&assertion, json!([first, second()])), ["assertion-failed"]);
}

#[test]
fn mistakes_in_assertions_are_errors_for_the_filter_too() {
    let errors = |assertion: Value| {
        let document =
            policy(json!({"assert": [assertion], "routes": [required("a", json!({"path": "/"}))]}));
        let errors = Policy::from_json(document.to_string().as_bytes()).unwrap_err();
        let line = |error: String| error.split_once(": ").unwrap().1.to_owned();
        errors.iter().map(|error| line(error.to_string())).collect::<Vec<_>>().join("\n")
    };
    for (assertion, wanted) in [
        (
            json!({"path": "/a"}),
            "missing key `never` (at `/assert/0`); say what must `never`, or must `always`, be true of the routes that \
             take these requests",
        ),
        (json!({"never": {}}), "a demand must not be empty (at `/assert/0/never`)"),
        (
            json!({"never": {"client_certificate": "ignore"}}),
            "unknown value `ignore`, expected one of `required`, `optional`, `unverified`, `ignored` (at \
             `/assert/0/never/client_certificate`); did you mean `ignored`?",
        ),
        (
            json!({"always": {"allow": "any_verified"}}),
            "unknown key `allow` (at `/assert/0/always/allow`); known here: `client_certificate`, `mode`",
        ),
        (
            json!({"path": "v1", "never": {"mode": ["shadow"]}}),
            "`v1` is not a plain path: it does not begin with `/` (at `/assert/0/path`)",
        ),
        (
            json!({"name": "a b", "pth": "/", "never": {"mode": []}}),
            "`a b` is not a name: use 1 to 64 letters, digits, `.`, `_` and `-` (at `/assert/0/name`)\n\
             a list of values must not be empty (at `/assert/0/never/mode`)\n\
             unknown key `pth` (at `/assert/0/pth`); did you mean `path`?",
        ),
    ] {
        assert_eq!(errors(assertion.clone()), wanted, "{assertion}");
    }
}
