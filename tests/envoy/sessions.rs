//! Connections and TLS sessions that outlive what was true when they began: each request is decided by what is true now.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::common::{
    BILLING, BILLING_ID, PAY, PKI, WEB, ask, ask_on, at, policy, route, service, unique, with,
};
use crate::harness::{Client, Connection, Envoy, Listener, Setup, Version};

/// The client with every version of TLS and of HTTP, each with sessions of its own.
fn ways(client: &Client) -> [Client; 4] {
    let [old, new] = [client.clone().resumption().tls12(), client.clone().resumption().tls13()];
    [old.clone(), old.resumption().http2(), new.clone(), new.resumption().http2()]
}

/// A new connection by an earlier connection's session.
async fn resumed(client: &Client) -> Connection {
    let connection = client.connect(PAY).await;
    assert!(connection.resumed());
    connection
}

#[tokio::test]
async fn a_certificate_that_ends_ends_on_open_connections_and_resumed_sessions() {
    let setup = |version| {
        // The policy vouches for resumed sessions, so that nothing but the time is against them.
        let policy = policy(Version::Older, &[route("payments")]);
        Setup::new(&PKI).version(version).policy(policy).listener(Listener::tls("https").resumption())
    };
    let envoys = [Envoy::start(setup(Version::Current)).await, Envoy::start(setup(Version::Older)).await];
    let now = OffsetDateTime::now_utc();
    let end = now + Duration::from_secs(4);
    let short = PKI.ca.leaf("billing").spiffe(BILLING_ID).valid(now - Duration::from_secs(60), end).mint();
    let mut open = Vec::new();
    for envoy in &envoys {
        for client in ways(&envoy.client().presents(&short)) {
            let mut connection = client.connect(PAY).await;
            let asked = ask_on(&mut connection, &at("/payments")).await;
            assert_eq!(asked.reply.status, 200, "{asked:?}");
            open.push((envoy, client, connection));
        }
    }
    assert!(OffsetDateTime::now_utc() < end, "the machine is too slow for this test");
    // The end is written in whole seconds, and belongs to the time of validity.
    while OffsetDateTime::now_utc() < end + Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (envoy, client, mut connection) in open {
        ask_on(&mut connection, &at("/payments")).await.assert_denied(envoy, 403, "expired").await;
        let mut resumed = resumed(&client).await;
        ask_on(&mut resumed, &at("/payments")).await.assert_denied(envoy, 403, "expired").await;
    }
}

#[tokio::test]
async fn a_replaced_policy_holds_on_open_connections_and_resumed_sessions() {
    let allowing = |id: &str| {
        with(
            policy(Version::Older, &[route("payments")]),
            json!({ "identities": { "billing": { "spiffe_id": id } } }),
        )
    };
    let setup = Setup::new(&PKI).policy(allowing(BILLING_ID)).discovered();
    let mut envoy = Envoy::start(setup.listener(Listener::tls("https").resumption()).workers(1)).await;
    let mut open = Vec::new();
    for client in ways(&envoy.client().presents(&BILLING)) {
        let mut connection = client.connect(PAY).await;
        ask_on(&mut connection, &at("/payments")).await.assert_permitted(&envoy, "SUCCESS").await;
        open.push((client, connection));
    }
    envoy.replace_policy(allowing("spiffe://acme.example/ns/prod/sa/web"));
    envoy.wait_for_policy_updates(2).await;
    // The worker takes it a moment after the main thread.
    let web = envoy.client().presents(&WEB);
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(&web, &at("/payments")).await.reply.status != 200 {
        assert!(Instant::now() < deadline, "the policy is not in force");
    }
    for (client, mut connection) in open {
        let asked = ask_on(&mut connection, &at("/payments")).await;
        asked.assert_denied(&envoy, 403, "identity_not_allowed").await;
        let asked = ask_on(&mut resumed(&client).await, &at("/payments")).await;
        asked.assert_denied(&envoy, 403, "identity_not_allowed").await;
    }
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_session_of_one_listener_is_worth_nothing_at_one_that_trusts_another_ca() {
    for version in [Version::Current, Version::Older] {
        let policy = policy(Version::Older, &[with(route("payments"), json!({ "allow": "any_verified" }))]);
        let other = Listener::tls("other").trusted_ca(&PKI.stranger.pem()).resumption();
        let setup = Setup::new(&PKI).version(version).policy(policy);
        let envoy = Envoy::start(setup.listener(Listener::tls("https").resumption()).listener(other)).await;
        for client in ways(&envoy.client().presents(&BILLING)) {
            ask(&client, &at("/payments")).await.assert_permitted(&envoy, "SUCCESS").await;
            ask_on(&mut resumed(&client).await, &at("/payments"))
                .await
                .assert_permitted(&envoy, "SUCCESS")
                .await;
            let elsewhere = client.at(envoy.address_of("other"));
            let reply = elsewhere.try_send(unique(Method::GET, &at("/payments"))).await;
            assert!(reply.is_err(), "{reply:?}");
        }
        let stranger = envoy.client_of("other").presents(&service(&PKI.stranger, "billing"));
        ask(&stranger, &at("/payments")).await.assert_permitted(&envoy, "SUCCESS").await;
    }
}

#[tokio::test]
async fn a_client_of_one_ca_is_nobody_on_the_route_of_another_over_one_connection() {
    let of = |name: &str, issuer: &str| -> Value {
        with(route(name), json!({ "allow": { "issuer": { "CN": issuer } } }))
    };
    let routes = [of("ours", "Acme Root"), of("theirs", "Stranger Root")];
    for version in [Version::Current, Version::Older] {
        let both_cas = PKI.ca.pem() + &PKI.stranger.pem();
        let listener = Listener::tls("https").trusted_ca(&both_cas).resumption();
        let setup = Setup::new(&PKI).version(version).policy(policy(Version::Older, &routes));
        let envoy = Envoy::start(setup.listener(listener)).await;
        for (certificate, own, others) in [
            (service(&PKI.ca, "billing"), "/ours", "/theirs"),
            (service(&PKI.stranger, "billing"), "/theirs", "/ours"),
        ] {
            for client in ways(&envoy.client().presents(&certificate)) {
                let full = client.connect(PAY).await;
                let mut connections = vec![full];
                for round in 0..2 {
                    let connection = &mut connections[round];
                    ask_on(connection, &at(own)).await.assert_permitted(&envoy, "SUCCESS").await;
                    let asked = ask_on(connection, &at(others)).await;
                    asked.assert_denied(&envoy, 403, "identity_not_allowed").await;
                    ask_on(connection, &at(own)).await.assert_permitted(&envoy, "SUCCESS").await;
                    connections.push(resumed(&client).await);
                }
            }
        }
    }
}
