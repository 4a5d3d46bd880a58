//! What webpki is shown of an intermediate some of whose name constraints are judged here.
//!
//! webpki refuses whatever it cannot judge, and it cannot judge constraints on directory names, email addresses and URIs. So it is
//! shown a copy of the certificate without those, and [`super::constraints`] judges them. The signature is that of the whole
//! certificate: when webpki asks for it of the copy, it is checked of the original.
//!
//! Copies are told by where they are in memory, never by their bytes: a client may present the very bytes of a copy, which are a
//! certificate without these constraints and with a wrong signature, and must gain nothing by it.

use crate::cert::der::{self, BOOLEAN, NotDer, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};
use crate::cert::signed::Signed;
use crate::cert::{Certificate, extension};
use crate::trust::extensions::NAME_CONSTRAINTS;

/// The extensions of a certificate, among its fields (RFC 5280 section 4.1).
const EXTENSIONS: u8 = 0xa3;

/// A copy of a certificate without some of its name constraints.
#[derive(Debug)]
pub(super) struct Shown {
    der: Vec<u8>,
}

impl Shown {
    /// One that has these contents in its name constraints instead of its own, or no such extension.
    pub(super) fn of(certificate: &Certificate, constraints: Option<&[u8]>) -> Result<Shown, NotDer> {
        let mut parts = Reader::new(der::only(SEQUENCE, certificate.der())?);
        let signed = der::only(SEQUENCE, parts.next()?.ok_or(NotDer)?.whole)?;
        let mut fields = Reader::new(signed);
        let mut copied = Vec::with_capacity(signed.len());
        while let Some(field) = fields.next()? {
            if field.tag == EXTENSIONS {
                let list = extensions(der::only(SEQUENCE, field.contents)?, constraints)?;
                copied.extend(der::element(EXTENSIONS, &[&der::element(SEQUENCE, &[&list])]));
            } else {
                copied.extend_from_slice(field.whole);
            }
        }
        let signed = der::element(SEQUENCE, &[&copied]);
        Ok(Shown { der: der::element(SEQUENCE, &[&signed, parts.rest()]) })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }
}

fn extensions(list: &[u8], constraints: Option<&[u8]>) -> Result<Vec<u8>, NotDer> {
    let mut copied = Vec::with_capacity(list.len());
    let mut list = Reader::new(list);
    while let Some(element) = list.next()? {
        let extension = extension::next(&mut Reader::new(element.whole))?.ok_or(NotDer)?;
        match (extension.oid == NAME_CONSTRAINTS, constraints) {
            (false, _) => copied.extend_from_slice(element.whole),
            (true, None) => {}
            (true, Some(constraints)) => {
                let value = der::element(OCTET_STRING, &[&der::element(SEQUENCE, &[constraints])]);
                let oid = der::element(OBJECT_IDENTIFIER, &[NAME_CONSTRAINTS]);
                let critical = der::element(BOOLEAN, &[&[0xff]]);
                copied.extend(der::element(SEQUENCE, &[&oid, &critical, &value]));
            }
        }
    }
    Ok(copied)
}

/// What was signed, by what webpki believes was.
#[derive(Debug, Default)]
pub(super) struct Originals<'a>(Vec<[&'a [u8]; 2]>);

impl<'a> Originals<'a> {
    /// Of copies and the certificates that they are of.
    pub(super) fn new(copies: impl Iterator<Item = (&'a Shown, &'a Certificate)>) -> Originals<'a> {
        let messages = copies.filter_map(|(copy, certificate)| {
            let message = |der| Signed::from_der(der).map(|signed| signed.message).ok();
            Some([message(copy.der())?, message(certificate.der())?])
        });
        Originals(messages.collect())
    }

    /// The message of the original, where `message` is that of a copy.
    pub(super) fn of<'m>(&'m self, message: &'m [u8]) -> &'m [u8] {
        let copied = self.0.iter().find(|[copy, _]| std::ptr::eq(*copy, message));
        copied.map_or(message, |[_, original]| original)
    }
}
