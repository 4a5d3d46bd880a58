//! Attributes of distinguished names: their types, and patterns for their values.

use std::fmt;

use x509_parser::asn1_rs::Oid;

use super::distinguished_name::{AttributeValue, DistinguishedName, is_readable};
use super::pattern::PatternError;
use super::text::{Case, TextKind, TextPattern};
use super::truth::Truth;

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
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AttributeType {
    /// The contents of the object identifier's DER.
    oid: Vec<u8>,
}

impl AttributeType {
    /// Reads a name like `CN`, in either case, or a dotted object identifier.
    pub fn parse(text: &str) -> Result<AttributeType, PatternError> {
        if let Some((_, oid)) = KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(AttributeType { oid: oid.to_vec() });
        }
        dotted(text).ok_or_else(|| PatternError::Attribute {
            text: text.escape_debug().to_string(),
            known: KNOWN.map(|(name, _)| format!("`{name}`")).join(", "),
        })
    }

    /// The contents of an object identifier in DER.
    pub(crate) fn from_der(oid: &[u8]) -> AttributeType {
        AttributeType { oid: oid.to_vec() }
    }

    fn name(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(_, oid)| *oid == self.oid).map(|(name, _)| *name)
    }

    fn may_repeat(&self) -> bool {
        self.name().is_some_and(|name| REPEATED.contains(&name))
    }
}

/// The short name where there is one, else the dotted object identifier.
impl fmt::Display for AttributeType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => out.write_str(&Oid::new(self.oid.as_slice().into()).to_id_string()),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AttributeType({self})")
    }
}

fn dotted(text: &str) -> Option<AttributeType> {
    let plain =
        |arc: &str| arc == "0" || !arc.starts_with('0') && arc.bytes().all(|byte| byte.is_ascii_digit());
    if !text.split('.').all(plain) {
        return None;
    }
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().ok()).collect::<Option<_>>()?;
    // X.690 section 8.19.4: three roots, of which the first two have 40 arcs each.
    match arcs.as_slice() {
        [0 | 1, 0..40, ..] | [2, 0..=0xffff, ..] => {}
        _ => return None,
    }
    let oid = Oid::from(&arcs).ok()?;
    Some(AttributeType { oid: oid.as_bytes().to_vec() })
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

    /// The attribute that it looks at.
    pub fn attribute(&self) -> &AttributeType {
        &self.attribute
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

/// Lower case, no white space at the ends, one space for each run of it. Letter by letter, so that the beginning and
/// the end of a value fold as they do within it.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}
