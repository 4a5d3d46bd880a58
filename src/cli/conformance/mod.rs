//! `mtlsctl conformance`: cases of outside suites, answered by the engine.
//!
//! One case is one line of JSON, an object with `id`, `op` and what the operation takes. Its answer is one line too, in
//! the same place: `{"id", "verdict", "reason", "detail", "us"}`, with `us` the microseconds that it took.
//!
//! | `op` | takes | verdict |
//! |---|---|---|
//! | `check_crl` | `crl_der_b64`, `cert_der_b64`, `issuers_der_b64` (the self-signed are anchors, or all if none is), `time`, `max_age_s` | `good`, `revoked` or `unknown` |
//! | `check_ocsp` | `ocsp_der_b64`, `cert_der_b64`, `issuer_der_b64`, `time`, `max_age_s` | `good`, `revoked` or `unknown` |
//! | `parse_cert` | `cert_der_b64` | `accept` or `reject` |
//! | `parse_crl` | `crl_der_b64` | `accept` or `reject` |
//! | `parse_name` | `name_der_b64` | `accept` or `reject` |
//! | `name_match` | `a_der_b64`, `b_der_b64` | `match` or `differ` (RFC 5280 section 7.1) |
//! | `parse_xfcc` | `header` | `accept` with `elements`, or `reject` |
//! | `uri_match` | `pattern`, `value` | `match` or `differ` |
//! | `verify` | what [`verify`] lists | `accept` with `chain`, or `reject` |
//! | `verify_sig` | `spki_der_hex`, `alg`, `msg_hex`, `sig_hex` | `accept` or `reject` |
//! | `verify_signed` | `spki_der_b64`, `alg_der_b64`, `data_b64`, `sig_bitstring_der_b64` | `accept` or `reject` |
//!
//! Any other operation, and any key that an operation does not know, is `unsupported`: never an answer to something
//! else than was asked. A line that is no case is an `error`, and the next one is read. A new operation is an arm in
//! [`operation`] and a function in a file of its group.

mod answer;
mod case;
mod certificate;
mod crl;
mod decision;
mod forwarded;
mod in_order;
mod input;
mod name;
mod ocsp;
mod operation;
mod pattern;
mod revocation;
mod score;
mod signature;
mod verify;

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use clap::Args;

use self::input::Lines;
use super::{Exit, output};

/// Answer cases of outside conformance suites, or score the answers.
///
/// Reads JSON Lines and writes one answer for each, in the same order. Exits with 0 if every line was answered.
///
/// With `--score`, prints for each group of cases how many answers are right instead, and exits with 1 if a case was
/// accepted that must not be, if a line is no case, or if an exception no longer applies.
#[derive(Debug, Args)]
pub(super) struct Conformance {
    /// Files of cases, gzipped or not; none is the standard input.
    #[arg(value_name = "CASES")]
    cases: Vec<PathBuf>,

    /// How many cases are answered at a time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Compare the answers with what the cases expect.
    #[arg(long)]
    score: bool,

    /// Cases that are known to be answered otherwise: a JSON object of their ids and the reasons.
    #[arg(long, value_name = "FILE", requires = "score")]
    exceptions: Option<PathBuf>,

    /// Print every case that is not answered as expected.
    #[arg(short, long, requires = "score")]
    verbose: bool,
}

impl Conformance {
    pub(super) fn run(self) -> Exit {
        let lines = Lines::new(self.cases);
        if !self.score {
            return answer_all(lines, self.jobs);
        }
        let detail = if self.verbose { score::Detail::EachCase } else { score::Detail::Groups };
        match score::Exceptions::read(self.exceptions.as_deref()) {
            Ok(exceptions) => score::run(lines, self.jobs, exceptions, detail),
            Err(error) => output::fail(error),
        }
    }
}

fn answer_all(lines: Lines, jobs: u16) -> Exit {
    let mut out = BufWriter::new(io::stdout().lock());
    let end = in_order::run(lines, jobs, operation::answer_line, |answer, queue| {
        out.write_all(answer.to_json().as_bytes())?;
        out.write_all(b"\n")?;
        // Whoever waits for this answer before it sends the next case has it now.
        if queue == in_order::Queue::Empty { out.flush() } else { Ok(()) }
    });
    match end.and_then(|()| out.flush()) {
        Ok(()) => Exit::Good,
        // Whoever reads has gone away with lines left to answer.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Errors,
        Err(error) => output::fail(error),
    }
}
