//! What routes demand of connections and certificates, on connections and with certificates that are real.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::{BILLING, PAY, PKI, Shared, ask, at, both, policy, route, unique, with};
use crate::harness::mint::{EXTENDED_KEY_USAGE, Key, Leaf, der};
use crate::harness::{Envoy, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

const SMART_CARD_LOGON: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 20, 2, 2];
const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const EMAIL_PROTECTION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 4];
const CODE_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];
const ANY_PURPOSE: &[u64] = &[2, 5, 29, 37, 0];

/// The suites of TLS 1.2 that Envoy and the tests' client prefer, one or the other by what the machine is good at.
const SUITES: [&str; 2] = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"];

fn setup(version: Version) -> Setup {
    let any =
        |name: &str, members: Value| with(with(route(name), json!({ "allow": "any_verified" })), members);
    let routes = [
        any("modern", json!({ "tls": { "min_version": "TLSv1.3" } })),
        any("old", json!({ "tls": { "min_version": "TLSv1.2" } })),
        any("suite", json!({ "tls": { "ciphers": SUITES } })),
        any("plain", json!({})),
        any("card", json!({ "certificate": { "extended_key_usage": "1.3.6.1.4.1.311.20.2.2" } })),
        any("purpose", json!({ "certificate": { "extended_key_usage": "any" } })),
        any(
            "strict",
            json!({ "certificate": {
            "key_types": "ec_p384", "max_lifetime_days": 365, "forbid_wildcard_names": true,
        } }),
        ),
        any("names", json!({ "certificate": { "forbid_wildcard_names": true, "max_dns_names": 2 } })),
        any("short", json!({ "certificate": { "max_lifetime_days": 365 } })),
    ];
    let silent = |listener: &mut Value| {
        let filters = listener["filter_chains"][0]["filters"].as_array_mut().unwrap();
        filters[0]["typed_config"].as_object_mut().unwrap().remove("on_downstream_tls_handshake");
    };
    // Envoy refuses certificates for other purposes where it verifies them by a CA, and takes them where it knows their keys.
    let pinned = |tls: &mut Value| {
        let info = rcgen::PublicKeyData::subject_public_key_info(&Key::new("billing"));
        let pin = BASE64_STANDARD.encode(Sha256::digest(info));
        tls["common_tls_context"]["validation_context"] = json!({ "verify_certificate_spki": [pin] });
    };
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &routes))
        .listener(Listener::tls("https"))
        .listener(Listener::tls("silent").patch(silent))
        .listener(Listener::tls("pinned").patch_tls(pinned).policy(policy(Version::Older, &routes)))
        .listener(Listener::plaintext("plain"))
}

#[tokio::test]
async fn an_older_version_of_tls_than_the_route_demands_is_refused() {
    for shared in [&CURRENT, &OLDER] {
        let envoy = shared.envoy().await;
        for client in both(envoy.client().presents(&BILLING)) {
            let (old, new) = (client.clone().tls12(), client.tls13());
            ask(&new, &at("/modern")).await.assert_permitted(&envoy, "SUCCESS").await;
            ask(&new, &at("/old")).await.assert_permitted(&envoy, "SUCCESS").await;
            ask(&old, &at("/old")).await.assert_permitted(&envoy, "SUCCESS").await;
            ask(&old, &at("/modern")).await.assert_denied(&envoy, 403, "tls_version").await;
        }
        let plain = ask(&envoy.client_of("plain"), &format!("{}/old", PAY.replace("https", "http"))).await;
        plain.assert_denied(&envoy, 403, "tls_version").await;
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn another_cipher_suite_than_the_route_accepts_is_refused() {
    for shared in [&CURRENT, &OLDER] {
        let envoy = shared.envoy().await;
        let client = envoy.client().presents(&BILLING);
        let record =
            ask(&client.clone().tls13(), &at("/suite")).await.assert_denied(&envoy, 403, "cipher").await;
        assert!(record["detail"].as_str().unwrap().contains("`TLS_"), "{record}");
        ask(&client.tls12(), &at("/suite")).await.assert_permitted(&envoy, "SUCCESS").await;
        let plain = ask(&envoy.client_of("plain"), &format!("{}/suite", PAY.replace("https", "http"))).await;
        plain.assert_denied(&envoy, 403, "cipher").await;
    }
}

#[tokio::test]
async fn a_listener_that_does_not_tell_the_cipher_suite_answers_with_an_error() {
    let envoy = CURRENT.envoy().await;
    let client = envoy.client_of("silent").presents(&BILLING);
    let record = ask(&client, &at("/suite")).await.assert_denied(&envoy, 500, "internal_error").await;
    assert!(record["detail"].as_str().unwrap().contains("mtls_policy.connection"), "{record}");
    ask(&client, &at("/plain")).await.assert_permitted(&envoy, "SUCCESS").await;
}

/// Asserts what becomes of a certificate where Envoy verifies it by a CA, and where it knows its key and looks at
/// nothing else: `None` where it passes. One that is refused is refused in the handshake by the former.
async fn assert_judged(envoy: &Envoy, what: &str, leaf: Leaf, [verified, pinned]: [Judged; 2]) {
    let certificate = leaf.mint();
    for (listener, judged) in [("https", verified), ("pinned", pinned)] {
        let client = envoy.client_of(listener).presents(&certificate);
        let shown = format!("{what}, {listener}");
        if judged == Judged::NoAnswer {
            let reply = client.try_send(unique(Method::GET, &at("/plain"))).await;
            assert!(reply.is_err(), "{shown}: {reply:?}");
            continue;
        }
        let asked = ask(&client, &at("/plain")).await;
        match judged {
            Judged::Permitted => assert_eq!(asked.reply.status, 200, "{shown}: {asked:?}"),
            Judged::Denied(reason) => {
                let record = asked.record(envoy).await;
                assert_eq!(
                    (asked.reply.status, &record["reason"]),
                    (403, &json!(reason)),
                    "{shown}: {record}"
                );
            }
            Judged::NoAnswer => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Judged {
    Permitted,
    Denied(&'static str),
    NoAnswer,
}

#[tokio::test]
async fn a_certificate_for_other_purposes_is_refused_even_where_the_listener_takes_it() {
    const GOOD: [Judged; 2] = [Judged::Permitted; 2];
    const WRONG: [Judged; 2] = [Judged::NoAnswer, Judged::Denied("wrong_key_usage")];
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let leaf = |purposes: &[&[u64]]| PKI.ca.leaf("billing").purposes(purposes);
        let critical = |last: u8| {
            let purpose = der(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 3, last]]);
            leaf(&[]).critical_extension(EXTENDED_KEY_USAGE, &der(0x30, &[&purpose]))
        };
        for (what, leaf, expected) in [
            ("clients", leaf(&[CLIENT_AUTH]), GOOD),
            ("servers and clients", leaf(&[SERVER_AUTH, CLIENT_AUTH]), GOOD),
            ("clients, critical", critical(2), GOOD),
            ("no purpose named", leaf(&[]), GOOD),
            // Envoy takes it for none, the filter for one.
            ("any purpose", leaf(&[ANY_PURPOSE]), [Judged::NoAnswer, Judged::Permitted]),
            ("servers", leaf(&[SERVER_AUTH]), WRONG),
            ("servers, critical", critical(1), WRONG),
            ("mail", leaf(&[EMAIL_PROTECTION]), WRONG),
            ("code", leaf(&[CODE_SIGNING]), WRONG),
            ("mail and code", leaf(&[EMAIL_PROTECTION, CODE_SIGNING]), WRONG),
        ] {
            assert_judged(&envoy, what, leaf, expected).await;
        }
        envoy.assert_no_trap().await;
    }
    let envoy = CURRENT.envoy().await;
    let server = envoy.client_of("pinned").presents(&PKI.ca.leaf("billing").purposes(&[SERVER_AUTH]).mint());
    ask(&server, &at("/purpose")).await.assert_permitted(&envoy, "SUCCESS").await;
}

#[tokio::test]
async fn a_broken_signature_is_refused_even_where_the_listener_takes_it() {
    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    const NULL: &[u8] = &[0x05, 0x00];
    const WEAK: Judged = Judged::Denied("weak_certificate");
    let algorithm = |oid: &[&[u8]], parameters: &[u8]| der(0x30, &[&der(0x06, oid), parameters]);
    let (sha1, sha256) = (algorithm(&[&ECDSA, &[1]], &[]), algorithm(&[&ECDSA, &[3, 2]], &[]));
    let of_rsa = |last: u8, parameters: &[u8]| algorithm(&[&RSA, &[last]], parameters);
    let leaf = |inner: &[u8], outer: &[u8]| PKI.ca.leaf("billing").signature_algorithms(inner, outer);
    let mixed = Judged::Denied("malformed_certificate");
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let good = leaf(&sha256, &sha256);
        assert_judged(&envoy, "ECDSA with SHA-256", good, [Judged::Permitted; 2]).await;
        for (what, leaf, pinned) in [
            ("ECDSA with SHA-1", leaf(&sha1, &sha1), WEAK),
            ("RSA with SHA-1", leaf(&of_rsa(5, NULL), &of_rsa(5, NULL)), WEAK),
            ("RSA with MD5", leaf(&of_rsa(4, NULL), &of_rsa(4, NULL)), WEAK),
            ("an unknown signature", leaf(&of_rsa(99, NULL), &of_rsa(99, NULL)), WEAK),
            ("SHA-1 inside, SHA-256 beside", leaf(&sha1, &sha256), mixed),
            ("SHA-256 inside, SHA-1 beside", leaf(&sha256, &sha1), mixed),
            ("NULL inside and not beside", leaf(&of_rsa(11, NULL), &of_rsa(11, &[])), mixed),
            // The parameters may be absent (RFC 4055, section 5); nobody has the key that this says, so that no CA fits.
            ("RSA without NULL", leaf(&of_rsa(11, &[]), &of_rsa(11, &[])), Judged::Permitted),
        ] {
            assert_judged(&envoy, what, leaf, [Judged::NoAnswer, pinned]).await;
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn certificates_that_envoy_trusts_must_meet_the_routes_demands() {
    for shared in [&CURRENT, &OLDER] {
        let envoy = shared.envoy().await;
        let leaf = || PKI.ca.leaf("billing");
        let year =
            |leaf: Leaf| leaf.valid(rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2099, 1, 1));
        for (path, leaf, reason) in [
            ("/card", leaf().purposes(&[CLIENT_AUTH, SMART_CARD_LOGON]), None),
            ("/card", leaf(), Some("wrong_key_usage")),
            ("/names", leaf().dns("a.acme.example"), None),
            ("/names", leaf().dns("*.acme.example"), Some("wildcard_name")),
            ("/names", leaf().dns("a.example").dns("b.example").dns("c.example"), Some("weak_certificate")),
            ("/strict", leaf(), Some("weak_certificate")),
            ("/short", year(leaf()), Some("lifetime_too_long")),
            ("/plain", year(leaf()), None),
        ] {
            let asked = ask(&envoy.client().presents(&leaf.mint()), &at(path)).await;
            match reason {
                Some(reason) => asked.assert_denied(&envoy, 403, reason).await,
                None => asked.assert_permitted(&envoy, "SUCCESS").await,
            };
        }
        envoy.assert_no_trap().await;
    }
}
