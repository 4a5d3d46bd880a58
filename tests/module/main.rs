//! The module that is shipped, under an interpreter: what it uses for a request in instructions and calls, that its memory stays
//! bounded, and that no answer of the host makes it let pass what must not.
//!
//! The interpreter counts one for each WebAssembly operator that does something, so that counts are the same on every machine. It is no
//! clock: an instruction may cost much or little, and what a call costs Envoy is not in it; `make bench` measures that.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test stops where what it stands on does not hold"
)]

mod counts;
mod growth;
mod host;
mod memory;
#[path = "../mint/mod.rs"]
mod mint;
mod module;
mod odd;
mod policies;
mod profile;
mod request;
mod servers;
