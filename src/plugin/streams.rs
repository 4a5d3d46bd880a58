//! The streams of one plugin in one VM, as many as are open: who is judged when.
//!
//! A plugin is known by its name and root id. When Envoy reconfigures it, a new root begins beside the old one in the same VM,
//! and takes over the streams that are open: they are judged by the newest policy. So filters of different policies that share
//! a VM need different names.
//!
//! All work is done in ticks, of which each does a bounded part.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use time::OffsetDateTime;

use super::guard::{Generation, Guard};
use super::host;
use super::stream::{Phase, Stream};

/// Most requests of a plugin that one VM holds. Each keeps its headers, and what Envoy's limits let it buffer of its body; those
/// beyond are decided by what is known.
const MOST_HELD: usize = 10_000;

/// Most streams that one tick judges, so that it ends within a few milliseconds.
const MOST_JUDGED: usize = 64;

/// Most open streams that one tick looks at to find those that are to be judged.
const MOST_LOOKED_AT: usize = 4096;

/// How often open streams are looked at, so how late a certificate's end is noticed.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);

/// How soon a tick goes on with what the one before had to leave.
const AT_ONCE: Duration = Duration::from_millis(1);

/// How often those who wait are looked at: what they wait for may come from another VM.
const WHILE_WAITING: Duration = Duration::from_millis(5);

thread_local! {
    /// Every plugin of this VM: as many as the proxy's configuration has named.
    static PLUGINS: RefCell<Vec<Rc<Streams>>> = const { RefCell::new(Vec::new()) };
}

/// The streams of one plugin.
#[derive(Default)]
pub(super) struct Streams {
    name: PluginName,
    /// What was configured, the newest last, as long as their roots are there.
    configured: RefCell<Vec<Weak<Guard>>>,
    /// Requests that have gone to the upstream, each at its place.
    open: RefCell<Places>,
    /// Requests that are held, and open streams whose judgement waits.
    waiting: RefCell<VecDeque<Rc<Stream>>>,
    held: Cell<usize>,
    round: RefCell<Round>,
}

/// What a plugin is known by.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct PluginName {
    pub(super) name: Vec<u8>,
    pub(super) root_id: Vec<u8>,
}

impl PluginName {
    /// Of the plugin that is being configured.
    pub(super) fn configured() -> Self {
        let of =
            |property| host::attribute("the plugin's name", &[property]).ok().flatten().unwrap_or_default();
        Self { name: of("plugin_name"), root_id: of("plugin_root_id") }
    }
}

#[derive(Default)]
struct Places {
    streams: Vec<Option<Rc<Stream>>>,
    free: Vec<usize>,
}

/// One look at every open stream.
#[derive(Default)]
struct Round {
    /// The next place to be looked at; `None` between rounds.
    next: Option<usize>,
    began: Option<OffsetDateTime>,
    /// Of the evidence when it began.
    generation: Generation,
}

impl Streams {
    /// Those of the plugin of this name.
    pub(super) fn of(name: PluginName) -> Rc<Self> {
        PLUGINS.with_borrow_mut(|plugins| match plugins.iter().find(|plugin| plugin.name == name) {
            Some(known) => Rc::clone(known),
            None => {
                let new = Rc::new(Self { name, ..Self::default() });
                plugins.push(Rc::clone(&new));
                new
            }
        })
    }

    /// Those of every plugin of this VM.
    pub(super) fn all() -> Vec<Rc<Self>> {
        PLUGINS.with_borrow(Clone::clone)
    }

    /// What was configured under this name, as long as it is there.
    pub(super) fn guards(&self) -> Vec<Rc<Guard>> {
        self.configured.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// How many streams are open.
    pub(super) fn open_now(&self) -> usize {
        let open = self.open.borrow();
        open.streams.len().saturating_sub(open.free.len())
    }

    /// How many requests are held.
    pub(super) fn held_now(&self) -> usize {
        self.held.get()
    }

    /// From now on streams are judged by this.
    pub(super) fn take_over(&self, guard: &Rc<Guard>) {
        self.configured.borrow_mut().push(Rc::downgrade(guard));
        self.round.replace(Round { next: Some(0), began: None, generation: Generation::default() });
    }

    /// No stream is judged by this any more: its root has ended. One may end before those that it was to replace, as when a listener
    /// never comes to serve.
    pub(super) fn retire(&self, guard: &Rc<Guard>) {
        let gone = Rc::downgrade(guard);
        self.configured.borrow_mut().retain(|known| known.strong_count() > 0 && !known.ptr_eq(&gone));
    }

    /// What streams are judged by.
    pub(super) fn newest(&self) -> Option<Rc<Guard>> {
        self.configured.borrow().iter().rev().find_map(Weak::upgrade)
    }

    /// The newest configuration that `suits`.
    pub(super) fn newest_that(&self, suits: impl Fn(&Guard) -> bool) -> Option<Rc<Guard>> {
        self.configured.borrow().iter().rev().filter_map(Weak::upgrade).find(|guard| suits(guard))
    }

    /// What a stream is judged by that was last judged by `last`: that itself, unless another policy has taken its place.
    pub(super) fn guard_in_force(&self, last: &Rc<Guard>) -> Rc<Guard> {
        self.newest().filter(|newest| !newest.is_of_the_policy_of(last)).unwrap_or_else(|| Rc::clone(last))
    }

    /// Whether one more request may be held.
    pub(super) fn may_hold(&self) -> bool {
        self.held.get() < MOST_HELD
    }

    /// Holds a request: ticks ask about it.
    pub(super) fn hold(&self, stream: Rc<Stream>) {
        self.held.set(self.held.get() + 1);
        self.waiting.borrow_mut().push_back(stream);
    }

    /// A request is held no more.
    pub(super) fn release(&self) {
        self.held.set(self.held.get().saturating_sub(1));
    }

    /// Keeps an open stream; answers its place.
    pub(super) fn open(&self, stream: Rc<Stream>) -> usize {
        let mut open = self.open.borrow_mut();
        match open.free.pop() {
            Some(place) => {
                if let Some(free) = open.streams.get_mut(place) {
                    *free = Some(stream);
                }
                place
            }
            None => {
                open.streams.push(Some(stream));
                open.streams.len() - 1
            }
        }
    }

    /// Forgets the stream at `place`.
    pub(super) fn close(&self, place: usize) {
        let closed = {
            let mut open = self.open.borrow_mut();
            let closed = open.streams.get_mut(place).and_then(Option::take);
            if closed.is_some() {
                open.free.push(place);
            }
            closed
        };
        drop(closed);
    }

    /// Does a bounded part of what is to be done. Answers how long from now it wants to be called again; `None` while no stream
    /// is open.
    ///
    /// Leaves the effective context with some stream.
    pub(super) fn tick(&self, now: Option<OffsetDateTime>) -> Option<Duration> {
        let mut left = MOST_JUDGED;
        self.ask_again(now, &mut left);
        let unfinished = now.is_some_and(|now| self.look_around(now, &mut left));
        if left == 0 || unfinished {
            Some(AT_ONCE)
        } else if !self.waiting.borrow().is_empty() {
            Some(WHILE_WAITING)
        } else if self.open.borrow().is_empty() {
            None
        } else {
            Some(BETWEEN_ROUNDS)
        }
    }

    /// Judges those who wait and need not wait any more.
    fn ask_again(&self, now: Option<OffsetDateTime>, left: &mut usize) {
        let waiting = self.waiting.borrow().len();
        for _ in 0..waiting {
            let Some(stream) = self.waiting.borrow_mut().pop_front() else { return };
            let waits_on = match stream.phase() {
                Phase::New | Phase::Over => false,
                Phase::Waiting | Phase::Passed if *left > 0 && stream.is_ready(now) => {
                    *left -= 1;
                    stream.judge_again(now)
                }
                Phase::Waiting | Phase::Passed => true,
            };
            if waits_on {
                self.waiting.borrow_mut().push_back(stream);
            }
        }
    }

    /// Judges open streams whose last judgement is over. Says whether some are left to be looked at.
    fn look_around(&self, now: OffsetDateTime, left: &mut usize) -> bool {
        if !self.is_time_for_a_round(now) {
            return false;
        }
        for _ in 0..MOST_LOOKED_AT {
            if *left == 0 {
                return true;
            }
            let Some(place) = self.round.borrow().next else { return false };
            let stream = {
                let open = self.open.borrow();
                match open.streams.get(place) {
                    Some(stream) => stream.clone(),
                    None => {
                        self.round.borrow_mut().next = None;
                        return false;
                    }
                }
            };
            self.round.borrow_mut().next = Some(place + 1);
            if let Some(stream) = stream
                && stream.is_due(now)
            {
                *left -= 1;
                if stream.judge_again(Some(now)) {
                    self.waiting.borrow_mut().push_back(stream);
                }
            }
        }
        true
    }

    /// Whether a round is under way, which it is at the latest a second after the last one began, and at once when there is new
    /// evidence.
    fn is_time_for_a_round(&self, now: OffsetDateTime) -> bool {
        let generation = self.newest().map(|guard| guard.generation()).unwrap_or_default();
        let mut round = self.round.borrow_mut();
        let is_over = round.next.is_none();
        let is_old = round.began.is_none_or(|began| now < began || now >= began + BETWEEN_ROUNDS);
        if is_over && (is_old || round.generation != generation) {
            *round = Round { next: Some(0), began: Some(now), generation };
        }
        round.next.is_some()
    }
}

impl Places {
    fn is_empty(&self) -> bool {
        self.streams.len() == self.free.len()
    }
}
