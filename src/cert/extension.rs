//! The extensions of a certificate (RFC 5280 sections 4.1 and 4.2).

use super::der::{self, BOOLEAN, NotDer, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};

/// One extension, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extension<'a> {
    /// The contents of its object identifier's DER.
    pub(crate) oid: &'a [u8],
    /// `None` where the BOOLEAN is none in DER.
    pub(crate) criticality: Option<Criticality>,
    /// What the OCTET STRING holds.
    pub(crate) value: &'a [u8],
}

/// Whether those who do not know an extension must refuse its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criticality {
    /// They must.
    Critical,
    /// They need not.
    NotCritical,
}

/// The next extension of a list, or `None` at its end.
pub(crate) fn next<'a>(list: &mut Reader<'a>) -> Result<Option<Extension<'a>>, NotDer> {
    let Some(extension) = list.next()? else { return Ok(None) };
    let mut parts = Reader::new(der::only(SEQUENCE, extension.whole)?);
    let oid = parts.expect(OBJECT_IDENTIFIER)?;
    let criticality = match parts.optional(BOOLEAN)? {
        // DER leaves the default out (X.690 section 11.5); it is told all the same where a CA writes it.
        None | Some([0x00]) => Some(Criticality::NotCritical),
        Some([0xff]) => Some(Criticality::Critical),
        Some([_]) => None,
        // X.690 section 8.2.1: a BOOLEAN has one octet.
        Some(_) => return Err(NotDer),
    };
    let value = parts.expect(OCTET_STRING)?;
    parts.end()?;
    Ok(Some(Extension { oid, criticality, value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const OID: &[u8] = &[0x06, 0x02, 0x2a, 0x03];

    fn read(parts: &[&[u8]]) -> Result<Option<Criticality>, NotDer> {
        let list = mint::der(0x30, parts);
        let extension = next(&mut Reader::new(&list))?.unwrap();
        assert_eq!((extension.oid, extension.value), (&OID[2..], &[5, 0][..]));
        Ok(extension.criticality)
    }

    #[test]
    fn criticality_is_read_where_it_is_a_boolean() {
        let value: &[u8] = &[0x04, 0x02, 5, 0];
        assert_eq!(read(&[OID, value]), Ok(Some(Criticality::NotCritical)));
        assert_eq!(read(&[OID, &[0x01, 0x01, 0xff], value]), Ok(Some(Criticality::Critical)));
        assert_eq!(read(&[OID, &[0x01, 0x01, 0x00], value]), Ok(Some(Criticality::NotCritical)));
        for odd in [0x01, 0x80, 0xfe] {
            assert_eq!(read(&[OID, &[0x01, 0x01, odd], value]), Ok(None), "{odd}");
        }
        for odd in [&[0x01, 0x00][..], &[0x01, 0x02, 0xff, 0xff]] {
            assert_eq!(read(&[OID, odd, value]), Err(NotDer), "{odd:?}");
        }
    }

    #[test]
    fn what_is_no_extension_is_refused() {
        let value: &[u8] = &[0x04, 0x02, 5, 0];
        for parts in [&[value][..], &[OID], &[OID, value, value], &[OID, &[0x05, 0x00], value], &[value, OID]]
        {
            assert_eq!(read(parts), Err(NotDer), "{parts:?}");
        }
        assert_eq!(next(&mut Reader::new(&[])), Ok(None));
    }
}
