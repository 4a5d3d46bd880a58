//! Mistakes in what stands around the routes, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{documents, members};

#[test]
fn of_the_version() {
    documents(&[
        (
            r#"{
  "peer_certificate": {"verified_by": "envoy"},
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]
}
"#,
            r#"1:1: missing key `version`; write `"version": 1`"#,
        ),
        (
            r#"{"version": 2, "peer_certificate": {"verified_by": "envoy"}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:13: policy version `2` is not supported: this version of mtls-policy reads `1` (at `/version`)",
        ),
        (
            r#"{"version": "1", "peer_certificate": {"verified_by": "envoy"}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:13: expected the number 1, found a string (at `/version`)",
        ),
    ]);
}

#[test]
fn of_who_verifies() {
    documents(&[
        (
            r#"{"version": 1, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            r#"1:1: missing key `peer_certificate`; write `"peer_certificate": {"verified_by": {"envoy": {"resumption": "disabled"}}}`"#,
        ),
        (
            r#"{"version": 1, "peer_certificate": {}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:36: missing key `verified_by` (at `/peer_certificate`); say who verifies the client's certificate: it has no default",
        ),
        (
            r#"{"version": 1, "peer_certificate": {"verified_by": "envoi"}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:52: unknown value `envoi`, expected one of `plugin`, `envoy` (at `/peer_certificate/verified_by`); did you mean `envoy`?",
        ),
        (
            r#"{"version": 1, "peer_certificate": {"verified_by": {"envoy": {}}}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:62: missing key `resumption` (at `/peer_certificate/verified_by/envoy`); say `disabled` or `trusted`",
        ),
        (
            r#"{"version": 1, "peer_certificate": {"verified_by": {"envoy": {"resumption": "off"}}}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:77: unknown value `off`, expected one of `disabled`, `trusted` (at `/peer_certificate/verified_by/envoy/resumption`)",
        ),
        (
            r#"{"version": 1, "peer_certificate": {"verified_by": "envoy", "from": "header"}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "1:69: unknown value `header`, expected one of `auto`, `connection`, `xfcc` (at `/peer_certificate/from`)",
        ),
        (
            r#"{"version": 1, "peer_certificate": {"verified_by": "plugin"}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]}"#,
            "",
        ),
    ]);
}

#[test]
fn of_the_routes_as_a_whole() {
    members(&[
        (r#""routes": []"#, "4:13: `routes` must not be empty (at `/routes`)"),
        (r#""routes": {}"#, "4:13: expected an array, found an object (at `/routes`)"),
        (r#""routes": null"#, "4:13: expected an array, found null (at `/routes`)"),
    ]);
}

#[test]
fn of_keys() {
    members(&[
        (
            r#""route": [],
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
            "4:3: unknown key `route` (at `/route`); did you mean `routes`?",
        ),
        (
            r#""routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}],
  "version": 1"#,
            "5:3: duplicate key `version` (at `/version`)",
        ),
        (
            r#""path_case": "ignore",
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
            "4:16: unknown value `ignore`, expected one of `sensitive`, `insensitive` (at `/path_case`)",
        ),
    ]);
}

#[test]
fn of_defaults() {
    members(&[
            (r#""defaults": {"mode": "shadw", "on_deny": {"status": 1}},
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#, &["4:24: unknown value `shadw`, expected one of `enforce`, `shadow` (at `/defaults/mode`); did you mean `shadow`?", "4:55: `1` is not a whole number between 400 and 599 (at `/defaults/on_deny/status`)"].join("\n")),
    ]);
}

#[test]
fn of_named_identities() {
    members(&[
        (
            r#""identities": {"billing": {"dns": "a.example"}},
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "required", "allow": {"identity": "biling"}}]"#,
            "5:108: unknown identity `biling` (at `/routes/0/allow/identity`); did you mean `billing`?",
        ),
        (
            r#""identities": {
    "a": {"identity": "b"},
    "b": {"not": {"identity": "a"}}
  },
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
            "6:31: identity `a` refers to itself (at `/identities/b/not/identity`)",
        ),
        (
            r#""identities": {"a": {"any": [{"identity": "a"}]}},
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
            "4:45: identity `a` refers to itself (at `/identities/a/any/0/identity`)",
        ),
        (
            r#""identities": {"a b": {"dns": "a.example"}},
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
            "4:18: `a b` is not a name: use 1 to 64 letters, digits, `.`, `_` and `-` (at `/identities/a b`)",
        ),
    ]);
}
