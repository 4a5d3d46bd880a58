//! Publishes a list to all VMs: its shards first, its head last.
//!
//! A list goes into one of two slots in turn, while the other one still serves; a VM that goes by the older head finds its
//! shards for some time. The slots are those of the set of authorities that may sign: two policies that trust different ones may
//! fetch the same list at once, and do not write over one another.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use time::OffsetDateTime;

use super::{Slice, Subject};
use crate::cert::Fingerprint;
use crate::plugin::shared::{self, Key, millis};
use crate::revocation::crl::{Head, Loaded, NotNewer, ShardStream};

/// The most shards that are set in one tick.
const MAX_SHARDS_A_TICK: usize = 1_000;

/// After so many shards it is asked whether the time is over.
const SHARDS_BETWEEN_LOOKS: usize = 64;

/// A slot is written anew only so long after its list was replaced, in milliseconds: longer than any VM goes by a head that
/// it has read.
const REST: u64 = 1_000;

/// So long after it was replaced the shards of a list are removed, in milliseconds.
const REMOVED_AFTER: u64 = 3_000;

/// The key of the head of the list of this source and signer.
pub(super) fn head_key(subject: &Subject, signer: Fingerprint) -> Key {
    Key::new("crl", &[subject.source.cluster.as_bytes(), subject.source.url.as_bytes(), signer.as_bytes()])
}

/// The key of the state of the attempts to fetch.
pub(super) fn state_key(subject: &Subject) -> Key {
    own_key("crl-state", subject)
}

/// The key of the right to fetch.
pub(super) fn lease_key(subject: &Subject) -> Key {
    own_key("crl-lease", subject)
}

/// The key of the time at which somebody has last wanted the lists of the source, whoever may sign them.
fn wish_key(subject: &Subject) -> Key {
    Key::new("crl-wish", &[subject.source.cluster.as_bytes(), subject.source.url.as_bytes()])
}

/// Notes that the lists of the source are wanted. `now` is in milliseconds since 1970.
pub(super) fn wish(subject: &Subject, now: u64) {
    shared::set(&wish_key(subject), &now.to_be_bytes());
}

/// When they were wanted last, in milliseconds since 1970.
pub(super) fn wished(subject: &Subject) -> Option<u64> {
    shared::get(&wish_key(subject))?.value.first_chunk().copied().map(u64::from_be_bytes)
}

fn own_key(kind: &'static str, subject: &Subject) -> Key {
    let source = &subject.source;
    Key::new(kind, &[source.cluster.as_bytes(), source.url.as_bytes(), subject.owner.as_bytes()])
}

/// What is published of a list.
#[derive(Debug)]
pub(super) struct Published {
    /// When, in milliseconds since 1970.
    since: u64,
    slot: u8,
    /// Whose slot.
    pub(super) owner: Fingerprint,
    pub(super) head: Head,
}

impl Published {
    pub(super) fn from_bytes(bytes: &[u8], url: &Arc<str>) -> Option<Published> {
        let (since, rest) = bytes.split_first_chunk()?;
        let (owner, rest) = rest.split_first_chunk()?;
        let (slot, head) = rest.split_first()?;
        let head = Head { source: Arc::clone(url), ..Head::from_bytes(head).ok()? };
        Some(Published {
            since: u64::from_be_bytes(*since),
            slot: *slot,
            owner: Fingerprint::from_bytes(*owner),
            head,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        [&self.since.to_be_bytes()[..], self.owner.as_bytes(), &[self.slot], &self.head.to_bytes()].concat()
    }

    /// The key of which the shards' keys are parts.
    pub(super) fn shards_key(&self, subject: &Subject) -> Key {
        let source = &subject.source;
        let parts = [
            source.cluster.as_bytes(),
            source.url.as_bytes(),
            self.head.signer.as_bytes(),
            self.owner.as_bytes(),
        ];
        Key::new("crl-shard", &parts).part(self.slot)
    }
}

/// A list on its way to all VMs.
pub(super) struct Publication {
    subject: Rc<Subject>,
    head: Head,
    /// Those that are not published yet; `None` when all are.
    shards: Option<ShardStream>,
    /// Where it goes, once that is chosen.
    place: Option<(Published, Key)>,
}

/// How far a publication has come.
pub(super) enum Progress {
    /// There is more to do.
    Working,
    /// The list is in force; what it replaced is to be removed.
    Done(Option<Removal>),
    /// What was published meanwhile is newer.
    Refused(NotNewer),
}

impl Publication {
    pub(super) fn new(subject: &Rc<Subject>, loaded: Loaded) -> Self {
        let Loaded { head, shards } = loaded;
        Self { subject: Rc::clone(subject), head, shards: Some(shards), place: None }
    }

    /// Goes on.
    pub(super) fn step(&mut self, now: OffsetDateTime, slice: &Slice) -> Progress {
        let key = head_key(&self.subject, self.head.signer);
        let seen = shared::get(&key);
        let old = seen.as_ref().and_then(|seen| Published::from_bytes(&seen.value, &self.subject.source.url));
        if let Some(old) = &old
            && let Err(why) = self.head.may_replace(&old.head, now)
        {
            return Progress::Refused(why);
        }
        let now = millis(now);
        if self.place.is_none() {
            if old.as_ref().is_some_and(|old| now.abs_diff(old.since) < REST) {
                return Progress::Working;
            }
            let in_use = old.as_ref().filter(|old| old.owner == self.subject.owner).map(|old| old.slot);
            let slot = u8::from(in_use == Some(0));
            let published =
                Published { since: now, slot, owner: self.subject.owner, head: self.head.clone() };
            let shards_key = published.shards_key(&self.subject);
            self.place = Some((published, shards_key));
        }
        let Some((published, shards_key)) = &mut self.place else { return Progress::Working };
        if let Some(shards) = &mut self.shards {
            for count in 1..=MAX_SHARDS_A_TICK {
                let Some(shard) = shards.next() else {
                    self.shards = None;
                    break;
                };
                shared::set(&shards_key.part(shard.number), &shard.bytes);
                if count % SHARDS_BETWEEN_LOOKS == 0 && slice.is_over() {
                    break;
                }
            }
            if self.shards.is_some() {
                return Progress::Working;
            }
        }
        published.since = now;
        if !shared::replace(&key, seen.as_ref(), &published.to_bytes()) {
            // Somebody else has published meanwhile: look at it the next time.
            return Progress::Working;
        }
        Progress::Done(old.map(|old| Removal::new(&old, &self.subject, now)))
    }
}

/// Takes the lists of a source back that these authorities have had published; gives what is to be removed of them.
pub(super) fn withdraw(subject: &Subject, now: u64) -> Vec<Removal> {
    let published = subject.authorities.iter().filter_map(|authority| {
        let key = head_key(subject, authority.spki_fingerprint());
        let seen = shared::get(&key)?;
        let published = Published::from_bytes(&seen.value, &subject.source.url)?;
        let is_own = published.owner == subject.owner && shared::replace(&key, Some(&seen), &[]);
        is_own.then(|| Removal::new(&published, subject, now))
    });
    published.collect()
}

/// Removes the shards of a list that was replaced, and no others: the slot may have been written anew.
pub(super) struct Removal {
    key: Key,
    /// What the shards of the list begin with.
    digest: Fingerprint,
    numbers: Range<u32>,
    due: u64,
}

impl Removal {
    fn new(old: &Published, subject: &Subject, now: u64) -> Self {
        Self {
            key: old.shards_key(subject),
            digest: old.head.digest,
            numbers: 0..old.head.shards,
            due: now.saturating_add(REMOVED_AFTER),
        }
    }

    /// Whether these are shards of the list of this digest, which may be published again.
    pub(super) fn is_of(&self, digest: Fingerprint) -> bool {
        self.digest == digest
    }

    /// Goes on, if it is time; whether there is more to do. `now` is in milliseconds since 1970.
    pub(super) fn step(&mut self, now: u64) -> bool {
        if now >= self.due {
            for number in self.numbers.by_ref().take(MAX_SHARDS_A_TICK) {
                let key = self.key.part(number);
                if let Some(read) = shared::get(&key)
                    && is_shard_of(&read.value, self.digest)
                {
                    shared::replace(&key, Some(&read), &[]);
                }
            }
        }
        !self.numbers.is_empty()
    }
}

/// Whether these bytes are a shard of the list of this digest.
fn is_shard_of(shard: &[u8], digest: Fingerprint) -> bool {
    digest.as_bytes().first_chunk::<16>().is_some_and(|generation| shard.starts_with(generation))
}
