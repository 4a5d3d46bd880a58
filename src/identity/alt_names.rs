//! The names of a subjectAltName (RFC 5280 section 4.2.1.6), by kind.

use std::net::IpAddr;

use super::dns::DnsName;
use super::email::EmailAddress;
use super::names::Names;
use super::other_name::OtherName;
use super::upn::{UPN, UserPrincipalName};
use super::uri::Uri;
use super::{ListProblem, count_name, ip};
use crate::cert::der::{self, Reader, SEQUENCE};

/// The extension, 2.5.29.17.
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

const OTHER_NAME: u8 = 0;
const RFC822_NAME: u8 = 1;
const DNS_NAME: u8 = 2;
const URI: u8 = 6;
const IP_ADDRESS: u8 = 7;

const CONTEXT: u8 = 0x80;
const CONSTRUCTED: u8 = 0x20;

/// The names of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AltNames {
    pub(super) dns: Names<DnsName>,
    pub(super) uri: Names<Uri>,
    pub(super) email: Names<EmailAddress>,
    pub(super) ip: Names<IpAddr>,
    pub(super) other: Names<OtherName>,
    /// Those of `other` that are of this kind, read; and those of which the kind cannot be told.
    pub(super) upn: Names<UserPrincipalName>,
}

impl AltNames {
    /// Of a certificate without the extension.
    pub(super) fn new() -> AltNames {
        AltNames {
            dns: Names::new(),
            uri: Names::new(),
            email: Names::new(),
            ip: Names::new(),
            other: Names::new(),
            upn: Names::new(),
        }
    }

    /// Reads `GeneralNames`, and takes the names from `left`.
    pub(super) fn from_der(extension: &[u8], left: &mut usize) -> Result<AltNames, ListProblem> {
        let mut names = AltNames::new();
        let mut list = Reader::new(der::only(SEQUENCE, extension)?);
        while let Some(name) = list.next()? {
            count_name(left)?;
            if name.tag & 0xc0 != CONTEXT {
                return Err(ListProblem::NotDer);
            }
            let constructed = name.tag & CONSTRUCTED != 0;
            // A string in pieces is no DER; whatever the pieces say, it is a name of that kind that cannot be read.
            let text = Some(name.contents).filter(|_| !constructed);
            match name.tag & 0x1f {
                OTHER_NAME => names.push_other(Some(name.contents).filter(|_| constructed)),
                RFC822_NAME => names.email.push(text.and_then(EmailAddress::from_bytes)),
                DNS_NAME => names.dns.push(text.and_then(DnsName::from_bytes)),
                URI => names.uri.push(text.and_then(Uri::from_bytes)),
                IP_ADDRESS => names.ip.push(text.and_then(ip::from_octets)),
                // Other kinds are not matched by any rule.
                _ => {}
            }
        }
        Ok(names)
    }

    /// How many there are, of the kinds that rules match.
    pub(super) fn count(&self) -> usize {
        let AltNames { dns, uri, email, ip, other, upn } = self;
        dns.len() + uri.len() + email.len() + ip.len() + other.len() + upn.len()
    }

    fn push_other(&mut self, contents: Option<&[u8]>) {
        let name = contents.and_then(|contents| OtherName::from_der(contents).ok());
        match &name {
            Some(name) if name.kind().contents() == UPN => {
                self.upn.push(UserPrincipalName::from_der(name.value()));
            }
            Some(_) => {}
            None => self.upn.push(None),
        }
        self.other.push(name);
    }
}
