//! What an answer is worth at a given time.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Answer, Responder};
use crate::revocation::{CLOCK_SKEW, Judgement, Method, Status, Unknown, Why};

/// How long after its thisUpdate an answer without nextUpdate is believed. Its responder always has newer information
/// (RFC 6960 section 4.2.2.1), and RFC 5019 section 4 refuses such answers, for they could be replayed for ever. Twice the
/// clock skew, so that one of a clock that is late by as much is of use.
pub const WITHOUT_NEXT_UPDATE: time::Duration = CLOCK_SKEW.saturating_add(CLOCK_SKEW);

/// What an answer is worth now (RFC 6960 section 3.2). `grace` is how long it is believed after its `nextUpdate`.
///
/// It is not believed before its thisUpdate, nor before it was signed, [`CLOCK_SKEW`] aside; nor after its nextUpdate or the end
/// of its signer's certificate, `grace` aside.
pub fn judge(answer: &Answer, responder: &Responder, now: OffsetDateTime, grace: Duration) -> Judgement {
    let begin = answer.this_update.max(answer.produced_at).saturating_sub(CLOCK_SKEW);
    let end = answer.next_update.unwrap_or_else(|| answer.this_update.saturating_add(WITHOUT_NEXT_UPDATE));
    let end = answer.signer_until.map_or(end, |signer| end.min(signer)).saturating_add(in_time(grace));
    let unknown = |why, detail| Status::Unknown(Unknown::new(why, detail));
    let (status, until) = if now < begin {
        (unknown(Why::Future, "the response's time has not begun"), Some(begin))
    } else if now > end {
        (unknown(Why::Stale, "the response's time is over"), None)
    } else {
        (answer.status.clone(), Some(end))
    };
    Judgement {
        status,
        method: Some(Method::Ocsp),
        source: Some(Arc::clone(&responder.url)),
        this_update: Some(answer.this_update),
        next_update: answer.next_update,
        until,
    }
}

impl Answer {
    /// Whether this answer may take the place of an older one to the same question: what was good once and is still in its time
    /// must not displace what was found out since. An answer from the future holds nobody up.
    pub fn may_replace(&self, old: &Answer, now: OffsetDateTime) -> bool {
        self.this_update >= old.this_update || old.this_update > now.saturating_add(CLOCK_SKEW)
    }
}

fn in_time(duration: Duration) -> time::Duration {
    duration.try_into().unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::situation::{HOUR, Situation, now};
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SECOND: time::Duration = time::Duration::SECOND;
    const MINUTE: time::Duration = time::Duration::MINUTE;

    fn answer() -> Answer {
        Answer {
            status: Status::Good,
            this_update: now(),
            next_update: Some(now() + 24 * HOUR),
            produced_at: now(),
            signer_until: None,
        }
    }

    /// `Ok` for what the answer says.
    fn judged(answer: &Answer, at: OffsetDateTime, grace: Duration) -> Result<(), Why> {
        let situation = Situation::new();
        let judgement = judge(answer, &situation.responder, at, grace);
        assert_eq!(judgement.method, Some(Method::Ocsp));
        assert_eq!(judgement.source, Some(Arc::clone(&situation.responder.url)));
        assert_eq!(judgement.this_update, Some(answer.this_update));
        assert_eq!(judgement.next_update, answer.next_update);
        match judgement.status {
            Status::Unknown(unknown) => Err(unknown.why),
            status @ (Status::Good | Status::Revoked(_)) => {
                assert_eq!(status, answer.status);
                assert!(judgement.until.is_some_and(|until| until >= at));
                Ok(())
            }
        }
    }

    #[test]
    fn an_answer_holds_from_this_update_to_next_update() {
        let judged = |at| judged(&answer(), at, Duration::ZERO);
        assert_eq!(judged(now()), Ok(()));
        assert_eq!(judged(now() + 24 * HOUR), Ok(()));
        assert_eq!(judged(now() + 24 * HOUR + SECOND), Err(Why::Stale));
        assert_eq!(judged(now() - 5 * MINUTE), Ok(()));
        assert_eq!(judged(now() - 5 * MINUTE - SECOND), Err(Why::Future));
    }

    #[test]
    fn grace_is_counted_from_next_update() {
        let judged = |at| judged(&answer(), at, Duration::from_secs(3600));
        assert_eq!(judged(now() + 25 * HOUR), Ok(()));
        assert_eq!(judged(now() + 25 * HOUR + SECOND), Err(Why::Stale));
        let forever = judge(&answer(), &Situation::new().responder, now(), Duration::MAX);
        assert_eq!(forever.status, Status::Good);
    }

    #[test]
    fn a_response_that_was_made_in_the_future_is_not_believed() {
        let made = |produced_at| judged(&Answer { produced_at, ..answer() }, now(), Duration::ZERO);
        assert_eq!(made(now() + 5 * MINUTE), Ok(()));
        assert_eq!(made(now() + 5 * MINUTE + SECOND), Err(Why::Future));
        assert_eq!(made(now() - 24 * HOUR), Ok(()), "prepared");
    }

    #[test]
    fn an_answer_without_next_update_is_old_soon() {
        let judged = |at| judged(&Answer { next_update: None, ..answer() }, at, Duration::ZERO);
        assert_eq!(judged(now() + 10 * MINUTE), Ok(()));
        assert_eq!(judged(now() + 10 * MINUTE + SECOND), Err(Why::Stale));
    }

    #[test]
    fn an_answer_does_not_outlive_the_certificate_of_who_signed_it() {
        let signed =
            |until, at| judged(&Answer { signer_until: Some(until), ..answer() }, at, Duration::ZERO);
        assert_eq!(signed(now() + HOUR, now() + HOUR), Ok(()));
        assert_eq!(signed(now() + HOUR, now() + HOUR + SECOND), Err(Why::Stale));
        assert_eq!(signed(now() + 48 * HOUR, now() + 25 * HOUR), Err(Why::Stale));
    }

    #[test]
    fn what_the_responder_does_not_know_stays_unknown() {
        let status = super::super::response::unknown_to_responder();
        let unknown = Answer { status, ..answer() };
        assert_eq!(judged(&unknown, now(), Duration::ZERO), Err(Why::UnknownToResponder));
        assert_eq!(judged(&unknown, now() + 25 * HOUR, Duration::ZERO), Err(Why::Stale));
    }

    #[test]
    fn an_older_answer_takes_no_newer_ones_place() {
        let at = |this_update| Answer { this_update, ..answer() };
        let replaces = |new, old| at(new).may_replace(&at(old), now());
        assert!(replaces(now(), now() - HOUR));
        assert!(replaces(now(), now()));
        assert!(!replaces(now() - SECOND, now()));
        assert!(!replaces(now(), now() + 5 * MINUTE));
        assert!(replaces(now(), now() + 5 * MINUTE + SECOND));
    }
}
