//! Object identifiers (X.660), by which certificates name attributes, purposes, policies and extensions.

use std::fmt;

use super::pattern::PatternError;
use crate::cert::der::NotDer;

/// An object identifier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectIdentifier {
    /// The contents of its DER.
    contents: Vec<u8>,
}

impl ObjectIdentifier {
    /// Reads numbers with dots between them, such as `1.3.6.1.4.1.311.20.2.3`, each of at most 64 bits.
    pub fn parse(text: &str) -> Result<ObjectIdentifier, PatternError> {
        dotted(text).ok_or_else(|| PatternError::ObjectIdentifier { text: text.to_owned() })
    }

    /// Takes the contents of an object identifier in DER: arcs of seven bits an octet, each in its shortest form
    /// (X.690 section 8.19.2).
    pub(crate) fn from_der(contents: &[u8]) -> Result<ObjectIdentifier, NotDer> {
        let whole = contents.last().is_some_and(|last| last & 0x80 == 0);
        let padded =
            contents.split_inclusive(|octet| octet & 0x80 == 0).any(|arc| arc.first() == Some(&0x80));
        if whole && !padded { Ok(ObjectIdentifier { contents: contents.to_vec() }) } else { Err(NotDer) }
    }

    /// Its numbers; `None` where one has more than 64 bits.
    pub fn arcs(&self) -> Option<Vec<u64>> {
        let arcs = arcs_of(&self.contents)?;
        let (first, rest) = arcs.split_first()?;
        // The first two are one in DER: there are three roots, of which two have 40 arcs each.
        let root = (first / 40).min(2);
        Some([root, first - root * 40].into_iter().chain(rest.iter().copied()).collect())
    }

    /// The contents of its DER.
    pub(crate) fn contents(&self) -> &[u8] {
        &self.contents
    }
}

/// Dotted; `#` and hexadecimal digits where an arc of it has more than 64 bits.
impl fmt::Display for ObjectIdentifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.arcs().as_deref() {
            Some([root, rest @ ..]) => {
                write!(out, "{root}")?;
                rest.iter().try_for_each(|arc| write!(out, ".{arc}"))
            }
            Some([]) | None => write!(out, "#{}", hex::encode(&self.contents)),
        }
    }
}

impl fmt::Debug for ObjectIdentifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ObjectIdentifier({self})")
    }
}

fn dotted(text: &str) -> Option<ObjectIdentifier> {
    let plain =
        |arc: &str| arc == "0" || !arc.starts_with('0') && arc.bytes().all(|byte| byte.is_ascii_digit());
    if !text.split('.').all(plain) {
        return None;
    }
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().ok()).collect::<Option<_>>()?;
    // The first two arcs are one number: there are three roots, of which two have 40 arcs each.
    let (first, rest) = match arcs.as_slice() {
        [root @ (0 | 1), arc @ 0..40, rest @ ..] => (root * 40 + arc, rest),
        [2, arc, rest @ ..] => (arc.checked_add(80)?, rest),
        _ => return None,
    };
    let contents = std::iter::once(&first).chain(rest).flat_map(|arc| octets_of(*arc)).collect();
    Some(ObjectIdentifier { contents })
}

/// Seven bits an octet, the highest bit on in all but the last.
fn octets_of(arc: u64) -> Vec<u8> {
    let count = (u64::BITS - arc.leading_zeros()).div_ceil(7).max(1);
    let octet = |at: u32| (arc >> (7 * at) & 0x7f) as u8 | if at > 0 { 0x80 } else { 0 };
    (0..count).rev().map(octet).collect()
}

fn arcs_of(contents: &[u8]) -> Option<Vec<u64>> {
    let arc = |octets: &[u8]| {
        octets
            .iter()
            .try_fold(0u64, |arc, octet| arc.checked_mul(0x80).map(|arc| arc | u64::from(octet & 0x7f)))
    };
    contents.split_inclusive(|octet| octet & 0x80 == 0).map(arc).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn identifiers_are_written_as_they_are_read() {
        for (text, contents) in [
            ("2.5.4.3", &[0x55, 0x04, 0x03][..]),
            ("1.3.6.1.4.1.311.20.2.3", &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x14, 2, 3]),
            ("0.39", &[39]),
            ("1.0", &[40]),
            ("2.999", &[0x88, 0x37]),
            ("2.5.0", &[0x55, 0]),
        ] {
            let read = ObjectIdentifier::parse(text).unwrap();
            assert_eq!((read.contents(), read.to_string().as_str()), (contents, text));
            assert_eq!(ObjectIdentifier::from_der(contents), Ok(read));
        }
        let largest = "2.5.4.18446744073709551615";
        assert_eq!(ObjectIdentifier::parse(largest).unwrap().to_string(), largest);
    }

    #[test]
    fn what_is_no_der_is_refused_and_larger_arcs_are_written_as_they_are() {
        for contents in [&[][..], &[0x55, 0x84], &[0x55, 0x80, 0x04], &[0x80, 0x55]] {
            assert_eq!(ObjectIdentifier::from_der(contents), Err(NotDer), "{contents:?}");
        }
        assert_eq!(ObjectIdentifier::from_der(&[0x55, 0x84, 0x00]).unwrap().to_string(), "2.5.512");
        let large = [&[0x55, 0x84][..], &[0xff; 9], &[0x7f]].concat();
        assert_eq!(ObjectIdentifier::from_der(&large).unwrap().to_string(), "#5584ffffffffffffffffff7f");
    }

    #[test]
    fn other_text_is_refused_in_words() {
        let message = ObjectIdentifier::parse("1.2.x").unwrap_err().to_string();
        assert_eq!(
            message,
            "`1.2.x` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1`"
        );
        for text in [
            "",
            "2",
            "2.5.4.",
            ".2.5",
            "2..5",
            "2.05.4",
            "3.1",
            "1.40",
            "2.5.-4",
            "2.5.+4",
            " 2.5",
            "2.5.99999999999999999999",
        ] {
            assert!(ObjectIdentifier::parse(text).is_err(), "{text}");
        }
    }
}
