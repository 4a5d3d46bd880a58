//! Attributes of distinguished names: their types, and patterns for their values.

use std::fmt;

use super::distinguished_name::{AttributeValue, DistinguishedName, is_readable};
use super::object_identifier::ObjectIdentifier;
use super::pattern::PatternError;
use super::text::{Case, TextKind, TextPattern};
use super::truth::Truth;
use crate::cert::der::NotDer;

/// The names that a policy may use (RFC 4514 section 3, RFC 4519, RFC 2985), with the contents of the DER of each
/// object identifier.
const KNOWN: [(&str, &[u8]); 17] = [
    ("CN", &[0x55, 0x04, 0x03]),
    ("SN", &[0x55, 0x04, 0x04]),
    ("serialNumber", &[0x55, 0x04, 0x05]),
    ("C", &[0x55, 0x04, 0x06]),
    ("L", &[0x55, 0x04, 0x07]),
    ("ST", &[0x55, 0x04, 0x08]),
    ("STREET", &[0x55, 0x04, 0x09]),
    ("O", &[0x55, 0x04, 0x0a]),
    ("OU", &[0x55, 0x04, 0x0b]),
    ("title", &[0x55, 0x04, 0x0c]),
    ("GN", &[0x55, 0x04, 0x2a]),
    ("initials", &[0x55, 0x04, 0x2b]),
    ("generationQualifier", &[0x55, 0x04, 0x2c]),
    ("dnQualifier", &[0x55, 0x04, 0x2e]),
    // 0.9.2342.19200300.100.1.1 and 25 (RFC 4519 sections 2.39 and 2.4).
    ("UID", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01]),
    ("DC", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19]),
    // 1.2.840.113549.1.9.1 (RFC 2985 section 5.2.1).
    ("emailAddress", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01]),
];

/// Attributes that a name holds several times in the ordinary course: of these any value may match.
const REPEATED: [&str; 3] = ["OU", "DC", "STREET"];

/// The type of an attribute.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType {
    oid: ObjectIdentifier,
}

impl AttributeType {
    /// Reads a name like `CN`, in either case, or a dotted object identifier.
    pub fn parse(text: &str) -> Result<AttributeType, PatternError> {
        let known = KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let read = match known {
            Some((_, oid)) => AttributeType::from_der(oid).ok(),
            None => ObjectIdentifier::parse(text).ok().map(|oid| AttributeType { oid }),
        };
        read.ok_or_else(|| PatternError::Attribute {
            text: text.to_owned(),
            known: KNOWN.map(|(name, _)| format!("`{name}`")).join(", "),
        })
    }

    /// Takes the contents of an object identifier in DER.
    pub(crate) fn from_der(oid: &[u8]) -> Result<AttributeType, NotDer> {
        ObjectIdentifier::from_der(oid).map(|oid| AttributeType { oid })
    }

    /// The object identifier.
    pub fn object_identifier(&self) -> &ObjectIdentifier {
        &self.oid
    }

    fn name(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(_, oid)| *oid == self.oid.contents()).map(|(name, _)| *name)
    }

    /// Whether it is an email address, which a name constraint may be about (RFC 5280 section 4.2.1.10).
    pub(crate) fn is_email_address(&self) -> bool {
        self.name() == Some("emailAddress")
    }

    /// Whether names hold it several times in the ordinary course.
    pub(crate) fn may_repeat(&self) -> bool {
        self.name().is_some_and(|name| REPEATED.contains(&name))
    }
}

/// The short name where there is one, else the object identifier.
impl fmt::Display for AttributeType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => self.oid.fmt(out),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AttributeType({self})")
    }
}

/// A pattern for one attribute of a distinguished name.
///
/// Values are compared as RFC 5280 section 7.1 says: without case, without white space at the ends, and with runs
/// of white space as one space. (Without the compatibility mappings of RFC 4518, which would want Unicode tables.)
/// `OU`, `DC` and `STREET` match if any of their values does; any other attribute that a name holds more than once
/// cannot be told, for which of them is meant?
#[derive(Debug, Clone)]
pub struct AttributePattern {
    attribute: AttributeType,
    value: TextPattern,
}

impl AttributePattern {
    /// A pattern of any kind. A space at the end of a `Prefix` and at the start of a `Suffix` counts.
    pub fn new(
        attribute: AttributeType,
        kind: TextKind,
        text: &str,
    ) -> Result<AttributePattern, PatternError> {
        if !text.chars().all(is_readable) {
            return Err(PatternError::AttributeValue { text: text.to_owned() });
        }
        let folded = fold(text);
        let text = match kind {
            TextKind::Regex => text.to_owned(),
            _ if folded.is_empty() => return Err(PatternError::Empty),
            TextKind::Prefix if text.ends_with(char::is_whitespace) => format!("{folded} "),
            TextKind::Suffix if text.starts_with(char::is_whitespace) => format!(" {folded}"),
            TextKind::Exact | TextKind::Prefix | TextKind::Suffix => folded,
        };
        Ok(AttributePattern { attribute, value: TextPattern::new(kind, &text, Case::Ignored)? })
    }

    /// Whether the name holds the attribute with a value that matches.
    pub fn matches(&self, name: &DistinguishedName) -> Truth {
        let mut values = name.values(&self.attribute);
        if self.attribute.may_repeat() {
            return Truth::any(values.map(|value| self.matches_value(value)));
        }
        match (values.next(), values.next()) {
            (None, _) => Truth::No,
            (Some(value), None) => self.matches_value(value),
            (Some(_), Some(_)) => Truth::CannotTell,
        }
    }

    fn matches_value(&self, value: &AttributeValue) -> Truth {
        match value {
            AttributeValue::Text(text) => self.value.matches(&fold(text)).into(),
            AttributeValue::Malformed(_) => Truth::CannotTell,
        }
    }
}

/// As a policy writes it, in JSON; values as they are compared, without case and needless space.
impl fmt::Display for AttributePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, r#"{{"{}": {}}}"#, self.attribute, self.value)
    }
}

/// Lower case, no white space at the ends, one space for each run of it. Letter by letter, so that the beginning and
/// the end of a value fold as they do within it.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::MAX_NAMES;
    use crate::mint::{self, C, CN, OU, UTF8};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// A name of which each attribute is a relative name of its own.
    fn name(attributes: &[(&[u8], u8, &[u8])]) -> DistinguishedName {
        let names: Vec<Vec<u8>> = attributes
            .iter()
            .map(|(oid, tag, value)| mint::der(0x31, &[&mint::attribute(oid, &mint::der(*tag, &[value]))]))
            .collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        DistinguishedName::from_der(&mint::der(0x30, &names), &mut MAX_NAMES.clone()).unwrap()
    }

    fn common_name(value: &str) -> DistinguishedName {
        name(&[(CN, UTF8, value.as_bytes())])
    }

    fn matches(kind: TextKind, attribute: &str, text: &str, name: &DistinguishedName) -> Truth {
        AttributePattern::new(AttributeType::parse(attribute).unwrap(), kind, text).unwrap().matches(name)
    }

    #[test]
    fn attributes_are_read_by_name_and_by_object_identifier() {
        for (text, written) in [
            ("CN", "CN"),
            ("cn", "CN"),
            ("2.5.4.3", "CN"),
            ("UID", "UID"),
            ("0.9.2342.19200300.100.1.1", "UID"),
            ("DC", "DC"),
            ("emailaddress", "emailAddress"),
            ("1.2.840.113549.1.9.1", "emailAddress"),
            ("2.5.4.5", "serialNumber"),
            ("1.3.6.1.4.1.311.60.2.1.3", "1.3.6.1.4.1.311.60.2.1.3"),
            ("2.999", "2.999"),
            ("0.39", "0.39"),
            ("1.0", "1.0"),
            ("2.5.4.18446744073709551615", "2.5.4.18446744073709551615"),
        ] {
            assert_eq!(AttributeType::parse(text).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn every_known_object_identifier_is_the_one_of_its_name() {
        for (name, dotted) in [
            ("CN", "2.5.4.3"),
            ("SN", "2.5.4.4"),
            ("serialNumber", "2.5.4.5"),
            ("C", "2.5.4.6"),
            ("L", "2.5.4.7"),
            ("ST", "2.5.4.8"),
            ("STREET", "2.5.4.9"),
            ("O", "2.5.4.10"),
            ("OU", "2.5.4.11"),
            ("title", "2.5.4.12"),
            ("GN", "2.5.4.42"),
            ("initials", "2.5.4.43"),
            ("generationQualifier", "2.5.4.44"),
            ("dnQualifier", "2.5.4.46"),
            ("UID", "0.9.2342.19200300.100.1.1"),
            ("DC", "0.9.2342.19200300.100.1.25"),
            ("emailAddress", "1.2.840.113549.1.9.1"),
        ] {
            assert_eq!(AttributeType::parse(name), AttributeType::parse(dotted), "{name}");
        }
    }

    #[test]
    fn other_text_is_no_attribute_and_the_known_ones_are_named() {
        let error = AttributeType::parse("CommonName").unwrap_err().to_string();
        assert!(error.starts_with("`CommonName` is no attribute; expected one of `CN`, `SN`, "), "{error}");
        assert!(error.ends_with("`emailAddress` or a dotted object identifier"), "{error}");
        for text in ["", "2", "2.5.x"] {
            assert!(AttributeType::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_match_without_case_and_without_needless_space() {
        for value in ["Acme Billing", "ACME BILLING", " acme  billing ", "acme\u{a0}billing"] {
            assert_eq!(
                matches(TextKind::Exact, "CN", "  Acme   Billing", &common_name(value)),
                Truth::Yes,
                "{value}"
            );
        }
        for value in ["AcmeBilling", "Acme Billing 2", "The Acme Billing", "Acme_Billing", ""] {
            assert_eq!(
                matches(TextKind::Exact, "CN", "Acme Billing", &common_name(value)),
                Truth::No,
                "{value}"
            );
        }
        assert_eq!(matches(TextKind::Exact, "CN", "MÜLLER", &common_name("Müller")), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "CN", "Muller", &common_name("Müller")), Truth::No);
    }

    #[test]
    fn beginnings_ends_and_expressions_see_the_folded_value() {
        let name = common_name("ACME  Billing ");
        assert_eq!(matches(TextKind::Prefix, "CN", "acme B", &name), Truth::Yes);
        assert_eq!(matches(TextKind::Prefix, "CN", "Acme ", &name), Truth::Yes);
        assert_eq!(matches(TextKind::Prefix, "CN", "Acme ", &common_name("Acmes")), Truth::No);
        assert_eq!(matches(TextKind::Prefix, "CN", "Billing", &name), Truth::No);
        assert_eq!(matches(TextKind::Suffix, "CN", "BILLING", &name), Truth::Yes);
        assert_eq!(matches(TextKind::Suffix, "CN", " Billing", &common_name("Rebilling")), Truth::No);
        assert_eq!(matches(TextKind::Regex, "CN", "Acme [a-z]+", &name), Truth::Yes);
        assert_eq!(matches(TextKind::Regex, "CN", "Acme", &name), Truth::No);
    }

    #[test]
    fn the_string_type_does_not_matter_where_its_text_is_read() {
        for (tag, value) in [
            (mint::UTF8, &b"Ab"[..]),
            (mint::PRINTABLE, b"Ab"),
            (mint::IA5, b"Ab"),
            (mint::TELETEX, b"Ab"),
            (mint::BMP, b"\0A\0b"),
            (mint::UNIVERSAL, b"\0\0\0A\0\0\0b"),
        ] {
            assert_eq!(
                matches(TextKind::Exact, "CN", "ab", &name(&[(CN, tag, value)])),
                Truth::Yes,
                "{tag:#x}"
            );
            assert_eq!(
                matches(TextKind::Exact, "CN", "a", &name(&[(CN, tag, value)])),
                Truth::No,
                "{tag:#x}"
            );
        }
    }

    #[test]
    fn values_that_cannot_be_read_cannot_be_told() {
        for (tag, value) in [
            (mint::UTF8, &b"admin\0.evil"[..]),
            (mint::UTF8, b"admin\n"),
            (mint::UTF8, b"\xff"),
            (mint::UTF8, "ad\u{200b}min".as_bytes()),
            (mint::UTF8, "\u{202e}nimda".as_bytes()),
            (mint::UTF8, b"\xc2\x85"),
            (mint::PRINTABLE, b"adm\xefn"),
            (mint::IA5, b"adm\xefn"),
            (mint::TELETEX, b"adm\xefn"),
            (mint::BMP, b"\0a\0"),
            (mint::BMP, b"\xd8\x3d\xde\x00"),
            (mint::UNIVERSAL, b"\0\0\0"),
            (mint::UNIVERSAL, b"\0\x11\0\0"),
            (0x04, b"admin"),
            (0x02, b"\x01"),
            (0x2c, b"\x0c\x05admin"),
        ] {
            let name = name(&[(CN, tag, value)]);
            assert_eq!(
                matches(TextKind::Exact, "CN", "admin", &name),
                Truth::CannotTell,
                "{tag:#x} {value:?}"
            );
            assert_eq!(matches(TextKind::Exact, "O", "admin", &name), Truth::No, "another attribute");
        }
    }

    #[test]
    fn an_attribute_that_is_not_held_does_not_match() {
        assert_eq!(matches(TextKind::Exact, "OU", "billing", &common_name("billing")), Truth::No);
        assert_eq!(matches(TextKind::Exact, "CN", "billing", &name(&[])), Truth::No);
    }

    #[test]
    fn two_common_names_cannot_be_told_whatever_they_are() {
        for values in
            [[&b"user"[..], b"admin"], [b"admin", b"user"], [b"admin", b"admin"], [b"user", b"user"]]
        {
            let name = name(&values.map(|value| (CN, UTF8, value)));
            assert_eq!(matches(TextKind::Exact, "CN", "admin", &name), Truth::CannotTell, "{values:?}");
        }
        let name = name(&[(C, UTF8, b"DE"), (CN, UTF8, b"admin")]);
        assert_eq!(matches(TextKind::Exact, "CN", "admin", &name), Truth::Yes, "one is plain");
    }

    #[test]
    fn any_of_several_units_may_match() {
        let two = name(&[(OU, UTF8, b"Payments"), (OU, UTF8, b"Staff")]);
        assert_eq!(matches(TextKind::Exact, "OU", "staff", &two), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "OU", "payments", &two), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "OU", "guests", &two), Truth::No);
        let unreadable = name(&[(OU, UTF8, b"\0"), (OU, UTF8, b"Staff")]);
        assert_eq!(matches(TextKind::Exact, "OU", "staff", &unreadable), Truth::Yes);
        assert_eq!(matches(TextKind::Exact, "OU", "guests", &unreadable), Truth::CannotTell);
    }

    #[test]
    fn text_that_no_value_can_hold_is_refused_in_words() {
        let new =
            |kind, text| AttributePattern::new(AttributeType::parse("CN").unwrap(), kind, text).map(|_| ());
        let message = new(TextKind::Exact, "a\0").unwrap_err().to_string();
        assert_eq!(
            message,
            r"`a\u{0}` can be in no attribute, which holds no control or invisible characters"
        );
        for kind in [TextKind::Exact, TextKind::Prefix, TextKind::Suffix] {
            assert_eq!(new(kind, " "), Err(PatternError::Empty), "{kind:?}");
        }
        assert_eq!(new(TextKind::Regex, ""), Err(PatternError::Empty));
    }
}
