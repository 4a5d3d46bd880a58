//! `mtlsctl check` on policies in which something is found.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": "envoy" },
  "identities": {
    "billing": { "spiffe_id": "spiffe://acme.example/**" }
  },
  "routes": [
    {
      "name": "v1",
      "match": { "path": { "prefix": "/v1" }, "methods": ["POST"] },
      "client_certificate": "required",
      "allow": { "identity": "billing" }
    },
    { "name": "health", "match": { "path": { "regex": "/v1/health" } }, "client_certificate": "ignored" },
    { "name": "again", "match": { "path": "/v1/health", "methods": ["GET"] }, "client_certificate": "ignored" }
  ],
  "assert": [
    { "name": "v1-closed", "path": { "prefix": "/v1" }, "never": { "client_certificate": ["ignored", "optional"] } }
  ]
}
"#;

fn check(document: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.json"), document).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtlsctl"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CI", "TERM"] {
        command.env_remove(variable);
    }
    command.arg("check").args(arguments).current_dir(folder.path()).stdin(Stdio::null());
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The policy without its assertion, of which there are warnings only.
fn warned() -> String {
    let mut document: Value = serde_json::from_str(POLICY).unwrap();
    document.as_object_mut().unwrap().remove("assert");
    document.to_string()
}

#[test]
fn findings_are_shown_with_place_reason_and_help() {
    let output = check(POLICY, &["policy.json"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    let (findings, verdict) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(verdict.starts_with("policy.json: 1 error, 4 warnings, 3 routes, digest "), "{verdict}");
    let wanted = include_str!("findings.txt").trim_end();
    assert_eq!(findings.trim_end(), wanted);
}

#[test]
fn warnings_are_no_errors_unless_denied() {
    let document = warned();
    assert_eq!(check(&document, &["policy.json"]).status.code(), Some(0));
    let denied = check(&document, &["--deny-warnings", "policy.json"]);
    assert_eq!(denied.status.code(), Some(1));
    assert!(stdout(&denied).contains("policy.json: good, 4 warnings, 3 routes"), "{}", stdout(&denied));
    let ids = ["broad-pattern", "back-door", "regex-without-need", "never-matches"];
    let mut arguments = vec!["--deny-warnings", "policy.json"];
    arguments.extend(ids.iter().flat_map(|id| ["--allow", id]));
    let allowed = check(&document, &arguments);
    assert_eq!(allowed.status.code(), Some(0), "{}", stdout(&allowed));
    assert!(stdout(&allowed).starts_with("policy.json: good, 3 routes"), "{}", stdout(&allowed));
}

#[test]
fn a_failed_assertion_cannot_be_allowed() {
    let output = check(POLICY, &["--allow", "assertion-failed", "policy.json"]);
    assert_eq!(output.status.code(), Some(2));
    let output = check(POLICY, &["--allow", "never-match", "policy.json"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("never-matches"), "{text}");
}

#[test]
fn json_has_warnings_beside_errors() {
    let output = check(POLICY, &["--format", "json", "policy.json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let file = &report["files"][0];
    assert_eq!(file["good"], false);
    assert_eq!(file["routes"], 3);
    assert_eq!(file["errors"][0]["code"], "assertion-failed");
    let ids: Vec<&Value> =
        file["warnings"].as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
    assert_eq!(ids, ["broad-pattern", "back-door", "regex-without-need", "never-matches"]);
    let wanted = json!({
        "code": "regex-without-need",
        "message": "the expression `/v1/health` is plain text",
        "reason": "plain text cannot be misread, and costs nothing to compare",
        "help": "write `\"/v1/health\"`",
        "line": 14,
        "column": 55,
        "pointer": "/routes/1/match/path/regex",
        "text": "\"/v1/health\"",
    });
    assert_eq!(file["warnings"][2], wanted);
}

#[test]
fn lints_can_be_listed() {
    let output = check(POLICY, &["--list-lints"]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), mtls_policy::policy::Lint::ALL.len());
    assert!(text.contains("unused-identity     an identity that no route refers to"), "{text}");
}
