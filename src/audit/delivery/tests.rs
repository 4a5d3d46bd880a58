use super::*;
use crate::cert::Fingerprint;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
const TAKEN: Answer = Answer::Taken { rejected: 0 };

fn limits() -> Limits {
    Limits {
        queue_records: 10,
        batch_records: 4,
        max_delay: SECOND,
        timeout: TIMEOUT,
        patience: Patience::Limited,
    }
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
}

fn entry(json: &str) -> Entry {
    Entry { resource: Resource::new(1, Fingerprint::of(b"policy")), json: json.to_owned() }
}

/// A delivery of `limits` that was offered the numbers from 0 on.
fn offered(limits: Limits, number: usize) -> Delivery {
    let mut delivery = Delivery::new(limits);
    offer(&mut delivery, 0..number);
    delivery
}

fn offer(delivery: &mut Delivery, numbers: std::ops::Range<usize>) {
    for number in numbers {
        delivery.offer(entry(&number.to_string()), Some(at(0)));
    }
}

fn sent(next: Next) -> (Ticket, Vec<usize>) {
    match next {
        Next::Send(ticket, body) => (ticket, numbers(&body)),
        Next::Wait(_) | Next::Nothing => panic!("{next:?}"),
    }
}

/// The records in a request.
fn numbers(body: &str) -> Vec<usize> {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let resources = body["resourceLogs"].as_array().unwrap().iter();
    let records = resources.flat_map(|logs| logs["scopeLogs"][0]["logRecords"].as_array().unwrap());
    records.map(|record| usize::try_from(record.as_u64().unwrap()).unwrap()).collect()
}

/// Sent, failures, dropped by reason.
fn counts(delivery: &mut Delivery) -> (u64, u64, Vec<(Dropped, u64)>) {
    let counts = delivery.take_counts();
    let dropped = counts.dropped().filter(|(_, number)| *number > 0).collect();
    (counts.sent, counts.failures, dropped)
}

#[test]
fn a_record_waits_for_a_batch_to_fill_and_no_longer_than_it_may() {
    let mut delivery = Delivery::new(limits());
    assert_eq!(delivery.next(at(0), 0), Next::Nothing);
    assert_eq!(delivery.offer(entry("0"), Some(at(0))), Some(SECOND));
    assert_eq!(delivery.offer(entry("1"), Some(at(0))), None);
    assert_eq!(delivery.next(at(0), 0), Next::Wait(SECOND));
    assert_eq!(delivery.offer(entry("2"), Some(at(0))), None);
    assert_eq!(delivery.offer(entry("3"), Some(at(0))), Some(Duration::ZERO));
    assert_eq!(delivery.offer(entry("4"), Some(at(0))), Some(Duration::ZERO));
    let (first, records) = sent(delivery.next(at(0), 0));
    assert_eq!(records, [0, 1, 2, 3]);
    assert_eq!(delivery.next(at(0), 0), Next::Wait(SECOND));
    let (second, records) = sent(delivery.next(at(1), 0));
    assert_eq!(records, [4]);
    delivery.settle(first, TAKEN, at(1), 0);
    delivery.settle(second, TAKEN, at(1), 0);
    assert_eq!(delivery.next(at(1), 0), Next::Nothing);
    assert_eq!(counts(&mut delivery), (5, 0, vec![]));
    assert!(delivery.is_empty());
}

#[test]
fn a_record_that_was_made_without_a_time_waits_for_nothing() {
    let mut delivery = Delivery::new(limits());
    delivery.offer(entry("0"), None);
    assert_eq!(sent(delivery.next(at(0), 0)).1, [0]);
}

#[test]
fn what_finds_the_queue_full_is_dropped_and_what_is_under_way_takes_room() {
    let mut delivery = offered(limits(), 9);
    assert!(delivery.has_room());
    offer(&mut delivery, 9..10);
    assert!(!delivery.has_room());
    offer(&mut delivery, 10..13);
    let (ticket, _) = sent(delivery.next(at(0), 0));
    assert!(!delivery.has_room());
    assert_eq!(delivery.depth(), 10);
    assert_eq!(counts(&mut delivery), (0, 0, vec![(Dropped::QueueFull, 3)]));
    delivery.settle(ticket, TAKEN, at(0), 0);
    assert!(delivery.has_room());
    assert_eq!(delivery.depth(), 6);
}

#[test]
fn a_queue_is_bounded_in_bytes_too_and_takes_no_record_that_is_too_large() {
    let mut delivery = Delivery::new(limits());
    let large = format!("\"{}\"", "x".repeat(MAX_RECORD_BYTES - 2));
    delivery.offer(entry(&format!("{large} ")), Some(at(0)));
    assert_eq!(counts(&mut delivery), (0, 0, vec![(Dropped::TooLarge, 1)]));
    assert!(delivery.has_room());
    delivery.offer(entry(&large), Some(at(0)));
    assert!(delivery.has_room());
    delivery.offer(entry(&large), Some(at(0)));
    assert!(!delivery.has_room());
    delivery.offer(entry("0"), Some(at(0)));
    assert_eq!(counts(&mut delivery), (0, 0, vec![(Dropped::QueueFull, 1)]));
    assert_eq!(delivery.depth(), 2);
}

#[test]
fn a_batch_is_bounded_in_bytes_and_holds_one_record_at_the_least() {
    let mut limits = limits();
    limits.queue_records = 1000;
    let mut delivery = Delivery::new(limits);
    let large = " ".repeat(MAX_BATCH_BYTES / 2 - 1);
    for number in 0..5 {
        delivery.offer(entry(&format!("{large}{number}")), Some(at(0)));
    }
    assert_eq!(sent(delivery.next(at(0), 0)).1, [0, 1]);
    assert_eq!(sent(delivery.next(at(0), 0)).1, [2, 3]);
    assert_eq!(delivery.next(at(0), 0), Next::Wait(SECOND));
    assert_eq!(sent(delivery.next(at(1), 0)).1, [4]);
}

#[test]
fn few_batches_are_under_way_at_once_and_one_while_the_collector_fails() {
    let mut limits = limits();
    limits.queue_records = 100;
    let mut delivery = offered(limits, 40);
    let tickets: Vec<Ticket> = (0..MOST_UNDER_WAY)
        .map(|number| {
            let (ticket, records) = sent(delivery.next(at(0), 0));
            assert_eq!(records[0], 4 * number);
            ticket
        })
        .collect();
    assert_eq!(delivery.next(at(0), 0), Next::Wait(TIMEOUT + LOST_AFTER));
    for ticket in &tickets {
        delivery.settle(*ticket, Answer::NONE, at(1), 0);
    }
    // One failure, though all four were hit by it.
    assert_eq!(delivery.next(at(1), 0), Next::Wait(FIRST_RETRY / 2));
    let (ticket, records) = sent(delivery.next(at(2), 0));
    assert_eq!(records, [0, 1, 2, 3]);
    assert_eq!(delivery.next(at(2), 0), Next::Wait(TIMEOUT + LOST_AFTER));
    delivery.settle(ticket, TAKEN, at(3), 0);
    assert_eq!(sent(delivery.next(at(3), 0)).1[0], 4);
    assert_eq!(sent(delivery.next(at(3), 0)).1[0], 8);
    assert_eq!(counts(&mut delivery), (4, 4, vec![]));
}

#[test]
fn retries_come_ever_later_within_a_limit_and_are_spread() {
    let mut delivery = offered(limits(), 4);
    let mut now = at(0);
    let mut waits = Vec::new();
    for number in 0..12 {
        let (ticket, records) = sent(delivery.next(now, 0));
        assert_eq!(records, [0, 1, 2, 3]);
        let random = if number % 2 == 0 { 0 } else { u64::MAX };
        delivery.settle(ticket, Answer::NONE, now, random);
        let Next::Wait(wait) = delivery.next(now, 0) else { panic!("nothing was waited for") };
        waits.push(wait);
        now += wait;
    }
    for (number, wait) in waits.iter().enumerate() {
        let whole = (FIRST_RETRY * (1 << number.min(7))).min(LONGEST_RETRY);
        assert!(*wait >= whole / 2 && *wait <= whole, "{number}: {wait:?} of {whole:?}");
    }
    assert_eq!(waits[10], LONGEST_RETRY / 2);
    assert_ne!(waits[11], LONGEST_RETRY / 2);
}

#[test]
fn a_collector_is_left_alone_for_as_long_as_it_asks_and_no_less() {
    let mut delivery = offered(limits(), 8);
    let (first, _) = sent(delivery.next(at(0), 0));
    let (second, _) = sent(delivery.next(at(0), 0));
    delivery.settle(first, Answer::Later { wait: Some(SECOND * 20) }, at(1), 0);
    // A second answer to the same trouble does not shorten it.
    delivery.settle(second, Answer::NONE, at(2), 0);
    assert_eq!(delivery.next(at(2), 0), Next::Wait(SECOND * 19));
    assert!(matches!(delivery.next(at(21), 0), Next::Send(..)));
}

#[test]
fn a_collector_that_takes_nothing_as_things_are_is_waited_for_where_none_may_be_lost() {
    for (patience, left) in [(Patience::Limited, 0), (Patience::Unlimited, 4)] {
        let mut delivery = offered(Limits { patience, ..limits() }, 4);
        let (ticket, _) = sent(delivery.next(at(0), 0));
        delivery.settle(ticket, Answer::Unavailing, at(0), 0);
        assert_eq!(delivery.depth(), left, "{patience:?}");
    }
    // What it will never take would stand in the way for ever.
    let mut delivery = offered(Limits { patience: Patience::Unlimited, ..limits() }, 4);
    let (ticket, _) = sent(delivery.next(at(0), 0));
    delivery.settle(ticket, Answer::Refused, at(0), 0);
    assert!(delivery.is_empty());
}

#[test]
fn the_last_quarter_of_a_queue_is_no_room_to_spare() {
    for (number, spare, room) in [(0, true, true), (7, true, true), (8, false, true), (10, false, false)] {
        let delivery = offered(limits(), number);
        assert_eq!((delivery.has_room_to_spare(), delivery.has_room()), (spare, room), "{number}");
    }
}

#[test]
fn what_the_collector_will_not_take_is_dropped_and_counted() {
    let mut delivery = offered(limits(), 8);
    let (first, _) = sent(delivery.next(at(0), 0));
    let (second, _) = sent(delivery.next(at(0), 0));
    delivery.settle(first, Answer::Refused, at(0), 0);
    delivery.settle(second, Answer::Taken { rejected: 3 }, at(0), 0);
    // Of its number once only.
    delivery.settle(second, Answer::Taken { rejected: 3 }, at(0), 0);
    assert_eq!(counts(&mut delivery), (1, 1, vec![(Dropped::Rejected, 7)]));
    assert!(delivery.is_empty());
    assert_eq!(delivery.next(at(0), 0), Next::Nothing);

    let mut delivery = offered(limits(), 4);
    let (ticket, _) = sent(delivery.next(at(0), 0));
    delivery.settle(ticket, Answer::Taken { rejected: u64::MAX }, at(0), 0);
    assert_eq!(counts(&mut delivery), (0, 0, vec![(Dropped::Rejected, 4)]));
}

#[test]
fn what_is_never_answered_is_sent_again() {
    let mut delivery = offered(limits(), 4);
    let (lost, _) = sent(delivery.next(at(0), 0));
    assert_eq!(delivery.next(at(6), 0), Next::Wait(SECOND));
    assert_eq!(delivery.next(at(7), 0), Next::Wait(FIRST_RETRY / 2));
    let (again, records) = sent(delivery.next(at(8), 0));
    assert_eq!(records, [0, 1, 2, 3]);
    // Its answer comes after all, and means nothing any more.
    delivery.settle(lost, TAKEN, at(8), 0);
    assert_eq!(delivery.depth(), 4);
    delivery.settle(again, TAKEN, at(8), 0);
    assert_eq!(counts(&mut delivery), (4, 1, vec![]));
}

#[test]
fn a_batch_is_given_up_after_a_time_unless_nobody_may_pass_unrecorded() {
    for (patience, dropped) in
        [(Patience::Limited, vec![(Dropped::GaveUp, 4)]), (Patience::Unlimited, vec![])]
    {
        let mut delivery = offered(Limits { patience, ..limits() }, 4);
        let (ticket, _) = sent(delivery.next(at(0), 0));
        delivery.settle(ticket, Answer::NONE, at(0), 0);
        let (ticket, _) = sent(delivery.next(at(599), 0));
        delivery.settle(ticket, Answer::NONE, at(599), 0);
        assert_eq!(delivery.depth(), 4);
        let (ticket, _) = sent(delivery.next(at(600), 0));
        delivery.settle(ticket, Answer::NONE, at(600), 0);
        assert_eq!(delivery.depth(), if dropped.is_empty() { 4 } else { 0 });
        assert_eq!(counts(&mut delivery), (0, 3, dropped));
    }
}

#[test]
fn a_clock_that_is_set_back_drops_nothing_and_lets_nothing_wait_for_it() {
    let mut delivery = offered(limits(), 4);
    let (ticket, _) = sent(delivery.next(at(0), 0));
    delivery.settle(ticket, Answer::Later { wait: Some(SECOND * 60) }, at(0), 0);
    let (ticket, records) = sent(delivery.next(at(-100_000), 0));
    assert_eq!(records, [0, 1, 2, 3]);
    delivery.settle(ticket, Answer::NONE, at(-100_000), 0);
    assert_eq!(counts(&mut delivery), (0, 2, vec![]));
    assert_eq!(delivery.depth(), 4);
}

#[test]
fn a_hurried_queue_sends_what_it_has() {
    let mut delivery = offered(limits(), 5);
    delivery.hurry();
    assert_eq!(sent(delivery.next(at(0), 0)).1, [0, 1, 2, 3]);
    assert_eq!(sent(delivery.next(at(0), 0)).1, [4]);
}

#[test]
fn what_one_queue_leaves_another_delivers_before_its_own() {
    let mut old = offered(limits(), 7);
    let (first, _) = sent(old.next(at(0), 0));
    old.settle(first, Answer::NONE, at(0), 0);
    let (under_way, _) = sent(old.next(at(1), 0));
    let mut new = Delivery::new(limits());
    offer(&mut new, 7..9);
    // What is under way is not given away: it may arrive yet.
    new.inherit(old.give_away());
    assert_eq!((old.depth(), new.depth()), (4, 5));
    assert!(!old.is_empty());
    old.settle(under_way, TAKEN, at(1), 0);
    assert!(old.is_empty());
    assert_eq!(sent(new.next(at(1), 0)).1, [4, 5, 6, 7]);
    assert_eq!(sent(new.next(at(1), 0)).1, [8]);

    let mut old = offered(limits(), 7);
    let _ = sent(old.next(at(0), 0));
    let mut new = Delivery::new(Limits { queue_records: 6, ..limits() });
    new.inherit(old.give_up());
    assert!(old.is_empty());
    assert_eq!(sent(new.next(at(0), 0)).1, [0, 1, 2, 3]);
    assert_eq!(counts(&mut new), (0, 0, vec![(Dropped::QueueFull, 1)]));
    assert_eq!(sent(new.next(at(1), 0)).1, [4, 5]);
}

#[test]
fn what_nobody_inherits_is_counted() {
    let mut delivery = offered(limits(), 7);
    let _ = sent(delivery.next(at(0), 0));
    let rest = delivery.give_up();
    delivery.abandon(&rest);
    assert_eq!(counts(&mut delivery), (0, 0, vec![(Dropped::Shutdown, 7)]));
}

/// Whatever a collector does: each record is delivered once, or counted as dropped, and there are never more than may be.
#[test]
fn no_record_is_lost_uncounted_or_sent_twice_without_need() {
    for seed in 0..16 {
        let mut random = Random(seed);
        let mut delivery = Delivery::new(limits());
        let mut now = at(0);
        let mut offered = 0;
        let mut delivered = Vec::new();
        let (mut counted, mut dropped) = (0, 0);
        let mut under_way: Vec<(Ticket, Vec<usize>)> = Vec::new();
        for step in 0..2000 {
            now += Duration::from_millis(random.below(400));
            if step < 1000 {
                for _ in 0..random.below(4) {
                    delivery.offer(entry(&offered.to_string()), Some(now));
                    offered += 1;
                }
            }
            if let Next::Send(ticket, body) = delivery.next(now, random.next()) {
                under_way.push((ticket, numbers(&body)));
            }
            if !under_way.is_empty() && random.below(3) > 0 {
                let at = usize::try_from(random.below(under_way.len() as u64)).unwrap();
                let (ticket, records) = under_way.swap_remove(at);
                let fate = if step < 1000 { random.below(4) } else { 0 };
                let answer = match fate {
                    0 | 1 => TAKEN,
                    2 => Answer::Refused,
                    _ => Answer::Later { wait: None },
                };
                if fate < 2 {
                    delivered.extend(records);
                }
                delivery.settle(ticket, answer, now, random.next());
            }
            assert!(delivery.depth() <= 10);
            let counts = delivery.take_counts();
            counted += counts.sent;
            dropped += counts.dropped().map(|(_, number)| number).sum::<u64>();
            assert_eq!(
                offered as u64,
                counted + dropped + delivery.depth() as u64,
                "seed {seed}, step {step}"
            );
        }
        assert!(delivery.is_empty(), "seed {seed}: {} records are left", delivery.depth());
        let number = delivered.len();
        delivered.sort_unstable();
        delivered.dedup();
        assert_eq!((delivered.len(), number as u64), (number, counted), "seed {seed}");
        assert!(counted > 100 && dropped > 100, "seed {seed}: {counted} and {dropped}");
    }
}

/// A generator of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
