//! Requests that come before the first list has.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use serde_json::{Value, json};

use super::{bundle, fresh, guarded, policy_of, source, url};
use crate::common::{Asked, BILLING, PAY, PKI, WEB, ask, at, both, unique, with};
use crate::harness::{Answer, Client, Envoy, Gate, Listener, Server, Setup, Version};

const BODY: usize = 100_000;

fn setup(version: Version, server: &Server) -> Setup {
    let patient = with(source("/corp.crl"), json!({ "timeout_ms": 20_000 }));
    let bundles = json!({ "corp": bundle(&PKI.ca, json!({ "crls": [patient] })) });
    let while_loading =
        |name: &str, what: Value| guarded(name, json!({ "check": ["crl"], "while_loading": what }));
    let routes = [
        while_loading("waits", json!({ "wait_ms": 20_000 })),
        while_loading("hurries", json!({ "wait_ms": 300 })),
        while_loading("denies", json!("deny")),
        while_loading("allows", json!("allow")),
    ];
    // A POST body must not get through where Envoy lets bodies pass that headers do not.
    let stops = |filter: bool| {
        move |manager: &mut Value| {
            manager["http_protocol_options"] = json!({ "enable_trailers": true });
            let filters = manager["http_filters"].as_array_mut().unwrap();
            if filter {
                filters[0]["typed_config"]["config"]["allow_on_headers_stop_iteration"] = true.into();
            }
        }
    };
    Setup::new(&PKI)
        .version(version)
        .policy(policy_of(bundles, &routes))
        .cluster("crl", server.port())
        .cluster("upstream", server.port())
        .listener(Listener::tls("https").streams("/waits/posted", "upstream").patch_manager(stops(false)))
        .listener(Listener::tls("stops").streams("/waits/posted", "upstream").patch_manager(stops(true)))
}

fn posted() -> Request<Full<Bytes>> {
    let mut request = unique(Method::POST, &at("/waits/posted"));
    *request.body_mut() = Full::from(vec![b'x'; BODY]);
    request.headers_mut().insert("content-length", BODY.into());
    request
}

async fn post(client: Client, trailers: bool) -> Asked {
    let mut connection = client.connect(PAY).await;
    let mut request = posted();
    let path = request.uri().path().to_owned();
    let reply = if trailers {
        request.headers_mut().remove("content-length");
        let trailers: HeaderMap = [("x-odd".parse().unwrap(), "a".parse().unwrap())].into_iter().collect();
        connection.try_send_with_trailers(request, trailers).await
    } else {
        connection.try_send(request).await
    };
    Asked { path, reply: reply.expect("a reply") }
}

#[tokio::test]
async fn requests_wait_for_the_first_list_or_not_as_the_route_says() {
    for version in [Version::Current, Version::Older] {
        let (server, gate) = (Server::start(), Gate::closed());
        server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).revoke(&WEB).der()).behind(&gate));
        let envoy = Envoy::start(setup(version, &server)).await;
        let client = envoy.client().presents(&BILLING);
        ask(&client, &at("/denies")).await.assert_unknown(&envoy, "loading").await;
        ask(&client, &at("/allows")).await.assert_permitted(&envoy, "SUCCESS").await;
        let began = Instant::now();
        ask(&client, &at("/hurries")).await.assert_unknown(&envoy, "loading").await;
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());

        let waiting: Vec<_> = both(envoy.client())
            .into_iter()
            .flat_map(|client| [client.clone().presents(&BILLING), client.presents(&WEB)])
            .map(|client| tokio::spawn(async move { ask(&client, &at("/waits")).await }))
            .collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.iter().any(tokio::task::JoinHandle::is_finished));
        gate.open();
        for (number, waiting) in waiting.into_iter().enumerate() {
            let asked = waiting.await.unwrap();
            if number % 2 == 0 {
                asked.assert_good(&envoy, "crl").await;
            } else {
                asked.assert_revoked(&envoy, "crl").await;
            }
        }
        for path in ["/denies", "/allows", "/hurries"] {
            ask(&client, &at(path)).await.assert_good(&envoy, "crl").await;
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn no_part_of_a_request_that_waits_gets_to_the_upstream() {
    for version in [Version::Current, Version::Older] {
        let (server, gate) = (Server::start(), Gate::closed());
        server.answer("*", Answer::made(|request| Answer::body(request.body.len().to_string())));
        server.answer("/corp.crl", Answer::body(fresh(&PKI.ca).revoke(&WEB).der()).behind(&gate));
        let envoy = Envoy::start(setup(version, &server)).await;
        let mut waiting = Vec::new();
        for listener in ["https", "stops"] {
            for client in both(envoy.client_of(listener)) {
                for (certificate, is_good) in [(&BILLING, true), (&WEB, false)] {
                    for trailers in [false, true] {
                        let client = client.clone().presents(certificate);
                        waiting.push((is_good, trailers, tokio::spawn(post(client, trailers))));
                    }
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked_for = |prefix: &str| server.paths().iter().filter(|path| path.starts_with(prefix)).count();
        assert_eq!(asked_for("/waits"), 0, "{:?}", server.paths());
        gate.open();
        for (is_good, trailers, waiting) in waiting {
            let asked = waiting.await.unwrap();
            if is_good {
                assert_eq!(asked.reply.status, 200, "{asked:?}");
                if !trailers {
                    assert_eq!(asked.reply.body, BODY.to_string());
                }
            } else {
                asked.assert_revoked(&envoy, "crl").await;
                assert!(!server.paths().contains(&asked.path), "{asked:?}");
            }
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn who_waits_and_hears_nothing_is_answered_when_the_wait_is_over() {
    let server = Server::start();
    server.answer("/corp.crl", Answer::hung());
    let envoy = Envoy::start(setup(Version::Current, &server)).await;
    let client = envoy.client().presents(&BILLING);
    for client in both(client) {
        let began = Instant::now();
        let asked = ask(&client, &at("/hurries")).await;
        asked.assert_unknown(&envoy, "loading").await;
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    }
    assert_eq!(server.requests("/corp.crl").len(), 1, "of {}", url("/corp.crl"));
    envoy.assert_no_trap().await;
}
