//! Email addresses (`rfc822Name`, RFC 5280 section 4.2.1.6) and patterns for them.

use std::fmt;

use super::dns::DnsName;
use super::names::Names;
use super::pattern::PatternError;
use super::text::{Case, TextKind, TextPattern};
use super::truth::Truth;

/// An email address: the local part as the certificate holds it, the domain in lower case (RFC 5280 section 7.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
}

impl EmailAddress {
    /// Reads `local@domain` with exactly one `@`. Quoted local parts that hold an `@`, and domains that are no
    /// host's name (address literals, wildcards), are not read.
    pub fn from_bytes(bytes: &[u8]) -> Option<EmailAddress> {
        let (local, domain) = std::str::from_utf8(bytes).ok()?.split_once('@')?;
        if local.is_empty() || !local.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let domain = DnsName::from_bytes(domain.as_bytes()).filter(|name| !name.is_wildcard())?;
        Some(EmailAddress { text: format!("{local}@{domain}") })
    }

    /// The address, its domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A pattern for email addresses. The domain is compared without case, the local part with it; a regular expression
/// sees the domain in lower case.
#[derive(Debug, Clone)]
pub struct EmailPattern {
    text: TextPattern,
}

impl EmailPattern {
    /// A pattern of any kind. `Exact` wants a whole address; the others refuse text that no address can hold.
    pub fn new(kind: TextKind, text: &str) -> Result<EmailPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let text = match kind {
            TextKind::Exact => {
                EmailAddress::from_bytes(text.as_bytes())
                    .ok_or_else(|| PatternError::Email { text: text.to_owned() })?
                    .text
            }
            TextKind::Prefix => lower_domain(part(text)?, false),
            TextKind::Suffix => lower_domain(part(text)?, true),
            TextKind::Regex => text.to_owned(),
        };
        Ok(EmailPattern { text: TextPattern::new(kind, &text, Case::Sensitive)? })
    }

    /// Whether any of the certificate's email addresses matches.
    pub fn matches(&self, names: &Names<EmailAddress>) -> Truth {
        names.any(|name| self.text.matches(name.as_str()).into())
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for EmailPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(out)
    }
}

fn part(text: &str) -> Result<&str, PatternError> {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.matches('@').count() <= 1;
    if fits { Ok(text) } else { Err(PatternError::EmailPart { text: text.to_owned() }) }
}

/// What follows the `@` is the domain. Without an `@`, the end of an address is all domain and its beginning all
/// local part.
fn lower_domain(text: &str, domain_without_at: bool) -> String {
    match text.split_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None if domain_without_at => text.to_ascii_lowercase(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(kind: TextKind, pattern: &str, address: &str) -> Truth {
        let mut names = Names::new();
        names.push(EmailAddress::from_bytes(address.as_bytes()));
        EmailPattern::new(kind, pattern).unwrap().matches(&names)
    }

    #[test]
    fn the_domain_is_read_in_lower_case_and_the_local_part_as_it_is() {
        let address = EmailAddress::from_bytes(b"Alice.O'Hara+x@ACME.Example").unwrap();
        assert_eq!(address.as_str(), "Alice.O'Hara+x@acme.example");
    }

    #[test]
    fn what_is_no_address_is_not_read() {
        for bytes in [
            &b""[..],
            b"alice",
            b"@acme.example",
            b"alice@",
            b"alice@evil.example@acme.example",
            b"alice@acme.example\0.evil.com",
            b"al ice@acme.example",
            b"alice@acme.example\n",
            b"alice@[192.0.2.1]",
            b"alice@*.acme.example",
            b"alice@acme.example.",
            b"acme.example",
            b"al\xc3\xafce@acme.example",
            b"\xff@acme.example",
        ] {
            assert_eq!(EmailAddress::from_bytes(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_domain_matches_without_case_and_the_local_part_with_it() {
        assert_eq!(matches(TextKind::Exact, "alice@Acme.example", "alice@ACME.example"), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "alice@acme.example", "Alice@acme.example"), Truth::No);
        assert_eq!(matches(TextKind::Exact, "alice@acme.example", "malice@acme.example"), Truth::No);
        assert_eq!(matches(TextKind::Suffix, "@ACME.example", "alice@acme.example"), Truth::Yes);
        assert_eq!(matches(TextKind::Suffix, ".Acme.example", "alice@mail.acme.example"), Truth::Yes);
        assert_eq!(matches(TextKind::Suffix, "@acme.example", "alice@evilacme.example"), Truth::No);
        assert_eq!(matches(TextKind::Suffix, "E@acme.example", "alice@acme.example"), Truth::No);
        assert_eq!(matches(TextKind::Prefix, "alice@ACME", "alice@acme.example"), Truth::Yes);
        assert_eq!(matches(TextKind::Prefix, "Alice", "alice@acme.example"), Truth::No);
        assert_eq!(matches(TextKind::Regex, r"[a-z]+@acme\.example", "alice@ACME.example"), Truth::Yes);
        assert_eq!(matches(TextKind::Regex, r"[a-z]+", "alice@acme.example"), Truth::No);
    }

    #[test]
    fn an_unreadable_address_cannot_be_told() {
        assert_eq!(matches(TextKind::Suffix, "@acme.example", "a@b@acme.example"), Truth::CannotTell);
        assert_eq!(matches(TextKind::Exact, "alice@acme.example", "alice@acme.example\0"), Truth::CannotTell);
    }

    #[test]
    fn patterns_that_no_address_can_hold_are_refused_in_words() {
        let error = |kind, text| EmailPattern::new(kind, text).unwrap_err().to_string();
        let expected = "`acme.example` is no email address; expected one like `alice@acme.example`";
        assert_eq!(error(TextKind::Exact, "acme.example"), expected);
        let expected =
            "`@@acme` can be in no email address, which is printable ASCII without spaces and holds one `@`";
        assert_eq!(error(TextKind::Suffix, "@@acme"), expected);
        assert_eq!(error(TextKind::Prefix, ""), "the text is empty");
    }
}
