//! Where a certificate says that its revocation is published: `cRLDistributionPoints` (RFC 5280 section 4.2.1.13).

use super::crl::{DistributionPointName, GeneralName, Name, Reasons};
use crate::cert::Fingerprint;
use crate::cert::der::{self, NotDer, Reader, SEQUENCE};
use crate::identity::NameDigest;

/// The extension, 2.5.29.31.
pub(super) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];

/// The most distribution points of one certificate. CAs write one or two; those that part their lists by reasons, some more.
const MAX_DISTRIBUTION_POINTS: usize = 64;

/// The distribution points of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DistributionPoints {
    /// These; none where the certificate names none.
    Known(Vec<DistributionPoint>),
    /// It names some that cannot be read: which lists cover it cannot be told.
    Malformed,
}

/// One distribution point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DistributionPoint {
    /// What lists call it; `None` where it has no name, and lists are found by their issuer.
    pub(super) names: Option<Vec<NameKey>>,
    /// The reasons for which its lists revoke.
    pub(super) reasons: Reasons,
    /// Who issues its lists, where that is not the issuer of the certificate.
    pub(super) issuers: Option<Vec<NameKey>>,
}

/// A `GeneralName` in a form that is compared at no cost. What is compared with nothing has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKey {
    /// A distinguished name, compared as RFC 5280 section 7.1 says.
    Directory(NameDigest),
    /// A name of another kind, compared octet for octet.
    Other(Fingerprint),
}

impl NameKey {
    /// The keys of those names that can be compared.
    pub(super) fn all(names: &[GeneralName]) -> Vec<NameKey> {
        names.iter().filter_map(NameKey::of).collect()
    }

    fn of(name: &GeneralName) -> Option<NameKey> {
        const URI: u8 = 0x86;
        match name {
            GeneralName::Directory(name) => NameDigest::of(name.name()).map(NameKey::Directory),
            GeneralName::Uri(uri) => Some(NameKey::Other(Fingerprint::of(&[&[URI], &uri[..]].concat()))),
            GeneralName::Other(der) => Some(NameKey::Other(Fingerprint::of(der))),
        }
    }
}

impl DistributionPoints {
    /// Reads the value of the extension, where there is one, of a certificate of this issuer.
    pub(super) fn of(extension: Option<&[u8]>, issuer: &Name) -> DistributionPoints {
        match extension.map(|extension| read(extension, issuer)) {
            None => DistributionPoints::Known(Vec::new()),
            Some(Ok(points)) => DistributionPoints::Known(points),
            Some(Err(NotDer)) => DistributionPoints::Malformed,
        }
    }
}

/// `CRLDistributionPoints ::= SEQUENCE SIZE (1..MAX) OF DistributionPoint`
fn read(extension: &[u8], issuer: &Name) -> Result<Vec<DistributionPoint>, NotDer> {
    let mut points = Vec::new();
    let mut list = Reader::new(der::only(SEQUENCE, extension)?);
    while let Some(point) = list.next()? {
        if points.len() >= MAX_DISTRIBUTION_POINTS {
            return Err(NotDer);
        }
        points.push(DistributionPoint::read(der::only(SEQUENCE, point.whole)?, issuer)?);
    }
    if points.is_empty() { Err(NotDer) } else { Ok(points) }
}

impl DistributionPoint {
    fn read(contents: &[u8], issuer: &Name) -> Result<DistributionPoint, NotDer> {
        const DISTRIBUTION_POINT: u8 = 0xa0;
        const REASONS: u8 = 0x81;
        const CRL_ISSUER: u8 = 0xa2;
        let mut fields = Reader::new(contents);
        let name = fields.optional(DISTRIBUTION_POINT)?.map(DistributionPointName::parse).transpose()?;
        let reasons = fields.optional(REASONS)?.map(Reasons::parse).transpose()?;
        let issuers = fields.optional(CRL_ISSUER)?.map(GeneralName::all).transpose()?;
        fields.end()?;
        // One of them must be there, for reasons alone name no list.
        if name.is_none() && issuers.is_none() {
            return Err(NotDer);
        }
        let names = match &name {
            None => None,
            Some(name @ DistributionPointName::Full(_)) => Some(name.names(issuer)),
            Some(name @ DistributionPointName::RelativeToIssuer(_)) => match issuers.as_deref() {
                None => Some(name.names(issuer)),
                // It must not be used with several names, for which of them it continues is not said.
                Some([GeneralName::Directory(issuer)]) => Some(name.names(issuer)),
                Some(_) => return Err(NotDer),
            },
        };
        Ok(DistributionPoint {
            names: names.map(|names| NameKey::all(&names)),
            reasons: reasons.unwrap_or(Reasons::ALL),
            issuers: issuers.map(|issuers| NameKey::all(&issuers)),
        })
    }
}
