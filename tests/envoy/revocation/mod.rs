//! Revocation on a real Envoy: lists and responders that change, fail and lie while clients ask.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

mod cases;
mod failures;
mod in_policy;
mod loading;
mod neighbours;
mod published;
mod reload;
mod renewal;
mod responder;
mod responses;
mod streams;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::common::{Asked, ask, policy, route, with};
use crate::harness::mint::Ca;
use crate::harness::mint::crl::Crl;
use crate::harness::{Client, Envoy, Version, get};

/// More than a new list or policy needs to be in force, on a slow machine too.
const LIMIT: Duration = Duration::from_secs(10);

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn hours(number: i64) -> time::Duration {
    time::Duration::hours(number)
}

/// A list of an hour ago that is good for a day.
pub(crate) fn fresh(ca: &Ca) -> Crl {
    ca.crl().this_update(now() - hours(1)).next_update(now() + hours(24))
}

/// A trust bundle of this CA.
pub(crate) fn bundle(ca: &Ca, members: Value) -> Value {
    with(json!({ "anchors_pem": [ca.pem()] }), members)
}

/// A source of lists at a path of the cluster `crl`, asked every second.
pub(crate) fn source(path: &str) -> Value {
    json!({ "cluster": "crl", "url": url(path), "refresh_seconds": 1, "timeout_ms": 1000 })
}

fn url(path: &str) -> String {
    format!("http://crl.acme.example{path}")
}

/// A route for everything below `/NAME` that lets in every certificate that is not revoked.
pub(crate) fn guarded(name: &str, revocation: Value) -> Value {
    with(route(name), json!({ "allow": "any_verified", "revocation": revocation }))
}

/// The same, by lists.
pub(crate) fn by_lists(name: &str) -> Value {
    guarded(name, json!({ "check": ["crl"] }))
}

/// A policy of these bundles and routes; it believes resumed sessions.
pub(crate) fn policy_of(bundles: Value, routes: &[Value]) -> Value {
    with(policy(Version::Older, routes), json!({ "trust_bundles": bundles }))
}

/// The VM that made a decision: the first part of the decision's id.
fn vm(record: &Value) -> String {
    record["id"].as_str().and_then(|id| id.split('-').next()).unwrap_or_default().to_owned()
}

/// Asks until a client is let in no more, by any worker. Requests that are under way when that changes are cut, and over HTTP/1.1
/// their connection with them; so it is this client alone that asks meanwhile.
async fn until_refused(client: &Client, url: &str) {
    let deadline = Instant::now() + LIMIT;
    let probe = client.clone().http2();
    while probe.try_send(get(url)).await.is_ok_and(|reply| reply.status == 200) {
        assert!(Instant::now() < deadline, "{url} is answered as before");
    }
    // The other workers take it a moment later.
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// Asks on new connections until each of so many workers answers with this status, and then some more.
async fn settle(envoy: &Envoy, client: &Client, url: &str, status: u16, workers: usize) {
    let deadline = Instant::now() + LIMIT;
    let mut vms = HashSet::new();
    loop {
        let asked = ask(client, url).await;
        if asked.reply.status == status {
            vms.insert(vm(&asked.record(envoy).await));
        } else {
            vms.clear();
        }
        if vms.len() >= workers {
            break;
        }
        assert!(Instant::now() < deadline, "{url} answers {status} on {vms:?} only, of {workers} workers");
    }
    for _ in 0..workers * 2 {
        let asked = ask(client, url).await;
        assert_eq!(asked.reply.status, status, "{}", asked.record(envoy).await);
    }
}

impl Asked {
    /// Asserts a denial because the certificate's status is unknown, for this reason.
    async fn assert_unknown(&self, envoy: &Envoy, why: &str) -> Value {
        let record = self.assert_denied(envoy, 403, "revocation_unknown").await;
        let said = (&record["revocation"]["status"], &record["revocation"]["why"]);
        assert_eq!(said, (&json!("unknown"), &json!(why)), "{record}");
        record
    }

    /// Asserts a denial because the certificate was revoked, as this method found out.
    async fn assert_revoked(&self, envoy: &Envoy, method: &str) -> Value {
        let record = self.assert_denied(envoy, 403, "revoked").await;
        let said = (&record["revocation"]["status"], &record["revocation"]["method"]);
        assert_eq!(said, (&json!("revoked"), &json!(method)), "{record}");
        record
    }

    /// Asserts a permit because a source calls the certificate good.
    async fn assert_good(&self, envoy: &Envoy, method: &str) -> Value {
        let record = self.assert_permitted(envoy, "SUCCESS").await;
        let said = (&record["revocation"]["status"], &record["revocation"]["method"]);
        assert_eq!(said, (&json!("good"), &json!(method)), "{record}");
        record
    }
}
