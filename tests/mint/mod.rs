//! Mints certificates and revocation lists for tests: good certificates with `rcgen`, odd ones by putting other bytes
//! into a good one and signing it anew. No clock and no chance: the same calls give the same bytes, and keys follow
//! from names, so that they are no secrets.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop where a certificate cannot be made"
)]

mod ca;
pub(crate) mod crl;
mod distribution;
mod key;
mod leaf;
pub(crate) mod ocsp;

use sha2::{Digest, Sha256};

pub(crate) use ca::Ca;
pub(crate) use key::Key;
pub(crate) use leaf::Leaf;

/// Tags of the entries of a subjectAltName (RFC 5280 section 4.2.1.6).
pub(crate) const SAN_OTHER: u8 = 0xa0;
pub(crate) const SAN_EMAIL: u8 = 0x81;
pub(crate) const SAN_DNS: u8 = 0x82;
pub(crate) const SAN_URI: u8 = 0x86;
pub(crate) const SAN_IP: u8 = 0x87;

/// Tags of the string types of a distinguished name.
pub(crate) const UTF8: u8 = 0x0c;
pub(crate) const NUMERIC: u8 = 0x12;
pub(crate) const PRINTABLE: u8 = 0x13;
pub(crate) const TELETEX: u8 = 0x14;
pub(crate) const IA5: u8 = 0x16;
pub(crate) const UNIVERSAL: u8 = 0x1c;
pub(crate) const BMP: u8 = 0x1e;

/// Contents of the object identifiers of attributes.
pub(crate) const CN: &[u8] = &[0x55, 0x04, 0x03];
pub(crate) const C: &[u8] = &[0x55, 0x04, 0x06];
pub(crate) const O: &[u8] = &[0x55, 0x04, 0x0a];
pub(crate) const OU: &[u8] = &[0x55, 0x04, 0x0b];

/// Contents of the object identifier of user principal names, 1.3.6.1.4.1.311.20.2.3.
pub(crate) const UPN: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
pub(crate) const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
pub(crate) const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u64] = &[2, 5, 29, 31];
pub(crate) const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
pub(crate) const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];

/// Bits of keyUsage (RFC 5280 section 4.2.1.3).
pub(crate) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(crate) const KEY_CERT_SIGN: u8 = 0x04;
pub(crate) const CRL_SIGN: u8 = 0x02;

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Minted {
    pub(crate) der: Vec<u8>,
    pub(crate) key: Key,
}

impl Minted {
    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.pem()
    }

    pub(crate) fn key_der(&self) -> Vec<u8> {
        self.key.der()
    }

    /// Its serial number: the contents of the INTEGER.
    pub(crate) fn serial(&self) -> Vec<u8> {
        elements(&field(&self.der, 1))[0].1.to_vec()
    }

    /// SHA-256 of the certificate.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// [`Minted::digest`] in hex, as Envoy and records write it.
    pub(crate) fn hex_digest(&self) -> String {
        self.digest().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// An element of `x-forwarded-client-cert` as Envoy writes it for a certificate without names.
    pub(crate) fn xfcc_element(&self) -> String {
        format!("Hash={};Cert=\"{}\"", self.hex_digest(), xfcc_escaped(&self.pem()))
    }
}

/// The pair `Chain` of `x-forwarded-client-cert` as Envoy writes it for certificates in PEM, the leaf first.
pub(crate) fn xfcc_chain(pems: &[String]) -> String {
    format!("Chain=\"{}\"", xfcc_escaped(&pems.concat()))
}

/// Envoy's five replacements in `x-forwarded-client-cert`.
pub(crate) fn xfcc_escaped(pem: &str) -> String {
    let escapes = [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")];
    escapes.iter().fold(pem.to_owned(), |text, (plain, escape)| text.replace(plain, escape))
}

/// PEM as Envoy writes it: lines of 64 characters, LF.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap()
}

/// One attribute of a relative name.
pub(crate) fn attribute(oid: &[u8], value: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x06, &[oid]), value])
}

/// A `SubjectPublicKeyInfo`.
pub(crate) fn public_key(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = der(0x30, &[&der(0x06, &[algorithm]), parameters]);
    der(0x30, &[&algorithm, &der(0x03, &[&[0], key])])
}

/// The `SubjectPublicKeyInfo` of an RSA key with so many bits and the exponent 65537, to which nobody has the other half.
pub(crate) fn rsa_public_key(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] >>= (8 - bits % 8) % 8;
    if modulus[0] & 0x80 != 0 {
        modulus.insert(0, 0);
    }
    let key = der(0x30, &[&der(0x02, &[&modulus]), &der(0x02, &[&[1, 0, 1]])]);
    public_key(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], &[0x05, 0x00], &key)
}

/// One DER element.
pub(crate) fn der(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let mut element = vec![tag];
    match contents.len() {
        length @ 0..0x80 => element.push(length as u8),
        length @ 0x80..0x100 => element.extend([0x81, length as u8]),
        length @ 0x100..0x1_0000 => element.extend([0x82, (length >> 8) as u8, length as u8]),
        length @ 0x1_0000..0x100_0000 => {
            element.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]);
        }
        length => {
            element.push(0x84);
            element.extend((length as u32).to_be_bytes());
        }
    }
    element.extend_from_slice(&contents);
    element
}

/// A field of what is signed of a certificate, whole: version, serial number, signature, issuer, validity, subject, ...
fn field(certificate: &[u8], position: usize) -> Vec<u8> {
    elements(elements(elements(certificate)[0].1)[0].1)[position].0.to_vec()
}

/// The DER elements in a row, each whole and its contents.
fn elements(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut all = Vec::new();
    while let [_, first, rest @ ..] = bytes {
        let octets = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let long = rest.iter().take(octets).fold(0, |length, octet| length << 8 | usize::from(*octet));
        let length = if octets == 0 { usize::from(*first) } else { long };
        let (whole, after) = bytes.split_at(2 + octets + length);
        all.push((whole, whole.split_at(2 + octets).1));
        bytes = after;
    }
    all
}
