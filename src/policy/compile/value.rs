//! Compiles patterns for text, and for what is found by object identifier: names of other kinds and extensions.

use super::reader::{Keys, Object, Problems, all_or_none, not_one, one_or_many, string, wrong_type};
use crate::cert::Criticality;
use crate::identity::{
    ExtensionPattern, ObjectIdentifier, OtherNamePattern, PatternError, TextKind, ValuePattern,
};
use crate::policy::matcher::Matcher;
use crate::policy::source::{Member, Node, Value};

const TEXT_KEYS: Keys = Keys::of(&["prefix", "suffix", "regex"]);
const OTHER_NAME_KEYS: Keys = Keys::of(&["oid", "value"]);
const OTHER_NAME_VALUE_KEYS: Keys = Keys::of(&["prefix", "suffix", "regex", "der"]);
const EXTENSION_KEYS: Keys = Keys::of(&["oid", "critical", "value"]);
const EXTENSION_VALUE_KEYS: Keys = Keys::of(&["utf8", "der"]);

/// A text pattern: a string is exact, an object with one of `prefix`, `suffix`, `regex` says so.
pub(super) fn text<P>(
    node: &Node,
    problems: &mut Problems,
    parse: impl Fn(TextKind, &str) -> Result<P, PatternError>,
) -> Option<P> {
    let (kind, text) = match &node.value {
        Value::Object(_) => {
            let Member { key, value, .. } =
                only_member(node, TEXT_KEYS, "exactly one of `prefix`, `suffix`, `regex`", problems)?;
            (text_kind(key)?, value)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            (TextKind::Exact, node)
        }
    };
    let pattern = parse(kind, string(text, problems)?);
    problems.keep(text.span, pattern)
}

/// An object with the `oid` of the kind of name and, where it matters, its `value`.
pub(super) fn other_name(node: &Node, problems: &mut Problems) -> Option<Matcher> {
    let Value::Object(_) = &node.value else {
        return wrong_type(node, "an object with an `oid`", problems);
    };
    let object = Object::open(node, OTHER_NAME_KEYS, problems)?;
    let oid = object.require("oid", None, problems).and_then(|node| oid(node, problems));
    let values = values(object.get("value"), problems, other_name_value);
    let (oid, values) = (oid?, values?);
    let pattern = |value| Matcher::OtherName(OtherNamePattern::new(oid.clone(), value));
    Some(Matcher::any(values.into_iter().map(pattern).collect()))
}

/// The object identifier of the extension; or an object with that `oid` and, where they matter, `critical` and `value`.
pub(super) fn extension(node: &Node, problems: &mut Problems) -> Option<Matcher> {
    if let Value::String(_) = &node.value {
        return Some(Matcher::Extension(ExtensionPattern::new(oid(node, problems)?, None, None)));
    }
    let Value::Object(_) = &node.value else {
        return wrong_type(node, "an object identifier, or an object with an `oid`", problems);
    };
    let object = Object::open(node, EXTENSION_KEYS, problems)?;
    let oid = object.require("oid", None, problems).and_then(|node| oid(node, problems));
    let criticality = object.get("critical").map_or(Some(None), |node| criticality(node, problems).map(Some));
    let values = values(object.get("value"), problems, extension_value);
    let (oid, criticality, values) = (oid?, criticality?, values?);
    let pattern = |value| Matcher::Extension(ExtensionPattern::new(oid.clone(), criticality, value));
    Some(Matcher::any(values.into_iter().map(pattern).collect()))
}

fn oid(node: &Node, problems: &mut Problems) -> Option<ObjectIdentifier> {
    let text = string(node, problems)?;
    problems.keep(node.span, ObjectIdentifier::parse(text))
}

fn criticality(node: &Node, problems: &mut Problems) -> Option<Criticality> {
    match node.value {
        Value::Bool(true) => Some(Criticality::Critical),
        Value::Bool(false) => Some(Criticality::NotCritical),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            wrong_type(node, "`true` or `false`", problems)
        }
    }
}

/// The values of which any may be there; one that is no value where none is asked for.
fn values(
    node: Option<&Node>,
    problems: &mut Problems,
    compile: impl Fn(&Node, &mut Problems) -> Option<ValuePattern>,
) -> Option<Vec<Option<ValuePattern>>> {
    let Some(node) = node else { return Some(vec![None]) };
    let values =
        one_or_many(node, "`value`", problems)?.iter().map(|entry| compile(entry, problems).map(Some));
    all_or_none(values)
}

fn other_name_value(node: &Node, problems: &mut Problems) -> Option<ValuePattern> {
    let Value::Object(_) = &node.value else {
        return text(node, problems, ValuePattern::text);
    };
    let Member { key, value, .. } = only_member(
        node,
        OTHER_NAME_VALUE_KEYS,
        "exactly one of `prefix`, `suffix`, `regex`, `der`",
        problems,
    )?;
    let pattern = match key.as_str() {
        "der" => ValuePattern::der(string(value, problems)?),
        key => ValuePattern::text(text_kind(key)?, string(value, problems)?),
    };
    problems.keep(value.span, pattern)
}

fn extension_value(node: &Node, problems: &mut Problems) -> Option<ValuePattern> {
    let Value::Object(_) = &node.value else {
        return wrong_type(node, "an object with `utf8` or `der`", problems);
    };
    let Member { key, value, .. } =
        only_member(node, EXTENSION_VALUE_KEYS, "exactly one of `utf8`, `der`", problems)?;
    match key.as_str() {
        "utf8" => text(value, problems, ValuePattern::text),
        "der" => {
            let pattern = ValuePattern::octets(string(value, problems)?);
            problems.keep(value.span, pattern)
        }
        // Reported when the object was opened.
        _ => None,
    }
}

/// The one member of an object that must hold one of `keys`.
fn only_member<'n>(
    node: &'n Node,
    keys: Keys,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<&'n Member> {
    let object = Object::open(node, keys, problems)?;
    match object.members() {
        [member] => Some(member),
        _ => not_one(&object, node, expected, problems),
    }
}

/// `None` for a key that was reported when the object was opened.
fn text_kind(key: &str) -> Option<TextKind> {
    match key {
        "prefix" => Some(TextKind::Prefix),
        "suffix" => Some(TextKind::Suffix),
        "regex" => Some(TextKind::Regex),
        _ => None,
    }
}
