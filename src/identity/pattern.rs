//! Why a policy's text is no pattern.

use thiserror::Error;

/// What is wrong with a pattern, in words for the policy's author.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It would match nothing, or everything.
    #[error("the text is empty")]
    Empty,
    /// The regular expression does not compile.
    #[error("`{text}` is no regular expression: {problem}")]
    Regex {
        /// The expression.
        text: String,
        /// What the regex library says, on one line.
        problem: String,
    },
    /// The compiled expression is larger than [`super::text::MAX_REGEX_BYTES`].
    #[error("`{text}` is too large a regular expression once compiled")]
    RegexTooLarge {
        /// The expression.
        text: String,
    },
    /// Only ASCII can be in it.
    #[error("`{text}` holds characters that are not ASCII, which {kind} never does")]
    NotAscii {
        /// The text.
        text: String,
        /// What it is a pattern for.
        kind: &'static str,
    },
    /// Not a DNS name.
    #[error("`{text}` is no DNS name; expected one like `billing.acme.example` or `*.acme.example`")]
    Dns {
        /// The text.
        text: String,
    },
    /// Not a SPIFFE ID, nor a pattern for one.
    #[error("`{text}` is no SPIFFE ID: {problem}")]
    Spiffe {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No such text can be in a URI.
    #[error("`{text}` can be in no URI, which holds neither spaces nor control characters")]
    Uri {
        /// The text.
        text: String,
    },
    /// Not an email address.
    #[error("`{text}` is no email address; expected one like `alice@acme.example`")]
    Email {
        /// The text.
        text: String,
    },
    /// No such text can be part of an email address.
    #[error(
        "`{text}` can be in no email address, which holds one `@` and neither spaces nor control characters"
    )]
    EmailPart {
        /// The text.
        text: String,
    },
    /// Not the name of an attribute.
    #[error("`{text}` is no attribute; expected one of {known} or a dotted object identifier")]
    Attribute {
        /// The text.
        text: String,
        /// The known names, each in backticks.
        known: String,
    },
    /// No such text can be in an attribute's value.
    #[error("`{}` can be in no attribute, which holds no control or invisible characters", .text.escape_debug())]
    AttributeValue {
        /// The text.
        text: String,
    },
    /// Not a serial number.
    #[error(
        "`{text}` is no serial number; expected hexadecimal digits like `0f3a99` or `0f:3a:99`, at most 20 octets"
    )]
    Serial {
        /// The text.
        text: String,
    },
    /// Not a digest.
    #[error("`{text}` is no SHA-256 digest; expected {expected}")]
    Fingerprint {
        /// The text.
        text: String,
        /// The forms that are read.
        expected: &'static str,
    },
}
