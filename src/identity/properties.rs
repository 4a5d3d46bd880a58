//! What a certificate is, beside whom it names: its key, how it is signed, what it is for.

use super::key_usage::{KEY_USAGE, KeyUsage};
use super::public_key::{KeyProblem, PublicKey};
use super::signature_algorithm::{SignatureAlgorithm, SignatureProblem};
use super::{
    AttributeType, AttributeValue, DistinguishedName, DnsName, Extensions, IdentityError, Names, Truth,
};
use crate::cert::der::{self, NotDer, OCTET_STRING, Reader, SEQUENCE};
use crate::cert::fields::Fields;

/// The extensions subjectKeyIdentifier, 2.5.29.14, and authorityKeyIdentifier, 2.5.29.35 (RFC 5280 sections 4.2.1.1
/// and 4.2.1.2).
const SUBJECT_KEY_IDENTIFIER: [u8; 3] = [0x55, 0x1d, 0x0e];
const AUTHORITY_KEY_IDENTIFIER: [u8; 3] = [0x55, 0x1d, 0x23];

/// What demands on certificates ask for, found out once when a certificate is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    public_key: Result<PublicKey, KeyProblem>,
    signature_algorithm: Result<SignatureAlgorithm, SignatureProblem>,
    key_usage: KeyUsage,
    self_signed: Truth,
    wildcard_name: Truth,
}

impl Properties {
    /// Reads them from a certificate, whose names have been read.
    pub(super) fn of(
        fields: &Fields<'_>,
        extensions: &Extensions,
        (subject, issuer): (&DistinguishedName, &DistinguishedName),
        dns: &Names<DnsName>,
    ) -> Result<Properties, IdentityError> {
        let extension = |oid: &[u8]| extensions.find(oid).map(|extension| extension.value);
        Ok(Properties {
            public_key: PublicKey::of(fields.public_key),
            signature_algorithm: SignatureAlgorithm::of(fields.signature),
            key_usage: KeyUsage::of(extension(&KEY_USAGE)).map_err(|NotDer| IdentityError::KeyUsage)?,
            self_signed: Truth::any([
                subject.same_name(issuer),
                same_key(extension(&SUBJECT_KEY_IDENTIFIER), extension(&AUTHORITY_KEY_IDENTIFIER)),
            ]),
            wildcard_name: wildcard_name(subject, dns),
        })
    }

    /// Of a certificate that a record describes. Of key identifiers records say nothing, so that of two names that differ it cannot be
    /// told whether they belong to one key.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn recorded(
        public_key: PublicKey,
        signature_algorithm: SignatureAlgorithm,
        key_usage: KeyUsage,
        (subject, issuer): (&DistinguishedName, &DistinguishedName),
        dns: &Names<DnsName>,
    ) -> Properties {
        Properties {
            public_key: Ok(public_key),
            signature_algorithm: Ok(signature_algorithm),
            key_usage,
            self_signed: subject.same_name(issuer),
            wildcard_name: wildcard_name(subject, dns),
        }
    }

    /// The public key, or why no such key is believed.
    pub fn public_key(&self) -> Result<PublicKey, KeyProblem> {
        self.public_key
    }

    /// How the certificate is signed, or why no such signature is believed.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, SignatureProblem> {
        self.signature_algorithm
    }

    /// Whether the key may sign handshakes.
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// Whether the certificate says that its own key signed it: subject and issuer are one name (RFC 5280 section 7.1),
    /// or the issuer's key is named as its own.
    pub fn self_signed(&self) -> Truth {
        self.self_signed
    }

    /// Whether a DNS name, or a common name that looks like one, is a wildcard; of a DNS name that cannot be read it
    /// cannot be told.
    pub fn wildcard_name(&self) -> Truth {
        self.wildcard_name
    }
}

/// Whether a certificate names its own key as its issuer's.
fn same_key(own: Option<&[u8]>, issuers: Option<&[u8]>) -> Truth {
    let (Some(own), Some(issuers)) = (own, issuers) else { return Truth::No };
    // AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, ... }
    let issuers = || Reader::new(der::only(SEQUENCE, issuers)?).optional(0x80);
    match (der::only(OCTET_STRING, own), issuers()) {
        // Some write identifiers that identify nothing.
        (Ok([]), Ok(_)) => Truth::No,
        (Ok(own), Ok(issuers)) => Truth::from(issuers == Some(own)),
        (Err(NotDer), _) | (_, Err(NotDer)) => Truth::CannotTell,
    }
}

fn wildcard_name(subject: &DistinguishedName, dns: &Names<DnsName>) -> Truth {
    const COMMON_NAME: &str = "CN";
    let common_names = AttributeType::parse(COMMON_NAME).ok();
    let mut common_names = common_names.iter().flat_map(|kind| subject.values(kind));
    let is_wildcard = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => text.trim_start().starts_with("*."),
        AttributeValue::Malformed(_) => false,
    };
    if common_names.any(is_wildcard) {
        return Truth::Yes;
    }
    dns.any(|name| Truth::from(name.is_wildcard()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::Certificate;
    use crate::identity::Identity;
    use crate::mint::{self, CN, Ca, Leaf, SAN_DNS, UTF8};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn leaf() -> Leaf {
        Ca::new("Acme Root").leaf("billing")
    }

    fn read(leaf: Leaf) -> Properties {
        let certificate = Certificate::from_der(leaf.mint().der).unwrap();
        Identity::of(&certificate).unwrap().properties().clone()
    }

    #[test]
    fn an_ordinary_certificate_is_what_it_is() {
        let properties = read(leaf().dns("billing.acme.example"));
        assert_eq!(properties.public_key(), Ok(PublicKey::EcP256));
        assert_eq!(properties.signature_algorithm(), Ok(SignatureAlgorithm::EcdsaSha256));
        assert_eq!(properties.key_usage(), KeyUsage::DigitalSignature);
        assert_eq!(properties.self_signed(), Truth::No);
        assert_eq!(properties.wildcard_name(), Truth::No);
    }

    #[test]
    fn a_certificate_whose_issuer_is_its_subject_is_self_signed() {
        assert_eq!(read(leaf().subject(CN, "Acme Root")).self_signed(), Truth::Yes);
        assert_eq!(read(leaf().relative_name(&[(CN, UTF8, b" acme  ROOT ")])).self_signed(), Truth::Yes);
        assert_eq!(read(leaf().subject(CN, "Acme Root 2")).self_signed(), Truth::No);
        assert_eq!(read(leaf().subject(CN, "Acme Root").subject(CN, "billing")).self_signed(), Truth::No);
    }

    #[test]
    fn a_certificate_that_names_its_own_key_as_its_issuers_is_self_signed() {
        let named = |own: &[u8], issuers: &[u8]| {
            read(leaf().key_identifier(own).extension(&[2, 5, 29, 35], issuers)).self_signed()
        };
        let key = |key: &[u8]| mint::der(SEQUENCE, &[&mint::der(0x80, &[key])]);
        assert_eq!(named(&[1, 2, 3], &key(&[1, 2, 3])), Truth::Yes);
        assert_eq!(named(&[1, 2, 3], &key(&[1, 2, 4])), Truth::No);
        assert_eq!(named(&[1, 2, 3], &key(&[1, 2])), Truth::No);
        assert_eq!(named(&[], &key(&[])), Truth::No, "identifiers that identify nothing");
        assert_eq!(named(&[1, 2, 3], &mint::der(SEQUENCE, &[])), Truth::No);
        assert_eq!(named(&[1, 2, 3], &[0x05, 0x00]), Truth::CannotTell);
        assert_eq!(read(leaf()).self_signed(), Truth::No);
    }

    #[test]
    fn wildcards_are_seen_in_dns_names_and_common_names() {
        for (leaf, expected) in [
            (leaf().dns("a.acme.example").dns("*.acme.example"), Truth::Yes),
            (leaf().subject(CN, "*.acme.example"), Truth::Yes),
            (leaf().subject(CN, "*"), Truth::No),
            (leaf().subject(CN, "x*.acme.example"), Truth::No),
            (leaf().uri("https://*.acme.example"), Truth::No),
            (leaf().raw_san(SAN_DNS, b"a*.acme.example"), Truth::CannotTell),
            (leaf().raw_san(SAN_DNS, b"a*.acme.example").dns("*.acme.example"), Truth::Yes),
        ] {
            assert_eq!(read(leaf).wildcard_name(), expected);
        }
    }
}
