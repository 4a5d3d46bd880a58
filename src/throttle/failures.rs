//! The table of who was denied how often, bounded, in shards that are told to others as bytes.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

use time::OffsetDateTime;

use super::{Failing, Grounds, Peer, Refusal, Throttle};
use crate::cert::Fingerprint;
use crate::policy::Throttling;

/// How many shards there are.
pub const SHARDS: usize = 64;

/// The most entries of a shard: 2.5 KB, which a VM reads or writes in two microseconds. With 64 shards it makes 4,096 clients on
/// their routes, in 160 KB.
const ENTRIES: usize = 64;

/// So much further than the window an end may be away, in milliseconds: threads read the clock one after the other. Beyond it
/// the clock was set back.
const SKEW: u64 = 1_000;

/// Digest of the policy, position of the route, kind of the client, client.
const KEY_BYTES: usize = 8 + 4 + 1 + 16;

/// Key, end, denials that are left, grounds.
const ENTRY_BYTES: usize = KEY_BYTES + 8 + 2 + 1;

type Key = [u8; KEY_BYTES];

/// Who was denied how often, of a policy.
#[derive(Debug)]
pub struct Failures {
    rules: Throttling,
    policy: Fingerprint,
    /// Each as it was last heard of.
    shards: Vec<Vec<Entry>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    key: Key,
    /// When the window ends, in milliseconds since 1970.
    ends: u64,
    /// How many denials are still answered with their reason.
    left: u16,
    grounds: Grounds,
}

/// A shard in which a denial is counted, to be told to others and then kept.
#[derive(Debug)]
pub struct Draft {
    shard: usize,
    entries: Vec<Entry>,
    changed: bool,
    /// Whether the client is to be told to wait.
    pub refusal: Option<Refusal>,
}

impl Failures {
    /// An empty table of the policy of this digest, with these rules.
    pub fn new(rules: Throttling, policy: Fingerprint) -> Self {
        Self { rules, policy, shards: vec![Vec::new(); SHARDS] }
    }

    /// The number of the shard that a client is counted in.
    pub fn shard(&self, failing: Failing) -> usize {
        shard(&self.key(failing))
    }

    /// What is known here of the client: whether it is to be told to wait after one more denial on these grounds. Nothing is
    /// counted.
    pub fn known(&self, failing: Failing, grounds: Grounds, now: OffsetDateTime) -> Option<Refusal> {
        let key = self.key(failing);
        let entries = self.shards.get(shard(&key))?;
        // Every request comes by here, and as a rule nobody was denied.
        if entries.is_empty() {
            return None;
        }
        let entry = entries.iter().find(|entry| entry.key == key)?;
        let says_as_much = entry.grounds == Grounds::Certain || grounds == Grounds::AsJudged;
        says_as_much.then(|| entry.refusal(millis(now), self.window())).flatten()
    }

    /// Counts a denial in what others have told of the shard, or in what is known here where they tell nothing.
    pub fn draft(
        &self,
        failing: Failing,
        grounds: Grounds,
        now: OffsetDateTime,
        told: Option<&[u8]>,
    ) -> Draft {
        let (key, now) = (self.key(failing), millis(now));
        let shard = shard(&key);
        let here = self.shards.get(shard).map(Vec::as_slice).unwrap_or_default();
        let mut entries = told.and_then(entries).unwrap_or_else(|| here.to_vec());
        // Those of other policies have other windows.
        let longest = u64::try_from(Throttling::MAX_WINDOW.as_millis()).unwrap_or(u64::MAX);
        entries.retain(|entry| entry.is_open(now, if entry.key == key { self.window() } else { longest }));
        // What was counted here and could not be told, or what others had no room for.
        let own = here.iter().find(|entry| entry.key == key && entry.is_open(now, self.window()));
        let at = entries.iter().position(|entry| entry.key == key);
        let known = match (at.and_then(|at| entries.get_mut(at)), own) {
            (Some(told), Some(own)) => {
                told.left = told.left.min(own.left);
                told.grounds = told.grounds.or(own.grounds);
                Some(told)
            }
            (Some(told), None) => Some(told),
            (None, Some(own)) => insert(&mut entries, *own),
            (None, None) => None,
        };
        let (changed, refusal) = match known {
            Some(entry) => {
                let (before, refusal) = (*entry, entry.refusal(now, self.window()));
                entry.left = entry.left.saturating_sub(1);
                entry.grounds = entry.grounds.or(grounds);
                (*entry != before, refusal)
            }
            None => {
                let left = self.rules.denials().saturating_sub(1);
                let entry = Entry { key, ends: now.saturating_add(self.window()), left, grounds };
                (insert(&mut entries, entry).is_some(), None)
            }
        };
        Draft { shard, entries, changed, refusal }
    }

    /// Keeps what was counted.
    pub fn adopt(&mut self, draft: Draft) {
        if let Some(entries) = self.shards.get_mut(draft.shard) {
            *entries = draft.entries;
        }
    }

    /// In milliseconds.
    fn window(&self) -> u64 {
        u64::try_from(self.rules.window().as_millis()).unwrap_or(u64::MAX)
    }

    fn key(&self, failing: Failing) -> Key {
        let (kind, client) = match failing.client {
            // Half of a digest names a certificate: nobody finds another one with that half.
            Peer::Certificate(digest) => (1, half(digest)),
            Peer::Address(IpAddr::V4(address)) => (2, address.to_ipv6_mapped().octets()),
            Peer::Address(IpAddr::V6(address)) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                (3, Ipv6Addr::from_bits(network).octets())
            }
        };
        let mut key = [0; KEY_BYTES];
        let policy = self.policy.as_bytes().iter().copied().take(8);
        let parts = policy.chain(failing.route.to_be_bytes()).chain([kind]).chain(client);
        key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        key
    }
}

impl Throttle for RefCell<Failures> {
    fn refuses(&self, failing: Failing, now: OffsetDateTime) -> Option<Refusal> {
        self.borrow().known(failing, Grounds::Certain, now)
    }

    fn count(&self, failing: Failing, grounds: Grounds, now: OffsetDateTime) -> Option<Refusal> {
        let mut failures = self.borrow_mut();
        let draft = failures.draft(failing, grounds, now, None);
        let refusal = draft.refusal;
        failures.adopt(draft);
        refusal
    }
}

impl Draft {
    /// What others are to be told of the shard; `None` where nothing has changed.
    pub fn news(&self) -> Option<Vec<u8>> {
        self.changed.then(|| self.entries.iter().flat_map(|entry| entry.to_bytes()).collect())
    }
}

impl Entry {
    /// Whether its window, which is so long, has begun and is not over.
    fn is_open(&self, now: u64, window: u64) -> bool {
        now < self.ends && self.ends - now <= window.saturating_add(SKEW)
    }

    fn refusal(&self, now: u64, window: u64) -> Option<Refusal> {
        let is_refused = self.left == 0 && self.is_open(now, window);
        let seconds = self.ends.saturating_sub(now).min(window).div_ceil(1000).max(1);
        is_refused.then(|| Refusal { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
    }

    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let certain = match self.grounds {
            Grounds::AsJudged => 0,
            Grounds::Certain => 1,
        };
        let mut bytes = [0; ENTRY_BYTES];
        let parts = self.key.into_iter().chain(self.ends.to_be_bytes()).chain(self.left.to_be_bytes());
        bytes.iter_mut().zip(parts.chain([certain])).for_each(|(to, from)| *to = from);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (ends, rest) = rest.split_first_chunk()?;
        let (left, rest) = rest.split_first_chunk()?;
        let grounds = match rest {
            [0] => Grounds::AsJudged,
            [1] => Grounds::Certain,
            _ => return None,
        };
        Some(Self { key: *key, ends: u64::from_be_bytes(*ends), left: u16::from_be_bytes(*left), grounds })
    }
}

impl Grounds {
    /// What two denials say together.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Certain, _) | (_, Self::Certain) => Self::Certain,
            (Self::AsJudged, Self::AsJudged) => Self::AsJudged,
        }
    }
}

/// Puts a new entry in. Where there is no room it takes the place of the one that was denied least often, of several the
/// one that ends first: who wants to be forgotten must have as many others denied as often as himself as a shard has
/// entries. Those that are refused stay until their windows end, and if all are, the new one is not counted.
fn insert(entries: &mut Vec<Entry>, entry: Entry) -> Option<&mut Entry> {
    if entries.len() < ENTRIES {
        entries.push(entry);
        return entries.last_mut();
    }
    let least = entries.iter_mut().filter(|entry| entry.left > 0);
    let least = least.max_by_key(|entry| (entry.left, Reverse(entry.ends)))?;
    *least = entry;
    Some(least)
}

/// The entries of a shard as it was told; `None` where it is none.
fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    if bytes.len() > ENTRIES * ENTRY_BYTES || !bytes.len().is_multiple_of(ENTRY_BYTES) {
        return None;
    }
    bytes.chunks_exact(ENTRY_BYTES).map(Entry::from_bytes).collect()
}

/// By a sum over what tells routes and clients apart (FNV-1a). It need not be secret: see [`insert`].
fn shard(key: &Key) -> usize {
    let sum = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let sum = key.iter().fold(0x811c_9dc5, sum);
    // The upper bits depend on all octets.
    usize::try_from(sum >> 16).unwrap_or_default() % SHARDS
}

fn half(digest: Fingerprint) -> [u8; 16] {
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// In milliseconds since 1970, before which no clock of a host is.
fn millis(now: OffsetDateTime) -> u64 {
    u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

#[cfg(test)]
mod tests;
