//! Certificate revocation lists (RFC 5280 section 5), good and odd.

use time::{Date, Month, OffsetDateTime, Time};

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub(crate) use super::distribution::{Point, Scope, directory_name, uri_name};
use super::{Ca, Key, Minted, der, pem};

/// Numbers of reasons (RFC 5280 section 5.3.1).
pub(crate) const KEY_COMPROMISE: u8 = 1;
pub(crate) const CA_COMPROMISE: u8 = 2;
pub(crate) const SUPERSEDED: u8 = 4;
pub(crate) const CERTIFICATE_HOLD: u8 = 6;
pub(crate) const REMOVE_FROM_CRL: u8 = 8;

/// Contents of the object identifiers of extensions of lists and their entries.
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
pub(crate) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
pub(crate) const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1d, 0x1b];
pub(crate) const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 0x1c];
pub(crate) const FRESHEST_CRL: &[u8] = &[0x55, 0x1d, 0x2e];
pub(crate) const CRL_REASON: &[u8] = &[0x55, 0x1d, 0x15];
pub(crate) const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 0x18];
pub(crate) const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 0x1d];
/// Of no extension that anybody knows: 1.3.6.1.4.1.99999.1.
pub(crate) const UNHEARD_OF: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01];

/// The `AlgorithmIdentifier` ecdsa-with-SHA256.
pub(crate) const ECDSA_SHA256: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

const TRUE: &[u8] = &[0x01, 0x01, 0xff];

impl Ca {
    /// A list of this CA: version 2, number 1, from 2020 to 2099, with its key identifier and without entries.
    pub(crate) fn crl(&self) -> Crl {
        Crl {
            key: self.key().clone(),
            issuer: self.name(),
            version: der(0x02, &[&[1]]),
            algorithms: [ECDSA_SHA256.to_vec(), ECDSA_SHA256.to_vec()],
            this_update: time(midnight(2020)),
            next_update: time(midnight(2099)),
            entries: Vec::new(),
            listed: false,
            key_identifier: Some(der(0x30, &[&der(0x80, &[&self.key_identifier()])])),
            number: Some(vec![1]),
            extensions: Vec::new(),
            trailer: Vec::new(),
            signature: None,
        }
    }
}

/// A list to be made.
#[derive(Clone)]
pub(crate) struct Crl {
    key: Key,
    issuer: Vec<u8>,
    version: Vec<u8>,
    algorithms: [Vec<u8>; 2],
    this_update: Vec<u8>,
    next_update: Vec<u8>,
    entries: Vec<u8>,
    listed: bool,
    key_identifier: Option<Vec<u8>>,
    number: Option<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    trailer: Vec<u8>,
    signature: Option<Vec<u8>>,
}

impl Crl {
    /// The CRL number.
    pub(crate) fn number(self, number: u64) -> Crl {
        self.raw_number(&integer(number))
    }

    /// The CRL number: the contents of the INTEGER.
    pub(crate) fn raw_number(mut self, contents: &[u8]) -> Crl {
        self.number = Some(contents.to_vec());
        self
    }

    pub(crate) fn no_number(mut self) -> Crl {
        self.number = None;
        self
    }

    /// `thisUpdate`.
    pub(crate) fn this_update(self, at: OffsetDateTime) -> Crl {
        self.raw_this_update(&time(at))
    }

    /// `thisUpdate`, any bytes.
    pub(crate) fn raw_this_update(mut self, element: &[u8]) -> Crl {
        self.this_update = element.to_vec();
        self
    }

    /// `nextUpdate`.
    pub(crate) fn next_update(self, at: OffsetDateTime) -> Crl {
        self.raw_next_update(&time(at))
    }

    /// `nextUpdate`, any bytes.
    pub(crate) fn raw_next_update(mut self, element: &[u8]) -> Crl {
        self.next_update = element.to_vec();
        self
    }

    pub(crate) fn no_next_update(self) -> Crl {
        self.raw_next_update(&[])
    }

    /// Of the year 2020 only, and so expired since.
    pub(crate) fn expired(self) -> Crl {
        self.next_update(midnight(2021))
    }

    /// The version as a number, one less than it is called; version 1 is no field at all.
    pub(crate) fn version(mut self, number: Option<u8>) -> Crl {
        self.version = number.map(|number| der(0x02, &[&[number]])).unwrap_or_default();
        self
    }

    /// Another issuer: a whole name.
    pub(crate) fn issuer(mut self, name: &[u8]) -> Crl {
        self.issuer = name.to_vec();
        self
    }

    /// Lists a certificate, revoked at the beginning of 2021, without extensions.
    pub(crate) fn revoke(self, certificate: &Minted) -> Crl {
        self.revoke_serial(&certificate.serial())
    }

    /// Lists a serial number (the contents of the INTEGER), revoked at the beginning of 2021, without extensions.
    pub(crate) fn revoke_serial(self, serial: &[u8]) -> Crl {
        self.entry(Revoked::new(serial))
    }

    /// Lists an entry.
    pub(crate) fn entry(self, entry: Revoked) -> Crl {
        self.raw_entry(&entry.der())
    }

    /// Lists these entries. What it costs grows with their number, not its square.
    pub(crate) fn entries(self, entries: impl IntoIterator<Item = Revoked>) -> Crl {
        entries.into_iter().fold(self, Crl::entry)
    }

    /// Puts any bytes among the entries.
    pub(crate) fn raw_entry(mut self, bytes: &[u8]) -> Crl {
        self.entries.extend_from_slice(bytes);
        self.listed = true;
        self
    }

    /// Lists so many entries of 35 bytes each, with the serial numbers [`numbered_serial`]: fast, for large lists.
    pub(crate) fn numbered(mut self, count: u32) -> Crl {
        let date = time(midnight(2021));
        let length = 2 + 16 + date.len();
        self.entries.reserve(count as usize * (2 + length));
        for number in 0..count {
            self.entries.extend_from_slice(&[0x30, length as u8, 0x02, 16]);
            self.entries.extend_from_slice(&numbered_serial(number));
            self.entries.extend_from_slice(&date);
        }
        self.listed = true;
        self
    }

    /// A list of entries that is there and has none, as DER does not write it.
    pub(crate) fn empty_entries(mut self) -> Crl {
        self.listed = true;
        self
    }

    /// The authorityKeyIdentifier: another key identifier.
    pub(crate) fn key_identifier(self, identifier: &[u8]) -> Crl {
        self.raw_key_identifier(&der(0x30, &[&der(0x80, &[identifier])]))
    }

    /// The authorityKeyIdentifier, any contents.
    pub(crate) fn raw_key_identifier(mut self, contents: &[u8]) -> Crl {
        self.key_identifier = Some(contents.to_vec());
        self
    }

    pub(crate) fn no_key_identifier(mut self) -> Crl {
        self.key_identifier = None;
        self
    }

    /// The issuingDistributionPoint, critical as RFC 5280 section 5.2.5 wants it.
    pub(crate) fn scope(self, scope: &Scope) -> Crl {
        self.critical_extension(ISSUING_DISTRIBUTION_POINT, &scope.der())
    }

    /// Changes to the list of this number.
    pub(crate) fn delta_of(self, base: u64) -> Crl {
        self.critical_extension(DELTA_CRL_INDICATOR, &der(0x02, &[&integer(base)]))
    }

    /// A further extension, which may repeat another. `oid` is the contents of the object identifier.
    pub(crate) fn extension(mut self, oid: &[u8], contents: &[u8]) -> Crl {
        self.extensions.push(extension(oid, false, contents));
        self
    }

    /// A further extension that is critical.
    pub(crate) fn critical_extension(mut self, oid: &[u8], contents: &[u8]) -> Crl {
        self.extensions.push(extension(oid, true, contents));
        self
    }

    /// Any bytes among the extensions.
    pub(crate) fn raw_extension(mut self, bytes: &[u8]) -> Crl {
        self.extensions.push(bytes.to_vec());
        self
    }

    /// No extensions at all, number and key identifier included.
    pub(crate) fn no_extensions(mut self) -> Crl {
        (self.number, self.key_identifier, self.extensions) = (None, None, Vec::new());
        self
    }

    /// Signed with another key; all else stays, the key identifier too.
    pub(crate) fn key(mut self, key: &Key) -> Crl {
        self.key = key.clone();
        self
    }

    /// Other algorithm identifiers, inside of what is signed and beside the signature, which stays what it is.
    pub(crate) fn signature_algorithms(mut self, inner: &[u8], outer: &[u8]) -> Crl {
        self.algorithms = [inner.to_vec(), outer.to_vec()];
        self
    }

    /// Another signature, say one that [`signed`](Self::signed) was given elsewhere.
    pub(crate) fn signature(mut self, bytes: &[u8]) -> Crl {
        self.signature = Some(bytes.to_vec());
        self
    }

    /// Bytes after the last field, inside of what is signed.
    pub(crate) fn signed_trailer(mut self, bytes: &[u8]) -> Crl {
        self.trailer = bytes.to_vec();
        self
    }

    /// What is signed.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let key_identifier =
            self.key_identifier.iter().map(|id| extension(AUTHORITY_KEY_IDENTIFIER, false, id));
        let number = self.number.iter().map(|number| extension(CRL_NUMBER, false, &der(0x02, &[number])));
        let extensions: Vec<u8> =
            key_identifier.chain(number).chain(self.extensions.iter().cloned()).flatten().collect();
        let extensions =
            if extensions.is_empty() { Vec::new() } else { der(0xa0, &[&der(0x30, &[&extensions])]) };
        let entries = if self.listed { der(0x30, &[&self.entries]) } else { Vec::new() };
        der(
            0x30,
            &[
                &self.version,
                &self.algorithms[0],
                &self.issuer,
                &self.this_update,
                &self.next_update,
                &entries,
                &extensions,
                &self.trailer,
            ],
        )
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let signed = self.signed();
        let signature = self.signature.clone().unwrap_or_else(|| self.key.sign(&signed));
        der(0x30, &[&signed, &self.algorithms[1], &der(0x03, &[&[0], &signature])])
    }

    pub(crate) fn pem(&self) -> String {
        pem("X509 CRL", &self.der())
    }
}

/// An entry of a list.
#[derive(Clone)]
pub(crate) struct Revoked {
    serial: Vec<u8>,
    date: Vec<u8>,
    extensions: Vec<u8>,
}

impl Revoked {
    /// The contents of the INTEGER, as they are; revoked at the beginning of 2021.
    pub(crate) fn new(serial: &[u8]) -> Revoked {
        Revoked { serial: serial.to_vec(), date: time(midnight(2021)), extensions: Vec::new() }
    }

    pub(crate) fn since(self, date: OffsetDateTime) -> Revoked {
        self.raw_date(&time(date))
    }

    /// Any bytes instead of a date.
    pub(crate) fn raw_date(mut self, element: &[u8]) -> Revoked {
        self.date = element.to_vec();
        self
    }

    /// The reason, by its number.
    pub(crate) fn reason(self, number: u8) -> Revoked {
        self.extension(CRL_REASON, &der(0x0a, &[&[number]]))
    }

    /// Who issued it, where the list is indirect: a whole name.
    pub(crate) fn certificate_issuer(self, name: &[u8]) -> Revoked {
        self.critical_extension(CERTIFICATE_ISSUER, &der(0x30, &[&directory_name(name)]))
    }

    /// A further extension, which may repeat another.
    pub(crate) fn extension(mut self, oid: &[u8], contents: &[u8]) -> Revoked {
        self.extensions.extend(extension(oid, false, contents));
        self
    }

    /// A further extension that is critical.
    pub(crate) fn critical_extension(mut self, oid: &[u8], contents: &[u8]) -> Revoked {
        self.extensions.extend(extension(oid, true, contents));
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let extensions = if self.extensions.is_empty() { Vec::new() } else { der(0x30, &[&self.extensions]) };
        der(0x30, &[&der(0x02, &[&self.serial]), &self.date, &extensions])
    }
}

/// The serial number of an entry of [`Crl::numbered`]: positive, of 16 octets, spread as chance would spread them.
pub(crate) fn numbered_serial(number: u32) -> [u8; 16] {
    let mut serial = [0x40; 16];
    for (half, place) in serial.chunks_exact_mut(8).enumerate() {
        // SplitMix64, which maps numbers to numbers one to one.
        let mut mixed = (u64::from(number) * 2 + half as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        place.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    // The highest bit off, the next on.
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5280 section 5.1.2.4).
pub(crate) fn time(at: OffsetDateTime) -> Vec<u8> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (year, rest) = (
        at.year(),
        format!(
            "{:02}{:02}{:02}{:02}{:02}Z",
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
    );
    if (1950..2050).contains(&year) {
        der(0x17, &[format!("{:02}{rest}", year % 100).as_bytes()])
    } else {
        der(0x18, &[format!("{year:04}{rest}").as_bytes()])
    }
}

fn midnight(year: i32) -> OffsetDateTime {
    OffsetDateTime::new_utc(Date::from_calendar_date(year, Month::January, 1).unwrap(), Time::MIDNIGHT)
}

fn extension(oid: &[u8], critical: bool, contents: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x06, &[oid]), if critical { TRUE } else { &[] }, &der(0x04, &[contents])])
}

/// The contents of a positive INTEGER.
fn integer(number: u64) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count().min(7);
    let octets = &octets[zeros..];
    if octets[0] & 0x80 == 0 { octets.to_vec() } else { [&[0], octets].concat() }
}
