//! Requests as Envoy tells of them, in the configuration that we ship.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::host::abi::pairs;
use crate::host::stream::Stream;
use crate::mint::{Ca, Minted};

/// Who signs the clients' certificates.
pub(crate) static CA: LazyLock<Ca> = LazyLock::new(|| Ca::new("Acme Issuing"));

/// The SPIFFE ID that most policies allow.
pub(crate) const BILLING: &str = "spiffe://acme.example/ns/prod/sa/billing";

/// A certificate of it.
pub(crate) static BILLING_CERTIFICATE: LazyLock<Minted> = LazyLock::new(|| service("billing"));

/// A certificate of the SPIFFE ID and the DNS name of a service.
pub(crate) fn service(name: &str) -> Minted {
    let id = format!("spiffe://acme.example/ns/prod/sa/{name}");
    CA.leaf(name).spiffe(&id).dns(&format!("{name}.acme.example")).mint()
}

/// GET of this path on this host, on a TLS connection with this certificate that Envoy has verified.
pub(crate) fn request(certificate: Option<&Minted>, host: &str, path: &str) -> Stream {
    told(certificate, true, host, path)
}

/// The same with a certificate that it has not verified.
pub(crate) fn unverified(certificate: &Minted, host: &str, path: &str) -> Stream {
    told(Some(certificate), false, host, path)
}

fn told(certificate: Option<&Minted>, is_valid: bool, host: &str, path: &str) -> Stream {
    let mut headers = pairs(&[
        (":authority", host),
        (":path", path),
        (":method", "GET"),
        (":scheme", "https"),
        ("user-agent", "curl/8.14.1"),
        ("accept", "*/*"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "1f4e7c52-6c0f-4b0e-9a55-0d6cf1b6f0a1"),
    ]);
    let digest = certificate.map_or_else(|| "-".to_owned(), Minted::hex_digest);
    let valid = certificate.map_or("-", |_| if is_valid { "true" } else { "false" });
    let mut attributes: HashMap<String, Vec<u8>> = HashMap::new();
    let mut tell = |name: &str, value: &[u8]| attributes.insert(name.to_owned(), value.to_vec());
    tell("connection.tls_version", b"TLSv1.3");
    tell("connection.requested_server_name", host.as_bytes());
    tell("connection.mtls", &[u8::from(certificate.is_some())]);
    tell("request.protocol", b"HTTP/2");
    tell("source.address", b"203.0.113.7:40112");
    tell("xds.route_name", b"backend");
    tell("xds.cluster_name", b"backend");
    if let Some(certificate) = certificate {
        tell("connection.sha256_peer_certificate_digest", digest.as_bytes());
        tell("connection.peer_certificate", certificate.pem().as_bytes());
        tell("connection.peer_certificate_valid", &[u8::from(is_valid)]);
        let subject = format!("{};Chain=\"\"", certificate.xfcc_element());
        headers.extend(pairs(&[("x-forwarded-client-cert", &subject)]));
    }
    for (key, format) in FILTER_STATE.iter() {
        tell(&format!("filter_state.{key}"), formatted(format, host, path, &digest, valid).as_bytes());
    }
    Stream { headers, attributes, ..Stream::default() }
}

/// What the configuration that we ship leaves in filter state: keys and formats.
static FILTER_STATE: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut states = Vec::new();
    let mut key = None;
    for line in include_str!("../../envoy/envoy.yaml").lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- object_key: ") {
            key = Some(name.to_owned());
        }
        if let Some((_, format)) = line.split_once("inline_string: \"") {
            let format = format.split_once('"').expect("the end of a format").0;
            states.push((key.take().expect("the key of a format"), format.to_owned()));
        }
    }
    assert!(!states.is_empty(), "`envoy/envoy.yaml` leaves nothing in filter state, or in another form");
    states
});

/// What Envoy makes of a format.
fn formatted(format: &str, host: &str, path: &str, digest: &str, valid: &str) -> String {
    let mut text = String::new();
    for (at, part) in format.split('%').enumerate() {
        text.push_str(match part {
            part if at % 2 == 0 => part,
            "DOWNSTREAM_DIRECT_REMOTE_ADDRESS" => "203.0.113.7:40112",
            "DOWNSTREAM_TLS_VERSION" => "TLSv1.3",
            "DOWNSTREAM_TLS_CIPHER" => "TLS_AES_128_GCM_SHA256",
            "REQUESTED_SERVER_NAME" => host,
            "DOWNSTREAM_PEER_FINGERPRINT_256" => digest,
            "CEL(connection.peer_certificate_valid)" => valid,
            "PROTOCOL" => "HTTP/2",
            "REQ(:METHOD)" => "GET",
            "REQ(:AUTHORITY)" => host,
            "REQ(:PATH)" => path,
            other => panic!("`%{other}%` in `envoy/envoy.yaml`: this host cannot tell it"),
        });
    }
    text
}
