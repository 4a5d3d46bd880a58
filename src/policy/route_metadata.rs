//! Metadata of the route that Envoy chose.

use serde_json::{Map, Value};

use super::protobuf;

/// `envoy.config.core.v3.Metadata`, as much of it as is read: an object for each namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RouteMetadata(Map<String, Value>);

/// What metadata hold under a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Absent,
    Text(&'a str),
    /// A number, a list, anything that a policy cannot name.
    NoText,
}

impl RouteMetadata {
    /// Reads what Envoy serialized; without any metadata that is nothing.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        protobuf::read_structs(bytes).ok().map(Self)
    }

    pub(super) fn entry(&self, namespace: &str, key: &str) -> Entry<'_> {
        match self.0.get(namespace).and_then(|entries| entries.get(key)) {
            None => Entry::Absent,
            Some(Value::String(text)) => Entry::Text(text),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Entry::NoText
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Of a route with `metadata: {filter_metadata: {acme: {tier: gold, n: 3}}}`, as Envoy 1.40 gives them.
    const OF_ENVOY: &[u8] =
        b"\n\x28\n\x04acme\x12\x20\n\x0e\n\x01n\x12\t\x11\0\0\0\0\0\0\x08@\n\x0e\n\x04tier\x12\x06\x1a\x04gold";

    #[test]
    fn what_envoy_serializes_is_read() {
        let metadata = RouteMetadata::read(OF_ENVOY).unwrap();
        assert_eq!(metadata.entry("acme", "tier"), Entry::Text("gold"));
        assert_eq!(metadata.entry("acme", "n"), Entry::NoText);
        assert_eq!(metadata.entry("acme", "gold"), Entry::Absent);
        assert_eq!(metadata.entry("other", "tier"), Entry::Absent);
    }

    #[test]
    fn nothing_is_metadata_without_entries_and_a_part_is_none() {
        assert_eq!(RouteMetadata::read(b"").unwrap().entry("acme", "tier"), Entry::Absent);
        for length in 1..OF_ENVOY.len() {
            assert_eq!(RouteMetadata::read(&OF_ENVOY[..length]), None, "{length}");
        }
    }
}
