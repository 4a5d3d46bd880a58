//! Names of other kinds (`otherName`, RFC 5280 section 4.2.1.6), and patterns for them.

use std::fmt;

use super::names::Names;
use super::object_identifier::ObjectIdentifier;
use super::octets::ValuePattern;
use super::truth::Truth;
use crate::cert::der::{NotDer, OBJECT_IDENTIFIER, Reader};

/// The tag of the value, which stands around it (`[0] EXPLICIT`).
const VALUE: u8 = 0xa0;

/// An `otherName`: what kind of name it is, and its value in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherName {
    kind: ObjectIdentifier,
    value: Vec<u8>,
}

impl OtherName {
    /// Reads the contents of the name, in which there is one value and nothing else.
    pub(crate) fn from_der(contents: &[u8]) -> Result<OtherName, NotDer> {
        let mut parts = Reader::new(contents);
        let kind = ObjectIdentifier::from_der(parts.expect(OBJECT_IDENTIFIER)?)?;
        let mut value = Reader::new(parts.expect(VALUE)?);
        parts.end()?;
        let element = value.next()?.ok_or(NotDer)?;
        value.end()?;
        Ok(OtherName { kind, value: element.whole.to_vec() })
    }

    /// The kind of name.
    pub fn kind(&self) -> &ObjectIdentifier {
        &self.kind
    }

    /// The value in DER.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// A pattern for names of one kind: any such name, or one with a certain value.
#[derive(Debug, Clone)]
pub struct OtherNamePattern {
    kind: ObjectIdentifier,
    value: Option<ValuePattern>,
}

impl OtherNamePattern {
    /// Names of this kind; without a value, all of them.
    pub fn new(kind: ObjectIdentifier, value: Option<ValuePattern>) -> OtherNamePattern {
        OtherNamePattern { kind, value }
    }

    /// Whether any of the certificate's names matches.
    pub fn matches(&self, names: &Names<OtherName>) -> Truth {
        names.any(|name| match &self.value {
            _ if name.kind != self.kind => Truth::No,
            None => Truth::Yes,
            Some(value) => value.matches(&name.value),
        })
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for OtherNamePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, r#"{{"oid": "{}""#, self.kind)?;
        if let Some(value) = &self.value {
            write!(out, r#", "value": {value}"#)?;
        }
        out.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::TextKind;
    use crate::mint;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const OID: &[u8] = b"\x06\x02\x2a\x03";

    fn pattern(value: Option<&str>) -> OtherNamePattern {
        let value = value.map(|text| ValuePattern::text(TextKind::Exact, text).unwrap());
        OtherNamePattern::new(ObjectIdentifier::parse("1.2.3").unwrap(), value)
    }

    fn names(all: &[&[u8]]) -> Names<OtherName> {
        let mut names = Names::new();
        all.iter().for_each(|contents| names.push(OtherName::from_der(contents).ok()));
        names
    }

    fn name(oid: &[u8], value: &[u8]) -> Vec<u8> {
        [oid, &mint::der(0xa0, &[value])].concat()
    }

    #[test]
    fn a_name_matches_by_kind_and_by_value() {
        let ours = name(OID, b"\x0c\x01a");
        let theirs = name(b"\x06\x02\x2a\x04", b"\x0c\x01a");
        assert_eq!(pattern(None).matches(&names(&[&ours])), Truth::Yes);
        assert_eq!(pattern(None).matches(&names(&[&theirs])), Truth::No);
        assert_eq!(pattern(Some("a")).matches(&names(&[&theirs, &ours])), Truth::Yes);
        assert_eq!(pattern(Some("b")).matches(&names(&[&theirs, &ours])), Truth::No);
        assert_eq!(pattern(None).matches(&names(&[])), Truth::No);
    }

    #[test]
    fn a_value_that_is_no_text_cannot_be_told_for_its_own_kind_only() {
        let number = name(OID, b"\x02\x01\x01");
        assert_eq!(pattern(Some("a")).matches(&names(&[&number])), Truth::CannotTell);
        assert_eq!(pattern(None).matches(&names(&[&number])), Truth::Yes);
        let other = name(b"\x06\x02\x2a\x04", b"\x02\x01\x01");
        assert_eq!(pattern(Some("a")).matches(&names(&[&other])), Truth::No);
    }

    #[test]
    fn what_is_no_such_name_is_unreadable_and_could_be_of_any_kind() {
        for contents in [
            b"".to_vec(),
            OID.to_vec(),
            [OID, b"\x0c\x01a"].concat(),
            [OID, b"\x80\x03\x0c\x01a"].concat(),
            name(OID, b""),
            name(OID, b"\x0c\x02a"),
            name(OID, b"\x0c\x01a\x0c\x01b"),
            [&name(OID, b"\x0c\x01a")[..], b"\x05\x00"].concat(),
            name(b"\x06\x02\x2a\x83", b"\x0c\x01a"),
            name(b"\x0c\x02\x2a\x03", b"\x0c\x01a"),
        ] {
            assert_eq!(OtherName::from_der(&contents), Err(NotDer), "{}", contents.escape_ascii());
            assert_eq!(pattern(None).matches(&names(&[&contents])), Truth::CannotTell);
        }
    }
}
