//! What a record tells of a certificate.

use super::privacy::Privacy;
use super::text::Text;
use super::value::Value;
use crate::identity::{Identity, KeyUsages, Names, PublicKey};
use crate::policy::RecordField as Field;

/// Most names of one kind that a record lists.
const MAX_NAMES: usize = 16;

/// Most bytes of names of all kinds together: 32 of the longest SPIFFE IDs that are listed whole.
pub(super) const MAX_NAMES_BYTES: usize = 8 * 1024;

/// The largest certificate that a record holds, in bytes of DER. Those of clients have one or two thousand; one with a hundred
/// names has five.
pub(super) const MAX_DER_BYTES: usize = 16 * 1024;

/// The names of a certificate, as far as a record lists them.
#[derive(Default)]
pub(super) struct Listed {
    lists: Vec<(Field, Vec<Text>)>,
    /// Names that are not listed: malformed ones and those beyond the limits.
    omitted: usize,
}

impl Listed {
    pub(super) fn new(identity: &Identity, privacy: &Privacy<'_>) -> Self {
        let mut listed = Self::default();
        let mut room = MAX_NAMES_BYTES;
        let mut list = |field, names: &mut dyn Iterator<Item = Text>, count: usize| {
            if privacy.holds(field) {
                let mut texts: Vec<Text> = Vec::new();
                for text in names.take(MAX_NAMES) {
                    let Some(left) = room.checked_sub(text.as_str().len()) else { break };
                    room = left;
                    texts.push(text);
                }
                listed.omitted += count.saturating_sub(texts.len());
                listed.lists.push((field, texts));
            }
        };
        list(Field::Dns, &mut texts(identity.dns(), |name| Text::new(name.as_str())), identity.dns().len());
        list(Field::Uri, &mut texts(identity.uri(), |name| Text::new(name.as_str())), identity.uri().len());
        list(
            Field::Email,
            &mut texts(identity.email(), |name| Text::new(name.as_str())),
            identity.email().len(),
        );
        list(Field::Ip, &mut texts(identity.ip(), |name| Text::display(name)), identity.ip().len());
        list(Field::Upn, &mut texts(identity.upn(), |name| Text::new(name.as_str())), identity.upn().len());
        listed
    }

    pub(super) fn take(&mut self, field: Field) -> Value {
        let list = self.lists.iter_mut().find(|(listed, _)| *listed == field);
        list.map_or(Value::Nothing, |(_, texts)| Value::Texts(std::mem::take(texts)))
    }

    pub(super) fn omitted(&self) -> Value {
        Value::Number(self.omitted as u64)
    }
}

fn texts<T>(names: &Names<T>, text: fn(&T) -> Text) -> impl Iterator<Item = Text> {
    names.values().iter().map(text)
}

/// The kind of key, with its bits where they differ.
pub(super) fn public_key(identity: &Identity) -> Value {
    match identity.properties().public_key() {
        Ok(PublicKey::Rsa { bits }) => Value::Text(Text::display(format_args!("rsa_{bits}"))),
        Ok(
            key @ (PublicKey::EcP256
            | PublicKey::EcP384
            | PublicKey::EcP521
            | PublicKey::Ed25519
            | PublicKey::Ed448),
        ) => Value::Text(Text::display(key.kind())),
        // A denial's detail tells why none was believed.
        Err(_) => Value::Nothing,
    }
}

pub(super) fn signature_algorithm(identity: &Identity) -> Value {
    match identity.properties().signature_algorithm() {
        Ok(algorithm) => Value::Text(Text::display(algorithm)),
        Err(_) => Value::Nothing,
    }
}

/// Empty where the certificate does not say what its key is for; nothing where what it says names no use.
pub(super) fn key_usage(identity: &Identity) -> Value {
    let Some(usages) = KeyUsages::of(identity) else { return Value::Texts(Vec::new()) };
    let named: Vec<Text> = usages.names().map(Text::new).collect();
    if named.is_empty() { Value::Nothing } else { Value::Texts(named) }
}

/// Empty where the certificate names no purpose; nothing where one cannot be read.
pub(super) fn extended_key_usage(identity: &Identity) -> Value {
    let purposes = identity.key_purposes();
    if purposes.malformed() > 0 {
        return Value::Nothing;
    }
    Value::Texts(purposes.values().iter().take(MAX_NAMES).map(Text::display).collect())
}
