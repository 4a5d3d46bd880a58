//! All errors at once, and what else is told of each.

use mtls_policy::policy::Policy;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{errors, with_members, with_required, with_routes};

const MANY: &str = r#"{
  "version": 3,
  "peer_certificate": {"verified_by": "envoy", "form": "auto"},
  "identities": {
    "unused": {"dns": "not a name"},
    "billing": {"spiffe_id": "spiffe://acme.example/billing"}
  },
  "routes": [
    {
      "name": "one",
      "match": {"path": "one", "methods": ["post"]},
      "client_certificate": "required",
      "allow": {"any": [{"identity": "biling"}, {"sha256": "00"}]},
      "deny": {"serial": "xyz"},
      "on_deny": {"status": 200}
    },
    {
      "name": "one",
      "match": {"path": {"regex": "("}},
      "client_certificate": "ignored",
      "allow": "any_verified"
    }
  ]
}
"#;

#[test]
fn every_error_is_told_at_once_in_the_order_of_the_text() {
    let wanted = [
        "2:14: policy version `3` is not supported: this version of mtls-policy reads `1` (at `/version`)",
        "3:48: unknown key `form` (at `/peer_certificate/form`); did you mean `from`?",
        "5:23: `not a name` is no DNS name; expected one like `billing.acme.example` or `*.acme.example` (at `/identities/unused/dns`)",
        "11:25: `one` is not a plain path: it does not begin with `/` (at `/routes/0/match/path`)",
        "11:44: `post` is not a method in capital letters (at `/routes/0/match/methods/0`); methods compare with case; did you mean `POST`?",
        "13:38: unknown identity `biling` (at `/routes/0/allow/any/0/identity`); did you mean `billing`?",
        "13:60: `00` is no SHA-256 digest; expected 64 hexadecimal digits, which may have a colon after each pair (at `/routes/0/allow/any/1/sha256`)",
        "14:26: `xyz` is no serial number; expected hexadecimal digits like `0f3a99` or `0f:3a:99`, at most 20 octets (at `/routes/0/deny/serial`)",
        "15:29: `200` is not a whole number between 400 and 599 (at `/routes/0/on_deny/status`)",
        "18:15: duplicate route name `one` (at `/routes/1/name`)",
        "19:35: `(` is no regular expression: unclosed group (at `/routes/1/match/path/regex`)",
        "21:7: `allow` has no effect on a route with `\"client_certificate\": \"ignored\"` (at `/routes/1/allow`)",
    ];
    assert_eq!(errors(MANY), wanted.join("\n"));
}

#[test]
fn an_error_has_a_code_a_place_and_the_offending_text() {
    let document = with_required(r#""allow": {"dnss": "a.example"}"#);
    let errors = Policy::from_json(document.as_bytes()).unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(error.kind().code(), "unknown_key");
    assert_eq!(error.help().as_deref(), Some("did you mean `dns`?"));
    let location = error.location();
    assert_eq!((location.line, location.column), (5, 87));
    assert_eq!(location.pointer, "/routes/0/allow/dnss");
    assert_eq!(location.text, "\"dnss\"");
    assert_eq!(document.get(location.bytes.clone()), Some("\"dnss\""));
}

#[test]
fn columns_are_counted_in_characters() {
    let errors = errors(&with_routes(
        r#"{"name": "äöü😀", "match": {"path": "/"}, "client_certificate": "ignored", "x": 1}"#,
    ));
    let wanted = "5:14: `äöü😀` is not a name: use 1 to 64 letters, digits, `.`, `_` and `-` (at `/routes/0/name`)\n5:79: ";
    assert!(errors.starts_with(wanted), "{errors}");
}

#[test]
fn pointers_escape_what_has_a_meaning_in_them() {
    let errors = errors(&with_members(r#""identities": {"a/b~c": {"dns": 1}}, "routes": [1]"#));
    assert!(errors.contains("(at `/identities/a~1b~0c`)"), "{errors}");
    assert!(
        errors.contains("4:35: expected a string, found a number (at `/identities/a~1b~0c/dns`)"),
        "{errors}"
    );
}

#[test]
fn a_message_is_one_line_whatever_it_repeats() {
    for name in [r"a\nb", r"a\r\u001b[31mb", r"\u2028\u202e\u0000"] {
        let document = format!(
            r#"{{"version": 1, "peer_certificate": {{"verified_by": "{name}"}}, "{name}": 1, "identities": {{"{name}": {{"identity": "{name}"}}}},
            "routes": [{{"name": "{name}", "match": {{"hosts": ["{name}"], "path": "{name}", "methods": ["{name}"]}},
            "client_certificate": "{name}", "allow": {{"dns": "{name}", "identity": "{name}x"}}, "{name}": 1, "{name}": 2}}]}}"#
        );
        let errors = Policy::from_json(document.as_bytes()).unwrap_err();
        for error in &errors {
            let message = error.to_string();
            assert!(
                !message.contains(|letter: char| letter.is_control() || letter == '\u{2028}'),
                "{message:?}"
            );
        }
        assert!(errors.iter().count() > 10);
    }
}

#[test]
fn suggestions_are_the_same_every_time() {
    // All of the same distance.
    let names: Vec<String> =
        ('a'..='z').map(|letter| format!(r#""billing-{letter}": {{"dns": "a.example"}}"#)).collect();
    let routes = r#""routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "required", "allow": {"identity": "billing-1"}}]"#;
    let document = with_members(&format!("\"identities\": {{{}}}, {routes}", names.join(", ")));
    for _ in 0..20 {
        assert!(errors(&document).ends_with("did you mean `billing-a`?"), "{}", errors(&document));
    }
}

#[test]
fn a_faulty_deny_does_not_hide_a_missing_allow() {
    for (demand, missing) in [("required", "missing key `allow`"), ("optional", "`deny` without `allow`")] {
        let route = format!(
            r#"{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "{demand}", "deny": {{"serial": "zz"}}}}"#
        );
        let told = errors(&with_routes(&route));
        assert!(told.contains(missing) && told.contains("`zz`"), "{told}");
    }
}
