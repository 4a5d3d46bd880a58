//! How a list is kept up to date that is fetched over HTTP: who asks for it and when, what is asked, what of the answers is remembered,
//! and what may go wrong. Whoever does the input and output has the bytes, the clock and the randomness.

mod failure;
mod lease;
mod request;
mod schedule;
mod state;

pub use failure::FetchFailure;
pub use lease::{Holder, Lease, lease_end};
pub use request::Validators;
pub use schedule::{LATEST, next_attempt};
pub use state::FetchState;
