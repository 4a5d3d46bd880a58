//! Answers of OCSP responders that end while their certificate is in use, and those that come after them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{bundle, guarded, now, policy_of, settle};
use crate::common::{BILLING, PKI, ask, at};
use crate::harness::mint::ocsp::OcspAnswer;
use crate::harness::{Answer, Envoy, Gate, Kind, Listener, Server, Setup, Version};

/// How long an answer is good for, as it says itself.
const GOOD_FOR: Duration = Duration::from_secs(8);

const WORKERS: u32 = 3;

fn answer(change: impl Fn(OcspAnswer) -> OcspAnswer + Send + Sync + 'static) -> Answer {
    Answer::made(move |_| {
        let then: OffsetDateTime = now();
        let answer = change(PKI.ca.good(&BILLING, then).next_update(then + GOOD_FOR));
        Answer::body(PKI.ca.ocsp(then).answer(&answer).der())
    })
}

fn good() -> Answer {
    answer(|good| good)
}

fn policy() -> Value {
    let url = "http://ocsp.acme.example/responder";
    let ocsp = json!({ "cluster": "ocsp", "url": url, "timeout_ms": 30_000 });
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "ocsp": ocsp })) });
    policy_of(bundles, &[guarded("ocsp", json!({ "check": ["ocsp"] }))])
}

#[tokio::test]
async fn an_answer_is_renewed_before_it_ends_and_no_request_waits_for_that() {
    let (server, gate) = (Server::start(), Gate::closed());
    server.answer("/responder", good());
    let setup = Setup::new(&PKI).workers(1).policy(policy()).cluster("ocsp", server.port());
    let envoy = Envoy::start(setup).await;
    let client = envoy.client().presents(&BILLING);

    ask(&client, &at("/ocsp")).await.assert_good(&envoy, "ocsp").await;
    let begun = Instant::now();
    server.answer("/responder", good().behind(&gate));
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

#[tokio::test]
async fn a_certificate_that_a_responder_calls_revoked_now_is_refused_on_every_worker_and_its_streams_are_cut()
{
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        server.answer("*", Answer::streamed());
        server.answer("/responder", good());
        let setup = Setup::new(&PKI).version(version).workers(WORKERS).policy(policy());
        let setup = setup.cluster("ocsp", server.port()).cluster("streams", server.port());
        let envoy =
            Envoy::start(setup.listener(Listener::tls("https").streams("/ocsp/stream", "streams"))).await;
        let client = envoy.client().presents(&BILLING);
        settle(&envoy, &client, &at("/ocsp"), 200, WORKERS as usize).await;
        let mut streams = Vec::new();
        for number in 0..WORKERS * 2 {
            let live = client.open(Kind::Download, &at(&format!("/ocsp/stream/{number}"))).await;
            let mut live = live.unwrap_or_else(|reply| panic!("{reply:?}"));
            live.flows().await.unwrap();
            streams.push(live);
        }

        server.answer("/responder", answer(|good| good.revoked(now())));
        for live in &mut streams {
            let end = live.end(GOOD_FOR * 2).await;
            assert!(end.broken.is_some(), "{end:?}");
        }
        settle(&envoy, &client, &at("/ocsp"), 403, WORKERS as usize).await;
        ask(&client, &at("/ocsp")).await.assert_revoked(&envoy, "ocsp").await;
        let is_cut = |record: &Value| record["phase"] == "stream" && record["reason"] == "revoked";
        envoy.wait_for_record(is_cut).await;
        envoy.assert_no_trap().await;
    }
}
