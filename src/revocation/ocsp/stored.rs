//! Answers in shared data, from one worker to the others.

use time::OffsetDateTime;

use super::Answer;
use super::response::unknown_to_responder;
use crate::revocation::{Entry, EntryReason, Status};

/// The form that is written here. Another version of the filter may have left another one behind.
const VERSION: u8 = 1;

const GOOD: u8 = 0;
const REVOKED: u8 = 1;
const UNKNOWN: u8 = 2;

impl Answer {
    /// The answer for shared data; [`from_bytes`](Self::from_bytes) reads it. Times are in whole seconds, as in responses.
    ///
    /// A version, the status, the number of its reason; then five times, each a one and seconds since 1970 or zeros: since
    /// when, thisUpdate, producedAt, nextUpdate, the end of the signer's certificate.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (status, reason, since) = match &self.status {
            Status::Good => (GOOD, 0, None),
            Status::Revoked(entry) => (REVOKED, entry.reason.number(), entry.since),
            Status::Unknown(_) => (UNKNOWN, 0, None),
        };
        let mut bytes = vec![VERSION, status, reason];
        for time in
            [since, Some(self.this_update), Some(self.produced_at), self.next_update, self.signer_until]
        {
            bytes.push(u8::from(time.is_some()));
            bytes.extend_from_slice(&time.map_or(0, OffsetDateTime::unix_timestamp).to_be_bytes());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Answer> {
        let [VERSION, status, reason, times @ ..] = bytes else { return None };
        let mut times = times.chunks(9);
        let mut time = || match times.next()?.split_first()? {
            (0, _) => Some(None),
            (_, seconds) => {
                let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
                Some(Some(OffsetDateTime::from_unix_timestamp(seconds).ok()?))
            }
        };
        let since = time()?;
        let (this_update, produced_at) = (time()??, time()??);
        let (next_update, signer_until) = (time()?, time()?);
        let status = match *status {
            GOOD => Status::Good,
            REVOKED => Status::Revoked(Entry { since, reason: EntryReason::from_number(*reason)? }),
            UNKNOWN => unknown_to_responder(),
            _ => return None,
        };
        let answer = Answer { status, this_update, next_update, produced_at, signer_until };
        (answer.to_bytes() == bytes).then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::situation::{HOUR, now};
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn answers() -> Vec<Answer> {
        let good = Answer {
            status: Status::Good,
            this_update: now(),
            next_update: Some(now() + HOUR),
            produced_at: now() - HOUR,
            signer_until: None,
        };
        let revoked = |since, reason| Status::Revoked(Entry { since, reason });
        vec![
            Answer { next_update: None, signer_until: Some(now()), ..good.clone() },
            Answer { this_update: OffsetDateTime::UNIX_EPOCH - HOUR, ..good.clone() },
            Answer { status: unknown_to_responder(), ..good.clone() },
            Answer { status: revoked(Some(now()), EntryReason::KeyCompromise), ..good.clone() },
            Answer { status: revoked(None, EntryReason::Unspecified), ..good.clone() },
            good,
        ]
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        for answer in answers() {
            assert_eq!(Answer::from_bytes(&answer.to_bytes()), Some(answer));
        }
    }

    #[test]
    fn what_was_not_written_is_not_read() {
        for bytes in answers().iter().map(Answer::to_bytes) {
            for length in 0..bytes.len() {
                assert_eq!(Answer::from_bytes(&bytes[..length]), None);
            }
            assert_eq!(Answer::from_bytes(&[&bytes[..], &[0]].concat()), None);
            assert_eq!(Answer::from_bytes(&[&bytes[..], &[0; 9]].concat()), None);
            for at in 0..bytes.len() {
                for change in 1..=u8::MAX {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= change;
                    if let Some(answer) = Answer::from_bytes(&bytes) {
                        assert_eq!(answer.to_bytes(), bytes);
                        assert!(at > 0, "another version");
                    }
                }
            }
        }
    }
}
