//! What the product promises, sentence by sentence: requests as Envoy describes them go in, decisions, replies and
//! records come out. Runs natively and, without a file system or a clock, in WebAssembly under Node.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where what it stands on does not hold"
)]

#[path = "../chance/mod.rs"]
mod chance;
#[path = "../mint/mod.rs"]
mod mint;
#[cfg(not(target_arch = "wasm32"))]
#[path = "../schema/mod.rs"]
mod schema;
mod situation;

mod ambiguous_paths;
mod attacks;
mod audit;
mod certificate_demands;
mod chains;
mod combining;
mod conditions;
mod counts;
mod demands;
mod examples;
mod facts;
mod forwarded;
mod forwarding;
mod hosts;
mod matchers;
mod pages;
mod records;
mod replies;
mod revocation;
mod rollout;
mod routing;
mod server_names;
mod shadow;
mod throttling;
mod tls_demands;
mod tokens;
mod typed;
mod upstream;
mod validity;
mod verified;
