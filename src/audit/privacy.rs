//! What of the client a record holds: fields that are left out or hashed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::value::Value;
use crate::policy::{Audit, FieldSet, RecordField as Field, Standing};

/// What is said of each field.
pub(super) struct Privacy<'a> {
    audit: &'a Audit,
    omitted: FieldSet,
}

impl<'a> Privacy<'a> {
    pub(super) fn new(audit: &'a Audit) -> Self {
        let hashed = audit.hashed().map_or(FieldSet::default(), |hashed| hashed.fields);
        let mut omitted = audit.omitted();
        if omitted.and(hashed).iter().any(may_be_in_detail) {
            omitted = omitted.and([Field::Detail].into_iter().collect());
        }
        Self { audit, omitted }
    }

    /// Whether the record holds the field at all, as it is or hashed.
    pub(super) fn holds(&self, field: Field) -> bool {
        !self.omitted.contains(field)
    }

    /// `value` as the record may hold it.
    pub(super) fn applied(&self, field: Field, value: Value) -> Value {
        let Some(hashed) = self.audit.hashed().filter(|hashed| hashed.fields.contains(field)) else {
            return value;
        };
        let key = hashed.key.reveal();
        match value {
            Value::Nothing => Value::Nothing,
            // Another port on every connection would make another hash of one client.
            Value::Text(text) if field == Field::Source => {
                Value::Hash(hash(key, split_port(text.as_str()).0))
            }
            Value::Text(text) => Value::Hash(hash(key, text.as_str())),
            Value::Word(word) => Value::Hash(hash(key, word)),
            Value::Texts(texts) => Value::Hashes(texts.iter().map(|text| hash(key, text.as_str())).collect()),
            Value::Base64(text) => Value::Hash(hash(key, &text)),
            // No policy can ask for them to be hashed, and they are not told instead.
            Value::Number(_) | Value::Time(_) | Value::Hash(_) | Value::Hashes(_) => Value::Nothing,
        }
    }
}

/// Whether the words about a denial may repeat what the field holds.
fn may_be_in_detail(field: Field) -> bool {
    field.standing() == Standing::Personal && !matches!(field, Field::Source | Field::RequestId)
}

/// An address and its port, where one is written: `192.0.2.7:50123`, `[2001:db8::1]:50123`.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((address, port))
            if !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (!address.contains(':') || address.ends_with(']')) =>
        {
            let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
            (bare.unwrap_or(address), Some(port))
        }
        Some(_) | None => (text, None),
    }
}

fn hash(key: &str, text: &str) -> String {
    // Of any length (RFC 2104 section 2).
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    ["hmac-sha256:", &hex::encode(mac.finalize().into_bytes())].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_hash_is_that_of_rfc_4231() {
        // Test case 2.
        assert_eq!(
            hash("Jefe", "what do ya want for nothing?"),
            "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_ne!(hash("Jefe", "a"), hash("jefe", "a"));
    }

    #[test]
    fn a_port_is_told_from_an_address() {
        for (text, wanted) in [
            ("192.0.2.7:50123", ("192.0.2.7", Some("50123"))),
            ("[2001:db8::1]:443", ("2001:db8::1", Some("443"))),
            ("pay.acme.example:8443", ("pay.acme.example", Some("8443"))),
            ("pay.acme.example", ("pay.acme.example", None)),
            ("2001:db8::1", ("2001:db8::1", None)),
            ("[2001:db8::1]", ("[2001:db8::1]", None)),
            ("a:", ("a:", None)),
            ("a:b", ("a:b", None)),
        ] {
            assert_eq!(split_port(text), wanted, "{text}");
        }
    }
}
