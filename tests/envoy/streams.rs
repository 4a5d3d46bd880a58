//! Streams that somebody has answered already: each gets one reply, and none stays open.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::common::{Asked, BILLING, PAY, PKI, Shared, WEB, ask, ask_on, at, both, policy, route, unique};
use crate::harness::{Envoy, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

fn setup(version: Version) -> Setup {
    // Another filter that answers every request itself, before ours or behind it.
    let fault = |place: usize| {
        move |manager: &mut Value| {
            let fault = json!({
                "name": "fault",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
                    "abort": { "http_status": 418, "percentage": { "numerator": 100 } },
                },
            });
            manager["http_filters"].as_array_mut().unwrap().insert(place, fault);
        }
    };
    let mapped = |manager: &mut Value| {
        manager["local_reply_config"] = json!({ "mappers": [{
            "filter": { "status_code_filter": { "comparison": {
                "op": "EQ", "value": { "default_value": 403, "runtime_key": "none" },
            } } },
            "status_code": 410,
            "body": { "inline_string": "gone\n" },
        }] });
    };
    let direct = |manager: &mut Value| {
        manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
            { "match": { "prefix": "/" }, "direct_response": { "status": 418 } },
        ]);
    };
    let trailers = |manager: &mut Value| {
        manager["http_protocol_options"] = json!({ "enable_trailers": true });
    };
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &[route("payments")]))
        .listener(Listener::tls("https").patch_manager(trailers))
        .listener(Listener::tls("before").patch_manager(fault(0)))
        .listener(Listener::tls("behind").patch_manager(fault(1)))
        .listener(Listener::tls("mapped").patch_manager(mapped))
        .listener(Listener::tls("direct").patch_manager(direct))
}

fn posted() -> Request<Full<Bytes>> {
    let mut request = unique(Method::POST, &at("/payments"));
    *request.body_mut() = Full::from(vec![b'x'; 100_000]);
    request
}

async fn assert_no_stream_is_open(envoy: &Envoy) {
    let open = envoy.stats("downstream_rq_active").await;
    let listeners: Vec<&String> = open.keys().filter(|name| !name.contains("admin")).collect();
    assert!(!listeners.is_empty(), "{open:?}");
    for name in listeners {
        envoy.wait_for_stat(name, |open| open == 0).await;
    }
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn denials_before_a_body_and_trailers_leave_their_connection_to_the_next_request() {
    let trailers: HeaderMap = [("x-odd".parse().unwrap(), "a".parse().unwrap())].into_iter().collect();
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let mut connection = envoy.client().presents(&WEB).http2().connect(PAY).await;
        for _ in 0..20 {
            let request = posted();
            let path = request.uri().path().to_owned();
            let reply = connection.try_send_with_trailers(request, trailers.clone()).await.unwrap();
            let asked = Asked { path, reply };
            asked.assert_denied(&envoy, 403, "identity_not_allowed").await;
        }
        assert_eq!(connection.get(&at("/elsewhere")).await.status, 403);
        assert_no_stream_is_open(&envoy).await;
    }
}

#[tokio::test]
async fn what_another_filter_answers_is_answered_once() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client_of("before").presents(&BILLING)) {
            let mut connection = client.connect(PAY).await;
            for _ in 0..3 {
                let asked = ask_on(&mut connection, &at("/payments")).await;
                assert_eq!((asked.reply.status, asked.reply.decision_id()), (418, None), "{asked:?}");
            }
        }
        for listener in ["behind", "direct"] {
            for client in both(envoy.client_of(listener)) {
                ask(&client, &at("/payments")).await.assert_denied(&envoy, 403, "no_certificate").await;
                let mut connection = client.presents(&BILLING).connect(PAY).await;
                for _ in 0..3 {
                    let asked = ask_on(&mut connection, &at("/payments")).await;
                    assert_eq!((asked.reply.status, asked.reply.decision_id()), (418, None), "{asked:?}");
                    assert_eq!(asked.record(&envoy).await["decision"], "permit", "{asked:?}");
                }
            }
        }
        assert_no_stream_is_open(&envoy).await;
    }
}

#[tokio::test]
async fn a_denial_that_envoy_rewrites_is_one_reply() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client_of("mapped")) {
            let mut connection = client.connect(PAY).await;
            for _ in 0..3 {
                let asked = ask_on(&mut connection, &at("/payments")).await;
                assert_eq!((asked.reply.status, &asked.reply.body[..]), (410, &b"gone\n"[..]), "{asked:?}");
                asked.assert_recorded_denial(&envoy, "no_certificate").await;
            }
        }
        assert_no_stream_is_open(&envoy).await;
    }
}
