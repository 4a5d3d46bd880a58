//! Filters before and after ours.

use serde_json::{Value, json};

use crate::common::{finds, finds_at, http_filter, http_filters};

fn before(filter: Value) -> impl FnOnce(&mut Value) {
    move |bootstrap| http_filters(bootstrap).insert(0, filter)
}

fn after(filter: Value) -> impl FnOnce(&mut Value) {
    move |bootstrap| http_filters(bootstrap).insert(1, filter)
}

#[test]
fn the_shipped_rate_limit_is_good_after_the_filter() {
    let text = std::fs::read_to_string(crate::common::root().join("envoy/rate-limit.yaml")).unwrap();
    finds(&[], after(serde_saphyr::from_str(&text).unwrap()));
}

#[test]
fn a_router_before_the_filter_is_found() {
    finds_at("error router-first", ".http_filters[0]", before(http_filter("router", "Router")));
}

#[test]
fn filters_that_answer_are_found_before_and_good_after() {
    for (package, message, wanted) in [
        ("cors", "Cors", "warning answers-first"),
        ("health_check", "HealthCheck", "warning answers-first"),
        ("oauth2", "OAuth2", "warning answers-first"),
        ("cache", "CacheConfig", "error answers-first"),
    ] {
        finds_at(wanted, ".http_filters[0]", before(http_filter(package, message)));
        finds(&[], after(http_filter(package, message)));
    }
}

#[test]
fn filters_that_decide_by_identity_are_found_before_and_good_after() {
    for (package, message) in [("rbac", "RBAC"), ("ext_authz", "ExtAuthz"), ("basic_auth", "BasicAuth")] {
        finds(&["warning identity-first"], before(http_filter(package, message)));
        finds(&[], after(http_filter(package, message)));
    }
}

#[test]
fn filters_that_rewrite_are_found_before_and_after() {
    for (package, message) in [
        ("lua", "Lua"),
        ("header_mutation", "HeaderMutation"),
        ("ext_proc", "ExternalProcessor"),
        ("grpc_json_transcoder", "GrpcJsonTranscoder"),
        ("wasm", "Wasm"),
    ] {
        finds(&["warning rewrites-first"], before(http_filter(package, message)));
        finds_at("warning rewrites-after", ".http_filters[1]", after(http_filter(package, message)));
    }
}

#[test]
fn filters_that_change_nothing_are_good_on_both_sides() {
    for (package, message) in [
        ("jwt_authn", "JwtAuthentication"),
        ("local_ratelimit", "LocalRateLimit"),
        ("compressor", "Compressor"),
    ] {
        finds(&[], before(http_filter(package, message)));
        finds(&[], after(http_filter(package, message)));
    }
}

#[test]
fn a_filter_that_has_the_route_chosen_anew_is_found_after_and_good_before() {
    let clears = |value: bool| {
        let mut filter = http_filter("jwt_authn", "JwtAuthentication");
        filter["typed_config"]["providers"] = json!({ "acme": { "clear_route_cache": value } });
        filter
    };
    finds_at("warning rewrites-after", ".providers.acme.clear_route_cache", after(clears(true)));
    finds(&[], after(clears(false)));
    finds(&[], before(clears(true)));
}

#[test]
fn filters_that_are_not_known_are_named() {
    let unknown = json!({ "name": "acme", "typed_config": { "@type": "type.googleapis.com/acme.Filter" } });
    finds_at("note unknown-filter", ".http_filters[0]", before(unknown.clone()));
    finds_at("note unknown-filter", ".http_filters[1]", after(unknown));
    finds(&["note unknown-filter"], after(http_filter("brand_new", "BrandNew")));
    let elsewhere = json!({ "name": "acme", "config_discovery": { "config_source": { "ads": {} } } });
    finds_at("note discovered-filters", ".http_filters[1]", after(elsewhere));
}
