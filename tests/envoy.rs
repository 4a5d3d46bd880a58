//! The harness itself: both kinds of listener, every way to ask, and everything that can be read.

mod harness;

use harness::{Envoy, Pki, Setup};
use serde_json::json;

fn policy() -> serde_json::Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "identities": { "billing": { "spiffe_id": "spiffe://acme.example/ns/prod/sa/billing" } },
        "routes": [
            { "name": "health", "match": { "path": "/healthz" }, "client_certificate": "ignored" },
            {
                "name": "payments",
                "match": { "hosts": ["pay.acme.example"], "path": { "prefix": "/v1/payments" } },
                "client_certificate": "required",
                "allow": { "identity": "billing" },
            },
        ],
    })
}

#[tokio::test]
async fn a_client_with_the_right_certificate_reaches_the_backend() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki).policy(policy())).await;
    let billing = pki.ca.leaf("billing").spiffe("spiffe://acme.example/ns/prod/sa/billing").mint();
    let client = envoy.client().presents(&billing);
    for client in [client.clone(), client.http2()] {
        let reply = client.get("https://pay.acme.example/v1/payments").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.echo().header("x-client-verify"), ["SUCCESS"]);
    }
    let record = envoy.wait_for_record(|record| record["decision"] == "permit").await;
    assert_eq!(record["route"], "payments");
    assert!(record["source"].as_str().unwrap().contains(':'));
    let line = envoy.wait_for_access(|line| line["status"] == 200).await;
    assert_eq!(line["sni"], "pay.acme.example");
    assert_eq!(line["mtls_decision"], "permit");
    envoy.assert_no_trap().await;
}
