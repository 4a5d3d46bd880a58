//! Decides, request by request, whether the holder of a client certificate may use a route.
//!
//! ```text
//! Envoy attributes, headers ─▶ cert::forwarded ─▶ Certificate ─▶ Identity ─┐
//! method, host, path ────────▶ policy::route ───▶ Route ───────────────────┼▶ Engine::decide(facts, now)
//!                                                                          │
//! headers, local reply, audit record ◀── outcome, audit ◀── Decision ◀─────┘
//! ```
//!
//! [`Engine::decide`] is pure: it reads no clock, does no I/O and logs nothing. It asks [`Facts`] for what the policy
//! makes it need, and answers a [`policy::Decision`], of which [`outcome`] makes what happens to the request and
//! [`audit`] what is recorded. The plugin (on `wasm32-wasip1`) and the command `mtlsctl` stand around it and share it.
//!
//! | module | holds |
//! |---|---|
//! | [`cert`] | certificates, and how Envoy forwards them |
//! | [`identity`] | the names in a certificate, each kind with its pattern |
//! | [`policy`] | the policy document, routes, matchers, decisions |
//! | [`request`] | what a request says of itself |
//! | [`token`] | what a verified token says |
//! | [`facts`] | what a decision may ask |
//! | [`trust`] | the certificates that a policy trusts, and what each may sign |
//! | [`revocation`] | deny lists, CRLs and OCSP: whether a certificate was revoked |
//! | [`throttle`] | counts denials, so that who is denied again and again costs little |
//! | [`engine`] | the way of a request through all of these |
//! | [`outcome`], [`audit`] | what a decision does, and how it is recorded |
//! | [`metrics`] | what is counted of decisions |
//! | `lint` | what is seldom meant in a policy, and what a policy asserts of itself; not in WebAssembly |

#![cfg_attr(test, allow(clippy::string_slice, reason = "a test may panic"))]

pub mod audit;
pub mod cert;
pub mod engine;
pub mod facts;
mod generations;
pub mod identity;
#[cfg(not(target_arch = "wasm32"))]
pub mod lint;
pub mod metrics;
pub mod outcome;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod plugin;
pub mod policy;
pub mod request;
pub mod revocation;
mod sorted;
pub mod throttle;
pub mod token;
pub mod trust;

pub use engine::Engine;
pub use facts::Facts;

#[cfg(test)]
#[path = "../tests/chance/mod.rs"]
mod chance;
#[cfg(test)]
#[path = "../tests/mint/mod.rs"]
mod mint;
