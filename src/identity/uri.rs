//! URIs (`uniformResourceIdentifier`, RFC 5280 section 4.2.1.6) and patterns for them.

use std::fmt;

use super::names::Names;
use super::pattern::PatternError;
use super::text::{Case, TextKind, TextPattern};
use super::truth::Truth;

/// A URI as the certificate holds it: printable ASCII without spaces. It is not taken apart or normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: String,
}

impl Uri {
    /// Takes at least one byte of printable ASCII other than the space.
    pub fn from_bytes(bytes: &[u8]) -> Option<Uri> {
        if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?.to_owned();
        Some(Uri { text })
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A pattern for URIs, compared byte for byte.
#[derive(Debug, Clone)]
pub struct UriPattern {
    text: TextPattern,
}

impl UriPattern {
    /// A pattern of any kind. Text that no URI can hold is refused.
    pub fn new(kind: TextKind, text: &str) -> Result<UriPattern, PatternError> {
        let literal = kind != TextKind::Regex;
        if literal && !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PatternError::Uri { text: text.to_owned() });
        }
        Ok(UriPattern { text: TextPattern::new(kind, text, Case::Sensitive)? })
    }

    /// Whether any of the certificate's URIs matches.
    pub fn matches(&self, names: &Names<Uri>) -> Truth {
        names.any(|name| self.text.matches(name.as_str()).into())
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for UriPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(kind: TextKind, pattern: &str, uris: &[&[u8]]) -> Truth {
        let mut names = Names::new();
        uris.iter().for_each(|uri| names.push(Uri::from_bytes(uri)));
        UriPattern::new(kind, pattern).unwrap().matches(&names)
    }

    #[test]
    fn any_uri_of_the_certificate_may_match_byte_for_byte() {
        let uris: &[&[u8]] = &[b"urn:acme:a", b"https://acme.example/Pay"];
        assert_eq!(matches(TextKind::Exact, "https://acme.example/Pay", uris), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "https://acme.example/pay", uris), Truth::No);
        assert_eq!(matches(TextKind::Exact, "https://acme.example/Pay/", uris), Truth::No);
        assert_eq!(matches(TextKind::Prefix, "urn:acme:", uris), Truth::Yes);
        assert_eq!(matches(TextKind::Prefix, "acme", uris), Truth::No);
        assert_eq!(matches(TextKind::Suffix, "/Pay", uris), Truth::Yes);
        assert_eq!(matches(TextKind::Regex, "urn:acme:[a-z]", uris), Truth::Yes);
        assert_eq!(matches(TextKind::Regex, "acme", uris), Truth::No);
    }

    #[test]
    fn unreadable_uris_cannot_be_told() {
        for odd in [&b""[..], b"urn:a\0", b"urn:a b", b"urn:a\n", b"urn:\x7f", b"urn:\xc3\xa9", b"urn:\xff"] {
            assert_eq!(Uri::from_bytes(odd), None, "{}", odd.escape_ascii());
            assert_eq!(
                matches(TextKind::Prefix, "urn:", &[odd]),
                Truth::CannotTell,
                "{}",
                odd.escape_ascii()
            );
        }
        assert_eq!(matches(TextKind::Prefix, "urn:", &[b"\0", b"urn:a"]), Truth::Yes);
    }

    #[test]
    fn a_pattern_that_no_uri_can_hold_is_refused_in_words() {
        let message = UriPattern::new(TextKind::Exact, "urn:a b").unwrap_err().to_string();
        assert_eq!(message, "`urn:a b` can be in no URI, which is printable ASCII without spaces");
        assert_eq!(UriPattern::new(TextKind::Exact, "").unwrap_err(), PatternError::Empty);
    }
}
