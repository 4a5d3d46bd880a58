//! What a token says of its holder, as far as the proxy has verified it: claims (RFC 7519 section 4).

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

/// The longest claim that is looked at, in bytes: Envoy takes 60 KiB for all headers of a request unless told otherwise.
pub const MAX_CLAIM_BYTES: usize = 64 * 1024;

/// The key of the metadata of `jwt_authn` under which claims are sought unless a policy says otherwise; as in Istio.
pub const DEFAULT_METADATA: &str = "payload";

/// How deep a claim may lie in a token. Those of identity providers lie at most three deep.
const MAX_DEPTH: usize = 8;

/// Where a claim lies in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    text: String,
    members: Vec<String>,
}

/// Why text names no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClaimPathError {
    /// Nothing is named.
    #[error("it is empty")]
    Empty,
    /// A member without a name, which Envoy has no way to ask for, or one with a NUL.
    #[error("it holds an empty name or a NUL")]
    Name,
    /// RFC 6901 section 3.
    #[error("`~` stands before `0` or `1` only, for `~` and `/`")]
    Escape,
    /// Deeper than any.
    #[error("it lies deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl ClaimPath {
    /// Reads the name of a claim, or a JSON pointer (RFC 6901) to one that lies deeper: what begins with `/` is a
    /// pointer, for names hold dots and colons, and none begins so.
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        let members = match text.strip_prefix('/') {
            None if text.is_empty() => return Err(ClaimPathError::Empty),
            None => vec![text.to_owned()],
            Some(pointer) => pointer.split('/').map(unescaped).collect::<Result<_, _>>()?,
        };
        if members.len() > MAX_DEPTH {
            return Err(ClaimPathError::TooDeep);
        }
        if members.iter().any(|member| member.is_empty() || member.contains('\0')) {
            return Err(ClaimPathError::Name);
        }
        Ok(Self { text: text.to_owned(), members })
    }

    /// The token as a whole, for those who want to know whether there is one.
    pub fn whole() -> Self {
        Self { text: String::new(), members: Vec::new() }
    }

    /// Where the digest of the certificate lies to which a token is bound (RFC 8705 section 3.1).
    pub fn certificate_digest() -> Self {
        let members = ["cnf", "x5t#S256"].map(str::to_owned);
        Self { text: format!("/{}", members.join("/")), members: members.to_vec() }
    }

    /// The names on the way, none of them empty.
    pub fn members(&self) -> &[String] {
        &self.members
    }
}

/// As it was written.
impl fmt::Display for ClaimPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn unescaped(member: &str) -> Result<String, ClaimPathError> {
    let mut parts = member.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', part.get(1..)),
            Some(b'1') => ('/', part.get(1..)),
            Some(_) | None => return Err(ClaimPathError::Escape),
        };
        name.push(character);
        name.push_str(rest.unwrap_or_default());
    }
    Ok(name)
}

/// What the proxy tells of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// There is no such claim, or no token that was verified. Envoy does not tell an empty text from nothing.
    Missing,
    /// One value.
    One(ClaimValue),
    /// An array.
    Many(Vec<ClaimValue>),
    /// Something that cannot be compared: null, an object, an array that holds null, or more than
    /// [`MAX_CLAIM_BYTES`].
    Unreadable,
}

/// One value in the form in which Envoy gives it to filters: text as UTF-8, a number as the eight octets of a double with
/// the lowest first, true and false as one octet. The type is not told with it, so it is compared with one that is asked
/// for. The octets of a number that anybody means hold control characters or are no UTF-8, so that it is no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimValue(Vec<u8>);

impl Claim {
    /// The values, if it can be compared.
    pub fn values(&self) -> &[ClaimValue] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
            Self::Missing | Self::Unreadable => &[],
        }
    }

    /// Takes a claim as Envoy gives it. An array comes in the form in which names and values are handed to filters: its
    /// entries are the names, and the values are empty. Text and objects can look the same, so `entry` is asked for one of
    /// the entries by its number, which only an array has.
    ///
    /// # Errors
    /// What `entry` fails with.
    pub fn of_envoy<E>(
        octets: Vec<u8>,
        entry: impl FnOnce(usize) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        if octets.len() > MAX_CLAIM_BYTES {
            return Ok(Self::Unreadable);
        }
        let Some(entries) = names_without_values(&octets) else { return Ok(Self::One(ClaimValue(octets))) };
        // Envoy tells nothing of an entry that is empty.
        let Some((at, last)) = entries.iter().enumerate().rfind(|(_, entry)| !entry.is_empty()) else {
            return Ok(Self::Unreadable);
        };
        Ok(if entry(at)?.as_ref() == Some(last) {
            Self::Many(entries.into_iter().map(ClaimValue).collect())
        } else {
            Self::Unreadable
        })
    }

    /// The claim at `path` of a token whose claims are at hand as JSON, as Envoy would tell it.
    pub fn of_token(claims: &Map<String, Value>, path: &ClaimPath) -> Self {
        let Some((first, rest)) = path.members().split_first() else { return Self::Unreadable };
        let Some(mut found) = claims.get(first) else { return Self::Missing };
        for member in rest {
            let next = match found {
                Value::Object(members) => members.get(member),
                Value::Array(entries) => member.parse().ok().and_then(|at: usize| entries.get(at)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            let Some(next) = next else { return Self::Missing };
            found = next;
        }
        match found {
            Value::String(text) if text.is_empty() => Self::Missing,
            Value::Array(entries) => entries
                .iter()
                .map(ClaimValue::of_json)
                .collect::<Option<_>>()
                .map_or(Self::Unreadable, Self::Many),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                ClaimValue::of_json(found).map_or(Self::Unreadable, Self::One)
            }
        }
    }
}

/// Reads the form of proxy-wasm for pairs: how many there are, the lengths of each name and value, then each name and
/// value with a NUL behind it; numbers of 32 bits, the lowest octet first. `None` where a value is not empty.
fn names_without_values(octets: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (count, rest) = number(octets)?;
    // A pair takes ten octets at least.
    if count > rest.len() / 10 {
        return None;
    }
    let mut lengths = rest;
    let mut contents = rest.get(count * 8..)?;
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        let (name, after) = number(lengths)?;
        let (value, after) = number(after)?;
        lengths = after;
        let (name, after) = contents.split_at_checked(name)?;
        contents = after.strip_prefix(&[0, 0])?;
        if value != 0 {
            return None;
        }
        names.push(name.to_vec());
    }
    contents.is_empty().then_some(names)
}

fn number(octets: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = octets.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

impl ClaimValue {
    /// The text, if it can be one. Such with control characters is none: it could stand for a value of another type.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().filter(|text| !text.chars().any(char::is_control))
    }

    /// Whether it is this number.
    pub fn is_number(&self, number: f64) -> bool {
        <[u8; 8]>::try_from(self.0.as_slice()).is_ok_and(|octets| f64::from_le_bytes(octets) == number)
    }

    /// Whether it is this one of true and false.
    pub fn is_boolean(&self, boolean: bool) -> bool {
        self.0 == [u8::from(boolean)]
    }

    fn of_json(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(boolean) => Some(Self(vec![u8::from(*boolean)])),
            Value::Number(number) => number.as_f64().map(|number| Self(number.to_le_bytes().to_vec())),
            Value::String(text) => Some(Self(text.clone().into_bytes())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn path(text: &str) -> ClaimPath {
        ClaimPath::parse(text).unwrap()
    }

    #[test]
    fn a_name_is_a_claim_and_what_begins_with_a_slash_a_pointer() {
        for (text, members) in [
            ("sub", &["sub"][..]),
            ("a.b", &["a.b"]),
            ("https://acme.example/roles", &["https://acme.example/roles"]),
            ("a~1b", &["a~1b"]),
            ("/sub", &["sub"]),
            ("/realm_access/roles", &["realm_access", "roles"]),
            ("/https:~1~1acme.example~1roles/0", &["https://acme.example/roles", "0"]),
            ("/a~01", &["a~1"]),
        ] {
            assert_eq!(
                (path(text).members(), path(text).to_string().as_str()),
                (&members.iter().map(|member| (*member).to_owned()).collect::<Vec<_>>()[..], text)
            );
        }
    }

    #[test]
    fn what_names_no_claim_is_refused() {
        for (text, error) in [
            ("", ClaimPathError::Empty),
            ("/", ClaimPathError::Name),
            ("/a//b", ClaimPathError::Name),
            ("a\0b", ClaimPathError::Name),
            ("/a~", ClaimPathError::Escape),
            ("/a~2", ClaimPathError::Escape),
            ("/1/2/3/4/5/6/7/8/9", ClaimPathError::TooDeep),
        ] {
            assert_eq!(ClaimPath::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn values_are_told_by_the_type_that_is_asked_for() {
        let claims = object(json!({
            "text": "a", "number": 1.5, "yes": true, "no": false, "empty": "", "null": null, "object": {"a": "b"},
            "many": ["a", 2, true], "with null": ["a", null], "nested": {"a": [{"b": "c"}]},
        }));
        let one = |name: &str| match Claim::of_token(&claims, &path(name)) {
            Claim::One(value) => value,
            claim @ (Claim::Missing | Claim::Many(_) | Claim::Unreadable) => panic!("{name}: {claim:?}"),
        };
        assert_eq!(one("text").text(), Some("a"));
        assert!(one("number").is_number(1.5) && !one("number").is_number(1.25));
        assert!(one("yes").is_boolean(true) && !one("yes").is_boolean(false));
        assert!(one("no").is_boolean(false) && !one("no").is_boolean(true));
        assert_eq!(one("/nested/a/0/b").text(), Some("c"));
        for name in ["number", "yes", "no"] {
            assert_eq!(one(name).text(), None, "{name}");
        }
        assert!(!one("text").is_number(0.0) && !one("text").is_boolean(true));
        assert_eq!(Claim::of_token(&claims, &path("many")).values().len(), 3);
        for name in ["null", "object", "with null", "nested"] {
            assert_eq!(Claim::of_token(&claims, &path(name)), Claim::Unreadable, "{name}");
        }
        for name in ["empty", "missing", "/text/a", "/object/b", "/many/3", "/many/x"] {
            assert_eq!(Claim::of_token(&claims, &path(name)), Claim::Missing, "{name}");
        }
        assert_eq!(
            Claim::of_token(&Map::new(), &ClaimPath::whole()),
            Claim::Unreadable,
            "there, whatever it holds"
        );
    }

    #[test]
    fn text_that_could_be_another_type_is_no_text() {
        for octets in [&[1][..], &[0], b"\0\0\0\0\0\0\x08@", b"a\0", b"a\n", b"\xff"] {
            assert_eq!(ClaimValue(octets.to_vec()).text(), None, "{octets:?}");
        }
        assert_eq!(ClaimValue("é".into()).text(), Some("é"));
    }

    fn of_envoy(octets: &[u8], entries: &[&[u8]]) -> Claim {
        let entry = |at: usize| Ok::<_, ()>(entries.get(at).map(|entry| entry.to_vec()));
        Claim::of_envoy(octets.to_vec(), entry).unwrap()
    }

    /// `["a", "b"]` as Envoy 1.40.0 gives it.
    const LIST: &[u8] = b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a\0\0b\0\0";
    /// `{"x5t#S256": "AbC"}` likewise.
    const OBJECT: &[u8] = b"\x01\0\0\0\x08\0\0\0\x03\0\0\0x5t#S256\0AbC\0";

    #[test]
    fn an_array_of_envoys_is_known_by_its_entries() {
        let texts = |claim: Claim| -> Vec<String> {
            claim.values().iter().filter_map(ClaimValue::text).map(str::to_owned).collect()
        };
        assert_eq!(texts(of_envoy(LIST, &[b"a", b"b"])), ["a", "b"]);
        assert_eq!(of_envoy(LIST, &[]), Claim::Unreadable, "text, or an object, that looks like it");
        assert_eq!(of_envoy(LIST, &[b"a", b"c"]), Claim::Unreadable);
        let number = b"\x01\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0?\0\0";
        let Claim::Many(values) = of_envoy(number, &[b"\0\0\0\0\0\0\xf0?"]) else { panic!("no array") };
        assert!(values[0].is_number(1.0));
        let empty_last = b"\x02\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a\0\0\0\0";
        assert_eq!(texts(of_envoy(empty_last, &[b"a"])), ["a", ""]);
        assert_eq!(of_envoy(b"\0\0\0\0", &[]), Claim::Unreadable, "an empty array");
    }

    #[test]
    fn other_values_of_envoys_are_one_value() {
        for octets in
            [&b"alice"[..], &[1], OBJECT, &LIST[..LIST.len() - 1], &[LIST, &[0]].concat(), &[0xff; 20]]
        {
            assert_eq!(
                of_envoy(octets, &[b"a", b"b"]),
                Claim::One(ClaimValue(octets.to_vec())),
                "{octets:?}"
            );
        }
        assert_eq!(of_envoy(OBJECT, &[]).values()[0].text(), None);
        assert_eq!(of_envoy(&vec![b'a'; MAX_CLAIM_BYTES], &[]).values().len(), 1);
        assert_eq!(of_envoy(&vec![b'a'; MAX_CLAIM_BYTES + 1], &[]), Claim::Unreadable);
    }
}
