//! Lists of one series: those of one issuer and key that are about the same certificates, one newer than the other, and the
//! deltas between them (RFC 5280 sections 5.2.3, 5.2.4 and 6.3.3 (c)).

use time::OffsetDateTime;

use super::Judge;
use crate::revocation::CLOCK_SKEW;
use crate::revocation::crl::{Head, IssuingDistributionPoint, List};

impl<'a> Judge<'a> {
    /// Whether its time has begun.
    pub(super) fn has_begun(self, list: &List) -> bool {
        list.head().this_update <= self.now.saturating_add(CLOCK_SKEW)
    }

    /// The last moment at which it is believed; `None` where that is never.
    pub(super) fn end(self, list: &List) -> Option<OffsetDateTime> {
        // More than a date can hold is more than anybody lives to see.
        list.head().next_update.checked_add(time::Duration::try_from(self.grace).ok()?)
    }

    pub(super) fn is_current(self, list: &List) -> bool {
        self.has_begun(list) && self.end(list).is_none_or(|end| self.now <= end)
    }

    /// Whether another full list takes the place of this one: a newer of its series whose time has begun.
    pub(super) fn is_superseded(self, list: &List) -> bool {
        self.series(list).any(|other| !other.head().is_delta() && is_newer(other.head(), list.head()))
    }

    /// The newest delta that goes with this full list: its base is this one or one before, and it is itself newer (section 5.2.4
    /// (c) and (d)).
    pub(super) fn delta_of(self, list: &List) -> Option<&'a List> {
        let goes_with = |delta: &&List| is_base(list.head(), delta.head());
        self.series(list)
            .filter(goes_with)
            .reduce(|one, other| if is_newer(other.head(), one.head()) { other } else { one })
    }

    /// Whether any full list goes with this delta.
    pub(super) fn has_base(self, delta: &List) -> bool {
        self.series(delta).any(|list| is_base(list.head(), delta.head()))
    }

    /// Whether other lists of its series know all that this delta does: a full one that is not older, or a newer delta that begins
    /// no later.
    pub(super) fn is_outdated(self, delta: &List) -> bool {
        let delta = delta.head();
        self.series_of(delta).map(List::head).any(|other| match &other.delta_base {
            None => !is_newer(delta, other),
            Some(base) => is_newer(other, delta) && delta.delta_base.as_ref().is_some_and(|own| base <= own),
        })
    }

    /// The other lists of its series whose time has begun, full ones and deltas.
    fn series(self, list: &List) -> impl Iterator<Item = &'a List> {
        self.series_of(list.head())
    }

    fn series_of(self, head: &Head) -> impl Iterator<Item = &'a List> {
        let others = self.lists.iter().map(|other| &**other);
        others.filter(move |other| {
            !std::ptr::eq(other.head(), head) && same_series(other.head(), head) && self.has_begun(other)
        })
    }
}

/// Whether both are signed by one key, and about the same certificates. Issuers have one name in one series: it is written alike.
fn same_series(one: &Head, other: &Head) -> bool {
    let [one_scope, other_scope] =
        [one, other].map(|head| head.scope.as_ref().map(IssuingDistributionPoint::der));
    one.signer == other.signer && one.issuer.der() == other.issuer.der() && one_scope == other_scope
}

/// Whether a full list can be completed by a delta.
fn is_base(list: &Head, delta: &Head) -> bool {
    match &delta.delta_base {
        Some(base) => !list.is_delta() && *base <= list.number && list.number < delta.number,
        None => false,
    }
}

/// By number, and among those of the same by date.
fn is_newer(one: &Head, other: &Head) -> bool {
    (&one.number, one.this_update) > (&other.number, other.this_update)
}
