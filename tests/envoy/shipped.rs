//! The shipped configuration on a real Envoy, and that the harness can do what the other tests ask of it.

use crate::harness::mint::Minted;
use crate::harness::{Envoy, Forward, Listener, Pki, Setup, Version};
use serde_json::{Value, json};

const PAYMENTS: &str = "https://pay.acme.example/v1/payments";

fn policy() -> Value {
    policy_that_allows("spiffe://acme.example/ns/prod/sa/billing")
}

fn policy_that_allows(spiffe_id: &str) -> Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "identities": { "billing": { "spiffe_id": spiffe_id } },
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

/// As `policy`, for listeners and versions of Envoy that cannot say whether the certificate is verified.
fn trusting_policy() -> Value {
    let mut policy = policy();
    policy["peer_certificate"] = json!({ "verified_by": { "envoy": { "resumption": "trusted" } } });
    policy
}

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
async fn an_older_envoy_lets_the_right_client_in_and_no_other() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki).version(Version::Older).policy(trusting_policy())).await;
    let right = envoy.client().presents(&billing(&pki)).get(PAYMENTS).await;
    assert_eq!(right.status, 200, "{right:?}");
    let wrong = pki.ca.leaf("web").spiffe("spiffe://acme.example/ns/prod/sa/web").mint();
    let wrong = envoy.client().presents(&wrong).get(PAYMENTS).await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    let record = envoy.wait_for_record(|record| record["reason"] == "identity_not_allowed").await;
    assert!(record["source"].as_str().is_some_and(|source| source.contains(':')), "{record}");
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_stranger_fails_in_the_handshake_unless_the_listener_accepts_untrusted_certificates() {
    let pki = Pki::new();
    let setup = Setup::new(&pki)
        .policy(policy())
        .listener(Listener::tls("strict"))
        .listener(Listener::tls("lax").accept_untrusted());
    let envoy = Envoy::start(setup).await;
    let stranger = pki.stranger.leaf("billing").spiffe("spiffe://acme.example/ns/prod/sa/billing").mint();
    let request = || crate::harness::get(PAYMENTS);
    assert!(envoy.client_of("strict").presents(&stranger).try_send(request()).await.is_err());
    let reply = envoy.client_of("lax").presents(&stranger).try_send(request()).await.unwrap();
    assert_eq!(reply.status, 403);
    envoy.wait_for_record(|record| record["reason"] == "untrusted").await;
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
async fn a_forged_certificate_header_reaches_a_plaintext_listener_and_changes_nothing() {
    let pki = Pki::new();
    let setup = Setup::new(&pki)
        .policy(policy())
        .listener(Listener::plaintext("plain").forward(Forward::AlwaysForwardOnly))
        .listener(Listener::tls("https"));
    let envoy = Envoy::start(setup).await;
    let forged = "GET /v1/payments HTTP/1.1\r\nhost: pay.acme.example\r\n\
        x-forwarded-client-cert: Hash=00;URI=spiffe://acme.example/ns/prod/sa/billing\r\n\r\n";
    let reply = envoy.client().raw_plaintext(forged.as_bytes()).await.unwrap();
    assert_eq!(reply.status, Some(403), "{reply:?}");
    let record = envoy.wait_for_record(|record| record["request"]["path"] == "/v1/payments").await;
    assert_eq!((&record["decision"], &record["tls"]), (&json!("deny"), &Value::Null));
    assert!(record["source"].as_str().is_some_and(|source| source.contains(':')), "{record}");
    let reply = envoy.client_of("https").presents(&billing(&pki)).get(PAYMENTS).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn header_bytes_that_are_no_text_pass_without_a_trap() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki)).await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: pay.acme.example\r\nx-odd: \xff\xfe\r\n\r\n";
    let reply = envoy.client().raw("pay.acme.example", request).await.unwrap();
    assert_eq!(reply.status, Some(200), "{reply:?}");
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn sessions_resume_only_where_the_listener_resumes_them() {
    let pki = Pki::new();
    let setup =
        Setup::new(&pki).listener(Listener::tls("shipped")).listener(Listener::tls("resuming").resumption());
    let envoy = Envoy::start(setup).await;
    for (listener, expected) in [("shipped", false), ("resuming", true)] {
        let client = envoy.client_of(listener).presents(&billing(&pki)).resumption();
        for client in [client.clone().tls12(), client.tls13()] {
            let mut first = client.connect(PAYMENTS).await;
            assert_eq!(first.get("https://pay.acme.example/healthz").await.status, 200);
            assert!(!first.resumed());
            assert_eq!(client.connect(PAYMENTS).await.resumed(), expected, "{listener}");
        }
    }
}

#[tokio::test]
async fn a_policy_as_struct_means_the_same() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki).policy(policy()).policy_as_struct()).await;
    assert_eq!(envoy.client().presents(&billing(&pki)).get(PAYMENTS).await.status, 200);
    assert_eq!(envoy.client().get(PAYMENTS).await.status, 403);
}

#[tokio::test]
async fn a_bad_policy_is_refused_by_validation_and_at_the_start() {
    let pki = Pki::new();
    let bad = Setup::new(&pki).policy(json!({ "version": 2 }));
    let refusal = Envoy::validate(bad.clone()).await.unwrap_err();
    assert_eq!(refusal.status, Some(1), "{}", refusal.log);
    let refusal = Envoy::try_start(bad).await.err().expect("a refusal");
    assert_eq!(refusal.status, Some(1), "{}", refusal.log);
    Envoy::validate(Setup::new(&pki)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discovered_policy_is_replaced_without_a_lost_request_and_a_bad_one_is_refused() {
    let pki = Pki::new();
    let mut envoy = Envoy::start(Setup::new(&pki).policy(policy()).discovered()).await;
    let client = envoy.client().presents(&billing(&pki));
    assert_eq!(client.get(PAYMENTS).await.status, 200);

    let load = tokio::spawn({
        let mut connection = client.connect(PAYMENTS).await;
        async move {
            for _ in 0..400 {
                assert_eq!(connection.get("https://pay.acme.example/healthz").await.status, 200);
            }
        }
    });
    envoy.replace_policy(policy_that_allows("spiffe://acme.example/ns/prod/sa/web"));
    envoy.wait_for_policy_updates(2).await;
    assert_eq!(client.get(PAYMENTS).await.status, 403);
    envoy.replace_policy(json!({ "version": 2 }));
    envoy.wait_for_policy_refusals(1).await;
    assert_eq!(client.get(PAYMENTS).await.status, 403);
    envoy.replace_policy(policy());
    envoy.wait_for_policy_updates(3).await;
    assert_eq!(client.get(PAYMENTS).await.status, 200);
    load.await.unwrap();
}

#[tokio::test]
async fn a_client_does_not_choose_its_address_even_where_the_listener_believes_it() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki).listener(Listener::tls("https").believe_forwarded_for())).await;
    let mut request = crate::harness::get("https://pay.acme.example/healthz");
    request.headers_mut().insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
    assert_eq!(envoy.client().send(request).await.status, 200);
    let record = envoy.wait_for_record(|record| record["route"] == "health").await;
    assert!(!record["source"].as_str().unwrap().starts_with("192.0.2.7"), "{record}");
}

#[tokio::test]
async fn envoy_ends_with_its_handle() {
    let pki = Pki::new();
    let envoy = Envoy::start(Setup::new(&pki)).await;
    let client = envoy.client();
    drop(envoy);
    assert!(client.try_send(crate::harness::get("https://pay.acme.example/healthz")).await.is_err());
}
