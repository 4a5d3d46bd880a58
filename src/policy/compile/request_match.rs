//! Compiles `match`: the requests that a route is for.

use super::path::path_pattern;
use super::reader::{Keys, Object, Problems, all_or_none, list, not_one, one_or_many, string, wrong_type};
use crate::identity::{Case, PatternError, TextKind, TextPattern};
use crate::policy::error::PolicyErrorKind;
use crate::policy::header::{HeaderCondition, ValuePattern, Wanted, is_read_as, why_no_condition};
use crate::policy::host::HostPattern;
use crate::policy::method::is_method;
use crate::policy::network::Network;
use crate::policy::request_match::{MetadataCondition, RequestMatch};
use crate::policy::source::{Member, Node, Value};

const MATCH_KEYS: Keys = Keys::of(&[
    "hosts",
    "path",
    "methods",
    "headers",
    "envoy_route",
    "envoy_cluster",
    "route_metadata",
    "source",
]);
const HEADER_KEYS: Keys = Keys::of(&["prefix", "suffix", "regex", "present"]);
pub(super) const MATCH_ALL_HELP: &str =
    "to match every request, write `\"match\": {\"path\": {\"prefix\": \"/\"}}`";

pub(super) fn request_match(node: &Node, problems: &mut Problems) -> Option<RequestMatch> {
    let object = Object::open(node, MATCH_KEYS, problems)?;
    if object.members().is_empty() {
        return problems
            .add(node.span, PolicyErrorKind::EmptyList { what: "`match`", help: Some(MATCH_ALL_HELP) });
    }
    conditions(&object, problems)
}

/// What `object` says of hosts, paths and methods.
pub(super) fn conditions(object: &Object<'_>, problems: &mut Problems) -> Option<RequestMatch> {
    let hosts = object.get("hosts").map_or(Some(Vec::new()), |node| {
        list(node, "`hosts`", problems, |text| {
            HostPattern::parse(text).map_err(|why| PolicyErrorKind::BadHost { host: text.to_owned(), why })
        })
    });
    let methods = object.get("methods").map_or(Some(Vec::new()), |node| {
        list(node, "`methods`", problems, |text| {
            if is_method(text) {
                Ok(text.to_owned())
            } else {
                Err(PolicyErrorKind::BadMethod { method: text.to_owned() })
            }
        })
    });
    let path = match object.get("path") {
        Some(node) => path_pattern(node, problems).map(Some),
        None => Some(None),
    };
    let headers = object.get("headers").map_or(Some(Vec::new()), |node| headers(node, problems));
    let mut texts_of =
        |key, what| object.get(key).map_or(Some(Vec::new()), |node| texts(node, what, problems));
    let envoy_routes = texts_of("envoy_route", "`envoy_route`");
    let envoy_clusters = texts_of("envoy_cluster", "`envoy_cluster`");
    let route_metadata =
        object.get("route_metadata").map_or(Some(Vec::new()), |node| route_metadata(node, problems));
    let sources = object.get("source").map_or(Some(Vec::new()), |node| {
        list(node, "`source`", problems, |text| {
            Network::parse(text).map_err(|why| PolicyErrorKind::BadNetwork { network: text.to_owned(), why })
        })
    });
    Some(RequestMatch {
        hosts: hosts?,
        path: path?,
        methods: methods?,
        headers: headers?,
        envoy_routes: envoy_routes?,
        envoy_clusters: envoy_clusters?,
        route_metadata: route_metadata?,
        sources: sources?,
    })
}

fn headers(node: &Node, problems: &mut Problems) -> Option<Vec<HeaderCondition>> {
    let members = members(node, "`headers`", problems)?;
    let mut conditions = Vec::with_capacity(members.len());
    for (index, Member { key, key_span, value }) in members.iter().enumerate() {
        let name = key.to_ascii_lowercase();
        let name = match why_no_condition(&name) {
            Some(why) => problems.add(*key_span, PolicyErrorKind::BadHeader { name: key.clone(), why }),
            // Two spellings of one name; the same spelling twice is reported when the object is opened.
            None if members
                .iter()
                .take(index)
                .any(|other| other.key != *key && is_read_as(&other.key, &name)) =>
            {
                problems.add(*key_span, PolicyErrorKind::DuplicateKey { key: key.clone() })
            }
            None => Some(name),
        };
        let wanted = wanted(value, problems);
        conditions.push(name.zip(wanted).map(|(name, wanted)| HeaderCondition { name, wanted }));
    }
    all_or_none(conditions)
}

/// What a header must be: `{"present": true}` or `false`, or values of which it must be one.
fn wanted(node: &Node, problems: &mut Problems) -> Option<Wanted> {
    if let Value::Object(members) = &node.value
        && let [Member { key, value, .. }] = members.as_slice()
        && key == "present"
    {
        return match value.value {
            Value::Bool(true) => Some(Wanted::Present),
            Value::Bool(false) => Some(Wanted::Absent),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                wrong_type(value, "true or false", problems)
            }
        };
    }
    let patterns =
        one_or_many(node, "a header", problems)?.iter().map(|entry| value_pattern(entry, problems));
    all_or_none(patterns).map(Wanted::Value)
}

fn value_pattern(node: &Node, problems: &mut Problems) -> Option<ValuePattern> {
    let (kind, text) = match &node.value {
        Value::Object(_) => {
            let object = Object::open(node, HEADER_KEYS, problems)?;
            let [Member { key, value, .. }] = object.members() else {
                let expected = "a value, or exactly one of `prefix`, `suffix`, `regex`, `present`";
                return not_one(&object, node, expected, problems);
            };
            let kind = match key.as_str() {
                "prefix" => TextKind::Prefix,
                "suffix" => TextKind::Suffix,
                "regex" => TextKind::Regex,
                "present" => return wrong_type(node, "a value: `present` stands alone", problems),
                // Reported when the object was opened.
                _ => return None,
            };
            (kind, value)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            (TextKind::Exact, node)
        }
    };
    let written = string(text, problems)?;
    let pattern = match kind {
        TextKind::Exact if !written.is_empty() => Ok(ValuePattern::Exact(written.to_owned())),
        TextKind::Exact | TextKind::Prefix | TextKind::Suffix | TextKind::Regex => {
            TextPattern::new(kind, written, Case::Sensitive).map(ValuePattern::Pattern)
        }
    };
    problems.keep(text.span, pattern)
}

/// Namespaces of keys of texts.
fn route_metadata(node: &Node, problems: &mut Problems) -> Option<Vec<MetadataCondition>> {
    let mut conditions = Vec::new();
    for namespace in members(node, "`route_metadata`", problems)? {
        let Some(entries) = members(&namespace.value, "a namespace", problems) else {
            conditions.push(None);
            continue;
        };
        for Member { key, value, .. } in entries {
            let values = texts(value, "a value", problems);
            let condition =
                |values| MetadataCondition { namespace: namespace.key.clone(), key: key.clone(), values };
            conditions.push(values.map(condition));
        }
    }
    all_or_none(conditions)
}

/// The members of an object that has some, with keys of the author's choice.
fn members<'n>(node: &'n Node, what: &'static str, problems: &mut Problems) -> Option<&'n [Member]> {
    match Object::open_map(node, problems)?.members() {
        [] => problems.add(node.span, PolicyErrorKind::EmptyList { what, help: None }),
        members => Some(members),
    }
}

/// A text, or a list of texts, none of them empty.
fn texts(node: &Node, what: &'static str, problems: &mut Problems) -> Option<Vec<String>> {
    let texts = one_or_many(node, what, problems)?.iter().map(|entry| match string(entry, problems)? {
        "" => problems.add(entry.span, PatternError::Empty.into()),
        text => Some(text.to_owned()),
    });
    all_or_none(texts)
}
