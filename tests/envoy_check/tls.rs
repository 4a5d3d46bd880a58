//! The TLS context, and what the listener reads of the handshake.

use serde_json::{Value, json};

use crate::common::{
    OPEN, TRUSTED, chain, common_tls, finds, finds_at, listener, plugin, remove, set_policy, tls,
};

#[test]
fn a_chain_without_tls_is_found_unless_no_route_looks_at_certificates() {
    finds_at("error no-tls", "filter_chains[0]", |bootstrap| remove(chain(bootstrap), "transport_socket"));
    finds(&["error no-tls"], |bootstrap| {
        chain(bootstrap)["transport_socket"] = json!({
            "name": "envoy.transport_sockets.raw_buffer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
            },
        });
    });
    finds(&[], |bootstrap| {
        set_policy(bootstrap, OPEN);
        remove(chain(bootstrap), "transport_socket");
    });
}

#[test]
fn a_transport_socket_that_is_not_known_is_found() {
    finds_at("warning unknown-transport-socket", ".transport_socket", |bootstrap| {
        tls(bootstrap)["@type"] = "type.googleapis.com/acme.Tls".into();
    });
}

#[test]
fn quic_holds_a_tls_context_and_needs_no_inspector() {
    let to_quic = |bootstrap: &mut Value| {
        let context = tls(bootstrap).take();
        *tls(bootstrap) = json!({
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport",
            "downstream_tls_context": context,
        });
        remove(listener(bootstrap), "listener_filters");
    };
    finds(&[], to_quic);
    finds(&["error no-validation-context"], |bootstrap| {
        remove(common_tls(bootstrap), "validation_context");
        to_quic(bootstrap);
    });
}

#[test]
fn a_missing_validation_context_is_found_unless_no_route_looks_at_certificates() {
    finds_at("error no-validation-context", ".common_tls_context", |bootstrap| {
        remove(common_tls(bootstrap), "validation_context");
    });
    finds(&["error no-validation-context"], |bootstrap| remove(tls(bootstrap), "common_tls_context"));
    finds(&[], |bootstrap| {
        set_policy(bootstrap, OPEN);
        remove(common_tls(bootstrap), "validation_context");
    });
}

#[test]
fn a_validation_context_without_a_trusted_ca_is_found() {
    finds_at("error no-trusted-ca", ".validation_context", |bootstrap| {
        common_tls(bootstrap)["validation_context"] = json!({ "max_verify_depth": 2 });
    });
    finds(&["error no-trusted-ca"], |bootstrap| {
        common_tls(bootstrap)["validation_context"]["trusted_ca"] = Value::Null;
    });
}

#[test]
fn what_verifies_in_place_of_a_trusted_ca_is_good() {
    for context in [
        json!({ "verify_certificate_spki": ["NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A="] }),
        json!({ "custom_validator_config": { "name": "envoy.tls.cert_validator.spiffe" } }),
    ] {
        finds(&[], |bootstrap| common_tls(bootstrap)["validation_context"] = context);
    }
    finds(&["error no-trusted-ca"], |bootstrap| {
        common_tls(bootstrap)["validation_context"] = json!({ "verify_certificate_spki": [] });
    });
}

#[test]
fn public_roots_in_place_of_a_trusted_ca_are_found() {
    finds(&["warning public-roots"], |bootstrap| {
        common_tls(bootstrap)["validation_context"] = json!({ "system_root_certs": {} });
    });
}

#[test]
fn a_validation_context_that_is_a_static_secret_is_looked_at() {
    let with_secret = |bootstrap: &mut Value, name: &str, context: Value| {
        remove(common_tls(bootstrap), "validation_context");
        common_tls(bootstrap)["validation_context_sds_secret_config"] = json!({ "name": "clients" });
        bootstrap["static_resources"]["secrets"] =
            json!([{ "name": "other" }, { "name": name, "validation_context": context }]);
    };
    let ca = json!({ "trusted_ca": { "filename": "ca.crt" } });
    finds(&[], |bootstrap| with_secret(bootstrap, "clients", ca.clone()));
    finds(&["error no-trusted-ca"], |bootstrap| with_secret(bootstrap, "clients", json!({})));
    finds(&["note discovered-secrets"], |bootstrap| with_secret(bootstrap, "others", ca));
}

#[test]
fn a_validation_context_that_comes_from_elsewhere_is_named() {
    let secret = json!({ "name": "clients", "sds_config": { "ads": {} } });
    let context = |bootstrap: &mut Value| common_tls(bootstrap)["validation_context"].take();
    finds_at("note discovered-secrets", ".validation_context_sds_secret_config", |bootstrap| {
        context(bootstrap);
        common_tls(bootstrap)["validation_context_sds_secret_config"] = secret.clone();
    });
    finds(&["note discovered-secrets"], |bootstrap| {
        context(bootstrap);
        common_tls(bootstrap)["combined_validation_context"] =
            json!({ "default_validation_context": {}, "validation_context_sds_secret_config": secret });
    });
    finds(&[], |bootstrap| {
        let context = context(bootstrap);
        common_tls(bootstrap)["combined_validation_context"] =
            json!({ "default_validation_context": context });
    });
    finds(&["error no-validation-context"], |bootstrap| {
        context(bootstrap);
        common_tls(bootstrap)["combined_validation_context"] = json!({});
    });
}

#[test]
fn the_trusted_ca_may_stand_in_either_part_of_a_combined_context() {
    let ca = json!({ "trusted_ca": { "filename": "ca.crt" } });
    let combine = |bootstrap: &mut Value, default: &Value, secret: &Value| {
        common_tls(bootstrap)["validation_context"].take();
        common_tls(bootstrap)["combined_validation_context"] = json!({
            "default_validation_context": default,
            "validation_context_sds_secret_config": { "name": "clients" },
        });
        bootstrap["static_resources"]["secrets"] =
            json!([{ "name": "clients", "validation_context": secret }]);
    };
    finds(&[], |bootstrap| combine(bootstrap, &ca, &json!({})));
    finds(&[], |bootstrap| combine(bootstrap, &json!({}), &ca));
    finds(&["error no-trusted-ca"], |bootstrap| combine(bootstrap, &json!({}), &json!({})));
}

#[test]
fn both_parts_of_a_combined_context_are_looked_at() {
    finds(&["warning untrusted-accepted", "warning expired-accepted"], |bootstrap| {
        common_tls(bootstrap)["validation_context"].take();
        common_tls(bootstrap)["combined_validation_context"] = json!({
            "default_validation_context": { "trust_chain_verification": "ACCEPT_UNTRUSTED" },
            "validation_context_sds_secret_config": { "name": "clients" },
        });
        bootstrap["static_resources"]["secrets"] = json!([{
            "name": "clients",
            "validation_context": { "trusted_ca": { "filename": "ca.crt" }, "allow_expired_certificate": true },
        }]);
    });
}

#[test]
fn untrusted_certificates_are_an_error_where_the_policy_vouches_for_the_listener() {
    let accept = |bootstrap: &mut Value, value: Value| {
        common_tls(bootstrap)["validation_context"]["trust_chain_verification"] = value;
    };
    finds_at("warning untrusted-accepted", ".trust_chain_verification", |bootstrap| {
        accept(bootstrap, "ACCEPT_UNTRUSTED".into());
    });
    finds(&["error untrusted-accepted"], |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        accept(bootstrap, 1.into());
    });
    finds(&[], |bootstrap| accept(bootstrap, "VERIFY_TRUST_CHAIN".into()));
}

#[test]
fn expired_certificates_that_are_accepted_are_found() {
    let accept = |value: bool| {
        move |bootstrap: &mut Value| {
            common_tls(bootstrap)["validation_context"]["allow_expired_certificate"] = value.into();
        }
    };
    finds_at("warning expired-accepted", ".allow_expired_certificate", accept(true));
    finds(&[], accept(false));
}

#[test]
fn resumption_is_found_where_the_policy_says_it_is_disabled() {
    for field in ["disable_stateless_session_resumption", "disable_stateful_session_resumption"] {
        finds_at("error resumption-on", ".typed_config", |bootstrap| remove(tls(bootstrap), field));
        finds_at("error resumption-on", field, |bootstrap| tls(bootstrap)[field] = false.into());
        finds(&[], |bootstrap| {
            set_policy(bootstrap, TRUSTED);
            remove(tls(bootstrap), field);
        });
    }
}

#[test]
fn a_demand_for_certificates_is_told_where_routes_do_without() {
    let demand = |bootstrap: &mut Value| tls(bootstrap)["require_client_certificate"] = true.into();
    finds_at("note certificate-required", ".require_client_certificate", demand);
    finds(&[], |bootstrap| {
        set_policy(bootstrap, TRUSTED);
        demand(bootstrap);
    });
}

#[test]
fn a_missing_tls_inspector_is_found_unless_no_route_compares_the_server_name() {
    let drop = |bootstrap: &mut Value| remove(listener(bootstrap), "listener_filters");
    finds_at("error no-tls-inspector", "listeners[0]", drop);
    // Envoy adds none by itself where the choice of a chain needs it.
    finds(&["error no-tls-inspector"], |bootstrap| {
        drop(bootstrap);
        chain(bootstrap)["filter_chain_match"] = json!({ "server_names": ["pay.acme.example"] });
    });
    finds(&[], |bootstrap| {
        let policy = plugin(bootstrap)["configuration"]["value"].as_str().unwrap();
        let policy = policy.replace("\"allow\"", "\"tls\": { \"sni\": \"ignore\" }, \"allow\"");
        set_policy(bootstrap, &policy);
        drop(bootstrap);
    });
    finds(&["note discovered-filters"], |bootstrap| {
        listener(bootstrap)["listener_filters"] = json!([{ "name": "inspector", "config_discovery": {} }]);
    });
    finds(&[], |bootstrap| {
        listener(bootstrap)["listener_filters"] = json!([{ "name": "envoy.filters.listener.tls_inspector" }]);
    });
}
