//! Chains that are made to take long.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::time::{Duration, Instant};

use serde_json::json;

use super::{bundle, lax, policy, trusting};
use crate::common::{PKI, ask, at, service};
use crate::harness::mint::{Ca, Minted};
use crate::harness::{Client, Envoy, Setup};
use crate::load::Load;

const URL: &str = "https://pay.acme.example/ours";

/// CAs of one name that all issued each other, of which none leads anywhere: paths among them are many.
fn ring(count: usize) -> Vec<Ca> {
    let root = Ca::with_seed("Ring", "of nobody");
    (0..count).map(|number| root.below("Ring", &format!("ring {number}"), |_| {})).collect()
}

/// CAs that all say that the root made them.
fn pretenders(count: usize) -> Vec<Ca> {
    let thief = Ca::with_seed("Acme Root", "of a thief");
    (0..count).map(|number| thief.below("Pretender", &format!("pretender {number}"), |_| {})).collect()
}

fn bombs(envoy: &Envoy) -> Vec<(&'static str, Client, Minted)> {
    let (ring, pretenders) = (ring(15), pretenders(15));
    let of = |cas: &[Ca], name: &str| {
        let leaf = service(cas.last().unwrap(), name);
        let cas: Vec<&Ca> = cas.iter().collect();
        (envoy.client().presents_chain(&leaf, &cas), leaf)
    };
    let (in_ring, ring_leaf) = of(&ring, "ring");
    let (pretended, pretended_leaf) = of(&pretenders, "pretended");
    vec![("a ring", in_ring, ring_leaf), ("pretenders", pretended, pretended_leaf)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_bomb_is_untrusted_and_holds_up_nobody_else() {
    let policy = policy(&json!({ "ours": bundle(&[&PKI.ca]) }), &[trusting("ours", "ours")]);
    // One worker: whoever waits, waits for the bomb.
    let envoy = Envoy::start(Setup::new(&PKI).policy(policy).workers(1).listener(lax())).await;
    let good = envoy.client().presents(&service(&PKI.ca, "billing"));
    let load = Load::start(&good, URL, 4).await;
    load.go_on(20).await;
    for (what, client, _) in bombs(&envoy) {
        for _ in 0..10 {
            let begin = Instant::now();
            let asked = ask(&client, &at("/ours")).await;
            // No measurement: a bomb that goes off takes seconds.
            assert!(begin.elapsed() < Duration::from_secs(2), "{what} took {:?}", begin.elapsed());
            asked.assert_denied(&envoy, 403, "untrusted").await;
        }
    }
    load.go_on(20).await;
    load.end().await;
    envoy.assert_no_trap().await;
}
