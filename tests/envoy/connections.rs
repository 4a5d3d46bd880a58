//! What belongs to the connection rather than to the request: resumed TLS sessions, the server name that the client
//! asked for, and no TLS at all.

use serde_json::{Value, json};

use crate::common::{BILLING, PAY, PKI, Shared, WEB, ask, ask_on, at, both, policy, route, with};
use crate::harness::{Client, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

fn setup(version: Version) -> Setup {
    let hosts = |name: &str, hosts: &[&str]| {
        let path = json!({ "prefix": format!("/{name}") });
        with(route(name), json!({ "match": { "hosts": hosts, "path": path } }))
    };
    let routes = [
        hosts("pay", &["pay.acme.example"]),
        hosts("other", &["other.acme.example"]),
        hosts("below", &["*.acme.example"]),
        hosts("local", &["127.0.0.1", "localhost"]),
        with(hosts("mesh", &["pay.acme.example"]), json!({ "tls": { "sni": "ignore" } })),
        with(
            hosts("listed", &["pay.acme.example"]),
            json!({ "tls": { "sni": ["edge.acme.example", "*.edge.example"] } }),
        ),
        with(hosts("staged", &["pay.acme.example"]), json!({ "mode": "shadow" })),
        with(
            hosts("health", &["pay.acme.example"]),
            json!({ "client_certificate": "ignored", "allow": null }),
        ),
        with(hosts("welcome", &["pay.acme.example"]), json!({ "client_certificate": "optional" })),
        route("hostless"),
    ];
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &routes))
        .listener(Listener::tls("https"))
        .listener(Listener::tls("resuming").resumption())
        .listener(Listener::tls("vouched").resumption().policy(policy(Version::Older, &routes)))
        .listener(Listener::plaintext("plain"))
}

/// The client with TLS 1.2 alone and with TLS 1.3 alone, each with sessions of its own.
fn tls_versions(client: &Client) -> [Client; 2] {
    [client.clone().resumption().tls12(), client.clone().resumption().tls13()]
}

#[tokio::test]
async fn a_resumed_session_is_untrusted_where_the_policy_rules_resumption_out() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client_of("resuming").presents(&BILLING)) {
        for client in tls_versions(&client) {
            let mut full = client.connect(PAY).await;
            assert!(!full.resumed());
            ask_on(&mut full, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
            let mut resumed = client.connect(PAY).await;
            assert!(resumed.resumed());
            let record =
                ask_on(&mut resumed, &at("/pay")).await.assert_denied(&envoy, 403, "untrusted").await;
            assert!(record["detail"].as_str().unwrap().contains("resumed"), "{record}");
            ask_on(&mut resumed, &at("/staged")).await.assert_shadowed(&envoy, "untrusted").await;
            ask_on(&mut resumed, &at("/welcome")).await.assert_denied(&envoy, 403, "untrusted").await;
            ask_on(&mut resumed, &at("/health")).await.assert_permitted(&envoy, "NONE").await;
            // The full handshake of the first connection is still the one that Envoy verified.
            ask_on(&mut full, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
        }
    }
}

#[tokio::test]
async fn a_resumed_session_stays_good_where_the_policy_vouches_for_it_and_is_decided_anew() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in tls_versions(&envoy.client_of("vouched").presents(&BILLING)) {
            ask(&client, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
            let mut resumed = client.connect(PAY).await;
            assert!(resumed.resumed());
            ask_on(&mut resumed, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
        }
        for client in tls_versions(&envoy.client_of("vouched").presents(&WEB)) {
            ask(&client, &at("/pay")).await.assert_denied(&envoy, 403, "identity_not_allowed").await;
            let mut resumed = client.connect(PAY).await;
            assert!(resumed.resumed());
            let asked = ask_on(&mut resumed, &at("/pay")).await;
            asked.assert_denied(&envoy, 403, "identity_not_allowed").await;
        }
    }
}

#[tokio::test]
async fn a_listener_as_shipped_resumes_no_session_and_every_connection_is_good() {
    let envoy = CURRENT.envoy().await;
    for client in tls_versions(&envoy.client().presents(&BILLING)) {
        for _ in 0..2 {
            let mut connection = client.connect(PAY).await;
            assert!(!connection.resumed());
            ask_on(&mut connection, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
        }
    }
}

#[tokio::test]
async fn a_host_other_than_the_server_name_is_misdirected() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client().presents(&BILLING).sni(Some("other.acme.example"))) {
            let record = ask(&client, &at("/pay")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
            assert_eq!(record["tls"]["sni"], "other.acme.example");
            ask(&client, &at("/below")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
            ask(&client, &at("/hostless")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
            ask(&client, &at("/welcome")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
            ask(&client, &at("/staged")).await.assert_shadowed(&envoy, "sni_mismatch").await;
            ask(&client, &at("/health")).await.assert_permitted(&envoy, "NONE").await;
            let other = ask(&client, "https://other.acme.example/other").await;
            other.assert_permitted(&envoy, "SUCCESS").await;
        }
    }
}

#[tokio::test]
async fn one_connection_serves_the_host_of_its_server_name_and_no_other() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client().presents(&BILLING)) {
        let mut connection = client.connect(PAY).await;
        for _ in 0..2 {
            ask_on(&mut connection, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
            let other = ask_on(&mut connection, "https://other.acme.example/other").await;
            other.assert_denied(&envoy, 421, "sni_mismatch").await;
        }
    }
}

#[tokio::test]
async fn an_absent_server_name_is_misdirected_on_a_route_that_names_hosts() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client().presents(&BILLING).sni(None)) {
        let record = ask(&client, &at("/pay")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
        assert_eq!(record["tls"]["sni"], Value::Null);
        ask(&client, &at("/below")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
        ask(&client, &at("/listed")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
        ask(&client, "https://localhost/local").await.assert_denied(&envoy, 421, "sni_mismatch").await;
        // Clients send no server name for an address.
        ask(&client, "https://127.0.0.1/local").await.assert_permitted(&envoy, "SUCCESS").await;
        ask(&client, &at("/hostless")).await.assert_permitted(&envoy, "SUCCESS").await;
        ask(&client, &at("/mesh")).await.assert_permitted(&envoy, "SUCCESS").await;
        ask(&client, &at("/health")).await.assert_permitted(&envoy, "NONE").await;
    }
}

#[tokio::test]
async fn a_route_that_ignores_the_server_name_takes_any_and_one_with_a_list_takes_the_listed() {
    let envoy = CURRENT.envoy().await;
    let client = envoy.client().presents(&BILLING);
    let named = |name: &str| client.clone().sni(Some(name));
    ask(&named("outbound.mesh.local"), &at("/mesh")).await.assert_permitted(&envoy, "SUCCESS").await;
    for listed in ["edge.acme.example", "a.edge.example"] {
        ask(&named(listed), &at("/listed")).await.assert_permitted(&envoy, "SUCCESS").await;
    }
    for other in ["pay.acme.example", "edge.example", "a.edge.acme.example"] {
        ask(&named(other), &at("/listed")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
    }
}

#[tokio::test]
async fn a_host_in_another_spelling_is_the_same_host() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client().presents(&BILLING).sni(Some("pay.acme.example"))) {
        for host in
            ["PAY.Acme.EXAMPLE", "pay.acme.example:8443", "pay.acme.example.", "Pay.acme.example.:443"]
        {
            let asked = ask(&client, &format!("https://{host}/pay")).await;
            asked.assert_permitted(&envoy, "SUCCESS").await;
        }
        for host in
            ["pay.acme.example.evil.example", "xpay.acme.example", "acme.example", "pay.acme.example-"]
        {
            let asked = ask(&client, &format!("https://{host}/pay")).await;
            asked.assert_denied(&envoy, 403, "no_route").await;
        }
    }
}

#[tokio::test]
async fn a_plaintext_listener_permits_what_needs_no_certificate_and_nothing_else() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client_of("plain")) {
            let at = |path: &str| format!("http://pay.acme.example{path}");
            let record = ask(&client, &at("/pay")).await.assert_denied(&envoy, 403, "no_certificate").await;
            assert_eq!((&record["tls"], &record["certificate"]), (&Value::Null, &Value::Null));
            ask(&client, &at("/hostless")).await.assert_denied(&envoy, 403, "no_certificate").await;
            ask(&client, &at("/staged")).await.assert_shadowed(&envoy, "no_certificate").await;
            ask(&client, &at("/welcome")).await.assert_permitted(&envoy, "NONE").await;
            ask(&client, &at("/health")).await.assert_permitted(&envoy, "NONE").await;
        }
    }
}
