use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::chance::Chance;
use crate::policy::Policy;

/// 2026-01-01T00:00:00Z, in milliseconds.
const BEGIN: u64 = 1_767_225_600_000;

fn at(millis: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(BEGIN + millis) * 1_000_000).unwrap()
}

fn failures(denials: u16, window_seconds: u64) -> Failures {
    let policy = format!(
        r#"{{"version": 1, "peer_certificate": {{"verified_by": "envoy"}},
            "throttle": {{"denials": {denials}, "window_seconds": {window_seconds}}},
            "routes": [{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "ignored"}}]}}"#
    );
    let policy = Policy::from_json(policy.as_bytes()).unwrap();
    let rules = policy.throttle().unwrap();
    assert_eq!((rules.denials(), rules.window()), (denials, Duration::from_secs(window_seconds)));
    Failures::new(rules, policy.digest())
}

fn certificate(number: u32) -> Failing {
    Failing { client: Peer::Certificate(Fingerprint::of(&number.to_be_bytes())), route: 0 }
}

fn address(text: &str) -> Failing {
    Failing { client: Peer::Address(text.parse().unwrap()), route: 0 }
}

/// Counts a denial; answers for how many seconds the client is to wait.
fn deny(failures: &mut Failures, failing: Failing, millis: u64) -> Option<u32> {
    deny_on(failures, failing, Grounds::Certain, millis)
}

fn deny_on(failures: &mut Failures, failing: Failing, grounds: Grounds, millis: u64) -> Option<u32> {
    let draft = failures.draft(failing, grounds, at(millis), None);
    let refusal = draft.refusal;
    failures.adopt(draft);
    refusal.map(|refusal| refusal.seconds)
}

fn refuses(failures: &Failures, failing: Failing, millis: u64) -> Option<u32> {
    failures.known(failing, Grounds::Certain, at(millis)).map(|refusal| refusal.seconds)
}

#[test]
fn a_client_is_refused_after_so_many_denials_and_free_when_the_window_is_over() {
    let mut failures = failures(3, 10);
    let (one, other) = (certificate(1), certificate(2));
    for millis in [0, 1_000, 2_500] {
        assert_eq!(refuses(&failures, one, millis), None);
        assert_eq!(deny(&mut failures, one, millis), None);
    }
    assert_eq!(refuses(&failures, one, 2_500), Some(8));
    assert_eq!(refuses(&failures, other, 2_500), None, "another client");
    assert_eq!(refuses(&failures, Failing { route: 1, ..one }, 2_500), None, "another route");
    assert_eq!(refuses(&failures, one, 9_999), Some(1));
    assert_eq!(refuses(&failures, one, 10_000), None, "ten seconds after the first denial");
    assert_eq!(deny(&mut failures, one, 10_000), None, "and the count begins anew");
    assert_eq!(refuses(&failures, one, 10_001), None);
}

#[test]
fn who_goes_on_trying_is_refused_no_longer_than_who_stops() {
    let mut failures = failures(1, 10);
    assert_eq!(deny(&mut failures, certificate(1), 0), None);
    for millis in (1..10_000).step_by(7) {
        assert!(deny(&mut failures, certificate(1), millis).is_some(), "{millis}");
    }
    assert_eq!(refuses(&failures, certificate(1), 10_000), None);
}

#[test]
fn denials_that_are_not_certain_refuse_nobody_who_was_not_judged() {
    let mut failures = failures(2, 10);
    for millis in [0, 1] {
        assert_eq!(deny_on(&mut failures, certificate(1), Grounds::AsJudged, millis), None);
    }
    assert_eq!(refuses(&failures, certificate(1), 2), None);
    assert_eq!(deny_on(&mut failures, certificate(1), Grounds::AsJudged, 2), Some(10), "the third denial");
    assert_eq!(refuses(&failures, certificate(1), 3), None, "still judged first");
    assert_eq!(deny(&mut failures, certificate(1), 4), Some(10));
    assert_eq!(refuses(&failures, certificate(1), 5), Some(10), "one that is certain is enough");
}

#[test]
fn ipv6_counts_by_network_and_ipv4_by_address() {
    let mut failures = failures(1, 10);
    deny(&mut failures, address("2001:db8::1"), 0);
    deny(&mut failures, address("192.0.2.1"), 0);
    assert!(refuses(&failures, address("2001:db8::ffff:1:2:3"), 1).is_some());
    assert!(refuses(&failures, address("192.0.2.1"), 1).is_some());
    for other in ["2001:db8:0:1::1", "192.0.2.2", "::c000:201", "::ffff:c000:201"] {
        assert_eq!(refuses(&failures, address(other), 1), None, "{other}");
    }
}

#[test]
fn a_certificate_is_no_address_of_the_same_octets() {
    let mut failures = failures(1, 10);
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().octets());
    deny(&mut failures, address("192.0.2.1"), 0);
    let certificate = Failing { client: Peer::Certificate(Fingerprint::from_bytes(digest)), route: 0 };
    assert_eq!(refuses(&failures, certificate, 0), None);
}

#[test]
fn a_clock_that_is_set_back_refuses_nobody_for_longer_than_the_window() {
    let mut failures = failures(1, 10);
    deny(&mut failures, certificate(1), 100_000);
    assert_eq!(
        refuses(&failures, certificate(1), 99_500),
        Some(10),
        "another thread reads it a little later"
    );
    assert_eq!(refuses(&failures, certificate(1), 90_000), None);
    assert_eq!(deny(&mut failures, certificate(1), 90_000), None);
    assert_eq!(refuses(&failures, certificate(1), 90_001), Some(10));
    assert_eq!(refuses(&failures, certificate(1), 100_000), None);
}

/// Two VMs and what they tell each other.
#[test]
fn what_one_has_counted_the_other_goes_on_with() {
    let (mut here, mut there) = (failures(4, 10), failures(4, 10));
    let mut shared: HashMap<usize, Vec<u8>> = HashMap::new();
    let mut count = |failures: &mut Failures, millis: u64| {
        let shard = failures.shard(certificate(1));
        let told = shared.get(&shard).map(Vec::as_slice);
        let draft = failures.draft(certificate(1), Grounds::Certain, at(millis), told);
        if let Some(news) = draft.news() {
            shared.insert(shard, news);
        }
        let refusal = draft.refusal.map(|refusal| refusal.seconds);
        failures.adopt(draft);
        refusal
    };
    assert_eq!(count(&mut here, 0), None);
    assert_eq!(count(&mut there, 1_000), None);
    assert_eq!(count(&mut here, 2_000), None);
    assert_eq!(count(&mut there, 3_000), None);
    assert_eq!(refuses(&here, certificate(1), 3_000), None, "it has not heard of the last one");
    assert_eq!(count(&mut here, 3_000), Some(7), "and does with the next");
    assert_eq!(refuses(&here, certificate(1), 3_000), Some(7));
    assert_eq!(refuses(&there, certificate(1), 3_000), Some(7));
    assert_eq!(count(&mut there, 9_999), Some(1));
    assert_eq!(count(&mut there, 10_000), None);
}

#[test]
fn what_could_not_be_told_is_still_known_here() {
    let mut failures = failures(2, 10);
    deny(&mut failures, certificate(1), 0);
    // Others know nothing of it.
    let draft = failures.draft(certificate(1), Grounds::Certain, at(1), Some(&[]));
    assert!(draft.refusal.is_none() && draft.news().is_some());
    failures.adopt(draft);
    assert!(refuses(&failures, certificate(1), 2).is_some());
    let draft = failures.draft(certificate(1), Grounds::Certain, at(3), Some(&[]));
    assert!(draft.refusal.is_some());
}

#[test]
fn what_is_told_and_is_no_shard_is_passed_over() {
    let mut failures = failures(1, 10);
    deny(&mut failures, certificate(1), 0);
    let whole = failures.draft(certificate(1), Grounds::AsJudged, at(0), None);
    let entry: Vec<u8> = whole.entries[0].to_bytes().to_vec();
    assert_eq!(entry.len(), ENTRY_BYTES);
    assert_eq!(entries(&entry), Some(whole.entries.clone()));
    assert_eq!(entries(&[]), Some(Vec::new()));
    let odd = [&entry[..ENTRY_BYTES - 1], &[2]].concat();
    for bytes in [&entry[1..], &odd, &entry.repeat(ENTRIES + 1)] {
        assert_eq!(entries(bytes), None);
        assert!(failures.draft(certificate(1), Grounds::Certain, at(1), Some(bytes)).refusal.is_some());
    }
}

#[test]
fn minted_certificates_neither_make_the_table_grow_nor_free_who_is_refused() {
    let mut failures = failures(5, 3600);
    let (refused, counted) = (certificate(0), certificate(1));
    for _ in 0..5 {
        deny(&mut failures, refused, 0);
    }
    for _ in 0..4 {
        deny(&mut failures, counted, 0);
    }
    for number in 2..20_000 {
        assert_eq!(deny(&mut failures, certificate(number), u64::from(number)), None);
    }
    assert!(failures.shards.iter().all(|shard| shard.len() == ENTRIES), "{} shards", failures.shards.len());
    assert!(refuses(&failures, refused, 20_000).is_some());
    assert_eq!(deny(&mut failures, counted, 20_000), None, "the fifth");
    assert!(refuses(&failures, counted, 20_001).is_some(), "whose count was not forgotten");
}

#[test]
fn where_all_of_a_shard_are_refused_one_more_is_denied_without_a_count() {
    let mut failures = failures(1, 10);
    let of_shard = |shard: usize| {
        (0..)
            .map(certificate)
            .filter(move |one| super::shard(&Failures::key(&self::failures(1, 10), *one)) == shard)
    };
    let clients: Vec<Failing> = of_shard(7).take(ENTRIES + 1).collect();
    for client in &clients {
        assert_eq!(deny(&mut failures, *client, 0), None);
    }
    let (last, first) = clients.split_last().unwrap();
    assert!(first.iter().all(|client| refuses(&failures, *client, 1).is_some()));
    assert_eq!(refuses(&failures, *last, 1), None);
    // When the others' windows are over there is room.
    assert_eq!(deny(&mut failures, *last, 10_000), None);
    assert!(refuses(&failures, *last, 10_001).is_some());
}

/// The same, without bounds and without sharing: when the window of a client began, how often it was denied, and whether that
/// was certain.
#[derive(Default)]
struct Plain(HashMap<(u32, u32), (u64, u16, bool)>);

impl Plain {
    fn open(&mut self, key: (u32, u32), now: u64, window: u64) -> Option<&mut (u64, u16, bool)> {
        self.0.get_mut(&key).filter(|(began, ..)| now < began + window)
    }

    fn refuses(&mut self, key: (u32, u32), now: u64, window: u64, denials: u16) -> bool {
        self.open(key, now, window).is_some_and(|(_, count, certain)| *count >= denials && *certain)
    }

    fn count(&mut self, key: (u32, u32), certain: bool, now: u64, window: u64, denials: u16) -> bool {
        match self.open(key, now, window) {
            Some((_, count, was_certain)) => {
                *was_certain |= certain;
                let is_refused = *count >= denials;
                *count = count.saturating_add(1);
                is_refused
            }
            None => {
                self.0.insert(key, (now, 1, certain));
                false
            }
        }
    }
}

/// Any number of VMs, which tell each other of everything, refuse whom one without bounds would refuse, and when.
#[test]
fn all_agree_with_a_plain_count_whatever_comes() {
    for seed in 1..40 {
        let mut chance = Chance(seed);
        let (denials, window) = (1 + chance.below(5) as u16, 1 + chance.below(4) as u64);
        let mut vms: Vec<Failures> = (0..=chance.below(4)).map(|_| failures(denials, window)).collect();
        let mut plain = Plain::default();
        let mut shared: HashMap<usize, Vec<u8>> = HashMap::new();
        let mut now = 0;
        for _ in 0..2_000 {
            now += chance.below(400) as u64;
            let (number, route) = (chance.below(6) as u32, chance.below(2) as u32);
            let failing = Failing { route, ..certificate(number) };
            let vm = chance.below(vms.len());
            let failures = &mut vms[vm];
            let grounds = if chance.below(2) == 0 { Grounds::Certain } else { Grounds::AsJudged };
            let key = (number, route);
            let window = window * 1000;
            if failures.known(failing, Grounds::Certain, at(now)).is_some() {
                assert!(plain.refuses(key, now, window, denials), "seed {seed}");
                continue;
            }
            let shard = failures.shard(failing);
            let draft = failures.draft(failing, grounds, at(now), shared.get(&shard).map(Vec::as_slice));
            let certain = grounds == Grounds::Certain;
            assert_eq!(
                draft.refusal.is_some(),
                plain.count(key, certain, now, window, denials),
                "seed {seed}"
            );
            if let Some(news) = draft.news() {
                shared.insert(shard, news);
            }
            failures.adopt(draft);
            assert_eq!(
                failures.known(failing, Grounds::Certain, at(now)).is_some(),
                plain.refuses(key, now, window, denials),
                "seed {seed}"
            );
        }
    }
}

/// However many there are, nobody is refused who was not denied as often as that, and the table stays as small.
#[test]
fn under_a_flood_nobody_is_refused_whom_a_plain_count_would_not_refuse() {
    for seed in 1..4 {
        let mut chance = Chance(seed);
        let (mut failures, mut plain, mut now) = (failures(2, 5), Plain::default(), 0);
        let mut refused = 0;
        for _ in 0..30_000 {
            now += chance.below(2) as u64;
            let few = chance.below(3) == 0;
            let number = chance.below(if few { 20 } else { 1_000_000 }) as u32;
            let is_refused = deny(&mut failures, certificate(number), now).is_some();
            let may_be = plain.count((number, 0), true, now, 5_000, 2);
            assert!(may_be || !is_refused, "seed {seed}");
            refused += usize::from(is_refused);
        }
        assert!(refused > 5_000, "{refused}");
        assert!(failures.shards.iter().all(|shard| shard.len() <= ENTRIES));
    }
}
