//! What has been heard of a certificate so far.

use time::OffsetDateTime;

use crate::revocation::crl::{List, Reasons};
use crate::revocation::{Entry, Judgement, Method, Status, Unknown, Why};

/// What keeps a certificate from being good, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Obstacle {
    IssuerNotValid,
    Unreadable,
    Stale,
    Future,
    SignerRevoked,
    SignerNotValid,
    Unclear,
    NoBase,
    OtherKey,
}

impl Obstacle {
    fn unknown(self) -> Unknown {
        let (why, detail) = match self {
            Self::IssuerNotValid => return Unknown::issuer_not_valid(),
            Self::Stale => (Why::Stale, "the list's nextUpdate, and the grace after it, are over"),
            Self::Future => (Why::Future, "the list's thisUpdate is in the future"),
            Self::SignerRevoked => (Why::BadSignature, "the certificate of the list's signer was revoked"),
            Self::SignerNotValid => {
                (Why::BadSignature, "the certificate of the list's signer has expired or is not yet valid")
            }
            Self::Unreadable => (Why::Unusable, "a part of the list is missing or belongs to another list"),
            Self::Unclear => (
                Why::Unusable,
                "what the list or the certificate says of distribution points, issuers or basicConstraints cannot be read",
            ),
            Self::NoBase => (Why::Missing, "there is a delta list, and no list on which it builds"),
            Self::OtherKey => (
                Why::Missing,
                "a list by another key of its issuer revokes only, and no list by the key that signed it tells",
            ),
        };
        Unknown::new(why, detail)
    }
}

/// What has been heard of a certificate so far, but that it is revoked.
#[derive(Default)]
pub(super) struct Tally<'a> {
    /// The reasons for which current lists do not call it revoked.
    covered: Reasons,
    /// The first of these lists.
    first: Option<&'a List>,
    obstacle: Option<(Obstacle, Option<&'a List>)>,
    /// When what was heard ends.
    end: Option<OffsetDateTime>,
}

impl<'a> Tally<'a> {
    /// What was heard may be otherwise from then on.
    pub(super) fn ends_by(&mut self, end: OffsetDateTime) {
        self.end = Some(self.end.map_or(end, |known| known.min(end)));
    }

    /// Keeps the most telling obstacle.
    pub(super) fn meet(&mut self, obstacle: Obstacle, list: Option<&'a List>) {
        if self.obstacle.is_none_or(|(known, _)| obstacle < known) {
            self.obstacle = Some((obstacle, list));
        }
    }

    /// For these reasons it is not revoked, until any of `ends`. Reasons that are covered already stay as they are.
    pub(super) fn cover(&mut self, reasons: Reasons, by: &'a List, ends: [Option<OffsetDateTime>; 2]) {
        if self.covered.contains(reasons) {
            return;
        }
        self.covered = self.covered.union(reasons);
        self.first.get_or_insert(by);
        ends.into_iter().flatten().for_each(|end| self.ends_by(end));
    }

    /// It is revoked, as `by` says.
    pub(super) fn revoked(&self, entry: Entry, by: &List) -> Judgement {
        self.judged(Status::Revoked(entry), Some(by))
    }

    /// What all the lists come to, of which none calls it revoked.
    pub(super) fn judgement(&self) -> Judgement {
        let covers_all = self.covered.contains(Reasons::ALL);
        match self.obstacle {
            // Whatever other lists say. A list in force that cannot be read may revoke it.
            Some((obstacle @ (Obstacle::IssuerNotValid | Obstacle::Unreadable), list)) => {
                self.judged(Status::Unknown(obstacle.unknown()), list.or(self.first))
            }
            Some(_) | None if covers_all => self.judged(Status::Good, self.first),
            Some((obstacle, list)) => self.judged(Status::Unknown(obstacle.unknown()), list),
            None if self.covered.is_empty() => {
                const NONE: &str = "there is no list of its issuer that is about it";
                self.judged(Status::Unknown(Unknown::new(Why::Missing, NONE)), None)
            }
            None => {
                const SOME: &str = "the lists together are not about all reasons for a revocation";
                self.judged(Status::Unknown(Unknown::new(Why::Incomplete, SOME)), self.first)
            }
        }
    }

    fn judged(&self, status: Status, by: Option<&List>) -> Judgement {
        let head = by.map(List::head);
        Judgement {
            status,
            method: Some(Method::Crl),
            source: head.map(|head| &head.source).filter(|source| !source.is_empty()).cloned(),
            this_update: head.map(|head| head.this_update),
            next_update: head.map(|head| head.next_update),
            until: self.end,
        }
    }
}
