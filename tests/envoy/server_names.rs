//! Server names that are missing, that come in pieces, or that name another host: none of them leads past a route that
//! names its host to a laxer one behind it.

use serde_json::{Value, json};

use crate::common::{BILLING, PKI, Shared, ask, at, both, ignored, policy, route, with};
use crate::harness::{Client, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

fn setup(version: Version) -> Setup {
    let everywhere = |hosts: &[&str]| json!({ "hosts": hosts, "path": { "prefix": "/" } });
    let routes = [
        with(route("strict"), json!({ "match": everywhere(&["pay.acme.example"]) })),
        with(ignored("lax"), json!({ "match": { "path": { "prefix": "/" } } })),
    ];
    Setup::new(&PKI).version(version).policy(policy(version, &routes))
}

/// The client as it is and in pieces, with each version of TLS, over HTTP/1.1 and HTTP/2.
fn every_way(client: &Client) -> Vec<Client> {
    [client.clone().tls12(), client.clone().tls13()]
        .into_iter()
        .flat_map(|client| [client.clone(), client.fragmented()])
        .flat_map(both)
        .collect()
}

#[tokio::test]
async fn a_missing_server_name_leads_to_no_laxer_route() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in [envoy.client(), envoy.client().presents(&BILLING)] {
            for client in every_way(&client.sni(None)) {
                let record = ask(&client, &at("/a")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
                assert_eq!(
                    (&record["route"], &record["tls"]["sni"]),
                    (&json!("strict"), &Value::Null),
                    "{record}"
                );
                // The laxer route is there, for other hosts.
                let other = ask(&client, "https://other.acme.example/a").await;
                assert_eq!(other.assert_permitted(&envoy, "NONE").await["route"], "lax");
            }
        }
    }
}

#[tokio::test]
async fn a_server_name_of_another_host_leads_to_no_laxer_route() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in [envoy.client(), envoy.client().presents(&BILLING)] {
            for client in every_way(&client.sni(Some("other.acme.example"))) {
                let record = ask(&client, &at("/a")).await.assert_denied(&envoy, 421, "sni_mismatch").await;
                assert_eq!(record["route"], "strict");
                assert_eq!(record["tls"]["sni"], "other.acme.example");
            }
        }
    }
}

#[tokio::test]
async fn a_server_name_that_comes_in_pieces_is_read_whole() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in every_way(&envoy.client().presents(&BILLING)) {
            let record = ask(&client, &at("/a")).await.assert_permitted(&envoy, "SUCCESS").await;
            assert_eq!(
                (&record["route"], &record["tls"]["sni"]),
                (&json!("strict"), &json!("pay.acme.example"))
            );
        }
        for client in every_way(&envoy.client()) {
            ask(&client, &at("/a")).await.assert_denied(&envoy, 403, "no_certificate").await;
        }
    }
}
