//! Algorithm identifiers (RFC 5280 section 4.1.1.2).

use super::der::{self, NotDer, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// NULL, as the parameters of RSA are written.
pub(crate) const NULL: u8 = 0x05;

/// An algorithm and its parameters, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AlgorithmIdentifier<'a> {
    /// The contents of the object identifier's DER.
    pub(crate) oid: &'a [u8],
    pub(crate) parameters: Parameters<'a>,
}

/// The parameters of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameters<'a> {
    Absent,
    Null,
    /// Any other element, whole, and its tag.
    Element(u8, &'a [u8]),
}

impl<'a> AlgorithmIdentifier<'a> {
    /// Reads the contents of the SEQUENCE.
    pub(crate) fn from_contents(contents: &'a [u8]) -> Result<AlgorithmIdentifier<'a>, NotDer> {
        let mut parts = Reader::new(contents);
        let oid = parts.expect(OBJECT_IDENTIFIER)?;
        let parameters = match parts.next()? {
            None => Parameters::Absent,
            Some(element) if element.tag == NULL && element.contents.is_empty() => Parameters::Null,
            Some(element) => Parameters::Element(element.tag, element.whole),
        };
        parts.end()?;
        Ok(AlgorithmIdentifier { oid, parameters })
    }

    /// Reads one that stands alone.
    pub(crate) fn only(bytes: &'a [u8]) -> Result<AlgorithmIdentifier<'a>, NotDer> {
        AlgorithmIdentifier::from_contents(der::only(SEQUENCE, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::Certificate;
    use crate::mint::{self, Ca};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const OID: &[u8] = &[0x06, 0x02, 0x2a, 0x03];
    const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

    #[test]
    fn parameters_are_absent_null_or_one_element() {
        let read = |parts: &[&[u8]]| {
            let bytes = mint::der(SEQUENCE, parts);
            AlgorithmIdentifier::only(&bytes).map(|algorithm| match algorithm.parameters {
                Parameters::Absent => "absent",
                Parameters::Null => "null",
                Parameters::Element(..) => "an element",
            })
        };
        assert_eq!(read(&[OID]), Ok("absent"));
        assert_eq!(read(&[OID, &[0x05, 0x00]]), Ok("null"));
        assert_eq!(read(&[OID, &[0x05, 0x01, 0x00]]), Ok("an element"));
        assert_eq!(read(&[OID, OID]), Ok("an element"));
        for odd in [&[][..], &[&[0x05, 0x00][..]], &[OID, OID, OID], &[OID, &[0x05]]] {
            assert_eq!(read(odd), Err(NotDer), "{odd:?}");
        }
    }

    #[test]
    fn a_certificate_says_how_it_is_signed() {
        let algorithm = |oid: &[u8]| mint::der(SEQUENCE, &[&mint::der(OBJECT_IDENTIFIER, &[oid])]);
        let sha512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
        let leaf = || Ca::new("Acme Root").leaf("billing");
        let read = |leaf: mint::Leaf| {
            let certificate = Certificate::from_der(leaf.mint().der).unwrap();
            certificate.fields().unwrap().signature.oid.to_vec()
        };
        assert_eq!(read(leaf()), ECDSA_SHA256);
        assert_eq!(read(leaf().signature_algorithms(&algorithm(sha512), &algorithm(sha512))), sha512);
    }
}
