//! Mistakes in routes, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{matches, required, routes};

#[test]
fn of_keys() {
    routes(&[
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored", "modes": "shadow"}"#,
            "5:76: unknown key `modes` (at `/routes/0/modes`); did you mean `mode`?",
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored", "zzz": 1}"#,
            "5:76: unknown key `zzz` (at `/routes/0/zzz`); known here: `name`, `match`, `client_certificate`, `allow`, `deny`, `certificate`, `tls`, `token`, `forward`, `on_deny`, `mode`, `lint`",
        ),
        (
            r#"{"match": {"path": "/"}, "client_certificate": "ignored"}"#,
            "5:5: missing key `name` (at `/routes/0`); records and reports name routes",
        ),
        (
            r#"{"name": "a", "client_certificate": "ignored"}"#,
            r#"5:5: missing key `match` (at `/routes/0`); to match every request, write `"match": {"path": {"prefix": "/"}}`"#,
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}}"#,
            "5:5: missing key `client_certificate` (at `/routes/0`); say `required`, `optional` or `ignored`",
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "required"}"#,
            r#"5:5: missing key `allow` (at `/routes/0`); say who may use the route; `"allow": "any_verified"` lets every verified client in"#,
        ),
    ]);
}

#[test]
fn of_names() {
    routes(&[(
        r#"{"name": "a b", "match": {"path": "/"}, "client_certificate": "ignored"}"#,
        "5:14: `a b` is not a name: use 1 to 64 letters, digits, `.`, `_` and `-` (at `/routes/0/name`)",
    )]);
}

#[test]
fn of_client_certificates() {
    routes(&[
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "require"}"#,
            "5:65: unknown value `require`, expected one of `required`, `optional`, `ignored` (at `/routes/0/client_certificate`); did you mean `required`?",
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "unverified"}"#,
            r#"5:65: `"client_certificate": "unverified"` is not supported by this version of mtls-policy (at `/routes/0/client_certificate`)"#,
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "optional", "deny": {"dns": "a.example"}}"#,
            "5:77: `deny` without `allow` on an `optional` route: a denied client would come without its certificate (at `/routes/0/deny`)",
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored", "allow": "any_verified"}"#,
            r#"5:76: `allow` has no effect on a route with `"client_certificate": "ignored"` (at `/routes/0/allow`)"#,
        ),
    ]);
}

#[test]
fn of_matches() {
    matches(&[
        (
            "{}",
            r#"5:28: `match` must not be empty (at `/routes/0/match`); to match every request, write `"match": {"path": {"prefix": "/"}}`"#,
        ),
        (
            r#"{"headers": {}}"#,
            "5:29: `headers` is not supported by this version of mtls-policy (at `/routes/0/match/headers`)",
        ),
    ]);
}

#[test]
fn of_hosts() {
    matches(&[
        (
            r#"{"hosts": ["a.example:443"]}"#,
            "5:39: `a.example:443` is not a host: leave the port out (at `/routes/0/match/hosts/0`)",
        ),
        (
            r#"{"hosts": ["*"]}"#,
            "5:39: `*` is not a host: leave `hosts` out to match every host (at `/routes/0/match/hosts/0`)",
        ),
        (
            r#"{"hosts": ["https://a.example"]}"#,
            "5:39: `https://a.example` is not a host: leave scheme and path out (at `/routes/0/match/hosts/0`)",
        ),
        (r#"{"hosts": "a.example"}"#, "5:38: expected an array, found a string (at `/routes/0/match/hosts`)"),
        (r#"{"hosts": []}"#, "5:38: `hosts` must not be empty (at `/routes/0/match/hosts`)"),
    ]);
}

#[test]
fn of_methods() {
    matches(&[
        (
            r#"{"methods": ["get"]}"#,
            "5:41: `get` is not a method in capital letters (at `/routes/0/match/methods/0`); methods compare with case; did you mean `GET`?",
        ),
        (
            r#"{"methods": ["GET,POST"]}"#,
            "5:41: `GET,POST` is not a method in capital letters (at `/routes/0/match/methods/0`)",
        ),
    ]);
}

#[test]
fn of_paths() {
    matches(&[
        (
            r#"{"path": "a"}"#,
            "5:37: `a` is not a plain path: it does not begin with `/` (at `/routes/0/match/path`)",
        ),
        (
            r#"{"path": ""}"#,
            "5:37: `` is not a plain path: it does not begin with `/` (at `/routes/0/match/path`)",
        ),
        (
            r#"{"path": "/a%20b"}"#,
            "5:37: `/a%20b` is not a plain path: it holds an escape; write the character itself, if a path can hold it (at `/routes/0/match/path`)",
        ),
        (
            r#"{"path": "/a?b"}"#,
            "5:37: `/a?b` is not a plain path: queries are not matched (at `/routes/0/match/path`)",
        ),
        (
            r#"{"path": "/a;b"}"#,
            "5:37: `/a;b` is not a plain path: parameters after `;` are not matched (at `/routes/0/match/path`)",
        ),
        (
            r#"{"path": {"prefix": "/a/../b"}}"#,
            "5:48: `/a/../b` is not a plain path: it holds an empty segment, `.` or `..` (at `/routes/0/match/path/prefix`)",
        ),
        (
            r#"{"path": {"prefix": ""}}"#,
            "5:48: `` is not a plain path: it does not begin with `/` (at `/routes/0/match/path/prefix`)",
        ),
        (
            r#"{"path": {"prefix": "//"}}"#,
            "5:48: `//` is not a plain path: it holds an empty segment, `.` or `..` (at `/routes/0/match/path/prefix`)",
        ),
        (
            r#"{"path": {"glob": "/a/*"}}"#,
            "5:38: unknown key `glob` (at `/routes/0/match/path/glob`); known here: `exact`, `prefix`, `regex`",
        ),
        (
            r#"{"path": {"exact": "/a", "prefix": "/b"}}"#,
            "5:37: expected a path, or exactly one of `exact`, `prefix`, `regex`, found several (at `/routes/0/match/path`)",
        ),
    ]);
}

#[test]
fn of_server_names() {
    required(&[
        (
            r#""allow": "any_verified", "tls": {"sni": "strict"}"#,
            "5:117: unknown value `strict`, expected one of `match`, `ignore` (at `/routes/0/tls/sni`)",
        ),
        (
            r#""allow": "any_verified", "tls": {"sni": ["a.example:443"]}"#,
            "5:118: `a.example:443` is not a host: leave the port out (at `/routes/0/tls/sni/0`)",
        ),
        (r#""allow": "any_verified", "tls": {}"#, "5:109: `tls` must not be empty (at `/routes/0/tls`)"),
    ]);
}

#[test]
fn of_modes() {
    required(&[
        (
            r#""allow": "any_verified", "mode": "audit""#,
            "5:110: unknown value `audit`, expected one of `enforce`, `shadow` (at `/routes/0/mode`)",
        ),
        (
            r#""allow": "any_verified", "mode": true"#,
            "5:110: expected a string, found a boolean (at `/routes/0/mode`)",
        ),
    ]);
}

#[test]
fn of_denials() {
    required(&[
        (
            r#""allow": "any_verified", "on_deny": {"status": 200}"#,
            "5:124: `200` is not a whole number between 400 and 599 (at `/routes/0/on_deny/status`)",
        ),
        (
            r#""allow": "any_verified", "on_deny": {"status": 403.5}"#,
            "5:124: `403.5` is not a whole number between 400 and 599 (at `/routes/0/on_deny/status`)",
        ),
        (
            r#""allow": "any_verified", "on_deny": {"status": "403"}"#,
            "5:124: expected a number, found a string (at `/routes/0/on_deny/status`)",
        ),
        (
            r#""allow": "any_verified", "on_deny": {"body": 7}"#,
            "5:122: expected a string, found a number (at `/routes/0/on_deny/body`)",
        ),
    ]);
}

#[test]
fn of_what_this_version_does_not_do() {
    required(&[
        (
            r#""allow": "any_verified", "revocation": {"check": ["crl"]}"#,
            "5:102: `revocation` is not supported by this version of mtls-policy (at `/routes/0/revocation`)",
        ),
        (
            r#""allow": "any_verified", "trust": "corp""#,
            "5:102: `trust` is not supported by this version of mtls-policy (at `/routes/0/trust`)",
        ),
    ]);
}
