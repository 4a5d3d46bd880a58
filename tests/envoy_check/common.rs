//! The shipped configuration, broken on purpose, and what `mtlsctl` says of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// A policy that says `trusted`, whose filter falls back to the forwarded header.
pub(crate) const TRUSTED: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": "envoy" },
  "routes": [{ "name": "a", "match": { "path": "/" }, "client_certificate": "required", "allow": "any_verified" }]
}"#;

/// A policy that looks at no certificate.
pub(crate) const OPEN: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
  "routes": [{ "name": "a", "match": { "path": "/" }, "client_certificate": "ignored" }]
}"#;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn shipped_text() -> String {
    fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap()
}

pub(crate) fn shipped() -> Value {
    serde_saphyr::from_str(&shipped_text()).unwrap()
}

pub(crate) fn listener(bootstrap: &mut Value) -> &mut Value {
    &mut bootstrap["static_resources"]["listeners"][0]
}

pub(crate) fn chain(bootstrap: &mut Value) -> &mut Value {
    &mut listener(bootstrap)["filter_chains"][0]
}

pub(crate) fn tls(bootstrap: &mut Value) -> &mut Value {
    &mut chain(bootstrap)["transport_socket"]["typed_config"]
}

pub(crate) fn common_tls(bootstrap: &mut Value) -> &mut Value {
    &mut tls(bootstrap)["common_tls_context"]
}

pub(crate) fn manager(bootstrap: &mut Value) -> &mut Value {
    &mut chain(bootstrap)["filters"][1]["typed_config"]
}

pub(crate) fn http_filters(bootstrap: &mut Value) -> &mut Vec<Value> {
    manager(bootstrap)["http_filters"].as_array_mut().unwrap()
}

pub(crate) fn filter(bootstrap: &mut Value) -> &mut Value {
    &mut http_filters(bootstrap)[0]
}

pub(crate) fn plugin(bootstrap: &mut Value) -> &mut Value {
    &mut filter(bootstrap)["typed_config"]["config"]
}

pub(crate) fn set_policy(bootstrap: &mut Value, policy: &str) {
    plugin(bootstrap)["configuration"]["value"] = policy.into();
}

pub(crate) fn policy_of(bootstrap: &mut Value) -> Value {
    serde_json::from_str(plugin(bootstrap)["configuration"]["value"].as_str().unwrap()).unwrap()
}

/// Sets a key of the first route that looks at certificates.
pub(crate) fn set_on_first_route(bootstrap: &mut Value, key: &str, value: Value) {
    let mut policy = policy_of(bootstrap);
    policy["routes"][1][key] = value;
    set_policy(bootstrap, &policy.to_string());
}

pub(crate) fn remove(object: &mut Value, key: &str) {
    object.as_object_mut().unwrap().remove(key).unwrap();
}

/// An HTTP filter that comes with Envoy.
pub(crate) fn http_filter(package: &str, message: &str) -> Value {
    json!({
        "name": package,
        "typed_config": { "@type": format!("type.googleapis.com/envoy.extensions.filters.http.{package}.v3.{message}") },
    })
}

/// Files of these names and contents, and `mtlsctl` among them.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn check(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtlsctl"));
        // What a developer's shell or a CI sets must not matter.
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CI", "TERM"] {
            command.env_remove(variable);
        }
        command.arg("check").args(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `mtlsctl` says of the shipped configuration after a change.
pub(crate) fn report(change: impl FnOnce(&mut Value)) -> Value {
    let mut bootstrap = shipped();
    change(&mut bootstrap);
    let files = Files::new(&[("envoy.json", &bootstrap.to_string())]);
    let output = files.check(&["--envoy", "envoy.json", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["envoy"]["findings"].as_array().unwrap();
    let errors = findings.iter().any(|finding| finding["severity"] == "error")
        || report["files"].as_array().unwrap().iter().any(|file| file["good"] == false);
    assert_eq!(output.status.code(), Some(i32::from(errors)), "{report:#}");
    report
}

/// The severity and the id of each finding, sorted.
pub(crate) fn found(report: &Value) -> Vec<String> {
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = report["envoy"]["findings"].as_array().unwrap().iter();
    let mut found: Vec<String> =
        findings.map(|finding| format!("{} {}", word(finding, "severity"), word(finding, "id"))).collect();
    found.sort();
    found
}

/// After the change exactly these are found.
#[track_caller]
pub(crate) fn finds(wanted: &[&str], change: impl FnOnce(&mut Value)) {
    let report = report(change);
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(found(&report), wanted, "{report:#}");
}

/// After the change exactly this is found, at the end of this way.
#[track_caller]
pub(crate) fn finds_at(wanted: &str, path: &str, change: impl FnOnce(&mut Value)) {
    let report = report(change);
    assert_eq!(found(&report), [wanted], "{report:#}");
    let finding = &report["envoy"]["findings"][0];
    assert!(finding["path"].as_str().unwrap().ends_with(path), "{finding:#}");
    assert_eq!(finding["listener"], "https", "{finding:#}");
}
