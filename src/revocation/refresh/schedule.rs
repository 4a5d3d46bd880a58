//! When a list is asked for again.

use std::time::Duration;

/// The first retry after a failure comes this long after it; each further one after twice the time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest time between retries, if the list is not asked for more often anyway.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// After so many doublings no retry comes later than the longest.
const MAX_DOUBLINGS: u32 = 6;

/// How far chance moves an attempt in all, in thousandths of the time to it.
const SPREAD: u64 = 200;

/// The `random` with which an attempt comes as late as it may.
pub const LATEST: u64 = SPREAD;

/// When a list is asked for again, in milliseconds since 1970.
///
/// `now` is the time in milliseconds since 1970, `refresh` how often it is asked for, `next_update` when the list in force ends,
/// in milliseconds since 1970, and `failures` how many attempts on end have brought none. `random` spreads proxies that were started
/// together: it moves the time by up to a tenth either way.
///
/// A list is asked for before it ends. One that has ended, though the server has no newer one, counts like a failure: the next
/// one is due any moment, and all the proxies wait for it.
pub fn next_attempt(
    now: u64,
    refresh: Duration,
    next_update: Option<u64>,
    failures: u32,
    random: u64,
) -> u64 {
    let first_retry = millis(FIRST_RETRY);
    let mut wait = millis(refresh);
    if failures > 0 {
        let doublings = failures.saturating_sub(1).min(MAX_DOUBLINGS);
        wait = wait.min((first_retry << doublings).min(millis(LONGEST_RETRY)));
    } else if let Some(left) = next_update.map(|end| end.saturating_sub(now)) {
        // A tenth before its end; again and again, as that comes closer.
        wait = wait.min((left - left / 10).max(first_retry));
    }
    let part = 1000 - SPREAD / 2 + random % (SPREAD + 1);
    now.saturating_add(wait.saturating_mul(part) / 1000)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: u64 = 1_800_000_000_000;
    const HOUR: Duration = Duration::from_secs(3600);
    /// Moves nothing.
    const EVEN: u64 = 100;

    fn seconds_until(refresh: Duration, next_update: Option<u64>, failures: u32) -> u64 {
        (next_attempt(NOW, refresh, next_update, failures, EVEN) - NOW) / 1000
    }

    #[test]
    fn a_list_is_asked_for_at_its_interval_and_before_it_ends() {
        assert_eq!(seconds_until(HOUR, None, 0), 3600);
        assert_eq!(seconds_until(HOUR, Some(NOW + 86_400_000), 0), 3600);
        assert_eq!(seconds_until(HOUR, Some(NOW + 600_000), 0), 540);
        assert_eq!(seconds_until(HOUR, Some(NOW + 200), 0), 1);
        assert_eq!(seconds_until(HOUR, Some(NOW - 200), 0), 1);
    }

    #[test]
    fn retries_come_at_doubled_times_up_to_a_limit() {
        let waits: Vec<u64> = (1..=9).map(|failures| seconds_until(HOUR, None, failures)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(seconds_until(HOUR, None, u32::MAX), 60);
    }

    #[test]
    fn retries_are_no_rarer_than_refreshes() {
        assert_eq!(seconds_until(Duration::from_secs(5), None, 9), 5);
    }

    #[test]
    fn chance_moves_an_attempt_by_a_tenth_at_most() {
        assert_eq!(next_attempt(NOW, HOUR, None, 0, LATEST), NOW + 3_960_000);
        let waits = (0..1000).map(|random| next_attempt(NOW, HOUR, None, 0, random) - NOW);
        let (least, most) =
            waits.fold((u64::MAX, 0), |(least, most), wait| (least.min(wait), most.max(wait)));
        assert_eq!((least, most), (3_240_000, 3_960_000));
    }
}
