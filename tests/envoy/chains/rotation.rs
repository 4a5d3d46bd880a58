//! Anchors that replace each other while clients ask.

use std::time::Duration;

use serde_json::json;

use super::{bundle, lax, policy, trusting};
use crate::common::{PKI, ask, at, service};
use crate::harness::mint::Ca;
use crate::harness::{Client, Envoy, Setup};
use crate::load::Load;

const URL: &str = "https://pay.acme.example/ours";
const WORKERS: u32 = 2;

/// Asks until every answer of a while is the one that is expected: workers take a policy one after the other.
async fn settle(client: &Client, expected: u16) {
    let mut alike = 0;
    for _ in 0..400 {
        alike = if ask(client, &at("/ours")).await.reply.status == expected { alike + 1 } else { 0 };
        if alike == 12 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{expected} does not become the answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_anchor_comes_and_the_old_one_goes_without_a_failed_request_of_who_stays_trusted() {
    let of = |anchors: &[&Ca]| policy(&json!({ "ours": bundle(anchors) }), &[trusting("ours", "ours")]);
    // The new root has the old one's name and another key.
    let new_root = Ca::with_seed("Acme Root", "the new key");
    let (old, new) = (service(&PKI.ca, "billing"), service(&new_root, "billing"));
    let setup = Setup::new(&PKI).policy(of(&[&PKI.ca])).discovered().workers(WORKERS);
    let mut envoy = Envoy::start(setup.listener(lax())).await;
    let (old, new) = (envoy.client().presents(&old), envoy.client().presents(&new));
    settle(&new, 403).await;
    let load = Load::start(&old, URL, 6).await;
    load.go_on(20).await;

    envoy.replace_policy(of(&[&PKI.ca, &new_root]));
    envoy.wait_for_policy_updates(2).await;
    settle(&new, 200).await;
    load.go_on(20).await;
    // Who comes with an old certificate is served to the last, and on every connection.
    assert!(load.end().await >= 240);

    let load = Load::start(&new, URL, 6).await;
    envoy.replace_policy(of(&[&new_root]));
    envoy.wait_for_policy_updates(3).await;
    settle(&old, 403).await;
    load.go_on(20).await;
    assert!(load.end().await >= 120);
    ask(&old, &at("/ours")).await.assert_denied(&envoy, 403, "untrusted").await;
    envoy.assert_no_trap().await;
}
