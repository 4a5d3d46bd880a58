//! HTTP/2 requests of odd form, as far as a client library sends them.

use super::{HOST, Target, verdict};
use crate::harness::get;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};

const OPEN: &str = "https://pay.acme.example/open";

/// Sends a request over a connection of its own; returns in a word what came of it, and the host in its record.
async fn strike(target: &Target, what: &str, request: Request<Full<Bytes>>) -> (String, Option<String>) {
    let mut connection = target.envoy.client().http2().connect(OPEN).await;
    let (reply, record) = target.strike(what, connection.try_send(request)).await;
    let host = record.as_ref().and_then(|record| record["request"]["host"].as_str());
    (verdict(reply.ok().map(|reply| reply.status), record.as_ref()), host.map(str::to_owned))
}

#[tokio::test]
async fn http2_headers_of_any_bytes_stop_nothing() {
    let target = Target::start(|setup| setup).await;
    for name in ["x-odd", "x-forwarded-client-cert", "x-client-verify", "content-type", "cookie", "te", "_"] {
        for value in [&b""[..], b"\xff\xfe", b"\xc3\x28", b"application/grpc\xff"] {
            let mut request = get(OPEN);
            let value = HeaderValue::from_bytes(value).unwrap();
            let what = format!("{name}: {value:?}");
            request.headers_mut().insert(HeaderName::from_static(name), value);
            let (found, _) = strike(&target, &what, request).await;
            assert_eq!(found, "permit open 200", "{what}");
        }
    }
}

#[tokio::test]
async fn http2_targets_of_odd_form_are_denied_or_read_as_envoy_reads_them() {
    let target = Target::start_with_paths_untouched().await;
    for (method, url, host, expected) in [
        ("GET", OPEN, None, "permit open 200"),
        ("GET", "/open", Some(&b"pay.acme.example"[..]), "permit open 200"),
        ("GET", "/open", None, "no answer"),
        ("GET", OPEN, Some(b"pay.acme.example"), "permit open 200"),
        // `:authority` alone counts.
        ("GET", OPEN, Some(b"other.acme.example"), "permit open 200"),
        ("GET", OPEN, Some(b""), "no answer"),
        ("GET", OPEN, Some(b"pay.acme.example\xff"), "no answer"),
        ("GET", "/open", Some(b"pay..acme.example"), "invalid_request 400"),
        ("GET", "https://pay.acme.example:999999/open", None, "invalid_request 400"),
        ("GET", "https://alice@pay.acme.example/open", None, "no answer"),
        ("GET", "https://pay.acme.example/admin", Some(b"other.acme.example"), "no_certificate 403"),
        ("GET", "https://pay.acme.example//admin", None, "ambiguous_path 400"),
        ("GET", "https://pay.acme.example/a%00b", None, "invalid_request 400"),
        ("GET", "https://pay.acme.example/caf\u{e9}", None, "invalid_request 400"),
        ("GET", "https://pay.acme.example/open\u{2028}", None, "invalid_request 400"),
        ("CONNECT", "pay.acme.example:443", None, "no_route 403"),
        ("OPTIONS", "*", Some(b"pay.acme.example"), "envoy 404"),
        ("OPTIONS", "*", None, "no answer"),
        ("get", OPEN, None, "invalid_request 400"),
        // The service behind takes neither of these methods.
        ("BREW", OPEN, None, "permit open 400"),
        ("!#$%&'*+-.^_`|~", OPEN, None, "permit open 400"),
        ("BREW", "https://pay.acme.example/admin", None, "no_certificate 403"),
    ] {
        let mut request = get("/");
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = url.parse::<Uri>().unwrap();
        if let Some(host) = host {
            request.headers_mut().insert(header::HOST, HeaderValue::from_bytes(host).unwrap());
        }
        let what =
            format!("{method} {url} {:?}", host.map(<[u8]>::escape_ascii).map(|host| host.to_string()));
        let (found, host) = strike(&target, &what, request).await;
        assert_eq!(found, expected, "{what}");
        if found.starts_with("permit") {
            assert_eq!(host.as_deref(), Some(HOST), "{what}");
        }
    }
}
