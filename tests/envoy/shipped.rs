//! The configuration as it is shipped, and that an Envoy of the harness ends with its handle.

use crate::harness::mint::Minted;
use crate::harness::{Envoy, Listener, Pki, Setup};
use serde_json::json;

const PAYMENTS: &str = "https://pay.acme.example/v1/payments";

fn billing(pki: &Pki) -> Minted {
    pki.ca.leaf("billing").spiffe("spiffe://acme.example/ns/prod/sa/billing").mint()
}

#[tokio::test]
async fn the_shipped_configuration_lets_the_right_client_in_and_says_so_everywhere() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki)).await;
    let client = envoy.client().presents(&billing(&pki));
    for client in [client.clone(), client.http2()] {
        let reply = client.get(PAYMENTS).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.echo().header("x-client-verify"), ["SUCCESS"]);
    }
    let record = envoy.wait_for_record(|record| record["decision"] == "permit").await;
    assert_eq!(record["route"], "payments");
    assert!(record["source"].as_str().is_some_and(|source| source.contains(':')), "{record}");
    assert_eq!(record["tls"]["sni"], "pay.acme.example");
    for protocol in ["HTTP/1.1", "HTTP/2"] {
        let line = envoy.wait_for_access(|line| line["protocol"] == protocol).await;
        assert_eq!((&line["mtls_decision"], &line["mtls_route"]), (&json!("permit"), &json!("payments")));
    }
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_listener_that_requires_a_certificate_refuses_a_client_without_one() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki).listener(Listener::tls("https").require_certificate())).await;
    assert!(envoy.client().try_send(crate::harness::get("https://pay.acme.example/healthz")).await.is_err());
    let reply = envoy.client().presents(&billing(&pki)).get("https://pay.acme.example/healthz").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn envoy_ends_with_its_handle() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki)).await;
    let client = envoy.client();
    drop(envoy);
    assert!(client.try_send(crate::harness::get("https://pay.acme.example/healthz")).await.is_err());
}

#[tokio::test]
async fn where_the_log_begins_at_warnings_denials_are_recorded_and_permits_stand_in_the_access_log() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki).log_level("warning")).await;
    assert_eq!(envoy.client().presents(&billing(&pki)).get(PAYMENTS).await.status, 200);
    let line = envoy.wait_for_access(|line| line["status"] == 200).await;
    assert_eq!(line["mtls_decision"], "permit");
    let denied = envoy.client().get(PAYMENTS).await;
    assert_eq!(denied.status, 403);
    assert_eq!(envoy.record_of(&denied).await["reason"], "no_certificate");
    // The denial came later: a record of the permit would stand before it.
    assert_eq!(envoy.audit_records().len(), 1);
}
