//! The connection manager: forwarded certificate, paths.

use serde_json::{Value, json};

use crate::common::{
    OPEN, TRUSTED, finds, finds_at, http_filters, manager, policy_of, remove, set_on_first_route, set_policy,
};

fn read_from(bootstrap: &mut Value, from: &str) {
    let mut policy = policy_of(bootstrap);
    policy["peer_certificate"]["from"] = from.into();
    set_policy(bootstrap, &policy.to_string());
}

fn forward(bootstrap: &mut Value, mode: impl Into<Value>) {
    manager(bootstrap)["forward_client_cert_details"] = mode.into();
}

fn details(bootstrap: &mut Value) -> &mut Value {
    &mut manager(bootstrap)["set_current_client_cert_details"]
}

#[test]
fn a_forward_mode_that_lets_the_clients_header_through_is_found() {
    for mode in [Value::from("FORWARD_ONLY"), 1.into(), "ALWAYS_FORWARD_ONLY".into(), 4.into()] {
        finds_at("error forward-mode", ".forward_client_cert_details", |bootstrap| forward(bootstrap, mode));
    }
    finds_at("warning forward-mode", ".forward_client_cert_details", |bootstrap| {
        forward(bootstrap, "APPEND_FORWARD");
    });
    finds(&[], |bootstrap| forward(bootstrap, 3));
}

#[test]
fn a_forward_mode_without_header_is_as_bad_as_the_policy_needs_the_header() {
    let sanitize = |bootstrap: &mut Value| remove(manager(bootstrap), "forward_client_cert_details");
    finds_at("note forward-mode", ".typed_config", sanitize);
    finds(&["note forward-mode"], |bootstrap| forward(bootstrap, "SANITIZE"));
    finds(&["warning forward-mode"], |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        sanitize(bootstrap);
    });
    finds(&["error forward-mode"], |bootstrap| {
        read_from(bootstrap, "xfcc");
        sanitize(bootstrap);
    });
    finds(&["note forward-mode"], |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        read_from(bootstrap, "connection");
        sanitize(bootstrap);
    });
}

#[test]
fn a_matcher_of_forward_modes_is_named() {
    finds_at("warning forward-matcher", ".forward_client_cert_matcher", |bootstrap| {
        manager(bootstrap)["forward_client_cert_matcher"] = json!({ "matcher_list": {} });
    });
}

#[test]
fn a_header_without_the_certificate_is_found_where_the_filter_reads_it() {
    let drop = |bootstrap: &mut Value| remove(details(bootstrap), "cert");
    finds(&["error no-forwarded-certificate"], |bootstrap| {
        read_from(bootstrap, "xfcc");
        drop(bootstrap);
    });
    finds_at("warning no-forwarded-certificate", ".set_current_client_cert_details", |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        drop(bootstrap);
    });
    finds_at("warning no-forwarded-certificate", ".typed_config", |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        remove(manager(bootstrap), "set_current_client_cert_details");
    });
    // Resumption that is disabled needs an Envoy that has the attribute.
    finds(&[], drop);
    finds(&[], |bootstrap| {
        set_policy(bootstrap, OPEN);
        drop(bootstrap);
    });
    finds(&[], |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        read_from(bootstrap, "connection");
        drop(bootstrap);
    });
}

#[test]
fn a_header_in_json_is_found_where_the_filter_reads_it() {
    let json = |bootstrap: &mut Value| details(bootstrap)["format"] = "JSON".into();
    finds(&["error forward-format"], |bootstrap| {
        read_from(bootstrap, "xfcc");
        json(bootstrap);
    });
    finds(&[], json);
    finds(&[], |bootstrap| {
        read_from(bootstrap, "xfcc");
        details(bootstrap)["format"] = "TEXT".into();
    });
}

fn forward_chain(bootstrap: &mut Value) {
    set_on_first_route(bootstrap, "forward", json!({ "client_cert": true, "client_cert_chain": true }));
}

#[test]
fn a_header_without_the_chain_is_found_where_the_policy_forwards_it() {
    let drop = |bootstrap: &mut Value| remove(details(bootstrap), "chain");
    finds_at("warning no-forwarded-chain", ".set_current_client_cert_details", |bootstrap| {
        forward_chain(bootstrap);
        drop(bootstrap);
    });
    finds(&["warning no-forwarded-chain", "note forward-mode"], |bootstrap| {
        forward_chain(bootstrap);
        forward(bootstrap, "SANITIZE");
    });
    finds(&[], forward_chain);
    finds(&[], |bootstrap| {
        set_on_first_route(bootstrap, "forward", json!({ "client_cert": true }));
        drop(bootstrap);
    });
}

#[test]
fn paths_that_are_not_normalised_are_found() {
    for (field, wanted) in
        [("normalize_path", "warning normalize-path"), ("merge_slashes", "warning merge-slashes")]
    {
        finds_at(wanted, field, |bootstrap| manager(bootstrap)[field] = false.into());
        finds_at(wanted, ".typed_config", |bootstrap| remove(manager(bootstrap), field));
    }
}

#[test]
fn what_becomes_of_escaped_slashes_is_told() {
    let action = |bootstrap: &mut Value, action: Value| {
        manager(bootstrap)["path_with_escaped_slashes_action"] = action;
    };
    for note in [Value::from("UNESCAPE_AND_FORWARD"), 4.into(), 0.into()] {
        finds_at("note escaped-slashes", ".path_with_escaped_slashes_action", |bootstrap| {
            action(bootstrap, note)
        });
    }
    finds(&["note escaped-slashes"], |bootstrap| {
        remove(manager(bootstrap), "path_with_escaped_slashes_action");
    });
    for good in [Value::from("REJECT_REQUEST"), "UNESCAPE_AND_REDIRECT".into(), 1.into()] {
        finds(&[], |bootstrap| action(bootstrap, good));
    }
}

#[test]
fn a_header_validator_takes_the_place_of_normalisation() {
    finds(&["note header-validator"], |bootstrap| {
        remove(manager(bootstrap), "normalize_path");
        manager(bootstrap)["typed_header_validation_config"] = json!({ "name": "validator" });
    });
}

#[test]
fn the_fields_of_protobuf_may_be_in_camel_case() {
    finds_at("warning merge-slashes", ".mergeSlashes", |bootstrap| {
        remove(manager(bootstrap), "merge_slashes");
        manager(bootstrap)["mergeSlashes"] = false.into();
        let filters = http_filters(bootstrap).clone();
        remove(manager(bootstrap), "http_filters");
        manager(bootstrap)["httpFilters"] = filters.into();
    });
}
