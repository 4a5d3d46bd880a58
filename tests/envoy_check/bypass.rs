//! Ways around the filter.

use serde_json::{Value, json};

use crate::common::{
    chain, filter, finds, finds_at, found, http_filter, http_filters, listener, manager, remove, report, tls,
};

const FILTER_CONFIG: &str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

fn disabled(name: &str) -> Value {
    json!({ name: { "@type": FILTER_CONFIG, "disabled": true } })
}

#[test]
fn a_filter_that_is_disabled_is_found() {
    finds_at("error filter-disabled", ".disabled", |bootstrap| filter(bootstrap)["disabled"] = true.into());
    finds(&[], |bootstrap| filter(bootstrap)["disabled"] = false.into());
}

#[test]
fn a_filter_that_may_be_left_out_is_found() {
    finds_at("warning filter-optional", ".is_optional", |bootstrap| {
        filter(bootstrap)["is_optional"] = true.into();
    });
}

#[test]
fn a_filter_that_a_matcher_chooses_is_found() {
    finds_at("warning filter-conditional", ".xds_matcher", |bootstrap| {
        let config = filter(bootstrap)["typed_config"].take();
        filter(bootstrap)["typed_config"] = json!({
            "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            "extension_config": { "name": "mtls_policy", "typed_config": config },
            "xds_matcher": { "matcher_list": {} },
        });
    });
}

#[test]
fn an_override_that_disables_the_filter_is_found_wherever_routes_stand() {
    fn host(bootstrap: &mut Value) -> &mut Value {
        &mut manager(bootstrap)["route_config"]["virtual_hosts"][0]
    }
    type Place = fn(&mut Value) -> &mut Value;
    let places: [(&str, Place); 4] = [
        (".route_config.typed_per_filter_config.mtls_policy.disabled", |b| &mut manager(b)["route_config"]),
        (".virtual_hosts[0].typed_per_filter_config.mtls_policy.disabled", host),
        (".routes[0].typed_per_filter_config.mtls_policy.disabled", |b| &mut host(b)["routes"][0]),
        (".clusters[0].typed_per_filter_config.mtls_policy.disabled", |b| {
            host(b)["routes"][0]["route"] =
                json!({ "weighted_clusters": { "clusters": [{ "name": "backend" }] } });
            &mut host(b)["routes"][0]["route"]["weighted_clusters"]["clusters"][0]
        }),
    ];
    for (path, place) in places {
        finds_at("error route-bypass", path, |b| {
            place(b)["typed_per_filter_config"] = disabled("mtls_policy")
        });
        finds(&[], |b| place(b)["typed_per_filter_config"] = disabled("other_filter"));
        finds(&[], |b| {
            place(b)["typed_per_filter_config"] =
                json!({ "mtls_policy": { "@type": FILTER_CONFIG, "config": {} } });
        });
    }
}

#[test]
fn an_override_counts_by_the_name_that_the_filter_has_here() {
    finds(&["error route-bypass"], |bootstrap| {
        filter(bootstrap)["name"] = "guard".into();
        manager(bootstrap)["route_config"]["typed_per_filter_config"] = disabled("guard");
    });
}

#[test]
fn routes_that_come_from_elsewhere_are_named() {
    finds_at("note discovered-routes", ".rds", |bootstrap| {
        remove(manager(bootstrap), "route_config");
        manager(bootstrap)["rds"] = json!({ "route_config_name": "backend", "config_source": { "ads": {} } });
    });
    finds_at("note discovered-routes", ".vhds", |bootstrap| {
        manager(bootstrap)["route_config"]["vhds"] = json!({ "config_source": { "ads": {} } });
    });
}

#[test]
fn an_upgrade_with_filters_of_its_own_needs_the_filter() {
    let upgrade = |bootstrap: &mut Value, filters: Value| {
        manager(bootstrap)["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "filters": filters }]);
    };
    finds_at("error upgrade-bypass", ".upgrade_configs[0]", |bootstrap| {
        upgrade(bootstrap, json!([http_filter("router", "Router")]));
    });
    finds(&[], |bootstrap| upgrade(bootstrap, json!([])));
    finds(&[], |bootstrap| {
        let filters = http_filters(bootstrap).clone();
        upgrade(bootstrap, filters.into());
    });
    finds(&["error fail-open"], |bootstrap| {
        let mut filters = http_filters(bootstrap).clone();
        filters[0]["typed_config"]["config"]["failure_policy"] = "FAIL_OPEN".into();
        upgrade(bootstrap, filters.into());
    });
}

fn without_filter(bootstrap: &mut Value) -> Value {
    let mut other = chain(bootstrap).clone();
    other["filter_chain_match"] = json!({ "server_names": ["other.example"] });
    other["filters"][1]["typed_config"]["http_filters"].as_array_mut().unwrap().remove(0);
    other
}

#[test]
fn a_chain_of_the_listener_without_the_filter_is_found() {
    finds_at("warning chain-bypass", "filter_chains[1]", |bootstrap| {
        let other = without_filter(bootstrap);
        listener(bootstrap)["filter_chains"].as_array_mut().unwrap().push(other);
    });
    finds_at("error default-chain-bypass", ".default_filter_chain", |bootstrap| {
        listener(bootstrap)["default_filter_chain"] = without_filter(bootstrap);
    });
    finds(&["error default-chain-bypass"], |bootstrap| {
        listener(bootstrap)["default_filter_chain"] = json!({ "filters": [{ "name": "envoy.filters.network.tcp_proxy", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "cluster": "backend",
            } }] });
    });
}

#[test]
fn a_chain_with_the_filter_is_held_to_the_same() {
    let twin = |bootstrap: &mut Value| {
        let mut twin = chain(bootstrap).clone();
        twin["filter_chain_match"] = json!({ "server_names": ["other.example"] });
        listener(bootstrap)["filter_chains"].as_array_mut().unwrap().push(twin);
    };
    finds(&[], twin);
    finds_at(
        "note certificate-required",
        "[1].transport_socket.typed_config.require_client_certificate",
        |b| {
            tls(b)["require_client_certificate"] = true.into();
            twin(b);
            tls(b)["require_client_certificate"] = false.into();
        },
    );
}

#[test]
fn a_chain_that_only_redirects_is_no_way_around() {
    let redirect = |bootstrap: &mut Value, action: (&str, Value)| {
        let mut other = without_filter(bootstrap);
        let routes = &mut other["filters"][1]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"];
        let (name, action) = action;
        *routes = json!([{ "match": { "prefix": "/" }, name: action }]);
        listener(bootstrap)["filter_chains"].as_array_mut().unwrap().push(other);
    };
    finds(&[], |bootstrap| redirect(bootstrap, ("redirect", json!({ "https_redirect": true }))));
    finds(&[], |bootstrap| redirect(bootstrap, ("direct_response", json!({ "status": 404 }))));
    finds(&["warning chain-bypass"], |b| redirect(b, ("route", json!({ "cluster": "backend" }))));
}

fn other_listener(bootstrap: &mut Value, chain: Value) {
    bootstrap["static_resources"]["listeners"].as_array_mut().unwrap().push(json!({
        "name": "other", "filter_chains": [chain],
    }));
}

fn tcp_proxy(cluster: Value) -> Value {
    let mut proxy =
        json!({ "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy" });
    proxy.as_object_mut().unwrap().extend(cluster.as_object().unwrap().clone());
    json!({ "filters": [{ "name": "envoy.filters.network.tcp_proxy", "typed_config": proxy }] })
}

#[test]
fn another_listener_that_reaches_the_same_service_is_found() {
    let report = report(|bootstrap| {
        let chain = without_filter(bootstrap);
        other_listener(bootstrap, chain);
    });
    assert_eq!(found(&report), ["warning listener-bypass"]);
    assert_eq!(report["envoy"]["findings"][0]["listener"], "other");
    assert_eq!(report["envoy"]["listeners"], json!(["https"]));
    for clusters in [
        json!({ "cluster": "backend" }),
        json!({ "weighted_clusters": { "clusters": [{ "name": "a", "weight": 1 }, { "name": "backend", "weight": 1 }] } }),
    ] {
        finds(&["warning listener-bypass"], |bootstrap| other_listener(bootstrap, tcp_proxy(clusters)));
    }
}

#[test]
fn another_listener_that_reaches_another_service_is_no_way_around() {
    finds(&[], |bootstrap| {
        let mut chain = without_filter(bootstrap);
        chain["filters"][1]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] =
            "other".into();
        // What a filter asks is no way to a service.
        chain["filters"][1]["typed_config"]["http_filters"][0]["typed_config"]["cluster"] = "backend".into();
        other_listener(bootstrap, chain);
    });
    finds(&[], |bootstrap| other_listener(bootstrap, tcp_proxy(json!({ "cluster": "other" }))));
}
