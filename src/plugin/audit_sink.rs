//! Sends audit records to a collector over OTLP/HTTP: calls from ticks, so that no request waits for one and none ends with a request.
//!
//! Each configured plugin has a queue of its own in each VM. What is left in it when its root ends goes to the root that
//! took its place, if that sends to the same collector; else the root's end is put off for as long as it takes, within a limit.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use proxy_wasm::types::LogLevel;
use time::OffsetDateTime;

use super::shared::random;
use super::{host, metrics};
use crate::audit::answer::{Answer, MAX_RESPONSE_BYTES};
use crate::audit::delivery::{Delivery, Dropped, Entry, Limits, Next, Patience, Rest, Ticket};
use crate::audit::otlp::{CONTENT_TYPE, LogRecord, Resource, Severity};
use crate::audit::{About, decision_word};
use crate::facts::Facts;
use crate::policy::{Decision, Denial, OnOverflow, Otlp, Policy, Reason, RecordField, Secret};
use crate::revocation::ServerUrl;

/// How long the end of a root is put off while records of it are to be delivered. A collector that answers takes a full queue
/// in less; Envoy keeps what the root holds in memory meanwhile.
pub(super) const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// Most calls that one tick begins: as many as may be under way, so that this ends.
const MOST_SENT: usize = 8;

/// How soon a tick goes on with what the one before had to leave.
const AT_ONCE: Duration = Duration::from_millis(1);

/// How soon a clock is asked again that had no time.
const WITHOUT_TIME: Duration = Duration::from_secs(1);

/// How often it is said in Envoy's log that the collector fails.
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(60);

/// The records of one configured plugin in one VM on their way to its collector.
pub(super) struct Sink {
    target: Target,
    resource: Resource,
    on_overflow: OnOverflow,
    trace: Trace,
    state: RefCell<State>,
}

/// Where records go.
#[derive(PartialEq, Eq)]
struct Target {
    cluster: Box<str>,
    url: Arc<str>,
    headers: Vec<(Box<str>, Secret)>,
    timeout: Duration,
}

/// Whether log records bear the ids of the request's trace.
#[derive(PartialEq, Eq)]
enum Trace {
    Told,
    Untold,
}

struct State {
    delivery: Delivery,
    /// What was sent, by the host's token.
    calls: Vec<(u32, Ticket)>,
    /// What this queue adds to the gauge that all VMs share.
    depth_told: i64,
    complained: Option<OffsetDateTime>,
}

impl Sink {
    /// What the policy wants; `None` where it names no collector. `vm` is the number that ids of decisions bear.
    pub(super) fn of(policy: &Policy, vm: u64) -> Option<Sink> {
        let audit = policy.audit();
        let otlp = audit.otlp()?;
        let Otlp { cluster, url, timeout, headers, on_overflow, .. } = otlp;
        let limits = Limits {
            queue_records: otlp.max_queue,
            batch_records: otlp.max_batch,
            max_delay: otlp.max_delay,
            timeout: *timeout,
            patience: match on_overflow {
                OnOverflow::Drop => Patience::Limited,
                OnOverflow::Deny => Patience::Unlimited,
            },
        };
        // Shown from the beginning: what goes from absent to one is no increase to a system that reads it now and then.
        for reason in Dropped::ALL {
            metrics::add(&dropped(reason), 0);
        }
        let kept_out = audit.omitted().contains(RecordField::Traceparent);
        Some(Sink {
            target: Target {
                cluster: cluster.clone(),
                url: Arc::clone(url),
                headers: headers.clone(),
                timeout: *timeout,
            },
            resource: Resource::new(vm, policy.digest()),
            on_overflow: *on_overflow,
            trace: if kept_out { Trace::Untold } else { Trace::Told },
            state: RefCell::new(State {
                delivery: Delivery::new(limits),
                calls: Vec::new(),
                depth_told: 0,
                complained: None,
            }),
        })
    }

    /// Whether a request may pass: where nobody is to pass unrecorded, not while there is no room for its record.
    pub(super) fn may_pass(&self) -> Result<(), Denial> {
        match self.on_overflow {
            OnOverflow::Drop => Ok(()),
            OnOverflow::Deny if self.state.borrow().delivery.has_room() => Ok(()),
            OnOverflow::Deny => Err(Denial::new(
                Reason::AuditUnavailable,
                "as many audit records wait for the collector as may, and none may be lost",
            )),
        }
    }

    /// Whether there is room for the record of a decision. Where nobody is to pass unrecorded, denials, of which anybody can cause any
    /// number, leave room for those who may pass.
    pub(super) fn has_room(&self, decision: &Decision) -> bool {
        let delivery = &self.state.borrow().delivery;
        match (self.on_overflow, decision.enforced_denial()) {
            (OnOverflow::Deny, Some(_)) => delivery.has_room() && delivery.has_room_to_spare(),
            (OnOverflow::Deny, None) | (OnOverflow::Drop, _) => delivery.has_room(),
        }
    }

    /// Counts a record for which there is no room.
    pub(super) fn drop_unmade(&self) {
        self.state.borrow_mut().delivery.drop_unmade();
    }

    /// Takes the record of a decision, by its line. Answers how soon a tick is wanted because of it.
    pub(super) fn take(&self, about: &About<'_, impl Facts>, line: &str) -> Option<Duration> {
        if !self.has_room(about.decision) {
            self.drop_unmade();
            return None;
        }
        let About { decision, facts, id, now, .. } = *about;
        let denial = decision.verdict().err();
        let header = || facts.headers().ok().and_then(|headers| headers.first("traceparent"));
        let record = LogRecord {
            time: now,
            severity: if denial.is_some() { Severity::Warn } else { Severity::Info },
            line,
            attributes: &[
                ("mtls_policy.decision", Some(decision_word(decision))),
                ("mtls_policy.reason", denial.map(|denial| denial.reason().code())),
                ("mtls_policy.route", decision.route().map(|route| route.name())),
                ("mtls_policy.mode", Some(decision.mode().as_str())),
                ("mtls_policy.id", Some(&id.to_string())),
            ],
            traceparent: if self.trace == Trace::Told { header() } else { None },
        };
        let delivery = &mut self.state.borrow_mut().delivery;
        delivery.offer(Entry { resource: self.resource.clone(), json: record.to_json() }, now)
    }

    /// Does what is to be done; the effective context is that of this sink's root. Answers how long from now it wants to be
    /// called again; `None` where nothing waits.
    pub(super) fn tick(&self, now: Option<OffsetDateTime>) -> Option<Duration> {
        let mut state = self.state.borrow_mut();
        let Some(now) = now else { return (!state.delivery.is_empty()).then_some(WITHOUT_TIME) };
        let mut wait = Some(AT_ONCE);
        for _ in 0..MOST_SENT {
            match state.delivery.next(now, random()) {
                Next::Send(ticket, body) => match self.target.send(body.as_bytes()) {
                    Some(token) => state.calls.push((token, ticket)),
                    None => {
                        state.complain(&self.target, now, "its cluster cannot be used");
                        state.delivery.settle(ticket, Answer::NONE, now, random());
                    }
                },
                Next::Wait(left) => {
                    wait = Some(left.max(AT_ONCE));
                    break;
                }
                Next::Nothing => {
                    wait = None;
                    break;
                }
            }
        }
        state.tell();
        wait
    }

    /// Takes the response to the call `token`, if it is one of these. Without headers the call has failed, and there is nothing to ask the
    /// host for.
    pub(super) fn on_response(&self, token: u32, num_headers: usize, body_size: usize) -> bool {
        let mut state = self.state.borrow_mut();
        let Some(at) = state.calls.iter().position(|(known, _)| *known == token) else { return false };
        let (_, ticket) = state.calls.swap_remove(at);
        // Without a time it counts as lost when there is one again.
        let Some(now) = host::now() else { return true };
        let (answer, status) = received(num_headers, body_size);
        match answer {
            Answer::Taken { rejected: 0 } => {}
            Answer::Taken { rejected } => {
                let what = ["it has dropped ", &rejected.to_string(), " of the records sent"].concat();
                state.complain(&self.target, now, &what);
            }
            Answer::Refused | Answer::Unavailing | Answer::Later { .. } => {
                let what = match status {
                    Some(status) => ["it answered with status ", &status.to_string()].concat(),
                    None => "there was no answer".to_owned(),
                };
                state.complain(&self.target, now, &what);
            }
        }
        state.delivery.settle(ticket, answer, now, random());
        true
    }

    /// Whether what the one cannot deliver the other can.
    pub(super) fn may_inherit_from(&self, other: &Sink) -> bool {
        self.target.is_that_of(&other.target)
    }

    /// Gives what is not under way to `heir`. Says whether nothing is left.
    pub(super) fn hand_over(&self, heir: Option<&Sink>) -> bool {
        let mut state = self.state.borrow_mut();
        match heir {
            Some(heir) => heir.inherit(state.delivery.give_away()),
            None => state.delivery.hurry(),
        }
        state.tell();
        state.delivery.is_empty()
    }

    /// Whether nothing is left to be delivered.
    pub(super) fn is_empty(&self) -> bool {
        self.state.borrow().delivery.is_empty()
    }

    /// Gives all that is left to `heir`, or counts it as dropped.
    pub(super) fn end(&self, heir: Option<&Sink>) {
        let mut state = self.state.borrow_mut();
        state.calls.clear();
        let rest = state.delivery.give_up();
        match heir {
            Some(heir) => heir.inherit(rest),
            None => state.delivery.abandon(&rest),
        }
        state.tell();
    }

    fn inherit(&self, rest: Rest) {
        let mut state = self.state.borrow_mut();
        state.delivery.inherit(rest);
        state.tell();
    }
}

impl Target {
    /// Whether records for the one may go to the other.
    fn is_that_of(&self, other: &Target) -> bool {
        self.cluster == other.cluster && self.url == other.url && self.headers == other.headers
    }

    /// Sends a batch; answers the host's token.
    fn send(&self, body: &[u8]) -> Option<u32> {
        let url = ServerUrl::split(&self.url)?;
        let mut headers = vec![
            (":method", "POST"),
            (":scheme", url.scheme),
            (":authority", url.authority),
            (":path", url.path),
            ("content-type", CONTENT_TYPE),
        ];
        headers.extend(self.headers.iter().map(|(name, value)| (&**name, value.reveal())));
        host::call(&self.cluster, headers, body, self.timeout).ok()
    }
}

impl State {
    /// Hands to Envoy what was counted.
    fn tell(&mut self) {
        let counts = self.delivery.take_counts();
        let count = |name: &str, number: u64| {
            if number > 0 {
                metrics::add(name, number);
            }
        };
        count("audit.records.sent", counts.sent);
        count("audit.send_failures", counts.failures);
        for (reason, number) in counts.dropped() {
            count(&dropped(reason), number);
        }
        let depth = i64::try_from(self.delivery.depth()).unwrap_or(i64::MAX);
        if depth != self.depth_told {
            metrics::shift("audit.queue_depth", depth - self.depth_told);
            self.depth_told = depth;
        }
    }

    /// Says in Envoy's log, now and then, that records do not arrive.
    fn complain(&mut self, target: &Target, now: OffsetDateTime, what: &str) {
        let is_time = self.complained.is_none_or(|last| now < last || now >= last + BETWEEN_COMPLAINTS);
        if is_time {
            self.complained = Some(now);
            let line = ["audit records could not be sent to `", &target.url, "`: ", what].concat();
            host::log(LogLevel::Warn, &line);
        }
    }
}

/// The name of the counter of records that were dropped for this reason.
fn dropped(reason: Dropped) -> String {
    ["audit.records.dropped.reason.", reason.word()].concat()
}

/// What a response says, and its status.
fn received(num_headers: usize, body_size: usize) -> (Answer, Option<u16>) {
    if num_headers == 0 {
        return (Answer::NONE, None);
    }
    let Ok(headers) = host::call_headers() else { return (Answer::NONE, None) };
    let Ok(status) = headers.status() else { return (Answer::NONE, None) };
    let retry_after = headers.iter().find(|(name, _)| *name == "retry-after").map(|(_, value)| value);
    // Most answers have none, or `{}`.
    let body = match body_size {
        0 => Vec::new(),
        size => host::call_body(size.min(MAX_RESPONSE_BYTES + 1)).unwrap_or_default(),
    };
    (Answer::of(status, retry_after, &body), Some(status))
}
