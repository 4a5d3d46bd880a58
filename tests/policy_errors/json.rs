//! Text that is no JSON (RFC 8259), and JSON that is written in unusual ways.

use mtls_policy::policy::Policy;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{digest, documents, errors, with_members, with_routes};

const ROUTE: &str = r#"{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}"#;

#[test]
fn what_is_no_json_is_told_with_its_first_fault() {
    documents(&[
        ("", "1:1: the policy is empty"),
        (" \n ", "2:2: the policy is empty"),
        ("{\n  \"version\": 1\n  \"routes\": []\n}\n", "2:15: not valid JSON: expected comma"),
        ("{\"version\": 1", "1:1: not valid JSON: unterminated object"),
        ("{\"version\": 1,}", "1:14: not valid JSON: trailing commas are not allowed"),
        ("{'version': 1}", "1:2: not valid JSON: single-quoted strings are not allowed"),
        ("{version: 1}", "1:2: not valid JSON: expected string for object property"),
        ("{} // comment", "1:4: not valid JSON: comments are not allowed"),
        ("{}{}", "1:3: not valid JSON: text cannot contain more than one JSON value"),
        ("{\"version\": 0x1}", "1:13: not valid JSON: hexadecimal numbers are not allowed"),
        ("{\"version\": 1e400}", "1:13: not valid JSON: malformed number"),
        ("{\"version\": NaN}", "1:13: not valid JSON: unexpected token"),
        ("{\"ver\\qsion\": 1}", "1:6: not valid JSON: invalid escape"),
        ("\u{feff}{}", "1:1: not valid JSON: it begins with a byte order mark"),
        ("{\n\u{a0}}", "2:1: not valid JSON: key must be a string"),
        ("{\x0c}", "1:2: not valid JSON: key must be a string"),
        (
            "{\n \"ver\nsion\": 1}",
            "2:5: not valid JSON: control character (\\u0000-\\u001F) found while parsing a string",
        ),
    ]);
}

#[test]
fn json_that_is_no_object_is_told_what_it_is() {
    documents(&[
        ("[]", "1:1: expected an object, found an array"),
        ("null", "1:1: expected an object, found null"),
        ("\"policy\"", "1:1: expected an object, found a string"),
        ("7", "1:1: expected an object, found a number"),
        ("true", "1:1: expected an object, found a boolean"),
    ]);
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let error = |bytes: &[u8]| {
        Policy::from_json(bytes).unwrap_err().iter().map(ToString::to_string).collect::<String>()
    };
    assert_eq!(error(b"{\n  \"version\": \"\xff\"}"), "2:15: the policy is not UTF-8 text");
    assert_eq!(error(b"\xff\xfe{\0}\0"), "1:1: the policy is not UTF-8 text");
}

#[test]
fn half_a_surrogate_pair_is_no_text() {
    let document = with_routes(&ROUTE.replace("\"a\"", r#""\ud800""#));
    assert!(errors(&document).contains("not valid JSON: "), "{}", errors(&document));
}

#[test]
fn escaped_keys_are_the_keys_that_they_stand_for() {
    let plain = with_routes(ROUTE);
    assert_eq!(digest(&plain.replace("\"routes\"", r#""ro\u0075tes""#)), digest(&plain));
    let twice = with_members(&format!(r#""routes": [{ROUTE}], "ro\u0075tes": [{ROUTE}]"#));
    assert!(errors(&twice).contains("duplicate key `routes`"), "{}", errors(&twice));
}

/// A document with an object of each kind, in which a further key may stand at every `HERE`.
const EVERY_OBJECT: &str = r#"{
  "version": 1,
  "peer_certificate": {"verified_by": {"envoy": {"resumption": "disabled" HERE} HERE} HERE},
  "identities": {"a": {"dns": "a.example" HERE}},
  "defaults": {"mode": "shadow", "on_deny": {"status": 403 HERE}, "tls": {"sni": "match" HERE} HERE},
  "routes": [
    {
      "name": "r",
      "match": {"path": {"prefix": "/" HERE} HERE},
      "client_certificate": "required",
      "allow": {"uri": {"prefix": "a" HERE}, "subject": {"CN": {"suffix": "a" HERE} HERE} HERE},
      "deny": [{"not": {"any": [{"all": [{"identity": "a" HERE}] HERE}] HERE} HERE}],
      "tls": {"sni": "match" HERE},
      "forward": {"headers": {"x-id": "{serial}"} HERE},
      "on_deny": {"reasons": {"expired": {"redirect": {"url": "/" HERE} HERE} HERE} HERE}
      HERE
    }
  ]
  HERE
}"#;

/// The document with `what` at each place in turn.
fn with_everywhere(what: &str) -> Vec<String> {
    let pieces: Vec<&str> = EVERY_OBJECT.split("HERE").collect();
    let places = 1..pieces.len();
    places
        .map(|at| {
            let (before, after) = pieces.split_at(at);
            format!("{}{what}{}", before.concat(), after.concat())
        })
        .collect()
}

#[test]
fn an_unknown_key_is_an_error_in_every_object() {
    assert_eq!(errors(&EVERY_OBJECT.replace("HERE", "")), "");
    let documents = with_everywhere(", \"zz\": \"x\"");
    assert_eq!(documents.len(), 25);
    for document in documents {
        let errors = errors(&document);
        // In a subject, keys are attributes.
        let told = errors.contains("unknown key `zz`")
            || errors.contains("unknown reason `zz`")
            || errors.contains("`zz` is no attribute");
        assert!(told, "{document}\n{errors}");
    }
}

#[test]
fn a_duplicate_key_is_an_error_in_every_object() {
    for document in with_everywhere(", \"zz\": \"x\", \"zz\": \"x\"") {
        let errors = errors(&document);
        assert_eq!(errors.matches("duplicate key `zz`").count(), 1, "{document}\n{errors}");
    }
    let named_twice = with_members(&format!(
        r#""identities": {{"a": {{"dns": "a.example"}}, "a": {{"dns": "b.example"}}}}, "routes": [{ROUTE}]"#
    ));
    assert_eq!(errors(&named_twice), "4:45: duplicate key `a` (at `/identities/a`)");
}
