//! The forms in which Envoy hands a policy to the plugin.
//!
//! Envoy unwraps a `StringValue` to its text, and leaves a `Struct` as the protobuf message that it is. Keys of a `Struct` are
//! those of a map: Envoy has read it already, so none is there twice.

use serde_json::Value;

use super::protobuf;

/// The JSON text of a serialized `google.protobuf.Struct`; `None` if `bytes` are none.
pub(super) fn json_of_struct(bytes: &[u8]) -> Option<String> {
    let object = protobuf::read_struct(bytes).ok()?;
    // Text that happens to decode, as an empty message does, is no policy in this form.
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::value::Kind;
    use prost_types::{Struct, Value};

    use super::json_of_struct;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn value(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    #[test]
    fn a_struct_becomes_the_json_that_it_stands_for() {
        let list = prost_types::ListValue {
            values: vec![value(Kind::StringValue("a".to_owned())), Value::default()],
        };
        let message = Struct {
            fields: [
                ("version".to_owned(), value(Kind::NumberValue(1.0))),
                ("list".to_owned(), value(Kind::ListValue(list))),
                ("flag".to_owned(), value(Kind::BoolValue(true))),
                ("inner".to_owned(), value(Kind::StructValue(Struct::default()))),
            ]
            .into(),
        };
        let json = json_of_struct(&message.encode_to_vec());
        assert_eq!(json.as_deref(), Some(r#"{"flag":true,"inner":{},"list":["a",null],"version":1.0}"#));
    }

    #[test]
    fn text_is_no_struct() {
        for text in ["", "{}", "\n{}", "\n{\"version\": 1}", " ", "version: 1"] {
            assert_eq!(json_of_struct(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_struct_of_endless_depth_is_refused() {
        let mut message = Struct::default();
        for _ in 0..200 {
            message = Struct { fields: [("a".to_owned(), value(Kind::StructValue(message)))].into() };
        }
        assert_eq!(json_of_struct(&message.encode_to_vec()), None);
    }
}
