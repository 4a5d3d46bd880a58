//! Answers of OCSP responders that end while their certificate is in use.

use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;

use super::{bundle, guarded, now, policy_of};
use crate::common::{BILLING, PKI, ask, at};
use crate::harness::{Answer, Envoy, Gate, Server, Setup};

/// How long an answer is good for, as it says itself.
const GOOD_FOR: Duration = Duration::from_secs(8);

fn good() -> Answer {
    Answer::made(|_| {
        let then: OffsetDateTime = now();
        let answer = PKI.ca.good(&BILLING, then).next_update(then + GOOD_FOR);
        Answer::body(PKI.ca.ocsp(then).answer(&answer).der())
    })
}

#[tokio::test]
async fn an_answer_is_renewed_before_it_ends_and_no_request_waits_for_that() {
    let (server, gate) = (Server::start(), Gate::closed());
    server.answer("*", good());
    let ocsp = json!({ "cluster": "ocsp", "url": "http://ocsp.acme.example/", "timeout_ms": 30_000 });
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "ocsp": ocsp })) });
    let policy = policy_of(bundles, &[guarded("ocsp", json!({ "check": ["ocsp"] }))]);
    let envoy = Envoy::start(Setup::new(&PKI).workers(1).policy(policy).cluster("ocsp", server.port())).await;
    let client = envoy.client().presents(&BILLING);

    ask(&client, &at("/ocsp")).await.assert_good(&envoy, "ocsp").await;
    let begun = Instant::now();
    server.answer("*", good().behind(&gate));
    // The responder is asked again, and does not answer: meanwhile the old answer still holds.
    while server.count() < 2 {
        ask(&client, &at("/ocsp")).await.assert_good(&envoy, "ocsp").await;
        assert!(begun.elapsed() < GOOD_FOR, "the answer has ended, and nobody asks for another");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ask(&client, &at("/ocsp")).await.assert_good(&envoy, "ocsp").await;
    gate.open();
    // The first answer has ended; it was the second that let these in.
    while begun.elapsed() < GOOD_FOR + Duration::from_secs(1) {
        ask(&client, &at("/ocsp")).await.assert_good(&envoy, "ocsp").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(server.count(), 2);
    envoy.assert_no_trap().await;
}
