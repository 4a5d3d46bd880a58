//! What the streams of a configured plugin share: the policy in force, and the evidence that it has gathered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use super::audit_sink::Sink;
use super::evidence::Missing;
use super::host;
use super::lists::Lists;
use super::metrics;
use super::ocsp::Responses;
use super::shared::random;
use super::streams::Streams;
use super::throttle::Failures;
use crate::audit::{Recorder, is_recorded};
use crate::engine::Engine;
use crate::metrics::Counts;
use crate::policy::{Decision, DecisionId, Denial};

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
    /// Who was denied how often; `None` where the policy does not count that.
    pub(super) failures: Option<Failures>,
    /// Where audit records are sent, if anywhere.
    pub(super) sink: Option<Sink>,
    pub(super) streams: Rc<Streams>,
    pub(super) ticks: Rc<Ticks>,
    pub(super) recorder: Recorder,
    /// What the decisions by this policy came to; borrowed for no longer than a call.
    pub(super) counts: RefCell<Counts>,
    vm: u64,
    /// What no client is told.
    pub(super) secret: u64,
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
        let failures = Failures::of(engine.policy());
        let sink = Sink::of(engine.policy(), vm);
        let counts = RefCell::new(Counts::new(engine.policy()));
        Rc::new(Self {
            engine,
            root,
            lists,
            responses,
            failures,
            sink,
            streams,
            ticks,
            recorder: Recorder::default(),
            counts,
            vm,
            secret: random(),
            decisions: Cell::new(0),
        })
    }

    pub(super) fn next_id(&self) -> DecisionId {
        let sequence = self.decisions.get();
        self.decisions.set(sequence.wrapping_add(1));
        DecisionId { vm: self.vm, sequence }
    }

    /// Whether a request may pass to which nothing else is opposed: it may not where there is to be a record of it, and no room.
    pub(super) fn may_pass(&self, decision: &Decision, id: DecisionId) -> Result<(), Denial> {
        match &self.sink {
            Some(sink) if is_recorded(self.engine.policy(), decision, id, self.secret) => sink.may_pass(),
            Some(_) | None => Ok(()),
        }
    }

    /// Has a tick of its root come within `time`. A stream that this guard judges may belong to another root, whose timer is none of
    /// its business.
    pub(super) fn tick_within(&self, time: Duration, stream: u32) {
        if self.ticks.are_within(time) {
            return;
        }
        if host::act_for(self.root).is_ok() {
            self.ticks.within(time);
        }
        let _ = host::act_for(stream);
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

impl Drop for Guard {
    /// The last of its streams may outlive its root.
    fn drop(&mut self) {
        if let Some(sink) = &self.sink {
            sink.end(None);
        }
        metrics::hand_over(self, usize::MAX);
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

    /// Whether the next tick comes within `time`.
    fn are_within(&self, time: Duration) -> bool {
        self.period.get().is_some_and(|period| period <= time.max(SOON))
    }

    /// Something is to be done after so long.
    fn within(&self, time: Duration) {
        if !self.are_within(time) {
            self.set(Some(time.max(SOON)));
        }
    }

    /// Somebody waits.
    pub(super) fn hurry(&self) {
        if self.period.get().is_none_or(|period| period > SOON) {
            self.set(Some(SOON));
        }
    }
}
