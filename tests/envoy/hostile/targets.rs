//! Hosts, methods and request targets that no well-behaved client sends.

use super::Target;

#[tokio::test]
async fn hosts_that_are_none_are_denied_and_others_read_in_one_form() {
    let target = Target::start(|setup| setup).await;
    for (host, expected) in [
        (&b"pay.acme.example"[..], "permit open 200"),
        (b"PAY.acme.example", "permit open 200"),
        (b"pay.acme.example.", "permit open 200"),
        (b"pay.acme.example:99999", "permit open 200"),
        (b"pay.acme.example:", "permit open 200"),
        (b"[::1]", "permit open 200"),
        (b"", "invalid_request 400"),
        (b"\t", "invalid_request 400"),
        (b"*", "invalid_request 400"),
        (b"a,b", "invalid_request 400"),
        (b"pay..acme.example", "invalid_request 400"),
        (b"pay.acme.example%00", "invalid_request 400"),
        (b"alice@pay.acme.example", "invalid_request 400"),
        (b"pay.acme.example:x", "invalid_request 400"),
        (b"pay.acme.example:999999", "invalid_request 400"),
        (b"pay.acme.example\r\nhost: pay.acme.example", "invalid_request 400"),
        (b"pay.acme.example\r\nhost: other.acme.example", "invalid_request 400"),
        (b"::1", "invalid_request 400"),
        (b"[::1", "invalid_request 400"),
        (b"[::1]x", "invalid_request 400"),
        (b"[::1%25eth0]", "invalid_request 400"),
        (b"a b", "envoy 400"),
        (b"pay.acme.example/good", "envoy 400"),
        (b"pay.acme.example#x", "envoy 400"),
        (b"pay.acme.example\\x", "envoy 400"),
        (b"pay.acme.example\0", "envoy 400"),
        (b"pay.acme.example\xff", "envoy 400"),
        (b"p\xc3\xa4y.acme.example", "envoy 400"),
    ] {
        let request = [b"GET /open HTTP/1.1\r\nhost: ", host, b"\r\n\r\n"].concat();
        target.strike_each([(&request[..], expected)]).await;
    }
}

#[tokio::test]
async fn request_lines_of_odd_form_are_denied_or_read_as_envoy_reads_them() {
    let target = Target::start(|setup| setup).await;
    for (line, expected) in [
        (&b"PROPFIND /open HTTP/1.1"[..], "permit open 200"),
        (b"GET  /open HTTP/1.1", "permit open 200"),
        (b"\r\n\r\nGET /open HTTP/1.1", "permit open 200"),
        (b"GET https://other.acme.example/open HTTP/1.1", "permit open 200"),
        (b"GET http://pay.acme.example HTTP/1.1", "permit open 200"),
        (b"GET http://pay.acme.example/admin HTTP/1.1", "no_certificate 403"),
        (b"GET http://pay.acme.example:0x1/open HTTP/1.1", "envoy 400"),
        (b"GET https:///open HTTP/1.1", "envoy 400"),
        (b"GET ftp://pay.acme.example/open HTTP/1.1", "envoy 400"),
        (b"GET pay.acme.example/open HTTP/1.1", "envoy 400"),
        (b"CONNECT pay.acme.example:443 HTTP/1.1", "no_route 403"),
        // A client that asks for a tunnel must not take the 200 of a gRPC reply for one.
        (b"CONNECT pay.acme.example:443 HTTP/1.1\r\ncontent-type: application/grpc", "no_route 403"),
        (b"CONNECT /admin HTTP/1.1", "envoy 400"),
        (b"OPTIONS * HTTP/1.1", "envoy 404"),
        (b"GET * HTTP/1.1", "envoy 400"),
        (b"BREW /open HTTP/1.1", "envoy 400"),
        (b"get /open HTTP/1.1", "envoy 400"),
        (b"G\xffT /open HTTP/1.1", "envoy 400"),
        (b"G@T /open HTTP/1.1", "envoy 400"),
        (b" /open HTTP/1.1", "envoy 400"),
        (b"GET /open", "envoy 426"),
        (b"GET /open HTTP/1.0", "envoy 426"),
        (b"GET /open HTTP/2.0", "envoy 426"),
        (b"PRI * HTTP/2.0", "envoy 400"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "envoy 400"),
    ] {
        let request = [line, b"\r\nhost: pay.acme.example\r\n\r\n"].concat();
        target.strike_each([(&request[..], expected)]).await;
    }
    let without_host: [(&[u8], &str); 2] =
        [(b"GET /open HTTP/1.1\r\n\r\n", "envoy 400"), (b"GET /open HTTP/1.0\r\n\r\n", "envoy 426")];
    target.strike_each(without_host).await;
}

#[tokio::test]
async fn http_1_0_is_judged_like_any_other_where_envoy_is_told_to_take_it() {
    let accepting = |manager: &mut serde_json::Value| {
        manager["http_protocol_options"] =
            serde_json::json!({ "accept_http_10": true, "default_host_for_http_10": "pay.acme.example" });
    };
    let listener = crate::harness::Listener::tls("https").patch_manager(accepting);
    let target = Target::start(|setup| setup.listener(listener)).await;
    let cases: [(&[u8], &str); 4] = [
        (b"GET /open HTTP/1.0\r\n\r\n", "permit open 200"),
        (b"GET /admin HTTP/1.0\r\n\r\n", "no_certificate 403"),
        (b"GET /admin HTTP/1.0\r\nhost: pay.acme.example\r\n\r\n", "no_certificate 403"),
        (b"GET /open HTTP/1.0\r\nhost: @\r\n\r\n", "invalid_request 400"),
    ];
    target.strike_each(cases).await;
}
