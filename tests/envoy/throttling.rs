//! Clients who are denied again and again get 429, counted over all workers; nobody else does.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::time::{Duration, Instant};

use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::chains::{bundle, policy as verifying, setup as lax, trusting};
use crate::common::{BILLING, PKI, WEB, ask, ask_for, at, policy, route, service, unique, with};
use crate::harness::{Client, Envoy, Listener, Setup, Version};

/// The most denials that tests let a client have.
const DENIALS: u16 = 4;

fn throttled(policy: Value, denials: u16, window_seconds: u32) -> Value {
    with(policy, json!({ "throttle": { "denials": denials, "window_seconds": window_seconds } }))
}

/// A route for `billing` and one for anybody, on this many workers, with a window that no test sees the end of.
fn setup(version: Version, workers: u32) -> Setup {
    let open = with(route("open"), json!({ "allow": "any_verified" }));
    let policy = throttled(policy(version, &[route("pay"), open]), DENIALS, 3600);
    Setup::new(&PKI).version(version).workers(workers).policy(policy)
}

/// Has a client denied as often as it may be, on a new connection each time, and once more.
async fn exhaust(envoy: &Envoy, client: &Client, path: &str, reason: &str) {
    for _ in 0..DENIALS {
        ask(client, &at(path)).await.assert_denied(envoy, 403, reason).await;
    }
    assert_throttled(envoy, client, path).await;
}

/// Asserts that a client is told to wait. Returns for how many seconds.
async fn assert_throttled(envoy: &Envoy, client: &Client, path: &str) -> u32 {
    let asked = ask(client, &at(path)).await;
    let record = asked.assert_denied(envoy, 429, "throttled").await;
    assert!(
        record["detail"].as_str().is_some_and(|detail| detail.contains(" times on this route")),
        "{record}"
    );
    let seconds = asked.reply.header("retry-after").and_then(|seconds| seconds.parse().ok());
    seconds.unwrap_or_else(|| panic!("{asked:?}"))
}

async fn counted_over_all_workers(version: Version, workers: u32) {
    let envoy = Envoy::start(setup(version, workers)).await;
    let [billing, web] = [&BILLING, &WEB].map(|certificate| envoy.client().presents(certificate));
    exhaust(&envoy, &web, "/pay", "identity_not_allowed").await;
    for client in [&web, &web.clone().http2(), &web.clone().tls12()] {
        // As many connections as there are workers, and more.
        for _ in 0..2 * workers {
            assert!((1..=3600).contains(&assert_throttled(&envoy, client, "/pay").await));
        }
    }
    // Where it is allowed it goes on, and so does everybody else.
    ask(&web, &at("/open")).await.assert_permitted(&envoy, "SUCCESS").await;
    ask(&billing, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
    let third = envoy.client().presents(&service(&PKI.ca, "third"));
    ask(&third, &at("/pay")).await.assert_denied(&envoy, 403, "identity_not_allowed").await;
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_client_is_throttled_after_so_many_denials_on_one_worker() {
    counted_over_all_workers(Version::Current, 1).await;
}

#[tokio::test]
async fn a_client_gets_no_more_denials_by_going_from_worker_to_worker() {
    counted_over_all_workers(Version::Current, 4).await;
}

#[tokio::test]
async fn on_the_older_envoy_it_is_the_same() {
    counted_over_all_workers(Version::Older, 4).await;
}

#[tokio::test]
async fn many_at_once_get_no_more_denials_either() {
    let envoy = Envoy::start(setup(Version::Current, 4)).await;
    let web = envoy.client().presents(&WEB);
    let tries = (0..40).map(|_| {
        let client = web.clone();
        tokio::spawn(async move { client.send(unique(Method::GET, &at("/pay"))).await.status })
    });
    let mut statuses = Vec::new();
    for tried in tries.collect::<Vec<_>>() {
        statuses.push(tried.await.unwrap());
    }
    let denied = statuses.iter().filter(|status| **status == 403).count();
    assert!(statuses.iter().all(|status| [403, 429].contains(status)), "{statuses:?}");
    // What could not be told to the others in three tries is counted on one worker alone.
    assert!((usize::from(DENIALS)..=usize::from(DENIALS) + 4).contains(&denied), "{statuses:?}");
    assert_throttled(&envoy, &web, "/pay").await;
}

#[tokio::test]
async fn without_a_certificate_the_address_of_the_connection_counts_whatever_headers_say() {
    let listener = Listener::tls("https").believe_forwarded_for();
    let envoy = Envoy::start(setup(Version::Current, 2).listener(listener)).await;
    let anonymous = envoy.client();
    let claiming = |address: &str| {
        let mut request = unique(Method::GET, &at("/pay"));
        request.headers_mut().insert("x-forwarded-for", HeaderValue::from_str(address).unwrap());
        request
    };
    for number in 0..DENIALS {
        let asked = ask_for(&anonymous, claiming(&format!("192.0.2.{number}"))).await;
        asked.assert_denied(&envoy, 403, "no_certificate").await;
    }
    ask_for(&anonymous, claiming("192.0.2.99")).await.assert_denied(&envoy, 429, "throttled").await;
    assert_throttled(&envoy, &anonymous, "/pay").await;
    // From the same address, with a certificate.
    let [billing, web] = [&BILLING, &WEB].map(|certificate| envoy.client().presents(certificate));
    ask(&billing, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
    ask_for(&billing, claiming("127.0.0.1")).await.assert_permitted(&envoy, "SUCCESS").await;
    ask(&web, &at("/pay")).await.assert_denied(&envoy, 403, "identity_not_allowed").await;
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn when_the_window_is_over_a_client_is_judged_again() {
    const WINDOW: Duration = Duration::from_secs(2);
    let policy = throttled(policy(Version::Current, &[route("pay")]), 1, 2);
    let envoy = Envoy::start(Setup::new(&PKI).workers(4).policy(policy)).await;
    let web = envoy.client().presents(&WEB);
    let mut windows = 0;
    let began = Instant::now();
    while windows < 3 {
        let first = Instant::now();
        ask(&web, &at("/pay")).await.assert_denied(&envoy, 403, "identity_not_allowed").await;
        let second = ask(&web, &at("/pay")).await;
        let is_slow = first.elapsed() >= WINDOW;
        assert!(second.reply.status == 429 || is_slow && second.reply.status == 403, "{second:?}");
        if second.reply.status == 429 {
            let seconds = second.reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=2).contains(&seconds), "{second:?}");
            // Trying on the while makes it no longer.
            tokio::time::sleep(WINDOW / 4).await;
            ask(&web, &at("/pay")).await;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            windows += 1;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{windows} windows");
    }
}

#[tokio::test]
async fn a_policy_that_allows_a_client_lets_it_in_at_once() {
    let of = |id: &str| {
        let policy = policy(Version::Current, &[route("pay")]);
        let identities =
            json!({ "billing": { "spiffe_id": format!("spiffe://acme.example/ns/prod/sa/{id}") } });
        throttled(with(policy, json!({ "identities": identities })), DENIALS, 3600)
    };
    let mut envoy = Envoy::start(Setup::new(&PKI).workers(4).policy(of("billing")).discovered()).await;
    let [billing, web] = [&BILLING, &WEB].map(|certificate| envoy.client().presents(certificate));
    exhaust(&envoy, &web, "/pay", "identity_not_allowed").await;
    envoy.replace_policy(of("web"));
    envoy.wait_for_policy_updates(2).await;
    for _ in 0..8 {
        ask(&web, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
    }
    exhaust(&envoy, &billing, "/pay", "identity_not_allowed").await;
    // What was counted by the first policy still holds for it.
    envoy.replace_policy(of("billing"));
    envoy.wait_for_policy_updates(3).await;
    for _ in 0..8 {
        ask(&billing, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
        assert_throttled(&envoy, &web, "/pay").await;
    }
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn certificates_that_anybody_mints_free_nobody_and_are_throttled_each() {
    let bundles = json!({ "ours": bundle(&[&PKI.ca]) });
    let ours = with(trusting("ours", "ours"), json!({ "deny": { "dns": "web.acme.example" } }));
    let policy = throttled(verifying(&bundles, &[ours]), DENIALS, 3600);
    let envoy = Envoy::start(lax(Version::Current, policy).workers(4)).await;
    let [billing, web] = [&BILLING, &WEB].map(|certificate| envoy.client().presents(certificate));
    exhaust(&envoy, &web, "/ours", "identity_denied").await;
    let copy = envoy.client().presents(&service(&PKI.stranger, "billing"));
    exhaust(&envoy, &copy, "/ours", "untrusted").await;
    for number in 0..100 {
        let minted = service(&PKI.stranger, &format!("stranger-{number}"));
        let reply = envoy.client().presents(&minted).send(unique(Method::GET, &at("/ours"))).await;
        assert_eq!(reply.status, 403, "{number}");
    }
    assert_throttled(&envoy, &web, "/ours").await;
    assert_throttled(&envoy, &copy, "/ours").await;
    ask(&billing, &at("/ours")).await.assert_permitted(&envoy, "SUCCESS").await;
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn grpc_callers_are_told_that_something_is_exhausted() {
    let envoy = Envoy::start(setup(Version::Current, 1)).await;
    let web = envoy.client().presents(&WEB).http2();
    exhaust(&envoy, &web, "/pay", "identity_not_allowed").await;
    let mut request = unique(Method::POST, &at("/pay"));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let asked = ask_for(&web, request).await;
    assert_eq!((asked.reply.status, asked.reply.grpc_status()), (200, Some("8")), "{asked:?}");
    asked.assert_recorded_denial(&envoy, "throttled").await;
}
