//! Answers of OCSP responders: asked for once in the whole proxy, shared by its workers, kept for as long as they hold.
//!
//! A question is sent by the VM that was the first to note it in shared data; the others find the answer there. Nothing here
//! waits: who asks is told what is known, and asks again later.

mod kept;

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use self::kept::Question;
use super::host;
use super::metrics;
use super::shared::millis;
use crate::cert::Fingerprint;
use crate::metrics::{source_name, status_word};
use crate::revocation::ocsp::{self, Kept, MAX_RESPONSE_BYTES, NONCE_BYTES, Nonce, Query, Responder};
use crate::revocation::{Response, Unknown, Why};

/// Most certificates that one VM keeps answers about: about 4 MB.
const MOST_KEPT: usize = 8192;

/// Most questions that one VM has under way.
const MOST_CALLS: usize = 1024;

/// Most of them to one responder, so that one that hangs holds nobody up who asks another: an eighth of the requests that a
/// cluster takes at once unless told otherwise.
const MOST_CALLS_EACH: usize = 128;

/// How often what came of a question is offered to shared data while other VMs write there.
const MOST_WRITES: usize = 4;

/// Most wishes that one tick looks at.
const MOST_LOOKED_AT: usize = 256;

/// Most questions that one tick sends.
const MOST_SENT: usize = 32;

/// How soon a tick goes on with what the one before had to leave.
const AT_ONCE: Duration = Duration::from_millis(1);

/// How often a VM looks whether another one has the answer.
const WHILE_ANOTHER_ASKS: Duration = Duration::from_millis(5);

/// How often calls are looked at that may have died with the root that made them.
const WHILE_ASKING: Duration = Duration::from_secs(1);

/// How long after its timeout a call is given up of which nothing was heard.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// The answers about certificates that one plugin in one VM has.
#[derive(Default)]
pub(super) struct Responses {
    known: HashMap<Fingerprint, Known>,
    /// What is to be asked for, each once.
    wanted: VecDeque<Fingerprint>,
    /// What was sent, by the host's token.
    calls: HashMap<u32, Call>,
    generation: u64,
}

/// A certificate that was asked about.
struct Known {
    question: Question,
    kept: Kept,
    state: State,
    /// Whether somebody asked since the table was cleared last.
    used: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody asks.
    Idle,
    /// It is to be asked about, or another VM asks.
    Wanted,
    /// This VM asks.
    Asking,
}

struct Call {
    key: Fingerprint,
    responder: Arc<Responder>,
    nonce: Option<[u8; NONCE_BYTES]>,
    sent: OffsetDateTime,
    /// When nothing will be heard of it any more.
    lost: OffsetDateTime,
}

impl Responses {
    /// What is known of the certificate of `query`, whose key is `key`. What is not known is wanted from then on.
    pub(super) fn get(&mut self, key: Fingerprint, query: &Query<'_>, now: OffsetDateTime) -> Response {
        if !self.known.contains_key(&key) {
            if self.known.len() >= MOST_KEPT {
                self.forget();
            }
            if self.known.len() >= MOST_KEPT {
                let overloaded = Unknown::new(Why::Overloaded, "too many certificates are being asked about");
                return Response::Failed(overloaded);
            }
            let question = Question::of(query);
            self.known.insert(key, Known { question, kept: Kept::default(), state: State::Idle, used: true });
        }
        let Some(known) = self.known.get_mut(&key) else { return Response::Pending };
        known.used = true;
        if known.kept.is_due(now) && known.state == State::Idle {
            // Another VM may have asked before or meanwhile, and have learnt that the certificate is revoked.
            if let Some(shared) = kept::read(key).0
                && known.kept.merge(shared, now)
            {
                self.generation += 1;
            }
            if known.kept.is_due(now) {
                known.state = State::Wanted;
                self.wanted.push_back(key);
            }
        }
        known.response(now)
    }

    /// Whether [`get`](Self::get) would answer that the certificate is being asked about.
    pub(super) fn is_pending(&self, key: Fingerprint, now: OffsetDateTime) -> bool {
        self.known.get(&key).is_some_and(|known| matches!(known.response(now), Response::Pending))
    }

    /// Changes when an answer comes that differs from the one before.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether something is to be done that nobody has begun to do.
    pub(super) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Does a bounded part of what is to be done; the effective context is a root's. Answers how long from now it wants to be
    /// called again; `None` where nothing is asked for.
    pub(super) fn tick(&mut self, now: OffsetDateTime) -> Option<Duration> {
        let lost: Vec<u32> =
            self.calls.iter().filter(|(_, call)| now >= call.lost).map(|(token, _)| *token).collect();
        for token in lost {
            let unknown = Unknown::new(Why::Unavailable, "nothing was heard of the responder");
            self.finish(token, now, |_, _| Err(unknown));
        }
        let mut sent = 0;
        let looked_at = self.wanted.len().min(MOST_LOOKED_AT);
        for _ in 0..looked_at {
            if sent >= MOST_SENT || self.calls.len() >= MOST_CALLS {
                break;
            }
            let Some(key) = self.wanted.pop_front() else { break };
            match self.pursue(key, now) {
                Pursued::Known => {}
                Pursued::ByAnother | Pursued::Later => self.wanted.push_back(key),
                Pursued::Sent => sent += 1,
            }
        }
        if sent >= MOST_SENT {
            Some(AT_ONCE)
        } else if !self.wanted.is_empty() {
            Some(WHILE_ANOTHER_ASKS)
        } else if !self.calls.is_empty() {
            Some(WHILE_ASKING)
        } else {
            None
        }
    }

    /// Takes the response to the call `token`, if it is one of these. Without headers the call has failed, and there is nothing to
    /// ask the host for.
    pub(super) fn on_response(
        &mut self,
        token: u32,
        num_headers: usize,
        body_size: usize,
        now: Option<OffsetDateTime>,
    ) {
        if !self.calls.contains_key(&token) {
            return;
        }
        // Without a time nothing can be checked, and nothing kept; the call counts as lost when there is one again.
        let Some(now) = now else { return };
        let body = received(num_headers, body_size);
        self.finish(token, now, |question, nonce| {
            ocsp::read(&body?, &question.query(), nonce, now)
                .map_err(|error| Unknown::new(error.why(), error.to_string()))
        });
    }

    /// Has a certificate asked about, unless another VM does or did.
    fn pursue(&mut self, key: Fingerprint, now: OffsetDateTime) -> Pursued {
        let Some(known) = self.known.get_mut(&key) else { return Pursued::Known };
        let (shared, seen) = kept::read(key);
        if let Some(shared) = shared {
            let is_asked_for = shared.is_asked_for(now);
            // What is written below must not be older than what stands there.
            if known.kept.merge(shared, now) {
                self.generation += 1;
            }
            if !known.kept.is_due(now) {
                known.state = State::Idle;
                return Pursued::Known;
            }
            if is_asked_for {
                return Pursued::ByAnother;
            }
        }
        let responder = Arc::clone(&known.question.responder);
        let asked = self.calls.values().filter(|call| Arc::ptr_eq(&call.responder, &responder)).count();
        if asked >= MOST_CALLS_EACH {
            return Pursued::Later;
        }
        let lost = now + responder.timeout + LOST_AFTER;
        if !kept::write(&known.kept, key, seen.as_ref(), Some(lost)) {
            return Pursued::ByAnother;
        }
        known.state = State::Asking;
        metrics::add(&["ocsp.queries", &label(&responder)].concat(), 1);
        let nonce = match responder.nonce {
            Nonce::Off => None,
            Nonce::Optional | Nonce::Required => Some(nonce()),
        };
        match send(&known.question, nonce.as_ref()) {
            Ok(token) => {
                self.calls.insert(token, Call { key, responder, nonce, sent: now, lost });
            }
            Err(unknown) => self.keep(key, Err(unknown), now),
        }
        Pursued::Sent
    }

    fn finish(
        &mut self,
        token: u32,
        now: OffsetDateTime,
        read: impl FnOnce(&Question, Option<&[u8; NONCE_BYTES]>) -> Result<ocsp::Answer, Unknown>,
    ) {
        let Some(call) = self.calls.remove(&token) else { return };
        let took = millis(now).saturating_sub(millis(call.sent));
        metrics::record(&["ocsp.latency_ms", &label(&call.responder)].concat(), took);
        let Some(known) = self.known.get(&call.key) else { return };
        let outcome = read(&known.question, call.nonce.as_ref());
        self.keep(call.key, outcome, now);
    }

    /// Keeps and shares what came of a question.
    fn keep(&mut self, key: Fingerprint, outcome: Result<ocsp::Answer, Unknown>, now: OffsetDateTime) {
        let Some(known) = self.known.get_mut(&key) else { return };
        known.state = State::Idle;
        if let Err(unknown) = &outcome {
            let url = &known.question.responder.url;
            let line = format!("no answer from the OCSP responder `{url}`: {unknown}");
            host::log(proxy_wasm::types::LogLevel::Warn, &line);
        }
        // Dates are judged by the policy of each request.
        let result = match &outcome {
            Ok(answer) => status_word(&answer.status),
            Err(unknown) => unknown.why.code(),
        };
        let label = label(&known.question.responder);
        metrics::add(&["ocsp.answers.result.", result, &label].concat(), 1);
        let mut has_changed = false;
        let mut outcome = Some(outcome);
        for _ in 0..MOST_WRITES {
            // First what others know: a response that is older than theirs is none.
            let (shared, seen) = kept::read(key);
            has_changed |= shared.is_some_and(|shared| known.kept.merge(shared, now));
            if let Some(outcome) = outcome.take() {
                has_changed |= known.kept.learn(outcome, &known.question.responder, now);
            }
            if kept::write(&known.kept, key, seen.as_ref(), None) {
                break;
            }
        }
        self.generation += u64::from(has_changed);
    }

    /// Makes room: forgets what nobody has asked for since the last time, and is not being asked for.
    fn forget(&mut self) {
        self.known.retain(|_, known| {
            let is_kept = known.used || known.state != State::Idle;
            known.used = false;
            is_kept
        });
    }
}

enum Pursued {
    /// There is nothing to be done.
    Known,
    /// Another VM asks.
    ByAnother,
    /// Too many questions to the same responder are under way.
    Later,
    /// This VM has asked.
    Sent,
}

impl Known {
    fn response(&self, now: OffsetDateTime) -> Response {
        self.kept.response(&self.question.responder, now)
    }
}

/// Sends the question; the effective context is a root's, so that the call lives as long as the plugin.
fn send(question: &Question, nonce: Option<&[u8; NONCE_BYTES]>) -> Result<u32, Unknown> {
    let request = question
        .query()
        .request(nonce)
        .ok_or_else(|| Unknown::new(Why::Unavailable, "the responder's URL is none of HTTP"))?;
    let mut headers = vec![
        (":method", request.method),
        (":authority", &request.authority),
        (":path", &request.path),
        (":scheme", request.scheme),
    ];
    headers.extend_from_slice(request.headers);
    let responder = &question.responder;
    host::call(&responder.cluster, headers, &request.body, responder.timeout)
        .map_err(|_| Unknown::new(Why::Unavailable, "the responder's cluster cannot be used"))
}

/// The body of a response that may hold an answer.
fn received(num_headers: usize, body_size: usize) -> Result<Vec<u8>, Unknown> {
    let unavailable = |why: String| Unknown::new(Why::Unavailable, why);
    if num_headers == 0 {
        return Err(unavailable("the responder cannot be reached".to_owned()));
    }
    let status = host::call_headers()
        .and_then(|headers| headers.status())
        .map_err(|error| unavailable(error.to_string()))?;
    if status != 200 {
        return Err(unavailable(format!("the responder answered with status {status}")));
    }
    if body_size > MAX_RESPONSE_BYTES {
        return Err(Unknown::new(Why::Unusable, "the response is too long"));
    }
    host::call_body(body_size).map_err(|error| unavailable(error.to_string()))
}

/// What the names of a responder's metrics end with.
fn label(responder: &Responder) -> String {
    [".responder.", &source_name(&responder.cluster, &responder.url)].concat()
}

/// A nonce that no response of an earlier day can hold: who has not seen the question cannot foretell it, and it does not come
/// twice. The host's randomness, 128 bits of it when the VM begins, is to be had through the keys of a hasher alone; each
/// quarter of a nonce is SipHash under these of a number that is never used again, which is what SipHash was made to be: a
/// pseudo-random function.
fn nonce() -> [u8; NONCE_BYTES] {
    thread_local! {
        static KEYS: RandomState = RandomState::new();
        static DRAWN: Cell<u64> = const { Cell::new(0) };
    }
    let mut nonce = [0; NONCE_BYTES];
    for quarter in nonce.chunks_exact_mut(8) {
        let number = DRAWN.replace(DRAWN.get().wrapping_add(1));
        quarter.copy_from_slice(&KEYS.with(|keys| keys.hash_one(number)).to_be_bytes());
    }
    nonce
}
