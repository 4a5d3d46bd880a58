//! At which answers the SDK traps, all of them known.

use std::collections::BTreeSet;

use crate::host::abi::Status;
use crate::host::fault::Answer;

/// A call that was answered so, and what the filter said as it trapped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trapped {
    pub(super) call: &'static str,
    pub(super) answer: Answer,
    pub(super) why: String,
}

/// The statuses beside success that the SDK (0.2.5) takes for an answer; at all others it panics, for a host that is not broken does not
/// give them. There is no way around it but calls of our own, which are unsafe code. Envoy refuses the requests of a VM that trapped.
const TAKEN: [(&str, &[Status]); 8] = [
    ("get_buffer_bytes", &[Status::NotFound]),
    ("get_property", &[Status::NotFound, Status::SerializationFailure, Status::InternalFailure]),
    ("get_shared_data", &[Status::NotFound]),
    ("http_call", &[Status::BadArgument, Status::InternalFailure]),
    ("increment_metric", &[Status::NotFound, Status::BadArgument]),
    ("record_metric", &[Status::NotFound]),
    ("set_effective_context", &[Status::BadArgument]),
    ("set_shared_data", &[Status::CasMismatch]),
];

/// Other answers that it does not take.
fn is_known(call: &str, answer: &Answer) -> bool {
    match (call, answer) {
        // It believes the lengths that a map says of itself.
        ("get_header_map_pairs", Answer::Octets(octets)) => !octets.is_empty(),
        // A response comes to a call that it has not made.
        ("http_call", Answer::Number(_)) => true,
        // The host then says of the metric that it is none.
        ("define_metric", Answer::Number(_)) => true,
        // Where it acts for who made a call whose response has come, it demands success.
        ("set_effective_context", Answer::Status(Status::BadArgument)) => true,
        (_, Answer::Status(status)) => {
            let taken = TAKEN.iter().find(|(known, _)| *known == call).map(|(_, taken)| *taken);
            !taken.unwrap_or_default().contains(status)
        }
        (_, Answer::Octets(_) | Answer::Number(_)) => false,
    }
}

/// Asserts that of all answers that were `tried` those made the filter trap that are known to, and in the SDK alone.
pub(super) fn assert_known(tried: &BTreeSet<(&'static str, Answer)>, trapped: &BTreeSet<Trapped>) {
    for Trapped { call, answer, why } in trapped {
        assert!(is_known(call, answer), "`{call}` answered with {answer:?}: {why}");
        // The filter's own words name files of `src/`.
        let is_of_sdk = why.contains("/proxy-wasm-0.2.5/") || why.ends_with("capacity overflow");
        assert!(is_of_sdk, "`{call}` answered with {answer:?} trapped elsewhere: {why}");
    }
    let met: BTreeSet<_> = trapped.iter().map(|trap| (trap.call, trap.answer.clone())).collect();
    let over: Vec<_> = tried
        .iter()
        .filter(|(call, answer)| is_known(call, answer))
        .filter(|pair| !met.contains(pair))
        .collect();
    assert!(over.is_empty(), "these are said to trap, and no longer do: {over:?}");
    for (call, _) in TAKEN {
        assert!(tried.iter().any(|(tried, _)| *tried == call), "`{call}` is never made");
    }
}
