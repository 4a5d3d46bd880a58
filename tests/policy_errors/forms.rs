//! One policy in every form in which Envoy and its users may hand it over.

use mtls_policy::policy::{Policy, Reason};
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{digest, errors};

const POLICY: &str = r#"{
  "version": 1,
  "peer_certificate": {"verified_by": "envoy"},
  "routes": [{
    "name": "a", "match": {"hosts": ["a.example", "b.example"]}, "client_certificate": "required",
    "allow": "any_verified", "on_deny": {"status": 404, "body": "\u00fcber\n"}
  }]
}"#;

/// The same with every key in another order, other white space and escapes, and numbers as a `Struct` gives them.
const REORDERED: &str = "{\"routes\":[{\"on_deny\":{\"body\":\"\u{fc}ber\\u000a\",\"status\":4.04e2},\"allow\":\"any\\u005fverified\",\
\"client_certificate\":\"required\",\"match\":{\"hosts\":[\"a.example\",\"b.example\"]},\"name\":\"a\"}],\
\"peer_certificate\":{\"verified_by\":\"envoy\"},\"version\":1.0}";

/// What Envoy leaves of a `google.protobuf.Struct`.
fn as_struct(json: &str) -> Vec<u8> {
    let Value::Object(members) = serde_json::from_str(json).unwrap() else { panic!("no object") };
    message(members).encode_to_vec()
}

fn message(members: serde_json::Map<String, Value>) -> Struct {
    Struct { fields: members.into_iter().map(|(key, value)| (key, proto(value))).collect() }
}

fn proto(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
        Value::String(value) => Kind::StringValue(value),
        Value::Array(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(proto).collect() })
        }
        Value::Object(members) => Kind::StructValue(message(members)),
    };
    prost_types::Value { kind: Some(kind) }
}

fn configured(bytes: &[u8]) -> Policy {
    match Policy::from_configuration(bytes) {
        Ok(policy) => policy,
        Err(errors) => panic!("{errors:?}"),
    }
}

#[test]
fn order_of_keys_white_space_escapes_and_forms_of_numbers_do_not_matter() {
    assert_eq!(digest(REORDERED), digest(POLICY));
    for status in ["404", "404.0", "4.04e2", "4.04E+2", "40400e-2"] {
        assert_eq!(digest(&POLICY.replace("404", status)), digest(POLICY), "{status}");
    }
    for version in ["1.0", "1e0", "10e-1"] {
        assert_eq!(
            digest(&POLICY.replace("\"version\": 1", &format!("\"version\": {version}"))),
            digest(POLICY)
        );
    }
}

#[test]
fn a_difference_in_meaning_is_a_difference_in_digest() {
    for (from, to) in [
        ("404", "403"),
        ("any_verified", "any_verified\", \"mode\": \"shadow"),
        ("\"a.example\", \"b.example\"", "\"b.example\", \"a.example\""),
        ("\"name\": \"a\"", "\"name\": \"b\""),
        ("ber\\n", "ber\\n\\n"),
    ] {
        assert_ne!(digest(&POLICY.replace(from, to)), digest(POLICY), "{from}");
    }
}

#[test]
fn the_digest_is_stable() {
    // SHA-256 of the text with sorted keys, without white space and with numbers as doubles: whoever compares
    // digests across versions relies on it.
    let canonical = "{\"peer_certificate\":{\"verified_by\":\"envoy\"},\"routes\":[{\"allow\":\"any_verified\",\
        \"client_certificate\":\"required\",\"match\":{\"hosts\":[\"a.example\",\"b.example\"]},\"name\":\"a\",\
        \"on_deny\":{\"body\":\"\u{fc}ber\\n\",\"status\":404.0}}],\"version\":1.0}";
    let wanted = mtls_policy::cert::Fingerprint::of(canonical.as_bytes()).to_string();
    assert_eq!(digest(POLICY), wanted);
}

#[test]
fn a_struct_means_what_the_text_means() {
    for text in [POLICY, REORDERED] {
        assert_eq!(configured(&as_struct(text)).digest().to_string(), digest(POLICY));
        assert_eq!(configured(text.as_bytes()).digest().to_string(), digest(POLICY));
    }
    let policy = configured(&as_struct(POLICY));
    let route = policy.routes().iter().next().unwrap();
    assert_eq!((route.name(), route.on_deny().answer(Reason::NoCertificate).status()), ("a", Some(404)));
}

#[test]
fn the_fields_of_a_struct_may_come_in_any_order() {
    let Value::Object(members) = serde_json::from_str(POLICY).unwrap() else { panic!("no object") };
    // Messages in a row are one message with the fields of all.
    let mut fields: Vec<Vec<u8>> =
        members.into_iter().map(|member| message([member].into_iter().collect()).encode_to_vec()).collect();
    for _ in 0..fields.len() {
        fields.rotate_left(1);
        assert_eq!(configured(&fields.concat()).digest().to_string(), digest(POLICY));
    }
}

#[test]
fn errors_of_a_struct_are_those_of_the_text_told_by_pointer() {
    let wrong = POLICY.replace("any_verified", "any").replace("404", "200");
    let told = |errors: mtls_policy::policy::PolicyErrors| {
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(Policy::from_configuration(&as_struct(&wrong)).unwrap_err()),
        [
            "unknown value `any`, expected one of `any_verified` (at `/routes/0/allow`); did you mean `any_verified`?",
            "`200` is not a whole number between 400 and 599 (at `/routes/0/on_deny/status`)",
        ]
    );
    assert_eq!(told(Policy::from_configuration(wrong.as_bytes()).unwrap_err()).join("\n"), errors(&wrong));
}

#[test]
fn numbers_that_json_cannot_hold_are_no_values() {
    let Value::Object(members) = serde_json::from_str(POLICY).unwrap() else { panic!("no object") };
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut message = message(members.clone());
        let version = prost_types::Value { kind: Some(Kind::NumberValue(number)) };
        message.fields.insert("version".to_owned(), version);
        let errors = Policy::from_configuration(&message.encode_to_vec()).unwrap_err();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, ["expected the number 1, found null (at `/version`)"]);
    }
}

#[test]
fn a_configuration_that_is_neither_is_told_what_is_wrong_with_it_as_text() {
    let first = |bytes: &[u8]| {
        Policy::from_configuration(bytes).unwrap_err().iter().next().map(ToString::to_string).unwrap()
    };
    assert_eq!(first(b""), "1:1: the policy is empty");
    assert_eq!(first(b"{\"version\": 1,}"), "1:14: not valid JSON: trailing commas are not allowed");
    assert_eq!(first(b"version: 1\n"), "1:1: not valid JSON: unexpected word");
    assert_eq!(first(b"\xff\xff"), "1:1: the policy is not UTF-8 text");
    let cut = as_struct(POLICY);
    assert!(Policy::from_configuration(cut.split_last().unwrap().1).is_err());
}
