//! The OCSP responder of OpenSSL behind a cluster.

use std::time::Duration;

use mtls_policy::metrics::source_name;
use serde_json::{Map, Value, json};

use super::{bundle, guarded, policy_of};
use crate::common::{PAY, PKI, ask, at, service};
use crate::harness::mint::ocsp::OCSP_SIGNING;
use crate::harness::mint::{Ca, Minted};
use crate::harness::{Answer, Envoy, Gate, Listed, Listener, Responder, Server, Setup, Version, get};

/// A CA whose responder is started so, and what is asked of it.
struct Case {
    name: &'static str,
    ca: Ca,
    ocsp: Value,
    signer: Signer,
    options: &'static [&'static str],
    /// Why the good certificate is unknown, where it is.
    unknown: Option<&'static str>,
}

enum Signer {
    Ca,
    Delegate,
    /// One whom the CA has certified for something else.
    Client,
    Stranger,
}

const GOOD_FOR_MINUTES: &[&str] = &["-nmin", "5"];

fn cases() -> Vec<Case> {
    let case = |name, ocsp, signer, options, unknown| Case {
        name,
        ca: Ca::new(name),
        ocsp,
        signer,
        options,
        unknown,
    };
    vec![
        case("by-post", json!({}), Signer::Ca, GOOD_FOR_MINUTES, None),
        case("by-get", json!({ "method": "get" }), Signer::Ca, GOOD_FOR_MINUTES, None),
        case("with-nonce", json!({ "nonce": "required" }), Signer::Ca, GOOD_FOR_MINUTES, None),
        case("no-next-update", json!({}), Signer::Ca, &[], None),
        case("delegate", json!({}), Signer::Delegate, GOOD_FOR_MINUTES, None),
        case("no-purpose", json!({}), Signer::Client, GOOD_FOR_MINUTES, Some("bad_signature")),
        case("stranger", json!({}), Signer::Stranger, GOOD_FOR_MINUTES, Some("bad_signature")),
    ]
}

fn ocsp(name: &str, members: Value) -> Value {
    let url = format!("http://ocsp.acme.example/{name}/");
    crate::common::with(json!({ "cluster": "ocsp", "url": url, "timeout_ms": 3000 }), members)
}

fn by_responder() -> Value {
    guarded("ocsp", json!({ "check": ["ocsp"] }))
}

#[tokio::test]
async fn the_responder_of_openssl_is_believed_where_it_may_speak_and_only_there() {
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        let mut responders = Vec::new();
        let mut bundles = Map::new();
        let mut trusted = PKI.ca.pem();
        let cases = cases();
        for case in &cases {
            let [good, bad] = ["billing", "web"].map(|name| service(&case.ca, name));
            let listed = [(&good, Listed::Good), (&bad, Listed::Revoked)];
            let delegate = case.ca.leaf("responder").purposes(&[OCSP_SIGNING]).mint();
            let client = case.ca.leaf("responder").mint();
            let signer = match case.signer {
                Signer::Ca => (case.ca.der(), case.ca.key()),
                Signer::Delegate => (delegate.der.as_slice(), &delegate.key),
                Signer::Client => (client.der.as_slice(), &client.key),
                Signer::Stranger => (PKI.stranger.der(), PKI.stranger.key()),
            };
            let responder = Responder::start(&case.ca, signer, &listed, case.options);
            server.answer_below(&format!("/{}/", case.name), Answer::forwarded(responder.port()));
            responders.push(responder);
            let members = json!({ "ocsp": ocsp(case.name, case.ocsp.clone()) });
            bundles.insert(case.name.to_owned(), bundle(&case.ca, members));
            trusted += &case.ca.pem();
        }
        let policy = policy_of(Value::Object(bundles), &[by_responder()]);
        let setup = Setup::new(&PKI).version(version).policy(policy).cluster("ocsp", server.port());
        let envoy = Envoy::start(setup.listener(Listener::tls("https").trusted_ca(&trusted))).await;
        for case in &cases {
            let of = |name| envoy.client().presents(&service(&case.ca, name));
            println!("{}", case.name);
            let [good, bad, unlisted] = [
                ask(&of("billing"), &at("/ocsp")).await,
                ask(&of("web"), &at("/ocsp")).await,
                ask(&of("unlisted"), &at("/ocsp")).await,
            ];
            match case.unknown {
                None => {
                    good.assert_good(&envoy, "ocsp").await;
                    let record = bad.assert_revoked(&envoy, "ocsp").await;
                    assert_eq!(record["revocation"]["reason"], "keyCompromise", "{record}");
                    unlisted.assert_unknown(&envoy, "unknown_to_responder").await;
                }
                Some(why) => {
                    for asked in [good, bad, unlisted] {
                        asked.assert_unknown(&envoy, why).await;
                    }
                }
            }
        }
        envoy.assert_no_trap().await;
    }
}

/// So many requests at the same time, of which none waits for another.
async fn ask_at_once(envoy: &Envoy, certificate: &Minted, connections: usize, each: usize) -> Vec<u16> {
    let client = envoy.client().presents(certificate).http2();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let connection = client.connect(PAY).await;
        for _ in 0..each {
            let mut connection = connection.another();
            tasks
                .spawn(async move { connection.try_send(get(&at("/ocsp"))).await.map(|reply| reply.status) });
        }
    }
    tasks.join_all().await.into_iter().map(|status| status.expect("a reply")).collect()
}

#[tokio::test]
async fn a_thousand_first_requests_for_one_certificate_on_four_workers_ask_once() {
    let (server, gate) = (Server::start(), Gate::closed());
    let (good, bad) = (service(&PKI.ca, "billing"), service(&PKI.ca, "web"));
    let listed = [(&good, Listed::Good), (&bad, Listed::Revoked)];
    let responder = Responder::start(&PKI.ca, (PKI.ca.der(), PKI.ca.key()), &listed, GOOD_FOR_MINUTES);
    server.answer("*", Answer::forwarded(responder.port()).behind(&gate));
    let patient = json!({ "timeout_ms": 30_000 });
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "ocsp": ocsp("corp", patient) })) });
    let waiting = json!({ "check": ["ocsp"], "while_loading": { "wait_ms": 30_000 } });
    let policy = policy_of(bundles, &[guarded("ocsp", waiting)]);
    let setup = Setup::new(&PKI).workers(4).policy(policy).cluster("ocsp", server.port());
    let envoy = Envoy::start(setup).await;

    let opened = gate.clone();
    let open_later = async {
        server.wait_for_count(1).await;
        tokio::time::sleep(Duration::from_millis(1000)).await;
        opened.open();
    };
    let (statuses, ()) = tokio::join!(ask_at_once(&envoy, &good, 20, 50), open_later);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1000);
    assert_eq!(server.count(), 1);
    // Another certificate is another question, and every worker has the first answer.
    assert!(ask_at_once(&envoy, &bad, 8, 4).await.iter().all(|status| *status == 403));
    assert!(ask_at_once(&envoy, &good, 8, 4).await.iter().all(|status| *status == 200));
    assert_eq!(server.count(), 2);
    let responder = source_name("ocsp", "http://ocsp.acme.example/corp/");
    let queries = format!("wasmcustom.mtls_policy.ocsp.queries.responder.{responder}");
    envoy.wait_for_stat(&queries, |count| count == 2).await;
    envoy.assert_no_trap().await;
}
