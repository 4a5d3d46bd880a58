//! Who the holder of a certificate is: every name in it, by kind, and the patterns that a policy compares with them.
//!
//! Names of different kinds never meet: a DNS pattern sees DNS names only. What cannot be read is kept as such, and a
//! pattern that meets it answers [`Truth::CannotTell`].

mod alt_names;
pub mod attribute;
mod cache;
pub mod certificate_policy;
pub mod distinguished_name;
pub mod dns;
pub mod email;
mod expressions;
pub mod extension;
pub mod fingerprint;
pub mod ip;
pub mod key_purpose;
pub mod key_usage;
mod name_digest;
pub mod names;
pub mod object_identifier;
pub mod octets;
pub mod other_name;
pub mod pattern;
pub mod properties;
pub mod public_key;
#[cfg(not(target_arch = "wasm32"))]
pub mod recorded;
pub mod serial;
pub mod signature_algorithm;
pub mod spiffe;
pub mod text;
pub mod trust_domain;
pub mod truth;
pub mod upn;
pub mod uri;
pub mod wildcard;

use std::net::IpAddr;

use std::fmt;

use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use attribute::{AttributePattern, AttributeType};
pub(crate) use cache::{IdentityCache, Known};
pub use certificate_policy::{CertificatePolicy, CertificatePolicyPattern};
pub use distinguished_name::{Attribute, AttributeValue, DistinguishedName, DistinguishedNameError};
pub(crate) use dns::DnsKey;
pub use dns::{DnsName, DnsPattern};
pub use email::{EmailAddress, EmailPattern};
pub(crate) use expressions::{ExpressionSet, Limits};
pub use extension::{ExtensionPattern, Extensions};
pub use fingerprint::FingerprintPattern;
pub use ip::IpPattern;
pub use key_purpose::{KeyPurpose, KeyPurposePattern};
pub use key_usage::{KeyUsage, KeyUsages};
pub use name_digest::NameDigest;
pub use names::Names;
pub use object_identifier::ObjectIdentifier;
pub use octets::ValuePattern;
pub use other_name::{OtherName, OtherNamePattern};
pub use pattern::PatternError;
pub use properties::Properties;
pub use public_key::{KeyProblem, KeyType, PublicKey};
pub use serial::{Serial, SerialPattern};
pub use signature_algorithm::{SignatureAlgorithm, SignatureProblem};
pub use spiffe::{SpiffeId, SpiffeIdentity, SpiffePattern, SpiffeProblem};
pub use text::{Case, TextKind, TextPattern};
pub use trust_domain::TrustDomainPattern;
pub use truth::Truth;
pub use upn::{UpnPattern, UserPrincipalName};
pub use uri::{Uri, UriPattern};
pub use wildcard::wildcard_matches;

use self::alt_names::{AltNames, SUBJECT_ALT_NAME};
use self::certificate_policy::CERTIFICATE_POLICIES;
use self::key_purpose::EXTENDED_KEY_USAGE;
use crate::cert::der::NotDer;
use crate::cert::{Certificate, Fingerprint};

/// The most names in one certificate: attributes of subject and issuer, entries of the subjectAltName, purposes and
/// policies, of all kinds together. Four times the 1,000 names that large shared certificates hold.
pub const MAX_NAMES: usize = 4096;

/// Why a certificate's names cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The bytes are no certificate.
    #[error("the certificate cannot be parsed")]
    Certificate,
    /// The subject is no list of attributes (RFC 5280 section 4.1.2.6).
    #[error("the subject cannot be parsed")]
    Subject,
    /// The issuer is no list of attributes (RFC 5280 section 4.1.2.4).
    #[error("the issuer cannot be parsed")]
    Issuer,
    /// The subjectAltName is no list of names (RFC 5280 section 4.2.1.6).
    #[error("the subject alternative names cannot be parsed")]
    SubjectAltName,
    /// The keyUsage is no string of bits (RFC 5280 section 4.2.1.3).
    #[error("the key usage cannot be parsed")]
    KeyUsage,
    /// More than [`MAX_NAMES`].
    #[error("the certificate holds more than `{MAX_NAMES}` names")]
    TooManyNames,
}

/// Every name of a certificate, typed and owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    subject: DistinguishedName,
    issuer: DistinguishedName,
    serial: Serial,
    names: AltNames,
    spiffe: SpiffeIdentity,
    key_purposes: Names<KeyPurpose>,
    policies: Names<CertificatePolicy>,
    extensions: Extensions,
    fingerprint: Fingerprint,
    spki_fingerprint: Fingerprint,
    validity: Validity,
    properties: Properties,
}

/// The time in which a certificate is valid, both ends included (RFC 5280 section 4.1.2.5). Whole seconds, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: OffsetDateTime,
    /// The last second.
    pub not_after: OffsetDateTime,
}

/// `from` and `to`, as RFC 3339 writes them.
impl fmt::Display for Validity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [not_before, not_after] = [self.not_before, self.not_after].map(|time| time.format(&Rfc3339));
        match (not_before, not_after) {
            (Ok(not_before), Ok(not_after)) => write!(out, "from {not_before} to {not_after}"),
            // Of years that have not four digits.
            (Ok(_) | Err(_), _) => write!(out, "from {} to {}", self.not_before, self.not_after),
        }
    }
}

impl Identity {
    /// Reads every name of a certificate.
    pub fn of(certificate: &Certificate) -> Result<Identity, IdentityError> {
        let fields = certificate.fields().map_err(|_| IdentityError::Certificate)?;
        let mut left = MAX_NAMES;
        let subject = DistinguishedName::from_der(fields.subject, &mut left)
            .map_err(|problem| problem.or(IdentityError::Subject))?;
        let issuer = DistinguishedName::from_der(fields.issuer, &mut left)
            .map_err(|problem| problem.or(IdentityError::Issuer))?;
        let extensions = Extensions::new(fields.extensions);
        let names = match extensions.find(SUBJECT_ALT_NAME) {
            None => AltNames::new(),
            Some(extension) => AltNames::from_der(extension.value, &mut left)
                .map_err(|problem| problem.or(IdentityError::SubjectAltName))?,
        };
        let key_purposes = listed(&extensions, EXTENDED_KEY_USAGE, KeyPurpose::list_from_der, &mut left)?;
        let policies =
            listed(&extensions, CERTIFICATE_POLICIES, CertificatePolicy::list_from_der, &mut left)?;
        let properties = Properties::of(&fields, &extensions, (&subject, &issuer), &names.dns)?;
        Ok(Identity {
            subject,
            issuer,
            serial: Serial::from_integer(fields.serial),
            spiffe: SpiffeIdentity::of(&names.uri),
            names,
            key_purposes,
            policies,
            extensions,
            fingerprint: certificate.fingerprint(),
            spki_fingerprint: Fingerprint::of(fields.public_key),
            validity: Validity { not_before: fields.not_before, not_after: fields.not_after },
            properties,
        })
    }

    /// How many names there are of the kinds that rules match.
    pub(crate) fn name_count(&self) -> usize {
        let attributes = |name: &DistinguishedName| name.relative_names().iter().map(Vec::len).sum::<usize>();
        let listed = self.names.count() + self.key_purposes.len() + self.policies.len();
        attributes(&self.subject) + attributes(&self.issuer) + listed
    }

    /// How many bytes of the certificate are kept beside what was read of them.
    pub(crate) fn repeated_bytes(&self) -> usize {
        let other_names = self.names.other.values().iter().map(|name| name.value().len());
        self.extensions.bytes() + other_names.sum::<usize>()
    }

    /// The subject.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The serial number.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// The DNS names of the subjectAltName. A common name that looks like one is none (RFC 9525 section 2).
    pub fn dns(&self) -> &Names<DnsName> {
        &self.names.dns
    }

    /// The URIs of the subjectAltName, SPIFFE IDs among them.
    pub fn uri(&self) -> &Names<Uri> {
        &self.names.uri
    }

    /// The email addresses of the subjectAltName; those in the subject are attributes.
    pub fn email(&self) -> &Names<EmailAddress> {
        &self.names.email
    }

    /// The IP addresses of the subjectAltName. A DNS name that looks like one is none.
    pub fn ip(&self) -> &Names<IpAddr> {
        &self.names.ip
    }

    /// The user principal names of the subjectAltName.
    pub fn upn(&self) -> &Names<UserPrincipalName> {
        &self.names.upn
    }

    /// The names of other kinds of the subjectAltName, user principal names among them.
    pub fn other_names(&self) -> &Names<OtherName> {
        &self.names.other
    }

    /// What the key may be used for, where the certificate says so.
    pub fn key_purposes(&self) -> &Names<KeyPurpose> {
        &self.key_purposes
    }

    /// The policies under which the certificate was issued.
    pub fn policies(&self) -> &Names<CertificatePolicy> {
        &self.policies
    }

    /// All the extensions.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The SPIFFE ID.
    pub fn spiffe(&self) -> &SpiffeIdentity {
        &self.spiffe
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo, RFC 7469 section 2.4).
    pub fn spki_fingerprint(&self) -> Fingerprint {
        self.spki_fingerprint
    }

    /// When the certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// What the certificate is, beside whom it names.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }
}

/// What an extension lists; where it cannot be read, a name that cannot be, so that no pattern for it can be told.
fn listed<T>(
    extensions: &Extensions,
    oid: &[u8],
    read: impl Fn(&[u8], &mut usize) -> Result<Names<T>, ListProblem>,
    left: &mut usize,
) -> Result<Names<T>, IdentityError> {
    match extensions.find(oid).map(|extension| read(extension.value, left)) {
        None => Ok(Names::new()),
        Some(Ok(names)) => Ok(names),
        Some(Err(ListProblem::NotDer)) => Ok(Names::unreadable()),
        Some(Err(ListProblem::TooMany)) => Err(IdentityError::TooManyNames),
    }
}

/// Why a list of names cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListProblem {
    NotDer,
    TooMany,
}

impl ListProblem {
    fn or(self, not_der: IdentityError) -> IdentityError {
        match self {
            ListProblem::NotDer => not_der,
            ListProblem::TooMany => IdentityError::TooManyNames,
        }
    }
}

impl From<NotDer> for ListProblem {
    fn from(_: NotDer) -> ListProblem {
        ListProblem::NotDer
    }
}

/// Takes one from what is left of [`MAX_NAMES`].
pub(crate) fn count_name(left: &mut usize) -> Result<(), ListProblem> {
    *left = left.checked_sub(1).ok_or(ListProblem::TooMany)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{self, CN, Ca, IA5, Leaf, OU, PRINTABLE, SAN_DNS, SAN_EMAIL, SAN_URI, TELETEX, UTF8};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn leaf() -> Leaf {
        Ca::new("Acme Root").leaf("billing")
    }

    fn read(leaf: Leaf) -> Result<Identity, IdentityError> {
        Identity::of(&Certificate::from_der(leaf.mint().der).unwrap())
    }

    fn common_name(text: &str) -> AttributePattern {
        AttributePattern::new(AttributeType::parse("CN").unwrap(), TextKind::Exact, text).unwrap()
    }

    #[test]
    fn every_name_of_a_certificate_is_read_by_its_kind() {
        let leaf = leaf()
            .spiffe("spiffe://acme.example/billing")
            .dns("Billing.acme.example")
            .email("ops@ACME.example");
        let minted =
            leaf.dns("*.billing.acme.example").ip([192, 0, 2, 1].into()).serial(&[0x0f, 0x3a]).mint();
        let identity = Identity::of(&Certificate::from_der(minted.der.clone()).unwrap()).unwrap();
        assert_eq!(identity.subject().to_string(), "CN=billing");
        assert_eq!(identity.issuer().to_string(), "CN=Acme Root");
        assert_eq!(identity.serial().to_string(), "0f3a");
        let dns: Vec<&str> = identity.dns().values().iter().map(DnsName::as_str).collect();
        assert_eq!(dns, ["billing.acme.example", "*.billing.acme.example"]);
        let uri: Vec<&str> = identity.uri().values().iter().map(Uri::as_str).collect();
        assert_eq!(uri, ["spiffe://acme.example/billing"]);
        let email: Vec<&str> = identity.email().values().iter().map(EmailAddress::as_str).collect();
        assert_eq!(email, ["ops@acme.example"]);
        let id = SpiffeId::parse("spiffe://acme.example/billing").unwrap();
        assert_eq!(identity.spiffe(), &SpiffeIdentity::Id(id));
        assert_eq!(identity.fingerprint(), Fingerprint::from_bytes(minted.digest()));
        assert_eq!(identity.validity().not_before, rcgen::date_time_ymd(2020, 1, 1));
        assert_eq!(identity.validity().not_after, rcgen::date_time_ymd(2099, 1, 1));
    }

    #[test]
    fn the_digest_of_the_public_key_follows_the_key_and_not_the_certificate() {
        let key = |leaf: Leaf| read(leaf).unwrap().spki_fingerprint();
        assert_eq!(key(leaf()), key(leaf().dns("a.acme.example")));
        assert_ne!(key(leaf()), key(leaf().key(mint::Key::new("another"))));
        let spki = rcgen::PublicKeyData::subject_public_key_info(&mint::Key::new("billing"));
        assert_eq!(key(leaf()), Fingerprint::of(&spki));
    }

    #[test]
    fn a_certificate_without_alternative_names_or_subject_has_none() {
        let identity = read(leaf().no_subject()).unwrap();
        assert!(identity.subject().is_empty());
        assert!(identity.dns().is_empty() && identity.uri().is_empty() && identity.email().is_empty());
        assert_eq!(identity.spiffe(), &SpiffeIdentity::None);
    }

    #[test]
    fn a_name_of_one_kind_is_never_seen_as_another() {
        let host = "pay.acme.example";
        let dns = DnsPattern::parse(host).unwrap();
        let uri = UriPattern::new(TextKind::Exact, host).unwrap();
        let email = EmailPattern::new(TextKind::Suffix, host).unwrap();
        let asked = |leaf: Leaf| {
            let identity = read(leaf).unwrap();
            let subject = common_name(host).matches(identity.subject());
            (
                dns.matches(identity.dns()),
                uri.matches(identity.uri()),
                email.matches(identity.email()),
                subject,
            )
        };
        let no = Truth::No;
        assert_eq!(asked(leaf().dns(host)), (Truth::Yes, no, no, no));
        assert_eq!(asked(leaf().uri(host)), (no, Truth::Yes, no, no));
        assert_eq!(asked(leaf().email(&format!("a@{host}"))), (no, no, Truth::Yes, no));
        assert_eq!(asked(leaf().subject(CN, host)), (no, no, no, Truth::Yes));
        // A host's name is no email address: an unreadable one, and of no other kind.
        assert_eq!(asked(leaf().email(host)), (no, no, Truth::CannotTell, no));
        for other in [0x87, 0x88] {
            assert_eq!(asked(leaf().raw_san(other, host.as_bytes())), (no, no, no, no), "{other:#x}");
        }
    }

    #[test]
    fn names_with_odd_bytes_are_counted_and_never_cut() {
        for (tag, bytes) in [
            (SAN_DNS, &b"good.acme.example\0.evil.example"[..]),
            (SAN_DNS, b"good.acme.example\n"),
            (SAN_DNS, b"\xff\xfe"),
            (SAN_DNS, b""),
            (SAN_URI, b"spiffe://acme.example/a\0b"),
            (SAN_URI, b"\xff"),
            (SAN_EMAIL, b"a@acme.example\0@evil.example"),
            (SAN_EMAIL, b"a\n@acme.example"),
        ] {
            let identity = read(leaf().raw_san(tag, bytes)).unwrap();
            let counted = |dns, uri, email| {
                assert_eq!(identity.dns().malformed(), dns, "{}", bytes.escape_ascii());
                assert_eq!(identity.uri().malformed(), uri, "{}", bytes.escape_ascii());
                assert_eq!(identity.email().malformed(), email, "{}", bytes.escape_ascii());
            };
            match tag {
                SAN_DNS => counted(1, 0, 0),
                SAN_URI => counted(0, 1, 0),
                _ => counted(0, 0, 1),
            }
            assert!(identity.dns().values().is_empty() && identity.uri().values().is_empty());
        }
    }

    #[test]
    fn a_name_in_pieces_is_unreadable() {
        let pieces = mint::der(0x16, &[b"pay.acme.example"]);
        let identity = read(leaf().raw_san(SAN_DNS | 0x20, &pieces)).unwrap();
        assert_eq!((identity.dns().values().len(), identity.dns().malformed()), (0, 1));
    }

    #[test]
    fn a_spiffe_id_beside_another_uri_is_invalid() {
        let identity = read(leaf().spiffe("spiffe://acme.example/a").uri("urn:acme:a")).unwrap();
        assert_eq!(identity.spiffe(), &SpiffeIdentity::Invalid(SpiffeProblem::SeveralUris));
        assert_eq!(identity.uri().values().len(), 2);
        let identity = read(leaf().spiffe("spiffe://acme.example/a").dns("a.acme.example")).unwrap();
        assert!(matches!(identity.spiffe(), SpiffeIdentity::Id(_)));
    }

    #[test]
    fn a_multi_valued_name_holds_both_common_names() {
        let admin = common_name("admin");
        let subject = |attributes: &[(&[u8], u8, &[u8])]| {
            let identity = read(leaf().relative_name(attributes)).unwrap();
            admin.matches(identity.subject())
        };
        assert_eq!(subject(&[(CN, UTF8, b"user"), (CN, UTF8, b"admin")]), Truth::CannotTell);
        assert_eq!(subject(&[(CN, UTF8, b"user"), (OU, UTF8, b"admin")]), Truth::No);
        assert_eq!(subject(&[(CN, PRINTABLE, b"ADMIN"), (OU, IA5, b"x")]), Truth::Yes);
        assert_eq!(subject(&[(CN, TELETEX, b"adm\xefn")]), Truth::CannotTell);
    }

    #[test]
    fn an_attribute_that_the_parser_would_drop_makes_the_subject_unreadable() {
        // In the second attribute the length of the value is indefinite, which is no DER: `x509-parser` stops there,
        // and says that the subject is `CN=user`.
        let user = mint::attribute(CN, &mint::der(UTF8, &[b"user"]));
        let admin = mint::attribute(CN, b"\x2c\x80\x0c\x05admin\x00\x00");
        let leaf = leaf().raw_relative_name(&mint::der(0x31, &[&user, &admin]));
        assert_eq!(read(leaf), Err(IdentityError::Subject));
    }

    #[test]
    fn alternative_names_that_are_no_list_are_an_error() {
        let name = mint::der(SAN_DNS, &[b"a.acme.example"]);
        assert!(read(leaf().raw_alt_names(&mint::der(0x30, &[&name]))).is_ok());
        for (problem, contents) in [
            ("no list", name.clone()),
            ("nothing", Vec::new()),
            ("a set", mint::der(0x31, &[&name])),
            ("bytes after the list", [mint::der(0x30, &[&name]), vec![0]].concat()),
            ("a name cut short", mint::der(0x30, &[&name, &[SAN_DNS, 5, b'a']])),
            ("a string that is no name", mint::der(0x30, &[&name, &[0x16, 1, b'a']])),
        ] {
            assert_eq!(
                read(leaf().raw_alt_names(&contents)),
                Err(IdentityError::SubjectAltName),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_certificate_with_a_thousand_names_is_read_and_the_last_one_found() {
        let many = (0..1000).fold(leaf(), |leaf, at| leaf.dns(&format!("n{at}.acme.example")));
        let identity = read(many).unwrap();
        assert_eq!(identity.dns().values().len(), 1000);
        assert_eq!(DnsPattern::parse("n999.acme.example").unwrap().matches(identity.dns()), Truth::Yes);
        assert_eq!(DnsPattern::parse("n1000.acme.example").unwrap().matches(identity.dns()), Truth::No);
    }

    #[test]
    fn more_names_than_the_limit_are_an_error() {
        // Subject, issuer and extended key usage hold one each.
        let with = |count: usize| (0..count).fold(leaf(), |leaf, _| leaf.raw_san(SAN_DNS, b"a"));
        assert!(read(with(MAX_NAMES - 3)).is_ok());
        assert_eq!(read(with(MAX_NAMES - 2)), Err(IdentityError::TooManyNames));
    }

    #[test]
    fn names_of_every_kind_count_against_the_limit() {
        let other = |count: usize| (0..count).fold(leaf(), |leaf, _| leaf.other_name(&[0x2a], &[0x05, 0x00]));
        let ip = |count: usize| (0..count).fold(leaf(), |leaf, _| leaf.raw_san(mint::SAN_IP, b"a"));
        // A registered identifier, which no rule matches.
        let unmatched = |count: usize| (0..count).fold(leaf(), |leaf, _| leaf.raw_san(0x88, b"a"));
        let purposes = |count: usize| leaf().purposes(&vec![&[1, 2, 3][..]; count + 1]);
        let policies = |count: usize| leaf().policies(&vec![&[0x2a, 0x03][..]; count]);
        let kinds: [(&str, &dyn Fn(usize) -> Leaf); 5] = [
            ("other name", &other),
            ("IP address", &ip),
            ("unmatched", &unmatched),
            ("purpose", &purposes),
            ("policy", &policies),
        ];
        for (kind, with) in kinds {
            assert!(read(with(MAX_NAMES - 3)).is_ok(), "{kind}");
            assert_eq!(read(with(MAX_NAMES - 2)), Err(IdentityError::TooManyNames), "{kind}");
        }
    }

    #[test]
    fn what_the_cache_weighs_grows_with_every_kind_of_name() {
        let count = |leaf: Leaf| read(leaf).unwrap().name_count();
        let plain = count(leaf());
        assert_eq!(count(leaf().dns("a.example").uri("urn:a").email("a@a.example")), plain + 3);
        assert_eq!(count(leaf().ip([192, 0, 2, 1].into()).other_name(&[0x2a], &[0x05, 0x00])), plain + 2);
        // One that is read and one that is kept.
        assert_eq!(count(leaf().upn("alice@acme.example")), plain + 2);
        assert_eq!(count(leaf().policies(&[&[0x2a]]).purposes(&[&[1, 2, 3], &[1, 2, 4]])), plain + 2);
        let bytes = |leaf: Leaf| read(leaf).unwrap().repeated_bytes();
        assert!(bytes(leaf().other_name(&[0x2a], &mint::der(UTF8, &[&[b'a'; 1000]]))) > bytes(leaf()) + 2000);
        assert!(bytes(leaf().extension(&[1, 2, 3], &[0; 1000])) > bytes(leaf()) + 1000);
    }

    #[test]
    fn an_extension_that_cannot_be_read_makes_its_own_patterns_untold() {
        let purpose = KeyPurposePattern::parse("clientAuth").unwrap();
        let policy = CertificatePolicyPattern::parse("1.2.3").unwrap();
        let asked = |leaf: Leaf| {
            let identity = read(leaf).unwrap();
            (purpose.matches(identity.key_purposes()), policy.matches(identity.policies()))
        };
        assert_eq!(asked(leaf()), (Truth::Yes, Truth::No));
        assert_eq!(asked(leaf().purposes(&[])), (Truth::No, Truth::No));
        let odd = leaf().extension(mint::CERTIFICATE_POLICIES, &[0x30, 0x01]);
        assert_eq!(asked(odd), (Truth::Yes, Truth::CannotTell));
        let odd = leaf().purposes(&[]).extension(mint::EXTENDED_KEY_USAGE, &[0x30, 0x00]);
        assert_eq!(asked(odd), (Truth::CannotTell, Truth::No));
    }

    #[test]
    fn user_principal_names_are_read_from_their_kind_of_other_name_only() {
        let upn = |leaf: Leaf| {
            let identity = read(leaf).unwrap();
            let names: Vec<String> = identity.upn().values().iter().map(ToString::to_string).collect();
            (names, identity.upn().malformed(), identity.other_names().len())
        };
        let name = mint::der(UTF8, &[b"Alice@acme.example"]);
        let read = || vec!["alice@acme.example".to_owned()];
        assert_eq!(upn(leaf().upn("Alice@acme.example")), (read(), 0, 1));
        assert_eq!(upn(leaf().other_name(&[0x2a], &name)), (vec![], 0, 1));
        assert_eq!(upn(leaf().other_name(mint::UPN, &mint::der(IA5, &[b"a@b"]))), (vec![], 1, 1));
        // Of what is no other name, the kind cannot be told.
        assert_eq!(upn(leaf().raw_san(mint::SAN_OTHER, &name)), (vec![], 1, 1));
        assert_eq!(upn(leaf().raw_san(0x80, &name).upn("alice@acme.example")), (read(), 1, 2));
    }

    #[test]
    fn odd_serial_numbers_are_kept_apart() {
        let serial = |contents: &[u8]| read(leaf().serial(contents)).unwrap().serial().to_string();
        assert_eq!(serial(&[0x00, 0x9f]), "9f");
        assert_eq!(serial(&[0x9f]), "negative");
        assert_eq!(serial(&[0x7f; 21]), "too long");
        assert_eq!(serial(&[0x00]), "00");
    }

    #[test]
    fn the_time_of_an_expired_certificate_is_read() {
        let validity = read(leaf().expired()).unwrap().validity();
        assert_eq!(validity.not_after, rcgen::date_time_ymd(2021, 1, 1));
    }
}
