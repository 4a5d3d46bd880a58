//! How long the certificates of clients are still valid.

use time::{Duration, OffsetDateTime};

use crate::policy::{Client, Decision, Reason};

/// How much of a certificate's time is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Nothing: the client was denied for it. Where the filter verifies, nobody need have issued such a certificate.
    Expired,
    /// A day or less.
    Day,
    /// A week or less.
    Week,
    /// 30 days or less.
    Month,
    /// 90 days or less.
    Quarter,
    /// More than that.
    More,
}

impl Lifetime {
    /// Each, the shortest first.
    pub const ALL: [Self; 6] = [Self::Expired, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::More];

    /// What is left of the certificate that `decision` rests on; `None` where it rests on none that was verified.
    pub(super) fn of(decision: &Decision, now: Option<OffsetDateTime>) -> Option<Self> {
        match decision.verdict() {
            Ok(permit) => match permit.client() {
                Client::Verified => Some(Self::until(decision.identity()?.validity().not_after, now?)),
                Client::Unverified | Client::Anonymous => None,
            },
            Err(denial) => (denial.reason() == Reason::Expired).then_some(Self::Expired),
        }
    }

    fn until(end: OffsetDateTime, now: OffsetDateTime) -> Self {
        let left = end - now;
        let limits = [(1, Self::Day), (7, Self::Week), (30, Self::Month), (90, Self::Quarter)];
        limits
            .into_iter()
            .find_map(|(days, lifetime)| (left <= Duration::days(days)).then_some(lifetime))
            .unwrap_or(Self::More)
    }

    /// The word for it in names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Day => "1d",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::More => "more",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_lifetime_falls_into_the_shortest_span_that_holds_it() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for (seconds, word) in [
            (1, "1d"),
            (86_400, "1d"),
            (86_401, "7d"),
            (7 * 86_400, "7d"),
            (7 * 86_400 + 1, "30d"),
            (30 * 86_400, "30d"),
            (90 * 86_400, "90d"),
            (90 * 86_400 + 1, "more"),
        ] {
            assert_eq!(Lifetime::until(now + Duration::seconds(seconds), now).word(), word, "{seconds}");
        }
    }
}
