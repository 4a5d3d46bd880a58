//! Patterns for values that only their owners know the meaning of: those of an `otherName` and of an extension.

use std::fmt;

use super::distinguished_name::is_readable;
use super::pattern::PatternError;
use super::serial::hex_with_colons;
use super::text::{Case, TextKind, TextPattern};
use super::truth::Truth;
use crate::cert::der::{IA5_STRING, PRINTABLE_STRING, Reader, UTF8_STRING};

/// A pattern for a value.
#[derive(Debug, Clone)]
pub struct ValuePattern {
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Octets(Vec<u8>),
    Text(TextPattern),
}

impl ValuePattern {
    /// These octets, in hexadecimal digits of either case, plain or with a colon after each pair.
    pub fn octets(text: &str) -> Result<ValuePattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let octets =
            if text.contains(':') { hex_with_colons(text) } else { hex::decode(text.as_bytes()).ok() };
        let octets = octets.ok_or_else(|| PatternError::Octets { text: text.to_owned() })?;
        Ok(ValuePattern { rule: Rule::Octets(octets) })
    }

    /// The octets of one value in DER, as [`ValuePattern::octets`] reads them.
    pub fn der(text: &str) -> Result<ValuePattern, PatternError> {
        let pattern = ValuePattern::octets(text)?;
        let one = match &pattern.rule {
            Rule::Octets(octets) => is_one_element(octets),
            Rule::Text(_) => true,
        };
        if one { Ok(pattern) } else { Err(PatternError::NotDer { text: text.to_owned() }) }
    }

    /// Text in a UTF8String, a PrintableString or an IA5String, compared byte for byte.
    pub fn text(kind: TextKind, text: &str) -> Result<ValuePattern, PatternError> {
        if kind != TextKind::Regex && !text.chars().all(is_readable) {
            return Err(PatternError::UnreadableText { text: text.to_owned() });
        }
        Ok(ValuePattern { rule: Rule::Text(TextPattern::new(kind, text, Case::Sensitive)?) })
    }

    /// Whether the value matches. Against text, what is none cannot be told.
    pub(crate) fn matches(&self, value: &[u8]) -> Truth {
        match &self.rule {
            Rule::Octets(octets) => (value == octets).into(),
            Rule::Text(pattern) => {
                text_of(value).map_or(Truth::CannotTell, |text| pattern.matches(text).into())
            }
        }
    }

    /// The pattern for text, if it is one.
    pub(super) fn as_text(&self) -> Option<&TextPattern> {
        match &self.rule {
            Rule::Octets(_) => None,
            Rule::Text(pattern) => Some(pattern),
        }
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for ValuePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Octets(octets) => write!(out, r#"{{"der": "{}"}}"#, hex::encode(octets)),
            Rule::Text(pattern) => pattern.fmt(out),
        }
    }
}

fn is_one_element(octets: &[u8]) -> bool {
    let mut reader = Reader::new(octets);
    matches!(reader.next(), Ok(Some(_))) && reader.end().is_ok()
}

/// The text of a value that is one string. Without control and invisible characters, as in distinguished names.
fn text_of(value: &[u8]) -> Option<&str> {
    let mut reader = Reader::new(value);
    let string = reader.next().ok().flatten()?;
    reader.end().ok()?;
    let text = std::str::from_utf8(string.contents).ok()?;
    let of_its_type = match string.tag {
        UTF8_STRING => true,
        PRINTABLE_STRING | IA5_STRING => text.is_ascii(),
        _ => false,
    };
    (of_its_type && text.chars().all(is_readable)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn octets_match_as_they_are() {
        for text in ["0c0161", "0C0161", "0c:01:61"] {
            for pattern in [ValuePattern::octets(text), ValuePattern::der(text)] {
                let pattern = pattern.unwrap();
                assert_eq!(pattern.matches(b"\x0c\x01a"), Truth::Yes);
                for near in [&b"\x0c\x01A"[..], b"\x0c\x01a\0", b"\x0c\x01", b"a", b""] {
                    assert_eq!(pattern.matches(near), Truth::No, "{}", near.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn text_matches_whatever_its_string_type_and_with_case() {
        let exact = ValuePattern::text(TextKind::Exact, "Ab").unwrap();
        for tag in [mint::UTF8, mint::PRINTABLE, mint::IA5] {
            assert_eq!(exact.matches(&mint::der(tag, &[b"Ab"])), Truth::Yes, "{tag:#x}");
            for near in ["ab", "A", "Abc", ""] {
                assert_eq!(exact.matches(&mint::der(tag, &[near.as_bytes()])), Truth::No, "{tag:#x} {near}");
            }
        }
        let prefix = ValuePattern::text(TextKind::Prefix, "A").unwrap();
        assert_eq!(prefix.matches(&mint::der(mint::UTF8, &[b"Ab"])), Truth::Yes);
        assert_eq!(prefix.matches(&mint::der(mint::UTF8, &[b"bA"])), Truth::No);
    }

    #[test]
    fn what_is_no_text_cannot_be_told() {
        let any = ValuePattern::text(TextKind::Regex, "(?s).*").unwrap();
        for value in [
            &b""[..],
            b"plain",
            b"\x02\x01\x01",
            b"\x04\x01a",
            b"\x0c\x01a\0",
            b"\x0c\x02a",
            b"\x0c\x02a\0",
            b"\x0c\x01\xff",
            b"\x0c\x03\xe2\x80\xae",
            b"\x13\x02\xc3\xa9",
            b"\x16\x02\xc3\xa9",
            b"\x1e\x02\0a",
            b"\x2c\x03\x0c\x01a",
            b"\x30\x03\x0c\x01a",
        ] {
            assert_eq!(any.matches(value), Truth::CannotTell, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn patterns_that_nothing_matches_are_refused_in_words() {
        let error = |result: Result<ValuePattern, PatternError>| result.unwrap_err().to_string();
        for text in ["0c016", "0c:1:61", "DAFh", "0x0c", "g0", "0c 01"] {
            let expected = "is not hexadecimal; expected pairs of digits like `0c0161` or `0c:01:61`";
            assert_eq!(error(ValuePattern::octets(text)), format!("`{text}` {expected}"));
        }
        for text in ["0c02", "0c016100", "00"] {
            let expected = "is not one value in DER, as that of an `otherName` is";
            assert_eq!(error(ValuePattern::der(text)), format!("`{text}` {expected}"));
        }
        assert_eq!(error(ValuePattern::octets("")), "the text is empty");
        assert_eq!(error(ValuePattern::text(TextKind::Exact, "")), "the text is empty");
        let expected = r"`a\u{0}` holds control or invisible characters, which no readable text does";
        assert_eq!(error(ValuePattern::text(TextKind::Prefix, "a\0")), expected);
    }
}
