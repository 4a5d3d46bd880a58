//! The filter that verifies tokens.

use std::fs;

use serde_json::{Value, json};

use crate::common::{finds, finds_at, http_filters, root, set_on_first_route};

/// The filter as it is shipped.
fn verifier() -> Value {
    serde_saphyr::from_str(&fs::read_to_string(root().join("envoy/jwt.yaml")).unwrap()).unwrap()
}

fn demand(bootstrap: &mut Value) {
    set_on_first_route(bootstrap, "token", json!({ "bound": true }));
}

/// A policy that demands a token, and the shipped filter before ours, changed.
fn with(change: impl FnOnce(&mut Value)) -> impl FnOnce(&mut Value) {
    with_demand(json!({ "bound": true }), change)
}

fn with_demand(token: Value, change: impl FnOnce(&mut Value)) -> impl FnOnce(&mut Value) {
    |bootstrap| {
        set_on_first_route(bootstrap, "token", token);
        let mut filter = verifier();
        change(&mut filter);
        http_filters(bootstrap).insert(0, filter);
    }
}

fn requirements(filter: &mut Value) -> &mut Vec<Value> {
    filter["typed_config"]["rules"][0]["requires"]["requires_any"]["requirements"].as_array_mut().unwrap()
}

#[test]
fn the_shipped_filter_is_good() {
    finds(&[], with(|_| ()));
}

#[test]
fn a_token_that_nobody_verifies_is_found() {
    finds_at("error no-jwt-authn", "filters[1].typed_config", demand);
    finds(&["error no-jwt-authn"], with(|filter| filter["disabled"] = true.into()));
    // Without demand nothing is missing.
    finds(&[], |_| ());
}

#[test]
fn a_token_that_is_verified_too_late_is_found() {
    let late = |bootstrap: &mut Value| http_filters(bootstrap).insert(1, verifier());
    finds_at("error no-jwt-authn", ".http_filters[1]", |bootstrap| {
        demand(bootstrap);
        late(bootstrap);
    });
    finds(&[], late);
}

#[test]
fn a_filter_from_elsewhere_may_be_the_one_that_verifies() {
    finds(&["note discovered-filters", "warning no-jwt-authn"], |bootstrap| {
        demand(bootstrap);
        let elsewhere = json!({ "name": "jwt", "config_discovery": { "config_source": { "ads": {} } } });
        http_filters(bootstrap).insert(0, elsewhere);
    });
}

#[test]
fn claims_under_another_key_than_the_policys_are_found() {
    let payload = || json!({ "bound": true });
    let claims = || json!({ "bound": true, "metadata": "claims" });
    let written = |token: Value, key: Value| {
        with_demand(token, |filter| filter["typed_config"]["providers"]["acme"]["payload_in_metadata"] = key)
    };
    for other in [Value::Null, "".into(), "Payload".into()] {
        finds_at("error token-metadata", ".providers", written(payload(), other));
    }
    finds(&["error token-metadata"], written(claims(), "payload".into()));
    finds(&[], written(claims(), "claims".into()));
    // Another provider may write for somebody else.
    finds(
        &[],
        with(|filter| {
            filter["typed_config"]["providers"]["other"] = json!({ "payload_in_metadata": "other" })
        }),
    );
}

#[test]
fn bad_tokens_that_go_on_are_found() {
    finds_at(
        "warning token-failed",
        ".requirements[1].allow_missing_or_failed",
        with(|filter| requirements(filter)[1] = json!({ "allow_missing_or_failed": {} })),
    );
    finds(
        &["warning token-failed"],
        with(|filter| {
            filter["typed_config"]["requirement_map"] = json!({ "lax": { "allowMissingOrFailed": {} } });
        }),
    );
    finds(&[], |bootstrap| {
        let mut filter = verifier();
        requirements(&mut filter)[1] = json!({ "allow_missing_or_failed": {} });
        http_filters(bootstrap).insert(0, filter);
    });
}

#[test]
fn claims_that_nobody_has_verified_are_found() {
    finds_at(
        "error token-unverified",
        ".requires.extract_only_without_validation",
        with(|filter| {
            filter["typed_config"]["rules"][0]["requires"] = json!({ "extract_only_without_validation": {} });
        }),
    );
}
