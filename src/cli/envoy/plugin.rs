//! The filter itself: how it is recognised, how its VM is set up, and the policy that it is given.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::bootstrap::{HttpFilter, Typed};
use super::document::At;
use super::finding::{Findings, Id};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const OUR_NAME: &str = "mtls_policy";
const FAILURE_POLICIES: [&str; 4] = ["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"];
const RUNTIME: &str = "envoy.wasm.runtime.v8";

/// Whether a filter is ours: a Wasm filter that says so in its names or by the file of its module, or one whose
/// configuration comes from elsewhere and that bears the name.
pub(super) fn is_ours(filter: &HttpFilter<'_>) -> bool {
    match (&filter.config, &filter.discovery) {
        (Some(config), _) => {
            config.type_name == WASM && (is_our_name(filter.name) || is_our_plugin(&config.at))
        }
        (None, Some(discovery)) => {
            let types = discovery.list("type_urls");
            let is_wasm = |url: &At<'_>| url.text().is_some_and(|url| url.ends_with(WASM));
            is_our_name(filter.name) && (types.is_empty() || types.iter().any(is_wasm))
        }
        (None, None) => false,
    }
}

fn is_our_plugin(wasm: &At<'_>) -> bool {
    let Some(plugin) = wasm.get("config") else { return false };
    let named = ["name", "root_id"].iter().any(|field| plugin.text_of(field).is_some_and(is_our_name));
    let Some(vm) = plugin.get("vm_config") else { return named };
    let module = [&["code", "local", "filename"][..], &["code", "remote", "http_uri", "uri"]];
    named
        || vm.text_of("vm_id").is_some_and(is_our_name)
        || module.iter().any(|fields| {
            vm.follow(fields)
                .and_then(|at| at.text())
                .is_some_and(|file| is_our_name(file.rsplit('/').next().unwrap_or(file)))
        })
}

/// Names are given with prefixes and versions, as in `acme/mtls_policy-1.2.wasm`; `mtls-policy` is the package.
fn is_our_name(name: &str) -> bool {
    name.replace('-', "_").contains(OUR_NAME)
}

/// The configuration of the plugin, of a filter of ours whose configuration is at hand.
pub(super) fn plugin<'d>(filter: &HttpFilter<'d>) -> Option<At<'d>> {
    filter.config.as_ref()?.at.get("config")
}

/// The policy that a plugin is given.
#[derive(Debug)]
pub(super) enum Embedded<'d> {
    /// As Envoy hands it over, or as the JSON that its `Struct` stands for.
    Document {
        at: At<'d>,
        bytes: Vec<u8>,
    },
    Missing,
    /// In a form that the filter does not take.
    Unreadable(At<'d>),
}

/// The policy in a plugin's `configuration`.
pub(super) fn embedded<'d>(plugin: &At<'d>) -> Embedded<'d> {
    let Some(any) = plugin.get("configuration") else { return Embedded::Missing };
    let unreadable = Embedded::Unreadable(any.clone());
    let Some(typed) = Typed::read(&any) else { return unreadable };
    let Some(value) = typed.at.get("value") else { return unreadable };
    let bytes = match typed.type_name {
        "google.protobuf.StringValue" => value.text().map(|text| text.as_bytes().to_vec()),
        "google.protobuf.BytesValue" => {
            value.text().and_then(|text| BASE64_STANDARD.decode(text.as_bytes()).ok())
        }
        "google.protobuf.Struct" => serde_json::to_vec_pretty(&value.to_json()).ok(),
        _other => None,
    };
    bytes.map_or(unreadable, |bytes| Embedded::Document { at: value, bytes })
}

/// How the plugin is loaded, and what happens when it fails.
pub(super) fn check(plugin: &At<'_>, findings: &mut Findings) {
    check_failure(plugin, findings);
    if let Some(at) = plugin.if_true("allow_on_headers_stop_iteration") {
        findings.error(
            Id::StopIteration,
            &at,
            "with `allow_on_headers_stop_iteration` a request that the filter holds goes on with its body",
            "remove the line",
        );
    }
    if plugin.text_of("root_id").unwrap_or_default().is_empty() {
        findings.warning(
            Id::SharedContext,
            plugin,
            "the plugin has no `root_id`: it shares its context with every other plugin that has none",
            "add `root_id: mtls_policy`",
        );
    }
    let Some(vm) = plugin.get("vm_config") else { return };
    if vm.text_of("vm_id").unwrap_or_default().is_empty() {
        findings.warning(
            Id::SharedVm,
            &vm,
            "the VM has no `vm_id`: it is shared with every other plugin of the same module that has none",
            "add `vm_id: mtls_policy`",
        );
    }
    match vm.get("runtime") {
        Some(runtime) if runtime.text() != Some(RUNTIME) => findings.error(
            Id::Runtime,
            &runtime,
            "the filter is made for V8, the one runtime that Envoy's releases have",
            "write `runtime: envoy.wasm.runtime.v8`",
        ),
        Some(_) | None => {}
    }
}

fn check_failure(plugin: &At<'_>, findings: &mut Findings) {
    if let Some(at) = plugin.if_true("fail_open") {
        findings.error(
            Id::FailOpen,
            &at,
            "with `fail_open` every request passes when the filter has failed",
            "replace it by `failure_policy: FAIL_RELOAD`",
        );
    }
    let named = plugin.enum_of("failure_policy", &FAILURE_POLICIES);
    let at = plugin.get("failure_policy").unwrap_or_else(|| plugin.clone());
    match named {
        Some("FAIL_RELOAD") => {}
        Some("FAIL_OPEN") => findings.error(
            Id::FailOpen,
            &at,
            "under `FAIL_OPEN` every request passes when the filter has failed",
            "write `failure_policy: FAIL_RELOAD`: requests are refused, and the filter is loaded anew",
        ),
        _closed => findings.note(
            Id::FailClosed,
            &at,
            "a filter that has failed refuses every request until Envoy is started again",
            "write `failure_policy: FAIL_RELOAD`: requests are refused, and the filter is loaded anew",
        ),
    }
}
