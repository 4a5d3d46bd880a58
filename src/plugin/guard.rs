//! What the streams of a configured plugin share: the policy in force, and the evidence that it has gathered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use super::evidence::Missing;
use super::host;
use super::lists::Lists;
use super::ocsp::Responses;
use super::streams::Streams;
use crate::engine::Engine;
use crate::policy::DecisionId;

/// How soon a tick comes while no timer runs for anything else: open streams are looked at once a second.
const IDLE: Duration = Duration::from_secs(1);

/// How soon a tick comes that somebody waits for.
const SOON: Duration = Duration::from_millis(1);

/// What every stream of a configured plugin shares.
pub(super) struct Guard {
    pub(super) engine: Engine,
    /// The context of the root that was configured so: calls that are made for it are answered to it, and live as long as it.
    pub(super) root: u32,
    /// Borrowed mutably by ticks and responses only, and for no longer than the call.
    pub(super) lists: RefCell<Lists>,
    /// Borrowed for no longer than a call.
    pub(super) responses: RefCell<Responses>,
    pub(super) streams: Rc<Streams>,
    pub(super) ticks: Rc<Ticks>,
    vm: u64,
    decisions: Cell<u64>,
}

/// How much evidence has changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    lists: u64,
    responses: u64,
}

impl Guard {
    pub(super) fn new(
        engine: Engine,
        root: u32,
        vm: u64,
        streams: Rc<Streams>,
        ticks: Rc<Ticks>,
    ) -> Rc<Self> {
        let lists = RefCell::new(Lists::new(engine.policy()));
        let responses = RefCell::default();
        Rc::new(Self { engine, root, lists, responses, streams, ticks, vm, decisions: Cell::new(0) })
    }

    pub(super) fn next_id(&self) -> DecisionId {
        let sequence = self.decisions.get();
        self.decisions.set(sequence.wrapping_add(1));
        DecisionId { vm: self.vm, sequence }
    }

    /// Changes whenever what open streams were judged by may have changed.
    pub(super) fn generation(&self) -> Generation {
        Generation {
            lists: self.lists.borrow().generation(),
            responses: self.responses.borrow().generation(),
        }
    }

    /// Whether there is something to be learnt about what was missing.
    pub(super) fn has_news_of(&self, missing: &Missing, now: OffsetDateTime) -> bool {
        let responses = self.responses.borrow();
        missing.responses.iter().any(|key| !responses.is_pending(*key, now))
    }

    /// Whether the two decide alike.
    pub(super) fn is_of_the_policy_of(&self, other: &Guard) -> bool {
        self.engine.policy().digest() == other.engine.policy().digest()
    }
}

/// When Envoy calls the root again.
#[derive(Default)]
pub(super) struct Ticks {
    /// How far ticks are apart; `None` while there are none.
    period: Cell<Option<Duration>>,
}

impl Ticks {
    /// Has the next tick come after `period`, or not at all. The effective context is that of the root or of one of its streams.
    pub(super) fn set(&self, period: Option<Duration>) {
        // Envoy starts its timer anew each time.
        if self.period.replace(period) != period {
            host::set_ticks(period);
        }
    }

    /// There is an open stream.
    pub(super) fn start(&self) {
        if self.period.get().is_none() {
            self.set(Some(IDLE));
        }
    }

    /// Somebody waits.
    pub(super) fn hurry(&self) {
        if self.period.get().is_none_or(|period| period > SOON) {
            self.set(Some(SOON));
        }
    }
}
