//! How often a cache had what was looked for.

use std::cell::Cell;

/// Counts of one cache since they were taken last.
#[derive(Debug, Default)]
pub struct CacheUse {
    hits: Cell<u32>,
    misses: Cell<u32>,
}

impl CacheUse {
    /// Counts a look: whether it found something.
    pub(crate) fn count(&self, found: bool) {
        let count = if found { &self.hits } else { &self.misses };
        count.set(count.get().saturating_add(1));
    }

    /// The counts as `hit` and `miss`, which begin anew.
    pub fn take(&self) -> [(&'static str, u32); 2] {
        [("hit", self.hits.take()), ("miss", self.misses.take())]
    }
}
