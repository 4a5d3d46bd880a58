//! Which parts of a schema say something of which parts of a document.

use serde_json::{Map, Value};

/// A part of a schema and a part of a document that it says something of, as JSON pointers.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) schema: String,
    pub(crate) document: String,
}

/// Every place; of alternatives those that the document takes.
pub(crate) fn places(schema: &Value, document: &Value) -> Vec<Place> {
    let mut walk = Walk { schema, places: Vec::new() };
    walk.at("", document, "");
    walk.places
}

/// Every part of a schema that says something of a part of a document, other than by condition.
pub(crate) fn parts(schema: &Value) -> Vec<String> {
    fn collect(schema: &Value, at: String, parts: &mut Vec<String>) {
        let Value::Object(members) = schema else { return };
        for (keyword, value) in members {
            match (keyword.as_str(), value) {
                ("properties" | "$defs", Value::Object(named)) => {
                    for (name, part) in named {
                        collect(part, format!("{at}/{keyword}/{}", escaped(name)), parts);
                    }
                }
                ("anyOf" | "allOf", Value::Array(alternatives)) => {
                    for (index, part) in alternatives.iter().enumerate() {
                        collect(part, format!("{at}/{keyword}/{index}"), parts);
                    }
                }
                ("items" | "additionalProperties", part) => collect(part, format!("{at}/{keyword}"), parts),
                _ => {}
            }
        }
        parts.push(at);
    }
    let mut parts = Vec::new();
    collect(schema, String::new(), &mut parts);
    parts
}

/// A step of a JSON pointer (RFC 6901, section 3).
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Walk<'s> {
    schema: &'s Value,
    places: Vec<Place>,
}

impl Walk<'_> {
    fn at(&mut self, schema: &str, document: &Value, pointer: &str) {
        let Some(Value::Object(part)) = self.schema.pointer(schema) else { return };
        self.places.push(Place { schema: schema.to_owned(), document: pointer.to_owned() });
        if let Some(target) = target(part) {
            self.at(target, document, pointer);
        }
        for keyword in ["anyOf", "allOf"] {
            let alternatives = part.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
            for at in (0..alternatives).map(|index| format!("{schema}/{keyword}/{index}")) {
                if self.is_for(&at, document) {
                    self.at(&at, document, pointer);
                }
            }
        }
        if let Value::Object(members) = document {
            for (key, value) in members {
                let named = format!("{schema}/properties/{}", escaped(key));
                let at = if self.schema.pointer(&named).is_some() {
                    named
                } else {
                    format!("{schema}/additionalProperties")
                };
                self.at(&at, value, &format!("{pointer}/{}", escaped(key)));
            }
        }
        if let Value::Array(entries) = document {
            for (index, entry) in entries.iter().enumerate() {
                self.at(&format!("{schema}/items"), entry, &format!("{pointer}/{index}"));
            }
        }
    }

    /// Whether a document of this shape is meant by an alternative.
    fn is_for(&self, schema: &str, document: &Value) -> bool {
        let Some(Value::Object(part)) = self.schema.pointer(schema) else { return false };
        if let Some(target) = target(part) {
            return self.is_for(target, document);
        }
        if let Some(Value::Array(alternatives)) = part.get("anyOf") {
            return (0..alternatives.len())
                .any(|index| self.is_for(&format!("{schema}/anyOf/{index}"), document));
        }
        if part.contains_key("enum") {
            return document.is_string();
        }
        let is_of = |name: &Value| match name.as_str() {
            Some("string") => document.is_string(),
            Some("number") => document.is_number(),
            Some("boolean") => document.is_boolean(),
            Some("array") => document.is_array(),
            Some("object") => document.as_object().is_some_and(|members| has_keys_of(part, members)),
            _ => false,
        };
        match part.get("type") {
            Some(Value::Array(names)) => names.iter().any(is_of),
            Some(name) => is_of(name),
            None => true,
        }
    }
}

fn target(part: &Map<String, Value>) -> Option<&str> {
    part.get("$ref")?.as_str()?.strip_prefix('#')
}

fn has_keys_of(part: &Map<String, Value>, members: &Map<String, Value>) -> bool {
    let known = part.get("properties").and_then(Value::as_object);
    let required = part.get("required").and_then(Value::as_array);
    let is_closed = part.get("additionalProperties") == Some(&Value::Bool(false));
    let names = |key: &String| known.is_some_and(|known| known.contains_key(key));
    (!is_closed || members.keys().all(names))
        && required.is_none_or(|required| {
            required.iter().all(|key| key.as_str().is_some_and(|key| members.contains_key(key)))
        })
}
