//! Who was denied how often, counted for all VMs of the proxy together.
//!
//! A fixed number of keys in shared data holds the counts of all policies. They are read and written with each denial that counts,
//! and then only: a request that passes asks what this VM has heard so far, which is nothing that could refuse it.

use std::cell::RefCell;

use time::OffsetDateTime;

use super::shared::{self, Key};
use crate::policy::Policy;
use crate::throttle::{self, Failing, Grounds, Refusal, SHARDS, Throttle};

/// How often it is tried to tell the others of a denial, who may be telling of theirs at the same time. If it fails, the denial is
/// counted here alone.
const MOST_TRIES: usize = 3;

/// The counts of a policy.
pub(super) struct Failures {
    counts: RefCell<throttle::Failures>,
    /// One for each shard.
    keys: Vec<Key>,
}

impl Failures {
    /// Those of `policy`; `None` where it counts nothing.
    pub(super) fn of(policy: &Policy) -> Option<Failures> {
        let counts = RefCell::new(throttle::Failures::new(policy.throttle()?, policy.digest()));
        // Without the policy's digest, for what is set in shared data is never removed.
        let key = Key::new("throttle", &[]);
        Some(Failures { counts, keys: (0..SHARDS).map(|shard| key.part(shard)).collect() })
    }
}

impl Throttle for Failures {
    fn refuses(&self, failing: Failing, now: OffsetDateTime) -> Option<Refusal> {
        self.counts.refuses(failing, now)
    }

    fn count(&self, failing: Failing, grounds: Grounds, now: OffsetDateTime) -> Option<Refusal> {
        let mut counts = self.counts.borrow_mut();
        if let Some(refusal) = counts.known(failing, grounds, now) {
            return Some(refusal);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let key = self.keys.get(counts.shard(failing));
            let told = key.and_then(shared::get);
            let draft = counts.draft(failing, grounds, now, told.as_ref().map(|told| told.value.as_slice()));
            let is_told = match (key, draft.news()) {
                (Some(key), Some(news)) => shared::replace(key, told.as_ref(), &news),
                (_, None) | (None, _) => true,
            };
            if is_told || tries >= MOST_TRIES {
                let refusal = draft.refusal;
                counts.adopt(draft);
                return refusal;
            }
        }
    }
}
