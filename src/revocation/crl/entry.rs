//! One entry of a list (RFC 5280 sections 5.1.2.6 and 5.3).

use super::error::{InField as _, LoadError, Place};
use super::extension::{self, Seen};
use super::moment::Moment;
use crate::cert::der::{self, Element, INTEGER, NotDer, Reader, SEQUENCE};
use crate::cert::time_form::UTC_TIME;
use crate::revocation::EntryReason;

/// The longest serial number of an entry, in octets. RFC 5280 section 4.1.2.2 allows 20; some have more, of which 64 are
/// plenty.
pub const MAX_SERIAL_OCTETS: usize = 64;

/// The most extensions of one entry. There are four that anybody ever defined.
const MAX_ENTRY_EXTENSIONS: usize = 8;

const UTC_TIME_OCTETS: u8 = 13;
const ENUMERATED: u8 = 0x0a;

/// The last arcs of the extensions under 2.5.29 (RFC 5280 section 5.3) that are looked at.
const REASON_CODE: u8 = 21;
const INVALIDITY_DATE: u8 = 24;
const CERTIFICATE_ISSUER: u8 = 29;

/// One entry, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawEntry<'a> {
    /// The contents of the INTEGER.
    pub(super) serial: &'a [u8],
    pub(super) date: Moment,
    pub(super) reason: EntryReason,
    /// The contents of `GeneralNames`, where the entry says whose certificate it is about.
    pub(super) certificate_issuer: Option<&'a [u8]>,
}

impl<'a> RawEntry<'a> {
    /// The entry with which `entries` begin, which are not empty, and what follows it.
    pub(super) fn first(entries: &'a [u8]) -> Result<(RawEntry<'a>, &'a [u8]), LoadError> {
        match RawEntry::plain(entries) {
            Some(plain) => Ok(plain),
            None => {
                let mut entries = Reader::new(entries);
                let entry = RawEntry::next(&mut entries)?;
                Ok((entry, entries.rest()))
            }
        }
    }

    /// The same for the form that nearly all entries of long lists have: a serial number, a date as UTCTime, every length in one
    /// octet. Read so, a list is walked over in half the time; [`next`](Self::next) judges whatever is not of this form.
    fn plain(entries: &'a [u8]) -> Option<(RawEntry<'a>, &'a [u8])> {
        let [SEQUENCE, length @ ..0x80, INTEGER, octets @ ..0x80, rest @ ..] = entries else { return None };
        let (serial, rest) = rest.split_at_checked(usize::from(*octets))?;
        let ([UTC_TIME, UTC_TIME_OCTETS, date @ ..], rest) =
            rest.split_first_chunk::<{ 2 + UTC_TIME_OCTETS as usize }>()?
        else {
            return None;
        };
        if *length != 2 + octets + 2 + UTC_TIME_OCTETS {
            return None;
        }
        check_serial(serial).ok()?;
        let date = Moment::parse(Element { tag: UTC_TIME, contents: date, whole: date }).ok()?;
        let entry = RawEntry { serial, date, reason: EntryReason::Unspecified, certificate_issuer: None };
        Some((entry, rest))
    }

    fn next(entries: &mut Reader<'a>) -> Result<RawEntry<'a>, LoadError> {
        let mut fields = Reader::new(entries.expect(SEQUENCE).in_field("revokedCertificates")?);
        let serial = fields.expect(INTEGER).in_field("userCertificate")?;
        check_serial(serial).in_field("userCertificate")?;
        let date = fields.next().in_field("revocationDate")?.ok_or(LoadError::Malformed("revocationDate"))?;
        let date = Moment::parse(date).in_field("revocationDate")?;
        let extensions = fields.optional(SEQUENCE).in_field("crlEntryExtensions")?;
        fields.end().in_field("an entry holds bytes after its last field")?;
        let entry = RawEntry { serial, date, reason: EntryReason::Unspecified, certificate_issuer: None };
        match extensions {
            None => Ok(entry),
            Some(extensions) => entry.with(extensions),
        }
    }

    fn with(mut self, extensions: &'a [u8]) -> Result<RawEntry<'a>, LoadError> {
        let mut seen = Seen::<MAX_ENTRY_EXTENSIONS>::default();
        let mut reader = Reader::new(extensions);
        while let Some(extension) = extension::next(&mut reader, &mut seen, Place::Entry)? {
            match extension.known() {
                Some(REASON_CODE) => self.reason = reason(extension.value).in_field("reasonCode")?,
                Some(CERTIFICATE_ISSUER) => {
                    let names = der::only(SEQUENCE, extension.value).in_field("certificateIssuer")?;
                    self.certificate_issuer = Some(names);
                }
                // Since when the key may have been lost. Nothing is decided by it, and in which form it is written does not
                // matter: some write UTCTime.
                Some(INVALIDITY_DATE) => {
                    let date = Reader::new(extension.value).next().in_field("invalidityDate")?;
                    let date = date.ok_or(LoadError::Malformed("invalidityDate"))?;
                    Moment::parse(date).in_field("invalidityDate")?;
                }
                Some(_) | None => extension.must_not_be_critical(Place::Entry)?,
            }
        }
        Ok(self)
    }
}

/// An INTEGER in DER, of whatever sign: certificates have been given negative ones, and are found by the same octets.
fn check_serial(serial: &[u8]) -> Result<(), NotDer> {
    match serial {
        [] => Err(NotDer),
        [0x00, next, ..] if next & 0x80 == 0 => Err(NotDer),
        [0xff, next, ..] if next & 0x80 != 0 => Err(NotDer),
        _ if serial.len() > MAX_SERIAL_OCTETS => Err(NotDer),
        _ => Ok(()),
    }
}

fn reason(value: &[u8]) -> Result<EntryReason, NotDer> {
    match der::only(ENUMERATED, value)? {
        [number] => EntryReason::from_number(*number).ok_or(NotDer),
        _ => Err(NotDer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::der;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn by_fields(bytes: &[u8]) -> Result<(RawEntry<'_>, &[u8]), LoadError> {
        let mut entries = Reader::new(bytes);
        let entry = RawEntry::next(&mut entries)?;
        Ok((entry, entries.rest()))
    }

    #[test]
    fn an_entry_is_read_alike_on_the_short_way_and_on_the_long_whatever_octet_is_another() {
        let date = der(UTC_TIME, &[b"240229235959Z"]);
        let next = der(SEQUENCE, &[&der(INTEGER, &[&[7]]), &date]);
        for serial in [&[1][..], &[0x00, 0x80], &[0xff; 16], &[0x5a; 64], &[0x5a; 65], &[0x5a; 120]] {
            let mut bytes = [der(SEQUENCE, &[&der(INTEGER, &[serial]), &date]), next.clone()].concat();
            assert_eq!(RawEntry::plain(&bytes).is_some(), by_fields(&bytes).is_ok());
            for at in 0..bytes.len() - next.len() {
                let was = bytes[at];
                for octet in 0..=u8::MAX {
                    bytes[at] = octet;
                    assert_eq!(
                        RawEntry::first(&bytes),
                        by_fields(&bytes),
                        "{octet:#04x} at {at}: {bytes:x?}"
                    );
                }
                bytes[at] = was;
            }
            for cut in 1..bytes.len() {
                assert_eq!(RawEntry::first(&bytes[..cut]), by_fields(&bytes[..cut]), "{cut} bytes");
            }
        }
    }
}
