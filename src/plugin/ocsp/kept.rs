//! What is kept of a question, by one VM and in shared data.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::cert::Fingerprint;
use crate::plugin::shared::{self, Key, Read, millis};
use crate::revocation::ocsp::{self, Answer, Query, Responder};
use crate::revocation::{Response, Status, Unknown, Why};
use crate::trust::Authority;

/// How many values in shared data hold what VMs know, each about one certificate: those are never removed. Two certificates
/// that share one displace each other there, and are asked about by every VM for itself.
const SLOTS: u32 = 16_384;

/// The longest time that an answer is used without asking for a newer one, whatever it says of itself.
const LONGEST_UNASKED: Duration = Duration::from_secs(3600);

/// The same where the responder says that it always has newer information, or does not know the certificate yet.
const SHORT: Duration = Duration::from_secs(60);

/// The shortest time, so that answers that are over when they come do not make a question of every request.
const SHORTEST: Duration = Duration::from_secs(1);

/// How long after the first failure nobody asks again; doubled with each further one.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The longest such time.
const AFTER_MANY_FAILURES: Duration = Duration::from_secs(60);

/// How long nobody asks a responder again that wants to be asked later.
const TRY_LATER: Duration = Duration::from_secs(5);

/// A query that outlives the request it was made for.
pub(super) struct Question {
    pub(super) responder: Arc<Responder>,
    issuer: Arc<Authority>,
    serial: Box<[u8]>,
}

impl Question {
    pub(super) fn of(query: &Query<'_>) -> Question {
        Question {
            responder: Arc::clone(query.responder),
            issuer: Arc::clone(query.issuer),
            serial: query.serial.into(),
        }
    }

    pub(super) fn query(&self) -> Query<'_> {
        Query { responder: &self.responder, issuer: &self.issuer, serial: &self.serial }
    }
}

/// What is known of a certificate.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The last answer.
    answer: Option<Arc<Answer>>,
    /// Why there is no newer one, if the last question failed.
    failure: Option<Unknown>,
    failures: u8,
    /// When to ask again; `None` where nobody has asked.
    due: Option<OffsetDateTime>,
    /// Until when the VM that asks now has to answer; in shared data only.
    asked_until: Option<OffsetDateTime>,
}

impl Kept {
    /// What there is to tell about the certificate.
    pub(super) fn response(&self, responder: &Arc<Responder>, now: OffsetDateTime) -> Response {
        let is_due = self.is_due(now);
        match (&self.answer, &self.failure) {
            // While a newer one is asked for, this one may still hold. While nobody asks, how long it is believed is the
            // policy's to say.
            (Some(answer), _) if !is_due || !is_over(answer, responder, now) => {
                Response::Answered(Arc::clone(answer))
            }
            (None, Some(unknown)) if !is_due => Response::Failed(unknown.clone()),
            (Some(_), _) | (None, _) => Response::Pending,
        }
    }

    /// Whether it is time to ask.
    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        // A time too far away was set by a clock that has been set back.
        self.due.is_none_or(|due| now >= due || due > now + LONGEST_UNASKED)
    }

    /// Whether another VM is asking.
    pub(super) fn is_asked_for(&self, now: OffsetDateTime) -> bool {
        self.asked_until.is_some_and(|until| now < until && until < now + LONGEST_UNASKED)
    }

    /// Takes what came of a question. Says whether it differs from what was known.
    pub(super) fn learn(
        &mut self,
        outcome: Result<Answer, Unknown>,
        responder: &Arc<Responder>,
        now: OffsetDateTime,
    ) -> bool {
        let older = || Unknown::new(Why::Stale, "the response is older than the last one");
        let outcome = outcome.and_then(|answer| {
            let replaces = self.answer.as_ref().is_none_or(|old| answer.may_replace(old, now));
            if replaces { Ok(answer) } else { Err(older()) }
        });
        match outcome {
            Ok(answer) => {
                let due = Some(now + pause_after(&answer, responder, now));
                let new = Kept { due, answer: Some(Arc::new(answer)), ..Kept::default() };
                self.replace(new, now)
            }
            Err(unknown) => {
                let growing = AFTER_FAILURE * 2u32.saturating_pow(self.failures.into());
                let pause = if unknown.why == Why::TryLater { TRY_LATER } else { growing };
                self.due = Some(now + pause.min(AFTER_MANY_FAILURES));
                self.failures = self.failures.saturating_add(1);
                self.failure = Some(unknown);
                false
            }
        }
    }

    /// Takes what another VM knows. Says whether it differs from what was known.
    pub(super) fn replace(&mut self, new: Kept, now: OffsetDateTime) -> bool {
        let old = self.answer.take();
        let differs = match (&old, &new.answer) {
            (Some(old), Some(new)) => new.may_replace(old, now) && old.status != new.status,
            // Nothing was judged by what was not there.
            (None, _) | (_, None) => false,
        };
        *self = new;
        // What was found out since is not forgotten.
        let is_newer = |old: &Arc<Answer>| self.answer.as_ref().is_none_or(|new| !new.may_replace(old, now));
        if let Some(old) = old.filter(is_newer) {
            self.answer = Some(old);
        }
        differs
    }

    /// What VMs know of this certificate, and what is in its place in shared data, whatever that is about.
    pub(super) fn shared(key: Fingerprint) -> (Option<Kept>, Option<Read>) {
        let read = shared::get(&slot(key));
        (read.as_ref().and_then(|read| Kept::from_bytes(key, &read.value)), read)
    }

    /// Notes in shared data that this VM asks, unless that changed since it was `seen`. Says whether this VM may ask.
    pub(super) fn claim(&mut self, key: Fingerprint, seen: Option<&Read>, until: OffsetDateTime) -> bool {
        self.asked_until = Some(until);
        let claimed = shared::replace(&slot(key), seen, &self.to_bytes(key));
        self.asked_until = None;
        claimed
    }

    /// Shares it.
    pub(super) fn share(&self, key: Fingerprint) {
        shared::set(&slot(key), &self.to_bytes(key));
    }

    /// Key, the end of the claim, the next time to ask, failures, the last failure, and the answer.
    fn to_bytes(&self, key: Fingerprint) -> Vec<u8> {
        let mut bytes = key.as_bytes().to_vec();
        for time in [self.asked_until, self.due] {
            bytes.extend(time.map_or(0, millis).to_be_bytes());
        }
        let why = self.failure.as_ref().map(|unknown| unknown.why);
        let why = why.and_then(|why| Why::ALL.iter().position(|other| *other == why));
        bytes.push(self.failures);
        bytes.push(why.and_then(|why| u8::try_from(why).ok()).unwrap_or(u8::MAX));
        if let Some(answer) = &self.answer {
            bytes.extend(answer.to_bytes());
        }
        bytes
    }

    /// `None` where the bytes are not about the certificate of this key.
    fn from_bytes(key: Fingerprint, bytes: &[u8]) -> Option<Kept> {
        let rest = bytes.strip_prefix(key.as_bytes().as_slice())?;
        let (asked_until, rest) = rest.split_first_chunk::<8>()?;
        let (due, rest) = rest.split_first_chunk::<8>()?;
        let ([failures, why], rest) = rest.split_first_chunk::<2>()?;
        let failure = Why::ALL
            .get(usize::from(*why))
            .map(|why| Unknown::new(*why, "the responder gave another worker no usable answer"));
        let answer = if rest.is_empty() { None } else { Some(Arc::new(Answer::from_bytes(rest)?)) };
        Some(Kept {
            answer,
            failure,
            failures: *failures,
            due: moment(u64::from_be_bytes(*due)),
            asked_until: moment(u64::from_be_bytes(*asked_until)),
        })
    }
}

/// Whether newer information is due.
fn is_over(answer: &Answer, responder: &Arc<Responder>, now: OffsetDateTime) -> bool {
    ocsp::judge(answer, responder, now, Duration::ZERO).why() == Some(Why::Stale)
}

/// How long after `now` to ask again after this answer: when a quarter of its time is left.
fn pause_after(answer: &Answer, responder: &Arc<Responder>, now: OffsetDateTime) -> Duration {
    let end = ocsp::judge(answer, responder, now, Duration::ZERO).until;
    let left = end.map_or(Duration::ZERO, |end| Duration::try_from(end - now).unwrap_or_default());
    let most = match (&answer.status, answer.next_update) {
        (Status::Good | Status::Revoked(_), Some(_)) => LONGEST_UNASKED,
        (Status::Unknown(_), _) | (Status::Good | Status::Revoked(_), None) => SHORT,
    };
    (left / 4 * 3).clamp(SHORTEST, most)
}

fn slot(key: Fingerprint) -> Key {
    let number = key.as_bytes().first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first)) % SLOTS;
    Key::new("ocsp", &[&number.to_be_bytes()])
}

/// The time so long since 1970; `None` for no time at all.
fn moment(milliseconds: u64) -> Option<OffsetDateTime> {
    if milliseconds == 0 {
        return None;
    }
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}
