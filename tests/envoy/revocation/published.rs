//! A certificate that was good appears on a freshly published list.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{LIMIT, bundle, by_lists, fresh, policy_of, settle, source, until_refused, url};
use crate::common::{BILLING, PAY, PKI, WEB, ask, ask_on, at, both};
use crate::harness::{Answer, Envoy, Listener, Server, Setup, Version};

const WORKERS: u32 = 3;

/// The refresh interval, what is added to it by chance, and what a busy machine needs.
const REFRESHED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_certificate_on_a_new_list_is_refused_on_every_worker_and_every_open_connection() {
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).der()));
        let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "crls": [source("/corp.crl")] })) });
        let setup = Setup::new(&PKI).version(version).workers(WORKERS).cluster("crl", server.port());
        let setup = setup.policy(policy_of(bundles, &[by_lists("lists")]));
        let envoy = Envoy::start(setup.listener(Listener::tls("https").resumption())).await;

        let sessions = envoy.client().presents(&BILLING).tls13().resumption();
        settle(&envoy, &sessions, &at("/lists"), 200, WORKERS as usize).await;
        let mut open = Vec::new();
        for _ in 0..4 {
            for client in both(envoy.client().presents(&BILLING)) {
                let mut connection = client.connect(PAY).await;
                ask_on(&mut connection, &at("/lists")).await.assert_good(&envoy, "crl").await;
                open.push(connection);
            }
        }

        server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).number(2).revoke(&BILLING).der()));
        let published = Instant::now();
        until_refused(&envoy.client().presents(&BILLING), &at("/lists")).await;
        for connection in &mut open {
            let record = ask_on(connection, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
            assert_eq!(record["revocation"]["source"], url("/corp.crl"), "{record}");
        }
        assert!(published.elapsed() < REFRESHED);
        settle(&envoy, &envoy.client().presents(&BILLING), &at("/lists"), 403, WORKERS as usize).await;
        let mut resumed = sessions.connect(PAY).await;
        assert!(resumed.resumed());
        ask_on(&mut resumed, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
        settle(&envoy, &envoy.client().presents(&WEB), &at("/lists"), 200, WORKERS as usize).await;

        // One VM fetches for all.
        let asked = server.requests("/corp.crl");
        let seconds = asked[0].at.elapsed().as_secs() as usize;
        assert!(asked.len() <= seconds + 3, "{} requests in {seconds} s", asked.len());
        envoy
            .wait_for_stat("wasmcustom.mtls_policy.revocation_lookups.method.crl.status.revoked", |count| {
                count >= 1
            })
            .await;
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again() {
    let server = Server::start();
    let tagged = Answer::body(fresh(&PKI.ca).pem()).etag("\"one\"");
    server.answer("/tagged.crl", tagged.last_modified("Sat, 01 Jan 2022 00:00:00 GMT"));
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "crls": [source("/tagged.crl")] })) });
    let setup = Setup::new(&PKI).policy(policy_of(bundles, &[by_lists("lists")]));
    let envoy = Envoy::start(setup.cluster("crl", server.port())).await;
    ask(&envoy.client().presents(&BILLING), &at("/lists")).await.assert_good(&envoy, "crl").await;
    server.wait_for_requests("/tagged.crl", 2).await;
    let asked = server.requests("/tagged.crl");
    assert_eq!((asked[0].header("if-none-match"), asked[0].header("if-modified-since")), (None, None));
    assert_eq!(asked[1].header("if-none-match"), Some("\"one\""), "{asked:?}");
    assert!(asked[1].at - asked[0].at < LIMIT);
    envoy.wait_for_stats("wasmcustom.mtls_policy.crl.fetches.result.unchanged.", "").await;
    ask(&envoy.client().presents(&BILLING), &at("/lists")).await.assert_good(&envoy, "crl").await;
    ask(&envoy.client().presents(&WEB), &at("/lists")).await.assert_good(&envoy, "crl").await;
}
