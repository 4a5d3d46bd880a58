//! The JSON Schema of policies says what the compiler says, as far as a schema can.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mtls_policy::identity::PatternError;
use mtls_policy::policy::{Policy, PolicyError, PolicyErrorKind, PolicyErrors, Reason};
use serde_json::{Value, json};

use crate::places::{Place, escaped, parts, places};
use crate::schema::{POLICY, Schema};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(POLICY));

/// A policy that says everything that a policy can say, in every form.
const WHOLE: &str = include_str!("../schema/policy.json");

/// Codes of errors that a schema sees; it knows nothing of what refers to what, of numbers in strings, of JSON itself.
const SEEN: [&str; 13] = [
    "unknown_key",
    "missing_key",
    "wrong_type",
    "unknown_value",
    "unsupported_version",
    "out_of_range",
    "empty_list",
    "bad_name",
    "bad_method",
    "bad_cipher",
    "deny_without_allow",
    "no_effect",
    "unknown_reason",
];

/// What an editor says of a document and what the compiler says agree: nothing good is marked, and what a schema can see
/// is seen.
pub(crate) fn agree(document: &str, compiled: &Result<Policy, PolicyErrors>) {
    // What JSON cannot be, or not twice, never gets as far as a schema.
    let Ok(value) = serde_json::from_str::<Value>(document) else { return };
    let errors = compiled.as_ref().err().map(|errors| errors.iter().collect::<Vec<_>>()).unwrap_or_default();
    let fault = SCHEMA.fault(&value);
    if let Some(fault) = &fault {
        assert!(!errors.is_empty(), "{fault}\n{document}");
    }
    for error in errors {
        assert!(fault.is_some() || !SEEN.contains(&error.kind().code()), "{error}\n{document}");
    }
}

fn schema() -> Value {
    serde_json::from_str(POLICY).unwrap()
}

fn whole() -> Value {
    serde_json::from_str(WHOLE).unwrap()
}

/// Who verifies, of which there can be one in a policy.
const VERIFIED_BY: &str = "/peer_certificate/verified_by";

/// The route whose clients' certificates nobody verifies.
const UNVERIFIED: &str = "/routes/5/";

/// The whole policy but for what only the filter can do that verifies itself: all errors are elsewhere.
fn by_envoy() -> Value {
    with(VERIFIED_BY, json!({ "envoy": { "resumption": "disabled" } }))
}

/// The whole policy, in the form that has something at `pointer`.
fn whole_with(pointer: &str) -> Value {
    if pointer.strip_prefix(VERIFIED_BY).is_some_and(|rest| rest.starts_with('/')) {
        by_envoy()
    } else {
        whole()
    }
}

/// What stands at a place.
fn value_at(place: &Place) -> Value {
    let is_object = place.schema.ends_with("/verified_by/anyOf/1");
    let document = if is_object { by_envoy() } else { whole_with(&place.document) };
    document.pointer(&place.document).unwrap().clone()
}

/// Every place at which the schema says something of the whole policy, with what it says.
fn all_places() -> Vec<(Place, Value)> {
    let schema = schema();
    let by_envoy = places(&schema, &by_envoy()).into_iter();
    let by_envoy = by_envoy.filter(|place| place.document.starts_with(VERIFIED_BY));
    let places = places(&schema, &whole()).into_iter().chain(by_envoy);
    places.map(|place| (place.clone(), schema.pointer(&place.schema).unwrap().clone())).collect()
}

/// The whole policy with another value at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = whole_with(pointer);
    *document.pointer_mut(pointer).unwrap() = value;
    document
}

/// An error at a place: its code, and what could be there instead where the compiler lists it.
struct Complaint {
    code: &'static str,
    known: Option<BTreeSet<String>>,
}

/// What the compiler says of a document at a place and inside it.
fn complaints(document: &Value, pointer: &str) -> Vec<Complaint> {
    let text = document.to_string();
    let compiled = Policy::from_json(text.as_bytes());
    agree(&text, &compiled);
    let Err(errors) = compiled else { return Vec::new() };
    let is_there = |error: &&PolicyError| {
        let rest = error.location().pointer.strip_prefix(pointer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let complaint =
        |error: &PolicyError| Complaint { code: error.kind().code(), known: known(error.kind()).map(set) };
    errors.iter().filter(is_there).map(complaint).collect()
}

fn known(kind: &PolicyErrorKind) -> Option<Vec<&'static str>> {
    if let PolicyErrorKind::UnknownKey { known, .. } | PolicyErrorKind::UnknownValue { known, .. } = kind {
        Some(known.to_vec())
    } else if let PolicyErrorKind::Pattern(PatternError::KeyPurpose { known, .. }) = kind {
        Some(known.clone())
    } else if let PolicyErrorKind::UnknownReason { .. } = kind {
        Some(Reason::ALL.map(Reason::code).to_vec())
    } else {
        None
    }
}

fn set(words: Vec<&'static str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// The words of an `enum`; none where it is of something else.
fn words(part: &Value) -> BTreeSet<String> {
    let words = part.get("enum").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn the_whole_policy_is_good_and_reaches_every_part_of_the_schema() {
    assert!(complaints(&whole(), "").is_empty());
    assert!(Policy::from_json(WHOLE.as_bytes()).is_ok());
    let reached: BTreeSet<String> = all_places().into_iter().map(|(place, _)| place.schema).collect();
    let mut missed: Vec<String> =
        parts(&schema()).into_iter().filter(|part| !reached.contains(part)).collect();
    // What is reached by condition alone.
    missed.retain(|part| !part.starts_with("/$defs/by_envoy"));
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_object_has_the_keys_that_the_compiler_knows() {
    for (place, part) in all_places() {
        let Some(Value::Object(properties)) = part.get("properties") else { continue };
        if part.get("additionalProperties") != Some(&Value::Bool(false)) {
            continue;
        }
        let mut object = value_at(&place);
        object["no such key"] = json!(1);
        let complaints =
            complaints(&with(&place.document, object), &format!("{}/no such key", place.document));
        let known = complaints.iter().find_map(|complaint| complaint.known.clone());
        assert_eq!(known, Some(properties.keys().cloned().collect()), "{place:?}");
    }
}

#[test]
fn every_word_of_the_schema_is_one_of_the_compiler_s_and_the_other_way_round() {
    let places = all_places();
    for (place, part) in &places {
        if words(part).is_empty() {
            continue;
        }
        // Of alternatives in one place each has its own words.
        let here = places.iter().filter(|(other, _)| other.document == place.document);
        let all: BTreeSet<String> = here.flat_map(|(_, part)| words(part)).collect();
        for word in &all {
            let complaints = complaints(&with(&place.document, json!(word)), &place.document);
            assert!(complaints.is_empty(), "{place:?}: {word}: {}", complaints[0].code);
        }
        let refused = complaints(&with(&place.document, json!("no such word")), &place.document);
        assert!(!refused.is_empty(), "{place:?}");
        for known in refused.into_iter().filter_map(|complaint| complaint.known) {
            assert!(known.is_subset(&all), "{place:?}: {known:?}");
        }
    }
}

#[test]
fn every_name_of_a_key_in_the_schema_is_one_of_the_compiler_s_and_the_other_way_round() {
    let mut seen = BTreeSet::new();
    for (place, part) in all_places() {
        let words = part.get("propertyNames").map(words).unwrap_or_default();
        let refused = |word: &str| {
            let mut object = value_at(&place);
            let value = object.as_object().unwrap().values().next().unwrap().clone();
            object[word] = value;
            complaints(&with(&place.document, object), &format!("{}/{}", place.document, escaped(word)))
        };
        if words.is_empty() {
            continue;
        }
        let known = refused("no such word").into_iter().find_map(|complaint| complaint.known);
        assert_eq!(known.as_ref(), Some(&words), "{place:?}");
        // A route may take less than `defaults`.
        if words.iter().all(|word| refused(word).is_empty()) {
            seen.insert(place.schema);
        }
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        ["/$defs/lint/properties/allow", "/$defs/on_deny/properties/reasons"]
    );
}

#[test]
fn every_bound_of_a_number_is_the_compiler_s() {
    let mut count = 0;
    for (place, part) in all_places() {
        let (Some(min), Some(max)) =
            (part.get("minimum").and_then(Value::as_i64), part.get("maximum").and_then(Value::as_i64))
        else {
            continue;
        };
        count += 1;
        for (number, good) in [(min, true), (max, true), (min - 1, false), (max + 1, false)] {
            let complaints = complaints(&with(&place.document, json!(number)), &place.document);
            assert_eq!(complaints.is_empty(), good, "{place:?}: {number}");
        }
    }
    assert!(count >= 5);
}

#[test]
fn every_length_of_a_text_is_the_compiler_s() {
    for (place, part) in all_places() {
        let Some(max) = part.get("maxLength").and_then(Value::as_u64) else { continue };
        let text = value_at(&place).as_str().unwrap().to_owned();
        for (length, good) in [(max, true), (max + 1, false)] {
            // A page is HTML, and all others may end in anything.
            let text = if text == "default" { "<" } else { text.as_str() };
            let filled = format!("{text}{}", "x".repeat(length as usize - text.len()));
            let complaints = complaints(&with(&place.document, json!(filled)), &place.document);
            assert_eq!(complaints.is_empty(), good, "{place:?}: {length}");
            assert_eq!(SCHEMA.fault(&with(&place.document, json!(filled))).is_none(), good, "{place:?}");
        }
    }
}

/// Every place of the whole policy, with other things in it and without it: [`agree`] looks at each.
#[test]
fn whatever_is_written_in_a_place_is_refused_by_the_schema_if_it_can_see_it_and_by_the_compiler_too() {
    let pointers: BTreeSet<String> = all_places().into_iter().map(|(place, _)| place.document).collect();
    for pointer in pointers.iter().filter(|pointer| !pointer.is_empty()) {
        let original = whole_with(pointer).pointer(pointer).unwrap().clone();
        for other in [
            json!(null),
            json!(true),
            json!(false),
            json!(-1),
            json!(1.5),
            json!(450),
            json!(""),
            json!("no such word"),
            json!([]),
            json!({}),
            json!([original.clone()]),
            json!([[original.clone()]]),
            json!({ "no such key": original.clone() }),
        ] {
            complaints(&with(pointer, other), "");
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut document = whole_with(pointer);
        let within = document.pointer_mut(parent).unwrap();
        if let Value::Array(entries) = within {
            entries.remove(key.parse().unwrap());
        } else {
            within.as_object_mut().unwrap().remove(&key.replace("~1", "/").replace("~0", "~")).unwrap();
        }
        complaints(&document, "");
    }
}

#[test]
fn every_example_and_default_is_good_where_it_stands() {
    let is_unverified = |place: &Place| place.document.starts_with(UNVERIFIED);
    // What is shown are names, which an unverified certificate is not known by.
    for (place, part) in all_places().into_iter().filter(|(place, _)| !is_unverified(place)) {
        let examples = part.get("examples").and_then(Value::as_array).into_iter().flatten();
        for example in examples.chain(part.get("default")) {
            let fault = Schema::of_node(POLICY, &place.schema).fault(example);
            assert_eq!(fault, None, "{place:?}: {example}");
            let complaints = complaints(&with(&place.document, example.clone()), &place.document);
            assert!(complaints.is_empty(), "{place:?}: {example}: {}", complaints[0].code);
        }
    }
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    let described = |part: &Value| part.get("description").is_some();
    for (place, part) in all_places() {
        let parent = place.schema.rsplit_once('/').and_then(|(parent, _)| parent.strip_suffix("/properties"));
        let object = parent.and_then(|object| schema.pointer(object));
        if object.is_some_and(|object| object.get("additionalProperties") == Some(&Value::Bool(false))) {
            let target = part.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
            let target = target.and_then(|target| schema.pointer(target));
            assert!(described(&part) || target.is_some_and(described), "{place:?}");
        }
    }
}

#[test]
fn every_field_of_a_forwarded_header_is_told() {
    let schema = schema();
    let headers = "/$defs/forward/properties/headers";
    let description = schema.pointer(&format!("{headers}/description")).unwrap().as_str().unwrap();
    let place = all_places().into_iter().find(|(place, _)| place.schema == headers).unwrap().0.document;
    let text = with(&place, json!({ "x-a": "{?}" })).to_string();
    let errors = Policy::from_json(text.as_bytes()).unwrap_err();
    let help = errors.iter().find_map(PolicyError::help).unwrap();
    let (_, fields) = help.split_once("known here: ").unwrap();
    let mut fields = fields.split(", ").map(|field| field.trim_matches(['`', '{', '}'])).peekable();
    assert!(fields.peek().is_some());
    for field in fields.filter(|field| !field.contains('.')) {
        assert!(description.contains(&format!("`{field}`")), "{field}");
    }
}
