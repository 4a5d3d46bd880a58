//! Requests that are held until a responder has answered: nothing of them reaches the upstream before, all of it after.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::common::{BILLING, PKI, at, both, policy, route, with};
use crate::harness::{Answer, Client, Envoy, Listener, Server, Setup, Version};

/// Longer than a request takes that nobody holds.
const A_WHILE: Duration = Duration::from_millis(400);

/// Whether a filter that holds the headers of a request sees its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyComes {
    /// It waits in Envoy.
    Later,
    /// It does (`allow_on_headers_stop_iteration`).
    Meanwhile,
}

/// A body that is sent piece by piece.
struct Pieces(mpsc::UnboundedReceiver<Frame<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

async fn start(body: BodyComes, server: &Server) -> Envoy {
    let bundle = json!({ "corp": {
        "anchors_pem": [PKI.ca.pem()],
        "ocsp": { "cluster": "ocsp", "url": "http://ocsp.acme.example/ocsp", "timeout_ms": 8000 },
    } });
    let asks = json!({ "revocation": { "check": ["ocsp"], "on_unknown": "allow" } });
    let policy =
        with(policy(Version::Current, &[with(route("held"), asks)]), json!({ "trust_bundles": bundle }));
    let allow = move |manager: &mut Value| {
        if body == BodyComes::Meanwhile {
            let filters = manager["http_filters"].as_array_mut().unwrap();
            let ours = filters.iter_mut().find(|filter| filter["name"] == "mtls_policy").unwrap();
            ours["typed_config"]["config"]["allow_on_headers_stop_iteration"] = true.into();
        }
    };
    let trailers = |manager: &mut Value| {
        manager["http_protocol_options"] = json!({ "enable_trailers": true });
    };
    let listener = Listener::tls("https").streams("/held", "streams");
    let setup = Setup::new(&PKI).policy(policy).workers(2);
    let setup = setup.cluster("ocsp", server.port()).cluster("streams", server.port());
    Envoy::start(setup.listener(listener.patch_manager(allow).patch_manager(trailers))).await
}

/// Sends a body before, while and after the request is let go; returns what the upstream has given back of it.
async fn post(client: &Client, server: &Server, name: &str) -> String {
    let mut connection = client.connect(&at("/")).await;
    let (sender, pieces) = mpsc::unbounded_channel();
    let send = |text: &str| {
        let _ = sender.send(Frame::data(Bytes::from(text.to_owned())));
    };
    let request = Request::builder().method(Method::POST).uri(at(&format!("/held/{name}")));
    // The server gives back what it gets.
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    let request = request.body(Pieces(pieces).boxed()).unwrap();
    send("one ");
    let opened = connection.try_open(request);
    let sending = async {
        tokio::time::sleep(A_WHILE).await;
        send("two ");
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(server.requests(&format!("/held/{name}")).len(), 0, "the upstream got a held request");
        server.wait_for_requests(&format!("/held/{name}"), 1).await;
        tokio::time::sleep(A_WHILE).await;
        send("three ");
        tokio::time::sleep(A_WHILE).await;
        send("four ");
        tokio::time::sleep(A_WHILE).await;
        let trailers: HeaderMap = [
            ("x-client-verify".parse().unwrap(), "SUCCESS".parse().unwrap()),
            ("x-odd".parse().unwrap(), "five".parse().unwrap()),
        ]
        .into_iter()
        .collect();
        let _ = sender.send(Frame::trailers(trailers));
    };
    let (response, ()) = tokio::join!(opened, sending);
    drop(sender);
    let mut response = response.unwrap();
    assert_eq!(response.status(), 200);
    let mut got = String::new();
    while let Ok(Some(Ok(frame))) =
        tokio::time::timeout(Duration::from_secs(5), response.body_mut().frame()).await
    {
        if let Some(data) = frame.data_ref() {
            got += &String::from_utf8_lossy(data);
            if got.ends_with("four ") {
                break;
            }
        }
    }
    got
}

#[tokio::test]
async fn a_body_that_comes_while_its_request_is_held_waits_and_arrives_whole() {
    for body in [BodyComes::Later, BodyComes::Meanwhile] {
        for (number, client) in [1, 2].into_iter().zip(0..) {
            let server = Server::start();
            server.answer("*", Answer::streamed());
            server.answer("/ocsp", Answer::status(500).after(4 * A_WHILE));
            let envoy = start(body, &server).await;
            let client = both(envoy.client().presents(&BILLING))[client].clone();
            let got = post(&client, &server, &format!("{number}")).await;
            assert_eq!(got, "one two three four ", "{body:?}, HTTP/{number}");
            assert_eq!(server.requests("/ocsp").len(), 1);
            envoy.assert_no_trap().await;
        }
    }
}
