//! Header fields that no well-behaved client sends.

use super::{Target, with_line};
use crate::harness::get;

const NAMES: [&str; 10] = [
    "x-odd",
    "x-forwarded-client-cert",
    "x-client-verify",
    "x-forwarded-for",
    "x-request-id",
    "content-type",
    "cookie",
    "user-agent",
    "expect",
    "te",
];

#[tokio::test]
async fn header_values_that_are_no_text_stop_nothing() {
    let target = Target::start(|setup| setup).await;
    for name in NAMES {
        for (value, expected) in [
            (&b""[..], "permit open 200"),
            (b"a\tb", "permit open 200"),
            (b"\xff\xfe", "permit open 200"),
            (b"\xc3\x28", "permit open 200"),
            (b"\xed\xa0\x80", "permit open 200"),
            (b"application/grpc\xff", "permit open 200"),
            (b"a\0b", "envoy 400"),
            (b"\x01", "envoy 400"),
            (b"\x7f", "envoy 400"),
        ] {
            let line = [name.as_bytes(), b": ", value].concat();
            target.strike_each([(&with_line(&line)[..], expected)]).await;
        }
    }
}

#[tokio::test]
async fn every_byte_beyond_ascii_stops_nothing_and_reaches_the_upstream_as_it_was() {
    let target = Target::start(|setup| setup).await;
    for byte in 0x80..=0xff_u8 {
        let mut request = get("https://pay.acme.example/open");
        request.headers_mut().insert("x-odd", hyper::header::HeaderValue::from_bytes(&[b'a', byte]).unwrap());
        let (reply, record) = target.strike("a header", target.envoy.client().send(request)).await;
        assert_eq!(reply.echo().header("x-odd"), [format!("a{}", char::from(byte))], "{byte:#x}");
        assert_eq!(record.unwrap()["route"], "open");
    }
}

#[tokio::test]
async fn header_fields_of_odd_form_stop_nothing() {
    let target = Target::start(|setup| setup).await;
    let many = |count| {
        (0..count).map(|number| format!("x-{number}: \u{e9}")).collect::<Vec<_>>().join("\r\n").into_bytes()
    };
    let long_name = [&b"n".repeat(10_000)[..], b": a"].concat();
    let long_value = |length| [b"x-odd: ", &b"\xff".repeat(length)[..]].concat();
    for (line, expected) in [
        (b"_: a".to_vec(), "permit open 200"),
        (b"X-UPPER: a".to_vec(), "permit open 200"),
        (b"x-odd: a\r\n folded".to_vec(), "permit open 200"),
        (b"connection: x-client-verify".to_vec(), "permit open 200"),
        (b"upgrade: h2c\r\nconnection: upgrade".to_vec(), "permit open 200"),
        (long_name, "permit open 200"),
        (long_value(10_000), "permit open 200"),
        (many(85), "permit open 200"),
        (many(150), "envoy 431"),
        (long_value(70_000), "envoy 431"),
        (b": a".to_vec(), "envoy 400"),
        (b"x odd: a".to_vec(), "envoy 400"),
        (b"x-odd\xff: a".to_vec(), "envoy 400"),
        (b"x-odd : a".to_vec(), "envoy 400"),
        (b"no colon".to_vec(), "envoy 400"),
        (b":path: /admin".to_vec(), "envoy 400"),
        (b":authority: evil.example".to_vec(), "envoy 400"),
        (b"content-length: 1\r\ncontent-length: 2".to_vec(), "envoy 400"),
        (b"content-length: -1".to_vec(), "envoy 400"),
        (b"transfer-encoding: chunked\r\ncontent-length: 5".to_vec(), "envoy 400"),
        (b"transfer-encoding: \xff".to_vec(), "envoy 501"),
    ] {
        target.strike_each([(&with_line(&line)[..], expected)]).await;
    }
}
