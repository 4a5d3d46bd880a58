//! Mistakes in what a route demands of certificates, connections and tokens, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{errors, members, routes, with_required};

/// Values of a member of a required route, and what is said of them without the place, which is the same for all.
fn values(key: &str, cases: &[(&str, &str)]) {
    for (value, wanted) in cases {
        let said = errors(&with_required(&format!(r#""allow": "any_verified", "{key}": {value}"#)));
        let said: Vec<&str> =
            said.lines().filter_map(|line| line.split_once(": ")).map(|(_, said)| said).collect();
        assert_eq!(said.join("\n"), *wanted, "{value}");
    }
}

#[test]
fn of_certificates() {
    values(
        "certificate",
        &[
            ("{}", ""),
            (
                r#"{"min_rsa_bits": 3072, "key_types": ["rsa", "ec_p384"], "signature_algorithms": "ecdsa_sha384"}"#,
                "",
            ),
            (r#"{"max_lifetime_days": 90, "min_remaining_hours": 24, "max_dns_names": 0}"#, ""),
            (r#"{"forbid_wildcard_names": true, "forbid_self_signed": false}"#, ""),
            (
                r#"{"min_rsa_bit": 2048}"#,
                "unknown key `min_rsa_bit` (at `/routes/0/certificate/min_rsa_bit`); did you mean `min_rsa_bits`?",
            ),
            (
                r#"{"min_rsa_bits": 512}"#,
                "`512` is not a whole number between 1024 and 16384 (at `/routes/0/certificate/min_rsa_bits`)",
            ),
            (
                r#"{"key_types": ["rsa", "p256"]}"#,
                "unknown value `p256`, expected one of `rsa`, `ec_p256`, `ec_p384`, `ec_p521`, `ed25519`, `ed448` (at `/routes/0/certificate/key_types/1`)",
            ),
            (r#"{"key_types": []}"#, "`key_types` must not be empty (at `/routes/0/certificate/key_types`)"),
            (
                r#"{"signature_algorithms": ["ecdsa_secp256r1_sha256"]}"#,
                "unknown value `ecdsa_secp256r1_sha256`, expected one of `rsa_pkcs1_sha256`, `rsa_pkcs1_sha384`, `rsa_pkcs1_sha512`, `rsa_pss_sha256`, `rsa_pss_sha384`, `rsa_pss_sha512`, `ecdsa_sha256`, `ecdsa_sha384`, `ecdsa_sha512`, `ed25519`, `ed448` (at `/routes/0/certificate/signature_algorithms/0`); did you mean `ecdsa_sha256`?",
            ),
            (
                r#"{"max_lifetime_days": 0}"#,
                "`0` is not a whole number between 1 and 36525 (at `/routes/0/certificate/max_lifetime_days`)",
            ),
            (
                r#"{"min_remaining_hours": 1.5}"#,
                "`1.5` is not a whole number between 1 and 876600 (at `/routes/0/certificate/min_remaining_hours`)",
            ),
            (
                r#"{"max_dns_names": 5000}"#,
                "`5000` is not a whole number between 0 and 4096 (at `/routes/0/certificate/max_dns_names`)",
            ),
            (
                r#"{"forbid_self_signed": "yes"}"#,
                "expected true or false, found a string (at `/routes/0/certificate/forbid_self_signed`)",
            ),
        ],
    );
}

#[test]
fn of_key_purposes() {
    values(
        "certificate",
        &[
            (r#"{"extended_key_usage": "any"}"#, ""),
            (r#"{"extended_key_usage": "clientAuth"}"#, ""),
            (r#"{"extended_key_usage": ["clientAuth", "1.3.6.1.4.1.311.20.2.2"]}"#, ""),
            (r#"{"extended_key_usage": {"if_present": ["clientAuth", "serverAuth"]}}"#, ""),
            (
                r#"{"extended_key_usage": "client_auth"}"#,
                "`client_auth` is no key purpose; expected one of `clientAuth`, `serverAuth`, `codeSigning`, `emailProtection`, `timeStamping`, `OCSPSigning`, `anyExtendedKeyUsage` or a dotted object identifier (at `/routes/0/certificate/extended_key_usage`); did you mean `clientAuth`?",
            ),
            (
                r#"{"extended_key_usage": {"required": "clientAuth"}}"#,
                "missing key `if_present` (at `/routes/0/certificate/extended_key_usage`); to demand a purpose, name it without braces\nunknown key `required` (at `/routes/0/certificate/extended_key_usage/required`); known here: `if_present`",
            ),
            (
                r#"{"extended_key_usage": true}"#,
                "expected a string, found a boolean (at `/routes/0/certificate/extended_key_usage`)",
            ),
        ],
    );
}

#[test]
fn of_connections() {
    values(
        "tls",
        &[
            (r#"{"min_version": "TLSv1.3"}"#, ""),
            (
                r#"{"sni": "ignore", "ciphers": ["ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"]}"#,
                "",
            ),
            (r#"{"ciphers": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]}"#, ""),
            (
                r#"{"min_version": "1.2"}"#,
                "unknown value `1.2`, expected one of `TLSv1.2`, `TLSv1.3` (at `/routes/0/tls/min_version`)",
            ),
            (
                r#"{"ciphers": ["ECDHE-ECDSA-AES128-GCM-SHA265"]}"#,
                "`ECDHE-ECDSA-AES128-GCM-SHA265` is no cipher suite that Envoy has for clients with certificates (at `/routes/0/tls/ciphers/0`); did you mean `ECDHE-ECDSA-AES128-GCM-SHA256`?",
            ),
            (r#"{"ciphers": []}"#, "`ciphers` must not be empty (at `/routes/0/tls/ciphers`)"),
            (
                r#"{"min_versions": "TLSv1.2"}"#,
                "unknown key `min_versions` (at `/routes/0/tls/min_versions`); did you mean `min_version`?",
            ),
        ],
    );
}

#[test]
fn of_tokens() {
    values(
        "token",
        &[
            (r#"{"bound": true}"#, ""),
            (
                r#"{"metadata": "claims", "claims": {"sub": "alice", "aud": ["a", "b"], "admin": true, "level": 2}}"#,
                "",
            ),
            (r#"{"claims": {"/realm_access/roles": [{"prefix": "pay-"}, {"word": "pay"}]}}"#, ""),
            (
                "{}",
                "`token` must not be empty (at `/routes/0/token`); name `claims`, or write `\"bound\": true`",
            ),
            (
                r#"{"metadata": "payload", "bound": false}"#,
                "`token` must not be empty (at `/routes/0/token`); name `claims`, or write `\"bound\": true`",
            ),
            (r#"{"claims": {}}"#, "`claims` must not be empty (at `/routes/0/token/claims`)"),
            (
                r#"{"metadata": "", "bound": true}"#,
                "`metadata` must not be empty (at `/routes/0/token/metadata`)",
            ),
            (
                r#"{"claim": {"sub": "a"}}"#,
                "unknown key `claim` (at `/routes/0/token/claim`); did you mean `claims`?",
            ),
            (r#"{"claims": {"": "a"}}"#, "`` names no claim: it is empty (at `/routes/0/token/claims/`)"),
            (
                r#"{"claims": {"/a~b": "a"}}"#,
                "`/a~b` names no claim: `~` stands before `0` or `1` only, for `~` and `/` (at `/routes/0/token/claims/~1a~0b`)",
            ),
            (r#"{"claims": {"sub": ""}}"#, "the text is empty (at `/routes/0/token/claims/sub`)"),
            (
                r#"{"claims": {"sub": null}}"#,
                "expected a string, a number, true, false or an object such as {\"prefix\": \"a\"}, found null (at `/routes/0/token/claims/sub`)",
            ),
            (
                r#"{"claims": {"sub": {"prefix": "a", "suffix": "b"}}}"#,
                "expected exactly one of `prefix`, `suffix`, `regex`, `word`, found several (at `/routes/0/token/claims/sub`)",
            ),
            (
                r#"{"claims": {"scope": {"word": "a b"}}}"#,
                "`a b` can be no text of a claim here: a word is not empty and holds no space (at `/routes/0/token/claims/scope/word`)",
            ),
            (
                r#"{"claims": {"sub": "a\nb"}}"#,
                r"`a\u{a}b` can be no text of a claim here: it holds control characters (at `/routes/0/token/claims/sub`)",
            ),
            (
                r#"{"claims": {"sub": {"regex": "a("}}}"#,
                "`a(` is no regular expression: unclosed group (at `/routes/0/token/claims/sub/regex`)",
            ),
        ],
    );
}

#[test]
fn of_routes_that_look_at_no_certificate() {
    for key in ["certificate", "tls", "token"] {
        let value = if key == "token" { r#"{"bound": true}"# } else { r#"{"min_version": "TLSv1.3"}"# };
        let value = if key == "certificate" { "{}" } else { value };
        let route = format!(
            r#"{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "ignored", "{key}": {value}}}"#
        );
        let wanted = format!(
            r#"5:76: `{key}` has no effect on a route with `"client_certificate": "ignored"` (at `/routes/0/{key}`)"#
        );
        routes(&[(&route, &wanted)]);
    }
}

#[test]
fn of_defaults() {
    let route = r#""routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#;
    let defaults = |defaults: &str| format!("\"defaults\": {defaults},\n  {route}");
    members(&[
        (&defaults(r#"{"certificate": {"min_rsa_bits": 3072}, "tls": {"min_version": "TLSv1.3"}}"#), ""),
        (
            &defaults(r#"{"certificate": {"min_rsa_bits": "3072"}}"#),
            "4:48: expected a number, found a string (at `/defaults/certificate/min_rsa_bits`)",
        ),
        (
            &defaults(r#"{"token": {"bound": true}}"#),
            "4:16: unknown key `token` (at `/defaults/token`); known here: `mode`, `enforce_ratio`, `certificate`, `tls`, `trust`, `revocation`, `forward`, `on_deny`, `audit`",
        ),
    ]);
}
