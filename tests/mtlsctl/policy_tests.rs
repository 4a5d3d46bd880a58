//! `mtlsctl test`: does a policy decide as its author meant?

use serde_json::{Value, json};

use crate::mint::Ca;
use crate::{Files, run, stdout};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
  "routes": [
    { "name": "health", "match": { "path": "/healthz" }, "client_certificate": "ignored" },
    {
      "name": "payments",
      "match": { "path": { "prefix": "/v1" } },
      "client_certificate": "required",
      "allow": [{ "dns": "a.acme.example" }, { "dns": "b.acme.example" }]
    }
  ]
}"#;

/// Tests that reach everything.
fn complete() -> Value {
    json!({
        "time": "2026-01-01T00:00:00Z",
        "certificates": {
            "a": { "dns": "a.acme.example" },
            "b": { "dns": ["x.acme.example", "b.acme.example"] },
            "stranger": { "subject": { "CN": "a.acme.example" } },
        },
        "tests": [
            { "name": "health is open", "request": "GET https://acme.example/healthz",
              "expect": { "decision": "permit", "route": "health", "client": "anonymous" } },
            { "name": "a may pay", "peer": "a", "request": "GET https://acme.example/v1", "expect": "permit" },
            { "name": "b may pay", "peer": "b",
              "request": { "method": "POST", "url": "https://acme.example/v1/x", "headers": { "X-A": ["1", "2"] } },
              "expect": { "decision": "permit", "client": "verified" } },
            { "name": "a name in the subject is none", "peer": "stranger",
              "request": "GET https://acme.example/v1",
              "expect": { "decision": "deny", "reason": "identity_not_allowed", "status": 403, "mode": "enforce" } },
            { "name": "unverified", "peer": { "certificate": "a", "verified": false },
              "request": "GET https://acme.example/v1", "expect": "untrusted" },
            { "name": "later", "peer": { "certificate": { "not_after": "2026-06-01T00:00:00Z" } },
              "time": "2026-06-01T00:00:01Z",
              "request": "GET https://acme.example/v1", "expect": "expired" },
            { "name": "nobody", "request": "GET http://acme.example/v1", "expect": "no_certificate" },
        ],
    })
}

fn files(tests: &Value) -> Files {
    Files::new(&[("policy.json", POLICY), ("tests.json", &tests.to_string())])
}

#[test]
fn a_policy_that_decides_as_expected_passes() {
    let files = files(&complete());
    let output = run(&["test", "--require-coverage", &files.path("tests.json")]);
    let page = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{page}");
    assert!(page.ends_with("7 passed, 0 failed; every rule of 2 routes is reached\n"), "{page}");
    let folder = files.folder().to_str().unwrap();
    assert_eq!(stdout(&run(&["test", folder])), page, "a folder stands for the tests in it");
}

#[test]
fn a_test_that_fails_tells_the_difference_and_the_way_there() {
    let mut tests = complete();
    tests["tests"][1]["expect"] = json!({ "decision": "deny", "reason": "expired", "route": "health" });
    let output = run(&["test", &files(&tests).path("tests.json")]);
    let page = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{page}");
    for part in [
        "FAIL  a may pay",
        "expected decision deny, got permit",
        "expected reason expired, got none",
        "expected route health, got payments",
        r#"yes           {"dns": "a.acme.example"}"#,
        "6 passed, 1 failed",
    ] {
        assert!(page.contains(part), "`{part}`:\n{page}");
    }
    assert!(!page.contains("b may pay"), "tests that pass are listed only with --verbose:\n{page}");
}

#[test]
fn what_no_test_reaches_is_named() {
    let mut tests = complete();
    tests["tests"]
        .as_array_mut()
        .unwrap()
        .retain(|test| test["name"] != "b may pay" && test["name"] != "health is open");
    let files = files(&tests);
    let output = run(&["test", &files.path("tests.json")]);
    assert_eq!(output.status.code(), Some(0));
    let page = stdout(&output);
    assert!(page.contains("gap   route `health`: no test selects it"), "{page}");
    assert!(page.contains(r#"no test matches {"dns": "b.acme.example"} of `allow`"#), "{page}");
    assert!(page.ends_with("2 rules are reached by no test\n"), "{page}");
    let output = run(&["test", "--require-coverage", &files.path("tests.json")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn tests_are_chosen_by_name_and_reported_as_json() {
    let files = files(&complete());
    let output = run(&["test", &files.path("tests.json"), "--run", "may pay", "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&json!(2), &json!(0)));
    assert_eq!(report["files"][0]["tests"][1]["name"], "b may pay");
}

#[test]
fn a_certificate_may_come_from_a_file_beside_the_tests() {
    let minted = Ca::new("Acme Root").leaf("a").dns("a.acme.example").mint();
    let tests = json!({
        "time": "2026-01-01T00:00:00Z",
        "certificates": { "a": { "file": "a.pem" } },
        "tests": [{ "name": "a", "peer": "a", "request": "GET https://acme.example/v1", "expect": "permit" }],
    });
    let files =
        Files::new(&[("policy.json", POLICY), ("tests.json", &tests.to_string()), ("a.pem", &minted.pem())]);
    assert_eq!(run(&["test", &files.path("tests.json")]).status.code(), Some(0));
}

#[test]
fn several_peers_and_requests_of_one_test_are_each_tried_with_each() {
    let mut tests = complete();
    tests["tests"] = json!([{ "name": "a and b", "peer": ["a", "b", {}],
        "request": ["GET https://acme.example/v1", "GET https://acme.example/v1/x"], "expect": "permit" }]);
    let output = run(&["test", "--verbose", &files(&tests).path("tests.json")]);
    let page = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{page}");
    assert!(page.contains("pass  a and b: b: GET https://acme.example/v1/x\n"), "{page}");
    assert!(page.contains("FAIL  a and b: no certificate: GET https://acme.example/v1\n"), "{page}");
    assert!(page.contains("4 passed, 2 failed"), "{page}");
}

#[test]
fn an_attribute_of_a_described_certificate_may_stand_twice() {
    let policy =
        POLICY.replace(r#"{ "dns": "a.acme.example" }"#, r#"{ "subject": { "OU": "b", "O": "x" } }"#);
    let tests = json!({
        "certificates": {
            "units": { "subject": { "OU": ["a", "b"], "O": "x" } },
            "organizations": { "subject": { "OU": "b", "O": ["x", "y"] } },
        },
        "tests": [
            { "name": "any unit", "peer": "units", "request": "GET https://a/v1", "expect": "permit" },
            { "name": "two of one", "peer": "organizations", "request": "GET https://a/v1", "expect": "identity_not_allowed" },
        ],
    });
    let files = Files::new(&[("policy.json", &policy), ("tests.json", &tests.to_string())]);
    let output = run(&["test", &files.path("tests.json")]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn tests_that_cannot_be_run_exit_with_2_and_say_why() {
    let one = |test: Value| json!({ "tests": [test] });
    for (tests, part) in [
        (json!({ "tests": [], "polcy": "x" }), "unknown field `polcy`"),
        (json!({ "tests": [], "policy": "nowhere.json" }), "nowhere.json: cannot be read"),
        (json!({ "tests": [], "policy": "tests.json" }), "missing key `version`"),
        (json!({ "tests": [], "time": "now" }), "`now` is not a time"),
        (one(json!({ "name": "x", "request": "GET a/", "expect": "no_rout" })), "unknown reason `no_rout`"),
        (one(json!({ "name": "x", "request": "a/", "expect": "permit" })), "`a/` is not a request"),
        (one(json!({ "name": "x", "request": [], "expect": "permit" })), "an empty list tests nothing"),
        (
            one(json!({ "name": "x", "peer": "a", "request": "GET a/", "expect": "permit" })),
            "unknown certificate `a`",
        ),
        (
            one(
                json!({ "name": "x", "peer": { "certificate": { "serial": "xy" } }, "request": "GET a/", "expect": "permit" }),
            ),
            "`xy` is not hexadecimal",
        ),
    ] {
        let output = run(&["test", &files(&tests).path("tests.json")]);
        let page = stdout(&output);
        assert_eq!(output.status.code(), Some(2), "{page}");
        assert!(page.contains(part), "`{part}`:\n{page}");
    }
    let twice = json!({ "name": "x", "request": "GET a/", "expect": "no_route" });
    let output = run(&["test", &files(&json!({ "tests": [twice, twice] })).path("tests.json")]);
    assert!(stdout(&output).contains("two tests are named `x`"), "{}", stdout(&output));
    let empty = tempfile::tempdir().unwrap();
    let output = run(&["test", empty.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("no file named `*tests.json`"), "{}", stdout(&output));
}

#[test]
fn every_field_of_a_described_certificate_is_in_it() {
    let described = json!({
        "subject": { "CN": "billing", "O": "Acme" }, "issuer": { "CN": "Acme Issuing 2" }, "serial": "0f:3a:99",
        "spiffe_id": "spiffe://acme.example/billing", "dns": "a.example", "email": "a@acme.example",
        "ip": ["192.0.2.1", "2001:db8::1"], "upn": "a@corp.example",
        "other_name": { "oid": "1.2.3.4", "utf8": "x" }, "extended_key_usage": ["clientAuth", "1.2.3.5"],
        "policy_oid": "1.2.3.6", "extension": { "oid": "1.2.3.7", "critical": true, "utf8": "device" },
        "key": "rsa_2048",
    });
    let every = [
        json!({ "subject": { "CN": "billing", "O": "Acme" } }),
        json!({ "issuer": { "CN": "Acme Issuing 2" } }),
        json!({ "serial": "0f3a99" }),
        json!({ "spiffe_id": "spiffe://acme.example/billing" }),
        json!({ "dns": "a.example" }),
        json!({ "email": "a@acme.example" }),
        json!({ "ip": "192.0.2.1" }),
        json!({ "ip": "2001:db8::/64" }),
        json!({ "upn": "a@corp.example" }),
        json!({ "other_name": { "oid": "1.2.3.4" } }),
        json!({ "extended_key_usage": "1.2.3.5" }),
        json!({ "policy_oid": "1.2.3.6" }),
        json!({ "extension": { "oid": "1.2.3.7", "critical": true } }),
    ];
    let tests = json!({
        "certificates": { "c": described, "plain": {} },
        "tests": [
            { "name": "all", "peer": "c", "request": "GET https://a/", "expect": "permit" },
            { "name": "none", "peer": "plain", "request": "GET https://a/", "expect": "identity_not_allowed" },
        ],
    });
    for matcher in &every {
        let mut policy: Value = serde_json::from_str(POLICY).unwrap();
        policy["routes"] = json!([{ "name": "only", "match": { "path": { "prefix": "/" } },
            "client_certificate": "required", "allow": matcher }]);
        let files = Files::new(&[("policy.json", &policy.to_string()), ("tests.json", &tests.to_string())]);
        let output = run(&["test", &files.path("tests.json")]);
        assert_eq!(output.status.code(), Some(0), "{matcher}: {}", stdout(&output));
    }
}
