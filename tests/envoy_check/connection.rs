//! What the filter is told of the connection: addresses and cipher suite.

use serde_json::{Value, json};

use crate::common::{chain, finds, finds_at, manager, policy_of, remove, set_on_first_route, set_policy};

#[test]
fn an_address_that_follows_a_header_is_found() {
    finds_at("warning remote-address", ".use_remote_address", |bootstrap| {
        manager(bootstrap)["use_remote_address"] = false.into();
    });
    finds_at("warning remote-address", ".typed_config", |bootstrap| {
        remove(manager(bootstrap), "use_remote_address");
    });
}

#[test]
fn a_missing_source_is_found() {
    let drop = |bootstrap: &mut Value| chain(bootstrap)["filters"].as_array_mut().unwrap().remove(0);
    finds_at("warning no-source", "filter_chains[0]", |bootstrap| {
        drop(bootstrap);
    });
    finds(&["warning no-source"], |bootstrap| {
        chain(bootstrap)["filters"][0]["typed_config"]["on_new_connection"][0]["object_key"] =
            "source".into();
    });
}

#[test]
fn a_source_may_come_from_an_http_filter_before_ours_but_not_after() {
    let move_to = |bootstrap: &mut Value, index: usize| {
        let mut filter = chain(bootstrap)["filters"].as_array_mut().unwrap().remove(0);
        let values = filter["typed_config"]["on_new_connection"].take();
        filter["typed_config"] = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": values,
        });
        let manager = &mut chain(bootstrap)["filters"][0]["typed_config"];
        manager["http_filters"].as_array_mut().unwrap().insert(index, filter);
    };
    finds(&[], |bootstrap| move_to(bootstrap, 0));
    finds(&["warning no-source"], |bootstrap| move_to(bootstrap, 1));
}

#[test]
fn a_source_that_may_be_something_else_is_found() {
    let format = |bootstrap: &mut Value, format: &str| {
        chain(bootstrap)["filters"][0]["typed_config"]["on_new_connection"][0]["format_string"]["text_format_source"]
            ["inline_string"] = format.into();
    };
    for other in ["%REQ(x-forwarded-for)%", "%DOWNSTREAM_REMOTE_ADDRESS%", ""] {
        finds_at("warning source-format", ".on_new_connection[0]", |bootstrap| format(bootstrap, other));
    }
    finds(&[], |bootstrap| format(bootstrap, "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"));
}

/// The values that the shipped configuration puts into filter state, by the event that puts them.
fn filter_state(bootstrap: &mut Value) -> &mut Value {
    &mut chain(bootstrap)["filters"][0]["typed_config"]
}

fn follow_header(bootstrap: &mut Value) {
    let mut policy = policy_of(bootstrap);
    policy["client_address"] = "xff".into();
    set_policy(bootstrap, &policy.to_string());
}

fn compare_source(bootstrap: &mut Value) {
    set_on_first_route(bootstrap, "match", json!({ "path": "/near", "source": ["10.0.0.0/8"] }));
}

#[test]
fn a_missing_source_is_an_error_where_routes_compare_the_connections_address() {
    let drop = |bootstrap: &mut Value| remove(filter_state(bootstrap), "on_new_connection");
    finds_at("error no-source", "filter_chains[0]", |bootstrap| {
        compare_source(bootstrap);
        drop(bootstrap);
    });
    finds(&[], compare_source);
    finds(&["warning no-source"], drop);
    finds(&["warning no-source"], |bootstrap| {
        compare_source(bootstrap);
        follow_header(bootstrap);
        manager(bootstrap)["xff_num_trusted_hops"] = 1.into();
        drop(bootstrap);
    });
}

#[test]
fn an_address_out_of_the_header_that_is_the_connections_own_is_found() {
    finds_at("warning remote-address", ".use_remote_address", follow_header);
    finds(&["warning remote-address"], |bootstrap| {
        follow_header(bootstrap);
        manager(bootstrap)["xff_num_trusted_hops"] = 0.into();
    });
    for hops in [Value::from(1), "2".into()] {
        finds(&[], |bootstrap| {
            follow_header(bootstrap);
            manager(bootstrap)["xff_num_trusted_hops"] = hops;
        });
    }
}

#[test]
fn an_address_that_whoever_connects_may_write_is_found_where_the_policy_takes_it() {
    for hops in [0, 1] {
        finds_at("warning remote-address", ".use_remote_address", |bootstrap| {
            follow_header(bootstrap);
            manager(bootstrap)["use_remote_address"] = false.into();
            manager(bootstrap)["xff_num_trusted_hops"] = hops.into();
        });
    }
    finds_at("warning remote-address", ".typed_config", |bootstrap| {
        follow_header(bootstrap);
        remove(manager(bootstrap), "use_remote_address");
    });
}

#[test]
fn an_extension_that_chooses_the_address_is_found_unless_it_believes_named_proxies_only() {
    let detect = |bootstrap: &mut Value, more: Value| {
        follow_header(bootstrap);
        let manager = manager(bootstrap);
        remove(manager, "use_remote_address");
        let mut config = json!({
            "@type": "type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig",
        });
        config.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        manager["original_ip_detection_extensions"] = json!([{ "name": "xff", "typed_config": config }]);
    };
    finds_at("warning address-detection", ".original_ip_detection_extensions[0]", |bootstrap| {
        detect(bootstrap, json!({ "xff_num_trusted_hops": 1 }));
    });
    finds(&["warning address-detection"], |bootstrap| {
        detect(bootstrap, json!({ "xff_trusted_cidrs": { "cidrs": [] } }));
    });
    finds(&[], |bootstrap| {
        let cidrs = json!([{ "address_prefix": "10.0.0.0", "prefix_len": 8 }]);
        detect(bootstrap, json!({ "xff_trusted_cidrs": { "cidrs": cidrs } }));
    });
}

/// The line that the shipped configuration has written of a connection.
fn shipped_format() -> String {
    let mut format = String::new();
    finds(&[], |bootstrap| {
        let put = &filter_state(bootstrap)["on_downstream_tls_handshake"][0];
        format = put["format_string"]["text_format_source"]["inline_string"].as_str().unwrap().to_owned();
    });
    format
}

#[test]
fn a_connection_may_be_told_without_the_validity_of_the_certificate() {
    let without = shipped_format().replace("%CEL(connection.peer_certificate_valid)%", "-");
    finds(&[], |bootstrap| {
        filter_state(bootstrap)["on_downstream_tls_handshake"][0]["format_string"]["text_format_source"]["inline_string"] =
            without.into();
    });
}

fn demand_ciphers(bootstrap: &mut Value) {
    set_on_first_route(bootstrap, "tls", json!({ "ciphers": ["TLS_AES_128_GCM_SHA256"] }));
}

#[test]
fn a_missing_cipher_suite_is_found_where_routes_demand_some() {
    let drop = |bootstrap: &mut Value| remove(filter_state(bootstrap), "on_downstream_tls_handshake");
    finds_at("error no-cipher", "filter_chains[0]", |bootstrap| {
        demand_ciphers(bootstrap);
        drop(bootstrap);
    });
    finds(&[], demand_ciphers);
    finds(&[], drop);
    finds(&["error no-cipher"], |bootstrap| {
        let mut policy = policy_of(bootstrap);
        policy["defaults"] = json!({ "tls": { "ciphers": ["TLS_AES_128_GCM_SHA256"] } });
        set_policy(bootstrap, &policy.to_string());
        drop(bootstrap);
    });
}

#[test]
fn a_connection_that_is_told_before_the_handshake_is_found() {
    finds(&["error connection-format"], |bootstrap| {
        let values = filter_state(bootstrap)["on_downstream_tls_handshake"][0].take();
        filter_state(bootstrap)["on_new_connection"].as_array_mut().unwrap().push(values);
    });
}

#[test]
fn a_connection_that_is_something_else_is_found() {
    let format = |bootstrap: &mut Value, format: &str| {
        filter_state(bootstrap)["on_downstream_tls_handshake"][0]["format_string"]["text_format_source"]["inline_string"] =
            format.into();
    };
    let shipped = shipped_format();
    let followed = shipped.replace("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "%DOWNSTREAM_REMOTE_ADDRESS%");
    let of_a_header = shipped.replace("%CEL(connection.peer_certificate_valid)%", "%REQ(x-valid)%");
    let presented = shipped.replace("peer_certificate_valid", "mtls");
    for other in
        ["%DOWNSTREAM_TLS_CIPHER%", shipped.trim_start_matches("1|"), &followed, &of_a_header, &presented]
    {
        assert_ne!(other, shipped);
        finds_at("error connection-format", ".on_downstream_tls_handshake[0]", |bootstrap| {
            format(bootstrap, other)
        });
        // Envoy writes it on connections without TLS, too, and the filter reads it.
        finds(&["error connection-format", "error no-tls"], |bootstrap| {
            remove(chain(bootstrap), "transport_socket");
            format(bootstrap, other);
        });
    }
}
