//! Whether a list is signed by one who may speak of the certificates of an issuer (RFC 5280 section 6.3.3 (f)).

use time::OffsetDateTime;

use super::Judge;
use crate::cert::Fingerprint;
use crate::revocation::Status;
use crate::revocation::checked::Claims;
use crate::revocation::crl::List;
use crate::trust::Authority;

/// The most signers of lists whose status hangs on one another's lists. One is usual: a key that an issuer has for its lists.
const MAX_SIGNERS: usize = 3;

/// Who signed a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    /// Nobody who may sign lists about this issuer's certificates.
    Stranger,
    /// One who may, whose certificate was revoked.
    Revoked,
    /// One who may, whose certificate is not valid now.
    NotValid,
    /// One who may.
    ValidUntil(OffsetDateTime),
}

/// Whose lists are being asked about whom.
#[derive(Clone, Copy)]
pub(super) struct Trail<'t> {
    last: Option<(Fingerprint, &'t Trail<'t>)>,
}

impl Trail<'_> {
    pub(super) const START: Trail<'static> = Trail { last: None };

    fn signers(&self) -> impl Iterator<Item = Fingerprint> {
        let mut trail = self;
        std::iter::from_fn(move || {
            let (signer, before) = trail.last?;
            trail = before;
            Some(signer)
        })
    }
}

impl Judge<'_> {
    /// Who signed `list`, for certificates of `issuer`.
    pub(super) fn signer(self, list: &List, issuer: &Authority, trail: Trail<'_>) -> Signer {
        let Some(name) = list.reach().issuer() else { return Signer::Stranger };
        let key = list.head().signer;
        let is_issuer = key == issuer.spki_fingerprint() && Some(name) == issuer.subject_digest();
        if is_issuer && issuer.may_sign_lists() && issuer.is_valid_at(self.now) {
            return Signer::ValidUntil(issuer.validity().not_after);
        }
        let mut found = Signer::Stranger;
        for other in self.authorities.named(name) {
            let may = other.spki_fingerprint() == key && other.may_sign_lists();
            if !may || !self.authorities.share_an_anchor(issuer, other) {
                continue;
            }
            if !is_issuer && self.is_revoked(other, trail) {
                found = Signer::Revoked;
            } else if other.is_valid_at(self.now) {
                return Signer::ValidUntil(other.validity().not_after);
            } else {
                found = Signer::NotValid;
            }
        }
        found
    }

    /// Whether a certificate of `issuer` that is on no list of the signer of `list` is not revoked for that.
    ///
    /// A CA may keep a list for each of its keys, as Active Directory does after a renewal with a new key, and none of these tells
    /// of which key's certificates it is. So the list of another key of the issuer's name vouches only where that key signs nothing
    /// but lists, or where a self-issued certificate links both keys (RFC 4210 section 4.4).
    pub(super) fn vouches(self, list: &List, issuer: &Authority) -> bool {
        let (Some(name), Some(of)) = (list.reach().issuer(), issuer.subject_digest()) else { return false };
        let key = list.head().signer;
        // The certificate itself names a signer that goes by another name than its issuer.
        if name != of || key == issuer.spki_fingerprint() {
            return true;
        }
        let mut of_key = self.authorities.named(name).filter(|other| other.spki_fingerprint() == key);
        !of_key.any(|other| self.authorities.may_issue(other))
            || self.authorities.are_linked(name, key, issuer.spki_fingerprint())
    }

    /// Whether a signer's own certificate was revoked, as far as lists tell that are not its own.
    fn is_revoked(self, signer: &Authority, trail: Trail<'_>) -> bool {
        let fingerprint = signer.certificate().fingerprint();
        // It is asked about already: its lists say nothing of itself.
        if self.authorities.is_anchor(signer) || trail.signers().any(|other| other == fingerprint) {
            return false;
        }
        // Nobody is believed at the end of such a trail.
        if trail.signers().count() >= MAX_SIGNERS {
            return true;
        }
        let Ok(claims) = Claims::of(signer.certificate()) else { return true };
        let trail = Trail { last: Some((fingerprint, &trail)) };
        self.authorities
            .issuers_of(signer)
            .any(|issuer| matches!(self.certificate(&claims, issuer, trail).status, Status::Revoked(_)))
    }
}
