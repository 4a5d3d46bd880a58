//! Reads the lists of a source that some VM has published.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::Subject;
use super::publish::{Published, head_key, state_key};
use crate::cert::Fingerprint;
use crate::plugin::shared::{self, Key};
use crate::revocation;
use crate::revocation::crl::{List, Shards};
use crate::revocation::refresh::FetchState;
use crate::sorted::sorted;

/// Lists that other sets of authorities have had published are looked for so often, in milliseconds; those of this one as soon
/// as the state of the source says that there is news.
const LOOK_ROUND: u64 = 500;

/// What is known of a source in this VM.
pub(super) struct Reader {
    subject: Rc<Subject>,
    state_key: Key,
    known: RefCell<Known>,
}

struct Known {
    /// Counts what [`Reader::lists`] told otherwise than before.
    changes: u64,
    state: Option<FetchState>,
    state_cas: Option<u32>,
    /// When lists were looked for last, in milliseconds since 1970.
    looked: u64,
    /// One for every key that may sign.
    slots: Vec<Slot>,
}

struct Slot {
    key: Key,
    signer: Fingerprint,
    cas: Option<u32>,
    published: Option<Rc<Published>>,
    list: Option<Arc<List>>,
}

impl Reader {
    pub(super) fn new(subject: &Rc<Subject>) -> Self {
        let signers: Vec<Fingerprint> =
            subject.authorities.iter().map(|authority| authority.spki_fingerprint()).collect();
        let mut signers = sorted(signers);
        signers.dedup();
        let slots = signers.into_iter().map(|signer| Slot {
            key: head_key(subject, signer),
            signer,
            cas: None,
            published: None,
            list: None,
        });
        let known = Known { changes: 0, state: None, state_cas: None, looked: 0, slots: slots.collect() };
        Self { subject: Rc::clone(subject), state_key: state_key(subject), known: RefCell::new(known) }
    }

    /// How often [`lists`](Self::lists) has come to tell something else.
    pub(super) fn changes(&self) -> u64 {
        self.known.borrow().changes
    }

    /// Reads all that is new, now.
    pub(super) fn read_all(&self) {
        self.known.borrow_mut().looked = 0;
        self.read(u64::MAX);
    }

    /// Reads what is new. `now` is in milliseconds since 1970.
    pub(super) fn read(&self, now: u64) {
        let mut known = self.known.borrow_mut();
        let read = shared::get(&self.state_key);
        let cas = read.as_ref().and_then(|read| read.cas);
        let is_new = cas != known.state_cas;
        let had_lists = known.slots.iter().any(|slot| slot.list.is_some());
        if is_new {
            known.state_cas = cas;
            known.state = read.and_then(|read| FetchState::from_bytes(&read.value));
        }
        if !is_new && now.abs_diff(known.looked) < LOOK_ROUND {
            return;
        }
        known.looked = now;
        let changed = known.slots.iter_mut().filter_map(|slot| slot.read(&self.subject)).count();
        if changed > 0 || is_new && !had_lists {
            known.changes = known.changes.wrapping_add(1);
        }
    }

    /// What the source has brought so far.
    pub(super) fn lists(&self) -> revocation::Lists {
        let known = self.known.borrow();
        let lists: Vec<_> = known.slots.iter().filter_map(|slot| slot.list.clone()).collect();
        if !lists.is_empty() {
            return revocation::Lists::Loaded(lists);
        }
        match known.state.as_ref().and_then(|state| state.failure.clone()) {
            Some(why) => revocation::Lists::Failed(why),
            None => revocation::Lists::Loading,
        }
    }

    /// How it stands with the attempts to fetch.
    pub(super) fn state(&self) -> Option<FetchState> {
        self.known.borrow().state.clone()
    }

    /// The newest of the lists in force.
    pub(super) fn newest(&self) -> Option<Arc<List>> {
        let known = self.known.borrow();
        let lists = known.slots.iter().filter_map(|slot| slot.list.as_ref());
        lists.max_by_key(|list| list.head().this_update).map(Arc::clone)
    }

    /// What is published of the lists of this signer, and the number of the value that says so.
    pub(super) fn published(&self, signer: Fingerprint) -> Option<Rc<Published>> {
        let known = self.known.borrow();
        known.slots.iter().find(|slot| slot.signer == signer)?.published.clone()
    }
}

impl Slot {
    fn read(&mut self, subject: &Subject) -> Option<()> {
        let read = shared::get(&self.key);
        let cas = read.as_ref().and_then(|read| read.cas);
        if cas == self.cas {
            return None;
        }
        self.cas = cas;
        self.published = read
            .and_then(|read| Published::from_bytes(&read.value, &subject.source.url))
            .filter(|published| published.head.signer == self.signer)
            .map(Rc::new);
        self.list = self.published.as_ref().map(|published| {
            let shards = SharedShards { key: published.shards_key(subject) };
            Arc::new(List::new(published.head.clone(), Box::new(shards)))
        });
        Some(())
    }
}

/// The shards of a published list. Whether a shard is of the list says its own head, which [`List`] compares.
struct SharedShards {
    key: Key,
}

impl Shards for SharedShards {
    fn shard(&self, number: u32) -> Option<Cow<'_, [u8]>> {
        shared::get(&self.key.part(number)).map(|read| Cow::Owned(read.value))
    }
}
