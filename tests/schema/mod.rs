//! The JSON Schemas that `mtlsctl schema` prints, to hold documents against.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

pub(crate) const POLICY: &str = include_str!("../../src/cli/schema/policy.schema.json");

/// Of audit records in the format `mtls-policy`.
#[allow(dead_code, reason = "not every test has records")]
pub(crate) const RECORD: &str = include_str!("../../src/audit/record.schema.json");

/// A schema, compiled; it is held against the schema of schemas when that is done.
pub(crate) struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    pub(crate) fn new(text: &str) -> Self {
        Self::of_node(text, "")
    }

    /// Of the schema at a JSON pointer inside another.
    pub(crate) fn of_node(text: &str, pointer: &str) -> Self {
        let mut compiler = Compiler::new();
        let mut schemas = Schemas::new();
        compiler.add_resource("schema:/", serde_json::from_str(text).unwrap()).unwrap();
        let index = compiler.compile(&format!("schema:/#{pointer}"), &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// What is wrong with a document in the eyes of an editor.
    pub(crate) fn fault(&self, document: &Value) -> Option<String> {
        self.schemas.validate(document, self.index).err().map(|fault| format!("{fault:#}"))
    }
}
