//! Envoy's configuration as a tree of values that remember where they stand.
//!
//! Envoy takes YAML, and JSON, which is YAML too. Its own reader is protobuf's, to which `filter_chains` and
//! `filterChains` are one field; so they are here. What nobody asks for is never looked at.

use std::fmt;
use std::thread;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{AliasLimits, MergeKeyPolicy};
use serde_saphyr::{Location, Spanned};

/// Longest configuration that is read, in bytes: a policy of the largest size that the filter takes (32 MiB), and as
/// much again for everything around it.
pub(super) const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// Most values in a configuration, without those that anchors repeat. A policy of 10,000 routes that is written
/// as a `Struct` comes to about 300,000.
const MAX_VALUES: usize = 1_000_000;

/// Most values that anchors repeat, in all: those of a hundred listeners of a thousand values each.
const MAX_REPEATED_VALUES: usize = 100_000;

/// Deepest nesting. Envoy's messages stay below 30, and a policy adds about as many.
const MAX_DEPTH: usize = 100;

/// What reading may take of the stack: twice the 35 KiB a level that it takes in a build without optimisation.
const STACK_BYTES: usize = MAX_DEPTH * 2 * 35 * 1024;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// In bytes.
    pub(super) start: usize,
    /// In bytes.
    pub(super) end: usize,
    /// Counted from 1.
    pub(super) line: usize,
    /// Counted from 1, in characters.
    pub(super) column: usize,
}

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    place: Place,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Member>),
}

#[derive(Debug)]
struct Member {
    key: String,
    key_place: Place,
    value: Node,
}

/// Reads a configuration.
///
/// # Errors
/// What the YAML reader says, with its line and column. Of a key that is there twice Envoy takes one without a word; a
/// check that took the other would be worth nothing.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    // On a thread of its own, for nobody knows how much stack this one has left.
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || read(text));
        match reader.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(node)) => node,
            Ok(Err(_)) => Err("the reader failed".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
}

fn read(text: &str) -> Result<Node, String> {
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = MAX_REPEATED_VALUES;
    let options = serde_saphyr::options! {
        alias_limits: alias_limits,
        // To Envoy `<<` is an unknown field.
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: MAX_VALUES,
            max_events: 2 * MAX_VALUES,
            max_depth: MAX_DEPTH,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// A value, the way to it, and what stands for it in the text.
#[derive(Debug, Clone)]
pub(super) struct At<'d> {
    node: &'d Node,
    path: String,
    place: Place,
}

impl<'d> At<'d> {
    /// The whole document.
    pub(super) fn root(node: &'d Node) -> Self {
        Self { node, path: String::new(), place: node.place.clone() }
    }

    /// The way to the value, such as `static_resources.listeners[0].name`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The key and its value, where that is short; of a value that fills lines, its key.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The field of this name (in snake case), in either spelling; a `null` is absent, as it is to protobuf.
    pub(super) fn get(&self, field: &str) -> Option<At<'d>> {
        let is_it = |member: &&Member| is_field(&member.key, field) && !member.value.is_null();
        self.members().iter().find(is_it).map(|member| self.member(member))
    }

    /// The value at the end of this way of fields.
    pub(super) fn follow(&self, fields: &[&str]) -> Option<At<'d>> {
        fields.iter().try_fold(self.clone(), |at, field| at.get(field))
    }

    /// The entries of an object, without those that are `null`.
    pub(super) fn entries(&self) -> Vec<(&'d str, At<'d>)> {
        let present = self.members().iter().filter(|member| !member.value.is_null());
        present.map(|member| (member.key.as_str(), self.member(member))).collect()
    }

    fn members(&self) -> &'d [Member] {
        match &self.node.value {
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
        }
    }

    fn member(&self, member: &'d Member) -> At<'d> {
        let plain = member.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let path = match (plain, self.path.is_empty()) {
            (true, true) => member.key.clone(),
            (true, false) => format!("{}.{}", self.path, member.key),
            (false, _) => format!("{}[\"{}\"]", self.path, member.key.escape_debug()),
        };
        let short = match &member.value.value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
                member.value.place.line == member.key_place.line
            }
            Value::List(_) | Value::Object(_) => false,
        };
        let mut place = member.key_place.clone();
        if short {
            place.end = member.value.place.end;
        }
        At { node: &member.value, path, place }
    }

    /// The values of a list.
    pub(super) fn items(&self) -> Vec<At<'d>> {
        let Value::List(nodes) = &self.node.value else { return Vec::new() };
        let item = |(index, node): (usize, &'d Node)| At {
            node,
            path: format!("{}[{index}]", self.path),
            place: node.place.clone(),
        };
        nodes.iter().enumerate().map(item).collect()
    }

    /// The items of the list in this field; none where the field is absent.
    pub(super) fn list(&self, field: &str) -> Vec<At<'d>> {
        self.get(field).map(|at| at.items()).unwrap_or_default()
    }

    /// The text that this is.
    pub(super) fn text(&self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => None,
        }
    }

    /// The text in this field.
    pub(super) fn text_of(&self, field: &str) -> Option<&'d str> {
        self.get(field)?.text()
    }

    /// The field, where it is `true`.
    pub(super) fn if_true(&self, field: &str) -> Option<At<'d>> {
        self.get(field).filter(|at| matches!(at.node.value, Value::Bool(true)))
    }

    /// The name of the enum's value in this field. Protobuf also takes its number, by which `names` are in order.
    pub(super) fn enum_of(&self, field: &str, names: &[&'d str]) -> Option<&'d str> {
        match &self.get(field)?.node.value {
            Value::Text(name) => Some(name),
            Value::Number(number) => {
                names.get(usize::try_from(number.as_u64()?).unwrap_or(usize::MAX)).copied()
            }
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Object(_) => None,
        }
    }

    /// The whole number in this field, which protobuf also takes as text; 0 where there is none.
    pub(super) fn number_of(&self, field: &str) -> u64 {
        let number = match self.get(field).map(|at| &at.node.value) {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::Text(digits)) => digits.parse().ok(),
            Some(Value::Null | Value::Bool(_) | Value::List(_) | Value::Object(_)) | None => None,
        };
        number.unwrap_or(0)
    }

    /// The fields of this name, here and anywhere below.
    pub(super) fn everywhere(&self, field: &str) -> Vec<At<'d>> {
        let below = self.children().flat_map(|at| at.everywhere(field));
        self.get(field).into_iter().chain(below).collect()
    }

    /// The field, here or anywhere below, where it is `true`.
    pub(super) fn sets_anywhere(&self, field: &str) -> Option<At<'d>> {
        if let Some(found) = self.if_true(field) {
            return Some(found);
        }
        self.children().find_map(|at| at.sets_anywhere(field))
    }

    /// The values of the object or list that this is.
    pub(super) fn children(&self) -> impl Iterator<Item = At<'d>> {
        self.entries().into_iter().map(|(_, at)| at).chain(self.items())
    }

    /// The value as JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        self.node.to_json()
    }
}

impl Node {
    fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Object(members) => {
                members.iter().map(|member| (member.key.clone(), member.value.to_json())).collect()
            }
        }
    }
}

/// Whether a key names a field, in snake case or in protobuf's lowerCamelCase.
fn is_field(key: &str, field: &str) -> bool {
    if key == field {
        return true;
    }
    let mut words = field.split('_');
    let mut rest = words.next().and_then(|first| key.strip_prefix(first));
    for word in words {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        rest = rest.and_then(|rest| rest.strip_prefix(capital?)?.strip_prefix(letters.as_str()));
    }
    rest == Some("")
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { place: place(spanned.referenced), value: spanned.value })
    }
}

/// Positions that do not fit into memory cannot come up: the text is in it.
fn place(location: Location) -> Place {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let start = number(location.span().byte_offset().unwrap_or(0));
    let length = number(location.span().byte_len().unwrap_or(0));
    Place {
        start,
        end: start.saturating_add(length),
        line: number(location.line()),
        column: number(location.column()),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = sequence.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Node>()? {
            members.push(Member { key_place: place(key.referenced), key: key.value, value });
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_in_snake_case_and_in_camel_case_and_nothing_like_it_is() {
        for (key, field, wanted) in [
            ("filter_chains", "filter_chains", true),
            ("filterChains", "filter_chains", true),
            ("filterchains", "filter_chains", false),
            ("filterChainsMatch", "filter_chains", false),
            ("filter", "filter_chains", false),
            ("name", "name", true),
            ("Name", "name", false),
        ] {
            assert_eq!(is_field(key, field), wanted, "{key}");
        }
    }

    #[test]
    fn a_value_tells_its_way_and_its_place() {
        let node = parse("a:\n- b: {c.d: 7}\n  'e': x\n").unwrap();
        let item = At::root(&node).list("a").remove(0);
        let number = item.get("b").and_then(|at| at.get("c.d")).unwrap();
        assert_eq!(number.path(), "a[0].b[\"c.d\"]");
        assert_eq!((number.place().line, number.place().column), (2, 7));
        assert_eq!((number.place().start, number.place().end), (9, 15));
        let block = item.get("b").unwrap();
        assert_eq!((block.place().start, block.place().end), (5, 6));
    }

    #[test]
    fn json_is_read_as_yaml_is() {
        // Envoy reads booleans as YAML 1.1 has them.
        let yaml = parse("a: yes\nb: 'yes'\n").unwrap();
        assert!(At::root(&yaml).if_true("a").is_some() && At::root(&yaml).if_true("b").is_none());
        let json = parse(r#"{"a": [{"b": true, "n": null}], "s": "true"}"#).unwrap();
        let root = At::root(&json);
        assert!(root.list("a").remove(0).if_true("b").is_some());
        assert!(root.list("a").remove(0).get("n").is_none());
        assert!(root.if_true("s").is_none());
        assert_eq!(root.text_of("s"), Some("true"));
    }

    #[test]
    fn what_an_anchor_names_stands_where_it_is_referred_to() {
        let node = parse("x: &x {y: 1}\nz: *x\n").unwrap();
        let y = At::root(&node).follow(&["z", "y"]).unwrap();
        assert_eq!(y.path(), "z.y");
        assert_eq!(At::root(&node).get("z").unwrap().place().line, 2);
    }

    #[test]
    fn what_is_no_configuration_is_refused_and_told_where() {
        for (text, wanted) in [
            ("a: 1\na: 2\n", "duplicate"),
            ("a: [1\n", "line 1"),
            ("a: *b\n", "anchor"),
            ("a: &a {x: 1}\nb: {<<: *a}\n", "merge"),
            ("a: 1\n---\nb: 2\n", "multiple"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(parse(&deep).is_err());
        let mut laughs = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for level in 1..10 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(parse(&laughs).is_err());
    }
}
