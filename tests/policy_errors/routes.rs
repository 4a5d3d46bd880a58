//! Mistakes in routes, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{matches, members, required, routes};

#[test]
fn of_keys() {
    routes(&[
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored", "modes": "shadow"}"#,
            "5:76: unknown key `modes` (at `/routes/0/modes`); did you mean `mode`?",
        ),
        (
            r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored", "zzz": 1}"#,
            "5:76: unknown key `zzz` (at `/routes/0/zzz`); known here: `name`, `match`, `client_certificate`, `allow`, `deny`, `certificate`, `tls`, `token`, `trust`, `revocation`, `forward`, `on_deny`, `mode`, `enforce_ratio`, `audit`, `lint`",
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
            "5:5: missing key `client_certificate` (at `/routes/0`); say `required`, `optional`, `unverified` or `ignored`",
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
            "5:65: unknown value `require`, expected one of `required`, `optional`, `unverified`, `ignored` (at `/routes/0/client_certificate`); did you mean `required`?",
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
            r#"{"header": {"x-tenant": "acme"}}"#,
            "5:29: unknown key `header` (at `/routes/0/match/header`); did you mean `headers`?",
        ),
        (
            r#"{"cluster": "backend"}"#,
            "5:29: unknown key `cluster` (at `/routes/0/match/cluster`); known here: `hosts`, `path`, `methods`, `headers`, `envoy_route`, `envoy_cluster`, `route_metadata`, `source`",
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
            "5:38: unknown key `glob` (at `/routes/0/match/path/glob`); known here: `exact`, `prefix`, `template`, `regex`",
        ),
        (
            r#"{"path": {"exact": "/a", "prefix": "/b"}}"#,
            "5:37: expected a path, or exactly one of `exact`, `prefix`, `template`, `regex`, found several (at `/routes/0/match/path`)",
        ),
    ]);
}

#[test]
fn of_path_templates() {
    let bad = |template: &str, why: &str| {
        let matches = format!(r#"{{"path": {{"template": "{template}"}}}}"#);
        let wanted =
            format!("5:50: `{template}` is not a path template: {why} (at `/routes/0/match/path/template`)");
        crate::matches(&[(&matches, &wanted)]);
    };
    bad("users/{id}", "it does not begin with `/`");
    bad("/users", "it has no segment in braces; write it as `exact`");
    bad("/users/{}", "a name in braces holds letters, digits and `_`");
    bad("/users/{user-id}", "a name in braces holds letters, digits and `_`");
    bad("/users/{id...}", "a name in braces holds letters, digits and `_`");
    bad("/users/u{id}", "braces stand around a whole segment, as in `/users/{id}`");
    bad("/users/{id", "braces stand around a whole segment, as in `/users/{id}`");
    bad("/users/{id}/orders/{id}", "two segments have one name");
    bad("/users/{id}?full", "braces stand around a whole segment, as in `/users/{id}`");
    bad("/users/{id}/../x", "it holds an empty segment, `.` or `..`");
    bad("/users//{id}", "it holds an empty segment, `.` or `..`");
    bad("/a%20b/{id}", "it holds an escape; write the character itself, if a path can hold it");
    matches(&[
        (
            r#"{"path": "/users/{id}"}"#,
            "5:37: `/users/{id}` is not a plain path: it holds braces; if they stand for a segment, write it as `template` (at `/routes/0/match/path`)",
        ),
        (r#"{"path": {"template": "/users/{user_id}/orders/{Order2}/"}}"#, ""),
    ]);
}

#[test]
fn of_headers() {
    matches(&[
        (r#"{"headers": {}}"#, "5:40: `headers` must not be empty (at `/routes/0/match/headers`)"),
        (
            r#"{"headers": ["x-tenant"]}"#,
            "5:40: expected an object, found an array (at `/routes/0/match/headers`)",
        ),
        (
            r#"{"headers": {":path": "/"}}"#,
            "5:41: `:path` is not a header to match: what HTTP/2 writes in front of headers is matched by `hosts`, `path` and `methods` (at `/routes/0/match/headers/:path`)",
        ),
        (
            r#"{"headers": {"Host": "a.example"}}"#,
            "5:41: `Host` is not a header to match: it is matched by `hosts` (at `/routes/0/match/headers/Host`)",
        ),
        (
            r#"{"headers": {"x tenant": "a"}}"#,
            "5:41: `x tenant` is not a header to match: it holds a character that no name of a header has (at `/routes/0/match/headers/x tenant`)",
        ),
        (
            r#"{"headers": {"Transfer-Encoding": "chunked"}}"#,
            "5:41: `Transfer-Encoding` is not a header to match: it is between the client and the proxy (RFC 9110, section 7.6.1) (at `/routes/0/match/headers/Transfer-Encoding`)",
        ),
        (
            r#"{"headers": {"X_Client_Verify": "SUCCESS"}}"#,
            "5:41: `X_Client_Verify` is not a header to match: the filter sets it; what a client sends by that name is removed (at `/routes/0/match/headers/X_Client_Verify`)",
        ),
        (
            r#"{"headers": {"x-forwarded-client-cert": {"prefix": "By="}}}"#,
            "5:41: `x-forwarded-client-cert` is not a header to match: certificates are matched by `allow` and `deny` (at `/routes/0/match/headers/x-forwarded-client-cert`)",
        ),
        (
            r#"{"headers": {"x-tenant": "a", "X_Tenant": "b"}}"#,
            "5:58: duplicate key `X_Tenant` (at `/routes/0/match/headers/X_Tenant`)",
        ),
        (
            r#"{"headers": {"x-tenant": {"presnt": true}}}"#,
            "5:54: unknown key `presnt` (at `/routes/0/match/headers/x-tenant/presnt`); did you mean `present`?",
        ),
        (
            r#"{"headers": {"x-tenant": {"present": "yes"}}}"#,
            "5:65: expected true or false, found a string (at `/routes/0/match/headers/x-tenant/present`)",
        ),
        (
            r#"{"headers": {"x-tenant": ["a", {"present": true}]}}"#,
            "5:59: expected a value: `present` stands alone, found an object (at `/routes/0/match/headers/x-tenant/1`)",
        ),
        (
            r#"{"headers": {"x-tenant": {"prefix": "a", "suffix": "b"}}}"#,
            "5:53: expected a value, or exactly one of `prefix`, `suffix`, `regex`, `present`, found several (at `/routes/0/match/headers/x-tenant`)",
        ),
        (
            r#"{"headers": {"x-tenant": {"regex": "a("}}}"#,
            "5:63: `a(` is no regular expression: unclosed group (at `/routes/0/match/headers/x-tenant/regex`)",
        ),
        (
            r#"{"headers": {"x-tenant": ""}}"#,
            "5:53: the text is empty (at `/routes/0/match/headers/x-tenant`)",
        ),
        (
            r#"{"headers": {"x-tenant": 7}}"#,
            "5:53: expected a string, found a number (at `/routes/0/match/headers/x-tenant`)",
        ),
        (
            r#"{"headers": {"x-tenant": []}}"#,
            "5:53: a header must not be empty (at `/routes/0/match/headers/x-tenant`)",
        ),
    ]);
}

#[test]
fn of_what_envoy_chose() {
    matches(&[
        (r#"{"envoy_route": ""}"#, "5:44: the text is empty (at `/routes/0/match/envoy_route`)"),
        (
            r#"{"envoy_cluster": []}"#,
            "5:46: `envoy_cluster` must not be empty (at `/routes/0/match/envoy_cluster`)",
        ),
        (
            r#"{"envoy_route": {"prefix": "a"}}"#,
            "5:44: expected a string, found an object (at `/routes/0/match/envoy_route`)",
        ),
        (
            r#"{"route_metadata": {"acme": "gold"}}"#,
            "5:56: expected an object, found a string (at `/routes/0/match/route_metadata/acme`)",
        ),
        (
            r#"{"route_metadata": {"acme": {}}}"#,
            "5:56: a namespace must not be empty (at `/routes/0/match/route_metadata/acme`)",
        ),
        (
            r#"{"route_metadata": {"acme": {"tier": 3}}}"#,
            "5:65: expected a string, found a number (at `/routes/0/match/route_metadata/acme/tier`)",
        ),
    ]);
}

#[test]
fn of_sources() {
    matches(&[
        (
            r#"{"source": "10.0.0.0/8"}"#,
            "5:39: expected an array, found a string (at `/routes/0/match/source`)",
        ),
        (
            r#"{"source": ["10.0.0.1/8"]}"#,
            "5:40: `10.0.0.1/8` is not a network: bits are set beyond the length of its prefix (at `/routes/0/match/source/0`)",
        ),
        (
            r#"{"source": ["10.0.0.0/33"]}"#,
            "5:40: `10.0.0.0/33` is not a network: the length of its prefix is no number of bits that the address has (at `/routes/0/match/source/0`)",
        ),
        (
            r#"{"source": ["office"]}"#,
            "5:40: `office` is not a network: expected one like `10.0.0.0/8` or `2001:db8::/32` (at `/routes/0/match/source/0`)",
        ),
        (
            r#"{"source": ["::ffff:10.0.0.0/104"]}"#,
            "5:40: `::ffff:10.0.0.0/104` is not a network: IPv4 in the form of IPv6 is matched as IPv4; write it so (at `/routes/0/match/source/0`)",
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
fn of_ratios() {
    required(&[
        (r#""allow": "any_verified", "enforce_ratio": 0"#, ""),
        (r#""allow": "any_verified", "enforce_ratio": 0.25, "mode": "enforce""#, ""),
        (r#""allow": "any_verified", "enforce_ratio": 1.0"#, ""),
        (
            r#""allow": "any_verified", "enforce_ratio": 1.5"#,
            "5:119: `1.5` is not a number from 0 to 1 (at `/routes/0/enforce_ratio`)",
        ),
        (
            r#""allow": "any_verified", "enforce_ratio": -0.1"#,
            "5:119: `-0.1` is not a number from 0 to 1 (at `/routes/0/enforce_ratio`)",
        ),
        (
            r#""allow": "any_verified", "enforce_ratio": "half""#,
            "5:119: expected a number, found a string (at `/routes/0/enforce_ratio`)",
        ),
        (
            r#""allow": "any_verified", "mode": "shadow", "enforce_ratio": 0.5"#,
            r#"5:120: `enforce_ratio` has no effect here: in shadow, nothing is enforced; say `"mode": "enforce"` (at `/routes/0/enforce_ratio`)"#,
        ),
    ]);
    routes(&[(
        r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored", "enforce_ratio": 1}"#,
        "5:76: `enforce_ratio` has no effect here: it is about verified clients, and this route verifies none (at `/routes/0/enforce_ratio`)",
    )]);
    members(&[(
        r#""defaults": {"mode": "shadow", "enforce_ratio": 1}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
        r#"4:34: `enforce_ratio` has no effect here: in shadow, nothing is enforced; say `"mode": "enforce"` (at `/defaults/enforce_ratio`)"#,
    )]);
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
