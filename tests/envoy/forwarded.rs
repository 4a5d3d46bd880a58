//! What clients write as `x-forwarded-client-cert`: the identity is always the connection's own.

use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::common::{
    Asked, BILLING, BILLING_ID, PKI, Shared, WEB, ask, ask_for, at, both, policy, route, unique, with,
    xfcc_element,
};
use crate::harness::{Client, Envoy, Forward, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

const XFCC: &str = "x-forwarded-client-cert";

const MISMATCH: &str = "forwarded_certificate_mismatch";

/// Every value of `forward_client_cert_details`.
const KINDS: [(&str, Forward); 5] = [
    ("sanitize_set", Forward::SanitizeSet),
    ("append_forward", Forward::AppendForward),
    ("always_forward_only", Forward::AlwaysForwardOnly),
    ("forward_only", Forward::ForwardOnly),
    ("sanitize", Forward::Sanitize),
];

fn setup(version: Version) -> Setup {
    let routes = [route("payments"), with(route("welcome"), json!({ "client_certificate": "optional" }))];
    let from = |source: &str| {
        let mut policy = policy(version, &routes);
        policy["peer_certificate"]["from"] = source.into();
        policy
    };
    let setup = KINDS.iter().fold(Setup::new(&PKI).version(version), |setup, (name, forward)| {
        setup
            .listener(Listener::tls(name).forward(*forward))
            .listener(Listener::plaintext(&format!("plain_{name}")).forward(*forward))
    });
    setup
        .policy(policy(version, &routes))
        .listener(Listener::tls("from_xfcc").policy(from("xfcc")))
        .listener(Listener::tls("from_xfcc_raw").policy(from("xfcc")).forward(Forward::AlwaysForwardOnly))
        .listener(Listener::tls("from_connection").policy(from("connection")))
        .listener(
            Listener::tls("from_connection_raw")
                .policy(from("connection"))
                .forward(Forward::AlwaysForwardOnly),
        )
}

/// What a client sends who would like to be taken for `billing`.
static FORGERIES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let victim = xfcc_element(&BILLING);
    let own = xfcc_element(&WEB);
    vec![
        vec![victim.clone()],
        vec![victim.replace("Hash=", "hash=").replace("Cert=", "CERT=")],
        vec![format!("By=spiffe://acme.example/envoy;{victim}")],
        vec![format!("Hash={};URI={BILLING_ID}", WEB.hex_digest())],
        vec![format!("URI={BILLING_ID}")],
        // The digest of its own connection beside the certificate of another.
        vec![victim.replace(&BILLING.hex_digest(), &WEB.hex_digest())],
        vec![format!("{own},{victim}")],
        vec![victim.clone(), own],
        vec![victim.clone(), victim],
        vec![String::new()],
    ]
});

fn forged(url: &str, values: &[String]) -> Request<Full<Bytes>> {
    let mut request = unique(Method::GET, url);
    for value in values {
        request.headers_mut().append(XFCC, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_forged_header_without_a_client_certificate_is_no_certificate_on_every_kind_of_listener() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for (kind, _) in KINDS {
            let plain = envoy.client_of(&format!("plain_{kind}")).connect("http://pay.acme.example").await;
            let tls = envoy.client_of(kind).http2().connect(&at("/")).await;
            for (mut connection, scheme) in [(plain, "http"), (tls, "https")] {
                for values in FORGERIES.iter() {
                    let request = forged(&format!("{scheme}://pay.acme.example/payments"), values);
                    let path = request.uri().path().to_owned();
                    let asked = Asked { path, reply: connection.try_send(request).await.unwrap() };
                    let record = asked.assert_denied(&envoy, 403, "no_certificate").await;
                    assert_eq!(record["certificate"], Value::Null, "{kind} {scheme} {values:?}");
                }
                let request = forged(&format!("{scheme}://pay.acme.example/welcome"), &FORGERIES[0]);
                let reply = connection.try_send(request).await.unwrap();
                assert_eq!(reply.echo().header("x-client-verify"), ["NONE"], "{kind} {scheme}");
            }
        }
        envoy.assert_no_trap().await;
    }
}

/// Whose header the filter has to read.
#[derive(PartialEq)]
enum Header {
    /// None, or one that Envoy wrote.
    Envoys,
    /// What the client sent.
    Clients,
    /// None, and it would need one.
    Missing,
}

/// Sends every forgery with the certificate of `web`.
async fn assert_never_taken_for_another(envoy: &Envoy, listener: &str, header: Header) {
    let client = envoy.client_of(listener).presents(&WEB);
    for values in FORGERIES.iter() {
        let asked = ask_for(&client, forged(&at("/payments"), values)).await;
        let record = asked.record(envoy).await;
        assert_eq!(asked.reply.status, 403, "{listener} {values:?} {record}");
        let reason = record["reason"].as_str().unwrap();
        // Envoy joins repeated headers, so the last of them is the last element.
        let ends_with_own = values.last() == Some(&xfcc_element(&WEB));
        if header == Header::Missing || header == Header::Clients && !ends_with_own {
            assert_eq!(reason, MISMATCH, "{listener} {values:?} {record}");
            assert_eq!(record["certificate"], Value::Null, "{record}");
        } else {
            assert_eq!(reason, "identity_not_allowed", "{listener} {values:?} {record}");
            assert_eq!(record["certificate"]["sha256"], WEB.hex_digest(), "{record}");
        }
    }
}

#[tokio::test]
async fn a_forged_header_beside_another_certificate_never_lets_the_client_in() {
    let envoy = CURRENT.envoy().await;
    for (kind, _) in KINDS {
        assert_never_taken_for_another(&envoy, kind, Header::Envoys).await;
    }
    assert_never_taken_for_another(&envoy, "from_xfcc", Header::Envoys).await;
    assert_never_taken_for_another(&envoy, "from_xfcc_raw", Header::Clients).await;
    assert_never_taken_for_another(&envoy, "from_connection", Header::Envoys).await;
    assert_never_taken_for_another(&envoy, "from_connection_raw", Header::Envoys).await;
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_forged_header_beside_another_certificate_never_lets_the_client_in_on_an_older_envoy() {
    let envoy = OLDER.envoy().await;
    for (kind, forward) in KINDS {
        // Where Envoy has no attribute for the certificate, the header that it writes is needed.
        let header = match forward {
            Forward::SanitizeSet | Forward::AppendForward => Header::Envoys,
            Forward::AlwaysForwardOnly | Forward::ForwardOnly => Header::Clients,
            Forward::Sanitize => Header::Missing,
        };
        assert_never_taken_for_another(&envoy, kind, header).await;
    }
    assert_never_taken_for_another(&envoy, "from_xfcc", Header::Envoys).await;
    assert_never_taken_for_another(&envoy, "from_xfcc_raw", Header::Clients).await;
    envoy.assert_no_trap().await;
}

/// `billing` itself, without a header of its own and with ones that point at `web`.
async fn assert_let_in(envoy: &Envoy, listener: &str) {
    let client = envoy.client_of(listener).presents(&BILLING);
    for values in
        [vec![], vec![xfcc_element(&WEB)], vec![format!("Hash={};URI=spiffe://x/y", WEB.hex_digest())]]
    {
        for client in both(client.clone()) {
            let asked = ask_for(&client, forged(&at("/payments"), &values)).await;
            let record = asked.assert_permitted(envoy, "SUCCESS").await;
            assert_eq!(record["certificate"]["sha256"], BILLING.hex_digest(), "{listener} {values:?}");
        }
    }
}

async fn assert_mismatch(envoy: &Envoy, client: Client) {
    let asked = ask(&client.presents(&BILLING), &at("/payments")).await;
    asked.assert_denied(envoy, 403, MISMATCH).await;
}

#[tokio::test]
async fn a_header_of_the_client_does_not_harm_the_right_client() {
    let envoy = CURRENT.envoy().await;
    for (kind, _) in KINDS {
        assert_let_in(&envoy, kind).await;
    }
    for listener in ["from_xfcc", "from_connection", "from_connection_raw"] {
        assert_let_in(&envoy, listener).await;
    }
    let envoy = OLDER.envoy().await;
    for listener in ["sanitize_set", "append_forward", "from_xfcc"] {
        assert_let_in(&envoy, listener).await;
    }
}

#[tokio::test]
async fn a_certificate_that_envoy_forwards_nowhere_is_a_denial() {
    let envoy = CURRENT.envoy().await;
    assert_mismatch(&envoy, envoy.client_of("from_xfcc_raw")).await;
    let envoy = OLDER.envoy().await;
    for listener in ["always_forward_only", "forward_only", "sanitize", "from_xfcc_raw"] {
        assert_mismatch(&envoy, envoy.client_of(listener)).await;
    }
}

#[tokio::test]
async fn an_envoy_without_the_attribute_that_the_policy_insists_on_lets_nobody_in() {
    let envoy = OLDER.envoy().await;
    let client = envoy.client_of("from_connection").presents(&BILLING);
    for values in [vec![], vec![xfcc_element(&BILLING)]] {
        let asked = ask_for(&client, forged(&at("/payments"), &values)).await;
        asked.assert_denied(&envoy, 500, "internal_error").await;
    }
}

#[tokio::test]
async fn a_header_that_the_client_writes_of_its_own_connection_is_as_good_as_envoys() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let client = envoy.client_of("from_xfcc_raw").presents(&BILLING);
        let asked = ask_for(&client, forged(&at("/payments"), &[xfcc_element(&BILLING)])).await;
        asked.assert_permitted(&envoy, "SUCCESS").await;
    }
}
