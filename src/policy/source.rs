//! JSON text as a tree of values that remember where they stand.
//!
//! Nothing is dropped on the way: keys keep their order and their duplicates, so that the compiler can report them.

use std::str::FromStr as _;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions};

use super::error::PolicyErrorKind;
use super::location::Span;
use crate::cert::Fingerprint;
use crate::sorted::sorted;

/// Longest policy text that is read, in bytes: far over any policy written by hand or tool (10,000 routes
/// take about 3 MiB), far under what would hurt a worker.
pub(super) const MAX_POLICY_BYTES: usize = 32 * 1024 * 1024;

/// A JSON value and the bytes it was read from.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a [`Node`] holds.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// One `"key": value` of an object.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Node {
    /// The kind of value, as error messages name it.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The JSON Pointer (RFC 6901) of the key or value at `span`; empty for the document itself.
    pub(super) fn pointer_to(&self, span: Span) -> String {
        let mut pointer = String::new();
        let mut node = self;
        loop {
            match &node.value {
                Value::Object(members) => {
                    let index = members.partition_point(|member| member.value.span.end < span.end);
                    let Some(member) = members.get(index) else { return pointer };
                    let at_key = member.key_span.contains(span);
                    if !at_key && !member.value.span.contains(span) {
                        return pointer;
                    }
                    pointer.push('/');
                    pointer.push_str(&member.key.replace('~', "~0").replace('/', "~1"));
                    if at_key {
                        return pointer;
                    }
                    node = &member.value;
                }
                Value::Array(entries) => {
                    let index = entries.partition_point(|entry| entry.span.end < span.end);
                    let Some(entry) = entries.get(index).filter(|entry| entry.span.contains(span)) else {
                        return pointer;
                    };
                    pointer.push_str(&format!("/{index}"));
                    node = entry;
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return pointer,
            }
        }
    }

    /// SHA-256 of what the document means: the same for any order of keys, white space and form of numbers,
    /// so that a policy has one digest in a file, in a `StringValue` and in a `Struct`.
    pub(super) fn digest(&self) -> Fingerprint {
        let mut text = String::new();
        self.write(&mut text);
        Fingerprint::of(text.as_bytes())
    }

    /// Appends it as JSON without white space, with the members of objects in the order of their keys. Straight from the tree: a
    /// `serde_json::Value` in between took a third of the time that a policy of 10,000 routes needs to be in force.
    fn write(&self, text: &mut String) {
        match &self.value {
            Value::Null => text.push_str("null"),
            Value::Bool(true) => text.push_str("true"),
            Value::Bool(false) => text.push_str("false"),
            Value::Number(value) => text.push_str(&serde_json::Value::from(*value).to_string()),
            Value::String(value) => write_string(value, text),
            Value::Array(entries) => {
                text.push('[');
                for (index, entry) in entries.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    entry.write(text);
                }
                text.push(']');
            }
            Value::Object(members) => {
                let places = members.iter().enumerate().map(|(place, member)| (member.key.as_str(), place));
                let sorted = sorted(places.collect());
                let sorted = sorted.into_iter().filter_map(|(_, place)| members.get(place));
                text.push('{');
                for (index, member) in sorted.enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_string(&member.key, text);
                    text.push(':');
                    member.value.write(text);
                }
                text.push('}');
            }
        }
    }
}

/// Appends a string as JSON writes it.
fn write_string(value: &str, text: &mut String) {
    if value.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        text.push_str(&serde_json::Value::from(value).to_string());
    } else {
        text.push('"');
        text.push_str(value);
        text.push('"');
    }
}

/// A number as JSON writes it, without a fraction where it has none. Not by `Display` of `f64`, which is 19 KB of code and tables.
pub(super) fn number(number: f64) -> String {
    let text = serde_json::Value::from(number).to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Reads strict JSON (RFC 8259): no comments, no trailing commas, no single quotes, no byte order mark.
///
/// # Errors
/// The first syntax error and where it is; what follows it cannot be read with confidence.
pub(super) fn parse(text: &str) -> Result<Node, (PolicyErrorKind, Span)> {
    if text.len() > MAX_POLICY_BYTES {
        return Err((PolicyErrorKind::TooLarge { limit: MAX_POLICY_BYTES }, Span { start: 0, end: 0 }));
    }
    if text.starts_with('\u{feff}') {
        let message = "it begins with a byte order mark".to_owned();
        return Err((PolicyErrorKind::Syntax { message }, Span { start: 0, end: 0 }));
    }
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let end = Span { start: text.len(), end: text.len() };
    let parsed = jsonc_parser::parse_to_ast(text, &collect, &strict).map_err(|error| {
        let message = lower_first(&error.kind().to_string());
        (PolicyErrorKind::Syntax { message }, Span::from_range(error.range()))
    })?;
    let value = parsed.value.ok_or((PolicyErrorKind::Empty, end))?;
    check_strictness(text)?;
    node(value)
}

/// What the parser is lax about: control characters in strings, and white space that JSON has not.
fn check_strictness(text: &str) -> Result<(), (PolicyErrorKind, Span)> {
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) else { return Ok(()) };
    // It counts lines and bytes in them from 1, and ends its message with both.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column().saturating_sub(1);
    Err((PolicyErrorKind::Syntax { message }, Span { start: at, end: at + 1 }))
}

fn node(value: ast::Value<'_>) -> Result<Node, (PolicyErrorKind, Span)> {
    let span = Span::from_range(value.range());
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::NumberLit(literal) => {
            // The scanner lets leading zeros through, which RFC 8259 does not; serde_json's grammar is exact. Not through `f64` of serde,
            // which shows in its errors what was found, floats among it.
            let number = serde_json::Number::from_str(literal.value).ok().and_then(|number| number.as_f64());
            let malformed = || (PolicyErrorKind::Syntax { message: "malformed number".to_owned() }, span);
            Value::Number(number.ok_or_else(malformed)?)
        }
        ast::Value::StringLit(literal) => Value::String(literal.value.into_owned()),
        ast::Value::Array(array) => {
            Value::Array(array.elements.into_iter().map(node).collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => Value::Object(
            object.properties.into_iter().map(|property| member(property, span)).collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { span, value })
}

fn member(property: ast::ObjectProp<'_>, object: Span) -> Result<Member, (PolicyErrorKind, Span)> {
    match property.name {
        ast::ObjectPropName::String(name) => Ok(Member {
            key_span: Span::from_range(name.range()),
            key: name.value.into_owned(),
            value: node(property.value)?,
        }),
        ast::ObjectPropName::Word(_) => {
            Err((PolicyErrorKind::Syntax { message: "a key without quotes".to_owned() }, object))
        }
    }
}

fn lower_first(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_hashed_is_what_serde_json_writes_of_the_same_document() {
        let odd: String =
            (0..0x80u8).map(char::from).chain(['\u{80}', '\u{2028}', '\u{fffd}', '\u{1f600}']).collect();
        let document = serde_json::json!({
            "z": [null, true, false, [], {}],
            "": 0.0,
            "a": { "b": -1.5e-7, "B": 1e21, "aa": 404.0 },
            odd.clone(): { "plain": "a", "odd": odd },
        });
        let mut text = String::new();
        parse(&document.to_string()).unwrap().write(&mut text);
        assert_eq!(text, document.to_string());
        text.clear();
        parse(r#"{ "b": 1, "a/": "\u0041", "a": "\/" }"#).unwrap().write(&mut text);
        assert_eq!(text, r#"{"a":"/","a/":"A","b":1.0}"#);
    }
}
