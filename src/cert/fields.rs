//! The fields of a certificate (RFC 5280 section 4.1), and what is wanted of them beside their types.
//!
//! What BoringSSL takes is taken, so that no certificate is lost with which a client gets through the handshake of a listener that
//! verifies. What `x509-parser` refuses is refused, which the tests hold against it.

use time::OffsetDateTime;

use super::algorithm_identifier::AlgorithmIdentifier;
use super::der::{self, BIT_STRING, Element, INTEGER, NotDer, Reader, SEQUENCE};
use super::{Certificate, CertificateError, time_form};

const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;

/// Borrowed fields. Names, key and extensions are not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    /// The contents of the INTEGER, in its shortest form.
    pub(crate) serial: &'a [u8],
    /// How the certificate says it is signed, inside of what is signed; what stands beside the signature is the same.
    pub(crate) signature: AlgorithmIdentifier<'a>,
    /// The issuer's name, whole in DER.
    pub(crate) issuer: &'a [u8],
    /// The first second in which it is valid.
    pub(crate) not_before: OffsetDateTime,
    /// The last one.
    pub(crate) not_after: OffsetDateTime,
    /// The subject's name, whole in DER.
    pub(crate) subject: &'a [u8],
    /// The `SubjectPublicKeyInfo`, whole in DER.
    pub(crate) public_key: &'a [u8],
    /// The list of extensions, without its head; empty where there is none.
    pub(crate) extensions: &'a [u8],
}

/// What is not of the expected shape is no certificate.
impl From<NotDer> for CertificateError {
    fn from(_: NotDer) -> CertificateError {
        CertificateError::NotX509
    }
}

impl Certificate {
    /// Its fields.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, CertificateError> {
        Fields::read(self.der())
    }
}

impl<'a> Fields<'a> {
    /// Reads a certificate, of which nothing may be left over.
    pub(super) fn read(der: &'a [u8]) -> Result<Fields<'a>, CertificateError> {
        let mut all = Reader::new(der);
        let mut certificate = Reader::new(all.expect(SEQUENCE)?);
        let signed = certificate.expect(SEQUENCE)?;
        let algorithm = certificate.expect(SEQUENCE)?;
        check_bits(certificate.expect(BIT_STRING)?)?;
        certificate.end().and(all.end()).map_err(|NotDer| CertificateError::NotWhole)?;

        let mut fields = Reader::new(signed);
        let version = fields.optional(VERSION)?;
        let serial = fields.expect(INTEGER)?;
        let signature = fields.expect(SEQUENCE)?;
        let issuer = fields.whole(SEQUENCE)?;
        let [not_before, not_after] = validity(fields.expect(SEQUENCE)?)?;
        let subject = fields.whole(SEQUENCE)?;
        let public_key = fields.whole(SEQUENCE)?;
        check_public_key(public_key)?;
        let unique_ids = [fields.optional(ISSUER_UNIQUE_ID)?, fields.optional(SUBJECT_UNIQUE_ID)?];
        let extensions =
            fields.optional(EXTENSIONS)?.map_or(Ok(&[][..]), |list| der::only(SEQUENCE, list))?;
        fields.end()?;

        for id in unique_ids.into_iter().flatten() {
            check_bits(id)?;
        }
        let version = version.map_or(Ok(Version::V1), Version::read)?;
        let has_unique_id = unique_ids.iter().any(Option::is_some);
        if !extensions.is_empty() && version != Version::V3 || has_unique_id && version == Version::V1 {
            return Err(CertificateError::Version);
        }
        if !is_shortest(serial) {
            return Err(CertificateError::SerialNumber);
        }
        if signature != algorithm {
            return Err(CertificateError::SignatureAlgorithm);
        }
        let signature = AlgorithmIdentifier::from_contents(signature)?;
        Ok(Fields { serial, signature, issuer, not_before, not_after, subject, public_key, extensions })
    }
}

/// Section 4.1.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
    V3,
}

impl Version {
    fn read(field: &[u8]) -> Result<Version, CertificateError> {
        match der::only(INTEGER, field)? {
            // DER leaves the default out, and it means the same where a CA writes it.
            [0] => Ok(Version::V1),
            [1] => Ok(Version::V2),
            [2] => Ok(Version::V3),
            [..] => Err(CertificateError::Version),
        }
    }
}

/// Whether an INTEGER has the form that DER wants (X.690 section 8.3.2).
fn is_shortest(integer: &[u8]) -> bool {
    match integer {
        [] => false,
        [0x00, next, ..] => next & 0x80 != 0,
        [0xff, next, ..] => next & 0x80 == 0,
        [..] => true,
    }
}

/// Section 4.1.2.5.
fn validity(field: &[u8]) -> Result<[OffsetDateTime; 2], NotDer> {
    let mut times = Reader::new(field);
    let mut time = || times.next()?.ok_or(NotDer).and_then(date_time);
    let period = [time()?, time()?];
    times.end()?;
    Ok(period)
}

fn date_time(element: Element<'_>) -> Result<OffsetDateTime, NotDer> {
    OffsetDateTime::from_unix_timestamp(time_form::unix_seconds(element)?).map_err(|_| NotDer)
}

/// Section 4.1.2.7. What of the key [`super::public_key_info`] does not know is not refused here.
fn check_public_key(info: &[u8]) -> Result<(), NotDer> {
    let mut parts = Reader::new(der::only(SEQUENCE, info)?);
    AlgorithmIdentifier::from_contents(parts.expect(SEQUENCE)?)?;
    check_bits(parts.expect(BIT_STRING)?)?;
    parts.end()
}

/// The contents of a BIT STRING, the unused bits of which are zero in DER (X.690 section 11.2).
fn check_bits(contents: &[u8]) -> Result<(), NotDer> {
    match contents {
        [0, ..] => Ok(()),
        [unused @ 1..=7, .., last] if last.trailing_zeros() >= u32::from(*unused) => Ok(()),
        [..] => Err(NotDer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{self, Ca, der};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const GENERALIZED_TIME: u8 = 0x18;

    /// A certificate of which every field can be another.
    struct Odd {
        version: Vec<u8>,
        serial: Vec<u8>,
        algorithm: Vec<u8>,
        validity: Vec<u8>,
        public_key: Vec<u8>,
        unique_ids: Vec<u8>,
        extensions: Vec<u8>,
        signature: Vec<u8>,
    }

    fn time(text: &str) -> Vec<u8> {
        der(GENERALIZED_TIME, &[text.as_bytes()])
    }

    fn good() -> Odd {
        let oid: &[u8] = &der(der::OBJECT_IDENTIFIER, &[&[0x2a, 0x03]]);
        Odd {
            version: der(VERSION, &[&der(INTEGER, &[&[2]])]),
            serial: der(INTEGER, &[&[1]]),
            algorithm: der(SEQUENCE, &[oid]),
            validity: der(SEQUENCE, &[&time("20240229000000Z"), &time("20500101000000Z")]),
            public_key: der(SEQUENCE, &[&der(SEQUENCE, &[oid]), &der(BIT_STRING, &[&[0, 4]])]),
            unique_ids: Vec::new(),
            extensions: der(EXTENSIONS, &[&der(SEQUENCE, &[&der(SEQUENCE, &[oid, &der(0x04, &[])])])]),
            signature: der(BIT_STRING, &[&[0, 1]]),
        }
    }

    impl Odd {
        fn der(&self) -> Vec<u8> {
            let name = der(SEQUENCE, &[]);
            let fields = [
                &self.version,
                &self.serial,
                &self.algorithm,
                &name,
                &self.validity,
                &name,
                &self.public_key,
                &self.unique_ids,
                &self.extensions,
            ];
            let signed = der(SEQUENCE, &fields.map(Vec::as_slice));
            der(SEQUENCE, &[&signed, &self.algorithm, &self.signature])
        }

        fn read(&self) -> Result<(), CertificateError> {
            Fields::read(&self.der()).map(|_| ())
        }
    }

    use CertificateError::{NotX509, Version as BadVersion};

    #[test]
    fn the_version_is_one_of_three_and_has_the_fields_that_there_are() {
        let read = |version: &[u8], unique_ids: &[u8], has_extensions: bool| {
            let mut odd = Odd { version: version.to_vec(), unique_ids: unique_ids.to_vec(), ..good() };
            if !has_extensions {
                odd.extensions.clear();
            }
            odd.read()
        };
        let version = |number: &[u8]| der(VERSION, &[&der(INTEGER, &[number])]);
        let id = |tag: u8| der(tag, &[&[0, 1]]);
        for (name, version, unique_ids, has_extensions, expected) in [
            ("3", version(&[2]), vec![], true, Ok(())),
            ("3 with an identifier", version(&[2]), id(ISSUER_UNIQUE_ID), true, Ok(())),
            ("2", version(&[1]), id(SUBJECT_UNIQUE_ID), false, Ok(())),
            ("2 with extensions", version(&[1]), vec![], true, Err(BadVersion)),
            ("1", vec![], vec![], false, Ok(())),
            ("1, written", version(&[0]), vec![], false, Ok(())),
            ("1 with an identifier", vec![], id(ISSUER_UNIQUE_ID), false, Err(BadVersion)),
            ("1 with extensions", vec![], vec![], true, Err(BadVersion)),
            ("4", version(&[3]), vec![], false, Err(BadVersion)),
            ("-1", version(&[0xff]), vec![], false, Err(BadVersion)),
            ("3 in two octets", version(&[0, 2]), vec![], true, Err(BadVersion)),
            ("no number", der(VERSION, &[]), vec![], false, Err(NotX509)),
        ] {
            assert_eq!(read(&version, &unique_ids, has_extensions), expected, "{name}");
        }
    }

    #[test]
    fn a_certificate_is_valid_between_two_times_that_there_are() {
        let read = |times: &[&[u8]]| Odd { validity: der(SEQUENCE, times), ..good() }.read();
        let begin: &[u8] = &time("20240229000000Z");
        assert_eq!(read(&[begin, begin]), Ok(()));
        for odd in ["20230229000000Z", "20240229000000+0000", "20240229000000.5Z", "202402290000Z", ""] {
            assert_eq!(read(&[begin, &time(odd)]), Err(NotX509), "{odd}");
            assert_eq!(read(&[&time(odd), begin]), Err(NotX509), "{odd}");
        }
        assert_eq!(read(&[begin]), Err(NotX509));
        assert_eq!(read(&[begin, begin, begin]), Err(NotX509));
    }

    #[test]
    fn bits_that_are_not_used_are_zero() {
        for (bits, expected) in [
            (&[0][..], true),
            (&[0, 0x01], true),
            (&[1, 0x02], true),
            (&[7, 0xff, 0x80], true),
            (&[7, 0x00], true),
            (&[1, 0x01], false),
            (&[7, 0x40], false),
            (&[8, 0x00], false),
            (&[1], false),
            (&[], false),
        ] {
            assert_eq!(check_bits(bits).is_ok(), expected, "{bits:x?}");
            let expected = if expected { Ok(()) } else { Err(NotX509) };
            let string = der(BIT_STRING, &[bits]);
            assert_eq!(Odd { signature: string.clone(), ..good() }.read(), expected, "{bits:x?}");
            let oid = der(SEQUENCE, &[&der(der::OBJECT_IDENTIFIER, &[&[0x2a, 0x03]])]);
            let public_key = der(SEQUENCE, &[&oid, &string]);
            assert_eq!(Odd { public_key, ..good() }.read(), expected, "{bits:x?}");
            let unique_ids = der(SUBJECT_UNIQUE_ID, &[bits]);
            assert_eq!(Odd { unique_ids, ..good() }.read(), expected, "{bits:x?}");
        }
    }

    #[test]
    fn a_key_and_an_algorithm_with_something_after_them_are_refused() {
        let null: &[u8] = &[0x05, 0x00];
        let oid: &[u8] = &der(der::OBJECT_IDENTIFIER, &[&[0x2a, 0x03]]);
        let key = |parts: &[&[u8]]| Odd { public_key: der(SEQUENCE, parts), ..good() }.read();
        let bits: &[u8] = &der(BIT_STRING, &[&[0, 4]]);
        assert_eq!(key(&[&der(SEQUENCE, &[oid, null]), bits]), Ok(()));
        assert_eq!(key(&[&der(SEQUENCE, &[oid, null, null]), bits]), Err(NotX509));
        assert_eq!(key(&[&der(SEQUENCE, &[null]), bits]), Err(NotX509));
        assert_eq!(key(&[&der(SEQUENCE, &[oid]), bits, null]), Err(NotX509));
        assert_eq!(key(&[&der(SEQUENCE, &[oid])]), Err(NotX509));
        let algorithm = |parts: &[&[u8]]| Odd { algorithm: der(SEQUENCE, parts), ..good() }.read();
        assert_eq!(algorithm(&[oid, null]), Ok(()));
        assert_eq!(algorithm(&[oid, null, null]), Err(NotX509));
        assert_eq!(algorithm(&[]), Err(NotX509));
    }

    #[test]
    fn fields_are_those_of_the_certificate() {
        let ca = Ca::new("Acme Root");
        let certificate = Certificate::from_der(ca.leaf("billing").serial(&[0x0f, 0x3a]).mint().der).unwrap();
        let fields = certificate.fields().unwrap();
        assert_eq!(fields.serial, [0x0f, 0x3a]);
        let issuer = Certificate::from_der(ca.der().to_vec()).unwrap();
        assert_eq!(fields.issuer, issuer.fields().unwrap().subject);
        assert_ne!(fields.issuer, fields.subject);
        assert_eq!(mint::der(SEQUENCE, &[&fields.public_key[2..]]), fields.public_key);
    }
}
