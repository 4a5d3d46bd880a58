//! Names that are the same have the same digest, so that they are prepared once and then compared at no cost.

use sha2::{Digest, Sha256};

use super::DistinguishedName;
use crate::sorted::sorted;

/// A digest of a distinguished name, the same for all that are the same name (RFC 5280 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameDigest([u8; 32]);

impl NameDigest {
    /// The digest of a name; `None` where a value is no text of its string type, so that the name is not even the same as
    /// itself. Two names have the same digest where [`DistinguishedName::same_name`] says `Yes`, and else not.
    pub fn of(name: &DistinguishedName) -> Option<NameDigest> {
        NameDigest::of_parts(name, None)
    }

    /// The digest of `name` with one more relative name at its end: one of a single `SET`, itself read as a name.
    pub(crate) fn of_parts(name: &DistinguishedName, last: Option<&DistinguishedName>) -> Option<NameDigest> {
        let mut digest = Sha256::new();
        let whole =
            name.relative_names().iter().chain(last.into_iter().flat_map(|last| last.relative_names()));
        for relative_name in whole {
            let attributes = relative_name
                .iter()
                .map(|attribute| attribute.prepared_octets())
                .collect::<Option<Vec<_>>>()?;
            digest.update(length(attributes.len()));
            for attribute in sorted(attributes) {
                digest.update(length(attribute.len()));
                digest.update(attribute);
            }
        }
        Some(NameDigest(digest.finalize().into()))
    }
}

/// In front of each part, so that no two names give the same octets.
fn length(length: usize) -> [u8; 8] {
    (length as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Truth;
    use crate::mint::{self, BMP, C, CN, OU, PRINTABLE, TELETEX, UTF8};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The attributes of a relative name: kind, tag and octets.
    type Set<'a> = &'a [(&'a [u8], u8, &'a [u8])];

    fn name(relative_names: &[Set<'_>]) -> DistinguishedName {
        let set = |set: &Set<'_>| {
            let attributes: Vec<Vec<u8>> = set
                .iter()
                .map(|(kind, tag, value)| mint::attribute(kind, &mint::der(*tag, &[value])))
                .collect();
            mint::der(0x31, &attributes.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let sets: Vec<Vec<u8>> = relative_names.iter().map(set).collect();
        let der = mint::der(0x30, &sets.iter().map(Vec::as_slice).collect::<Vec<_>>());
        DistinguishedName::parse_der(&der).unwrap()
    }

    #[test]
    fn digests_are_the_same_just_where_names_are() {
        let names = [
            name(&[]),
            name(&[&[(CN, UTF8, b"Acme")]]),
            name(&[&[(CN, PRINTABLE, b" ACME ")]]),
            name(&[&[(CN, BMP, b"\0a\0c\0m\0e")]]),
            name(&[&[(CN, TELETEX, b"Acme")]]),
            name(&[&[(OU, UTF8, b"Acme")]]),
            name(&[&[(C, UTF8, b"DE")], &[(CN, UTF8, b"Acme")]]),
            name(&[&[(CN, UTF8, b"Acme")], &[(C, UTF8, b"DE")]]),
            name(&[&[(C, UTF8, b"DE"), (CN, UTF8, b"Acme")]]),
            name(&[&[(CN, UTF8, b"acme"), (C, UTF8, b"de")]]),
            name(&[&[(CN, UTF8, b"acme"), (CN, UTF8, b"acme")]]),
            name(&[&[(CN, 0x03, b"\0acme")]]),
        ];
        for one in &names {
            for other in &names {
                let same = NameDigest::of(one).unwrap() == NameDigest::of(other).unwrap();
                assert_eq!(Truth::from(same), one.same_name(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn a_name_that_cannot_be_compared_has_no_digest() {
        assert_eq!(NameDigest::of(&name(&[&[(C, UTF8, b"DE")], &[(CN, UTF8, b"\xff")]])), None);
        assert_eq!(NameDigest::of(&name(&[&[(C, UTF8, b"DE")], &[(CN, PRINTABLE, b"a\0")]])), None);
    }

    #[test]
    fn a_relative_name_goes_to_the_end() {
        let (country, unit) = (&[(C, UTF8, &b"DE"[..])][..], &[(OU, UTF8, &b"lists"[..])][..]);
        let whole = NameDigest::of(&name(&[country, unit]));
        assert_eq!(NameDigest::of_parts(&name(&[country]), Some(&name(&[unit]))), whole);
        assert_ne!(NameDigest::of_parts(&name(&[unit]), Some(&name(&[country]))), whole);
    }
}
