//! Counts denials, so that who is denied again and again is told to wait and costs little.
//!
//! What is counted is known by client *and* route: one that is denied on a route may be allowed on another. And only such denials
//! are counted as the certificate, or that there is none, is the reason of. [`Grounds`] says how much a denial proves: whom the
//! policy can only deny again is refused before its certificate is read; everybody else is judged first, each time, and
//! is told to wait only where the judgement is a denial. So whoever is allowed now is never refused, whatever was counted before,
//! and throttling makes one denial of another, nothing else.
//!
//! The window begins with the first denial that is counted, and has a fixed length. Refusals are not counted: who goes on trying
//! is judged again when the window is over, as is who has stopped.

mod failures;

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::cert::Fingerprint;

pub use failures::{Draft, Failures, SHARDS};

/// Who is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The holder of the certificate of this digest, as the connection tells it.
    Certificate(Fingerprint),
    /// Whoever has no certificate and the connection's other end there. Of IPv6 the network of 64 bits counts, for in it a
    /// host gives itself as many addresses as it likes.
    Address(IpAddr),
}

/// A client, on one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// Who.
    pub client: Peer,
    /// The route's position in the policy.
    pub route: u32,
}

/// What a denial says of the next request of that client on that route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// It is denied too, whatever else it brings and whenever it comes, for as long as the policy is the same.
    Certain,
    /// It may be allowed: on another connection, by other evidence, or at another time.
    AsJudged,
}

/// The client is to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// For how many seconds; at least one.
    pub seconds: u32,
}

/// Keeps count.
pub trait Throttle {
    /// Whether the client was denied too often on grounds that are certain, so that it need not be judged.
    fn refuses(&self, failing: Failing, now: OffsetDateTime) -> Option<Refusal>;

    /// Counts a denial; answers whether there were too many before it, so that the client is to be told to wait.
    fn count(&self, failing: Failing, grounds: Grounds, now: OffsetDateTime) -> Option<Refusal>;
}
