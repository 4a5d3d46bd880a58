//! What the upstream is told of clients by `forward`, and what of it clients can write themselves: nothing.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::common::{
    BILLING, BILLING_ID, PAY, PKI, Shared, WEB, at, both, ignored, policy, route, unique, with,
};
use crate::harness::mint::{CN, Ca, Minted, OU, UTF8};
use crate::harness::{Client, Echo, Envoy, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

/// Who came by an intermediate CA, which the server does not know.
static ISSUING: LazyLock<Ca> = LazyLock::new(|| PKI.ca.intermediate("Acme Issuing"));
static BEHIND_ISSUING: LazyLock<Minted> = LazyLock::new(|| {
    ISSUING.leaf("billing").spiffe(BILLING_ID).dns("a.acme.example").dns("b.acme.example").mint()
});

/// A subject made to be misread.
static HOSTILE: LazyLock<Minted> = LazyLock::new(|| {
    let name = "a, x-admin: 1\" ; \\ % é";
    PKI.ca.leaf("x").spiffe(BILLING_ID).subject(CN, name).subject(OU, "one,two").subject(OU, "three").mint()
});

/// A subject that would be further lines of a header.
static SPLITTING: LazyLock<Minted> = LazyLock::new(|| {
    PKI.ca.leaf("x").spiffe(BILLING_ID).relative_name(&[(CN, UTF8, b"a\r\nx-admin: 1\r\n\r\n")]).mint()
});

/// Names that some route sets, in spellings that some server takes for them. HTTP/2 sends lower case.
const SPELLINGS: [&str; 10] = [
    "x_forwarded_client_cert",
    "x-client-id",
    "x_client_id",
    "x-client_id",
    "client-cert",
    "client_cert",
    "client-cert-chain",
    "client_cert-chain",
    "x-client-cn",
    "x_client_ou",
];

/// What no server takes for them.
const OTHERS: [&str; 3] = ["x-client-ids", "xclientid", "client-certs"];

fn setup(version: Version) -> Setup {
    let forward = json!({
        "headers": {
            "x-client-id": "{spiffe_id}", "X-Client-CN": "cn={subject.CN}", "x-client-ou": "{subject.OU}",
            "x-client-dns": "{dns}", "x-decision": "{route} {decision_id}",
        },
        "client_cert": true, "client_cert_chain": true, "remove_xfcc": true,
    });
    let routes = [
        with(route("payments"), json!({ "forward": forward })),
        route("plain"),
        with(route("welcome"), json!({ "client_certificate": "optional", "forward": forward })),
        with(ignored("health"), json!({ "forward": { "remove_xfcc": true } })),
        with(route("staged"), json!({ "mode": "shadow", "forward": forward })),
    ];
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &routes))
        .listener(Listener::tls("https").patch_manager(|manager| {
            manager["http_protocol_options"] = json!({ "enable_trailers": true });
        }))
        .patch(|whole| {
            whole["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = json!({
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": { "http_protocol_options": { "enable_trailers": true } },
                },
            });
        })
}

fn forged_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in SPELLINGS.iter().chain(&SPELLINGS).chain(&OTHERS) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("forged"));
    }
    headers
}

/// What the backend got for a request with forged headers.
async fn forged(client: Client, path: &str) -> Echo {
    let mut request = unique(Method::GET, &at(path));
    request.headers_mut().extend(forged_headers());
    client.send(request).await.echo()
}

fn sequence(der: &[u8]) -> String {
    format!(":{}:", BASE64_STANDARD.encode(der))
}

/// Asserts that the backend got of all that can be forwarded this, once, and in no other spelling.
fn assert_forwarded(echo: &Echo, expected: &[(&str, &str)]) {
    let text = echo.0["headers"].to_string();
    for name in OTHERS {
        assert_eq!(echo.header(name), ["forged"], "{echo:?}");
    }
    assert_eq!(text.matches("forged").count(), OTHERS.len(), "{echo:?}");
    for name in
        ["x-client-id", "x-client-cn", "x-client-ou", "x-client-dns", "client-cert", "client-cert-chain"]
    {
        let wanted: Vec<&str> =
            expected.iter().filter(|(key, _)| *key == name).map(|(_, value)| *value).collect();
        assert_eq!(echo.header(name), wanted, "{name} {echo:?}");
    }
}

#[tokio::test]
async fn the_upstream_gets_the_identity_and_the_certificates_of_a_permitted_client() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let client = envoy.client().presents_chain(&BEHIND_ISSUING, &[&ISSUING]);
        let (leaf, chain) = (sequence(&BEHIND_ISSUING.der), sequence(ISSUING.der()));
        for client in both(client) {
            for path in ["/payments", "/welcome"] {
                let echo = forged(client.clone(), path).await;
                let expected = [
                    ("x-client-id", BILLING_ID),
                    ("x-client-cn", "cn=billing"),
                    ("x-client-dns", "a.acme.example,b.acme.example"),
                    ("client-cert", leaf.as_str()),
                    ("client-cert-chain", chain.as_str()),
                ];
                assert_forwarded(&echo, &expected);
                assert_eq!(echo.header("x-client-verify"), ["SUCCESS"]);
                assert!(echo.header("x-forwarded-client-cert").is_empty(), "{echo:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_decision_that_the_upstream_is_told_is_the_recorded_one() {
    let envoy = CURRENT.envoy().await;
    let request = unique(Method::GET, &at("/payments"));
    let path = request.uri().path().to_owned();
    let echo = envoy.client().presents(&BILLING).send(request).await.echo();
    let record = envoy.wait_for_record(|record| record["request"]["path"] == path).await;
    assert_eq!(echo.header("x-decision"), [format!("payments {}", record["id"].as_str().unwrap())]);
}

#[tokio::test]
async fn nobody_else_is_told_of_and_forged_headers_never_arrive() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let anonymous = envoy.client();
        for (client, path, verify) in [
            (anonymous.clone().presents(&BILLING), "/plain", "SUCCESS"),
            (anonymous.clone(), "/welcome", "NONE"),
            (anonymous.clone(), "/health", "NONE"),
            (anonymous.clone().presents(&BILLING), "/health", "NONE"),
            (anonymous.clone(), "/staged", "NONE"),
            (anonymous.clone().presents(&WEB), "/staged", "NONE"),
        ] {
            for client in both(client) {
                let echo = forged(client, path).await;
                assert_forwarded(&echo, &[]);
                assert_eq!(echo.header("x-client-verify"), [verify], "{path}");
                let has_xfcc = !echo.header("x-forwarded-client-cert").is_empty();
                assert_eq!(has_xfcc, path == "/plain", "{path} {echo:?}");
            }
        }
        let shadowed = forged(anonymous.presents(&BILLING), "/staged").await;
        let leaf = sequence(&BILLING.der);
        let dns = [("x-client-dns", "billing.acme.example")];
        let of_billing = [("x-client-id", BILLING_ID), ("x-client-cn", "cn=billing"), ("client-cert", &leaf)];
        assert_forwarded(&shadowed, &[&of_billing[..], &dns[..]].concat());
    }
}

#[tokio::test]
async fn a_subject_cannot_write_headers() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client().presents(&HOSTILE)) {
            let echo = forged(client, "/payments").await;
            let leaf = sequence(&HOSTILE.der);
            let expected = [
                ("x-client-id", BILLING_ID),
                ("x-client-cn", "cn=a%2C%20x-admin:%201%22%20%3B%20%5C%20%25%20%C3%A9"),
                ("x-client-ou", "one%2Ctwo,three"),
                ("client-cert", leaf.as_str()),
            ];
            assert_forwarded(&echo, &expected);
        }
        for client in both(envoy.client().presents(&SPLITTING)) {
            let echo = forged(client, "/payments").await;
            let leaf = sequence(&SPLITTING.der);
            assert_forwarded(&echo, &[("x-client-id", BILLING_ID), ("client-cert", &leaf)]);
            assert!(echo.header("x-admin").is_empty(), "{echo:?}");
        }
        envoy.assert_no_trap().await;
    }
}

fn posted(path: &str) -> Request<Full<Bytes>> {
    let mut request = unique(Method::POST, &at(path));
    *request.body_mut() = Full::from("hello");
    request
}

/// Asserts that of the trailers the backend got those of other names alone.
fn assert_trailers_stripped(echo: &Echo) {
    let names: Vec<&String> = echo.0["trailers"].as_object().unwrap().keys().collect();
    let mut expected = OTHERS;
    expected.sort_unstable();
    assert_eq!(names, expected, "{echo:?}");
}

/// Every client and path of which the request passes.
fn passing(envoy: &Envoy) -> [(Client, &'static str); 5] {
    let client = envoy.client();
    [
        (client.clone().presents(&BILLING), "/payments"),
        (client.clone().presents(&BILLING), "/plain"),
        (client.clone(), "/welcome"),
        (client.clone(), "/health"),
        (client.presents(&WEB), "/staged"),
    ]
}

#[tokio::test]
async fn forged_trailers_never_arrive() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let mut trailers = forged_headers();
        trailers.append("x-forwarded-client-cert", HeaderValue::from_static("forged"));
        trailers.append("x_forwarded_client_cert", HeaderValue::from_static("forged"));
        for (client, path) in passing(&envoy) {
            let mut connection = client.clone().http2().connect(PAY).await;
            let reply = connection.try_send_with_trailers(posted(path), trailers.clone()).await.unwrap();
            assert_trailers_stripped(&reply.echo());

            let names = SPELLINGS
                .iter()
                .chain(&["X-Client-Id", "CLIENT_CERT", "X-Forwarded-Client-Cert"])
                .chain(&OTHERS);
            let lines: String = names.map(|name| format!("{name}: forged\r\n")).collect();
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: pay.acme.example\r\ntransfer-encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n{lines}\r\n"
            );
            let reply = client.raw("pay.acme.example", request.as_bytes()).await.unwrap();
            assert_trailers_stripped(&Echo(serde_json::from_slice::<Value>(&reply.body).unwrap()));
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn forged_headers_in_capitals_never_arrive() {
    let envoy = CURRENT.envoy().await;
    let names = ["X-CLIENT-ID", "X_Client_Id", "Client-Cert", "CLIENT_CERT_CHAIN"];
    let lines: String = names.iter().map(|name| format!("{name}: forged\r\n{name}:\r\n")).collect();
    for (client, path) in passing(&envoy) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: pay.acme.example\r\n{lines}\r\n");
        let reply = client.raw("pay.acme.example", request.as_bytes()).await.unwrap();
        assert_eq!(reply.status, Some(200), "{reply:?}");
        let echo = Echo(serde_json::from_slice(&reply.body).unwrap());
        assert!(!echo.0.to_string().contains("forged"), "{echo:?}");
        let expected: &[&str] = if path == "/payments" { &[BILLING_ID] } else { &[] };
        assert_eq!(echo.header("x-client-id"), expected);
    }
}
