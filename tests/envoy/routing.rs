//! Routes that ask for what Envoy chose, where the client is, and what headers say.

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::common::{
    Asked, BILLING, PKI, Shared, ask, ask_for, at, both, ignored, policy, route, unique, with,
};
use crate::harness::{Client, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

/// An address for documentation (RFC 5737), where no test runs.
const ELSEWHERE: &str = "203.0.113.7";

fn setup(version: Version) -> Setup {
    let guarded = |name: &str, matches: Value| with(route(name), json!({ "match": matches }));
    let routes = [
        guarded("by-route", json!({ "envoy_route": "payments" })),
        guarded("by-metadata", json!({ "route_metadata": { "acme": { "tier": ["gold", "silver"] } } })),
        guarded("by-cluster", json!({ "path": { "prefix": "/clusters" }, "envoy_cluster": "ledger" })),
        guarded("by-source", json!({ "path": { "prefix": "/sources" }, "source": ["203.0.113.0/24"] })),
        guarded("by-header", json!({ "path": { "prefix": "/headers" }, "headers": { "x-role": "admin" } })),
        guarded("by-template", json!({ "path": { "template": "/users/{id}/orders/{order}" } })),
        with(ignored("rest"), json!({ "match": { "path": { "prefix": "/" } } })),
    ];
    let policy = policy(version, &routes);
    let chosen = |listener: Listener| {
        listener.patch_manager(|manager| {
            let backend = json!({ "cluster": "backend" });
            let metadata =
                |tier: &str| json!({ "filter_metadata": { "acme": { "tier": tier, "quota": 7 } } });
            manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
                { "match": { "prefix": "/pay" }, "name": "payments", "route": backend },
                { "match": { "prefix": "/paint" }, "name": "paints", "route": backend },
                { "match": { "prefix": "/gold" }, "metadata": metadata("gold"), "route": backend },
                { "match": { "prefix": "/lead" }, "metadata": metadata("lead"), "route": backend },
                { "match": { "prefix": "/clusters/ledger" }, "route": { "cluster": "ledger" } },
                { "match": { "prefix": "/" }, "route": backend },
            ]);
        })
    };
    Setup::new(&PKI)
        .version(version)
        .policy(&policy)
        .listener(chosen(Listener::tls("https")))
        .listener(chosen(Listener::tls("believing").believe_forwarded_for()))
        .listener(
            chosen(Listener::tls("forwarded").believe_forwarded_for())
                .policy(with(policy, json!({ "client_address": "xff" }))),
        )
        .patch(|whole| {
            let clusters = whole["static_resources"]["clusters"].as_array_mut().unwrap();
            let mut ledger = clusters[0].clone();
            ledger["name"] = "ledger".into();
            ledger["load_assignment"]["cluster_name"] = "ledger".into();
            clusters.push(ledger);
        })
}

async fn asked_with(client: &Client, path: &str, headers: &[(&'static str, &'static str)]) -> Asked {
    let mut request = unique(Method::GET, &at(path));
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    ask_for(client, request).await
}

#[tokio::test]
async fn what_envoy_chose_is_guarded_and_what_it_did_not_is_not() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client()) {
            for (path, route) in [
                ("/pay", "by-route"),
                ("/gold", "by-metadata"),
                ("/clusters/ledger", "by-cluster"),
                ("/users/7/orders", "by-template"),
            ] {
                let record = ask(&client, &at(path)).await.assert_denied(&envoy, 403, "no_certificate").await;
                assert_eq!(record["route"], route);
                let billing = client.clone().presents(&BILLING);
                ask(&billing, &at(path)).await.assert_permitted(&envoy, "SUCCESS").await;
            }
            for path in ["/paint", "/lead", "/clusters/other", "/users/7/8/orders"] {
                let record = ask(&client, &at(path)).await.assert_permitted(&envoy, "NONE").await;
                assert_eq!(record["route"], "rest", "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_source_is_the_connections_own_whatever_a_client_writes() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for listener in ["https", "believing"] {
            for client in both(envoy.client_of(listener)) {
                let spoofed = asked_with(&client, "/sources", &[("x-forwarded-for", ELSEWHERE)]).await;
                assert_eq!(spoofed.assert_permitted(&envoy, "NONE").await["route"], "rest", "{listener}");
            }
        }
    }
}

#[tokio::test]
async fn a_source_is_the_forwarded_one_where_the_policy_says_so() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client_of("forwarded")) {
            let forwarded = asked_with(&client, "/sources", &[("x-forwarded-for", ELSEWHERE)]).await;
            let record = forwarded.assert_denied(&envoy, 403, "no_certificate").await;
            assert_eq!(record["route"], "by-source");
            let other = asked_with(&client, "/sources", &[("x-forwarded-for", "203.0.114.7")]).await;
            assert_eq!(other.assert_permitted(&envoy, "NONE").await["route"], "rest");
        }
    }
}

#[tokio::test]
async fn a_header_that_servers_read_differently_gets_around_no_route() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client()) {
            for headers in [
                &[("x-role", "user"), ("x-role", "admin")][..],
                &[("x-role", "admin"), ("x-role", "user")],
                &[("x-role", "user, admin")],
                &[("x_role", "admin")],
            ] {
                let asked = asked_with(&client, "/headers", headers).await;
                let record = asked.assert_denied(&envoy, 400, "ambiguous_path").await;
                let wanted = "readings of the header `x-role` select `by-header`, `rest`";
                assert_eq!(record["detail"], wanted, "{headers:?}");
            }
            let admin = asked_with(&client, "/headers", &[("x-role", "admin")]).await;
            admin.assert_denied(&envoy, 403, "no_certificate").await;
            for headers in [&[("x-role", "user")][..], &[("x-role", "a"), ("x-role", "b")], &[]] {
                let asked = asked_with(&client, "/headers", headers).await;
                assert_eq!(asked.assert_permitted(&envoy, "NONE").await["route"], "rest", "{headers:?}");
            }
        }
    }
}
