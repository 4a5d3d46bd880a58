//! Distinguished names (`Name`, RFC 5280 section 4.1.2.4).

use std::fmt;

use thiserror::Error;

use super::attribute::{AttributeType, fold};
use super::truth::Truth;
use super::{ListProblem, MAX_NAMES, count_name};
use crate::cert::der::{self, Element, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// A subject or an issuer: relative names from the root down, each of one or more attributes.
///
/// `==` asks whether two are written alike; [`Self::same_name`] whether they are the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    relative_names: Vec<Vec<Attribute>>,
}

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    kind: AttributeType,
    comparison: Comparison,
    value: AttributeValue,
}

/// How a value is compared with that of another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// As text, whatever the string type of either.
    Text,
    /// Octet for octet: it is no string, or a TeletexString, of which even the ASCII is read in several ways, or it
    /// holds characters that do not show.
    Octets,
    /// Not at all: its string type does not allow these octets, and where string preparation fails the answer is
    /// Undefined (RFC 4518 section 2).
    Undefined,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// Text without control and invisible characters.
    Text(String),
    /// No such text; its DER.
    Malformed(Vec<u8>),
}

/// Why bytes are no distinguished name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DistinguishedNameError {
    /// No `Name` (RFC 5280 section 4.1.2.4) in DER, or more than one.
    #[error("the bytes are no distinguished name")]
    NotAName,
    /// More than [`MAX_NAMES`] attributes.
    #[error("the name holds more than `{MAX_NAMES}` attributes")]
    TooManyAttributes,
}

impl DistinguishedName {
    /// Reads the DER of a `Name`, which must hold nothing else.
    pub fn parse_der(name: &[u8]) -> Result<DistinguishedName, DistinguishedNameError> {
        DistinguishedName::from_der(name, &mut MAX_NAMES.clone()).map_err(|problem| match problem {
            ListProblem::NotDer => DistinguishedNameError::NotAName,
            ListProblem::TooMany => DistinguishedNameError::TooManyAttributes,
        })
    }

    /// Reads a `Name` to its last byte, and takes its attributes from `left`.
    pub(crate) fn from_der(name: &[u8], left: &mut usize) -> Result<DistinguishedName, ListProblem> {
        let mut relative_names = Vec::new();
        let mut list = Reader::new(der::only(SEQUENCE, name)?);
        while let Some(relative_name) = list.next()? {
            let mut set = Reader::new(der::only(SET, relative_name.whole)?);
            let mut attributes = Vec::new();
            while let Some(attribute) = set.next()? {
                count_name(left)?;
                let mut pair = Reader::new(der::only(SEQUENCE, attribute.whole)?);
                let kind = AttributeType::from_der(pair.expect(OBJECT_IDENTIFIER)?)?;
                let value = pair.next()?.ok_or(ListProblem::NotDer)?;
                pair.end()?;
                attributes.push(Attribute {
                    kind,
                    comparison: Comparison::of(value),
                    value: AttributeValue::from_element(value),
                });
            }
            if attributes.is_empty() {
                return Err(ListProblem::NotDer);
            }
            relative_names.push(attributes);
        }
        Ok(DistinguishedName { relative_names })
    }

    /// The relative names from the root down, none of them empty.
    pub fn relative_names(&self) -> &[Vec<Attribute>] {
        &self.relative_names
    }

    /// Whether it holds no attribute at all, as the subject of a certificate with alternative names may.
    pub fn is_empty(&self) -> bool {
        self.relative_names.is_empty()
    }

    /// Whether both are the same name (RFC 5280 section 7.1): the same relative names in the same order, each with the
    /// same attributes in whatever order. Text is prepared first (RFC 4518): case, needless white space and the string
    /// type do not matter. A TeletexString, and text with characters that do not show, is the same only octet for
    /// octet. `CannotTell` where a value is no text of its string type, even in both.
    ///
    /// PrintableStrings are read as ASCII, as they are elsewhere. The compatibility mappings of RFC 4518 section 2.3 are
    /// left out, for they want Unicode tables: names that only those make equal are told apart.
    pub fn same_name(&self, other: &DistinguishedName) -> Truth {
        if self.relative_names.len() != other.relative_names.len() {
            return Truth::No;
        }
        let pairs = self.relative_names.iter().zip(&other.relative_names);
        Truth::all(pairs.map(|(one, other)| same_relative_name(one, other)))
    }

    /// Whether it begins with `base`, or is the same: what stands in the subtree of `base` (RFC 5280 sections 4.2.1.10 and 7.1).
    pub fn is_within(&self, base: &DistinguishedName) -> Truth {
        match self.relative_names.get(..base.relative_names.len()) {
            Some(begin) => {
                let pairs = begin.iter().zip(&base.relative_names);
                Truth::all(pairs.map(|(one, other)| same_relative_name(one, other)))
            }
            None => Truth::No,
        }
    }

    /// Every value of one attribute, in the certificate's order.
    pub fn values(&self, kind: &AttributeType) -> impl Iterator<Item = &AttributeValue> {
        self.relative_names
            .iter()
            .flatten()
            .filter(move |attribute| attribute.kind == *kind)
            .map(Attribute::value)
    }
}

/// By sorting: comparing each attribute with each would take a second where a peer sends thousands of them. Values
/// that a name holds twice must be held twice by the other.
fn same_relative_name(one: &[Attribute], other: &[Attribute]) -> Truth {
    if one.len() != other.len() {
        return Truth::No;
    }
    match (sorted(one), sorted(other)) {
        (Some(one), Some(other)) => Truth::from(one == other),
        (None, _) | (_, None) => Truth::CannotTell,
    }
}

/// `None` where a value cannot be compared.
fn sorted(attributes: &[Attribute]) -> Option<Vec<(&AttributeType, Prepared<'_>)>> {
    attributes.iter().map(Attribute::prepared).collect::<Option<_>>().map(crate::sorted::sorted)
}

/// A value in the form in which it is compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Prepared<'a> {
    Text(String),
    Teletex(&'a str),
    Octets(&'a [u8]),
}

impl Attribute {
    /// The attribute's type.
    pub fn kind(&self) -> &AttributeType {
        &self.kind
    }

    /// The attribute's value.
    pub fn value(&self) -> &AttributeValue {
        &self.value
    }

    /// The attribute in the form in which it is compared, as octets; `None` where it cannot be compared.
    pub(super) fn prepared_octets(&self) -> Option<Vec<u8>> {
        let (kind, value) = self.prepared()?;
        let (form, value) = match &value {
            Prepared::Text(text) => (0, text.as_bytes()),
            Prepared::Teletex(text) => (1, text.as_bytes()),
            Prepared::Octets(octets) => (2, *octets),
        };
        let kind = kind.object_identifier().contents();
        // The length first, so that no two attributes give the same octets.
        Some([&(kind.len() as u64).to_be_bytes(), kind, &[form], value].concat())
    }

    fn prepared(&self) -> Option<(&AttributeType, Prepared<'_>)> {
        let value = match (self.comparison, &self.value) {
            (Comparison::Text, AttributeValue::Text(text)) => Prepared::Text(fold(text)),
            (Comparison::Octets, AttributeValue::Text(text)) => Prepared::Teletex(text),
            (Comparison::Text | Comparison::Octets, AttributeValue::Malformed(der)) => Prepared::Octets(der),
            (Comparison::Undefined, _) => return None,
        };
        Some((&self.kind, value))
    }
}

impl Comparison {
    fn of(value: Element<'_>) -> Comparison {
        let text = text_of(value.tag, value.contents);
        let shows = text.as_ref().map(|text| text.chars().all(is_readable));
        match (value.tag, shows) {
            (TELETEX_STRING, _) => Comparison::Octets,
            (_, Some(true)) => Comparison::Text,
            // Neither holds control characters.
            (PRINTABLE_STRING | NUMERIC_STRING, Some(false)) => Comparison::Undefined,
            (_, Some(false)) => Comparison::Octets,
            (UTF8_STRING | PRINTABLE_STRING | NUMERIC_STRING | IA5_STRING, None) => Comparison::Undefined,
            (BMP_STRING | UNIVERSAL_STRING, None) => Comparison::Undefined,
            (_, None) => Comparison::Octets,
        }
    }
}

impl AttributeValue {
    fn from_element(element: Element<'_>) -> AttributeValue {
        match text_of(element.tag, element.contents) {
            Some(text) if text.chars().all(is_readable) => AttributeValue::Text(text),
            Some(_) | None => AttributeValue::Malformed(element.whole.to_vec()),
        }
    }
}

/// The text of a string type (RFC 5280 section 4.1.2.4 and appendix A.1). PrintableString and NumericString are
/// read as ASCII, for many CAs put `@` and `_` there. TeletexString is read where it is ASCII: beyond that, no two
/// readers agree.
fn text_of(tag: u8, contents: &[u8]) -> Option<String> {
    match tag {
        UTF8_STRING => String::from_utf8(contents.to_vec()).ok(),
        PRINTABLE_STRING | NUMERIC_STRING | IA5_STRING | TELETEX_STRING => {
            contents.is_ascii().then(|| String::from_utf8(contents.to_vec()).ok()).flatten()
        }
        // UCS-2 and UCS-4, big-endian. `char` refuses surrogates, of which UCS-2 has none.
        BMP_STRING => in_units::<2>(contents),
        UNIVERSAL_STRING => in_units::<4>(contents),
        _ => None,
    }
}

fn in_units<const OCTETS: usize>(contents: &[u8]) -> Option<String> {
    let (units, rest) = contents.as_chunks::<OCTETS>();
    if !rest.is_empty() {
        return None;
    }
    units
        .iter()
        .map(|unit| char::from_u32(unit.iter().fold(0u32, |sum, &octet| sum << 8 | u32::from(octet))))
        .collect()
}

/// Whether a character shows. Control characters would break lines and end strings; those that RFC 4518 section 2.2
/// maps to nothing, and those that turn the direction of writing, make one name look like another.
pub(crate) fn is_readable(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{1806}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e01ef}'
        )
}

/// The form of RFC 4514, the most specific relative name first. Attributes without a short name are written with
/// their object identifier and, unlike section 2.4 has it, their text: for people to read. Values that are no text
/// are `#` and the hexadecimal digits of their DER. As long as the certificate makes it: bound it where it is used.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, relative_name) in self.relative_names.iter().rev().enumerate() {
            if at > 0 {
                out.write_str(",")?;
            }
            for (at, attribute) in relative_name.iter().enumerate() {
                if at > 0 {
                    out.write_str("+")?;
                }
                write!(out, "{}={}", attribute.kind, attribute.value)?;
            }
        }
        Ok(())
    }
}

/// The value alone, escaped as RFC 4514 section 2.4 says.
impl fmt::Display for AttributeValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            AttributeValue::Text(text) => text,
            AttributeValue::Malformed(der) => {
                return write!(out, "#{}", hex::encode(der));
            }
        };
        let last = text.chars().count().saturating_sub(1);
        for (at, character) in text.chars().enumerate() {
            let escaped = match character {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
                '#' => at == 0,
                ' ' => at == 0 || at == last,
                _ => false,
            };
            if escaped {
                out.write_str("\\")?;
            }
            write!(out, "{character}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{self, C, CN, O, OU, PRINTABLE, UTF8};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn utf8(oid: &[u8], value: &str) -> Vec<u8> {
        mint::attribute(oid, &mint::der(UTF8, &[value.as_bytes()]))
    }

    fn read(relative_names: &[&[u8]]) -> Result<DistinguishedName, ListProblem> {
        DistinguishedName::from_der(&mint::der(0x30, relative_names), &mut 4)
    }

    fn written(value: &str) -> String {
        read(&[&mint::der(0x31, &[&utf8(CN, value)])]).unwrap().to_string()
    }

    #[test]
    fn a_name_is_written_from_the_most_specific_part_up() {
        let parts: [&[u8]; 3] = [
            &mint::der(0x31, &[&utf8(C, "DE")]),
            &mint::der(0x31, &[&utf8(O, "Acme, Inc.")]),
            &mint::der(0x31, &[&utf8(CN, "billing"), &utf8(OU, "Payments")]),
        ];
        let name = read(&parts).unwrap();
        assert_eq!(name.to_string(), r"CN=billing+OU=Payments,O=Acme\, Inc.,C=DE");
        assert_eq!(name.relative_names().len(), 3);
        assert_eq!(read(&[]).unwrap().to_string(), "");
        assert!(read(&[]).unwrap().is_empty());
    }

    #[test]
    fn values_are_escaped_as_rfc_4514_says() {
        for (value, expected) in [
            ("a", "CN=a"),
            ("", "CN="),
            ("#a#", r"CN=\#a#"),
            (" a b ", r"CN=\ a b\ "),
            (" ", r"CN=\ "),
            (r#"",+;<>\="#, r#"CN=\"\,\+\;\<\>\\="#),
            ("é", "CN=é"),
        ] {
            assert_eq!(written(value), expected);
        }
    }

    #[test]
    fn values_that_are_no_text_are_written_as_their_der() {
        assert_eq!(written("a\0b"), "CN=#0c03610062");
        assert_eq!(written("a\nb"), "CN=#0c03610a62");
    }

    #[test]
    fn attributes_without_a_short_name_are_written_with_their_identifier() {
        let name = read(&[&mint::der(0x31, &[&utf8(&[0x2b, 0x06, 0x01], "a")])]).unwrap();
        assert_eq!(name.to_string(), "1.3.6.1=a");
    }

    #[test]
    fn what_is_no_name_is_refused_as_a_whole() {
        let good = utf8(CN, "billing");
        let no_value = mint::der(0x30, &[&mint::der(0x06, &[CN])]);
        let two_values = mint::der(0x30, &[&mint::der(0x06, &[CN]), &[0x0c, 0x00], &[0x0c, 0x00]]);
        assert!(read(&[&mint::der(0x31, &[&good])]).is_ok());
        for (problem, relative_name) in [
            ("no attribute", mint::der(0x31, &[])),
            ("a sequence", mint::der(0x30, &[&good])),
            ("an attribute without a value", mint::der(0x31, &[&good, &no_value])),
            ("an attribute with two values", mint::der(0x31, &[&good, &two_values])),
            ("rubbish after an attribute", mint::der(0x31, &[&good, &[0x0c]])),
            ("a null for an attribute", mint::der(0x31, &[&good, &[0x05, 0x00]])),
        ] {
            assert_eq!(read(&[&relative_name]), Err(ListProblem::NotDer), "{problem}");
        }
    }

    #[test]
    fn more_attributes_than_are_left_are_refused() {
        let part = mint::der(0x31, &[&utf8(OU, "a"), &utf8(OU, "b")]);
        assert!(read(&[&part, &part]).is_ok());
        assert_eq!(read(&[&part, &part, &part]), Err(ListProblem::TooMany));
    }

    fn value(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        mint::attribute(oid, &mint::der(tag, &[value]))
    }

    /// A name of these relative names, of these attributes.
    fn name(relative_names: &[&[&[u8]]]) -> DistinguishedName {
        let sets: Vec<Vec<u8>> = relative_names.iter().map(|set| mint::der(0x31, set)).collect();
        let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
        DistinguishedName::from_der(&mint::der(0x30, &sets), &mut 8).unwrap()
    }

    fn one_value(tag: u8, octets: &[u8]) -> DistinguishedName {
        name(&[&[&value(C, PRINTABLE, b"DE")], &[&value(CN, tag, octets)]])
    }

    #[track_caller]
    fn assert_same(one: &DistinguishedName, other: &DistinguishedName, expected: bool) {
        assert_eq!(one.same_name(other), Truth::from(expected), "{one} and {other}");
        assert_eq!(other.same_name(one), Truth::from(expected), "{other} and {one}");
        for name in [one, other] {
            assert_eq!(name.same_name(name), Truth::Yes, "{name} and itself");
        }
    }

    #[test]
    fn names_are_the_same_whatever_their_case_white_space_and_string_type() {
        let acme = one_value(PRINTABLE, b"Acme Billing");
        for (tag, octets) in [
            (PRINTABLE, &b"ACME billing"[..]),
            (PRINTABLE, b"  Acme   Billing "),
            (UTF8, b"Acme Billing"),
            (UTF8, "\u{a0}acme\u{3000}BILLING".as_bytes()),
            (mint::IA5, b"Acme billing"),
            (mint::BMP, b"\0A\0c\0m\0e\0 \0 \0B\0i\0l\0l\0i\0n\0g"),
        ] {
            assert_same(&acme, &one_value(tag, octets), true);
        }
        for (tag, octets) in [
            (PRINTABLE, &b"AcmeBilling"[..]),
            (PRINTABLE, b"Acme Billing 2"),
            (PRINTABLE, b"Acme"),
            (UTF8, b""),
            (mint::BMP, b"Acme Billing"),
        ] {
            assert_same(&acme, &one_value(tag, octets), false);
        }
        let letters = ["MÜLLER 東京 𝐀", "müller 東京 𝐀"].map(|text| one_value(UTF8, text.as_bytes()));
        assert_same(&letters[0], &letters[1], true);
        assert_same(&letters[0], &one_value(UTF8, "MULLER 東京 𝐀".as_bytes()), false);
    }

    #[test]
    fn teletex_text_is_the_same_only_octet_for_octet() {
        let teletex = one_value(mint::TELETEX, b"Acme");
        assert_same(&teletex, &one_value(mint::TELETEX, b"Acme"), true);
        for (tag, octets) in [(mint::TELETEX, &b"acme"[..]), (mint::TELETEX, b"Acme "), (UTF8, b"Acme")] {
            assert_same(&teletex, &one_value(tag, octets), false);
        }
    }

    #[test]
    fn what_is_no_text_and_text_that_does_not_show_is_the_same_only_octet_for_octet() {
        for (tag, octets, other) in [
            (UTF8, &b"admin\0"[..], &b"ADMIN\0"[..]),
            (UTF8, "ad\u{200b}min".as_bytes(), b"admin"),
            (mint::IA5, b"admin\n", b"admin"),
            (mint::TELETEX, b"adm\xedn", b"ADM\xedN"),
            (0xa0, b"\x0c\x01a", b"\x0c\x01A"),
            (0x03, b"\0a", b"\0A"),
        ] {
            assert_same(&one_value(tag, octets), &one_value(tag, octets), true);
            assert_same(&one_value(tag, octets), &one_value(tag, other), false);
        }
        assert_same(&one_value(UTF8, b"a\0"), &one_value(mint::IA5, b"a\0"), false);
    }

    #[test]
    fn what_is_no_text_of_its_string_type_cannot_be_told_even_from_itself() {
        for (tag, octets) in [
            (UTF8, &b"adm\xefn"[..]),
            (PRINTABLE, b"adm\xefn"),
            (PRINTABLE, b"admin\0"),
            (mint::NUMERIC, b"1\n"),
            (mint::IA5, b"adm\xefn"),
            (mint::BMP, b"\xd8\x35\xdc\0"),
            (mint::BMP, b"\0a\0"),
            (mint::UNIVERSAL, b"\0\x11\0\0"),
        ] {
            let name = one_value(tag, octets);
            assert_eq!(name.same_name(&name.clone()), Truth::CannotTell, "{name}");
            assert_eq!(name.same_name(&one_value(UTF8, b"admin")), Truth::CannotTell, "{name}");
            // What another part of the name says is plain.
            let other = name_of_another_country(&name);
            assert_eq!((name.same_name(&other), other.same_name(&name)), (Truth::No, Truth::No), "{name}");
        }
    }

    fn name_of_another_country(like: &DistinguishedName) -> DistinguishedName {
        let mut other = name(&[&[&value(C, PRINTABLE, b"FR")]]);
        other.relative_names.extend(like.relative_names.iter().skip(1).cloned());
        other
    }

    #[test]
    fn attributes_of_one_relative_name_are_a_set() {
        let (billing, staff) = (&value(OU, PRINTABLE, b"Billing")[..], &value(OU, UTF8, b"staff")[..]);
        let (shouted, country) = (&value(OU, PRINTABLE, b" STAFF")[..], &value(C, PRINTABLE, b"DE")[..]);
        let set = name(&[&[billing, staff, country]]);
        assert_same(&set, &name(&[&[country, shouted, billing]]), true);
        for other in [
            &[billing, country][..],
            &[billing, billing, country],
            &[billing, staff, country, shouted],
            &[billing, &value(O, UTF8, b"staff"), country],
        ] {
            assert_same(&set, &name(&[other]), false);
        }
        // As many of each, though each has its like in the other.
        let twice = |first, second| name(&[&[first, first, second]]);
        assert_same(&twice(billing, staff), &twice(staff, billing), false);
    }

    #[test]
    fn relative_names_keep_their_order_and_their_borders() {
        let (country, unit) = (&value(C, PRINTABLE, b"DE")[..], &value(OU, PRINTABLE, b"Staff")[..]);
        let apart = name(&[&[country], &[unit]]);
        for other in [
            name(&[&[unit], &[country]]),
            name(&[&[country, unit]]),
            name(&[&[country]]),
            name(&[&[country], &[unit], &[unit]]),
            name(&[]),
        ] {
            assert_same(&apart, &other, false);
        }
        assert_same(&name(&[]), &name(&[]), true);
    }
}
