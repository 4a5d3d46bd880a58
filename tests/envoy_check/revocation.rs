//! Clusters through which lists are fetched and responders asked.

use serde_json::{Value, json};

use crate::common::{finds, finds_at, policy_of, set_policy};
use crate::mint::Ca;

/// A policy with a list and a responder at these URLs, and clusters of these names.
fn with<'a>(urls: [&'a str; 2], clusters: &'a [&'a str]) -> impl FnOnce(&mut Value) {
    move |bootstrap| {
        let mut policy = policy_of(bootstrap);
        policy["trust_bundles"] = json!({ "corp": {
            "anchors_pem": [Ca::new("Acme Root").pem()],
            "crls": [{ "cluster": "crl", "url": urls[0] }],
            "ocsp": { "cluster": "ocsp", "url": urls[1] },
        } });
        policy["defaults"]["revocation"] = json!({ "check": ["crl", "ocsp"] });
        set_policy(bootstrap, &policy.to_string());
        let known = bootstrap["static_resources"]["clusters"].as_array_mut().unwrap();
        known.extend(clusters.iter().map(|name| json!({ "name": name })));
    }
}

const PLAIN: [&str; 2] = ["http://crl.acme.example/corp.crl", "http://ocsp.acme.example/"];

#[test]
fn clusters_that_are_there_are_good() {
    finds(&[], with(PLAIN, &["crl", "ocsp"]));
}

#[test]
fn a_cluster_that_is_not_there_is_found() {
    finds_at("error unknown-source-cluster", "filters[1].typed_config", with(PLAIN, &["crl"]));
    finds_at("error unknown-source-cluster", "filters[1].typed_config", with(PLAIN, &["ocsp", "CRL"]));
    finds(&["error unknown-source-cluster", "error unknown-source-cluster"], with(PLAIN, &[]));
}

#[test]
fn a_cluster_from_elsewhere_may_be_the_one() {
    finds(&["warning unknown-source-cluster"], |bootstrap| {
        with(PLAIN, &["crl"])(bootstrap);
        bootstrap["dynamic_resources"] = json!({ "cds_config": { "ads": {} } });
    });
}

#[test]
fn https_through_a_cluster_without_tls_is_found() {
    let secure = ["https://crl.acme.example/corp.crl", "http://ocsp.acme.example/"];
    finds(&["warning source-without-tls"], with(secure, &["crl", "ocsp"]));
    finds(&[], |bootstrap| {
        with(secure, &["ocsp"])(bootstrap);
        let clusters = bootstrap["static_resources"]["clusters"].as_array_mut().unwrap();
        clusters.push(json!({ "name": "crl", "transport_socket": { "name": "tls" } }));
    });
}

/// A policy that sends audit records to this URL.
fn sending(url: &'static str) -> impl FnOnce(&mut Value) {
    move |bootstrap| {
        let mut policy = policy_of(bootstrap);
        policy["audit"] = json!({ "otlp": { "cluster": "collector", "url": url } });
        set_policy(bootstrap, &policy.to_string());
    }
}

fn add_cluster(bootstrap: &mut Value, cluster: Value) {
    bootstrap["static_resources"]["clusters"].as_array_mut().unwrap().push(cluster);
}

#[test]
fn the_cluster_of_the_collector_must_be_there() {
    let plain = "http://collector.acme.example:4318/v1/logs";
    finds_at("error unknown-source-cluster", "filters[1].typed_config", sending(plain));
    finds(&[], |bootstrap| {
        sending(plain)(bootstrap);
        add_cluster(bootstrap, json!({ "name": "collector" }));
    });
}

#[test]
fn https_to_a_collector_through_a_cluster_without_tls_is_found() {
    let secure = "https://collector.acme.example:4318/v1/logs";
    finds(&["warning source-without-tls"], |bootstrap| {
        sending(secure)(bootstrap);
        add_cluster(bootstrap, json!({ "name": "collector" }));
    });
    finds(&[], |bootstrap| {
        sending(secure)(bootstrap);
        add_cluster(bootstrap, json!({ "name": "collector", "transport_socket": { "name": "tls" } }));
    });
}
