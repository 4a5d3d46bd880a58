//! `google.protobuf.Struct`, as Envoy serializes it, read as the JSON object that it stands for.
//!
//! Fields that are not known are passed over, and of one that is there twice the last counts; Envoy writes none twice. `prost` would read
//! them too, and be 20 KB of the module.

use serde_json::{Map, Value};

/// How many messages may lie in one another, as in protobuf's own readers: a value in a `Struct` takes two and its own contents one.
const MAX_DEPTH: usize = 100;

/// Bytes that are no message, or not of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads a `Struct`.
pub(super) fn read_struct(message: &[u8]) -> Result<Map<String, Value>, Malformed> {
    object(message, MAX_DEPTH)
}

/// Reads a message whose field 1 is a map of `Struct`s by name.
pub(super) fn read_structs(message: &[u8]) -> Result<Map<String, Value>, Malformed> {
    map(message, MAX_DEPTH, &|entry, depth| object(entry, depth).map(Value::Object))
}

/// How many messages may lie in one that lies in one in which `depth` may.
fn inner(depth: usize) -> Result<usize, Malformed> {
    depth.checked_sub(1).ok_or(Malformed)
}

/// `message Struct { map<string, Value> fields = 1; }`
fn object(message: &[u8], depth: usize) -> Result<Map<String, Value>, Malformed> {
    map(message, depth, &value)
}

/// Reads a message in which so many may lie in one another.
type Read<'r> = &'r dyn Fn(&[u8], usize) -> Result<Value, Malformed>;

/// Maps are lists of entries, of which field 1 is the key and field 2 the value.
fn map(message: &[u8], depth: usize, read: Read<'_>) -> Result<Map<String, Value>, Malformed> {
    let mut map = Map::new();
    let mut fields = Fields { rest: message };
    while let Some((number, content)) = fields.next()? {
        if number != 1 {
            continue;
        }
        let (mut key, mut value) = ("", &[][..]);
        let mut entry = Fields { rest: content.bytes()? };
        let depth = inner(inner(depth)?)?;
        while let Some((number, content)) = entry.next()? {
            match number {
                1 => key = content.text()?,
                2 => value = content.bytes()?,
                _ => {}
            }
        }
        map.insert(key.to_owned(), read(value, depth)?);
    }
    Ok(map)
}

/// `message Value` is one of a NullValue, a double, a string, a bool, a `Struct` and a `ListValue`, in this order.
fn value(message: &[u8], depth: usize) -> Result<Value, Malformed> {
    let mut value = Value::Null;
    let mut fields = Fields { rest: message };
    while let Some((number, content)) = fields.next()? {
        value = match (number, content) {
            (1, Content::Varint(_)) => Value::Null,
            // A number that JSON cannot hold becomes null, which no key of a policy accepts.
            (2, Content::Fixed64(bytes)) => f64::from_le_bytes(bytes).into(),
            (3, content) => content.text()?.into(),
            (4, Content::Varint(value)) => (value != 0).into(),
            (5, content) => Value::Object(object(content.bytes()?, inner(depth)?)?),
            (6, content) => list(content.bytes()?, inner(depth)?)?,
            (1..=6, _) => return Err(Malformed),
            (_, _) => value,
        };
    }
    Ok(value)
}

/// `message ListValue { repeated Value values = 1; }`
fn list(message: &[u8], depth: usize) -> Result<Value, Malformed> {
    let mut values = Vec::new();
    let mut fields = Fields { rest: message };
    while let Some((number, content)) = fields.next()? {
        if number == 1 {
            values.push(value(content.bytes()?, inner(depth)?)?);
        }
    }
    Ok(Value::Array(values))
}

/// What a field holds, by its wire type. Nobody writes groups any more.
enum Content<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Content<'a> {
    fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Varint(_) | Content::Fixed64(_) | Content::Fixed32 => Err(Malformed),
        }
    }

    fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }
}

/// The fields of a message, one after another.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The number of the next field and what it holds, or `None` at the end.
    #[inline(never)]
    fn next(&mut self) -> Result<Option<(u32, Content<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let content = match key & 7 {
            0 => Content::Varint(self.varint()?),
            1 => Content::Fixed64(self.take(8)?.try_into().map_err(|_| Malformed)?),
            2 => {
                let length = self.varint()?;
                Content::Bytes(self.take(usize::try_from(length).map_err(|_| Malformed)?)?)
            }
            5 => self.take(4).map(|_| Content::Fixed32)?,
            _ => return Err(Malformed),
        };
        match key >> 3 {
            0 => Err(Malformed),
            number => Ok(Some((number, content))),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Seven bits in an octet, the lowest first, in at most ten octets.
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&octet, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            let bits = u64::from(octet & 0x7f);
            number |= bits << shift;
            if octet < 0x80 {
                return if number >> shift == bits { Ok(number) } else { Err(Malformed) };
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::value::Kind;
    use prost_types::{ListValue, Struct};

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn kind(kind: Kind) -> prost_types::Value {
        prost_types::Value { kind: Some(kind) }
    }

    /// With values of every kind.
    fn full() -> Struct {
        let list = ListValue {
            values: vec![kind(Kind::StringValue("a".to_owned())), prost_types::Value::default()],
        };
        Struct {
            fields: [
                ("version".to_owned(), kind(Kind::NumberValue(1.0))),
                ("list".to_owned(), kind(Kind::ListValue(list))),
                ("flag".to_owned(), kind(Kind::BoolValue(true))),
                ("null".to_owned(), kind(Kind::NullValue(0))),
                ("large".to_owned(), kind(Kind::NumberValue(f64::INFINITY))),
                ("ünï".to_owned(), kind(Kind::StringValue("c".repeat(300)))),
                ("inner".to_owned(), kind(Kind::StructValue(Struct::default()))),
            ]
            .into(),
        }
    }

    /// What `prost` makes of it.
    fn second(bytes: &[u8]) -> Option<Map<String, Value>> {
        fn object(message: Struct) -> Map<String, Value> {
            message.fields.into_iter().map(|(key, value)| (key, json(value))).collect()
        }
        fn json(value: prost_types::Value) -> Value {
            match value.kind {
                Some(Kind::NullValue(_)) | None => Value::Null,
                Some(Kind::BoolValue(value)) => value.into(),
                Some(Kind::NumberValue(value)) => value.into(),
                Some(Kind::StringValue(value)) => value.into(),
                Some(Kind::ListValue(list)) => list.values.into_iter().map(json).collect(),
                Some(Kind::StructValue(message)) => Value::Object(object(message)),
            }
        }
        Struct::decode(bytes).ok().map(object)
    }

    #[test]
    fn a_struct_is_read_as_prost_reads_it() {
        let bytes = full().encode_to_vec();
        assert_eq!(read_struct(&bytes).ok(), second(&bytes));
        assert_eq!(read_struct(&bytes).unwrap().len(), 7);
    }

    #[test]
    fn what_is_read_of_a_struct_with_one_octet_changed_is_what_prost_reads() {
        let whole = full().encode_to_vec();
        let mut taken = 0;
        for at in 0..whole.len() {
            for change in [0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                let Ok(read) = read_struct(&bytes) else { continue };
                taken += 1;
                assert_eq!(Some(read), second(&bytes), "octet {at} ^ {change:#x}");
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn a_struct_cut_short_anywhere_but_after_an_entry_is_refused() {
        let whole = full().encode_to_vec();
        for length in 0..whole.len() {
            assert_eq!(read_struct(&whole[..length]).ok(), second(&whole[..length]), "{length}");
        }
    }

    #[test]
    fn numbers_longer_than_64_bits_and_groups_are_refused() {
        // Field 7, which is not known, as a number.
        let field = |octets: &[u8]| read_struct(&[&[0x38], octets].concat()).map(|map| map.len());
        assert_eq!(field(&[0x01]), Ok(0));
        assert_eq!(field(&[[0xff; 9].as_slice(), &[0x01]].concat()), Ok(0));
        assert_eq!(field(&[[0xff; 9].as_slice(), &[0x02]].concat()), Err(Malformed));
        assert_eq!(field(&[[0x80; 10].as_slice(), &[0x01]].concat()), Err(Malformed));
        assert_eq!(read_struct(&[0x3b, 0x3c]), Err(Malformed), "a group");
        assert_eq!(read_struct(&[0x00, 0x01]), Err(Malformed), "field 0");
        assert_eq!(read_struct(&[0x3d, 1, 2, 3, 4]).map(|map| map.len()), Ok(0), "32 bits");
        assert_eq!(read_struct(&[0x3d, 1, 2, 3]), Err(Malformed), "24 bits");
    }

    #[test]
    fn values_lie_in_others_as_deep_as_prost_takes_them() {
        let in_struct = |inner| Struct { fields: [("a".to_owned(), inner)].into() };
        let in_list = |inner| kind(Kind::ListValue(ListValue { values: vec![inner] }));
        // A list in each so many structs.
        for every in [1, 2, 3, 7, 1000] {
            let mut value = kind(Kind::BoolValue(true));
            let mut refused = 0;
            for depth in 1..110 {
                value = if depth % every == 0 {
                    in_list(value)
                } else {
                    kind(Kind::StructValue(in_struct(value)))
                };
                let bytes = in_struct(value.clone()).encode_to_vec();
                let read = read_struct(&bytes).ok();
                refused += usize::from(read.is_none());
                assert_eq!(read, second(&bytes), "{depth} deep, a list in each {every}");
            }
            assert!((50..100).contains(&refused), "{refused}");
        }
    }
}
