//! The filter on a real Envoy with real TLS clients: statuses, headers, records, counters.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod audit_sink;
mod ca_names;
mod chains;
mod common;
mod connections;
mod decisions;
mod demands;
mod forwarded;
mod forwarding;
mod headers;
mod held;
mod hostcalls;
mod hostile;
mod injected;
mod load;
mod metrics;
mod observability;
mod pages;
mod policies;
mod rate_limits;
mod records;
mod replacement;
mod replies;
mod revocation;
mod rollout;
mod routing;
mod server_names;
mod sessions;
mod shipped;
mod streams;
mod throttling;
mod tokens;
mod told;
