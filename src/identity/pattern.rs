//! Why a policy's text is no pattern.

use thiserror::Error;

use super::distinguished_name::is_readable;

/// What is wrong with a pattern, in words for the policy's author.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It would match nothing, or everything.
    #[error("the text is empty")]
    Empty,
    /// The regular expression does not compile.
    #[error("`{text}` is no regular expression: {problem}", text = shown(text))]
    Regex {
        /// The expression.
        text: String,
        /// What the regex library says, on one line.
        problem: String,
    },
    /// The compiled expression is larger than [`super::text::MAX_REGEX_BYTES`].
    #[error("`{text}` is too large a regular expression once compiled", text = shown(text))]
    RegexTooLarge {
        /// The expression.
        text: String,
    },
    /// A regular expression is ASCII: it sees bytes.
    #[error("`{text}` holds characters that are not ASCII, which a regular expression here must not", text = shown(text))]
    NotAscii {
        /// The text.
        text: String,
    },
    /// Not a DNS name.
    #[error("`{text}` is no DNS name; expected one like `billing.acme.example` or `*.acme.example`", text = shown(text))]
    Dns {
        /// The text.
        text: String,
    },
    /// Not a SPIFFE ID, nor a pattern for one.
    #[error("`{text}` is no SPIFFE ID: {problem}", text = shown(text))]
    Spiffe {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No such text can be in a URI.
    #[error("`{text}` can be in no URI, which is printable ASCII without spaces", text = shown(text))]
    Uri {
        /// The text.
        text: String,
    },
    /// Not an email address.
    #[error("`{text}` is no email address; expected one like `alice@acme.example`", text = shown(text))]
    Email {
        /// The text.
        text: String,
    },
    /// No such text can be part of an email address.
    #[error(
        "`{text}` can be in no email address, which is printable ASCII without spaces and holds one `@`",
        text = shown(text)
    )]
    EmailPart {
        /// The text.
        text: String,
    },
    /// Not the name of an attribute.
    #[error("`{text}` is no attribute; expected one of {known} or a dotted object identifier", text = shown(text))]
    Attribute {
        /// The text.
        text: String,
        /// The known names, each in backticks.
        known: String,
    },
    /// No such text can be in an attribute's value.
    #[error("`{text}` can be in no attribute, which holds no control or invisible characters", text = shown(text))]
    AttributeValue {
        /// The text.
        text: String,
    },
    /// Not a serial number.
    #[error(
        "`{text}` is no serial number; expected hexadecimal digits like `0f3a99` or `0f:3a:99`, at most 20 octets",
        text = shown(text)
    )]
    Serial {
        /// The text.
        text: String,
    },
    /// Not a digest.
    #[error("`{text}` is no SHA-256 digest; expected {expected}", text = shown(text))]
    Fingerprint {
        /// The text.
        text: String,
        /// The forms that are read.
        expected: &'static str,
    },
}

/// The text with what does not show escaped, so that a message stays one line and says what is there.
pub(crate) fn shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if is_readable(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn text_that_would_break_the_line_is_shown_escaped() {
        let message = PatternError::Dns { text: "a\n\u{202e}b\\é".to_owned() }.to_string();
        assert!(message.starts_with(r"`a\u{a}\u{202e}b\é` is no DNS name"), "{message}");
    }
}
