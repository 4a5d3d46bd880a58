//! Listeners of policies by which the filter verifies.

use serde_json::{Value, json};

use crate::common::{common_tls, finds, finds_at, manager, policy_of, remove, set_policy, tls};
use crate::mint::Ca;

const DIGEST: &str = "b1946ac92492d2347c6235b4d2611184ab5b6f5f2fae3d6e1c0d2fd6a4d0d9c1";

/// The shipped policy, verified by the filter.
fn by_filter(bootstrap: &mut Value) {
    let mut policy = policy_of(bootstrap);
    policy["peer_certificate"]["verified_by"] = "plugin".into();
    policy["trust_bundles"] = json!({
        "corp": { "anchors_pem": [Ca::new("Acme Root").pem(), Ca::new("Acme Root 2").pem()] },
        "spare": { "anchors_pem": [Ca::new("Spare Root").pem()] },
    });
    policy["routes"][1]["trust"] = "corp".into();
    set_policy(bootstrap, &policy.to_string());
}

/// The same with a route for clients that are known by their certificate's digest.
fn with_unverified_route(bootstrap: &mut Value) {
    by_filter(bootstrap);
    let mut policy = policy_of(bootstrap);
    let route = json!({
        "name": "devices",
        "match": { "path": { "prefix": "/devices" } },
        "client_certificate": "unverified",
        "allow": { "sha256": DIGEST },
    });
    policy["routes"].as_array_mut().unwrap().push(route);
    set_policy(bootstrap, &policy.to_string());
}

fn validation(bootstrap: &mut Value) -> &mut Value {
    &mut common_tls(bootstrap)["validation_context"]
}

fn accept_untrusted(bootstrap: &mut Value) {
    validation(bootstrap)["trust_chain_verification"] = "ACCEPT_UNTRUSTED".into();
}

#[test]
fn the_shipped_listener_is_good_for_a_filter_that_verifies() {
    finds(&[], by_filter);
}

#[test]
fn a_listener_may_leave_everything_to_the_filter() {
    finds(&[], |bootstrap| {
        by_filter(bootstrap);
        accept_untrusted(bootstrap);
    });
    // Then Envoy needs no CA to ask for a certificate.
    finds(&[], |bootstrap| {
        by_filter(bootstrap);
        accept_untrusted(bootstrap);
        remove(validation(bootstrap), "trusted_ca");
    });
    finds(&["error no-trusted-ca"], |bootstrap| {
        by_filter(bootstrap);
        *validation(bootstrap) = json!({ "max_verify_depth": 2 });
    });
    finds(&[], |bootstrap| {
        by_filter(bootstrap);
        tls(bootstrap)["disable_stateless_session_resumption"] = false.into();
        validation(bootstrap)["allow_expired_certificate"] = true.into();
    });
    finds(&[], |bootstrap| {
        by_filter(bootstrap);
        *validation(bootstrap) = json!({ "system_root_certs": {} });
    });
}

#[test]
fn a_header_without_the_chain_is_found_where_the_filter_builds_chains() {
    let drop =
        |bootstrap: &mut Value| remove(&mut manager(bootstrap)["set_current_client_cert_details"], "chain");
    finds_at("warning no-forwarded-chain", ".set_current_client_cert_details", |bootstrap| {
        by_filter(bootstrap);
        drop(bootstrap);
    });
    finds(&[], |bootstrap| {
        by_filter(bootstrap);
        let mut policy = policy_of(bootstrap);
        policy["trust_bundles"]["corp"]["max_intermediates"] = 0.into();
        set_policy(bootstrap, &policy.to_string());
        drop(bootstrap);
    });
}

#[test]
fn a_listener_that_refuses_clients_whom_the_policy_knows_by_a_digest_is_found() {
    finds_at("warning unverified-refused", ".validation_context", with_unverified_route);
    finds(&[], |bootstrap| {
        with_unverified_route(bootstrap);
        accept_untrusted(bootstrap);
    });
    // Of what comes from elsewhere that is not known.
    finds(&["note discovered-secrets"], |bootstrap| {
        with_unverified_route(bootstrap);
        remove(common_tls(bootstrap), "validation_context");
        common_tls(bootstrap)["validation_context_sds_secret_config"] =
            json!({ "name": "clients", "sds_config": { "ads": {} } });
    });
}

fn trust(bootstrap: &mut Value, authorities: &[String]) {
    by_filter(bootstrap);
    validation(bootstrap)["trusted_ca"] = json!({ "inline_string": authorities.concat() });
}

#[test]
fn an_anchor_that_envoy_does_not_know_is_found_where_its_authorities_are_in_the_configuration() {
    let [old, new] = ["Acme Root", "Acme Root 2"].map(|name| Ca::new(name).pem());
    finds(&[], |bootstrap| trust(bootstrap, &[new.clone(), old.clone()]));
    finds_at("warning anchor-refused", ".trusted_ca.inline_string", |bootstrap| {
        trust(bootstrap, std::slice::from_ref(&old));
    });
    finds(&[], |bootstrap| {
        trust(bootstrap, std::slice::from_ref(&old));
        accept_untrusted(bootstrap);
    });
    finds(&[], |bootstrap| trust(bootstrap, &["no PEM".to_owned()]));
}

#[test]
fn an_intermediate_among_the_authorities_of_envoy_may_stand_for_its_anchor() {
    let issuing = Ca::new("Acme Root").intermediate("Acme Issuing").pem();
    let with_intermediates = |bootstrap: &mut Value, pems: &[String]| {
        trust(bootstrap, std::slice::from_ref(&issuing));
        let mut policy = policy_of(bootstrap);
        policy["trust_bundles"]["corp"]["intermediates_pem"] = json!(pems);
        set_policy(bootstrap, &policy.to_string());
    };
    finds(&[], |bootstrap| with_intermediates(bootstrap, std::slice::from_ref(&issuing)));
    finds(&["warning anchor-refused"], |bootstrap| with_intermediates(bootstrap, &[]));
}
