//! Keeps the lists of a source up to date, in the VM that holds the lease.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::types::LogLevel;
use time::OffsetDateTime;

use super::publish::{Progress, Publication, Removal, lease_key, state_key, wish};
use super::reader::Reader;
use super::{Slice, Subject};
use crate::audit::SourceRecord;
use crate::metrics::source_name;
use crate::plugin::shared::{self, Key, Lease, millis, random, vms_before};
use crate::plugin::{host, metrics};
use crate::revocation::crl::{self, List, Load, Loaded, MAX_LIST_BYTES};
use crate::revocation::refresh::{FetchFailure, FetchState, LATEST, Validators, next_attempt};
use crate::revocation::{CLOCK_SKEW, CrlSource, ServerUrl, Unknown};

/// How long the right to fetch is held without being taken anew: so long after a VM has died another one goes on.
const LEASE_TERM: Duration = Duration::from_secs(5);

/// A call that was not answered so long after its time-out never will be, in milliseconds.
const LOST_AFTER: u64 = 5_000;

/// How long the VMs of workers leave the first fetch to that of the main thread, which serves no requests, in milliseconds.
const LEFT_TO_MAIN: u64 = 300;

/// How often the age of the lists is told, in milliseconds.
const AGE_TOLD_EVERY: u64 = 5_000;

/// How often it is noted that the lists are wanted, in milliseconds.
const WISHED_EVERY: u64 = 5_000;

/// What servers call lists, in the order of preference (RFC 5280 section 4.2.1.13, RFC 2585 section 4).
const ACCEPT: &str = "application/pkix-crl, application/x-pem-file, */*;q=0.5";

/// Fetches from one source.
pub(super) struct Fetcher {
    subject: Rc<Subject>,
    state_key: Key,
    lease: Lease,
    /// When this VM asks for the lease for the first time, in milliseconds since 1970.
    from: u64,
    work: Work,
    removals: Vec<Removal>,
    /// What the names of this source's metrics end with.
    label: Box<str>,
    age_told: u64,
    wished: u64,
}

enum Work {
    /// Nothing to do until it is time.
    Idle,
    /// A response is awaited since a time in milliseconds since 1970.
    Waiting { token: u32, since: u64, is_conditional: bool },
    /// A list has come and is being verified.
    Loading(Box<Load>, Validators),
    /// A list was verified and is being published.
    Publishing(Box<Publication>, Validators),
}

/// What an attempt has brought, where it did not fail.
#[derive(Clone, Copy)]
enum Success {
    /// A newer list, now in force.
    Loaded,
    /// The list in force.
    Unchanged,
}

impl Fetcher {
    pub(super) fn new(subject: &Rc<Subject>) -> Self {
        let source = &subject.source;
        let lease = Lease::new(lease_key(subject), LEASE_TERM);
        Self {
            subject: Rc::clone(subject),
            state_key: state_key(subject),
            lease,
            from: host::now().map_or(0, millis).saturating_add(if vms_before() < 2 {
                0
            } else {
                LEFT_TO_MAIN
            }),
            work: Work::Idle,
            removals: Vec::new(),
            label: label(source).into(),
            age_told: 0,
            wished: 0,
        }
    }

    /// Takes the lease if it is to be had, and asks for the list if it is time.
    pub(super) fn begin(&mut self, reader: &Reader, now: OffsetDateTime) {
        let at = millis(now);
        if at < self.from || !self.lease.take(at) {
            // Whoever has taken it does the work from its beginning.
            self.work = Work::Idle;
            return;
        }
        if at.abs_diff(self.wished) >= WISHED_EVERY {
            self.wished = at;
            wish(&self.subject, at);
        }
        match &self.work {
            Work::Idle => {
                // What another VM has left, this one may not have read yet.
                reader.read(at);
                if self.is_due(reader, at) {
                    self.ask(reader, at);
                }
            }
            Work::Waiting { since, .. } => {
                let limit = u64::try_from(self.subject.source.timeout.as_millis()).unwrap_or(u64::MAX);
                if at.abs_diff(*since) > limit.saturating_add(LOST_AFTER) {
                    self.fail(reader, &FetchFailure::NoResponse);
                }
            }
            Work::Loading(..) | Work::Publishing(..) => {}
        }
        self.tell_age(reader, now);
    }

    /// Goes on with what is being done, until the time is over.
    pub(super) fn work(&mut self, reader: &Reader, slice: &Slice) {
        while self.is_at_work() && !slice.is_over() {
            let Some(now) = host::now() else { return };
            match &mut self.work {
                Work::Idle | Work::Waiting { .. } => break,
                Work::Loading(load, validators) => {
                    let crl::Progress::Done(result) = load.step() else { continue };
                    let validators = std::mem::take(validators);
                    match result {
                        Ok(loaded) => self.accept(reader, loaded, validators, now),
                        Err(error) => self.fail(reader, &error.into()),
                    }
                }
                Work::Publishing(publication, validators) => match publication.step(now, slice) {
                    // The rest is for the next tick.
                    Progress::Working => break,
                    Progress::Done(removal) => {
                        let validators = std::mem::take(validators);
                        self.removals.extend(removal);
                        reader.read_all();
                        self.succeed(reader, Success::Loaded, validators, now);
                    }
                    Progress::Refused(why) => self.fail(reader, &why.into()),
                },
            }
        }
        if let Some(now) = host::now().map(millis) {
            self.removals.retain_mut(|removal| removal.step(now));
        }
    }

    /// Whether there is more to do than to wait.
    pub(super) fn is_at_work(&self) -> bool {
        match &self.work {
            Work::Idle | Work::Waiting { .. } => false,
            Work::Loading(..) | Work::Publishing(..) => true,
        }
    }

    /// Whether this is the call whose response is awaited.
    pub(super) fn waits_for(&self, call: u32) -> bool {
        match &self.work {
            Work::Waiting { token, .. } => *token == call,
            Work::Idle | Work::Loading(..) | Work::Publishing(..) => false,
        }
    }

    /// Takes the response; without headers there is none, and nothing to ask the host for.
    pub(super) fn take(&mut self, reader: &Reader, num_headers: usize, body_size: usize) {
        let Work::Waiting { is_conditional, .. } = std::mem::replace(&mut self.work, Work::Idle) else {
            return;
        };
        match self.response(is_conditional, num_headers, body_size) {
            Ok(Some((bytes, validators))) => {
                let load = Load::new(bytes, self.subject.authorities.clone());
                self.work = Work::Loading(Box::new(load), validators);
            }
            Ok(None) => {
                if let Some(now) = host::now() {
                    let validators = reader.state().map(|state| state.validators);
                    self.succeed(reader, Success::Unchanged, validators.unwrap_or_default(), now);
                }
            }
            Err(failure) => self.fail(reader, &failure),
        }
    }

    /// What is still to be removed.
    pub(super) fn take_removals(&mut self) -> Vec<Removal> {
        std::mem::take(&mut self.removals)
    }

    /// Gives up the right to fetch. `now` is in milliseconds since 1970.
    pub(super) fn end(&mut self, now: u64) {
        self.lease.release(now);
    }

    fn is_due(&self, reader: &Reader, now: u64) -> bool {
        let Some(state) = reader.state() else { return true };
        // Further away than any wait: the clock was set back.
        let longest = next_attempt(now, self.subject.source.refresh, None, 0, LATEST);
        // A list that was in force and is gone: those who had it published took it back.
        let is_gone = state.failures == 0 && reader.newest().is_none();
        state.next <= now || state.next > longest || is_gone
    }

    fn ask(&mut self, reader: &Reader, now: u64) {
        let source = &self.subject.source;
        // A list that has ended is asked for unconditionally: caches have been seen to call it unchanged for ever.
        let is_current = |list: &List| millis(list.head().next_update) > now;
        let state = reader.state().filter(|_| reader.newest().is_some_and(|list| is_current(&list)));
        let validators = state.map(|state| state.validators).unwrap_or_default();
        let called = ServerUrl::split(&source.url).and_then(|url| {
            let mut headers = vec![
                (":method", "GET"),
                (":scheme", url.scheme),
                (":authority", url.authority),
                (":path", url.path),
                ("accept", ACCEPT),
            ];
            headers.extend(validators.conditions());
            host::call(&source.cluster, headers, &[], source.timeout).ok()
        });
        match called {
            Some(token) => {
                let is_conditional = validators != Validators::default();
                self.work = Work::Waiting { token, since: now, is_conditional };
            }
            None => self.fail(reader, &FetchFailure::NotSent),
        }
    }

    /// The list and what the server says of it; `None` if it has not changed.
    fn response(
        &self,
        is_conditional: bool,
        num_headers: usize,
        body_size: usize,
    ) -> Result<Option<(Vec<u8>, Validators)>, FetchFailure> {
        if num_headers == 0 {
            return Err(FetchFailure::NoResponse);
        }
        let headers = host::call_headers().map_err(|_| FetchFailure::NoResponse)?;
        match headers.status().map_err(|_| FetchFailure::NoResponse)? {
            200 => {}
            304 if is_conditional => return Ok(None),
            other => return Err(FetchFailure::Status(other)),
        }
        if body_size > MAX_LIST_BYTES {
            return Err(FetchFailure::TooLarge(body_size));
        }
        let body = host::call_body(body_size).map_err(|_| FetchFailure::NoResponse)?;
        Ok(Some((body, Validators::of(headers.iter()))))
    }

    /// Publishes a list that was verified, unless it is no news.
    fn accept(&mut self, reader: &Reader, loaded: Loaded, validators: Validators, now: OffsetDateTime) {
        self.work = Work::Idle;
        reader.read_all();
        let head = &loaded.head;
        let in_force = reader.published(head.signer);
        if head.this_update > now.saturating_add(CLOCK_SKEW) {
            return self.fail(reader, &FetchFailure::Future);
        }
        if let Some(in_force) = in_force {
            if in_force.head.digest == head.digest {
                return self.succeed(reader, Success::Unchanged, validators, now);
            }
            if let Err(why) = head.may_replace(&in_force.head, now) {
                return self.fail(reader, &why.into());
            }
        }
        // The same list may have been in force a moment ago: its shards are wanted again.
        self.removals.retain(|removal| !removal.is_of(head.digest));
        self.work = Work::Publishing(Box::new(Publication::new(&self.subject, loaded)), validators);
    }

    fn succeed(&mut self, reader: &Reader, success: Success, validators: Validators, now: OffsetDateTime) {
        self.work = Work::Idle;
        let newest = reader.newest();
        let head = newest.as_ref().map(|list| list.head());
        let is_over = head.is_none_or(|head| head.next_update <= now);
        let before = reader.state().map_or(0, |state| state.failures);
        let failures = if is_over { before.saturating_add(1) } else { 0 };
        let next_update = head.map(|head| millis(head.next_update));
        let next = next_attempt(millis(now), self.subject.source.refresh, next_update, failures, random());
        let tried = millis(now);
        let state = FetchState { tried, confirmed: Some(tried), next, failures, failure: None, validators };
        shared::set(&self.state_key, &state.to_bytes());
        let (level, result, detail) = match success {
            Success::Loaded | Success::Unchanged if is_over => {
                (LogLevel::Warn, "stale", Some("its time is over, and the source has no newer one"))
            }
            Success::Loaded => (LogLevel::Info, "loaded", None),
            Success::Unchanged => (LogLevel::Debug, "unchanged", None),
        };
        self.count(result);
        self.record(level, result, detail, reader, now);
        reader.read(tried);
        self.age_told = 0;
        self.tell_age(reader, now);
    }

    fn fail(&mut self, reader: &Reader, failure: &FetchFailure) {
        self.work = Work::Idle;
        let Some(now) = host::now() else { return };
        let tried = millis(now);
        let before = reader.state();
        let failures = before.as_ref().map_or(0, |state| state.failures).saturating_add(1);
        let detail = failure.to_string();
        let state = FetchState {
            tried,
            confirmed: before.as_ref().and_then(|state| state.confirmed),
            next: next_attempt(tried, self.subject.source.refresh, None, failures, random()),
            failures,
            failure: Some(Unknown::new(failure.why(), detail.clone())),
            validators: before.map(|state| state.validators).unwrap_or_default(),
        };
        shared::set(&self.state_key, &state.to_bytes());
        self.count(failure.word());
        self.record(LogLevel::Warn, failure.word(), Some(&detail), reader, now);
        reader.read(tried);
        self.age_told = 0;
        self.tell_age(reader, now);
    }

    fn record(
        &self,
        level: LogLevel,
        result: &'static str,
        detail: Option<&str>,
        reader: &Reader,
        now: OffsetDateTime,
    ) {
        if host::logs(level) {
            let newest = reader.newest();
            let head = newest.as_ref().map(|list| list.head());
            let record = SourceRecord::new(&self.subject.source, result, detail, head, now);
            host::log(level, &record.to_line());
        }
    }

    /// Counts an attempt.
    fn count(&self, result: &str) {
        metrics::add(&["crl.fetches.result.", result, &self.label].concat(), 1);
    }

    /// Sets the gauges of the source, now and then: they move also while nothing is fetched.
    fn tell_age(&mut self, reader: &Reader, now: OffsetDateTime) {
        if millis(now).abs_diff(self.age_told) < AGE_TOLD_EVERY {
            return;
        }
        self.age_told = millis(now);
        let seconds = |time: OffsetDateTime| u64::try_from(time.unix_timestamp()).unwrap_or_default();
        let set = |gauge: Gauge, value: u64| metrics::set(&[gauge.name(), &self.label].concat(), value);
        if let Some(list) = reader.newest() {
            let head = list.head();
            set(Gauge::Entries, head.entries.into());
            set(Gauge::ThisUpdate, seconds(head.this_update));
            set(Gauge::NextUpdate, seconds(head.next_update));
            set(Gauge::SecondsLeft, seconds(head.next_update).saturating_sub(seconds(now)));
        }
        if let Some(state) = reader.state() {
            set(Gauge::Failures, state.failures.into());
            if let Some(confirmed) = state.confirmed {
                set(Gauge::Age, millis(now).saturating_sub(confirmed) / 1000);
            }
        }
    }
}

/// What is told of a source, by the VM that holds its lease.
#[derive(Clone, Copy)]
enum Gauge {
    Entries,
    ThisUpdate,
    NextUpdate,
    SecondsLeft,
    Failures,
    Age,
}

impl Gauge {
    const ALL: [Self; 6] =
        [Self::Entries, Self::ThisUpdate, Self::NextUpdate, Self::SecondsLeft, Self::Failures, Self::Age];

    fn name(self) -> &'static str {
        match self {
            Self::Entries => "crl.entries",
            Self::ThisUpdate => "crl.this_update",
            Self::NextUpdate => "crl.next_update",
            Self::SecondsLeft => "crl.seconds_to_next_update",
            Self::Failures => "crl.failures",
            Self::Age => "crl.age_seconds",
        }
    }
}

/// Sets the gauges of a source to 0 that no policy names any more.
pub(super) fn tell_gone(source: &CrlSource) {
    let label = label(source);
    for gauge in Gauge::ALL {
        metrics::set(&[gauge.name(), &label].concat(), 0);
    }
}

fn label(source: &CrlSource) -> String {
    [".source.", &source_name(&source.cluster, &source.url)].concat()
}
