//! The certificates that a policy trusts, and what each of them may sign.
//!
//! An [`Authority`] is a certificate of a trust bundle; [`Authorities`] are those of one bundle that are an anchor or chain to
//! one. Nothing here comes from a peer: what a client presents beside its leaf proves nothing by itself.
//!
//! Who signed what, and what each may sign, is found out when a bundle is read. Dates are asked when something is judged. Path
//! lengths and name constraints are for [`chain`], which verifies whole chains.

mod authorities;
mod authority;
pub mod chain;
mod extensions;
mod fitness;

pub use authorities::{Authorities, MAX_AUTHORITIES};
pub use authority::{Authority, AuthorityError};
pub use extensions::Standing;
pub use fitness::Unfit;
