//! Envoy's own rate limit, as we ship it, with a bucket for each client.

use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::common::{BILLING, PKI, WEB, at, policy, route, unique, with};
use crate::harness::{Client, Envoy, Listener, Setup, Version, shipped};

/// The requests of one client that tests let through.
const TOKENS: u64 = 3;

fn setup(version: Version) -> Setup {
    let mut limit = shipped("envoy/rate-limit.yaml");
    let config = &mut limit["typed_config"];
    assert_eq!(config["rate_limits"][0]["actions"][0]["request_headers"]["header_name"], "x-client-id");
    let bucket = &mut config["descriptors"][0]["token_bucket"];
    *bucket = json!({ "max_tokens": TOKENS, "tokens_per_fill": 1, "fill_interval": "3600s" });
    let listener = Listener::tls("https").patch_manager(move |manager| {
        let filters = manager["http_filters"].as_array_mut().unwrap();
        filters.insert(filters.len() - 1, limit.clone());
    });
    let forward = json!({ "headers": { "x-client-id": "{spiffe_id}" } });
    let known = with(route("pay"), json!({ "allow": "any_verified", "forward": forward }));
    let open = with(
        known.clone(),
        json!({
            "name": "open", "match": { "path": { "prefix": "/open" } }, "client_certificate": "optional",
        }),
    );
    Setup::new(&PKI).version(version).workers(4).policy(policy(version, &[known, open])).listener(listener)
}

/// The statuses of so many requests, each on a new connection, with the client's own word on who it is.
async fn statuses(client: &Client, prefix: &str, claimed: Option<&str>, number: u64) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..number {
        let mut request = unique(Method::GET, &at(prefix));
        if let Some(claimed) = claimed {
            let value = HeaderValue::from_str(claimed).unwrap();
            for name in ["x-client-id", "x_client_id"] {
                request.headers_mut().append(name, value.clone());
            }
        }
        statuses.push(client.send(request).await.status);
    }
    statuses
}

async fn check(version: Version) {
    let envoy = Envoy::start(setup(version)).await;
    let [billing, web] = [&BILLING, &WEB].map(|certificate| envoy.client().presents(certificate));
    assert_eq!(statuses(&billing, "/pay", None, TOKENS + 2).await, [200, 200, 200, 429, 429]);
    // It gains nothing by another name, and takes nothing from another client.
    let other = "spiffe://acme.example/ns/prod/sa/web";
    assert_eq!(statuses(&billing, "/pay", Some(other), 3).await, [429; 3]);
    assert_eq!(statuses(&billing, "/pay", Some("nobody"), 2).await, [429; 2]);
    let anonymous = envoy.client();
    assert_eq!(statuses(&anonymous, "/open", Some(other), TOKENS + 2).await, [200; 5]);
    let billing_id = "spiffe://acme.example/ns/prod/sa/billing";
    assert_eq!(statuses(&web, "/pay", Some(billing_id), TOKENS).await, [200; 3]);
    assert_eq!(statuses(&web, "/pay", None, 2).await, [429; 2]);
    // Who is denied takes no tokens: the filter answers first.
    assert_eq!(statuses(&anonymous, "/pay", Some(other), TOKENS + 2).await, [403; 5]);
    let limited: Value = json!(envoy.stat("mtls_policy_clients.http_local_rate_limit.rate_limited").await);
    assert_eq!(limited, json!(9));
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn each_client_has_a_bucket_of_its_own_and_cannot_choose_another() {
    check(Version::Current).await;
}

#[tokio::test]
async fn on_the_older_envoy_each_client_has_one_too() {
    check(Version::Older).await;
}
