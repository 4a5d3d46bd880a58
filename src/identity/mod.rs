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
pub(crate) use cache::IdentityCache;
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
