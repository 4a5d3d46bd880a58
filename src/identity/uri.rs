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
            return Err(PatternError::Uri { text: text.escape_debug().to_string() });
        }
        Ok(UriPattern { text: TextPattern::new(kind, text, Case::Sensitive)? })
    }

    /// Whether any of the certificate's URIs matches.
    pub fn matches(&self, names: &Names<Uri>) -> Truth {
        names.any(|name| self.text.matches(name.as_str()).into())
    }
}
