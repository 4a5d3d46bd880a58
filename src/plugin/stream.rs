//! One stream: a request and its response, judged when it begins and for as long as it is open.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::types::{Action, LogLevel};
use time::OffsetDateTime;

use super::audit;
use super::evidence::{Gathered, Missing, Patience};
use super::facts::RequestFacts;
use super::guard::{Generation, Guard};
use super::host;
use super::metrics::{self, STREAMS_RESET};
use super::streams::Streams;
use crate::audit::{About, Phase as Judging};
use crate::engine::{Need, Step};
use crate::metrics::REFUSED;
use crate::outcome::{Outcome, Reply, trailers_to_remove};
use crate::policy::{Decision, DecisionId, Denial, Reason};

/// The longest time between two judgements of a stream that is open, whatever the first one said of its time: so that responses
/// about certificates of long streams are kept fresh, and a clock that was set is noticed.
const LONGEST_UNJUDGED: Duration = Duration::from_secs(300);

/// One stream.
pub(super) struct Stream {
    context: u32,
    streams: Rc<Streams>,
    /// What the request said when it came: the router may change its headers later.
    facts: RequestFacts,
    phase: Cell<Phase>,
    /// Names the decisions about it once the first is asked for.
    id: Cell<DecisionId>,
    /// Trailers came while the request waited.
    trailers_wait: Cell<bool>,
    /// Where it is among the open streams.
    place: Cell<Option<usize>>,
    last: RefCell<Judged>,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its headers have not come.
    New,
    /// The request is held until something is known.
    Waiting,
    /// The request has gone to the upstream.
    Passed,
    /// The request was answered, or the stream was reset, or is over.
    Over,
}

/// What the last judgement rests on.
struct Judged {
    /// By whose policy and with whose evidence.
    guard: Rc<Guard>,
    /// When it was asked for.
    began: Option<OffsetDateTime>,
    /// When it is over.
    due: Option<OffsetDateTime>,
    /// [`Guard::generation`] at that time.
    generation: Generation,
    /// What was missing for it, while it is not made.
    wait: Option<Wait>,
    /// The denial that was not enforced.
    shadowed: Option<Reason>,
}

/// What a judgement waits for.
struct Wait {
    missing: Missing,
    /// When it is made with what there is.
    until: OffsetDateTime,
    /// [`Guard::generation`] when it was asked for.
    generation: Generation,
}

impl Stream {
    pub(super) fn new(context: u32, guard: Rc<Guard>) -> Rc<Self> {
        let streams = Rc::clone(&guard.streams);
        let last = Judged {
            guard,
            began: None,
            due: None,
            generation: Generation::default(),
            wait: None,
            shadowed: None,
        };
        Rc::new(Self {
            context,
            streams,
            facts: RequestFacts::default(),
            phase: Cell::new(Phase::New),
            id: Cell::new(DecisionId { vm: 0, sequence: 0 }),
            trailers_wait: Cell::new(false),
            place: Cell::new(None),
            last: RefCell::new(last),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The headers have come.
    pub(super) fn begin(self: &Rc<Self>) -> Action {
        let guard = self.guard();
        let now = host::now();
        self.id.set(guard.next_id());
        let patience = match now {
            // Who cannot tell the time cannot tell when to stop waiting.
            None => Patience::None,
            Some(_) if self.streams.may_hold() => Patience::Some,
            Some(_) => Patience::Overloaded,
        };
        self.last.borrow_mut().began = now;
        let asked = self.judge(&guard, now, patience);
        if guard.responses.borrow().are_wanted() {
            // Questions are sent by ticks, so that they do not end with a stream.
            guard.ticks.hurry();
        } else {
            guard.ticks.start();
        }
        match (asked, now) {
            (Asked::Decided(decision), _) => match self.carry_out(&guard, decision, now) {
                Fate::Passed => Action::Continue,
                Fate::Answered => Action::Pause,
            },
            (Asked::Needs(need, missing), Some(now)) => {
                self.wait(&guard, need, missing, now);
                self.phase.set(Phase::Waiting);
                self.streams.hold(Rc::clone(self));
                guard.ticks.hurry();
                Action::Pause
            }
            (Asked::Needs(..), None) => self.refuse("there is no time to wait by"),
        }
    }

    pub(super) fn body(&self) -> Action {
        match self.phase.get() {
            Phase::Passed => Action::Continue,
            Phase::New | Phase::Waiting | Phase::Over => Action::Pause,
        }
    }

    /// Trailers that bear the name of a header that the filter sets go the same way as headers: some servers merge them.
    pub(super) fn trailers(&self) -> Action {
        match self.phase.get() {
            Phase::Passed => match self.strip_trailers() {
                Ok(()) => Action::Continue,
                Err(error) => self.refuse(&error.to_string()),
            },
            Phase::New | Phase::Waiting | Phase::Over => {
                self.trailers_wait.set(true);
                Action::Pause
            }
        }
    }

    /// Envoy is done with it.
    pub(super) fn end(&self) {
        self.close(Phase::Over);
    }

    /// Whether what its judgement waits for is there, or has been waited for long enough.
    pub(super) fn is_ready(&self, now: Option<OffsetDateTime>) -> bool {
        let last = self.last.borrow();
        let (Some(wait), Some(now), Some(began)) = (&last.wait, now, last.began) else { return true };
        let guard = self.guard_in_force(&last.guard);
        now >= wait.until
            || now < began
            || !Rc::ptr_eq(&guard, &last.guard)
            || guard.generation() != wait.generation
            || guard.has_news_of(&wait.missing, now)
    }

    /// Whether it is time to judge the open stream anew. What waits for evidence already is not due.
    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        let last = self.last.borrow();
        if self.phase.get() != Phase::Passed || last.wait.is_some() {
            return false;
        }
        let guard = self.streams.guard_in_force(&last.guard);
        !Rc::ptr_eq(&guard, &last.guard)
            || guard.generation() != last.generation
            || last.began.is_none_or(|began| now < began || now >= began + LONGEST_UNJUDGED)
            || last.due.is_some_and(|due| now >= due)
    }

    /// Judges the stream again from a tick: one that waits, or one that is open. Says whether it has to wait for more.
    ///
    /// Leaves the effective context with the stream.
    pub(super) fn judge_again(self: &Rc<Self>, now: Option<OffsetDateTime>) -> bool {
        if host::act_for(self.context).is_err() {
            // Envoy has it no more, and says so later.
            self.close(Phase::Over);
            return false;
        }
        let guard = self.guard_in_force(&self.guard());
        let waited = {
            let mut last = self.last.borrow_mut();
            last.guard = Rc::clone(&guard);
            let wait = last.wait.take();
            if wait.is_none() {
                last.began = now;
            }
            wait
        };
        let patience = match (now, waited, self.last.borrow().began) {
            (Some(now), Some(wait), Some(began)) if now < wait.until && now >= began => Patience::Some,
            (Some(_), None, Some(_)) => Patience::Some,
            (_, _, _) => Patience::None,
        };
        match (self.judge(&guard, now, patience), now) {
            (Asked::Decided(decision), _) => {
                match self.phase.get() {
                    Phase::Waiting => self.release(&guard, decision, now),
                    Phase::Passed => self.keep_or_reset(&guard, decision, now),
                    Phase::New | Phase::Over => {}
                }
                false
            }
            (Asked::Needs(need, missing), Some(now)) => {
                self.wait(&guard, need, missing, now);
                true
            }
            (Asked::Needs(..), None) => {
                self.give_up("there is no time to wait by");
                false
            }
        }
    }

    fn guard(&self) -> Rc<Guard> {
        Rc::clone(&self.last.borrow().guard)
    }

    /// What it is judged by that was last judged by `last`. A request that is held stays with the filter that took it: a filter of
    /// another listener may bear the same name, and must not let in whom this one keeps out. Once it is open the newest policy
    /// judges it, at the next look.
    fn guard_in_force(&self, last: &Rc<Guard>) -> Rc<Guard> {
        match self.phase.get() {
            Phase::New | Phase::Waiting => Rc::clone(last),
            Phase::Passed | Phase::Over => self.streams.guard_in_force(last),
        }
    }

    fn judge(&self, guard: &Rc<Guard>, now: Option<OffsetDateTime>, patience: Patience) -> Asked {
        let evidence = Gathered::new(guard, patience, now);
        let step = match (&guard.failures, self.phase.get()) {
            (Some(failures), Phase::New | Phase::Waiting) => {
                guard.engine.decide_throttled(&self.facts, &evidence, failures, now)
            }
            // An open stream is no new try.
            (Some(_), Phase::Passed | Phase::Over) | (None, _) => {
                guard.engine.decide(&self.facts, &evidence, now)
            }
        };
        match step {
            Step::Decided(decision) => Asked::Decided(decision),
            Step::Needs(need) => Asked::Needs(need, evidence.into_missing()),
        }
    }

    fn wait(&self, guard: &Guard, need: Need, missing: Missing, now: OffsetDateTime) {
        let mut last = self.last.borrow_mut();
        let began = *last.began.get_or_insert(now);
        last.wait = Some(Wait { missing, until: began + need.at_most, generation: guard.generation() });
    }

    /// Counts the judgement, and notes what it rests on.
    fn settle(&self, guard: &Guard, decision: &Decision) {
        if let Some(judgement) = decision.revocation() {
            guard.counts.borrow_mut().lookup(judgement);
        }
        let mut last = self.last.borrow_mut();
        last.wait = None;
        last.due = decision.until();
        last.generation = guard.generation();
    }

    /// Does to the request, whose headers are held, what `decision` wants.
    fn carry_out(
        self: &Rc<Self>,
        guard: &Rc<Guard>,
        mut decision: Decision,
        now: Option<OffsetDateTime>,
    ) -> Fate {
        let policy = guard.engine.policy();
        let id = self.id.get();
        let mut outcome = Outcome::of(&decision, policy, self.facts.readable_headers(), id);
        if let Outcome::Pass(changes) = &outcome
            && let Err(denial) = guard
                .may_pass(&decision, id)
                .and_then(|()| host::change_request_headers(changes).map_err(Denial::from))
        {
            // It would pass unrecorded, or a client's copy of a header may still be there.
            decision = decision.overruled(denial);
            outcome = Outcome::of(&decision, policy, self.facts.readable_headers(), id);
        }
        audit::leave_for_access_log(&decision, policy.audit());
        self.record(guard, &decision, now);
        guard.counts.borrow_mut().request(&decision, now);
        self.settle(guard, &decision);
        match outcome {
            Outcome::Pass(_) => {
                self.last.borrow_mut().shadowed = decision.verdict().err().map(Denial::reason);
                self.close(Phase::Passed);
                self.place.set(Some(self.streams.open(Rc::clone(self))));
                Fate::Passed
            }
            Outcome::Reply(reply) => {
                self.answer(&reply);
                Fate::Answered
            }
        }
    }

    /// Lets a request go that was held, or answers it.
    fn release(self: &Rc<Self>, guard: &Rc<Guard>, decision: Decision, now: Option<OffsetDateTime>) {
        match self.carry_out(guard, decision, now) {
            Fate::Passed => {
                let stripped = if self.trailers_wait.get() { self.strip_trailers() } else { Ok(()) };
                match stripped.and_then(|()| host::resume_request()) {
                    Ok(()) => {}
                    Err(error) => {
                        self.refuse(&error.to_string());
                    }
                }
            }
            Fate::Answered => {}
        }
    }

    /// Lets an open stream go on, or ends it.
    fn keep_or_reset(&self, guard: &Guard, decision: Decision, now: Option<OffsetDateTime>) {
        self.settle(guard, &decision);
        let denied = decision.verdict().err().map(Denial::reason);
        let was_shadowed = std::mem::replace(&mut self.last.borrow_mut().shadowed, denied);
        if decision.enforced_denial().is_some() {
            audit::leave_for_access_log(&decision, guard.engine.policy().audit());
            self.record(guard, &decision, now);
            guard.counts.borrow_mut().stream(&decision);
            self.reset();
        } else if denied.is_some() && denied != was_shadowed {
            self.record(guard, &decision, now);
            guard.counts.borrow_mut().stream(&decision);
        }
    }

    fn record(&self, guard: &Guard, decision: &Decision, now: Option<OffsetDateTime>) {
        let about = About {
            decision,
            facts: &self.facts,
            policy: guard.engine.policy(),
            id: self.id.get(),
            phase: match self.phase.get() {
                Phase::Passed => Judging::Stream,
                Phase::New | Phase::Waiting | Phase::Over => Judging::Request,
            },
            now,
            took: None,
        };
        audit::record(guard, about, self.last.borrow().began, self.context);
    }

    fn strip_trailers(&self) -> Result<(), crate::facts::FactError> {
        let trailers = host::request_trailers()?;
        let guard = self.guard();
        let names = trailers_to_remove(guard.engine.policy(), trailers.names());
        names.iter().try_for_each(|name| host::remove_request_trailer(name))
    }

    /// Answers and keeps the request from the upstream, whether or not the answer could be sent.
    fn answer(&self, reply: &Reply) -> Action {
        self.close(Phase::Over);
        if let Err(error) = host::reply(reply, self.id.get()) {
            let id = self.id.get();
            host::log(LogLevel::Error, &format!("denied request {id} could not be answered: {error}"));
        }
        Action::Pause
    }

    fn refuse(&self, why: &str) -> Action {
        let id = self.id.get();
        host::log(LogLevel::Error, &format!("request {id} was denied: {why}"));
        metrics::add(REFUSED, 1);
        self.answer(&Reply::refusal(503, id))
    }

    /// Answers or ends what cannot be judged.
    fn give_up(&self, why: &str) {
        match self.phase.get() {
            Phase::Waiting => {
                self.refuse(why);
            }
            Phase::Passed => {
                host::log(LogLevel::Error, &format!("stream {} was reset: {why}", self.id.get()));
                self.reset();
            }
            Phase::New | Phase::Over => {}
        }
    }

    /// Ends an open stream.
    fn reset(&self) {
        self.close(Phase::Over);
        metrics::add(STREAMS_RESET, 1);
        if let Err(error) = host::reset_stream() {
            let id = self.id.get();
            host::log(LogLevel::Error, &format!("denied stream {id} could not be reset: {error}"));
        }
    }

    /// Goes on to another phase, and out of where the present one has put the stream.
    fn close(&self, next: Phase) {
        if self.phase.replace(next) == Phase::Waiting {
            self.streams.release();
        }
        if let Some(place) = self.place.take() {
            self.streams.close(place);
        }
    }
}

/// What the engine answers.
enum Asked {
    Decided(Decision),
    Needs(Need, Missing),
}

/// What became of a request.
enum Fate {
    /// It may go to the upstream.
    Passed,
    /// It was answered.
    Answered,
}
