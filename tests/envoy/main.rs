//! The filter on a real Envoy with real TLS clients: statuses, headers, records, counters.

#[path = "../harness/mod.rs"]
mod harness;

mod shipped;
