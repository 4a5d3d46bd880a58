//! What a collector's response to a batch means (OTLP specification, section "OTLP/HTTP Response").

use std::time::Duration;

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions};

/// Longest wait that a collector may ask for by `retry-after`. The queue fills meanwhile: two minutes of a busy VM are what a few
/// thousand records hold anyway.
const LONGEST_ASKED_WAIT: Duration = Duration::from_secs(120);

/// Longest response that is looked into for what it says of records that were not taken, in bytes; its one number and a sentence need
/// a few hundred.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The collector has taken it, but for so many records.
    Taken {
        /// How many it will never take.
        rejected: u64,
    },
    /// It will never take what was sent.
    Refused,
    /// It takes nothing as things are: without these credentials, at this address, or for a fault of its own. Somebody may mend that.
    Unavailing,
    /// It may take it later.
    Later {
        /// How long it wants to be left alone for.
        wait: Option<Duration>,
    },
}

impl Answer {
    /// The answer where there was no response: nobody listened, or the time was over.
    pub const NONE: Answer = Answer::Later { wait: None };

    /// The answer in a response of this status, header `retry-after` and body.
    pub fn of(status: u16, retry_after: Option<&[u8]>, body: &[u8]) -> Answer {
        match status {
            200..=299 => Answer::Taken { rejected: rejected(body) },
            429 | 502 | 503 | 504 => Answer::Later { wait: retry_after.and_then(seconds) },
            // Of what was sent: malformed, too large, of another kind.
            400 | 413 | 415 | 422 => Answer::Refused,
            _ => Answer::Unavailing,
        }
    }
}

/// `retry-after` in seconds (RFC 9110, section 10.2.3). As a date it would need a calendar, and says nothing that waiting ever longer
/// does not find out.
fn seconds(value: &[u8]) -> Option<Duration> {
    let seconds: u64 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_ASKED_WAIT))
}

/// How many records the collector says that it dropped. What cannot be read says nothing of the kind.
fn rejected(body: &[u8]) -> u64 {
    if body.len() > MAX_RESPONSE_BYTES {
        return 0;
    }
    std::str::from_utf8(body).ok().and_then(rejected_records).unwrap_or_default()
}

/// The 64-bit integer `partialSuccess.rejectedLogRecords`, which protobuf's JSON writes as a string, and reads as a number too.
fn rejected_records(json: &str) -> Option<u64> {
    let response =
        jsonc_parser::parse_to_ast(json, &CollectOptions::default(), &ParseOptions::default()).ok()?.value?;
    let partial = response.as_object()?.get_object("partialSuccess")?;
    match &partial.get("rejectedLogRecords")?.value {
        Value::NumberLit(number) => number.value.parse().ok(),
        Value::StringLit(text) => text.value.parse().ok(),
        Value::BooleanLit(_) | Value::Object(_) | Value::Array(_) | Value::NullKeyword(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_the_specification_calls_retryable_is_tried_again_and_nothing_else() {
        for status in [429, 502, 503, 504] {
            assert_eq!(Answer::of(status, None, b""), Answer::Later { wait: None }, "{status}");
        }
        for status in [400, 413, 415, 422] {
            assert_eq!(Answer::of(status, Some(b"1"), b""), Answer::Refused, "{status}");
        }
        for status in [100, 301, 401, 403, 404, 408, 500, 501, 505] {
            assert_eq!(Answer::of(status, Some(b"1"), b""), Answer::Unavailing, "{status}");
        }
        for status in [200, 202, 204] {
            assert_eq!(Answer::of(status, Some(b"1"), b""), Answer::Taken { rejected: 0 }, "{status}");
        }
    }

    #[test]
    fn a_wait_is_honoured_within_a_limit() {
        let wait = |value: &[u8]| match Answer::of(503, Some(value), b"") {
            Answer::Later { wait } => wait,
            Answer::Taken { .. } | Answer::Refused | Answer::Unavailing => panic!("a 503 is for later"),
        };
        assert_eq!(wait(b"7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(b" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(wait(b"0"), Some(Duration::ZERO));
        assert_eq!(wait(b"121"), Some(LONGEST_ASKED_WAIT));
        assert_eq!(wait(b"18446744073709551615"), Some(LONGEST_ASKED_WAIT));
        for odd in ["", "-1", "1.5", "18446744073709551616", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(wait(odd.as_bytes()), None, "{odd}");
        }
        assert_eq!(wait(b"\xff"), None);
    }

    #[test]
    fn records_that_a_collector_drops_are_known_by_its_answer() {
        let rejected = |body: &str| Answer::of(200, None, body.as_bytes());
        for (body, number) in [
            (r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedLogRecords":3}}"#, 3),
            (r#"{"partialSuccess":{"errorMessage":"a warning"}}"#, 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":null}"#, 0),
            ("{}", 0),
            ("", 0),
            (r#"{"partialSuccess":{"rejectedLogRecords":"x"}}"#, 0),
            (r#"{"partialSuccess":{"rejectedLogRecords":-1}}"#, 0),
            (r#"{"partialSuccess":{"rejectedLogRecords":[]}}"#, 0),
            (r#"{"partialSuccess":[]}"#, 0),
            ("\n\x02\x08\x03", 0),
        ] {
            assert_eq!(rejected(body), Answer::Taken { rejected: number }, "{body}");
        }
        let long = " ".repeat(MAX_RESPONSE_BYTES) + r#"{"partialSuccess":{"rejectedLogRecords":3}}"#;
        assert_eq!(rejected(&long), Answer::Taken { rejected: 0 });
    }

    #[test]
    fn an_answer_nested_however_deep_is_taken_and_says_nothing_of_dropped_records() {
        for (open, close) in [("[", "]"), (r#"{"partialSuccess":"#, "}"), ("[", "")] {
            for depth in [100, 500, 511, 512, 513, 1000] {
                let body = [open.repeat(depth), "0".to_owned(), close.repeat(depth)].concat();
                let answer = Answer::of(200, None, body.as_bytes());
                assert_eq!(answer, Answer::Taken { rejected: 0 }, "{depth} of `{open}`");
            }
        }
    }
}
