//! What routes demand of connections and certificates, on connections and with certificates that are real.

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::{BILLING, PAY, PKI, Shared, ask, at, both, policy, route, with};
use crate::harness::mint::{Key, Leaf};
use crate::harness::{Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

const SMART_CARD_LOGON: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 20, 2, 2];
const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const EMAIL_PROTECTION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 4];

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
        let pin = Base64::encode_string(&Sha256::digest(info));
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
    assert!(record["detail"].as_str().unwrap().contains("mtls_policy.cipher"), "{record}");
    ask(&client, &at("/plain")).await.assert_permitted(&envoy, "SUCCESS").await;
}

#[tokio::test]
async fn a_certificate_for_other_purposes_is_refused_even_where_the_listener_takes_it() {
    let envoy = CURRENT.envoy().await;
    let leaf = |purposes: &[&[u64]]| PKI.ca.leaf("billing").purposes(purposes);
    for (leaf, reason) in [
        (leaf(&[SERVER_AUTH]), Some("wrong_key_usage")),
        (leaf(&[EMAIL_PROTECTION]), Some("wrong_key_usage")),
        (leaf(&[SERVER_AUTH, CLIENT_AUTH]), None),
        (leaf(&[]), None),
    ] {
        let client = envoy.client_of("pinned").presents(&leaf.mint());
        let asked = ask(&client, &at("/plain")).await;
        match reason {
            Some(reason) => asked.assert_denied(&envoy, 403, reason).await,
            None => asked.assert_permitted(&envoy, "SUCCESS").await,
        };
    }
    let server = envoy.client_of("pinned").presents(&leaf(&[SERVER_AUTH]).mint());
    ask(&server, &at("/purpose")).await.assert_permitted(&envoy, "SUCCESS").await;
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
