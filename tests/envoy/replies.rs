//! Answers to callers of every kind: gRPC, HEAD, `OPTIONS *`, and those that send a body.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{BILLING, PKI, Shared, WEB, ask_for, at, both, policy, route, unique, with};
use crate::harness::{Envoy, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

fn setup(version: Version) -> Setup {
    let routes = [
        route("payments"),
        with(route("coffee"), json!({ "on_deny": { "status": 418, "body": "no coffee\n" } })),
    ];
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &routes))
        .listener(Listener::tls("https"))
        .listener(Listener::plaintext("plain"))
        .listener(Listener::plaintext("streaming").patch_manager(|manager| {
            let filter = &mut manager["http_filters"][0]["typed_config"]["config"];
            filter["allow_on_headers_stop_iteration"] = true.into();
        }))
}

fn grpc(content_type: &str, url: &str) -> Request<Full<Bytes>> {
    let mut request = unique(Method::POST, url);
    request.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    // One empty message.
    *request.body_mut() = Full::from(&[0; 5][..]);
    request
}

#[tokio::test]
async fn a_grpc_caller_gets_a_grpc_status_and_the_decision_id_alone() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let anonymous = envoy.client().http2();
        let wrong = anonymous.clone().presents(&WEB);
        for (client, path, status, reason) in [
            (&wrong, "/payments", "7", "identity_not_allowed"),
            (&wrong, "/none", "7", "no_route"),
            (&wrong, "/coffee", "7", "identity_not_allowed"),
            (&anonymous, "/payments", "16", "no_certificate"),
            (&anonymous, "/none/..%2fpayments", "3", "ambiguous_path"),
        ] {
            for content_type in ["application/grpc", "application/grpc+proto"] {
                let asked = ask_for(client, grpc(content_type, &at(path))).await;
                let reply = &asked.reply;
                assert_eq!((reply.status, reply.grpc_status(), reply.body.len()), (200, Some(status), 0));
                let message = reply.header("grpc-message").unwrap();
                let id = reply.decision_id().unwrap();
                assert_eq!(message.replace("%20", " "), format!("access denied, decision id {id}"));
                let expected =
                    ["content-type", "date", "grpc-message", "grpc-status", "server", "x-mtls-decision-id"];
                let mut names: Vec<&str> = reply.headers.keys().map(|name| name.as_str()).collect();
                names.sort_unstable();
                assert_eq!(names, expected);
                asked.assert_recorded_denial(&envoy, reason).await;
            }
        }
    }
}

#[tokio::test]
async fn a_grpc_caller_of_the_allowed_identity_reaches_the_upstream() {
    let envoy = CURRENT.envoy().await;
    let client = envoy.client().http2().presents(&BILLING);
    let asked = ask_for(&client, grpc("application/grpc", &at("/payments"))).await;
    let line = envoy.wait_for_access(|line| line["path"] == asked.path).await;
    assert_eq!((&line["mtls_decision"], &line["status"]), (&json!("permit"), &json!(200)), "{line}");
    assert!(line["upstream"].is_string(), "{line}");
}

#[tokio::test]
async fn a_caller_that_is_not_quite_grpc_gets_an_http_status() {
    let envoy = CURRENT.envoy().await;
    for content_type in ["application/json", "application/grpc-web", "application/grpcx"] {
        let asked = ask_for(&envoy.client().http2(), grpc(content_type, &at("/payments"))).await;
        assert_eq!(asked.reply.grpc_status(), None, "{content_type}");
        asked.assert_denied(&envoy, 403, "no_certificate").await;
    }
}

#[tokio::test]
async fn a_head_request_is_decided_like_a_get_and_answered_without_a_body() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client()) {
        let asked = ask_for(&client, unique(Method::HEAD, &at("/payments"))).await;
        assert_eq!((asked.reply.status, asked.reply.body.len()), (403, 0));
        asked.assert_recorded_denial(&envoy, "no_certificate").await;
    }
    for client in both(envoy.client().presents(&BILLING)) {
        let asked = ask_for(&client, unique(Method::HEAD, &at("/payments"))).await;
        assert_eq!((asked.reply.status, asked.reply.body.len()), (200, 0));
    }
}

#[tokio::test]
async fn options_of_the_whole_server_end_at_envoy_and_options_of_a_path_are_decided() {
    let envoy = CURRENT.envoy().await;
    let client = envoy.client().presents(&BILLING);
    // Envoy refuses paths that do not begin with a slash before any filter sees them.
    let request = b"OPTIONS * HTTP/1.1\r\nhost: pay.acme.example\r\n\r\n";
    let reply = client.raw("pay.acme.example", request).await.unwrap();
    assert_eq!(reply.status, Some(404), "{reply:?}");
    let line = envoy.wait_for_access(|line| line["path"] == "*").await;
    assert_eq!((&line["upstream"], &line["mtls_decision"]), (&Value::Null, &Value::Null), "{line}");

    let request = || unique(Method::OPTIONS, &at("/payments"));
    ask_for(&client, request()).await.assert_permitted(&envoy, "SUCCESS").await;
    ask_for(&envoy.client(), request()).await.assert_denied(&envoy, 403, "no_certificate").await;
}

#[tokio::test]
async fn the_body_of_a_denied_request_does_not_reach_the_upstream() {
    let envoy = Envoy::start(setup(Version::Current)).await;
    let post = |path: &str| {
        let mut request = unique(Method::POST, &at(path));
        *request.body_mut() = Full::from(vec![b'x'; 100_000]);
        request
    };
    for client in both(envoy.client()) {
        ask_for(&client, post("/payments")).await.assert_denied(&envoy, 403, "no_certificate").await;
    }
    assert_eq!(envoy.stat("cluster.backend.upstream_cx_total").await, 0);
    for client in both(envoy.client().presents(&BILLING)) {
        let asked = ask_for(&client, post("/payments")).await;
        assert_eq!(asked.reply.echo().0["body"].as_str().map(str::len), Some(100_000));
    }
    assert_eq!(envoy.stat("cluster.backend.upstream_rq_total").await, 2);
}

#[tokio::test]
async fn a_body_that_comes_after_the_denial_does_not_reach_the_upstream() {
    let envoy = Envoy::start(setup(Version::Current)).await;
    // The filter may be configured so that Envoy passes a body on past a filter that stopped at the headers.
    for listener in ["plain", "streaming"] {
        let mut stream = TcpStream::connect(envoy.address_of(listener)).await.unwrap();
        let head = "POST /payments HTTP/1.1\r\nhost: pay.acme.example\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply.as_slice(), b"HTTP/1.1 403", "{listener}");
        for chunk in ["5\r\nhello\r\n", "0\r\n\r\n"] {
            // Envoy may have closed the connection by now.
            let _ = stream.write_all(chunk.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(envoy.stat("cluster.backend.upstream_cx_total").await, 0, "{listener}");
    }
    envoy.assert_no_trap().await;
}
