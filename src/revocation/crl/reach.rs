//! Which certificates a list is about (RFC 5280 section 6.3.3 (b) and (d)).

use super::general_name::GeneralName;
use super::head::Head;
use super::scope::{EntriesOf, Holders, IssuingDistributionPoint, Reasons};
use crate::identity::NameDigest;
use crate::revocation::checked::{Claims, Holder};
use crate::revocation::distribution_points::{DistributionPoint, DistributionPoints, NameKey};

/// What of a list's head is compared with certificates, found out once: names cost far more to compare than their digests.
#[derive(Debug)]
pub(super) struct Reach {
    issuer: Option<NameDigest>,
    /// The names of its distribution point; `None` where it has none.
    point: Option<Vec<NameKey>>,
    holders: Holders,
    reasons: Reasons,
    entries: EntriesOf,
    /// Whose certificates it has entries of, and under which ordinal. One issuer may have several.
    ordinals: Vec<(NameDigest, u32)>,
    /// Whether it has entries for certificates of an issuer that cannot be compared: they may be anybody's.
    has_nameless_entries: bool,
}

/// How far a list is about a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// It is not.
    None,
    /// It may be, which cannot be told: what it revokes is revoked, and what it does not list is not good.
    Unclear,
    /// It is, for these reasons.
    For(Reasons),
}

impl Reach {
    pub(super) fn of(head: &Head) -> Reach {
        let scope = head.scope.as_ref();
        let point = scope.and_then(IssuingDistributionPoint::point);
        let ordinals = ordinals(head);
        let is_named = |ordinal| ordinals.iter().any(|(_, named)| *named == ordinal);
        Reach {
            has_nameless_entries: (0u32..)
                .zip(&head.certificate_issuers)
                .any(|(ordinal, _)| !is_named(ordinal)),
            issuer: NameDigest::of(head.issuer.name()),
            point: point.map(|point| NameKey::all(&point.names(&head.issuer))),
            holders: scope.map_or(Holders::All, IssuingDistributionPoint::holders),
            reasons: scope.and_then(IssuingDistributionPoint::only_reasons).unwrap_or(Reasons::ALL),
            entries: scope.map_or(EntriesOf::Issuer, IssuingDistributionPoint::entries_of),
            ordinals,
        }
    }

    /// The digest of the name of its issuer; `None` where that cannot be compared.
    pub(super) fn issuer(&self) -> Option<NameDigest> {
        self.issuer
    }

    /// The ordinals under which it has entries for certificates of this issuer.
    pub(super) fn ordinals_of(&self, issuer: NameDigest) -> impl Iterator<Item = u32> {
        self.ordinals.iter().filter(move |(name, _)| *name == issuer).map(|(_, ordinal)| *ordinal)
    }

    /// How far it is about a certificate. By whose key it is signed is another question.
    pub(super) fn coverage(&self, claims: &Claims) -> Coverage {
        let (Some(own), Some(issuer)) = (self.issuer, claims.issuer_digest) else { return Coverage::None };
        let is_direct = own == issuer;
        let is_unclear = match (self.holders, claims.holder) {
            (Holders::All, _) | (Holders::Users, Holder::EndEntity) | (Holders::Cas, Holder::Ca) => false,
            (Holders::Users | Holders::Cas, Holder::Unclear) => true,
            (Holders::Users, Holder::Ca) | (Holders::Cas, Holder::EndEntity) | (Holders::Attributes, _) => {
                return Coverage::None;
            }
        };
        let points = match &claims.points {
            DistributionPoints::Known(points) => points,
            DistributionPoints::Malformed if is_direct => return Coverage::Unclear,
            DistributionPoints::Malformed => return Coverage::None,
        };
        let mut reasons = Reasons::NONE;
        for point in points {
            if self.is_from_issuer_of(point, own, is_direct) && self.is_named_by(point) {
                reasons = reasons.union(self.reasons.intersection(point.reasons));
            }
        }
        // Lists that no distribution point of the certificate tells of, as of one that has the name of the issuer.
        if is_direct && self.has_point_name(&[NameKey::Directory(issuer)]) {
            reasons = reasons.union(self.reasons);
        }
        match (reasons.is_empty(), is_unclear || self.has_nameless_entries) {
            (true, _) => Coverage::None,
            (false, true) => Coverage::Unclear,
            (false, false) => Coverage::For(reasons),
        }
    }

    /// Section 6.3.3 (b) (1): a list of whom the distribution point names, if it is indirect; else of the issuer.
    fn is_from_issuer_of(&self, point: &DistributionPoint, own: NameDigest, is_direct: bool) -> bool {
        match &point.issuers {
            Some(issuers) => {
                self.entries == EntriesOf::AnyIssuer && issuers.contains(&NameKey::Directory(own))
            }
            None => is_direct,
        }
    }

    /// Section 6.3.3 (b) (2) (i): one name in common, where the list has names. A distribution point without takes those of
    /// who issues its lists.
    fn is_named_by(&self, point: &DistributionPoint) -> bool {
        self.has_point_name(point.names.as_ref().or(point.issuers.as_ref()).map_or(&[], Vec::as_slice))
    }

    fn has_point_name(&self, names: &[NameKey]) -> bool {
        self.point.as_ref().is_none_or(|own| own.iter().any(|name| names.contains(name)))
    }
}

fn ordinals(head: &Head) -> Vec<(NameDigest, u32)> {
    let mut ordinals = Vec::new();
    for (ordinal, names) in (0u32..).zip(&head.certificate_issuers) {
        for name in names {
            match name {
                GeneralName::Directory(name) => {
                    ordinals.extend(NameDigest::of(name.name()).map(|name| (name, ordinal)));
                }
                GeneralName::Uri(_) | GeneralName::Other(_) => {}
            }
        }
    }
    ordinals
}
