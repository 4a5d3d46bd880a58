//! What a key may be used for (`extKeyUsage`, RFC 5280 section 4.2.1.12), and patterns for it.

use std::fmt;

use super::names::Names;
use super::object_identifier::ObjectIdentifier;
use super::pattern::PatternError;
use super::truth::Truth;
use super::{ListProblem, count_name};
use crate::cert::der::{self, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// The extension, 2.5.29.37.
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// `anyExtendedKeyUsage`, 2.5.29.37.0.
const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// The names that a policy may use (RFC 5280 section 4.2.1.12), with the contents of the DER of each object identifier.
const KNOWN: [(&str, &[u8]); 7] = [
    ("clientAuth", &[0x2b, 6, 1, 5, 5, 7, 3, 2]),
    ("serverAuth", &[0x2b, 6, 1, 5, 5, 7, 3, 1]),
    ("codeSigning", &[0x2b, 6, 1, 5, 5, 7, 3, 3]),
    ("emailProtection", &[0x2b, 6, 1, 5, 5, 7, 3, 4]),
    ("timeStamping", &[0x2b, 6, 1, 5, 5, 7, 3, 8]),
    ("OCSPSigning", &[0x2b, 6, 1, 5, 5, 7, 3, 9]),
    ("anyExtendedKeyUsage", ANY),
];

/// A purpose that a certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPurpose {
    oid: ObjectIdentifier,
}

impl KeyPurpose {
    /// Reads a name like `clientAuth`, or a dotted object identifier.
    pub fn parse(text: &str) -> Result<KeyPurpose, PatternError> {
        let known = KNOWN.iter().find(|(name, _)| *name == text);
        let oid = match known {
            Some((_, oid)) => ObjectIdentifier::from_der(oid).ok(),
            None => ObjectIdentifier::parse(text).ok(),
        };
        oid.map(|oid| KeyPurpose { oid }).ok_or_else(|| PatternError::KeyPurpose {
            text: text.to_owned(),
            known: KNOWN.map(|(name, _)| name).to_vec(),
        })
    }

    /// Reads the value of the extension, which names at least one purpose, and takes them from `left`.
    pub(crate) fn list_from_der(value: &[u8], left: &mut usize) -> Result<Names<KeyPurpose>, ListProblem> {
        let mut purposes = Names::new();
        let mut list = Reader::new(der::only(SEQUENCE, value)?);
        while let Some(purpose) = list.next()? {
            count_name(left)?;
            let oid = ObjectIdentifier::from_der(der::only(OBJECT_IDENTIFIER, purpose.whole)?)?;
            purposes.push(Some(KeyPurpose { oid }));
        }
        if purposes.is_empty() { Err(ListProblem::NotDer) } else { Ok(purposes) }
    }

    /// The object identifier.
    pub fn oid(&self) -> &ObjectIdentifier {
        &self.oid
    }
}

/// The name where there is one, else the object identifier.
impl fmt::Display for KeyPurpose {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KNOWN.iter().find(|(_, oid)| *oid == self.oid.contents()) {
            Some((name, _)) => out.write_str(name),
            None => self.oid.fmt(out),
        }
    }
}

/// A pattern for one purpose, which a certificate must name itself.
///
/// One that names `anyExtendedKeyUsage` alone may serve the purpose or not, as the application likes (RFC 5280 section
/// 4.2.1.12): that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPurposePattern {
    purpose: KeyPurpose,
}

impl KeyPurposePattern {
    /// Reads a name or a dotted object identifier.
    pub fn parse(text: &str) -> Result<KeyPurposePattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        Ok(KeyPurposePattern { purpose: KeyPurpose::parse(text)? })
    }

    /// Whether the certificate names the purpose.
    pub fn matches(&self, purposes: &Names<KeyPurpose>) -> Truth {
        purposes.any(|purpose| {
            if *purpose == self.purpose {
                Truth::Yes
            } else if purpose.oid.contents() == ANY {
                Truth::CannotTell
            } else {
                Truth::No
            }
        })
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for KeyPurposePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn list(purposes: &[&str]) -> Names<KeyPurpose> {
        let oids: Vec<Vec<u8>> = purposes
            .iter()
            .map(|text| mint::der(0x06, &[KeyPurpose::parse(text).unwrap().oid().contents()]))
            .collect();
        let oids: Vec<&[u8]> = oids.iter().map(Vec::as_slice).collect();
        KeyPurpose::list_from_der(&mint::der(0x30, &oids), &mut 4).unwrap()
    }

    fn matches(pattern: &str, purposes: &[&str]) -> Truth {
        KeyPurposePattern::parse(pattern).unwrap().matches(&list(purposes))
    }

    #[test]
    fn every_known_name_is_its_object_identifier() {
        for (name, dotted) in [
            ("serverAuth", "1.3.6.1.5.5.7.3.1"),
            ("clientAuth", "1.3.6.1.5.5.7.3.2"),
            ("codeSigning", "1.3.6.1.5.5.7.3.3"),
            ("emailProtection", "1.3.6.1.5.5.7.3.4"),
            ("timeStamping", "1.3.6.1.5.5.7.3.8"),
            ("OCSPSigning", "1.3.6.1.5.5.7.3.9"),
            ("anyExtendedKeyUsage", "2.5.29.37.0"),
        ] {
            assert_eq!(KeyPurpose::parse(name), KeyPurpose::parse(dotted));
            assert_eq!(KeyPurpose::parse(dotted).unwrap().to_string(), name);
        }
        let smart_card = "1.3.6.1.4.1.311.20.2.2";
        assert_eq!(KeyPurpose::parse(smart_card).unwrap().to_string(), smart_card);
    }

    #[test]
    fn a_purpose_matches_where_it_is_named() {
        assert_eq!(matches("clientAuth", &["serverAuth", "clientAuth"]), Truth::Yes);
        assert_eq!(matches("clientAuth", &["serverAuth"]), Truth::No);
        assert_eq!(matches("1.2.3", &["1.2.3"]), Truth::Yes);
        assert_eq!(matches("1.2.3", &["1.2.3.4"]), Truth::No);
        let none = Names::new();
        assert_eq!(KeyPurposePattern::parse("clientAuth").unwrap().matches(&none), Truth::No);
    }

    #[test]
    fn any_purpose_is_itself_and_leaves_the_others_untold() {
        assert_eq!(matches("anyExtendedKeyUsage", &["anyExtendedKeyUsage"]), Truth::Yes);
        assert_eq!(matches("anyExtendedKeyUsage", &["clientAuth"]), Truth::No);
        assert_eq!(matches("clientAuth", &["anyExtendedKeyUsage"]), Truth::CannotTell);
        assert_eq!(matches("clientAuth", &["anyExtendedKeyUsage", "clientAuth"]), Truth::Yes);
    }

    #[test]
    fn what_is_no_list_of_purposes_is_refused() {
        let purpose = mint::der(0x06, &[KNOWN[0].1]);
        let read = |value: &[u8]| KeyPurpose::list_from_der(value, &mut 2).map(|list| list.len());
        assert_eq!(read(&mint::der(0x30, &[&purpose, &purpose])), Ok(2));
        assert_eq!(read(&mint::der(0x30, &[&purpose, &purpose, &purpose])), Err(ListProblem::TooMany));
        for value in [
            mint::der(0x30, &[]),
            mint::der(0x31, &[&purpose]),
            mint::der(0x30, &[&purpose, &[0x05, 0x00]]),
            mint::der(0x30, &[&purpose, &[0x06, 0x01, 0x80]]),
            [mint::der(0x30, &[&purpose]), vec![0]].concat(),
            purpose.clone(),
            Vec::new(),
        ] {
            assert_eq!(read(&value), Err(ListProblem::NotDer), "{value:?}");
        }
    }

    #[test]
    fn other_text_is_refused_in_words() {
        let message = KeyPurposePattern::parse("clientauth").unwrap_err().to_string();
        let expected = "`clientauth` is no key purpose; expected one of `clientAuth`, `serverAuth`, `codeSigning`, `emailProtection`, `timeStamping`, `OCSPSigning`, `anyExtendedKeyUsage` or a dotted object identifier";
        assert_eq!(message, expected);
        assert_eq!(KeyPurposePattern::parse(""), Err(PatternError::Empty));
    }
}
