//! Policies that replace each other while Envoy serves (ECDS).
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::harness::mint::Minted;
use crate::harness::{Client, Envoy, Pki, Setup};
use crate::load::Load;
use mtls_policy::policy::Policy;
use serde_json::{Value, json};

const COMMON: &str = "https://pay.acme.example/common";
const CHANGING: &str = "https://pay.acme.example/changing";
const WORKERS: usize = 2;
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Lets any verified client use `/common`, and this one `/changing`.
fn policy_that_allows(spiffe_id: &str) -> Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "routes": [
            {
                "name": "changing",
                "match": { "path": "/changing" },
                "client_certificate": "required",
                "allow": { "spiffe_id": spiffe_id },
            },
            {
                "name": "common",
                "match": { "path": "/common" },
                "client_certificate": "required",
                "allow": "any_verified",
            },
        ],
    })
}

fn digest(policy: &Value) -> String {
    Policy::from_json(policy.to_string().as_bytes()).unwrap().digest().to_string()
}

/// Waits until every worker has decided by this policy, for connections new and old, and asserts that none decides by
/// another any more.
async fn assert_in_force_on_every_worker(envoy: &Envoy, load: &Load, policy: &str, asked: &Client) {
    let deadline = Instant::now() + WAIT_LIMIT;
    let known = envoy.audit_records().len();
    loop {
        asked.get(COMMON).await;
        let new = envoy.audit_records();
        let by_it = new.iter().skip(known).filter(|record| record["policy"] == policy);
        // The first part of an id is the VM's.
        let vms: HashSet<&str> =
            by_it.filter_map(|record| record["id"].as_str()?.split('-').next()).collect();
        if vms.len() >= WORKERS {
            break;
        }
        assert!(Instant::now() < deadline, "the policy {policy} is in force in {vms:?} only");
    }
    let known = envoy.audit_records().len();
    load.go_on(10).await;
    // What was under way at first is recorded before what came after it.
    envoy.wait_for_new_record(known + 1).await;
    let later = envoy.audit_records().split_off(known);
    assert!(later.iter().all(|record| record["policy"] == policy), "{later:#?}");
}

fn client(pki: &Pki, name: &str) -> (Minted, Value) {
    let id = format!("spiffe://acme.example/{name}");
    (pki.ca.leaf(name).spiffe(&id).mint(), policy_that_allows(&id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_replaced_under_load_without_a_failed_request_and_a_bad_one_is_refused() {
    let pki = Pki::new();
    let (billing, for_billing) = client(&pki, "billing");
    let (web, for_web) = client(&pki, "web");
    let setup = Setup::new(&pki).policy(&for_billing).discovered().workers(WORKERS as u32);
    let mut envoy = Envoy::start(setup).await;
    let (billing, web) = (envoy.client().presents(&billing), envoy.client().presents(&web));
    let load = Load::start(&billing, COMMON, 8).await;
    assert_in_force_on_every_worker(&envoy, &load, &digest(&for_billing), &billing).await;
    assert_eq!(billing.get(CHANGING).await.status, 200);
    assert_eq!(web.get(CHANGING).await.status, 403);

    envoy.replace_policy(&for_web);
    envoy.wait_for_policy_updates(2).await;
    assert_in_force_on_every_worker(&envoy, &load, &digest(&for_web), &billing).await;
    for _ in 0..8 {
        assert_eq!(billing.get(CHANGING).await.status, 403);
        assert_eq!(web.get(CHANGING).await.status, 200);
    }

    let mut bad = for_billing.clone();
    bad["routes"][0]["alow"] = json!("any_verified");
    envoy.replace_policy(&bad);
    envoy.wait_for_policy_refusals(1).await;
    envoy.wait_for_log("did you mean `allow`?").await;
    let rejected = envoy.stats("mtls_policy.update_rejected").await;
    assert_eq!(rejected.values().copied().collect::<Vec<_>>(), [1], "{rejected:?}");
    assert_in_force_on_every_worker(&envoy, &load, &digest(&for_web), &billing).await;
    assert_eq!(billing.get(CHANGING).await.status, 403);
    assert_eq!(web.get(CHANGING).await.status, 200);

    // What was refused does not stand in the way of the next.
    envoy.replace_policy(&for_billing);
    envoy.wait_for_policy_updates(3).await;
    assert_in_force_on_every_worker(&envoy, &load, &digest(&for_billing), &billing).await;
    assert_eq!(billing.get(CHANGING).await.status, 200);
    assert_eq!(web.get(CHANGING).await.status, 403);

    let requests = load.end().await;
    assert!(requests >= 300, "{requests} requests are no load");
    envoy.assert_no_trap().await;
}
