//! What `mtlsctl check` finds in policies that compile.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where what it stands on does not hold"
)]

mod assertions;
mod authorities;
mod brute_force;
mod command;
mod further;
mod matchers;
#[path = "../mint/mod.rs"]
mod mint;
mod revocation;
mod routes;
mod shipped;
mod silence;

use std::collections::BTreeSet;

use mtls_policy::lint::{self, Finding};
use mtls_policy::policy::Lint;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A policy with these members; version and `peer_certificate` are there unless given.
fn policy(members: Value) -> Value {
    let mut document = json!({ "version": 1, "peer_certificate": { "verified_by": "envoy" } });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document
}

/// 2027-01-15, when lists that the tests mint are good.
fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn findings(document: &Value) -> Vec<Finding> {
    let text = document.to_string();
    match lint::check(text.as_bytes(), &BTreeSet::new(), now()) {
        Ok((_, findings)) => findings,
        Err(errors) => panic!("{text}\n{errors:?}"),
    }
}

/// What was found, as `id at pointer`.
fn found(document: &Value) -> Vec<String> {
    findings(document)
        .iter()
        .map(|finding| format!("{} at {}", finding.rule().code(), finding.location().pointer))
        .collect()
}

/// What was found in a policy of these routes, but for certain lints.
fn found_in_routes(routes: Value, allow: &[Lint]) -> Vec<String> {
    let allowed = |line: &String| !allow.iter().any(|lint| line.starts_with(&format!("{} ", lint.id())));
    found(&policy(json!({ "routes": routes }))).into_iter().filter(allowed).collect()
}

/// The only message of a policy of these routes.
fn message(routes: Value, lint: Lint) -> String {
    let findings = findings(&policy(json!({ "routes": routes })));
    let mut messages =
        findings.iter().filter(|finding| finding.rule().code() == lint.id()).map(Finding::message);
    let message = messages.next().unwrap_or_default().to_owned();
    assert_eq!(messages.next(), None);
    message
}

/// A route that every verified client may use.
fn required(name: &str, matches: Value) -> Value {
    json!({ "name": name, "match": matches, "client_certificate": "required", "allow": "any_verified" })
}

fn ignored(name: &str, matches: Value) -> Value {
    json!({ "name": name, "match": matches, "client_certificate": "ignored" })
}
