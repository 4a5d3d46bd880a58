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
    /// Not an object identifier.
    #[error(
        "`{text}` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1`",
        text = shown(text)
    )]
    ObjectIdentifier {
        /// The text.
        text: String,
    },
    /// Not an extended key usage.
    #[error(
        "`{text}` is no key purpose; expected one of {known} or a dotted object identifier",
        text = shown(text),
        known = in_backticks(known)
    )]
    KeyPurpose {
        /// The text.
        text: String,
        /// The known names.
        known: Vec<&'static str>,
    },
    /// Not an IP address, nor a network.
    #[error(
        "`{text}` is no IP address or network; expected one like `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32`",
        text = shown(text)
    )]
    Ip {
        /// The text.
        text: String,
    },
    /// A network whose prefix is longer than its addresses.
    #[error("`{text}` has a prefix longer than the `{bits}` bits of such an address", text = shown(text))]
    IpPrefix {
        /// The text.
        text: String,
        /// Bits of an address of its version.
        bits: u8,
    },
    /// A network with bits set beyond its prefix.
    #[error(
        "`{text}` has bits set beyond its prefix; write `{network}` for the network or `{address}` for the one address",
        text = shown(text)
    )]
    IpHostBits {
        /// The text.
        text: String,
        /// The network that the address is in.
        network: String,
        /// The address alone.
        address: String,
    },
    /// IPv4 in the form of IPv6.
    #[error("`{text}` is IPv4 in the form of IPv6; write `{plain}`", text = shown(text))]
    IpMapped {
        /// The text.
        text: String,
        /// The same in the form of IPv4.
        plain: String,
    },
    /// Not a user principal name.
    #[error("`{text}` is no user principal name; expected one like `alice@acme.example`", text = shown(text))]
    UserPrincipalName {
        /// The text.
        text: String,
    },
    /// No such text can be part of a user principal name.
    #[error(
        "`{text}` can be in no user principal name, which holds one `@` and no spaces, control or invisible characters",
        text = shown(text)
    )]
    UserPrincipalNamePart {
        /// The text.
        text: String,
    },
    /// Not a trust domain.
    #[error(
        "`{text}` is no SPIFFE trust domain; expected `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most, as in `acme.example`",
        text = shown(text)
    )]
    TrustDomain {
        /// The text.
        text: String,
    },
    /// No such text can be compared with.
    #[error("`{text}` holds control or invisible characters, which no readable text does", text = shown(text))]
    UnreadableText {
        /// The text.
        text: String,
    },
    /// Not octets.
    #[error(
        "`{text}` is not hexadecimal; expected pairs of digits like `0c0161` or `0c:01:61`",
        text = shown(text)
    )]
    Octets {
        /// The text.
        text: String,
    },
    /// Octets that are no DER.
    #[error("`{text}` is not one value in DER, as that of an `otherName` is", text = shown(text))]
    NotDer {
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

fn in_backticks(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
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
