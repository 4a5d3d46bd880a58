//! Mistakes in `forward`, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{errors, members, required, routes, with_required};

/// Values of `forward`.
fn forwards(cases: &[(&str, &str)]) {
    for (forward, wanted) in cases {
        let members = format!("\"allow\": \"any_verified\", \"forward\": {forward}");
        assert_eq!(errors(&with_required(&members)), *wanted, "{forward}");
    }
}

/// Names of a header.
fn names(cases: &[(&str, &str)]) {
    for (name, why) in cases {
        let wanted = match *why {
            "" => String::new(),
            why => format!(
                "5:126: the header `{name}` cannot be set: {why} (at `/routes/0/forward/headers/{name}`)"
            ),
        };
        forwards(&[(&format!(r#"{{"headers": {{"{name}": "{{serial}}"}}}}"#), &wanted)]);
    }
}

#[test]
fn of_keys() {
    forwards(&[
        ("{}", ""),
        (r#"{"client_cert": true, "client_cert_chain": true, "remove_xfcc": true}"#, ""),
        (
            r#"{"header": {"x-id": "{serial}"}}"#,
            "5:114: unknown key `header` (at `/routes/0/forward/header`); did you mean `headers`?",
        ),
        (r#""x-client-id""#, "5:113: expected an object, found a string (at `/routes/0/forward`)"),
        (
            r#"{"client_cert": "yes"}"#,
            "5:129: expected `true` or `false`, found a string (at `/routes/0/forward/client_cert`)",
        ),
        (
            r#"{"remove_xfcc": 1}"#,
            "5:129: expected `true` or `false`, found a number (at `/routes/0/forward/remove_xfcc`)",
        ),
        (r#"{"headers": {}}"#, "5:125: `headers` must not be empty (at `/routes/0/forward/headers`)"),
        (
            r#"{"headers": ["x-id"]}"#,
            "5:125: expected an object, found an array (at `/routes/0/forward/headers`)",
        ),
        (
            r#"{"client_cert_chain": true}"#,
            r#"5:114: `client_cert_chain` has no effect here: the chain goes with `"client_cert": true` only (at `/routes/0/forward/client_cert_chain`)"#,
        ),
        (r#"{"client_cert_chain": false}"#, ""),
    ]);
    members(&[(
        r#""defaults": {"forward": {"client_certs": true}}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
        "4:28: unknown key `client_certs` (at `/defaults/forward/client_certs`); did you mean `client_cert`?",
    )]);
}

#[test]
fn of_routes_that_look_at_no_certificate() {
    let ignored = |forward: &str| {
        format!(
            r#"{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "ignored", "forward": {forward}}}"#
        )
    };
    routes(&[
        (
            &ignored(r#"{"headers": {"x-id": "{serial}"}}"#),
            r#"5:88: `headers` has no effect on a route with `"client_certificate": "ignored"` (at `/routes/0/forward/headers`)"#,
        ),
        (
            &ignored(r#"{"client_cert": true}"#),
            r#"5:88: `client_cert` has no effect on a route with `"client_certificate": "ignored"` (at `/routes/0/forward/client_cert`)"#,
        ),
        (&ignored(r#"{"remove_xfcc": true}"#), ""),
        (&ignored("{}"), ""),
    ]);
}

#[test]
fn of_names_that_are_none() {
    names(&[
        ("x-client-id", ""),
        ("X_Client_Id2", ""),
        ("x-mtls-decision-id", ""),
        ("x-envoyage", ""),
        (&"x".repeat(64), ""),
        (&"x".repeat(65), "a name has 1 to 64 characters"),
        ("x client", "use letters, digits, `-` and `_`"),
        ("x-clïent", "use letters, digits, `-` and `_`"),
        ("x:client", "use letters, digits, `-` and `_`"),
        (":path", "pseudo-headers say what is asked for"),
        (":authority", "pseudo-headers say what is asked for"),
    ]);
    forwards(&[(
        r#"{"headers": {"": "{serial}"}}"#,
        "5:126: the header `` cannot be set: a name has 1 to 64 characters (at `/routes/0/forward/headers/`)",
    )]);
}

#[test]
fn of_names_that_mean_something_to_others() {
    let request = "it belongs to the request";
    let connection = "it belongs to the connection";
    let clients = "it is the client's, and what the client sends in it would be removed from every request";
    let own = "the filter sets it itself: `x-client-verify` always, the others by `client_cert` and `client_cert_chain`";
    names(&[
        ("host", request),
        ("Content_Length", request),
        ("content-type", request),
        ("transfer-encoding", connection),
        ("TE", connection),
        ("Connection", connection),
        ("authorization", clients),
        ("cookie", clients),
        ("x-forwarded-client-cert", "it is Envoy's"),
        ("x_forwarded_client_cert", "it is Envoy's"),
        ("x-forwarded-for", "it is Envoy's"),
        ("x-request-id", "it is Envoy's"),
        ("x-envoy-original-path", "Envoy obeys it"),
        ("X_Envoy_Upstream-Rq-Timeout-Ms", "Envoy obeys it"),
        ("x-client-verify", own),
        ("Client-Cert", own),
        ("client_cert_chain", own),
    ]);
}

#[test]
fn of_names_that_servers_read_alike() {
    forwards(&[
        (
            r#"{"headers": {"x-client-id": "{serial}", "X_Client_Id": "{sha256}"}}"#,
            "5:153: the header `X_Client_Id` is set twice: servers read letters of either case, and `_` and `-`, alike (at `/routes/0/forward/headers/X_Client_Id`)",
        ),
        (r#"{"headers": {"x-client-id": "{serial}", "x-client-ids": "{sha256}"}}"#, ""),
        (
            r#"{"headers": {"x-a": "{serial}", "x-a": "{serial}"}}"#,
            "5:145: duplicate key `x-a` (at `/routes/0/forward/headers/x-a`)\n5:145: the header `x-a` is set twice: servers read letters of either case, and `_` and `-`, alike (at `/routes/0/forward/headers/x-a`)",
        ),
    ]);
}

#[test]
fn of_templates() {
    let cases = [
        (
            "{spife_id}",
            "unknown field `{spife_id}` (at `/routes/0/forward/headers/x-id`); did you mean `{spiffe_id}`?",
        ),
        (
            "{subject_cn}",
            "unknown field `{subject_cn}` (at `/routes/0/forward/headers/x-id`); did you mean `{subject}`?",
        ),
        (
            "{zzz}",
            "unknown field `{zzz}` (at `/routes/0/forward/headers/x-id`); known here: `{spiffe_id}`, `{spiffe_trust_domain}`, `{subject}`, `{subject.CN}`, `{issuer}`, `{issuer.CN}`, `{serial}`, `{sha256}`, `{spki_sha256}`, `{dns}`, `{uri}`, `{email}`, `{ip}`, `{upn}`, `{not_before}`, `{not_after}`, `{route}`, `{decision_id}`",
        ),
        (
            "{subject.XY}",
            "`XY` is no attribute; expected one of `CN`, `SN`, `serialNumber`, `C`, `L`, `ST`, `STREET`, `O`, `OU`, `title`, `GN`, `initials`, `generationQualifier`, `dnQualifier`, `UID`, `DC`, `emailAddress` or a dotted object identifier (at `/routes/0/forward/headers/x-id`)",
        ),
        (
            "{spiffe_id",
            "a brace is not paired in `{spiffe_id`; `{{` and `}}` stand for the braces themselves (at `/routes/0/forward/headers/x-id`)",
        ),
        (
            "verified",
            "the value `verified` names no field of the identity, such as `{spiffe_id}` (at `/routes/0/forward/headers/x-id`)",
        ),
        (
            "",
            "the value `` names no field of the identity, such as `{spiffe_id}` (at `/routes/0/forward/headers/x-id`)",
        ),
        (
            "cn={subject.CN} ",
            "the value `cn={subject.CN} ` is not of visible ASCII, with spaces inside only (at `/routes/0/forward/headers/x-id`)",
        ),
        (
            "{serial}ü",
            "the value `{serial}ü` is not of visible ASCII, with spaces inside only (at `/routes/0/forward/headers/x-id`)",
        ),
        (
            r"{serial}\r\nx-admin: 1",
            r"the value `{serial}\u{d}\u{a}x-admin: 1` is not of visible ASCII, with spaces inside only (at `/routes/0/forward/headers/x-id`)",
        ),
    ];
    for (template, wanted) in cases {
        forwards(&[(&format!(r#"{{"headers": {{"x-id": "{template}"}}}}"#), &format!("5:134: {wanted}"))]);
    }
    forwards(&[(r#"{"headers": {"x-id": "cn={subject.CN}; oid={issuer.2.5.4.10} {{}}"}}"#, "")]);
}

#[test]
fn of_length() {
    let template = |length: usize| {
        format!(r#"{{"headers": {{"x-id": "{{serial}}{}"}}}}"#, "x".repeat(length - "{serial}".len()))
    };
    forwards(&[
        (&template(1024), ""),
        (
            &template(1025),
            "5:134: text of 1025 bytes is longer than the 1024 allowed here (at `/routes/0/forward/headers/x-id`)",
        ),
    ]);
    let headers = |count: usize| {
        let headers: Vec<String> = (0..count).map(|at| format!(r#""x-{at}": "{{serial}}""#)).collect();
        format!(r#"{{"headers": {{{}}}}}"#, headers.join(", "))
    };
    forwards(&[
        (&headers(32), ""),
        (
            &headers(33),
            "5:125: `33` headers are more than the `32` that a route may set (at `/routes/0/forward/headers`)",
        ),
    ]);
}

#[test]
fn every_mistake_is_told_at_once() {
    required(&[(
        r#""allow": "any_verified", "forward": {"headers": {"host": "{serail}", "x-a": 7}, "client_cert": 1}"#,
        "5:126: the header `host` cannot be set: it belongs to the request (at `/routes/0/forward/headers/host`)\n\
         5:134: unknown field `{serail}` (at `/routes/0/forward/headers/host`); did you mean `{serial}`?\n\
         5:153: expected a string, found a number (at `/routes/0/forward/headers/x-a`)\n\
         5:172: expected `true` or `false`, found a number (at `/routes/0/forward/client_cert`)",
    )]);
}
