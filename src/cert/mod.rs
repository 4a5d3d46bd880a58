//! Certificates as bytes: how they arrive from Envoy, and what tells one from another.
//!
//! A [`Certificate`] is well-formed DER and nothing more: who its holder is says [`crate::identity`].

pub(crate) mod algorithm_identifier;
pub(crate) mod der;
pub(crate) mod extension;
pub(crate) mod fields;
pub mod forwarded;
pub(crate) mod public_key_info;
pub mod signature;
pub(crate) mod signed;
pub(crate) mod time_form;
pub mod xfcc;

// What `x509-parser` makes of the same bytes.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod second_reader;

use std::fmt;

use der::{NotDer, Reader};
pub use extension::Criticality;
use fields::Fields;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The longest certificate that is looked at, in bytes of DER. BoringSSL takes 100 KiB for a client's whole chain;
/// a leaf with 1,000 names has about 30 KiB.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// The most extensions in one certificate. Those of public and private CAs hold about ten.
pub const MAX_EXTENSIONS: usize = 64;

/// A SHA-256 digest, of a certificate or of a public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits, in either case, as Envoy writes digests.
    pub fn from_hex(digits: &[u8]) -> Option<Fingerprint> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Fingerprint(bytes))
    }

    /// The digest itself, from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }

    /// The 32 bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 lower-case hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fingerprint({self})")
    }
}

/// Why bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Longer than [`MAX_CERTIFICATE_BYTES`].
    #[error("the certificate is `{bytes}` bytes long, and at most `{MAX_CERTIFICATE_BYTES}` are looked at")]
    TooLong {
        /// Its length in bytes of DER.
        bytes: usize,
    },
    /// No X.509 certificate (RFC 5280 section 4.1).
    #[error("the bytes are no X.509 certificate")]
    NotX509,
    /// Bytes that belong to no field, after the certificate or inside of it.
    #[error("the certificate holds bytes that belong to none of its fields")]
    NotWhole,
    /// More than [`MAX_EXTENSIONS`].
    #[error("the certificate holds more than `{MAX_EXTENSIONS}` extensions")]
    TooManyExtensions,
    /// RFC 5280 section 4.2: a certificate must not hold an extension more than once.
    #[error("the certificate holds an extension more than once")]
    RepeatedExtension,
    /// RFC 5280 sections 4.1.2.1, 4.1.2.8 and 4.1.2.9: there are three versions, and only the later have unique identifiers, and
    /// extensions.
    #[error("the certificate holds fields that its version does not have")]
    Version,
    /// RFC 5280 section 4.1.2.2: an integer, and in DER not longer than it must be (X.690 section 8.3.2).
    #[error("the certificate's serial number is no integer in DER")]
    SerialNumber,
    /// RFC 5280 section 4.1.1.2: what is signed must name the very algorithm of the signature.
    #[error("the certificate names two different signature algorithms")]
    SignatureAlgorithm,
}

/// An X.509 certificate in DER: well-formed to its last byte, without repeated extensions, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Takes DER of at most [`MAX_CERTIFICATE_BYTES`] bytes.
    pub fn from_der(der: Vec<u8>) -> Result<Certificate, CertificateError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertificateError::TooLong { bytes: der.len() });
        }
        let extensions = extension_identifiers(Fields::read(&der)?.extensions)?;
        if extensions.len() > MAX_EXTENSIONS {
            return Err(CertificateError::TooManyExtensions);
        }
        let repeated =
            extensions.iter().enumerate().any(|(at, id)| extensions.iter().skip(at + 1).any(|x| x == id));
        if repeated {
            return Err(CertificateError::RepeatedExtension);
        }
        let fingerprint = Fingerprint::of(&der);
        Ok(Certificate { der, fingerprint })
    }

    /// The certificate's DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The list of extensions, without its head; empty where there is none. Each can be read by [`extension::next`].
    pub(crate) fn extension_list(&self) -> Result<&[u8], CertificateError> {
        Ok(self.fields()?.extensions)
    }
}

/// The object identifier of each extension. At most one more than [`MAX_EXTENSIONS`] are read.
fn extension_identifiers(list: &[u8]) -> Result<Vec<&[u8]>, NotDer> {
    let mut list = Reader::new(list);
    let mut identifiers = Vec::new();
    while let Some(extension) = extension::next(&mut list)? {
        identifiers.push(extension.oid);
        if identifiers.len() > MAX_EXTENSIONS {
            break;
        }
    }
    Ok(identifiers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{self, Ca};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn der_of_a_certificate_is_taken_and_its_digest_known() {
        let minted = Ca::new("Acme Root").leaf("billing").dns("billing.acme.example").mint();
        let certificate = Certificate::from_der(minted.der.clone()).unwrap();
        assert_eq!(certificate.der(), minted.der);
        assert_eq!(certificate.fingerprint(), Fingerprint::from_bytes(minted.digest()));
    }

    #[test]
    fn a_byte_after_the_certificate_is_refused() {
        let mut der = Ca::new("Acme Root").leaf("billing").mint().der;
        der.push(0);
        assert_eq!(Certificate::from_der(der), Err(CertificateError::NotWhole));
    }

    #[test]
    fn a_field_after_the_last_one_is_refused() {
        let leaf = Ca::new("Acme Root").leaf("billing");
        let signed = leaf.clone().signed_trailer(&[0x05, 0x00]).mint().der;
        assert_eq!(Certificate::from_der(signed), Err(CertificateError::NotX509));
        // `x509-parser` takes this one.
        let good = leaf.mint().der;
        let after_the_signature = mint::der(0x30, &[&good[4..], &[0x05, 0x00]]);
        assert_eq!(Certificate::from_der(after_the_signature), Err(CertificateError::NotWhole));
        assert_eq!(Certificate::from_der(mint::der(0x30, &[&good[4..]])).map(|_| ()), Ok(()));
    }

    #[test]
    fn an_extension_that_stands_twice_is_refused() {
        let leaf = Ca::new("Acme Root").leaf("billing").dns("a.acme.example");
        assert!(Certificate::from_der(leaf.clone().mint().der).is_ok());
        let second = mint::der(0x30, &[&mint::der(mint::SAN_DNS, &[b"b.acme.example"])]);
        let twice = leaf.raw_alt_names(&second).mint().der;
        assert_eq!(Certificate::from_der(twice), Err(CertificateError::RepeatedExtension));
    }

    /// The certificate with the last `from` in it replaced by as many bytes.
    fn with_last_replaced(der: &[u8], from: &[u8], to: &[u8]) -> Result<(), CertificateError> {
        let at = der.windows(from.len()).rposition(|window| window == from).unwrap();
        let mut der = der.to_vec();
        der[at..at + to.len()].copy_from_slice(to);
        Certificate::from_der(der).map(|_| ())
    }

    #[test]
    fn fields_that_a_version_does_not_have_are_refused() {
        let der = Ca::new("Acme Root").leaf("billing").mint().der;
        let with_version = |version: u8| {
            with_last_replaced(&der, &[0xa0, 0x03, 0x02, 0x01, 0x02], &[0xa0, 0x03, 0x02, 0x01, version])
        };
        assert_eq!(with_version(2), Ok(()));
        for other in [0, 1, 3] {
            assert_eq!(with_version(other), Err(CertificateError::Version), "{other}");
        }
    }

    #[test]
    fn a_serial_number_longer_than_it_must_be_is_refused() {
        let with_serial = |contents: &[u8]| {
            Certificate::from_der(Ca::new("Acme Root").leaf("billing").serial(contents).mint().der)
                .map(|_| ())
        };
        for good in [&[0x00][..], &[0x7f], &[0x00, 0x80], &[0x01, 0x00], &[0x80], &[0xff], &[0xff, 0x7f]] {
            assert_eq!(with_serial(good), Ok(()), "{good:x?}");
        }
        for long in [&[][..], &[0x00, 0x7f], &[0x00, 0x00, 0x80], &[0xff, 0x80], &[0xff, 0xff, 0x00]] {
            assert_eq!(with_serial(long), Err(CertificateError::SerialNumber), "{long:x?}");
        }
    }

    #[test]
    fn two_signature_algorithms_are_refused() {
        // ecdsa-with-SHA256, and SHA384, 1.2.840.10045.4.3.3. The last one stands beside the signature.
        const SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        const SHA384: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
        let der = Ca::new("Acme Root").leaf("billing").mint().der;
        assert_eq!(with_last_replaced(&der, &SHA256, &SHA256), Ok(()));
        assert_eq!(with_last_replaced(&der, &SHA256, &SHA384), Err(CertificateError::SignatureAlgorithm));
    }

    #[test]
    fn more_extensions_than_the_limit_are_refused() {
        let with = |count: u64| {
            let leaf = Ca::new("Acme Root").leaf("billing");
            let present = Certificate::from_der(leaf.clone().mint().der).unwrap();
            let present = extension_identifiers(present.extension_list().unwrap()).unwrap().len();
            let rest = count - present as u64;
            let der =
                (0..rest).fold(leaf, |leaf, arc| leaf.extension(&[1, 3, 6, 1, arc], &[5, 0])).mint().der;
            Certificate::from_der(der).map(|_| ())
        };
        assert_eq!(with(MAX_EXTENSIONS as u64), Ok(()));
        assert_eq!(with(MAX_EXTENSIONS as u64 + 1), Err(CertificateError::TooManyExtensions));
    }

    #[test]
    fn a_certificate_cut_short_anywhere_is_refused() {
        let der = Ca::new("Acme Root").leaf("billing").dns("a.acme.example").mint().der;
        for length in 0..der.len() {
            assert!(Certificate::from_der(der[..length].to_vec()).is_err(), "cut after {length} bytes");
        }
    }

    #[test]
    fn a_certificate_with_any_one_byte_changed_makes_nothing_panic() {
        let leaf = Ca::new("Acme Root").leaf("billing").uri("spiffe://acme.example/billing");
        let leaf = leaf.ip([192, 0, 2, 7].into()).upn("alice@acme.example").policies(&[&[0x2a, 0x03]]);
        let der = leaf.critical_extension(&[1, 2, 3], &[5, 0]).mint().der;
        for at in 0..der.len() {
            for change in [0x01, 0x20, 0x7f, 0x80, 0xff] {
                let mut der = der.clone();
                der[at] ^= change;
                if let Ok(certificate) = Certificate::from_der(der) {
                    let _ =
                        crate::identity::Identity::of(&certificate).map(|identity| format!("{identity:?}"));
                }
            }
        }
    }

    #[test]
    fn more_bytes_than_the_limit_are_refused_unread() {
        let der = vec![0x30; MAX_CERTIFICATE_BYTES + 1];
        assert_eq!(
            Certificate::from_der(der),
            Err(CertificateError::TooLong { bytes: MAX_CERTIFICATE_BYTES + 1 })
        );
        assert_eq!(
            Certificate::from_der(vec![0x30; MAX_CERTIFICATE_BYTES]),
            Err(CertificateError::NotX509),
            "at the limit it is looked at"
        );
    }

    #[test]
    fn a_digest_is_read_in_either_case_and_written_in_lower() {
        let lower = "00ff".repeat(16);
        let digest = Fingerprint::from_hex(lower.as_bytes()).unwrap();
        assert_eq!(digest.to_string(), lower);
        assert_eq!(Fingerprint::from_hex(lower.to_uppercase().as_bytes()), Some(digest));
        for near_miss in
            [lower.split_at(1).1, lower.split_at(2).1, "", &format!("{lower}00"), &lower.replace("ff", "fg")]
        {
            assert_eq!(Fingerprint::from_hex(near_miss.as_bytes()), None, "{near_miss}");
        }
    }

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Fingerprint::of(b"").to_string(), known);
    }
}
