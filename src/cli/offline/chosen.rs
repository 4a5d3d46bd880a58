//! What Envoy's own router would have chosen for a described request.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use serde::Deserialize;

/// Names as Envoy's configuration has them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Chosen {
    pub(crate) route: Option<String>,
    pub(crate) cluster: Option<String>,
    /// Texts by namespace and key.
    route_metadata: BTreeMap<String, BTreeMap<String, String>>,
}

/// `envoy.config.core.v3.Metadata`.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

impl Chosen {
    /// The route's metadata in the form in which Envoy gives them; `None` without any.
    pub(crate) fn metadata(&self) -> Option<Vec<u8>> {
        if self.route_metadata.is_empty() {
            return None;
        }
        let text = |value: &String| Value { kind: Some(Kind::StringValue(value.clone())) };
        let entries = |entries: &BTreeMap<String, String>| Struct {
            fields: entries.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        };
        let filter_metadata = self.route_metadata.iter().map(|(name, all)| (name.clone(), entries(all)));
        Some(Metadata { filter_metadata: filter_metadata.collect() }.encode_to_vec())
    }
}
