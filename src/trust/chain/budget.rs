//! What a chain may cost.
//!
//! A client may present what it likes, as often as it likes, and all that other clients of the same worker can do is wait. An
//! ordinary chain takes two signatures.

use std::sync::atomic::{AtomicU32, Ordering};

use webpki::{ExtendedKeyUsageValidator, KeyPurposeIdIter};

/// The most work on signatures, in the unit of [`super::algorithms`]: a tenth of a millisecond in V8. Twenty-five signatures of
/// P-256, or seven of P-384, which the longest chain takes.
const MAX_WORK: u32 = 300;

/// The most certificates that are tried as a step of a path. Every certificate of an ordinary bundle is one step; certificates
/// of one name that issued each other in circles are many.
const MAX_STEPS: u32 = 96;

/// What is left for one certificate. Whoever asks for more than is left spends it all.
#[derive(Debug)]
pub struct Budget {
    // webpki wants its algorithms to be `Sync`.
    work: AtomicU32,
    steps: AtomicU32,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { work: AtomicU32::new(MAX_WORK), steps: AtomicU32::new(MAX_STEPS) }
    }
}

impl Budget {
    /// What a certificate may cost.
    pub fn new() -> Budget {
        Budget::default()
    }

    /// Takes the cost of a signature; `false` where there is not so much left.
    pub(super) fn take_work(&self, work: u32) -> bool {
        take(&self.work, work)
    }

    /// Whether there was not enough of anything.
    pub(super) fn is_spent(&self) -> bool {
        [&self.work, &self.steps].iter().any(|left| left.load(Ordering::Relaxed) == SPENT)
    }
}

/// What stands for less than nothing.
const SPENT: u32 = u32::MAX;

fn take(left: &AtomicU32, wanted: u32) -> bool {
    let so_far = left.load(Ordering::Relaxed);
    let rest = if so_far == SPENT { None } else { so_far.checked_sub(wanted) };
    left.store(rest.unwrap_or(SPENT), Ordering::Relaxed);
    rest.is_some()
}

/// webpki asks this of each certificate that it tries as a step, before anything that takes long. The purposes themselves are
/// for `super::profile`, which knows whose they are; here they need only be readable.
impl ExtendedKeyUsageValidator for Budget {
    fn validate(&self, mut purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        if !take(&self.steps, 1) || self.is_spent() {
            // One of the errors at which webpki gives up looking for other paths.
            return Err(webpki::Error::MaximumPathBuildCallsExceeded);
        }
        purposes.try_for_each(|purpose| purpose.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn all_of_it_can_be_taken_and_then_nothing() {
        let budget = Budget::new();
        assert!(budget.take_work(MAX_WORK - 1) && budget.take_work(1));
        assert!(!budget.is_spent());
        assert!(!budget.take_work(1));
        assert!(budget.is_spent());
        assert!(!budget.take_work(0));
    }

    #[test]
    fn who_asks_for_more_than_is_left_gets_nothing_more() {
        let budget = Budget::new();
        assert!(!budget.take_work(MAX_WORK + 1));
        assert!(budget.is_spent() && !budget.take_work(1));
    }
}
