//! What one worker knows of a certificate, and how that of several comes together.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Answer, Responder, judge};
use crate::cert::Fingerprint;
use crate::revocation::{Response, Status, Unknown, Why};

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

/// What is known of the certificate of one question.
#[derive(Debug, Default)]
pub struct Kept {
    /// The last answer.
    answer: Option<Arc<Answer>>,
    /// Why there is no newer one, if the last question failed.
    failure: Option<Unknown>,
    failures: u8,
    /// When to ask again; `None` where nobody has asked.
    due: Option<OffsetDateTime>,
    /// Until when another worker asks; read from shared data only.
    asked_until: Option<OffsetDateTime>,
}

impl Kept {
    /// What there is to tell about the certificate.
    pub fn response(&self, responder: &Arc<Responder>, now: OffsetDateTime) -> Response {
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
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        // A time too far away was set by a clock that has been set back.
        self.due.is_none_or(|due| now >= due || due > now + LONGEST_UNASKED)
    }

    /// Whether another worker is asking.
    pub fn is_asked_for(&self, now: OffsetDateTime) -> bool {
        self.asked_until.is_some_and(|until| now < until && until < now + LONGEST_UNASKED)
    }

    /// Takes what came of a question. Says whether certificates may be judged otherwise by it than before.
    pub fn learn(
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
                self.due = Some(now + pause_after(&answer, responder, now));
                (self.failure, self.failures) = (None, 0);
                self.answer(Arc::new(answer))
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

    /// Takes what another worker knows: the newer of the two answers, and when nobody need ask again. Says whether certificates
    /// may be judged otherwise by it than before.
    pub fn merge(&mut self, other: Kept, now: OffsetDateTime) -> bool {
        if other.is_due(now) {
            self.failures = self.failures.max(other.failures);
        } else {
            (self.due, self.failure, self.failures) = (other.due, other.failure, other.failures);
        }
        other.answer.is_some_and(|new| {
            // Of two answers of the same second the one counts that lets nobody in.
            let is_newer = self.answer.as_ref().is_none_or(|old| {
                new.may_replace(old, now) && !(old.may_replace(&new, now) && is_revoked(old))
            });
            is_newer && self.answer(new)
        })
    }

    /// Takes an answer. Says whether certificates may be judged otherwise by it than before.
    fn answer(&mut self, new: Arc<Answer>) -> bool {
        match self.answer.replace(new.clone()) {
            Some(old) => old.status != new.status,
            // Some may have been let in without an answer.
            None => new.status != Status::Good,
        }
    }

    /// What is known, for shared data; [`from_bytes`](Self::from_bytes) reads it. `asked_until` is until when whoever writes it
    /// asks, and others need not.
    ///
    /// Key, that time, the next time to ask, failures, the last failure, and the answer.
    pub fn to_bytes(&self, key: Fingerprint, asked_until: Option<OffsetDateTime>) -> Vec<u8> {
        let mut bytes = key.as_bytes().to_vec();
        for time in [asked_until, self.due] {
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

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` where the bytes are not about the certificate of this key.
    pub fn from_bytes(key: Fingerprint, bytes: &[u8]) -> Option<Kept> {
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

fn is_revoked(answer: &Answer) -> bool {
    matches!(answer.status, Status::Revoked(_))
}

/// Whether newer information is due.
fn is_over(answer: &Answer, responder: &Arc<Responder>, now: OffsetDateTime) -> bool {
    judge(answer, responder, now, Duration::ZERO).why() == Some(Why::Stale)
}

/// How long after `now` to ask again after this answer: when a quarter of its time is left.
fn pause_after(answer: &Answer, responder: &Arc<Responder>, now: OffsetDateTime) -> Duration {
    let end = judge(answer, responder, now, Duration::ZERO).until;
    let left = end.map_or(Duration::ZERO, |end| Duration::try_from(end - now).unwrap_or_default());
    let most = match (&answer.status, answer.next_update) {
        (Status::Good | Status::Revoked(_), Some(_)) => LONGEST_UNASKED,
        (Status::Unknown(_), _) | (Status::Good | Status::Revoked(_), None) => SHORT,
    };
    (left / 4 * 3).clamp(SHORTEST, most)
}

/// Since 1970.
fn millis(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// The time so long since 1970; `None` for no time at all.
fn moment(milliseconds: u64) -> Option<OffsetDateTime> {
    if milliseconds == 0 {
        return None;
    }
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::super::situation::{HOUR, now, responder};
    use super::super::{Nonce, OcspError};
    use super::*;
    use crate::revocation::{Entry, EntryReason};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const MINUTE: time::Duration = time::Duration::MINUTE;

    fn ours() -> Arc<Responder> {
        responder("http://ocsp.acme.example/", false, Nonce::Off)
    }

    fn revoked() -> Status {
        Status::Revoked(Entry { since: None, reason: EntryReason::KeyCompromise })
    }

    /// An answer of that time, good for a week.
    fn answer(status: Status, at: OffsetDateTime) -> Answer {
        Answer {
            status,
            this_update: at,
            next_update: Some(at + 168 * HOUR),
            produced_at: at,
            signer_until: None,
        }
    }

    /// What a worker knows that has had this answer at that time.
    fn kept(status: Status, at: OffsetDateTime) -> Kept {
        let mut kept = Kept::default();
        kept.learn(Ok(answer(status, at)), &ours(), at);
        kept
    }

    /// What another worker reads of it.
    fn shared(kept: &Kept) -> Kept {
        let key = Fingerprint::of(b"key");
        Kept::from_bytes(key, &kept.to_bytes(key, None)).unwrap()
    }

    fn told(kept: &Kept, now: OffsetDateTime) -> Result<Status, Option<Why>> {
        match kept.response(&ours(), now) {
            Response::Answered(answer) => Ok(answer.status.clone()),
            Response::Failed(unknown) => Err(Some(unknown.why)),
            Response::Pending => Err(None),
        }
    }

    fn unavailable() -> Unknown {
        Unknown::new(Why::Unavailable, OcspError::UnknownSigner.to_string())
    }

    #[test]
    fn what_another_worker_found_out_since_counts_however_long_nobody_asked_here() {
        for later in [30 * MINUTE, 90 * MINUTE, 5 * HOUR] {
            let mut here = kept(Status::Good, now());
            let there = kept(revoked(), now() + 20 * MINUTE);
            assert!(here.merge(shared(&there), now() + later), "{later}");
            assert_eq!(told(&here, now() + later), Ok(revoked()), "{later}");
            // And it is not told to the others as it was before.
            let mut third = Kept::default();
            third.merge(shared(&here), now() + later);
            assert_eq!(told(&third, now() + later), Ok(revoked()), "{later}");
        }
    }

    #[test]
    fn what_another_worker_knew_before_displaces_nothing() {
        for later in [30 * MINUTE, 5 * HOUR] {
            let mut here = kept(revoked(), now() + 20 * MINUTE);
            assert!(!here.merge(shared(&kept(Status::Good, now())), now() + later), "{later}");
            assert_eq!(told(&here, now() + later), Ok(revoked()), "{later}");
        }
    }

    #[test]
    fn of_two_answers_of_one_time_the_one_counts_that_lets_nobody_in() {
        let [mut good, mut bad] = [kept(Status::Good, now()), kept(revoked(), now())];
        let [of_good, of_bad] = [shared(&good), shared(&bad)];
        assert!(good.merge(of_bad, now()));
        assert!(!bad.merge(of_good, now()));
        for kept in [good, bad] {
            assert_eq!(told(&kept, now()), Ok(revoked()));
        }
    }

    #[test]
    fn an_older_response_than_any_worker_has_had_is_not_believed() {
        let mut here = kept(Status::Good, now());
        here.merge(shared(&kept(revoked(), now() + 20 * MINUTE)), now() + 5 * HOUR);
        let replayed = answer(Status::Good, now() + 10 * MINUTE);
        assert!(!here.learn(Ok(replayed), &ours(), now() + 5 * HOUR));
        assert_eq!(told(&here, now() + 5 * HOUR), Ok(revoked()));
        assert!(here.learn(Ok(answer(Status::Good, now() + 5 * HOUR)), &ours(), now() + 5 * HOUR));
        assert_eq!(told(&here, now() + 5 * HOUR), Ok(Status::Good));
    }

    #[test]
    fn whoever_was_let_in_without_an_answer_is_judged_again_by_one_that_is_not_good() {
        for (status, differs) in [(Status::Good, false), (revoked(), true)] {
            let mut failed = Kept::default();
            failed.learn(Err(unavailable()), &ours(), now());
            for mut before in [Kept::default(), failed] {
                assert_eq!(before.learn(Ok(answer(status.clone(), now())), &ours(), now()), differs);
            }
            assert_eq!(Kept::default().merge(shared(&kept(status, now())), now()), differs);
        }
    }

    #[test]
    fn nobody_asks_again_before_an_answer_is_due_and_it_holds_until_it_ends() {
        let kept = kept(Status::Good, now());
        for (later, is_due, told_then) in [
            (59 * MINUTE, false, Ok(Status::Good)),
            (HOUR, true, Ok(Status::Good)),
            (168 * HOUR, true, Ok(Status::Good)),
            (168 * HOUR + MINUTE, true, Err(None)),
        ] {
            assert_eq!(
                (kept.is_due(now() + later), told(&kept, now() + later)),
                (is_due, told_then),
                "{later}"
            );
        }
        // The clock was set back.
        assert!(kept.is_due(now() - 2 * HOUR));
    }

    #[test]
    fn after_failures_nobody_asks_for_longer_and_longer() {
        let mut kept = Kept::default();
        let mut at = now();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            kept.learn(Err(unavailable()), &ours(), at);
            assert_eq!(told(&kept, at), Err(Some(Why::Unavailable)));
            let next = at + Duration::from_secs(seconds);
            assert!(!kept.is_due(next - Duration::from_millis(1)) && kept.is_due(next), "{seconds}");
            // Others wait as long.
            assert_eq!(told(&shared(&kept), at), Err(Some(Why::Unavailable)));
            at = next;
        }
        kept.learn(Ok(answer(Status::Good, at)), &ours(), at);
        kept.learn(Err(unavailable()), &ours(), at + HOUR);
        assert_eq!(told(&kept, at + HOUR), Ok(Status::Good));
        assert!(kept.is_due(at + HOUR + Duration::from_secs(1)));
    }

    #[test]
    fn others_see_who_asks_and_for_how_long_and_only_about_the_same_certificate() {
        let key = Fingerprint::of(b"key");
        let bytes = kept(Status::Good, now()).to_bytes(key, Some(now() + MINUTE));
        let read = Kept::from_bytes(key, &bytes).unwrap();
        assert!(read.is_asked_for(now()) && !read.is_asked_for(now() + MINUTE));
        // The clock was set back.
        assert!(!read.is_asked_for(now() - 2 * HOUR));
        assert!(Kept::from_bytes(Fingerprint::of(b"another"), &bytes).is_none());
        for end in 0..bytes.len() {
            // Without the answer it is a whole one, too.
            let is_whole = Kept::from_bytes(key, &bytes[..end]).is_some();
            assert_eq!(is_whole, end == 32 + 8 + 8 + 2, "{end}");
        }
    }
}
