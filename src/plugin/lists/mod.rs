//! The lists that a policy has fetched.
//!
//! A list is fetched once for the whole proxy: by the VM that holds the lease of its source. It verifies the list, cuts it into
//! shards and publishes them in shared data ([`publish`]); every VM, that one too, reads from there ([`reader`]). Long work is
//! done in slices, a few milliseconds a tick, so that requests of the same worker go on meanwhile.

mod fetcher;
mod left;
mod publish;
mod reader;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use self::fetcher::Fetcher;
use self::reader::Reader;
use super::host;
use super::shared::millis;
use crate::cert::Fingerprint;
use crate::policy::Policy;
use crate::revocation::{self, CrlSource, Unknown, Why};
use crate::trust::Authority;

/// How long after one tick the next one is wanted where there is nothing to do but to look for news: a list is in force on
/// every worker so soon after it is on one.
const REST: Duration = Duration::from_millis(50);

/// The same while there is work to do: other events of the worker come between, and nothing else is waited for.
const AT_WORK: Duration = Duration::from_millis(1);

/// After the first call, which does no work.
const SOON: Duration = Duration::from_millis(5);

/// How long one call may work.
const SLICE: Duration = Duration::from_millis(8);

/// What was read from shared data counts for so long without being read again, in milliseconds. Ticks read it far more often,
/// unless the worker was held up; shards of a list that was replaced stay for longer than that.
const TRUSTED: u64 = 500;

/// The fetched lists of one configured plugin.
pub(super) struct Lists {
    sources: Vec<Source>,
    /// When shared data was read last, in milliseconds since 1970.
    read: Cell<u64>,
    generation: Cell<u64>,
    /// The sum of what the readers count.
    changes: Cell<u64>,
    is_configured: bool,
}

/// One source of lists.
struct Source {
    subject: Rc<Subject>,
    reader: Reader,
    fetcher: Fetcher,
}

/// What is fetched, and who may have signed it.
struct Subject {
    source: CrlSource,
    /// The authorities of every bundle that names the source.
    authorities: Vec<Arc<Authority>>,
    /// What tells it from other subjects of the same source: who may sign, and how often and how patiently it is fetched. Each is
    /// fetched for itself, so that none waits for the interval of another.
    owner: Fingerprint,
}

impl Lists {
    /// The lists of `policy`, as far as they have been fetched for this proxy, by another policy too.
    pub(super) fn new(policy: &Policy) -> Self {
        let sources = subjects(policy).into_iter().map(|subject| {
            let subject = Rc::new(subject);
            Source { reader: Reader::new(&subject), fetcher: Fetcher::new(&subject), subject }
        });
        let lists = Self {
            sources: sources.collect(),
            read: Cell::new(0),
            generation: Cell::new(next_generation()),
            changes: Cell::new(0),
            is_configured: false,
        };
        if let Some(now) = host::now() {
            lists.read(millis(now));
        }
        lists
    }

    /// Does a bounded piece of what is to be done; the effective context is the root's. Answers how long from now it wants to be
    /// called again; `None` where no source is fetched.
    ///
    /// The first call does nothing: it is made while the plugin is configured, and Envoy does that also in a VM that only tries
    /// whether the policy is good, and would take leases with it when it ends.
    pub(super) fn tick(&mut self, now: Option<OffsetDateTime>) -> Option<Duration> {
        if self.sources.is_empty() && !left::is_any() {
            return None;
        }
        if !std::mem::replace(&mut self.is_configured, true) {
            return Some(SOON);
        }
        let Some(now) = now else { return Some(REST) };
        for source in &mut self.sources {
            source.fetcher.begin(&source.reader, now);
        }
        let slice = Slice { begin: millis(now) };
        for source in &mut self.sources {
            source.fetcher.work(&source.reader, &slice);
        }
        left::tick(millis(now));
        self.read(millis(now));
        let works = self.sources.iter().any(|source| source.fetcher.is_at_work());
        Some(if works { AT_WORK } else { REST })
    }

    /// Takes the response to the call `token`; false where the call is not of a list. Without headers the call has failed, and
    /// there is nothing to ask the host for.
    pub(super) fn on_response(&mut self, token: u32, num_headers: usize, body_size: usize) -> bool {
        let Some(source) = self.sources.iter_mut().find(|source| source.fetcher.waits_for(token)) else {
            return false;
        };
        source.fetcher.take(&source.reader, num_headers, body_size);
        true
    }

    /// What `source` has brought so far; `now` is when that is asked.
    pub(super) fn get(&self, source: &CrlSource, now: Option<OffsetDateTime>) -> revocation::Lists {
        if let Some(now) = now.map(millis)
            && now.abs_diff(self.read.get()) > TRUSTED
        {
            self.read(now);
        }
        let same = |known: &&Source| {
            known.subject.source.url == source.url && known.subject.source.cluster == source.cluster
        };
        let Some(known) = self.sources.iter().find(same) else {
            return revocation::Lists::Failed(Unknown::new(
                Why::Missing,
                "the policy does not name the source",
            ));
        };
        let lists = known.reader.lists();
        if let revocation::Lists::Loaded(_) = lists {
            return lists;
        }
        // Another worker may have got them since the last look; no request is denied for want of a list that another has.
        if let Some(now) = now {
            known.reader.read(millis(now));
        }
        self.note_changes();
        known.reader.lists()
    }

    /// Changes whenever [`get`](Self::get) may answer otherwise than before; streams judged under an older one are judged again.
    pub(super) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Reads what is new in shared data.
    fn read(&self, now: u64) {
        self.read.set(now);
        self.sources.iter().for_each(|source| source.reader.read(now));
        self.note_changes();
    }

    fn note_changes(&self) {
        // The fetchers have it read, too.
        let changes = self.sources.iter().map(|source| source.reader.changes()).fold(0, u64::wrapping_add);
        if changes != self.changes.replace(changes) {
            self.generation.set(next_generation());
        }
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        if let Some(now) = host::now() {
            self.sources.iter_mut().for_each(|source| source.fetcher.end(millis(now)));
        }
        for source in &mut self.sources {
            left::leave(&source.subject, source.fetcher.take_removals());
        }
    }
}

/// Every source that a policy names, once: where bundles differ in how often it is fetched, as often as any wants it, and
/// with the most time of any.
fn subjects(policy: &Policy) -> Vec<Subject> {
    type Signers<'a> = BTreeMap<Fingerprint, &'a Arc<Authority>>;
    let mut sources: BTreeMap<(&str, &str), (CrlSource, Signers<'_>)> = BTreeMap::new();
    for bundle in policy.trust_bundles() {
        for source in &bundle.revocation().fetched {
            let (known, authorities) = sources
                .entry((&source.cluster, &source.url))
                .or_insert_with(|| (CrlSource::clone(source), BTreeMap::new()));
            known.refresh = known.refresh.min(source.refresh);
            known.timeout = known.timeout.max(source.timeout);
            authorities.extend(
                bundle
                    .authorities()
                    .iter()
                    .map(|authority| (authority.certificate().fingerprint(), authority)),
            );
        }
    }
    let subjects = sources.into_values().map(|(source, authorities)| {
        let mut told: Vec<u8> = authorities.keys().flat_map(Fingerprint::as_bytes).copied().collect();
        for time in [source.refresh, source.timeout] {
            told.extend(time.as_millis().to_be_bytes());
        }
        Subject {
            source,
            authorities: authorities.into_values().map(Arc::clone).collect(),
            owner: Fingerprint::of(&told),
        }
    });
    subjects.collect()
}

/// A time to work.
struct Slice {
    begin: u64,
}

impl Slice {
    /// Whether it is over, by the clock; also if the clock was set.
    fn is_over(&self) -> bool {
        host::now().is_none_or(|now| {
            millis(now).abs_diff(self.begin) >= u64::try_from(SLICE.as_millis()).unwrap_or_default()
        })
    }
}

/// A number that was none before in this VM, so that lists of one policy are not taken for those of another.
fn next_generation() -> u64 {
    thread_local! {
        static LAST: Cell<u64> = const { Cell::new(0) };
    }
    LAST.with(|last| {
        last.set(last.get().wrapping_add(1));
        last.get()
    })
}
