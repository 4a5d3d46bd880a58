//! `mtlsctl check --envoy`: the shipped configuration is good; each thing that is broken in it is found, and alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where what it stands on does not hold"
)]

mod bypass;
mod common;
mod connection;
mod manager;
#[path = "../mint/mod.rs"]
mod mint;
mod neighbours;
mod plugin;
mod policies;
mod report;
mod revocation;
mod routing;
mod tls;
mod token;
mod trust;
