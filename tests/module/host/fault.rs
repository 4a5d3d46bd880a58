//! One call that the host answers otherwise than it should.

use super::abi::Status;

/// Which call, and what it answers.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// How many calls come before it.
    pub(crate) at: usize,
    pub(crate) answer: Answer,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// This status, and does nothing.
    Status(Status),
    /// Success, with these octets in place of the ones that were asked for; only where a call hands some out.
    Octets(Vec<u8>),
    /// Success, with this number in place of the one that was asked for; only where a call hands one out.
    Number(u64),
}
