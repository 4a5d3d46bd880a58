//! Listeners that let every certificate through the handshake (`ACCEPT_UNTRUSTED`).

use serde_json::json;

use super::{bundle, policy, setup, trusting};
use crate::common::{BILLING_ID, PKI, ask, ask_on, at, route, service, with};
use crate::harness::mint::Ca;
use crate::harness::{Envoy, Version};

#[tokio::test]
async fn a_copy_of_a_good_certificate_by_anybody_is_refused_also_on_a_resumed_session() {
    let bundles = json!({ "ours": bundle(&[&PKI.ca]) });
    let routes = [with(trusting("ours", "ours"), json!({ "allow": { "spiffe_id": BILLING_ID } }))];
    let good = service(&PKI.ca, "billing");
    // Names, serial numbers and key identifiers are those of the real ones, and the keys are not.
    let copy_of_ca = Ca::with_seed("Acme Root", "of a thief");
    let self_signed = Ca::with_seed("billing", "of a thief").leaf("billing").spiffe(BILLING_ID).mint();
    let copy = service(&copy_of_ca, "billing");
    for version in [Version::Current, Version::Older] {
        let envoy = Envoy::start(setup(version, policy(&bundles, &routes))).await;
        for (what, client) in [
            ("self-signed", envoy.client().presents(&self_signed)),
            ("a copy", envoy.client().presents(&copy)),
            ("a copy with its CA", envoy.client().presents_chain(&copy, &[&copy_of_ca])),
            ("a copy with the real CA", envoy.client().presents_chain(&copy, &[&PKI.ca])),
            ("with the good one behind", envoy.client().presents_followed_by(&self_signed, &[&good.der])),
        ] {
            for client in [client.clone().resumption().tls12(), client.resumption().tls13()] {
                let asked = ask(&client, &at("/ours")).await;
                assert_eq!(asked.reply.status, 403, "{what}");
                asked.assert_denied(&envoy, 403, "untrusted").await;
                let mut resumed = client.connect(&at("/")).await;
                assert!(resumed.resumed(), "{what}");
                for _ in 0..2 {
                    ask_on(&mut resumed, &at("/ours")).await.assert_denied(&envoy, 403, "untrusted").await;
                }
            }
        }
        let client = envoy.client().presents(&good).resumption();
        ask(&client, &at("/ours")).await.assert_permitted(&envoy, "SUCCESS").await;
        let mut resumed = client.connect(&at("/")).await;
        assert!(resumed.resumed());
        ask_on(&mut resumed, &at("/ours")).await.assert_permitted(&envoy, "SUCCESS").await;
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn an_unverified_client_is_known_by_its_digest_and_forwarded_as_such() {
    let device = Ca::new("Device 7").leaf("device-7").spiffe(BILLING_ID).mint();
    let other = Ca::new("Device 8").leaf("device-7").spiffe(BILLING_ID).mint();
    let unverified = with(
        route("devices"),
        json!({
            "client_certificate": "unverified",
            "allow": { "sha256": device.hex_digest() },
            "forward": { "headers": { "x-device": "{sha256}" } },
        }),
    );
    let bundles = json!({ "ours": bundle(&[&PKI.ca]) });
    let envoy =
        Envoy::start(setup(Version::Current, policy(&bundles, &[unverified, trusting("ours", "ours")])))
            .await;
    let client = envoy.client().presents(&device);
    let asked = ask(&client, &at("/devices")).await;
    asked.assert_permitted(&envoy, "UNVERIFIED").await;
    let echo = asked.reply.echo();
    assert_eq!(echo.header("x-device"), [device.hex_digest()]);
    // Envoy's header holds names, which prove nothing here.
    assert!(echo.header("x-forwarded-client-cert").is_empty());
    ask(&client, &at("/ours")).await.assert_denied(&envoy, 403, "untrusted").await;
    let other = envoy.client().presents(&other);
    ask(&other, &at("/devices")).await.assert_denied(&envoy, 403, "identity_not_allowed").await;
    ask(&envoy.client(), &at("/devices")).await.assert_denied(&envoy, 403, "no_certificate").await;
}
