//! Two filters of different policies under one name, in one VM.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::{bundle, fresh, guarded, policy_of, settle, source, until_refused};
use crate::common::{BILLING, PKI, WEB, ask, at, route, unique, with};
use crate::harness::{Answer, Envoy, Gate, Listener, Server, Setup};

#[tokio::test]
async fn who_waits_is_let_in_by_no_other_policy_of_the_same_name() {
    let (server, gate) = (Server::start(), Gate::closed());
    server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).revoke(&WEB).der()).behind(&gate));
    let patient = with(source("/corp.crl"), json!({ "timeout_ms": 20_000 }));
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "crls": [patient] })) });
    let waits = json!({ "check": ["crl"], "while_loading": { "wait_ms": 20_000 } });
    let strict = policy_of(bundles, &[guarded("lists", waits)]);
    let lax = policy_of(json!(null), &[with(route("lists"), json!({ "allow": "any_verified" }))]);
    let setup = Setup::new(&PKI).cluster("crl", server.port());
    let named_alike = |manager: &mut Value| {
        let filters = manager["http_filters"].as_array_mut().unwrap();
        let ours = filters.iter_mut().find(|filter| filter["name"] == "mtls_policy").unwrap();
        ours["typed_config"]["config"]["name"] = "mtls_policy".into();
    };
    // Whichever is configured last.
    let setup = setup
        .listener(Listener::tls("before").policy(&lax).patch_manager(named_alike))
        .listener(Listener::tls("https").policy(&strict).patch_manager(named_alike))
        .listener(Listener::tls("after").policy(&lax).patch_manager(named_alike));
    let envoy = Envoy::start(setup).await;
    let client = envoy.client_of("https").presents(&WEB);
    let waiting = tokio::spawn(async move { ask(&client, &at("/lists")).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.open();
    waiting.await.unwrap().assert_revoked(&envoy, "crl").await;
    // The other policy is in force there, too. What it lets in is judged again by the newest of the name while it is open, so that
    // it may be cut: whoever wants both policies names them differently.
    let lax = envoy.client_of("after").presents(&WEB);
    let request = unique(Method::GET, &at("/lists"));
    let path = request.uri().path().to_owned();
    let _cut_or_answered = lax.try_send(request).await;
    envoy.wait_for_record(|record| record["request"]["path"] == path && record["decision"] == "permit").await;
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_source_is_fetched_as_often_as_each_policy_wants() {
    let server = Server::start();
    server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).der()));
    let every = |seconds: u32| {
        let source = with(source("/corp.crl"), json!({ "refresh_seconds": seconds }));
        let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "crls": [source] })) });
        policy_of(bundles, &[guarded("lists", json!({ "check": ["crl"] }))])
    };
    let setup = Setup::new(&PKI).cluster("crl", server.port());
    let setup = setup
        .listener(Listener::tls("https").policy(every(3600)))
        .listener(Listener::tls("often").policy(every(1)))
        .listener(Listener::tls("seldom").policy(every(3600)));
    let envoy = Envoy::start(setup).await;
    let client = envoy.client_of("often").presents(&BILLING);
    settle(&envoy, &client, &at("/lists"), 200, 2).await;
    server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).number(2).revoke(&BILLING).der()));
    until_refused(&client, &at("/lists")).await;
    settle(&envoy, &client, &at("/lists"), 403, 2).await;
    envoy.assert_no_trap().await;
}
