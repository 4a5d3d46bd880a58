//! Whether a certificate was revoked: by deny lists, CRLs (RFC 5280 sections 5 and 6.3) and OCSP (RFC 6960).
//!
//! No I/O: lists and responses are bytes that somebody fetched, and [`Evidence`] answers what there is of them. Whatever is
//! missing, stale, unsupported or wrongly signed is [`Status::Unknown`] with its reason, never [`Status::Good`].

mod checked;
pub mod crl;
mod deny_list;
mod distribution_points;
mod evidence;
pub mod ocsp;
pub mod refresh;
mod server_url;
mod sources;
mod status;

pub use checked::{Checked, Unreadable};
pub use deny_list::DenyList;
pub use evidence::{AssumedBundles, Evidence, Lists, NoEvidence, Response};
pub use server_url::ServerUrl;
pub use sources::{CrlSource, Sources};
pub use status::{Entry, EntryReason, Judgement, Method, Status, Unknown, Why};

/// How far the clocks of those who sign lists and responses may be ahead of the proxy's: these are believed so long before their
/// `thisUpdate`. Many publish in the very second from which they hold.
pub const CLOCK_SKEW: time::Duration = time::Duration::minutes(5);
