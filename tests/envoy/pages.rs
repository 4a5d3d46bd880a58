//! Answers that differ by reason and by what the client would rather have, as they come from Envoy.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::json;

use crate::common::{PKI, Shared, WEB, ask_for, at, both, policy, route, unique, with};
use crate::harness::{Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

/// What Firefox sends.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn setup(version: Version) -> Setup {
    let url = "https://help.example/cert?reason={reason}&id={decision_id}";
    let routes = [
        with(
            route("app"),
            json!({ "on_deny": {
                "html": "<!doctype html><title>{reason}</title><p>{decision_id}",
                "body": "{\"reason\": \"{reason}\", \"id\": \"{decision_id}\"}\n", "content_type": "application/json",
                "reasons": { "no_certificate": { "status": 401, "html": "default" } },
            } }),
        ),
        with(route("moved"), json!({ "on_deny": { "status": 404, "redirect": { "url": url } } })),
    ];
    Setup::new(&PKI).version(version).policy(policy(version, &routes)).listener(Listener::tls("https"))
}

fn accepting(method: Method, path: &str, accept: &str) -> Request<Full<Bytes>> {
    let mut request = unique(method, &at(path));
    request.headers_mut().insert("accept", accept.parse().unwrap());
    request
}

#[tokio::test]
async fn browsers_get_a_page_and_programs_a_text() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client().presents(&WEB)) {
            for (accept, media_type) in [(BROWSER, "text/html; charset=utf-8"), ("*/*", "application/json")] {
                let asked = ask_for(&client, accepting(Method::GET, "/app", accept)).await;
                let reply = &asked.reply;
                let id = reply.decision_id().unwrap();
                let expected = match accept {
                    BROWSER => format!("<!doctype html><title>identity_not_allowed</title><p>{id}"),
                    _ => format!("{{\"reason\": \"identity_not_allowed\", \"id\": \"{id}\"}}\n"),
                };
                assert_eq!((reply.status, reply.body.clone()), (403, expected.into()), "{reply:?}");
                assert_eq!(reply.headers.get_all("content-type").iter().count(), 1, "{reply:?}");
                for (name, value) in [
                    ("content-type", media_type),
                    ("cache-control", "no-store"),
                    ("vary", "accept"),
                    ("x-content-type-options", "nosniff"),
                ] {
                    assert_eq!(reply.header(name), Some(value), "{reply:?}");
                }
                asked.assert_recorded_denial(&envoy, "identity_not_allowed").await;
            }
        }
    }
}

#[tokio::test]
async fn a_reason_is_answered_in_its_own_way() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client()) {
        let asked = ask_for(&client, accepting(Method::GET, "/app", BROWSER)).await;
        assert_eq!(asked.reply.status, 401);
        assert_eq!(asked.reply.header("www-authenticate"), Some("TLS-Client-Certificate"));
        let page = String::from_utf8(asked.reply.body.to_vec()).unwrap();
        assert!(page.contains(asked.reply.decision_id().unwrap()) && page.contains("<h1>"), "{page}");
        asked.assert_recorded_denial(&envoy, "no_certificate").await;
        ask_for(&client, accepting(Method::GET, "/app", "*/*"))
            .await
            .assert_denied(&envoy, 401, "no_certificate")
            .await;
    }
}

#[tokio::test]
async fn who_reads_is_sent_elsewhere_and_who_writes_is_not() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client()) {
            for method in [Method::GET, Method::HEAD] {
                let asked = ask_for(&client, unique(method, &at("/moved"))).await;
                let id = asked.reply.decision_id().unwrap();
                let location = format!("https://help.example/cert?reason=no_certificate&id={id}");
                assert_eq!(
                    (asked.reply.status, asked.reply.header("location")),
                    (302, Some(location.as_str()))
                );
                asked.assert_recorded_denial(&envoy, "no_certificate").await;
            }
            let asked = ask_for(&client, unique(Method::POST, &at("/moved"))).await;
            assert_eq!(asked.reply.header("location"), None);
            asked.assert_denied(&envoy, 404, "no_certificate").await;
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn a_head_request_gets_the_headers_of_the_page_alone() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client().presents(&WEB)) {
        let asked = ask_for(&client, accepting(Method::HEAD, "/app", BROWSER)).await;
        assert_eq!((asked.reply.status, asked.reply.body.len()), (403, 0));
        assert_eq!(asked.reply.header("content-type"), Some("text/html; charset=utf-8"));
    }
}
