//! Envoy's own routes, where the policy goes by them.

use serde_json::{Value, json};

use crate::common::{finds, finds_at, manager, policy_of, remove, set_on_first_route, set_policy};

fn routes(bootstrap: &mut Value) -> &mut Value {
    &mut manager(bootstrap)["route_config"]["virtual_hosts"][0]["routes"]
}

fn go_by(bootstrap: &mut Value, condition: &str, value: impl Into<Value>) {
    set_on_first_route(bootstrap, "match", json!({ condition: value.into() }));
}

#[test]
fn a_route_that_envoy_does_not_have_is_found() {
    finds_at("warning unknown-envoy-route", ".route_config", |bootstrap| {
        go_by(bootstrap, "envoy_route", "payments");
    });
    finds(&["warning unknown-envoy-route"], |bootstrap| {
        go_by(bootstrap, "envoy_route", "payments");
        routes(bootstrap)[0]["name"] = "Payments".into();
    });
    finds(&[], |bootstrap| {
        go_by(bootstrap, "envoy_route", json!(["other", "payments"]));
        routes(bootstrap)[0]["name"] = "payments".into();
    });
}

#[test]
fn a_cluster_that_no_route_sends_to_is_found() {
    finds_at("warning unknown-envoy-cluster", ".route_config", |bootstrap| {
        go_by(bootstrap, "envoy_cluster", "payments");
    });
    finds(&[], |bootstrap| go_by(bootstrap, "envoy_cluster", "backend"));
    finds(&[], |bootstrap| {
        go_by(bootstrap, "envoy_cluster", "payments");
        routes(bootstrap)[0]["route"] =
            json!({ "weighted_clusters": { "clusters": [{ "name": "payments", "weight": 1 }] } });
    });
    // The request says which, so any may be.
    finds(&[], |bootstrap| {
        go_by(bootstrap, "envoy_cluster", "payments");
        routes(bootstrap)[0]["route"] = json!({ "cluster_header": "x-shard" });
    });
}

#[test]
fn metadata_that_no_route_has_or_that_are_no_text_are_found() {
    let metadata = |bootstrap: &mut Value, metadata: Value| {
        go_by(bootstrap, "route_metadata", json!({ "acme": { "tier": "gold" } }));
        routes(bootstrap)[0]["metadata"] = json!({ "filter_metadata": metadata });
    };
    finds_at("warning unknown-route-metadata", ".route_config", |bootstrap| {
        metadata(bootstrap, json!({ "acme": { "Tier": "gold" } }));
    });
    finds_at("error route-metadata-form", ".filter_metadata.acme.tier", |bootstrap| {
        metadata(bootstrap, json!({ "acme": { "tier": 3 } }));
    });
    for tier in ["gold", "silver"] {
        finds(&[], |bootstrap| metadata(bootstrap, json!({ "acme": { "tier": tier } })));
    }
}

#[test]
fn routes_from_elsewhere_may_have_what_the_policy_goes_by() {
    finds(&["note discovered-routes"], |bootstrap| {
        go_by(bootstrap, "envoy_route", "payments");
        remove(manager(bootstrap), "route_config");
        manager(bootstrap)["rds"] = json!({ "route_config_name": "elsewhere" });
    });
}

#[test]
fn a_choice_by_a_header_that_the_filter_changes_is_found_where_the_policy_goes_by_it() {
    let choose_by = |bootstrap: &mut Value, name: &str| {
        let named = json!({
            "name": "payments",
            "match": { "prefix": "/", "headers": [{ "name": name, "present_match": true }] },
            "route": { "cluster": "backend" },
        });
        routes(bootstrap).as_array_mut().unwrap().insert(0, named);
    };
    for name in ["x-client-verify", "X-Client_Verify", "x-forwarded-client-cert"] {
        finds_at("warning route-by-header", ".headers[0].name", |bootstrap| {
            go_by(bootstrap, "envoy_route", "payments");
            choose_by(bootstrap, name);
        });
        finds(&[], |bootstrap| choose_by(bootstrap, name));
    }
    finds(&[], |bootstrap| {
        go_by(bootstrap, "envoy_route", "payments");
        choose_by(bootstrap, "x-client-id");
    });
    finds(&["warning route-by-header"], |bootstrap| {
        go_by(bootstrap, "envoy_route", "payments");
        choose_by(bootstrap, "x-client-id");
        let mut policy = policy_of(bootstrap);
        policy["defaults"] = json!({ "forward": { "headers": { "x-client-id": "{spiffe_id}" } } });
        set_policy(bootstrap, &policy.to_string());
    });
}

#[test]
fn a_header_may_choose_the_cluster_or_stand_in_a_tree_of_matchers() {
    finds_at("warning route-by-header", ".cluster_header", |bootstrap| {
        go_by(bootstrap, "envoy_cluster", "payments");
        routes(bootstrap)[0]["route"] = json!({ "cluster_header": "x-client-verify" });
    });
    finds_at("warning route-by-header", ".header_name", |bootstrap| {
        go_by(bootstrap, "envoy_cluster", "backend");
        manager(bootstrap)["route_config"]["virtual_hosts"][0]["matcher"] = json!({ "matcher_tree": { "input": {
            "name": "header",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                "header_name": "x-client-verify",
            },
        } } });
    });
}
