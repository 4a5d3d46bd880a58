//! What the search for a certificate's status needs to know of it, read once.

use std::sync::Arc;

use thiserror::Error;

use super::crl::{LookUps, Name};
use super::distribution_points::{CRL_DISTRIBUTION_POINTS, DistributionPoints};
use crate::cert::{Certificate, Fingerprint};
use crate::identity::{DistinguishedName, Extensions, NameDigest};
use crate::trust::{Authorities, Authority, Standing};

/// A certificate whose status is wanted.
#[derive(Debug)]
pub struct Checked {
    fingerprint: Fingerprint,
    claims: Claims,
    /// For each bundle that holds its issuer: the bundle's position in the policy, and the issuer.
    issuers: Vec<(usize, Arc<Authority>)>,
}

/// What a certificate itself says of where its revocation is found.
#[derive(Debug)]
pub(super) struct Claims {
    /// The contents of its serial number's INTEGER.
    pub(super) serial: Box<[u8]>,
    issuer: Name,
    /// The digest of its issuer's name; `None` where that cannot be compared.
    pub(super) issuer_digest: Option<NameDigest>,
    pub(super) points: DistributionPoints,
    pub(super) holder: Holder,
    /// What lists have said of it.
    pub(super) look_ups: LookUps,
}

/// Whose certificate it is (RFC 5280 section 6.3.3 (b) (2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    EndEntity,
    Ca,
    /// Its basicConstraints cannot be read.
    Unclear,
}

/// Why a certificate's status cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the certificate cannot be read")]
pub struct Unreadable;

impl Checked {
    /// Reads `certificate` and finds out who of these bundles' authorities issued it, by signature.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of<'a>(
        certificate: &Certificate,
        bundles: impl Iterator<Item = &'a Authorities>,
    ) -> Result<Checked, Unreadable> {
        let claims = Claims::of(certificate)?;
        let issuers = bundles.enumerate().filter_map(|(at, authorities)| {
            authorities.issuer_of(certificate).map(|issuer| (at, Arc::clone(issuer)))
        });
        Ok(Checked { fingerprint: certificate.fingerprint(), issuers: issuers.collect(), claims })
    }

    /// Reads `certificate`, of which it was verified that `issuers` issued it: one and the same CA, of bundles at these positions in
    /// the policy.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn issued_by(
        certificate: &Certificate,
        issuers: Vec<(usize, Arc<Authority>)>,
    ) -> Result<Checked, Unreadable> {
        let claims = Claims::of(certificate)?;
        Ok(Checked { fingerprint: certificate.fingerprint(), claims, issuers })
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its serial number: the contents of the DER INTEGER, as they are.
    pub fn serial(&self) -> &[u8] {
        &self.claims.serial
    }

    /// The name of its issuer.
    pub fn issuer_name(&self) -> &DistinguishedName {
        self.claims.issuer.name()
    }

    /// Who issued it: for each bundle that holds the issuer, the bundle's position in the policy, and the issuer.
    pub fn issuers(&self) -> &[(usize, Arc<Authority>)] {
        &self.issuers
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl Claims {
    /// Reads them from a certificate.
    pub(super) fn of(certificate: &Certificate) -> Result<Claims, Unreadable> {
        let fields = certificate.fields().map_err(|_| Unreadable)?;
        let issuer = Name::parse(fields.issuer).ok_or(Unreadable)?;
        let extensions = Extensions::new(fields.extensions);
        let points = extensions.find(CRL_DISTRIBUTION_POINTS).map(|extension| extension.value);
        let holder = match Standing::of(&extensions) {
            Ok(Standing::Ca { .. }) => Holder::Ca,
            Ok(Standing::EndEntity | Standing::Unstated) => Holder::EndEntity,
            Err(_) => Holder::Unclear,
        };
        Ok(Claims {
            serial: fields.serial.into(),
            points: DistributionPoints::of(points, &issuer),
            holder,
            issuer_digest: NameDigest::of(issuer.name()),
            issuer,
            look_ups: LookUps::default(),
        })
    }
}
