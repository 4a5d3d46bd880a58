//! Chains that end before the certificate of the client does.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::{bundle, lax, policy, trusting};
use crate::common::{PKI, ask_on, at, service};
use crate::harness::{Answer, Envoy, Kind, Server, Setup};

#[tokio::test]
async fn a_chain_ends_with_its_intermediate_on_open_connections_and_for_open_streams() {
    let server = Server::start();
    server.answer("*", Answer::streamed());
    let policy = policy(&json!({ "ours": bundle(&[&PKI.ca]) }), &[trusting("ours", "ours")]);
    let setup = Setup::new(&PKI).policy(policy).cluster("streams", server.port());
    let envoy = Envoy::start(setup.listener(lax().streams("/ours/stream", "streams"))).await;
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let end = now + Duration::from_secs(4);
    let issuing = PKI.ca.below("Acme Issuing", "issuing for a while", |params| {
        params.not_before = now - Duration::from_secs(3600);
        params.not_after = end;
    });
    let leaf = service(&issuing, "billing");
    let client = envoy.client().presents_chain(&leaf, &[&issuing]);
    let mut open = client.connect(&at("/")).await;
    ask_on(&mut open, &at("/ours")).await.assert_permitted(&envoy, "SUCCESS").await;
    let mut stream = client.open(Kind::Download, &at("/ours/stream")).await.unwrap();
    stream.flows().await.unwrap();
    assert!(OffsetDateTime::now_utc() < end, "the machine is too slow for this test");
    // The end is written in whole seconds, and belongs to the time of validity.
    while OffsetDateTime::now_utc() < end + Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let record = ask_on(&mut open, &at("/ours")).await.assert_denied(&envoy, 403, "untrusted").await;
    assert!(record["detail"].as_str().unwrap().contains("Acme Issuing"), "{record}");
    assert!(stream.end(Duration::from_secs(5)).await.broken.is_some());
    let cut = envoy.wait_for_record(|record| record["phase"] == "stream").await;
    assert_eq!((&cut["decision"], &cut["reason"]), (&json!("deny"), &json!("untrusted")), "{cut}");
}
