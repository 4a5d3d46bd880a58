//! How long something stays as it is.

use time::OffsetDateTime;

use crate::identity::Validity;

/// A span of time, both ends included, in which no certificate begins or ends to be valid. Whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    first: Option<i64>,
    last: Option<i64>,
}

impl Span {
    /// From ever to ever.
    pub const ALWAYS: Span = Span { first: None, last: None };

    /// Whether `now` is in it.
    pub fn contains(self, now: OffsetDateTime) -> bool {
        let now = now.unix_timestamp();
        self.first.is_none_or(|first| first <= now) && self.last.is_none_or(|last| now <= last)
    }

    /// The last second; `None` where it does not end.
    pub fn end(self) -> Option<OffsetDateTime> {
        self.last.and_then(|last| OffsetDateTime::from_unix_timestamp(last).ok())
    }

    /// What is in both.
    pub fn and(self, other: Span) -> Span {
        let last = match (self.last, other.last) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Span { first: self.first.max(other.first), last }
    }

    /// Cuts it to the part around `now` in which a certificate of this validity stays valid, or stays not to be.
    pub(super) fn narrow(&mut self, validity: Validity, now: OffsetDateTime) {
        let now = now.unix_timestamp();
        // Each is the first second of another state.
        let turns =
            [validity.not_before.unix_timestamp(), validity.not_after.unix_timestamp().saturating_add(1)];
        for turn in turns {
            if turn <= now {
                self.first = self.first.max(Some(turn));
            } else {
                *self = self.and(Span { first: None, last: Some(turn - 1) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn validity(first: i64, last: i64) -> Validity {
        Validity { not_before: at(first), not_after: at(last) }
    }

    #[test]
    fn nothing_changes_until_a_certificate_ends_or_begins() {
        for (now, first, last) in
            [(5, None, Some(9)), (10, Some(10), Some(20)), (20, Some(10), Some(20)), (21, Some(21), None)]
        {
            let mut span = Span::ALWAYS;
            span.narrow(validity(10, 20), at(now));
            assert_eq!(span, Span { first, last }, "{now}");
            assert!(span.contains(at(now)), "{now}");
            assert_eq!(span.end(), last.map(at), "{now}");
        }
    }

    #[test]
    fn the_nearest_turn_on_either_side_counts() {
        let mut span = Span::ALWAYS;
        for (first, last) in [(0, 100), (10, 200), (50, 90), (12, 20)] {
            span.narrow(validity(first, last), at(30));
        }
        assert_eq!(span, Span { first: Some(21), last: Some(49) });
        for (now, expected) in [(20, false), (21, true), (49, true), (50, false)] {
            assert_eq!(span.contains(at(now)), expected, "{now}");
        }
    }
}
