//! What clients write into headers and trailers that the filter or the proxy sets: it never reaches the upstream, and
//! never changes what is decided or recorded.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use serde_json::json;

use crate::common::{
    BILLING, PAY, PKI, Shared, WEB, ask_for, at, both, ignored, policy, route, unique, with,
};
use crate::harness::{Client, Echo, Envoy, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

/// What some server reads as `x-client-verify`. HTTP/2 sends lower case.
const SPELLINGS: [&str; 4] = ["x-client-verify", "x_client_verify", "x-client_verify", "x_client-verify"];

/// What no server reads as that.
const OTHERS: [&str; 4] = ["x-client-verify2", "x-client-verified", "xclientverify", "client-verify"];

fn setup(version: Version) -> Setup {
    let routes = [
        route("payments"),
        with(route("welcome"), json!({ "client_certificate": "optional" })),
        ignored("health"),
        with(route("staged"), json!({ "mode": "shadow" })),
    ];
    let trailers = |listener: Listener| {
        listener.patch_manager(|manager| {
            manager["http_protocol_options"] = json!({ "enable_trailers": true });
        })
    };
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &routes))
        .listener(trailers(Listener::tls("https")))
        .listener(Listener::tls("believing").believe_forwarded_for())
        .listener(Listener::plaintext("plain"))
        .listener(Listener::plaintext("plain_believing").believe_forwarded_for())
        .patch(|whole| {
            whole["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = json!({
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": { "http_protocol_options": { "enable_trailers": true } },
                },
            });
        })
}

/// A client for every outcome in which the request reaches the upstream, and what the upstream is told.
fn outcomes(envoy: &Envoy) -> [(Client, &'static str, &'static str); 6] {
    let client = envoy.client();
    [
        (client.clone().presents(&BILLING), "/payments", "SUCCESS"),
        (client.clone().presents(&BILLING), "/welcome", "SUCCESS"),
        (client.clone(), "/welcome", "NONE"),
        (client.clone().presents(&BILLING), "/health", "NONE"),
        (client.clone().presents(&WEB), "/staged", "NONE"),
        (client, "/staged", "NONE"),
    ]
}

fn reads_as_own(name: &str) -> bool {
    name.replace('_', "-").eq_ignore_ascii_case("x-client-verify")
}

/// Asserts that of all the spellings the upstream got one, once, and everything of another name.
fn assert_stripped(echo: &Echo, verify: &str) {
    let own: Vec<&str> = echo.header_names().into_iter().filter(|name| reads_as_own(name)).collect();
    assert_eq!(own, ["x-client-verify"], "{echo:?}");
    assert_eq!(echo.header("x-client-verify"), [verify], "{echo:?}");
    for name in OTHERS {
        assert_eq!(echo.header(name), ["SUCCESS"], "{name} {echo:?}");
    }
}

fn forged_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in SPELLINGS.iter().chain(&SPELLINGS).chain(&OTHERS) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("SUCCESS"));
    }
    headers
}

#[tokio::test]
async fn client_copies_of_own_headers_never_reach_the_upstream_and_others_do() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for (client, path, verify) in outcomes(&envoy) {
            for client in both(client) {
                let mut request = unique(Method::GET, &at(path));
                request.headers_mut().extend(forged_headers());
                assert_stripped(&client.send(request).await.echo(), verify);
            }
        }
    }
}

#[tokio::test]
async fn client_copies_in_upper_case_or_without_a_value_never_reach_the_upstream() {
    let envoy = CURRENT.envoy().await;
    let spellings = ["X-CLIENT-VERIFY", "X_Client_Verify", "x-Client_VERIFY"];
    let forged: String = spellings.iter().map(|name| format!("{name}: SUCCESS\r\n{name}:\r\n")).collect();
    let others: String = OTHERS.iter().map(|name| format!("{}: SUCCESS\r\n", name.to_uppercase())).collect();
    for (client, path, verify) in outcomes(&envoy) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: pay.acme.example\r\n{forged}{others}\r\n");
        let reply = client.raw("pay.acme.example", request.as_bytes()).await.unwrap();
        assert_eq!(reply.status, Some(200), "{reply:?}");
        assert_stripped(&Echo(serde_json::from_slice(&reply.body).unwrap()), verify);
    }
}

#[tokio::test]
async fn client_copies_do_not_make_a_denied_request_pass() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for (client, reason) in
            [(envoy.client(), "no_certificate"), (envoy.client().presents(&WEB), "identity_not_allowed")]
        {
            for client in both(client) {
                let mut request = unique(Method::GET, &at("/payments"));
                request.headers_mut().extend(forged_headers());
                ask_for(&client, request).await.assert_denied(&envoy, 403, reason).await;
            }
        }
    }
}

fn posted(path: &str) -> Request<Full<Bytes>> {
    let mut request = unique(Method::POST, &at(path));
    *request.body_mut() = Full::from("hello");
    request
}

fn assert_trailers_stripped(echo: &Echo) {
    let names: Vec<&String> = echo.0["trailers"].as_object().unwrap().keys().collect();
    let mut expected = OTHERS;
    expected.sort_unstable();
    assert_eq!(names, expected, "{echo:?}");
    assert_eq!(echo.0["body"], "hello", "{echo:?}");
}

#[tokio::test]
async fn client_copies_in_trailers_never_reach_the_upstream_over_http2() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for (client, path, verify) in outcomes(&envoy) {
            let mut connection = client.http2().connect(PAY).await;
            let reply = connection.try_send_with_trailers(posted(path), forged_headers()).await.unwrap();
            assert_eq!(reply.echo().header("x-client-verify"), [verify]);
            assert_trailers_stripped(&reply.echo());
        }
    }
}

#[tokio::test]
async fn client_copies_in_trailers_never_reach_the_upstream_over_http1() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let names = SPELLINGS.iter().chain(&["X-Client-Verify", "X_CLIENT_VERIFY"]).chain(&OTHERS);
        let trailers: String = names.map(|name| format!("{name}: SUCCESS\r\n")).collect();
        for (client, path, verify) in outcomes(&envoy) {
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: pay.acme.example\r\ntransfer-encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n{trailers}\r\n"
            );
            let reply = client.raw("pay.acme.example", request.as_bytes()).await.unwrap();
            assert_eq!(reply.status, Some(200), "{reply:?}");
            let echo = Echo(serde_json::from_slice(&reply.body).unwrap());
            assert_eq!(echo.header("x-client-verify"), [verify]);
            assert_trailers_stripped(&echo);
        }
        envoy.assert_no_trap().await;
    }
}

/// Headers in which clients and proxies name an address.
const ADDRESSES: [(&str, &str); 6] = [
    ("x-forwarded-for", "192.0.2.7"),
    ("x-forwarded-for", "127.0.0.1, 192.0.2.8"),
    ("x-real-ip", "192.0.2.7"),
    ("forwarded", "for=192.0.2.7;proto=https"),
    ("x-envoy-external-address", "192.0.2.7"),
    ("true-client-ip", "192.0.2.7"),
];

#[tokio::test]
async fn a_forged_address_changes_neither_the_source_of_the_record_nor_the_decision() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for listener in ["https", "believing"] {
            let client = envoy.client_of(listener);
            for (client, path, decision) in [
                (client.clone().presents(&BILLING), "/payments", "permit"),
                (client.clone().presents(&WEB), "/payments", "deny"),
                (client.clone(), "/payments", "deny"),
                (client.clone(), "/health", "permit"),
                (client, "/staged", "deny"),
            ] {
                assert_source_is_ours(&envoy, client, &at(path), decision).await;
            }
        }
        for listener in ["plain", "plain_believing"] {
            for (path, decision) in [("/payments", "deny"), ("/health", "permit")] {
                let url = format!("http://pay.acme.example{path}");
                assert_source_is_ours(&envoy, envoy.client_of(listener), &url, decision).await;
            }
        }
    }
}

/// Asks with every forged address and with all of them, over one connection.
async fn assert_source_is_ours(envoy: &Envoy, client: Client, url: &str, decision: &str) {
    let mut connection = client.connect(url).await;
    let local = connection.local_address();
    let sets = ADDRESSES.iter().map(std::slice::from_ref).chain([&ADDRESSES[..], &[]]);
    for forged in sets {
        let mut request = unique(Method::GET, url);
        for (name, value) in forged {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let path = request.uri().path().to_owned();
        connection.try_send(request).await.unwrap();
        let record = envoy.wait_for_record(|record| record["request"]["path"] == path).await;
        assert_eq!(record["decision"], decision, "{forged:?} {record}");
        let source: SocketAddr = record["source"].as_str().unwrap().parse().unwrap();
        // A container sees the address of the engine, which forwards our connection.
        if source.ip() == local.ip() {
            assert_eq!(source, local, "{forged:?}");
        }
        let line = envoy.wait_for_access(|line| line["path"] == path).await;
        assert_eq!(line["source"], record["source"], "{forged:?}");
        assert!(!source.ip().to_string().starts_with("192.0.2."), "{forged:?} {record}");
    }
}
