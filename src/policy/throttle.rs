//! How often a client may be denied before it is told to wait.

use std::time::Duration;

/// So many denials of a client on a route within so much time, and it is not judged again before that time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttling {
    pub(super) denials: u16,
    pub(super) window: Duration,
}

impl Throttling {
    /// How many denials of one client on one route are answered with their reason; at least one.
    pub fn denials(self) -> u16 {
        self.denials
    }

    /// Within how much time, from the first of them on: whole seconds, from one to [`Self::MAX_WINDOW`].
    pub fn window(self) -> Duration {
        self.window
    }

    /// The longest window: somebody who was refused in error, as behind one address, is not kept waiting for longer than this.
    pub const MAX_WINDOW: Duration = Duration::from_secs(3600);

    /// The most denials: more are no sign of anything else.
    pub(super) const MAX_DENIALS: u16 = 10_000;
}
