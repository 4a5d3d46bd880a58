//! Extensions that only their owners know the meaning of (RFC 5280 section 4.2), and patterns for them.

use std::fmt;

use super::object_identifier::ObjectIdentifier;
use super::octets::ValuePattern;
use super::truth::Truth;
use crate::cert::Criticality;
use crate::cert::der::Reader;
use crate::cert::extension::{self, Extension};

/// All the extensions of a certificate, as it holds them: in one piece, for most are never asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extensions {
    list: Box<[u8]>,
}

impl Extensions {
    /// Takes the list of a certificate, without its head.
    pub(crate) fn new(list: &[u8]) -> Extensions {
        Extensions { list: list.into() }
    }

    /// Every extension.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Extension<'_>> {
        // The list was walked when the certificate was taken, and holds no more than `MAX_EXTENSIONS`.
        let mut list = Reader::new(&self.list);
        std::iter::from_fn(move || extension::next(&mut list).ok().flatten())
    }

    /// The extension of this kind, of which a certificate holds one at most.
    pub(crate) fn find(&self, oid: &[u8]) -> Option<Extension<'_>> {
        self.iter().find(|extension| extension.oid == oid)
    }

    /// What they weigh, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.list.len()
    }
}

/// A pattern for an extension: that it is there, and what it must be.
#[derive(Debug, Clone)]
pub struct ExtensionPattern {
    oid: ObjectIdentifier,
    criticality: Option<Criticality>,
    value: Option<ValuePattern>,
}

impl ExtensionPattern {
    /// An extension of this kind; where they are given, of this criticality and with this value.
    pub fn new(
        oid: ObjectIdentifier,
        criticality: Option<Criticality>,
        value: Option<ValuePattern>,
    ) -> ExtensionPattern {
        ExtensionPattern { oid, criticality, value }
    }

    /// Whether the certificate holds such an extension.
    pub fn matches(&self, extensions: &Extensions) -> Truth {
        let Some(extension) = extensions.find(self.oid.contents()) else { return Truth::No };
        let criticality = match (self.criticality, extension.criticality) {
            (None, _) => Truth::Yes,
            (Some(_), None) => Truth::CannotTell,
            (Some(wanted), Some(found)) => (wanted == found).into(),
        };
        let value = self.value.as_ref().map_or(Truth::Yes, |value| value.matches(extension.value));
        Truth::all([criticality, value])
    }
}

/// As a policy writes it, in JSON: the object identifier alone where nothing else is asked for.
impl fmt::Display for ExtensionPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExtensionPattern { oid, criticality, value } = self;
        if criticality.is_none() && value.is_none() {
            return write!(out, "\"{oid}\"");
        }
        write!(out, r#"{{"oid": "{oid}""#)?;
        match criticality {
            None => {}
            Some(Criticality::Critical) => out.write_str(r#", "critical": true"#)?,
            Some(Criticality::NotCritical) => out.write_str(r#", "critical": false"#)?,
        }
        if let Some(value) = value {
            match value.as_text() {
                Some(text) => write!(out, r#", "value": {{"utf8": {text}}}"#)?,
                None => write!(out, r#", "value": {value}"#)?,
            }
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
    const CRITICAL: &[u8] = b"\x01\x01\xff";

    fn extensions(all: &[&[&[u8]]]) -> Extensions {
        let list: Vec<Vec<u8>> = all.iter().map(|parts| mint::der(0x30, parts)).collect();
        Extensions::new(&list.concat())
    }

    fn pattern(criticality: Option<Criticality>, value: Option<ValuePattern>) -> ExtensionPattern {
        ExtensionPattern::new(ObjectIdentifier::parse("1.2.3").unwrap(), criticality, value)
    }

    fn text(text: &str) -> Option<ValuePattern> {
        ValuePattern::text(TextKind::Exact, text).ok()
    }

    #[test]
    fn an_extension_matches_where_it_is_held() {
        let other: &[&[u8]] = &[b"\x06\x02\x2a\x04", b"\x04\x03\x0c\x01a"];
        let ours: &[&[u8]] = &[OID, b"\x04\x03\x0c\x01a"];
        assert_eq!(pattern(None, None).matches(&extensions(&[other, ours])), Truth::Yes);
        assert_eq!(pattern(None, None).matches(&extensions(&[other])), Truth::No);
        assert_eq!(pattern(None, None).matches(&extensions(&[])), Truth::No);
        assert_eq!(pattern(None, text("a")).matches(&extensions(&[other, ours])), Truth::Yes);
        assert_eq!(pattern(None, text("b")).matches(&extensions(&[other, ours])), Truth::No);
    }

    #[test]
    fn criticality_matters_where_it_is_asked_for() {
        let value: &[u8] = b"\x04\x03\x0c\x01a";
        let critical = extensions(&[&[OID, CRITICAL, value]]);
        let plain = extensions(&[&[OID, value]]);
        let odd = extensions(&[&[OID, b"\x01\x01\x01", value]]);
        for (wanted, truths) in [
            (None, [Truth::Yes, Truth::Yes, Truth::Yes]),
            (Some(Criticality::Critical), [Truth::Yes, Truth::No, Truth::CannotTell]),
            (Some(Criticality::NotCritical), [Truth::No, Truth::Yes, Truth::CannotTell]),
        ] {
            assert_eq!([&critical, &plain, &odd].map(|held| pattern(wanted, None).matches(held)), truths);
        }
        // Both must hold, and what does not decides.
        assert_eq!(pattern(Some(Criticality::Critical), text("b")).matches(&odd), Truth::No);
        assert_eq!(pattern(Some(Criticality::Critical), text("a")).matches(&odd), Truth::CannotTell);
    }

    #[test]
    fn a_value_that_is_no_text_cannot_be_told_and_its_octets_can() {
        let held = extensions(&[&[OID, b"\x04\x05plain"]]);
        assert_eq!(pattern(None, text("plain")).matches(&held), Truth::CannotTell);
        assert_eq!(pattern(None, ValuePattern::octets("706c61696e").ok()).matches(&held), Truth::Yes);
        assert_eq!(pattern(None, ValuePattern::octets("706c61696f").ok()).matches(&held), Truth::No);
    }
}
