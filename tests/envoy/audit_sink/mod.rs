//! Audit records sent to a collector over OTLP/HTTP.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

mod collector;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::collector::{Collector, Log, PATH, assert_each_once};
use crate::common::{BILLING, PKI, WEB, at, ignored, policy, route, with};
use crate::harness::{Answer, Client, Envoy, Gate, Setup, Version, get};
use crate::load::Load;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PAYMENTS: &str = "https://pay.acme.example/payments";

/// A policy that sends to `collector`, with some members of `otlp` and of `audit`.
fn sending(otlp: Value, audit: Value) -> Value {
    let otlp = with(
        json!({ "cluster": "collector", "url": format!("http://collector.acme.example:4318{PATH}"), "max_delay_ms": 50 }),
        otlp,
    );
    let shadowed = with(route("shadowed"), json!({ "mode": "shadow" }));
    let policy = policy(Version::Current, &[route("payments"), shadowed, ignored("free")]);
    with(policy, json!({ "audit": with(json!({ "otlp": otlp }), audit) }))
}

fn setup(collector: &Collector, policy: &Value) -> Setup {
    Setup::new(&PKI).policy(policy).cluster("collector", collector.server.port())
}

async fn start(collector: &Collector, otlp: Value) -> Envoy {
    Envoy::start(setup(collector, &sending(otlp, json!({})))).await
}

/// `audit.NAME` of the filter.
fn metric(name: &str) -> String {
    format!("wasmcustom.mtls_policy.audit.{name}")
}

async fn dropped(envoy: &Envoy) -> HashMap<String, u64> {
    let begin = metric("records.dropped.reason.");
    let drops = envoy.stats(&begin).await;
    // A reason that has counted nothing is shown, too.
    let drops = drops.into_iter().filter(|(_, number)| *number > 0);
    drops.map(|(name, number)| (name.trim_start_matches(&begin).to_owned(), number)).collect()
}

/// Waits until nothing waits for the collector.
async fn wait_until_empty(envoy: &Envoy) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while envoy.stat(&metric("queue_depth")).await > 0 {
        assert!(Instant::now() < deadline, "records still wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends so many requests as fast as Envoy answers them, on connections to every worker; all get this status.
async fn ask_often(client: &Client, url: &'static str, number: usize, status: u16) {
    const CONNECTIONS: usize = 8;
    let mut connections = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = client.connect(url).await;
        connections.spawn(async move {
            for _ in 0..number / CONNECTIONS {
                assert_eq!(connection.get(url).await.status, status);
            }
        });
    }
    while let Some(done) = connections.join_next().await {
        done.expect("every request is answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_arrive_with_what_collectors_route_by() {
    let collector = Collector::start();
    let headers = json!({ "authorization": "Bearer abc", "x-tenant": "acme" });
    let envoy = start(&collector, json!({ "headers": headers })).await;
    let billing = envoy.client().presents(&BILLING);
    let mut traced = get(PAYMENTS);
    traced.headers_mut().insert("traceparent", TRACEPARENT.parse().unwrap());
    let permitted = billing.send(traced).await;
    let mut badly_traced = get(PAYMENTS);
    badly_traced.headers_mut().insert("traceparent", "00-\"-b7ad6b7169203331-01".parse().unwrap());
    let denied = envoy.client().presents(&WEB).send(badly_traced).await;
    let shadowed = envoy.client().presents(&WEB).get(&at("/shadowed")).await;
    assert_eq!((permitted.status, denied.status, shadowed.status), (200, 403, 200));

    let logs = collector.wait_for(3).await;
    assert_eq!(logs.len(), 3);
    assert_each_once(&logs);
    let said = |log: &Log| {
        let attribute = |name: &str| log.attributes.get(&format!("mtls_policy.{name}")).cloned();
        let of = ["decision", "reason", "route", "mode"].map(|name| attribute(name).unwrap_or_default());
        (of.join(" "), log.record.severity_number, log.record.severity_text.clone())
    };
    let mut all: Vec<_> = logs.iter().map(said).collect();
    all.sort();
    let expected = |said: &str, number, text: &str| (said.to_owned(), number, text.to_owned());
    assert_eq!(
        all,
        [
            expected("deny identity_not_allowed payments enforce", 13, "WARN"),
            expected("permit  payments enforce", 9, "INFO"),
            expected("shadow_deny identity_not_allowed shadowed shadow", 13, "WARN"),
        ]
    );
    for log in &logs {
        // What arrives is what the log has, nothing more and nothing less.
        let id = log.audit["id"].as_str().unwrap();
        assert_eq!(envoy.wait_for_record(|record| record["id"] == id).await, log.audit);
        assert_eq!(log.attributes["mtls_policy.id"], id);
        assert_eq!(log.resource["service.name"], "mtls-policy");
        assert_eq!(log.resource["service.instance.id"], log.number().0);
        assert_eq!(log.resource["mtls_policy.policy"], log.audit["policy"].as_str().unwrap());
        assert_eq!(log.record.event_name, "mtls_policy.decision");
        assert_eq!(log.record.time_unix_nano, log.record.observed_time_unix_nano);
        let trace = (log.record.trace_id.as_deref(), log.record.span_id.as_deref(), log.record.flags);
        if log.audit["decision"] == "permit" {
            assert_eq!(trace, (Some("0af7651916cd43dd8448eb211c80319c"), Some("b7ad6b7169203331"), Some(1)));
        } else {
            assert_eq!(trace, (None, None, None));
        }
    }
    for request in collector.requests() {
        assert_eq!(request.method, "POST");
        assert_eq!(request.header("host"), Some("collector.acme.example:4318"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("authorization"), Some("Bearer abc"));
        assert_eq!(request.header("x-tenant"), Some("acme"));
    }
    envoy.wait_for_stat(&metric("records.sent"), |sent| sent == 3).await;
    wait_until_empty(&envoy).await;
    assert_eq!(dropped(&envoy).await, HashMap::new());
    assert_eq!(envoy.stat(&metric("send_failures")).await, 0);
    assert!(!envoy.log().contains("Bearer abc"));
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collector_refuses_is_dropped_and_counted_and_what_it_wants_later_comes_later_and_once() {
    let collector = Collector::start();
    let envoy = start(&collector, json!({})).await;
    let client = envoy.client();
    collector.answer(Answer::status(400));
    assert_eq!(client.get(PAYMENTS).await.status, 403);
    envoy.wait_for_stat(&metric("records.dropped.reason.rejected"), |number| number == 1).await;
    envoy.wait_for_log("answered with status 400").await;

    collector
        .take_and(|| Answer::body(r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"old"}}"#));
    assert_eq!(client.get(PAYMENTS).await.status, 403);
    envoy.wait_for_stat(&metric("records.dropped.reason.rejected"), |number| number == 2).await;
    assert_eq!(envoy.stat(&metric("records.sent")).await, 0);
    let known = collector.wait_for(1).await.len();

    let asked = collector.server.requests(PATH).len();
    collector.answer(Answer::status(503).header("retry-after", "2"));
    let began = Instant::now();
    assert_eq!(client.get(PAYMENTS).await.status, 403);
    envoy.wait_for_stat(&metric("send_failures"), |number| number == 2).await;
    collector.take();
    let logs = collector.wait_for(known + 1).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(collector.server.requests(PATH).len(), asked + 2);
    envoy.wait_for_stat(&metric("records.sent"), |sent| sent == 1).await;
    wait_until_empty(&envoy).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(collector.logs().len(), known + 1);
    assert_each_once(&logs);
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_or_cuts_connections_gets_the_records_when_it_is_back() {
    let collector = Collector::start();
    let envoy = start(&collector, json!({ "timeout_ms": 300 })).await;
    collector.answer(Answer::hung());
    assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    envoy.wait_for_stat(&metric("send_failures"), |number| number >= 1).await;
    collector.answer(Answer::reset());
    assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    envoy.wait_for_stat(&metric("send_failures"), |number| number >= 3).await;
    assert_eq!(envoy.stat(&metric("queue_depth")).await, 2);
    collector.take();
    let logs = collector.wait_for(2).await;
    wait_until_empty(&envoy).await;
    assert_each_once(&logs);
    assert_eq!(envoy.stat(&metric("records.sent")).await, 2);
    assert_eq!(dropped(&envoy).await, HashMap::new());
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_dies_gets_the_records_when_another_takes_its_place() {
    let collector = Collector::start();
    let port = collector.server.port();
    let envoy = start(&collector, json!({})).await;
    assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    collector.wait_for(1).await;
    drop(collector);
    for _ in 0..5 {
        assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    }
    envoy.wait_for_stat(&metric("send_failures"), |number| number >= 2).await;
    let collector = Collector::start_on(port);
    assert_each_once(&collector.wait_for(5).await);
    wait_until_empty(&envoy).await;
    envoy.wait_for_stat(&metric("records.sent"), |sent| sent == 6).await;
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_ten_thousand_denials_arrives() {
    let collector = Collector::start();
    // A queue that holds whatever a slow machine leaves in it.
    let policy = sending(json!({ "max_queue_records": 20_000 }), json!({ "envoy_log": "none" }));
    let envoy = Envoy::start(setup(&collector, &policy).log_level("error")).await;
    ask_often(&envoy.client().http2(), PAYMENTS, 10_000, 403).await;
    let logs = collector.wait_for(10_000).await;
    wait_until_empty(&envoy).await;
    assert_eq!(logs.len(), 10_000);
    assert_each_once(&logs);
    assert_eq!(gaps(&logs), 0);
    envoy.wait_for_stat(&metric("records.sent"), |sent| sent == 10_000).await;
    assert_eq!(dropped(&envoy).await, HashMap::new());
    let requests = collector.requests().len();
    assert!(requests < 2_000, "{requests} requests are no batches");
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_small_queue_does_not_hold_is_counted_and_missing_in_the_numbers() {
    const QUEUE: u64 = 100;
    let collector = Collector::start();
    collector.answer(Answer::status(503));
    let otlp = json!({ "max_queue_records": QUEUE, "max_batch_records": 30 });
    let policy = sending(otlp, json!({ "envoy_log": "none" }));
    let envoy = Envoy::start(setup(&collector, &policy).log_level("error").workers(2)).await;
    ask_often(&envoy.client().http2(), PAYMENTS, 10_000, 403).await;
    let depth = envoy.wait_for_stat(&metric("queue_depth"), |depth| depth >= QUEUE).await;
    assert!(depth == QUEUE || depth == 2 * QUEUE, "{depth}");
    let full = envoy
        .wait_for_stat(&metric("records.dropped.reason.queue_full"), |full| full + depth == 10_000)
        .await;
    collector.take();
    let arrived = collector.wait_for(usize::try_from(depth).unwrap()).await;
    wait_until_empty(&envoy).await;
    assert_eq!(envoy.stat(&metric("records.sent")).await, depth);
    assert_each_once(&arrived);
    // One more of each worker, so that what is missing at the end shows too.
    let workers = usize::try_from(depth / QUEUE).unwrap();
    for _ in 0..64 {
        assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    }
    let logs = collector.wait_for(arrived.len() + 64).await;
    assert!(logs.iter().map(|log| log.number().0).collect::<std::collections::HashSet<_>>().len() >= workers);
    assert_eq!(gaps(&logs), full);
    assert_eq!(dropped(&envoy).await, HashMap::from([("queue_full".to_owned(), full)]));
    envoy.assert_no_trap().await;
}

/// How many numbers are missing below the highest of each VM.
fn gaps(logs: &[Log]) -> u64 {
    let mut highest: HashMap<String, (u64, u64)> = HashMap::new();
    for (vm, number) in logs.iter().map(Log::number) {
        let (high, count) = highest.entry(vm).or_default();
        *high = number.max(*high);
        *count += 1;
    }
    highest.values().map(|(high, count)| high + 1 - count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_passes_unrecorded_where_the_policy_says_so() {
    let collector = Collector::start();
    collector.answer(Answer::status(503));
    let otlp = json!({ "max_queue_records": 3, "max_batch_records": 3 });
    let policy = sending(otlp, json!({ "on_overflow": "deny" }));
    let envoy = Envoy::start(setup(&collector, &policy).workers(1)).await;
    let billing = envoy.client().presents(&BILLING);
    for _ in 0..3 {
        assert_eq!(billing.get(PAYMENTS).await.status, 200);
    }
    for path in ["/payments", "/shadowed", "/free"] {
        let denied = billing.get(&at(path)).await;
        assert_eq!(denied.status, 503, "{path}: {denied:?}");
        let record = envoy.record_of(&denied).await;
        assert_eq!(record["reason"], "audit_unavailable");
        assert_eq!((&record["decision"], &record["mode"]), (&json!("deny"), &json!("enforce")));
        envoy.wait_for_access(|line| line["mtls_reason"] == "audit_unavailable").await;
    }
    // Who is denied anyway is told why.
    assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    envoy.wait_for_stat(&metric("records.dropped.reason.queue_full"), |full| full == 4).await;
    collector.take();
    collector.wait_for(3).await;
    wait_until_empty(&envoy).await;
    assert_eq!(billing.get(PAYMENTS).await.status, 200);
    let logs = collector.wait_for(4).await;
    assert_each_once(&logs);
    assert_eq!(gaps(&logs), 4);
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_lets_requests_pass_where_the_policy_does_not_say_otherwise() {
    let collector = Collector::start();
    collector.answer(Answer::status(503));
    let envoy = start(&collector, json!({ "max_queue_records": 1, "max_batch_records": 1 })).await;
    for _ in 0..8 {
        assert_eq!(envoy.client().presents(&BILLING).get(PAYMENTS).await.status, 200);
    }
    envoy.wait_for_stat(&metric("records.dropped.reason.queue_full"), |full| full >= 6).await;
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_takes_the_place_of_another_under_load_loses_no_record() {
    let collector = Collector::start();
    // Slow enough that there is always something under way.
    collector.take_and(|| Answer::body("{}").after(Duration::from_millis(30)));
    let policies = [2_000, 2_001, 2_002]
        .map(|queue| sending(json!({ "max_queue_records": queue, "max_batch_records": 16 }), json!({})));
    let mut envoy = Envoy::start(setup(&collector, &policies[0]).discovered()).await;
    let load = Load::start(&envoy.client().presents(&BILLING), PAYMENTS, 8).await;
    for (number, policy) in [&policies[1], &policies[2], &policies[0], &policies[1]].into_iter().enumerate() {
        load.go_on(20).await;
        envoy.replace_policy(policy);
        envoy.wait_for_policy_updates(2 + number as u64).await;
    }
    load.go_on(20).await;
    let requests = load.end().await;
    let logs = collector.wait_for(requests).await;
    wait_until_empty(&envoy).await;
    assert_eq!(collector.logs().len(), requests);
    assert_each_once(&logs);
    assert_eq!(gaps(&logs), 0);
    assert_eq!(envoy.stat(&metric("records.sent")).await, requests as u64);
    assert_eq!(dropped(&envoy).await, HashMap::new());
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_of_the_same_collector_goes_on_with_what_it_has_not_taken_yet() {
    let collector = Collector::start();
    collector.answer(Answer::status(503));
    let policies =
        [7, 8].map(|queue| sending(json!({ "max_queue_records": queue, "max_batch_records": 2 }), json!({})));
    let mut envoy = Envoy::start(setup(&collector, &policies[0]).discovered().workers(1)).await;
    for _ in 0..6 {
        assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    }
    envoy.replace_policy(&policies[1]);
    envoy.wait_for_policy_updates(2).await;
    // Longer than an end is put off.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(envoy.stat(&metric("queue_depth")).await, 6);
    collector.take();
    assert_each_once(&collector.wait_for(6).await);
    wait_until_empty(&envoy).await;
    assert_eq!(dropped(&envoy).await, HashMap::new());
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_without_a_collector_waits_until_the_last_records_are_there_but_not_for_ever() {
    let collector = Collector::start();
    let gate = Gate::closed();
    let held = gate.clone();
    collector.take_and(move || Answer::body("{}").behind(&held));
    let without = policy(Version::Current, &[route("payments")]);
    // No call is given up while the collector takes its time.
    let otlp = json!({ "max_batch_records": 2, "max_delay_ms": 60_000, "timeout_ms": 60_000 });
    let sending = sending(otlp, json!({}));
    let mut envoy = Envoy::start(setup(&collector, &sending).discovered().workers(1)).await;
    for _ in 0..13 {
        assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    }
    envoy.replace_policy(&without);
    envoy.wait_for_policy_updates(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.open();
    assert_each_once(&collector.wait_for(13).await);
    wait_until_empty(&envoy).await;
    assert_eq!(envoy.stat(&metric("records.sent")).await, 13);

    collector.answer(Answer::status(503));
    envoy.replace_policy(&sending);
    envoy.wait_for_policy_updates(3).await;
    for _ in 0..5 {
        assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    }
    envoy.replace_policy(&without);
    envoy.wait_for_policy_updates(4).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while dropped(&envoy).await.get("shutdown") != Some(&5) {
        assert!(Instant::now() < deadline, "{:?}", dropped(&envoy).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(envoy.stat(&metric("queue_depth")).await, 0);
    envoy.assert_no_trap().await;
}

/// An Envoy with five records that wait for so long for a batch to fill.
async fn with_five_records(collector: &Collector, max_delay_ms: u32) -> Envoy {
    let envoy = start(collector, json!({ "max_delay_ms": max_delay_ms })).await;
    for _ in 0..5 {
        assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
    }
    envoy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_records_are_delivered_while_listeners_drain() {
    let collector = Collector::start();
    let envoy = with_five_records(&collector, 2_000).await;
    envoy.order("/drain_listeners").await;
    assert_each_once(&collector.wait_for(5).await);
    wait_until_empty(&envoy).await;
    assert_eq!(dropped(&envoy).await, HashMap::new());
    envoy.assert_no_trap().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_that_ends_at_once_loses_what_waits() {
    let collector = Collector::start();
    let mut envoy = with_five_records(&collector, 60_000).await;
    envoy.order("/quitquitquit").await;
    envoy.wait_for_end().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(collector.logs().len(), 0);
}
