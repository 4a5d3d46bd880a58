//! User principal names of Active Directory, and patterns for them.

use std::fmt;

use super::distinguished_name::is_readable;
use super::names::Names;
use super::pattern::PatternError;
use super::text::{Case, TextKind, TextPattern};
use super::truth::Truth;
use crate::cert::der::{self, UTF8_STRING};

/// The object identifier of such an `otherName`, 1.3.6.1.4.1.311.20.2.3.
pub(crate) const UPN: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

/// The longest name in characters (`rangeUpper` of `userPrincipalName`, MS-ADA3 section 2.349).
const MAX_CHARACTERS: usize = 1024;

/// A user principal name, in lower case: Active Directory compares the whole of it without case (`userPrincipalName`
/// is a String(Unicode), MS-ADA3 section 2.349 and MS-ADTS section 3.1.1.2.2.2), unlike an email address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserPrincipalName {
    text: String,
}

impl UserPrincipalName {
    /// Reads the value of an `otherName`: a UTF8String.
    pub(crate) fn from_der(value: &[u8]) -> Option<UserPrincipalName> {
        UserPrincipalName::parse(std::str::from_utf8(der::only(UTF8_STRING, value).ok()?).ok()?)
    }

    /// Reads `user@suffix` with exactly one `@`. Neither part need be of the form that an email address has.
    pub fn parse(text: &str) -> Option<UserPrincipalName> {
        let (user, suffix) = text.split_once('@')?;
        let whole = !user.is_empty() && !suffix.is_empty() && !suffix.contains('@');
        let fits = text.chars().all(fits) && text.chars().count() <= MAX_CHARACTERS;
        (whole && fits).then(|| UserPrincipalName { text: lower(text) })
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for UserPrincipalName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Letter by letter, so that the beginning and the end of a name are the same alone as within it.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Letters beyond ASCII that become ASCII in lower case, as the Kelvin sign does, make another's name of a name.
fn fits(character: char) -> bool {
    is_readable(character)
        && !character.is_whitespace()
        && (character.is_ascii() || !character.to_lowercase().any(|lower| lower.is_ascii()))
}

/// A pattern for user principal names, without case.
#[derive(Debug, Clone)]
pub struct UpnPattern {
    text: TextPattern,
}

impl UpnPattern {
    /// A pattern of any kind. `Exact` wants a whole name; the others refuse text that no name can hold.
    pub fn new(kind: TextKind, text: &str) -> Result<UpnPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let text = match kind {
            TextKind::Exact => {
                UserPrincipalName::parse(text)
                    .ok_or_else(|| PatternError::UserPrincipalName { text: text.to_owned() })?
                    .text
            }
            TextKind::Prefix | TextKind::Suffix => lower(part(text)?),
            TextKind::Regex => text.to_owned(),
        };
        Ok(UpnPattern { text: TextPattern::new(kind, &text, Case::Ignored)? })
    }

    /// Whether any of the certificate's user principal names matches.
    pub fn matches(&self, names: &Names<UserPrincipalName>) -> Truth {
        names.any(|name| self.text.matches(name.as_str()).into())
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for UpnPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(out)
    }
}

fn part(text: &str) -> Result<&str, PatternError> {
    let possible = text.chars().all(fits) && text.matches('@').count() <= 1;
    if possible { Ok(text) } else { Err(PatternError::UserPrincipalNamePart { text: text.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(kind: TextKind, pattern: &str, name: &str) -> Truth {
        let mut names = Names::new();
        names.push(UserPrincipalName::parse(name));
        UpnPattern::new(kind, pattern).unwrap().matches(&names)
    }

    #[test]
    fn the_whole_name_matches_without_case() {
        for name in ["alice@acme.example", "Alice@ACME.example", "ALICE@acme.EXAMPLE"] {
            assert_eq!(matches(TextKind::Exact, "Alice@Acme.example", name), Truth::Yes, "{name}");
        }
        for name in
            ["malice@acme.example", "alice@acme.example.evil", "alice@acme", "alic\u{e9}@acme.example"]
        {
            assert_eq!(matches(TextKind::Exact, "alice@acme.example", name), Truth::No, "{name}");
        }
        assert_eq!(matches(TextKind::Exact, "MÜLLER@acme.example", "müller@ACME.example"), Truth::Yes);
        // A capital sigma has two small forms, which depend on its place in a whole word.
        assert_eq!(matches(TextKind::Prefix, "ΑΣ", "ΑΣΑ@acme.example"), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "muller@acme.example", "müller@acme.example"), Truth::No);
    }

    #[test]
    fn beginnings_ends_and_expressions_match_without_case() {
        let name = "Svc-Billing@Corp.acme.example";
        assert_eq!(matches(TextKind::Suffix, "@CORP.acme.example", name), Truth::Yes);
        assert_eq!(matches(TextKind::Suffix, "@acme.example", name), Truth::No);
        assert_eq!(matches(TextKind::Prefix, "svc-", name), Truth::Yes);
        assert_eq!(matches(TextKind::Prefix, "billing", name), Truth::No);
        assert_eq!(matches(TextKind::Regex, r"SVC-[a-z]+@corp\.acme\.example", name), Truth::Yes);
        assert_eq!(matches(TextKind::Regex, "svc-[a-z]+", name), Truth::No);
    }

    #[test]
    fn what_is_no_name_is_not_read() {
        for text in [
            "",
            "alice",
            "@acme.example",
            "alice@",
            "alice@evil@acme.example",
            "al ice@acme.example",
            "alice@acme.example\0",
            "alice\n@acme.example",
            "al\u{200b}ice@acme.example",
            // The Kelvin sign, and a capital I with a dot.
            "mi\u{212a}e@acme.example",
            "m\u{130}ke@acme.example",
        ] {
            assert_eq!(UserPrincipalName::parse(text), None, "{}", text.escape_debug());
            assert_eq!(matches(TextKind::Suffix, "e", text), Truth::CannotTell, "{}", text.escape_debug());
        }
    }

    #[test]
    fn names_at_the_limit_are_read_and_longer_ones_not() {
        let name = |length: usize| format!("{}@é", "é".repeat(length - 2));
        assert!(UserPrincipalName::parse(&name(MAX_CHARACTERS)).is_some());
        assert!(UserPrincipalName::parse(&name(MAX_CHARACTERS + 1)).is_none());
    }

    #[test]
    fn the_value_is_a_string_in_utf_8_and_nothing_else() {
        let read = |tag, bytes: &[u8]| UserPrincipalName::from_der(&mint::der(tag, &[bytes]));
        assert_eq!(read(mint::UTF8, b"Alice@acme.example").unwrap().as_str(), "alice@acme.example");
        for tag in [mint::PRINTABLE, mint::IA5, mint::TELETEX, 0x04, 0x2c] {
            assert_eq!(read(tag, b"alice@acme.example"), None, "{tag:#x}");
        }
        assert_eq!(read(mint::UTF8, b"alice@acme.example\xff"), None);
        assert_eq!(UserPrincipalName::from_der(b"alice@acme.example"), None);
    }

    #[test]
    fn patterns_that_no_name_can_hold_are_refused_in_words() {
        let error = |kind, text| UpnPattern::new(kind, text).unwrap_err().to_string();
        let expected = "`acme.example` is no user principal name; expected one like `alice@acme.example`";
        assert_eq!(error(TextKind::Exact, "acme.example"), expected);
        let expected = "`@@acme` can be in no user principal name, which holds one `@` and no spaces, control or invisible characters";
        assert_eq!(error(TextKind::Suffix, "@@acme"), expected);
        assert_eq!(error(TextKind::Prefix, ""), "the text is empty");
    }
}
