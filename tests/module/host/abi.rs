//! What filter and host say to each other: proxy-wasm ABI 0.2.1.

/// What the host answers to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
}

/// The number that stands for success.
pub(crate) const OK: i32 = 0;

/// What the filter answers to headers, a body or trailers, where the stream is to go on.
pub(crate) const CONTINUE: i32 = 0;

/// Kinds of header maps.
pub(crate) const REQUEST_HEADERS: i32 = 0;
pub(crate) const REQUEST_TRAILERS: i32 = 1;
pub(crate) const CALL_RESPONSE_HEADERS: i32 = 6;

/// Kinds of buffers.
pub(crate) const CALL_RESPONSE_BODY: i32 = 4;
pub(crate) const PLUGIN_CONFIGURATION: i32 = 7;

/// Kinds of streams that can be closed or go on.
pub(crate) const HTTP_REQUEST: i32 = 0;

/// Names and values, in order.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Pairs as they cross the border: their number, the lengths of all, then each name and value with a zero behind it.
pub(crate) fn serialized(pairs: &Pairs) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend([number(name.len()), number(value.len())].concat());
    }
    for (name, value) in pairs {
        bytes.extend([name, &[0][..], value, &[0]].concat());
    }
    bytes
}

/// Pairs that the filter has serialized.
pub(crate) fn deserialized(bytes: &[u8]) -> Pairs {
    let number = |at: usize| {
        let four: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(four)).unwrap()
    };
    if bytes.is_empty() {
        return Pairs::new();
    }
    let count = number(0);
    let mut at = 4 + 8 * count;
    let mut next = |length: usize| {
        at += length + 1;
        bytes[at - length - 1..at - 1].to_vec()
    };
    (0..count).map(|pair| (next(number(4 + 8 * pair)), next(number(8 + 8 * pair)))).collect()
}

/// Text pairs.
pub(crate) fn pairs(of: &[(&str, &str)]) -> Pairs {
    of.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}
