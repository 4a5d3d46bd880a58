//! Looks into the tree of a policy that compiled, so that every value has the form that the language gives it.

use crate::policy::{Node, Span, Value};

/// The members of an object, in order: key, its place, value.
pub(super) fn members(node: &Node) -> impl Iterator<Item = (&str, Span, &Node)> {
    let members = match &node.value {
        Value::Object(members) => members.as_slice(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => &[],
    };
    members.iter().map(|member| (member.key.as_str(), member.key_span, &member.value))
}

pub(super) fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    members(node).find(|(name, _, _)| *name == key).map(|(_, _, value)| value)
}

pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The entries of an array; a value without brackets is its own only entry.
pub(super) fn entries(node: &Node) -> &[Node] {
    match &node.value {
        Value::Array(entries) => entries,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            std::slice::from_ref(node)
        }
    }
}

/// The entries of the array at `key`; none without it.
pub(super) fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    get(node, key).map_or(&[], entries)
}
