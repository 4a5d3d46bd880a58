//! Authorities from certificates of which nobody says which of them is an anchor.

use std::sync::Arc;
use std::time::Duration;

use mtls_policy::cert::Certificate;
use mtls_policy::revocation::crl::{List, Load, LoadError};
use mtls_policy::revocation::{Checked, Judgement, Why, crl};
use mtls_policy::trust::{Authorities, Authority};
use time::OffsetDateTime;

/// Authorities that were given as such, and the positions of those certificates that are none.
pub(crate) struct Issuers {
    authorities: Authorities,
    pub(crate) refused: Vec<usize>,
}

impl Issuers {
    /// Reads certificates in DER. Those that their own key signed are anchors, and the others are authorities where they chain to
    /// one; if none is self-signed, all are anchors.
    ///
    /// # Errors
    /// The position of one that cannot be read, and why it cannot.
    pub(crate) fn of(certificates: Vec<Vec<u8>>) -> Result<Issuers, (usize, String)> {
        let authority = |(at, der)| {
            let certificate = Certificate::from_der(der).map_err(|error| (at, error.to_string()))?;
            Authority::of(certificate).map_err(|error| (at, error.to_string()))
        };
        let authorities =
            certificates.into_iter().enumerate().map(authority).collect::<Result<Vec<_>, _>>()?;
        let is_anchor: Vec<bool> = authorities.iter().map(is_self_signed).collect();
        let has_anchor = is_anchor.contains(&true);
        let (anchors, others): (Vec<_>, Vec<_>) = authorities
            .into_iter()
            .zip(is_anchor)
            .enumerate()
            .partition(|(_, (_, anchor))| *anchor || !has_anchor);
        let positions: Vec<usize> = others.iter().map(|(at, _)| *at).collect();
        let only = |all: Vec<(usize, (Authority, bool))>| all.into_iter().map(|(_, (one, _))| one).collect();
        let (authorities, refused) = Authorities::new(only(anchors), only(others));
        let refused = refused.iter().filter_map(|at| positions.get(*at).copied()).collect();
        Ok(Issuers { authorities, refused })
    }

    /// Loads a list that one of them signed, from this source.
    pub(crate) fn load(&self, list: Vec<u8>, source: &str) -> Result<Arc<List>, LoadError> {
        let authorities = self.authorities.iter().cloned().collect();
        let mut loaded = Load::new(list, authorities).finish()?;
        loaded.head.source = source.into();
        Ok(Arc::new(loaded.into_list()))
    }

    /// What lists say of a certificate.
    pub(crate) fn judge(
        &self,
        certificate: &Certificate,
        lists: &[Arc<List>],
        now: OffsetDateTime,
        grace: Duration,
    ) -> Judgement {
        let Ok(checked) = Checked::of(certificate, [&self.authorities].into_iter()) else {
            return Judgement::unknown(Why::Unusable, "the certificate cannot be read");
        };
        match checked.issuers().first() {
            Some((_, issuer)) => crl::judge(&checked, issuer, &self.authorities, lists, now, grace),
            None => Judgement::unknown(Why::IssuerUnknown, "none of the issuers signed the certificate"),
        }
    }
}

fn is_self_signed(authority: &Authority) -> bool {
    authority.subject_digest().is_some()
        && authority.subject_digest() == authority.issuer_digest()
        && authority.signed(authority.certificate()).is_ok()
}
