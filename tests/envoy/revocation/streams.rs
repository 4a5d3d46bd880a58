//! Streams that were open when their client's certificate was revoked, or ended, or the policy changed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{bundle, by_lists, fresh, now, policy_of, source};
use crate::common::{BILLING, BILLING_ID, PKI, WEB, at, both, route, with};
use crate::harness::{Answer, Client, Envoy, Kind, Listener, Live, Server, Setup, Version};

/// The refresh interval or the rest of a short certificate, and what a busy machine needs.
const CUT: Duration = Duration::from_secs(10);

/// Every kind of stream over every version of HTTP that has it.
async fn open(client: &Client) -> Vec<Live> {
    let mut open = Vec::new();
    for (client, http) in both(client.clone()).into_iter().zip([1, 2]) {
        for kind in [Kind::WebSocket, Kind::Grpc, Kind::Download] {
            if (kind, http) != (Kind::Grpc, 1) {
                let url = at(&format!("/lists/{kind:?}"));
                let live = client.open(kind, &url).await;
                let mut live = live.unwrap_or_else(|reply| panic!("{kind:?} over HTTP/{http}: {reply:?}"));
                live.flows().await.unwrap_or_else(|why| panic!("{kind:?} over HTTP/{http}: {why}"));
                open.push(live);
            }
        }
    }
    open
}

/// An Envoy in front of a server of streams, with the list of the CA.
async fn start(version: Version, server: &Server, policy: Value) -> Envoy {
    server.answer("*", Answer::streamed());
    server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).der()));
    let setup = Setup::new(&PKI).version(version).policy(policy).discovered();
    let setup = setup.cluster("crl", server.port()).cluster("streams", server.port());
    let envoy = Envoy::start(setup.listener(Listener::tls("https").streams("/lists/", "streams"))).await;
    envoy.wait_for_policy_updates(1).await;
    envoy
}

fn by_list() -> Value {
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "crls": [source("/corp.crl")] })) });
    policy_of(bundles, &[by_lists("lists")])
}

async fn assert_cut(envoy: &Envoy, mut streams: Vec<Live>, reason: &str, digest: &str) {
    let number = streams.len();
    for live in &mut streams {
        let kind = live.kind;
        let end = live.end(CUT).await;
        // What follows the head of a WebSocket in HTTP/1.1 has no end of its own.
        assert!(end.broken.is_some() || kind == Kind::WebSocket, "{kind:?}: {end:?}");
    }
    let is_cut = |record: &Value| {
        record["phase"] == "stream" && record["reason"] == reason && record["certificate"]["sha256"] == digest
    };
    envoy.wait_for_record(is_cut).await;
    let records = envoy.audit_records();
    let mut paths: Vec<String> = records
        .iter()
        .filter(|record| is_cut(record))
        .map(|record| {
            assert_eq!(record["decision"], "deny", "{record}");
            record["request"]["path"].to_string()
        })
        .collect();
    paths.sort();
    assert_eq!(paths.len(), number, "{paths:?}");
    envoy.wait_for_stat("wasmcustom.mtls_policy.streams.reset", |count| count >= number as u64).await;
}

#[tokio::test]
async fn open_streams_of_a_revoked_certificate_are_cut_and_recorded_and_others_flow_on() {
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        let envoy = start(version, &server, by_list()).await;
        let cut = open(&envoy.client().presents(&BILLING)).await;
        let mut others = open(&envoy.client().presents(&WEB)).await;
        server.wait_for_streams(cut.len() + others.len()).await;
        server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).number(2).revoke(&BILLING).der()));
        assert_cut(&envoy, cut, "revoked", &BILLING.hex_digest()).await;
        // The upstream is rid of them too.
        server.wait_for_streams(others.len()).await;
        for live in &mut others {
            let kind = live.kind;
            live.flows().await.unwrap_or_else(|why| panic!("{kind:?}: {why}"));
        }
        for (client, kind) in
            both(envoy.client().presents(&BILLING)).into_iter().zip([Kind::WebSocket, Kind::Grpc])
        {
            let reply = client.open(kind, &at("/lists/again")).await.err();
            assert!(reply.is_some(), "{kind:?} is let through again");
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn open_streams_end_with_their_certificate_and_with_a_policy_that_lets_them_in_no_more() {
    let server = Server::start();
    let allowing = |allow: Value| policy_of(Value::Null, &[with(route("lists"), json!({ "allow": allow }))]);
    let mut envoy = start(Version::Current, &server, allowing(json!("any_verified"))).await;
    let end = now() + Duration::from_secs(4);
    let short = PKI.ca.leaf("short").spiffe(BILLING_ID).valid(now() - Duration::from_secs(60), end).mint();
    let expiring = open(&envoy.client().presents(&short)).await;
    let mut others = open(&envoy.client().presents(&BILLING)).await;
    let forbidden = open(&envoy.client().presents(&WEB)).await;
    assert_cut(&envoy, expiring, "expired", &short.hex_digest()).await;
    for live in &mut others {
        live.flows().await.expect("a stream of another client");
    }
    envoy.replace_policy(allowing(json!({ "identity": "billing" })));
    assert_cut(&envoy, forbidden, "identity_not_allowed", &WEB.hex_digest()).await;
    for live in &mut others {
        live.flows().await.expect("a stream of a client that is still let in");
    }
    envoy.assert_no_trap().await;
}
