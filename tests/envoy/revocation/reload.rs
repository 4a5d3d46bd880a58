//! A policy that is replaced while its lists stay what they are.

use std::time::Instant;

use serde_json::{Value, json};

use super::{LIMIT, bundle, by_lists, fresh, policy_of, settle, source, until_refused};
use crate::common::{BILLING, PKI, WEB, ask, at, with};
use crate::harness::{Answer, Envoy, Server, Setup};

fn policy(routes: &[Value], path: &str) -> Value {
    // Asked once, and not again during the test.
    let source = with(source(path), json!({ "refresh_seconds": 3600 }));
    policy_of(json!({ "corp": bundle(&PKI.ca, json!({ "crls": [source] })) }), routes)
}

#[tokio::test]
async fn a_new_policy_with_the_same_source_keeps_its_list_without_a_gap_and_without_a_request() {
    let server = Server::start();
    server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).revoke(&WEB).der()));
    server.answer("/other.crl", Answer::body(fresh(&PKI.ca).number(2).revoke(&BILLING).der()));
    let setup = Setup::new(&PKI).policy(policy(&[by_lists("lists")], "/corp.crl")).discovered();
    let mut envoy = Envoy::start(setup.cluster("crl", server.port())).await;
    envoy.wait_for_policy_updates(1).await;
    let billing = envoy.client().presents(&BILLING);
    let web = envoy.client().presents(&WEB);
    settle(&envoy, &billing, &at("/lists"), 200, 2).await;
    assert_eq!(server.requests("/corp.crl").len(), 1);

    for (number, name) in ["first", "second", "third"].into_iter().enumerate() {
        envoy.replace_policy(policy(&[by_lists("lists"), by_lists(name)], "/corp.crl"));
        envoy.wait_for_policy_updates(number as u64 + 2).await;
        // Until the new policy is in force, and a while after.
        let deadline = Instant::now() + LIMIT;
        let mut after = 0;
        while after < 8 {
            let asked = ask(&billing, &at("/lists")).await;
            asked.assert_good(&envoy, "crl").await;
            ask(&web, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
            let asked = ask(&billing, &at(&format!("/{name}"))).await;
            after += usize::from(asked.reply.status == 200);
            assert!(Instant::now() < deadline, "the policy is not in force");
        }
    }
    assert_eq!(server.requests("/corp.crl").len(), 1, "fetched anew");

    // Another source is another list.
    envoy.replace_policy(policy(&[by_lists("lists")], "/other.crl"));
    until_refused(&billing, &at("/lists")).await;
    settle(&envoy, &billing, &at("/lists"), 403, 2).await;
    settle(&envoy, &web, &at("/lists"), 200, 2).await;
    assert_eq!(server.requests("/other.crl").len(), 1);
    envoy.assert_no_trap().await;
}
