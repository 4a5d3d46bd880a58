//! Certificate revocation lists (RFC 5280 section 5).
//!
//! [`Load`] makes of the bytes of a list, step by step, a [`Head`] and shards of entries; a [`List`] is these two and finds
//! entries. What lists mean for a certificate says [`judge`]. No list is here whose signature was not verified.

mod armor;
mod entry;
mod error;
mod extension;
mod general_name;
mod head;
mod head_bytes;
mod issuers;
mod judge;
mod list;
mod load;
mod look_ups;
pub(super) mod moment;
mod number;
mod outline;
mod partition;
mod reach;
mod scope;
mod shard;
mod signer;
#[cfg(not(target_arch = "wasm32"))]
mod unverified;

pub use entry::MAX_SERIAL_OCTETS;
pub use error::{LoadError, Place};
pub use general_name::{DistributionPointName, GeneralName, MAX_GENERAL_NAMES, Name};
pub use head::{Head, NotNewer};
pub use head_bytes::NotAHead;
pub use issuers::MAX_CERTIFICATE_ISSUERS;
pub use judge::judge;
pub use list::{List, Shards, Unreadable};
pub use load::{Load, Loaded, Progress};
pub(super) use look_ups::LookUps;
pub use number::{CrlNumber, MAX_CRL_NUMBER_OCTETS};
pub use partition::{Shard, ShardStream};
pub use scope::{EntriesOf, Holders, IssuingDistributionPoint, Reasons};
pub use shard::{MAX_SHARD_BYTES, SHARD_BYTES};
pub use signer::MAX_SIGNERS;
#[cfg(not(target_arch = "wasm32"))]
pub use unverified::{ListedEntry, Unverified};

/// The longest list that is looked at, in bytes as it arrives: 1.8 million entries of the usual 35 bytes. An entry has 20 at
/// least, so that there are at most 3.4 million.
pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
