//! Delivers audit records to a collector: keeps them in a queue of bounded size, sends them in batches, and those again that did not
//! arrive.
//!
//! A state machine that does no input and output and reads no clock. Whoever drives it asks [`Delivery::next`] what to do, sends what that
//! answers, and tells what came of it. Every record that is offered is in the end either counted as sent or counted as dropped,
//! with the reason.
//!
//! A record may arrive twice, where the answer to a batch was lost. It never arrives changed, and may arrive after later ones.

use std::collections::VecDeque;
use std::time::Duration;

use time::OffsetDateTime;

use super::answer::Answer;
use super::otlp::{Resource, request_body};

/// Largest log record, in bytes. A record repeats at most some hundred texts of 256 bytes, of which escaping twice makes up to seven
/// times as much, and a certificate: nothing comes near it but a mistake.
pub const MAX_RECORD_BYTES: usize = 512 * 1024;

/// A batch is not filled further beyond this, in bytes: what stands before collectors often takes 1 MiB and no more, and what frames the
/// records comes on top.
const MAX_BATCH_BYTES: usize = 768 * 1024;

/// What a queue may hold, in bytes for each record that it may hold: about twice the usual record.
const BYTES_PER_RECORD: usize = 4096;

/// The least that a queue may hold, in bytes, so that there is always room for one record of any size.
const MIN_QUEUE_BYTES: usize = 2 * MAX_RECORD_BYTES;

/// Most batches under way at once while the collector takes them. One at a time would send a batch per round trip: with four, and batches of
/// 256, a collector 50 ms away gets 20,000 records a second of each VM.
const MOST_UNDER_WAY: usize = 4;

/// The first retry after a failure comes about this long after it; each further one after twice the time.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// The longest time between retries that a collector has not asked for.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// After so many doublings no retry comes later than the longest.
const MAX_DOUBLINGS: u32 = 7;

/// For how long a batch is tried again. What a collector does not take for ten minutes stands in the way of the rest.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// A batch of which nothing was heard so long after its timeout is taken for lost.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// How a queue is kept.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most records in it, those under way included.
    pub queue_records: usize,
    /// Most records in a batch.
    pub batch_records: usize,
    /// How long a record waits for a batch to fill.
    pub max_delay: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What becomes of a batch that the collector does not take.
    pub patience: Patience,
}

/// For how long a batch is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// For [`GIVE_UP_AFTER`].
    Limited,
    /// For ever: better no requests than requests without records.
    Unlimited,
}

/// Why a record was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The queue was full when it came.
    QueueFull,
    /// It is larger than [`MAX_RECORD_BYTES`].
    TooLarge,
    /// The collector will not take it.
    Rejected,
    /// It was tried for [`GIVE_UP_AFTER`].
    GaveUp,
    /// The filter ended before it could be sent.
    Shutdown,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::QueueFull, Self::TooLarge, Self::Rejected, Self::GaveUp, Self::Shutdown];

    /// The word for it in counters.
    pub fn word(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::GaveUp => "gave_up",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What has happened since it was last asked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Records that the collector has taken.
    pub sent: u64,
    /// Batches that it did not take, each time.
    pub failures: u64,
    dropped: [u64; Dropped::ALL.len()],
}

impl Counts {
    /// Records that were dropped, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (Dropped, u64)> {
        Dropped::ALL.into_iter().zip(self.dropped)
    }

    fn drop(&mut self, reason: Dropped, number: usize) {
        let counts = Dropped::ALL.iter().zip(&mut self.dropped);
        for (_, count) in counts.filter(|(known, _)| **known == reason) {
            *count = count.saturating_add(number as u64);
        }
    }
}

/// A record on its way.
#[derive(Debug)]
pub struct Entry {
    /// Who it comes from.
    pub resource: Resource,
    /// The log record as [`LogRecord::to_json`](super::otlp::LogRecord::to_json) made it.
    pub json: String,
}

/// Records that were not delivered.
#[derive(Debug, Default)]
pub struct Rest {
    again: VecDeque<Batch>,
    queue: VecDeque<Waiting>,
}

/// Names a batch that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this as the body of a request, then tell what came of it.
    Send(Ticket, String),
    /// Nothing for so long, or until something happens.
    Wait(Duration),
    /// Nothing before something is offered.
    Nothing,
}

/// The records of one VM on their way to one collector.
#[derive(Debug)]
pub struct Delivery {
    limits: Limits,
    /// What was never sent.
    queue: VecDeque<Waiting>,
    queue_bytes: usize,
    /// What is to be sent again, before what was never sent.
    again: VecDeque<Batch>,
    under_way: Vec<Flight>,
    /// Of all three together.
    records: usize,
    bytes: usize,
    pause: Option<Pause>,
    next_ticket: u64,
    pace: Pace,
    counts: Counts,
}

/// A record that was never sent.
#[derive(Debug)]
struct Waiting {
    entry: Entry,
    since: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct Batch {
    entries: Vec<Entry>,
    /// When it was sent for the first time.
    first_sent: OffsetDateTime,
}

#[derive(Debug)]
struct Flight {
    ticket: Ticket,
    batch: Batch,
    sent: OffsetDateTime,
}

/// The collector has failed.
#[derive(Debug)]
struct Pause {
    /// How often on end.
    failures: u32,
    /// When the last of them was noticed.
    since: OffsetDateTime,
    /// How long it is left alone for.
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Batches are filled first.
    Usual,
    /// What is there goes out at once.
    Hurry,
}

impl Delivery {
    /// An empty queue.
    pub fn new(limits: Limits) -> Delivery {
        Delivery {
            limits,
            queue: VecDeque::new(),
            queue_bytes: 0,
            again: VecDeque::new(),
            under_way: Vec::new(),
            records: 0,
            bytes: 0,
            pause: None,
            next_ticket: 0,
            pace: Pace::Usual,
            counts: Counts::default(),
        }
    }

    /// How many records are neither delivered nor dropped.
    pub fn depth(&self) -> usize {
        self.records
    }

    /// Whether there is room for one more record of any size.
    pub fn has_room(&self) -> bool {
        self.records < self.limits.queue_records && self.bytes <= self.max_bytes() - MAX_RECORD_BYTES
    }

    /// What was counted since this was last asked.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Whether there is so much room that a record may take of it which may also be dropped.
    pub fn has_room_to_spare(&self) -> bool {
        let is_below = |part: usize, all: usize| part < all - all / 4;
        is_below(self.records, self.limits.queue_records)
            && is_below(self.bytes, self.max_bytes() - MAX_RECORD_BYTES)
    }

    /// Counts a record that is to be sent, but for which there is no room, without its being made.
    pub fn drop_unmade(&mut self) {
        self.counts.drop(Dropped::QueueFull, 1);
    }

    /// Takes a record, if there is room. Answers how soon [`next`](Self::next) wants to be asked because of it, where that is sooner than
    /// the one before said.
    pub fn offer(&mut self, entry: Entry, now: Option<OffsetDateTime>) -> Option<Duration> {
        let bytes = entry.json.len();
        if bytes > MAX_RECORD_BYTES {
            self.counts.drop(Dropped::TooLarge, 1);
            return None;
        }
        if self.records >= self.limits.queue_records || self.bytes.saturating_add(bytes) > self.max_bytes() {
            self.counts.drop(Dropped::QueueFull, 1);
            return None;
        }
        self.push(Waiting { entry, since: now });
        if self.pause.is_some() || self.under_way.len() >= MOST_UNDER_WAY {
            None
        } else if self.is_batch_full() {
            Some(Duration::ZERO)
        } else if self.queue.len() == 1 {
            Some(self.limits.max_delay)
        } else {
            None
        }
    }

    /// From now on what is there is sent at once, for the filter is about to end.
    pub fn hurry(&mut self) {
        self.pace = Pace::Hurry;
    }

    /// What is to be done now. `random` spreads the retries of VMs that failed together.
    pub fn next(&mut self, now: OffsetDateTime, random: u64) -> Next {
        self.miss(now, random);
        let allowed = if self.pause.is_some() { 1 } else { MOST_UNDER_WAY };
        let lost = self.under_way.iter().map(|flight| left(flight.sent, self.answer_time(), now)).min();
        if self.under_way.len() >= allowed {
            return lost.map_or(Next::Nothing, Next::Wait);
        }
        let wait = match self.due_in(now) {
            Some(Duration::ZERO) => match self.take_batch(now) {
                Some(batch) => return self.dispatch(batch, now),
                None => None,
            },
            wait => wait,
        };
        wait.into_iter().chain(lost).min().map_or(Next::Nothing, Next::Wait)
    }

    /// Tells what came of a batch.
    pub fn settle(&mut self, ticket: Ticket, answer: Answer, now: OffsetDateTime, random: u64) {
        let Some(at) = self.under_way.iter().position(|flight| flight.ticket == ticket) else { return };
        let flight = self.under_way.swap_remove(at);
        let number = flight.batch.entries.len();
        let answer = match (answer, self.limits.patience) {
            // Better no requests than requests without records.
            (Answer::Unavailing, Patience::Unlimited) => Answer::Later { wait: None },
            (answer, _) => answer,
        };
        match answer {
            Answer::Taken { rejected } => {
                let rejected = usize::try_from(rejected).unwrap_or(usize::MAX).min(number);
                self.counts.sent += (number - rejected) as u64;
                self.counts.drop(Dropped::Rejected, rejected);
                self.pause = None;
                self.forget(&flight.batch);
            }
            Answer::Refused | Answer::Unavailing => {
                self.counts.failures += 1;
                self.counts.drop(Dropped::Rejected, number);
                // It is there, and has an opinion.
                self.pause = None;
                self.forget(&flight.batch);
            }
            Answer::Later { wait } => {
                self.counts.failures += 1;
                self.fail(&flight, wait, now, random);
                self.put_back(flight.batch, now);
            }
        }
    }

    /// Whether nothing is left to be delivered.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Whether answers are awaited.
    pub fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Gives away what is not under way.
    pub fn give_away(&mut self) -> Rest {
        let rest = Rest { again: std::mem::take(&mut self.again), queue: std::mem::take(&mut self.queue) };
        let batches = rest.again.iter().flat_map(|batch| &batch.entries);
        let waiting = rest.queue.iter().map(|waiting| &waiting.entry);
        for entry in batches.chain(waiting) {
            self.records = self.records.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(entry.json.len());
        }
        self.queue_bytes = 0;
        rest
    }

    /// Gives away everything: what is under way will not be heard of any more.
    pub fn give_up(&mut self) -> Rest {
        let under_way = std::mem::take(&mut self.under_way);
        self.again.extend(under_way.into_iter().map(|flight| flight.batch));
        self.give_away()
    }

    /// Takes what another queue gave away, and was there before what came since; what there is no room for is dropped.
    pub fn inherit(&mut self, rest: Rest) {
        for batch in rest.again {
            let bytes: usize = batch.entries.iter().map(|entry| entry.json.len()).sum();
            let has_room = self.records + batch.entries.len() <= self.limits.queue_records
                && self.bytes.saturating_add(bytes) <= self.max_bytes();
            if has_room {
                self.records += batch.entries.len();
                self.bytes += bytes;
                self.again.push_back(batch);
            } else {
                self.counts.drop(Dropped::QueueFull, batch.entries.len());
            }
        }
        let own = std::mem::take(&mut self.queue);
        for Waiting { entry, since } in rest.queue {
            let bytes = entry.json.len();
            if self.records < self.limits.queue_records && self.bytes + bytes <= self.max_bytes() {
                self.push(Waiting { entry, since });
            } else {
                self.counts.drop(Dropped::QueueFull, 1);
            }
        }
        self.queue.extend(own);
    }

    /// Drops what another queue gave away, and nobody inherits.
    pub fn abandon(&mut self, rest: &Rest) {
        let batches: usize = rest.again.iter().map(|batch| batch.entries.len()).sum();
        self.counts.drop(Dropped::Shutdown, batches + rest.queue.len());
    }

    fn push(&mut self, waiting: Waiting) {
        let bytes = waiting.entry.json.len();
        self.records += 1;
        self.bytes += bytes;
        self.queue_bytes += bytes;
        self.queue.push_back(waiting);
    }

    fn max_bytes(&self) -> usize {
        self.limits.queue_records.saturating_mul(BYTES_PER_RECORD).max(MIN_QUEUE_BYTES)
    }

    fn answer_time(&self) -> Duration {
        self.limits.timeout + LOST_AFTER
    }

    fn is_batch_full(&self) -> bool {
        self.queue.len() >= self.limits.batch_records || self.queue_bytes >= MAX_BATCH_BYTES
    }

    /// When there is something to send.
    fn due_in(&self, now: OffsetDateTime) -> Option<Duration> {
        let pause = self.pause.as_ref().map_or(Duration::ZERO, |pause| left(pause.since, pause.wait, now));
        let filled = match self.queue.front() {
            _ if !self.again.is_empty() => Duration::ZERO,
            None => return None,
            Some(_) if self.is_batch_full() || self.pace == Pace::Hurry => Duration::ZERO,
            Some(oldest) => {
                oldest.since.map_or(Duration::ZERO, |since| left(since, self.limits.max_delay, now))
            }
        };
        Some(pause.max(filled))
    }

    fn take_batch(&mut self, now: OffsetDateTime) -> Option<Batch> {
        if let Some(batch) = self.again.pop_front() {
            return Some(batch);
        }
        let mut entries = Vec::with_capacity(self.queue.len().min(self.limits.batch_records));
        let mut bytes = 0;
        while entries.len() < self.limits.batch_records {
            let Some(next) = self.queue.front() else { break };
            let with_it = bytes + next.entry.json.len();
            if with_it > MAX_BATCH_BYTES && !entries.is_empty() {
                break;
            }
            bytes = with_it;
            entries.extend(self.queue.pop_front().map(|waiting| waiting.entry));
        }
        self.queue_bytes = self.queue_bytes.saturating_sub(bytes);
        (!entries.is_empty()).then_some(Batch { entries, first_sent: now })
    }

    fn dispatch(&mut self, batch: Batch, now: OffsetDateTime) -> Next {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        let body = request_body(batch.entries.iter().map(|entry| (&entry.resource, entry.json.as_str())));
        self.under_way.push(Flight { ticket, batch, sent: now });
        Next::Send(ticket, body)
    }

    /// Takes for failed what was not answered for so long that it never will be.
    fn miss(&mut self, now: OffsetDateTime, random: u64) {
        let limit = self.answer_time();
        let is_lost = |flight: &Flight| left(flight.sent, limit, now).is_zero();
        let lost: Vec<Ticket> =
            self.under_way.iter().filter(|flight| is_lost(flight)).map(|flight| flight.ticket).collect();
        for ticket in lost {
            self.settle(ticket, Answer::NONE, now, random);
        }
    }

    /// Leaves the collector alone for a while.
    fn fail(&mut self, flight: &Flight, asked: Option<Duration>, now: OffsetDateTime, random: u64) {
        let (failures, until_now) = match &self.pause {
            // Sent before the last failure was known: it is the same one.
            Some(pause) if flight.sent < pause.since => (pause.failures, left(pause.since, pause.wait, now)),
            Some(pause) => (pause.failures.saturating_add(1), Duration::ZERO),
            None => (1, Duration::ZERO),
        };
        let longest = (FIRST_RETRY * (1 << (failures - 1).min(MAX_DOUBLINGS))).min(LONGEST_RETRY);
        // Between half of it and the whole.
        let half = longest / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let wait = half + Duration::from_millis(random % spread);
        let wait = wait.max(asked.unwrap_or_default()).max(until_now);
        self.pause = Some(Pause { failures, since: now, wait });
    }

    fn put_back(&mut self, batch: Batch, now: OffsetDateTime) {
        // A clock that was set back does not end it.
        let is_over = now - batch.first_sent >= GIVE_UP_AFTER;
        if is_over && self.limits.patience == Patience::Limited {
            self.counts.drop(Dropped::GaveUp, batch.entries.len());
            self.forget(&batch);
        } else {
            self.again.push_back(batch);
        }
    }

    fn forget(&mut self, batch: &Batch) {
        let bytes: usize = batch.entries.iter().map(|entry| entry.json.len()).sum();
        self.records = self.records.saturating_sub(batch.entries.len());
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// How much is left at `now` of a time that began at `since`; nothing where the clock was set back.
fn left(since: OffsetDateTime, whole: Duration, now: OffsetDateTime) -> Duration {
    match Duration::try_from(now - since) {
        Ok(passed) => whole.saturating_sub(passed),
        Err(_) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
