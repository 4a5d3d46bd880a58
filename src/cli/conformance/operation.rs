//! From a line to its answer: which operation is asked for.

use std::time::Instant;

use serde_json::Value;

use super::answer::{Answer, Finding};
use super::case::{Case, Refusal};
use super::input::Line;
use super::{certificate, crl, decision, forwarded, name, ocsp, pattern, revocation, signature, verify};

/// Answers any line, a case or not.
#[expect(clippy::disallowed_methods, reason = "how long an answer takes is measured around the engine")]
pub(super) fn answer_line(line: Line) -> Answer {
    let begin = Instant::now();
    let case = match line {
        Line::Whole(line) => Case::read(&line),
        Line::TooLong => Err(Refusal::TooLong),
    };
    let id = case.as_ref().map_or(Value::Null, Case::id);
    let finding = case.and_then(|case| find(&case)).unwrap_or_else(Finding::from);
    Answer { id, finding, us: u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX) }
}

fn find(case: &Case) -> Result<Finding, Refusal> {
    match case.operation()? {
        "check_crl" => revocation::check_crl(case),
        "check_ocsp" => ocsp::check(case),
        "eval" => decision::decide(case),
        "name_match" => name::same(case),
        "parse_cert" => certificate::parse(case),
        "parse_crl" => crl::parse(case),
        "parse_name" => name::parse(case),
        "parse_xfcc" => forwarded::parse(case),
        "uri_match" => pattern::uri(case),
        "verify" => verify::verify(case),
        "verify_sig" => signature::by_name(case),
        "verify_signed" => signature::by_identifier(case),
        other => Err(Refusal::UnknownOperation(other.to_owned())),
    }
}
