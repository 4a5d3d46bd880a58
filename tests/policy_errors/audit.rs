//! Mistakes in `audit`, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{errors, with_members, with_required};

/// Values of `audit` of the policy, with what is wrong.
fn audit(cases: &[(&str, &str)]) {
    for (audit, wanted) in cases {
        let told = errors(&with_members(&format!(
            "\"audit\": {audit},\n  \"routes\": [{{\"name\": \"a\", \"match\": {{\"path\": \"/\"}}, \"client_certificate\": \"ignored\"}}]"
        )));
        assert_eq!(told, *wanted, "{audit}");
    }
}

const KEY: &str = r#""key": "6a0f2f8c8f6cf1e9b1a54b0b23a0f0d7""#;

#[test]
fn of_keys_and_words() {
    audit(&[
        ("{}", ""),
        (
            r#"{"format": "ecs", "envoy_log": "none", "access_log": "record", "query": "include", "certificates": "once"}"#,
            "",
        ),
        (r#"{"access_log": "none"}"#, ""),
        (
            r#"{"access_log": "nothing"}"#,
            "4:27: unknown value `nothing`, expected one of `outcome`, `record`, `none` (at `/audit/access_log`)",
        ),
        (r#"{"fromat": "ecs"}"#, "4:13: unknown key `fromat` (at `/audit/fromat`); did you mean `format`?"),
        (
            r#"{"format": "osf"}"#,
            "4:23: unknown value `osf`, expected one of `mtls-policy`, `ecs`, `ocsf` (at `/audit/format`); did you mean `ocsf`?",
        ),
        (r#"{"envoy_log": false}"#, "4:26: expected a string, found a boolean (at `/audit/envoy_log`)"),
    ]);
}

#[test]
fn of_fields_that_are_left_out() {
    audit(&[
        (r#"{"omit": ["certificate.subject", "source", "tls", "duration_us"]}"#, ""),
        (
            r#"{"omit": ["certificate.subjekt"]}"#,
            "4:22: records have no field `certificate.subjekt` (at `/audit/omit/0`); did you mean `certificate.subject`?",
        ),
        (
            r#"{"omit": ["xyzzy"]}"#,
            "4:22: records have no field `xyzzy` (at `/audit/omit/0`); the schema of records lists them: `mtlsctl schema record`",
        ),
        (
            r#"{"omit": ["source", "id", "tls", "tls.sni"]}"#,
            "4:32: `id` cannot be left out: without it nobody can tell what the record is about (at `/audit/omit/1`)\n\
             4:45: `tls.sni` stands here already (at `/audit/omit/3`)",
        ),
        (r#"{"omit": []}"#, "4:21: `omit` must not be empty (at `/audit/omit`)"),
    ]);
    for fixed in
        ["schema", "time", "vm", "sequence", "id", "phase", "decision", "mode", "reason", "route", "policy"]
    {
        let wanted = format!(
            "4:22: `{fixed}` cannot be left out: without it nobody can tell what the record is about (at `/audit/omit/0`)"
        );
        audit(&[(&format!(r#"{{"omit": ["{fixed}"]}}"#), &wanted)]);
    }
}

#[test]
fn of_fields_that_are_hashed() {
    audit(&[
        (&format!(r#"{{"hash": {{"fields": ["source", "certificate.email"], {KEY}}}}}"#), ""),
        (
            r#"{"hash": {"fields": ["source"]}}"#,
            "4:21: missing key `key` (at `/audit/hash`); a hash of an address or a name without a key is guessed",
        ),
        (
            r#"{"hash": {"fields": ["source"], "key": "secret"}}"#,
            "4:51: a key of 6 bytes is guessed; use at least 16, such as 32 random ones in hex (at `/audit/hash/key`)",
        ),
        (
            &format!(r#"{{"hash": {{"fields": ["certificate", "decision", "suorce"], {KEY}}}}}"#),
            "4:33: `certificate` is a group, and most of it says nothing of anybody: name the fields in it that are to be hashed (at `/audit/hash/fields/0`)\n\
             4:48: `decision` cannot be hashed: it holds nothing that the client said or is named by (at `/audit/hash/fields/1`)\n\
             4:60: records have no field `suorce` (at `/audit/hash/fields/2`); did you mean `source`?",
        ),
        (
            &format!(
                r#"{{"omit": ["certificate"], "hash": {{"fields": ["source", "certificate.email"], {KEY}}}}}"#
            ),
            "4:68: `certificate.email` is left out by `omit` (at `/audit/hash/fields/1`)",
        ),
    ]);
}

#[test]
fn of_certificates_that_hold_what_is_kept_out() {
    audit(&[
        (r#"{"omit": ["source"], "certificates": "once"}"#, ""),
        (r#"{"omit": ["certificate.subject"], "certificates": "never"}"#, ""),
        (
            r#"{"omit": ["certificate.subject"], "certificates": "once"}"#,
            "4:62: the certificate itself holds `certificate.subject`, which `omit` or `hash` keeps out of records (at `/audit/certificates`)",
        ),
        (
            &format!(r#"{{"hash": {{"fields": ["certificate.email"], {KEY}}}, "certificates": "once"}}"#),
            "4:115: the certificate itself holds `certificate.email`, which `omit` or `hash` keeps out of records (at `/audit/certificates`)",
        ),
    ]);
}

#[test]
fn of_collectors() {
    let otlp = |more: &str| {
        format!(r#"{{"otlp": {{"cluster": "c", "url": "http://c.example:4318/v1/logs"{more}}}}}"#)
    };
    audit(&[
        (&otlp(""), ""),
        (
            &otlp(
                r#", "max_batch_records": 8, "max_queue_records": 8, "headers": {"authorization": "Bearer a"}"#,
            ),
            "",
        ),
        (
            &otlp(r#", "max_batch_records": 9, "max_queue_records": 8"#),
            "4:21: no batch of 9 records comes together where at most 8 wait (at `/audit/otlp`)",
        ),
        (
            &otlp(r#", "headers": {"Authorization": "a"}"#),
            "4:90: `Authorization` cannot be a header of the request: write its name in lower case (at `/audit/otlp/headers/Authorization`)",
        ),
        (
            &otlp(r#", "headers": {"content-type": "a"}"#),
            "4:90: `content-type` cannot be a header of the request: the request has it already, or cannot (at `/audit/otlp/headers/content-type`)",
        ),
        (
            &otlp(r#", "headers": {"x-a": "a\nb"}"#),
            "4:97: `x-a` cannot be a header of the request: its value must be 1 to 4096 visible ASCII characters, with spaces only between them (at `/audit/otlp/headers/x-a`)",
        ),
        (r#"{"otlp": {"cluster": "c"}}"#, "4:21: missing key `url` (at `/audit/otlp`)"),
        (
            r#"{"on_overflow": "deny"}"#,
            "4:13: `on_overflow` has no effect here: records wait for nothing without `otlp` (at `/audit/on_overflow`)",
        ),
    ]);
}

#[test]
fn of_ratios() {
    let cases = [
        (r#"{}"#, ""),
        (r#"{"allowed_ratio": 0, "denied_ratio": 1}"#, ""),
        (r#"{"allowed_ratio": 0.001}"#, ""),
        (
            r#"{"allowed_ratio": 1.01}"#,
            "5:129: `1.01` is not a number from 0 to 1 (at `/routes/0/audit/allowed_ratio`)",
        ),
        (
            r#"{"denied_ratio": -1}"#,
            "5:128: `-1` is not a number from 0 to 1 (at `/routes/0/audit/denied_ratio`)",
        ),
        (
            r#"{"denied_ratio": "all"}"#,
            "5:128: expected a number from 0 to 1, found a string (at `/routes/0/audit/denied_ratio`)",
        ),
        (
            r#"{"allow_ratio": 1}"#,
            "5:112: unknown key `allow_ratio` (at `/routes/0/audit/allow_ratio`); did you mean `allowed_ratio`?",
        ),
    ];
    for (audit, wanted) in cases {
        let told = errors(&with_required(&format!(r#""allow": "any_verified", "audit": {audit}"#)));
        assert_eq!(told, wanted, "{audit}");
    }
}
