//! Different CAs for different routes of one listener, on one connection.

use rcgen::KeyUsagePurpose;
use serde_json::json;

use super::{bundle, policy, setup, trusting};
use crate::common::{PKI, ask, ask_on, at, service, with};
use crate::harness::mint::Minted;
use crate::harness::{Envoy, Version};

#[tokio::test]
async fn each_route_refuses_the_clients_of_the_others_ca_on_new_open_and_resumed_connections() {
    let bundles = json!({ "ours": bundle(&[&PKI.ca]), "theirs": bundle(&[&PKI.stranger]) });
    let routes =
        [trusting("ours", "ours"), trusting("theirs", "theirs"), trusting("both", json!(["ours", "theirs"]))];
    for version in [Version::Current, Version::Older] {
        let envoy = Envoy::start(setup(version, policy(&bundles, &routes))).await;
        for (certificate, own, others) in [
            (service(&PKI.ca, "billing"), "/ours", "/theirs"),
            (service(&PKI.stranger, "billing"), "/theirs", "/ours"),
        ] {
            let client = envoy.client().presents(&certificate);
            for client in [client.clone().resumption().tls12(), client.resumption().tls13().http2()] {
                let mut connections = vec![client.connect(&at("/")).await];
                for round in 0..2 {
                    let connection = &mut connections[round];
                    ask_on(connection, &at(own)).await.assert_permitted(&envoy, "SUCCESS").await;
                    ask_on(connection, &at(others)).await.assert_denied(&envoy, 403, "untrusted").await;
                    ask_on(connection, &at("/both")).await.assert_permitted(&envoy, "SUCCESS").await;
                    ask_on(connection, &at(own)).await.assert_permitted(&envoy, "SUCCESS").await;
                    let again = client.connect(&at("/")).await;
                    assert!(again.resumed());
                    connections.push(again);
                }
            }
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn an_intermediate_comes_from_the_client_or_from_the_bundle() {
    let issuing = PKI.ca.intermediate("Acme Issuing");
    let with_it = with(bundle(&[&PKI.ca]), json!({ "intermediates_pem": [issuing.pem()] }));
    let flat = with(bundle(&[&PKI.ca]), json!({ "max_intermediates": 0 }));
    let bundles = json!({ "bare": bundle(&[&PKI.ca]), "whole": with_it, "flat": flat });
    let routes = [trusting("bare", "bare"), trusting("whole", "whole"), trusting("flat", "flat")];
    let (leaf, direct) = (service(&issuing, "billing"), service(&PKI.ca, "billing"));
    for version in [Version::Current, Version::Older] {
        let envoy = Envoy::start(setup(version, policy(&bundles, &routes))).await;
        let client = || envoy.client();
        let stranger = PKI.stranger.intermediate("Acme Issuing");
        for (what, client, bare, whole, flat) in [
            ("with its chain", client().presents_chain(&leaf, &[&issuing]), 200, 200, 403),
            (
                "with its chain and the root",
                client().presents_chain(&leaf, &[&issuing, &PKI.ca]),
                200,
                200,
                403,
            ),
            ("alone", client().presents(&leaf), 403, 200, 403),
            ("with another of that name", client().presents_chain(&leaf, &[&stranger]), 403, 200, 403),
            ("of the root itself", client().presents(&direct), 200, 200, 200),
        ] {
            for (path, expected) in [("/bare", bare), ("/whole", whole), ("/flat", flat)] {
                // Twice: what is known decides as what is new.
                for _ in 0..2 {
                    let asked = ask(&client, &at(path)).await;
                    assert_eq!(asked.reply.status, expected, "{what}, {path}: {asked:?}");
                    if expected == 403 {
                        asked.assert_recorded_denial(&envoy, "untrusted").await;
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_intermediate_takes_its_clients_along_where_the_scope_is_the_chain() {
    let issuing = PKI.ca.intermediate("Acme Issuing");
    let sound = PKI.ca.intermediate("Acme Sound");
    let list = PKI.ca.crl().revoke_serial(&issuing.serial());
    let all = with(
        bundle(&[&PKI.ca]),
        json!({
            "intermediates_pem": [issuing.pem(), sound.pem()],
            "crls": [{ "pem": list.pem() }, { "pem": issuing.crl().pem() }, { "pem": sound.crl().pem() }],
        }),
    );
    let of = |name: &str, scope: &str| {
        with(trusting(name, "all"), json!({ "revocation": { "check": ["crl"], "scope": scope } }))
    };
    let routes = [of("leaf", "leaf"), of("chain", "chain")];
    let envoy = Envoy::start(setup(Version::Current, policy(&json!({ "all": all }), &routes))).await;
    let (under_revoked, under_sound) = (service(&issuing, "billing"), service(&sound, "billing"));
    for (leaf, path, expected) in [
        (&under_revoked, "/leaf", None),
        (&under_revoked, "/chain", Some("revoked")),
        (&under_sound, "/leaf", None),
        (&under_sound, "/chain", None),
    ] {
        let asked = ask(&envoy.client().presents(leaf), &at(path)).await;
        match expected {
            None => asked.assert_permitted(&envoy, "SUCCESS").await,
            Some(reason) => asked.assert_denied(&envoy, 403, reason).await,
        };
    }
}

#[tokio::test]
async fn who_is_verified_is_forwarded_and_a_ca_is_no_client() {
    let route = with(
        trusting("ours", "ours"),
        json!({ "forward": { "headers": { "x-client-id": "{spiffe_id}" }, "client_cert": true } }),
    );
    let bundles = json!({ "ours": bundle(&[&PKI.ca]) });
    let envoy = Envoy::start(setup(Version::Current, policy(&bundles, &[route]))).await;
    let asked = ask(&envoy.client().presents(&service(&PKI.ca, "billing")), &at("/ours")).await;
    asked.assert_permitted(&envoy, "SUCCESS").await;
    let id = asked.reply.echo().header("x-client-id").join(",");
    assert_eq!(id, "spiffe://acme.example/ns/prod/sa/billing");
    // A CA that the root made, with a key that its operator has.
    let ca = PKI
        .ca
        .below("billing", "billing", |params| params.key_usages.push(KeyUsagePurpose::DigitalSignature));
    let as_client = Minted { der: ca.der().to_vec(), key: ca.key().clone() };
    let asked = ask(&envoy.client().presents(&as_client), &at("/ours")).await;
    asked.assert_denied(&envoy, 403, "untrusted").await;
}
