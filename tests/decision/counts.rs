//! What is counted of decisions, and under which names.

use std::collections::BTreeMap;

use mtls_policy::Engine;
use mtls_policy::metrics::Counts;
use mtls_policy::revocation::NoEvidence;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::Ca;
use crate::situation::{NOW, Situation, at, decide, routes};

fn engine() -> Engine {
    let route = |name: &str, path: &str, mode: &str| {
        json!({
            "name": name,
            "match": { "path": path },
            "client_certificate": "required",
            "allow": { "dns": "good.example" },
            "mode": mode,
        })
    };
    routes(json!([
        route("strict", "/strict", "enforce"),
        route("a.route.b", "/trial", "shadow"),
        { "name": "open", "match": { "path": "/open" }, "client_certificate": "ignored" },
    ]))
}

fn taken(counts: &mut Counts, engine: &Engine, most: usize) -> BTreeMap<String, u32> {
    let mut taken = BTreeMap::new();
    counts.take(engine.policy(), most, |name, count| *taken.entry(name.to_owned()).or_default() += count);
    taken
}

#[test]
fn each_request_counts_once_by_outcome_reason_and_route() {
    let engine = engine();
    let ca = Ca::new("ca");
    let [good, other] = ["good.example", "other.example"].map(|name| ca.leaf(name).dns(name).mint());
    let mut counts = Counts::new(engine.policy());
    assert!(counts.is_empty());
    for (path, certificate) in [
        ("/strict", Some(&good)),
        ("/strict", Some(&good)),
        ("/strict", Some(&other)),
        ("/strict", None),
        ("/trial", Some(&other)),
        ("/open", None),
        ("/nowhere", Some(&good)),
        ("/open%2f", None),
    ] {
        let situation = Situation::get(path);
        let situation = match certificate {
            Some(certificate) => situation.certificate(certificate),
            None => situation,
        };
        counts.request(&decide(&engine, &situation), Some(at(NOW)));
    }
    assert!(!counts.is_empty());
    let mut expected = BTreeMap::from(
        [
            ("decisions.outcome.permit.reason.verified.route.strict.end", 2),
            ("decisions.outcome.deny.reason.identity_not_allowed.route.strict.end", 1),
            ("decisions.outcome.deny.reason.no_certificate.route.strict.end", 1),
            ("decisions.outcome.shadow_deny.reason.identity_not_allowed.route.a.route.b.end", 1),
            ("decisions.outcome.permit.reason.anonymous.route.open.end", 1),
            ("decisions.outcome.deny.reason.no_route.route.(none).end", 2),
            ("client_certificates.remaining.more", 2),
        ]
        .map(|(name, count)| (name.to_owned(), count)),
    );
    assert_eq!(taken(&mut counts, &engine, usize::MAX), expected);
    assert!(counts.is_empty());
    assert_eq!(taken(&mut counts, &engine, usize::MAX), BTreeMap::new());

    // What was counted before begins anew; a stream is another family.
    counts.stream(&decide(&engine, &Situation::get("/strict")));
    expected = BTreeMap::from([(
        "stream_decisions.outcome.deny.reason.no_certificate.route.strict.end".to_owned(),
        1,
    )]);
    assert_eq!(taken(&mut counts, &engine, usize::MAX), expected);
}

#[test]
fn what_one_turn_leaves_the_next_one_takes() {
    let engine = engine();
    let mut counts = Counts::new(engine.policy());
    for path in ["/strict", "/trial", "/open", "/nowhere"] {
        counts.request(&decide(&engine, &Situation::get(path)), Some(at(NOW)));
    }
    let mut turns = 0;
    let mut sum = 0;
    while !counts.is_empty() {
        let turn: u32 = taken(&mut counts, &engine, 1).values().sum();
        assert_eq!(turn, 1);
        sum += turn;
        turns += 1;
    }
    assert_eq!((turns, sum), (4, 4));
}

#[test]
fn certificates_are_counted_by_the_time_they_have_left() {
    let engine = engine();
    let leaf = Ca::new("ca").leaf("good").dns("good.example").mint();
    let end = {
        let decision = decide(&engine, &Situation::get("/strict").certificate(&leaf));
        decision.identity().unwrap().validity().not_after
    };
    for (seconds, word) in
        [(-1, "expired"), (3600, "1d"), (86_401, "7d"), (8 * 86_400, "30d"), (31 * 86_400, "90d")]
    {
        let now = Some(end - time::Duration::seconds(seconds));
        let situation = Situation::get("/strict").certificate(&leaf);
        let decision = engine.decide(&situation, &NoEvidence, now).decided();
        let mut counts = Counts::new(engine.policy());
        counts.request(&decision, now);
        let name = format!("client_certificates.remaining.{word}");
        assert_eq!(taken(&mut counts, &engine, usize::MAX).get(&name), Some(&1), "{seconds}");
    }
    // Who is denied for something else shows nothing of the certificate, nor does who has none.
    for situation in [Situation::get("/nowhere").certificate(&leaf), Situation::get("/open")] {
        let mut counts = Counts::new(engine.policy());
        counts.request(&decide(&engine, &situation), Some(at(NOW)));
        assert!(taken(&mut counts, &engine, usize::MAX).keys().all(|name| name.starts_with("decisions.")));
    }
}

#[test]
fn the_second_request_of_a_certificate_finds_its_identity() {
    let engine = engine();
    let leaf = Ca::new("ca").leaf("good").dns("good.example").mint();
    for _ in 0..3 {
        decide(&engine, &Situation::get("/strict").certificate(&leaf));
    }
    let [(name, identities), (_, chains)] = engine.cache_use();
    assert_eq!((name, identities.take()), ("identity", [("hit", 2), ("miss", 1)]));
    assert_eq!(identities.take(), [("hit", 0), ("miss", 0)]);
    assert_eq!(chains.take(), [("hit", 0), ("miss", 0)]);
}
