//! A list whose signature was verified, and the search in it.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use super::head::Head;
use super::partition::ShardStream;
use super::reach::Reach;
use super::shard::Layout;
use crate::revocation::Entry;

/// A list that was parsed, whose signature was verified, and whose entries are at hand in shards.
pub struct List {
    head: Head,
    reach: Reach,
    shards: Box<dyn Shards>,
}

/// Where the shards of a list are.
pub trait Shards: Send + Sync {
    /// The shard of this number as it was published; `None` where it is not there.
    fn shard(&self, number: u32) -> Option<Cow<'_, [u8]>>;
}

/// A shard is missing, or is not one of its list: another list may have taken its place meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a part of the list is missing, or belongs to another list")]
pub struct Unreadable;

/// Shards in memory.
pub(super) struct MemoryShards(Vec<Vec<u8>>);

impl MemoryShards {
    pub(super) fn new(shards: ShardStream) -> MemoryShards {
        MemoryShards(shards.map(|shard| shard.bytes).collect())
    }
}

impl Shards for MemoryShards {
    fn shard(&self, number: u32) -> Option<Cow<'_, [u8]>> {
        self.0.get(number as usize).map(|shard| Cow::Borrowed(&**shard))
    }
}

impl List {
    /// A list of which this is the head, and these are the shards.
    pub fn new(head: Head, shards: Box<dyn Shards>) -> List {
        List { reach: Reach::of(&head), head, shards }
    }

    /// Which certificates it is about.
    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// What it says of itself.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The entry of a certificate: by the ordinal of its issuer among [`Head::certificate_issuers`], 0 for the list's own, and
    /// the contents of its serial number's INTEGER.
    ///
    /// # Errors
    /// Where the shard that would hold it cannot be read.
    pub fn find(&self, issuer: u32, serial: &[u8]) -> Result<Option<Entry>, Unreadable> {
        let layout = Layout::of(&self.head);
        let number = layout.shard_of(issuer, serial);
        let shard = self.shards.shard(number).ok_or(Unreadable)?;
        layout.search(number, &shard, issuer, serial)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("List").field("head", &self.head).finish_non_exhaustive()
    }
}
