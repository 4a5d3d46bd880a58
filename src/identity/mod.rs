//! Who the holder of a certificate is: every name in it, by kind, and the patterns that a policy compares with them.
//!
//! Names of different kinds never meet: a DNS pattern sees DNS names only. What cannot be read is kept as such, and a
//! pattern that meets it answers [`Truth::CannotTell`].

pub mod attribute;
mod cache;
pub mod distinguished_name;
pub mod dns;
pub mod email;
pub mod fingerprint;
pub mod names;
pub mod pattern;
pub mod serial;
pub mod spiffe;
pub mod text;
pub mod truth;
pub mod uri;
pub mod wildcard;

use thiserror::Error;
use time::OffsetDateTime;

pub use attribute::{AttributePattern, AttributeType};
pub(crate) use cache::{IdentityCache, Known};
pub use distinguished_name::{Attribute, AttributeValue, DistinguishedName};
pub use dns::{DnsName, DnsPattern};
pub use email::{EmailAddress, EmailPattern};
pub use fingerprint::FingerprintPattern;
pub use names::Names;
pub use pattern::PatternError;
pub use serial::{Serial, SerialPattern};
pub use spiffe::{SpiffeId, SpiffeIdentity, SpiffePattern, SpiffeProblem};
pub use text::{Case, TextKind, TextPattern};
pub use truth::Truth;
pub use uri::{Uri, UriPattern};
pub use wildcard::wildcard_matches;

use crate::cert::der::{self, NotDer, Reader, SEQUENCE};
use crate::cert::{Certificate, Fingerprint};

/// The most names in one certificate: attributes of subject and issuer and entries of the subjectAltName, of all
/// kinds together. Four times the 1,000 names that large shared certificates hold.
pub const MAX_NAMES: usize = 4096;

/// The subjectAltName extension, 2.5.29.17 (RFC 5280 section 4.2.1.6).
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

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
    /// The subjectAltName is no list of names (RFC 5280 section 4.2.1.6), or stands in the certificate twice.
    #[error("the subject alternative names cannot be parsed")]
    SubjectAltName,
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
    dns: Names<DnsName>,
    uri: Names<Uri>,
    email: Names<EmailAddress>,
    spiffe: SpiffeIdentity,
    fingerprint: Fingerprint,
    spki_fingerprint: Fingerprint,
    validity: Validity,
}

/// The time in which a certificate is valid, both ends included (RFC 5280 section 4.1.2.5). Whole seconds, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: OffsetDateTime,
    /// The last second.
    pub not_after: OffsetDateTime,
}

impl Identity {
    /// Reads every name of a certificate.
    pub fn of(certificate: &Certificate) -> Result<Identity, IdentityError> {
        let parsed = certificate.parsed().map_err(|_| IdentityError::Certificate)?;
        let mut left = MAX_NAMES;
        let subject = DistinguishedName::from_der(parsed.subject.as_raw(), &mut left)
            .map_err(|problem| problem.or(IdentityError::Subject))?;
        let issuer = DistinguishedName::from_der(parsed.issuer.as_raw(), &mut left)
            .map_err(|problem| problem.or(IdentityError::Issuer))?;
        let mut extensions =
            parsed.extensions().iter().filter(|extension| extension.oid.as_bytes() == SUBJECT_ALT_NAME);
        let names = match (extensions.next(), extensions.next()) {
            (None, _) => AltNames::new(),
            (Some(extension), None) => AltNames::from_der(extension.value, &mut left)
                .map_err(|problem| problem.or(IdentityError::SubjectAltName))?,
            (Some(_), Some(_)) => return Err(IdentityError::SubjectAltName),
        };
        Ok(Identity {
            subject,
            issuer,
            serial: Serial::from_integer(parsed.raw_serial()),
            spiffe: SpiffeIdentity::of(&names.uri),
            dns: names.dns,
            uri: names.uri,
            email: names.email,
            fingerprint: certificate.fingerprint(),
            spki_fingerprint: Fingerprint::of(parsed.public_key().raw),
            validity: Validity {
                not_before: parsed.validity().not_before.to_datetime(),
                not_after: parsed.validity().not_after.to_datetime(),
            },
        })
    }

    /// How many names there are: attributes of subject and issuer, and subject alternative names that rules match.
    pub(crate) fn name_count(&self) -> usize {
        let attributes = |name: &DistinguishedName| name.relative_names().iter().map(Vec::len).sum::<usize>();
        let alternative = self.dns.len() + self.uri.len() + self.email.len();
        attributes(&self.subject) + attributes(&self.issuer) + alternative
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
        &self.dns
    }

    /// The URIs of the subjectAltName, SPIFFE IDs among them.
    pub fn uri(&self) -> &Names<Uri> {
        &self.uri
    }

    /// The email addresses of the subjectAltName; those in the subject are attributes.
    pub fn email(&self) -> &Names<EmailAddress> {
        &self.email
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

struct AltNames {
    dns: Names<DnsName>,
    uri: Names<Uri>,
    email: Names<EmailAddress>,
}

impl AltNames {
    fn new() -> AltNames {
        AltNames { dns: Names::new(), uri: Names::new(), email: Names::new() }
    }

    /// Reads `GeneralNames` (RFC 5280 section 4.2.1.6).
    fn from_der(extension: &[u8], left: &mut usize) -> Result<AltNames, ListProblem> {
        const RFC822_NAME: u8 = 1;
        const DNS_NAME: u8 = 2;
        const URI: u8 = 6;
        const CONTEXT: u8 = 0x80;
        const CONSTRUCTED: u8 = 0x20;

        let mut names = AltNames::new();
        let mut list = Reader::new(der::only(SEQUENCE, extension)?);
        while let Some(name) = list.next()? {
            count_name(left)?;
            if name.tag & 0xc0 != CONTEXT {
                return Err(ListProblem::NotDer);
            }
            // A string in pieces is no DER; whatever the pieces say, it is a name of that kind that cannot be read.
            let text = Some(name.contents).filter(|_| name.tag & CONSTRUCTED == 0);
            match name.tag & 0x1f {
                RFC822_NAME => names.email.push(text.and_then(EmailAddress::from_bytes)),
                DNS_NAME => names.dns.push(text.and_then(DnsName::from_bytes)),
                URI => names.uri.push(text.and_then(Uri::from_bytes)),
                // Other kinds are not matched by any rule.
                _ => {}
            }
        }
        Ok(names)
    }
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
        // In the second attribute the length of the value is indefinite, which is no DER: x509-parser stops there,
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
        // Subject and issuer hold one each.
        let with = |count: usize| (0..count).fold(leaf(), |leaf, _| leaf.raw_san(SAN_DNS, b"a"));
        assert!(read(with(MAX_NAMES - 2)).is_ok());
        assert_eq!(read(with(MAX_NAMES - 1)), Err(IdentityError::TooManyNames));
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
