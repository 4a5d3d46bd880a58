//! `mtlsctl report`: who uses which route, and what is to be seen to.

use serde_json::{Value, json};

use crate::records::{denial, lines, permit};
use crate::{Files, run, stderr, stdout};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
  "identities": {
    "billing": { "spiffe_id": "spiffe://acme.example/billing" }, "ops": { "spiffe_id": "spiffe://acme.example/ops" },
    "stolen": { "serial": "0f" }
  },
  "routes": [
    { "name": "payments", "match": { "path": { "prefix": "/v1" } }, "client_certificate": "required",
      "deny": { "identity": "stolen" }, "allow": [{ "identity": "billing" }, { "identity": "ops" }] },
    { "name": "old", "match": { "path": { "prefix": "/v0" } }, "client_certificate": "required", "allow": "any_verified" }
  ]
}"#;

fn records() -> Vec<Value> {
    let ends = |time: &str| json!({ "certificate": { "not_after": time } });
    vec![
        permit(0, "billing", json!({ "time": "2026-11-20T10:00:00Z" })),
        permit(1, "billing", json!({ "time": "2026-11-20T12:00:00Z" })),
        permit(2, "far", ends("2027-06-01T00:00:00Z")),
        denial(5, "guest", "identity_not_allowed", json!({ "rule": "allow" })),
        denial(6, "guest", "identity_not_allowed", json!({ "rule": "allow" })),
        denial(
            7,
            "late",
            "expired",
            json!({ "mode": "shadow", "certificate": { "not_after": "2026-11-19T00:00:00Z" } }),
        ),
        denial(8, "guest", "no_certificate", json!({ "certificate": null })),
        denial(
            9,
            "billing",
            "revocation_unknown",
            json!({ "revocation": { "status": "unknown", "why": "stale", "method": "crl" } }),
        ),
        denial(
            9,
            "guest",
            "no_route",
            json!({ "route": null, "certificate": null, "vm": "00000000000000bb" }),
        ),
    ]
}

fn reported(records: &[Value], options: &[&str]) -> (String, Value) {
    let files = Files::new(&[("policy.json", POLICY), ("envoy.log", &lines(records))]);
    let (log, policy) = (files.path("envoy.log"), files.path("policy.json"));
    let mut arguments = vec!["report", &log, "--policy", &policy];
    arguments.extend(options);
    let text = run(&arguments);
    assert_eq!(text.status.code(), Some(0), "{}", stderr(&text));
    arguments.extend(["--format", "json"]);
    (stdout(&text), serde_json::from_str(&stdout(&run(&arguments))).unwrap())
}

/// The named fields of each row.
fn rows(page: &Value, table: &str, fields: &[&str]) -> Vec<Vec<Value>> {
    let rows = page[table].as_array().unwrap();
    rows.iter().map(|row| fields.iter().map(|field| row[*field].clone()).collect()).collect()
}

#[test]
fn clients_are_counted_by_route_with_their_first_and_last_request() {
    let (text, page) = reported(&records(), &[]);
    assert_eq!(
        [&page["permits"], &page["denials"], &page["shadow_denials"], &page["clients"]],
        [&json!(3), &json!(5), &json!(1), &json!(4)]
    );
    let wanted = json!({
        "route": "payments", "client": "spiffe://acme.example/billing", "requests": 3, "permits": 2, "denials": 1,
        "shadow_denials": 0, "first": "2026-11-20T10:00:00Z", "last": "2026-11-20T12:00:00Z",
    });
    assert_eq!(page["uses"][0], wanted);
    assert!(text.starts_with("9 records from 2026-11-20T10:00:00Z to 2026-11-20T12:00:00Z\n3 permits, 5 denials, 1 shadow denials, 4 clients"), "{text}");
}

#[test]
fn denials_are_grouped_by_reason_route_and_client() {
    let (_, page) = reported(&records(), &[]);
    let denied = rows(&page, "denied", &["count", "reason", "route", "client"]);
    assert_eq!(
        denied[0],
        [json!(2), json!("identity_not_allowed"), json!("payments"), json!("spiffe://acme.example/guest")]
    );
    assert!(denied.contains(&vec![
        json!(1),
        json!("no_certificate"),
        json!("payments"),
        json!("(no certificate)")
    ]));
    assert!(denied.contains(&vec![json!(1), json!("no_route"), json!("(none)"), json!("(not known)")]));
    assert_eq!(rows(&page, "shadowed", &["count", "reason"]), [[json!(1), json!("expired")]]);
    assert_eq!(
        rows(&page, "revocation_unknown", &["count", "why", "method"]),
        [[json!(1), json!("stale"), json!("crl")]]
    );
}

#[test]
fn certificates_that_end_soon_are_named_the_first_one_first() {
    let days = |options: &[&str]| rows(&reported(&records(), options).1, "expiring", &["days", "client"]);
    let late = vec![json!(-2), json!("spiffe://acme.example/late")];
    let of = |days: i64, client: &str| vec![json!(days), json!(format!("spiffe://acme.example/{client}"))];
    assert_eq!(days(&["--expiring-within", "5"]), [late]);
    assert_eq!(days(&[]), [of(-2, "late"), of(10, "billing"), of(10, "guest")]);
    assert_eq!(
        days(&["--now", "2026-12-02T00:00:00Z", "--expiring-within", "0"]),
        [of(-13, "late"), of(-1, "billing"), of(-1, "guest")]
    );
}

#[test]
fn what_nobody_used_of_the_policy_is_named() {
    let (_, page) = reported(&records(), &[]);
    assert_eq!(page["unused"]["routes"], json!(["old"]));
    let unused = json!([
        { "route": "payments", "rule": "deny:stolen" }, { "route": "payments", "rule": "allow:ops" }, { "route": "old", "rule": "any_verified" },
    ]);
    assert_eq!(page["unused"]["rules"], unused);
    let without: Vec<Value> = records()
        .into_iter()
        .map(|mut record| {
            record["rule"] = Value::Null;
            record
        })
        .collect();
    let (text, page) = reported(&without, &[]);
    assert_eq!(page["unused"]["rules"], Value::Null);
    assert!(text.contains("the records do not say which rule decided"), "{text}");
}

#[test]
fn gaps_in_the_numbers_of_records_are_lost_records() {
    let (text, page) = reported(&records(), &[]);
    assert_eq!(page["lost_records"], json!(2));
    let vms = json!([
        { "vm": "00000000000000aa", "first": 0, "last": 9, "missing": 2, "repeated": 0, "gaps": ["3..4"] },
        { "vm": "00000000000000bb", "first": 9, "last": 9, "missing": 0, "repeated": 0, "gaps": [] },
    ]);
    assert_eq!(page["vms"], vms);
    assert!(text.contains("Lost records (2 records of 2 VMs)"), "{text}");
}

#[test]
fn the_page_loads_nothing_runs_nothing_and_shows_hostile_names_as_text() {
    let hostile = permit(
        9,
        "x",
        json!({ "certificate": { "uri": [], "subject": "CN=<script>alert(1)</script>\"><img src=x onerror=alert(2)>\u{202e}" } }),
    );
    let files = Files::new(&[("r.log", &lines(&[hostile]))]);
    let html = files.path("report.html");
    let output = run(&["report", &files.path("r.log"), "--html", &html]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
    assert!(
        page.contains(
            "CN=&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img src=x onerror=alert(2)&gt;\\u{202e}"
        ),
        "{page}"
    );
    for forbidden in ["<script", "<img", "\u{202e}", "http://", "https://", "url(", "@import"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn nothing_to_report_is_an_error_and_so_is_a_file_that_cannot_be_written() {
    let files = Files::new(&[("empty.log", "nothing\n"), ("r.log", &lines(&records()))]);
    for (arguments, wanted) in [
        (
            vec!["report".to_owned(), files.path("empty.log")],
            "no audit record was found; skipped 1 line without a record",
        ),
        (
            vec!["report".to_owned(), files.path("r.log"), "--html".to_owned(), files.path("none/x.html")],
            "cannot be written",
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}
