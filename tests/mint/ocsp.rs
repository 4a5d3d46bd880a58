//! OCSP responses (RFC 6960 section 4.2), good and odd.

use rcgen::PublicKeyData as _;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::crl::ECDSA_SHA256;
use super::{Ca, Key, Minted, der, field};

/// The purpose of those who sign responses, 1.3.6.1.5.5.7.3.9.
pub(crate) const OCSP_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 9];

/// Contents of the object identifier of the nonce, 1.3.6.1.5.5.7.48.1.2.
pub(crate) const NONCE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 2];

/// Contents of the object identifier of basic responses, 1.3.6.1.5.5.7.48.1.1.
pub(crate) const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];

const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const NULL: &[u8] = &[0x05, 0x00];

impl Ca {
    /// A response without answers, made at this time and signed by the CA itself, which it names by name.
    pub(crate) fn ocsp(&self, produced_at: OffsetDateTime) -> OcspResponse {
        OcspResponse::by(self.key(), &self.name(), produced_at)
    }

    /// That a certificate of this CA is good, known at this time and for a day.
    pub(crate) fn good(&self, certificate: &Minted, at: OffsetDateTime) -> OcspAnswer {
        self.good_serial(&certificate.serial(), at)
    }

    /// That the certificate with this serial number is good, known at this time and for a day.
    pub(crate) fn good_serial(&self, serial: &[u8], at: OffsetDateTime) -> OcspAnswer {
        OcspAnswer {
            hashed: [self.name(), self.key().der_bytes().to_vec()],
            algorithm: SHA1,
            serial: serial.to_vec(),
            status: der(0x80, &[]),
            this_update: generalized(at),
            next_update: der(0xa0, &[&generalized(at + time::Duration::DAY)]),
            extensions: Vec::new(),
        }
    }
}

/// A response to be made.
#[derive(Clone)]
pub(crate) struct OcspResponse {
    key: Key,
    status: u8,
    kind: Vec<u8>,
    version: Vec<u8>,
    signer: Vec<u8>,
    produced_at: Vec<u8>,
    answers: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    trailer: Vec<u8>,
    certificates: Vec<Vec<u8>>,
}

impl OcspResponse {
    /// One signed by this key, which it names by this name.
    fn by(key: &Key, name: &[u8], produced_at: OffsetDateTime) -> OcspResponse {
        OcspResponse {
            key: key.clone(),
            status: 0,
            kind: BASIC.to_vec(),
            version: Vec::new(),
            signer: der(0xa1, &[name]),
            produced_at: generalized(produced_at),
            answers: Vec::new(),
            extensions: Vec::new(),
            trailer: Vec::new(),
            certificates: Vec::new(),
        }
    }

    /// One signed by the holder of a certificate, which comes along.
    pub(crate) fn delegated(delegate: &Minted, produced_at: OffsetDateTime) -> OcspResponse {
        OcspResponse::by(&delegate.key, &field(&delegate.der, 5), produced_at).certificate(&delegate.der)
    }

    /// Another status than 0, successful.
    pub(crate) fn status(mut self, number: u8) -> Self {
        self.status = number;
        self
    }

    /// Another type than basic.
    pub(crate) fn kind(mut self, oid: &[u8]) -> Self {
        self.kind = oid.to_vec();
        self
    }

    /// The version, written out.
    pub(crate) fn version(mut self, number: u8) -> Self {
        self.version = der(0xa0, &[&der(0x02, &[&[number]])]);
        self
    }

    /// Names the signer by the key that signs.
    pub(crate) fn by_key(self) -> Self {
        let hash = Sha1::digest(self.key.der_bytes()).to_vec();
        self.raw_signer(&der(0xa2, &[&der(0x04, &[&hash])]))
    }

    /// Any bytes in place of the signer.
    pub(crate) fn raw_signer(mut self, id: &[u8]) -> Self {
        self.signer = id.to_vec();
        self
    }

    /// Signed by another key, of which nothing is said.
    pub(crate) fn key(mut self, key: &Key) -> Self {
        self.key = key.clone();
        self
    }

    /// Any element in place of the time when it was made.
    pub(crate) fn raw_produced_at(mut self, element: &[u8]) -> Self {
        self.produced_at = element.to_vec();
        self
    }

    /// Adds an answer.
    pub(crate) fn answer(self, answer: &OcspAnswer) -> Self {
        self.raw_answer(&answer.der())
    }

    /// Adds any bytes as an answer.
    pub(crate) fn raw_answer(mut self, bytes: &[u8]) -> Self {
        self.answers.push(bytes.to_vec());
        self
    }

    /// Adds a nonce.
    pub(crate) fn nonce(self, nonce: &[u8]) -> Self {
        self.extension(NONCE, &der(0x04, &[nonce]))
    }

    /// Adds an extension.
    pub(crate) fn extension(mut self, oid: &[u8], value: &[u8]) -> Self {
        self.extensions.push(extension(oid, false, value));
        self
    }

    /// Adds a critical extension.
    pub(crate) fn critical_extension(mut self, oid: &[u8], value: &[u8]) -> Self {
        self.extensions.push(extension(oid, true, value));
        self
    }

    /// Bytes after the last field, inside of what is signed.
    pub(crate) fn signed_trailer(mut self, bytes: &[u8]) -> Self {
        self.trailer = bytes.to_vec();
        self
    }

    /// A certificate that comes along.
    pub(crate) fn certificate(mut self, der: &[u8]) -> Self {
        self.certificates.push(der.to_vec());
        self
    }

    /// None that comes along.
    pub(crate) fn no_certificates(mut self) -> Self {
        self.certificates.clear();
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let answers = der(0x30, &[&self.answers.concat()]);
        let extensions = explicit(0xa1, &self.extensions);
        let data = der(
            0x30,
            &[&self.version, &self.signer, &self.produced_at, &answers, &extensions, &self.trailer],
        );
        let signature = der(0x03, &[&[0], &self.key.sign(&data)]);
        let certificates = explicit(0xa0, &self.certificates);
        let basic = der(0x30, &[&data, ECDSA_SHA256, &signature, &certificates]);
        let body = der(0x30, &[&der(0x06, &[&self.kind]), &der(0x04, &[&basic])]);
        let body = if self.status == 0 { der(0xa0, &[&body]) } else { Vec::new() };
        der(0x30, &[&der(0x0a, &[&[self.status]]), &body])
    }
}

/// What is said of one certificate.
#[derive(Clone)]
pub(crate) struct OcspAnswer {
    hashed: [Vec<u8>; 2],
    algorithm: &'static [u8],
    serial: Vec<u8>,
    status: Vec<u8>,
    this_update: Vec<u8>,
    next_update: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

impl OcspAnswer {
    /// Revoked, without a reason.
    pub(crate) fn revoked(self, since: OffsetDateTime) -> Self {
        self.raw_status(&der(0xa1, &[&generalized(since)]))
    }

    /// Revoked, for the reason of this number.
    pub(crate) fn revoked_for(self, since: OffsetDateTime, reason: u8) -> Self {
        let reason = der(0xa0, &[&der(0x0a, &[&[reason]])]);
        self.raw_status(&der(0xa1, &[&generalized(since), &reason]))
    }

    /// Not known to the responder.
    pub(crate) fn unknown(self) -> Self {
        self.raw_status(&der(0x82, &[]))
    }

    /// Any bytes as the status.
    pub(crate) fn raw_status(mut self, element: &[u8]) -> Self {
        self.status = element.to_vec();
        self
    }

    pub(crate) fn next_update(mut self, at: OffsetDateTime) -> Self {
        self.next_update = der(0xa0, &[&generalized(at)]);
        self
    }

    pub(crate) fn no_next_update(mut self) -> Self {
        self.next_update = Vec::new();
        self
    }

    /// With the issuer named by SHA-256.
    pub(crate) fn sha256(mut self) -> Self {
        self.algorithm = SHA256;
        self
    }

    /// With an extension.
    pub(crate) fn extension(mut self, oid: &[u8], critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(oid, critical, value));
        self
    }

    fn der(&self) -> Vec<u8> {
        let hash = |bytes: &Vec<u8>| {
            let digest = if self.algorithm == SHA1 {
                Sha1::digest(bytes).to_vec()
            } else {
                Sha256::digest(bytes).to_vec()
            };
            der(0x04, &[&digest])
        };
        let [name, key] = self.hashed.each_ref().map(hash);
        let algorithm = der(0x30, &[&der(0x06, &[self.algorithm]), NULL]);
        let id = der(0x30, &[&algorithm, &name, &key, &der(0x02, &[&self.serial])]);
        let extensions = explicit(0xa1, &self.extensions);
        der(0x30, &[&id, &self.status, &self.this_update, &self.next_update, &extensions])
    }
}

/// A list in an element of this tag, or nothing where there is nothing in it.
fn explicit(tag: u8, list: &[Vec<u8>]) -> Vec<u8> {
    if list.is_empty() { Vec::new() } else { der(tag, &[&der(0x30, &[&list.concat()])]) }
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    der(0x30, &[&der(0x06, &[oid]), critical, &der(0x04, &[value])])
}

/// A `GeneralizedTime`.
fn generalized(at: OffsetDateTime) -> Vec<u8> {
    let (date, clock) = (at.date(), at.time());
    let text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    );
    der(0x18, &[text.as_bytes()])
}
