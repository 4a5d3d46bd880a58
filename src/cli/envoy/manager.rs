//! The connection manager: what it does with the forwarded certificate, the client's address and the path.

use mtls_policy::policy::{CertificateUse, LeafSource, Policy, Resumption, Verification};

use super::Scene;
use super::bootstrap::{HttpFilter, Transport, Typed};
use super::document::At;
use super::finding::{Findings, Id};

const FORWARD_MODES: [&str; 5] =
    ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"];
const FORWARD_FORMATS: [&str; 2] = ["TEXT", "JSON"];
const SLASH_ACTIONS: [&str; 5] = [
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
];

/// Where the filter reads the address of the connection's other end.
const SOURCE_KEY: &str = "mtls_policy.source";
const SET_FILTER_STATE: [&str; 2] = [
    "envoy.extensions.filters.network.set_filter_state.v3.Config",
    "envoy.extensions.filters.http.set_filter_state.v3.Config",
];

pub(super) fn check(scene: &Scene<'_, '_>, before: &[HttpFilter<'_>], findings: &mut Findings) {
    let manager = &scene.manager.at;
    if !matches!(scene.chain.transport, Transport::Plaintext) {
        check_forwarding(scene, findings);
    }
    check_remote_address(manager, findings);
    check_source(scene, before, findings);
    check_paths(manager, findings);
}

/// How much a policy rests on the forwarded header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderUse {
    /// The certificate is read there.
    Needed,
    /// The certificate is read there where Envoy has no attribute for it.
    Fallback,
    /// The certificate is read elsewhere.
    Unused,
}

fn header_use(policy: &Policy) -> HeaderUse {
    match (policy.certificate_use(), policy.leaf_source(), policy.verification()) {
        (CertificateUse::Never, _, _) | (_, LeafSource::Connection, _) => HeaderUse::Unused,
        (_, LeafSource::Xfcc, _) => HeaderUse::Needed,
        (_, LeafSource::Auto, Verification::Envoy(Resumption::Trusted)) => HeaderUse::Fallback,
        // An Envoy that can tell whether it verified a certificate has the attribute too.
        (_, LeafSource::Auto, Verification::Envoy(Resumption::Disabled)) => HeaderUse::Unused,
    }
}

fn check_forwarding(scene: &Scene<'_, '_>, findings: &mut Findings) {
    let manager = &scene.manager.at;
    let mode = manager.enum_of("forward_client_cert_details", &FORWARD_MODES).unwrap_or("SANITIZE");
    let at = manager.get("forward_client_cert_details").unwrap_or_else(|| manager.clone());
    let help = "write `forward_client_cert_details: SANITIZE_SET`";
    if let Some(matcher) = manager.get("forward_client_cert_matcher") {
        findings.warning(
            Id::ForwardMatcher,
            &matcher,
            "a matcher chooses per request what becomes of `x-forwarded-client-cert`; it was not looked at",
            "remove it, or make sure by hand that every choice is `SANITIZE_SET`",
        );
    }
    match mode {
        "SANITIZE_SET" => check_details(scene, findings),
        "SANITIZE" => check_sanitized(scene, &at, help, findings),
        "APPEND_FORWARD" => {
            findings.warning(
                Id::ForwardMode,
                &at,
                "under `APPEND_FORWARD` the service behind gets elements of `x-forwarded-client-cert` that the \
                 client wrote; the filter reads the last one only",
                help,
            );
            check_details(scene, findings);
        }
        other => findings.error(
            Id::ForwardMode,
            &at,
            format!(
                "under `{}` the service behind gets the `x-forwarded-client-cert` that the client wrote",
                other.escape_debug()
            ),
            help,
        ),
    }
}

fn check_sanitized(scene: &Scene<'_, '_>, at: &At<'_>, help: &'static str, findings: &mut Findings) {
    for policy in scene.policies {
        match header_use(policy) {
            HeaderUse::Needed => findings.error(
                Id::ForwardMode,
                at,
                "under `SANITIZE` there is no `x-forwarded-client-cert`, where the policy reads certificates",
                help,
            ),
            HeaderUse::Fallback => findings.warning(
                Id::ForwardMode,
                at,
                "under `SANITIZE` there is no `x-forwarded-client-cert`, where the filter reads certificates under \
                 an Envoy before 1.39",
                help,
            ),
            HeaderUse::Unused => findings.note(
                Id::ForwardMode,
                at,
                "under `SANITIZE` the service behind gets no `x-forwarded-client-cert`",
                help,
            ),
        }
    }
}

fn check_details(scene: &Scene<'_, '_>, findings: &mut Findings) {
    let manager = &scene.manager.at;
    let details = manager.get("set_current_client_cert_details");
    let at = details.clone().unwrap_or_else(|| manager.clone());
    let format = details.as_ref().and_then(|details| details.enum_of("format", &FORWARD_FORMATS));
    let has_certificate = details.is_some_and(|details| details.if_true("cert").is_some());
    for policy in scene.policies {
        let report = match header_use(policy) {
            HeaderUse::Needed => Findings::error,
            HeaderUse::Fallback => Findings::warning,
            HeaderUse::Unused => continue,
        };
        if !has_certificate {
            report(
                findings,
                Id::NoForwardedCertificate,
                &at,
                "`x-forwarded-client-cert` lacks the certificate, which the filter reads there under an Envoy \
                 before 1.39, or always where the policy says `\"from\": \"xfcc\"`"
                    .to_owned(),
                "add `cert: true` to `set_current_client_cert_details`",
            );
        }
        if format == Some("JSON") {
            report(
                findings,
                Id::ForwardFormat,
                &at,
                "`x-forwarded-client-cert` is written as JSON, which the filter does not read".to_owned(),
                "remove `format`",
            );
        }
    }
}

fn check_remote_address(manager: &At<'_>, findings: &mut Findings) {
    if manager.if_true("use_remote_address").is_none() {
        findings.warning(
            Id::RemoteAddress,
            &manager.get("use_remote_address").unwrap_or_else(|| manager.clone()),
            "Envoy believes `x-forwarded-for` and `x-envoy-*` of whoever connects; the policy takes the \
             connection's own address",
            "write `use_remote_address: true`, unless only a load balancer of yours can reach the listener",
        );
    }
}

/// The address is put into filter state by a network filter, or by an HTTP filter before ours.
fn check_source(scene: &Scene<'_, '_>, before: &[HttpFilter<'_>], findings: &mut Findings) {
    let network = scene.chain.network_filters.iter().filter_map(Typed::config_of);
    let http = before.iter().filter_map(|filter| filter.config.clone());
    let mut sources: Vec<At<'_>> = Vec::new();
    for config in network.chain(http).filter(|config| SET_FILTER_STATE.contains(&config.type_name)) {
        for (_, values) in config.at.entries() {
            sources.extend(
                values.items().into_iter().filter(|value| value.text_of("object_key") == Some(SOURCE_KEY)),
            );
        }
    }
    if sources.is_empty() {
        findings.warning(
            Id::NoSource,
            &scene.chain.at,
            "the filter does not learn the address of the connection's other end",
            "add the network filter `envoy.filters.network.set_filter_state` that `envoy/envoy.yaml` has, before \
             the connection manager",
        );
    }
    for source in sources {
        let format = source
            .follow(&["format_string", "text_format_source", "inline_string"])
            .and_then(|format| format.text());
        if !format.is_some_and(is_direct_address) {
            findings.warning(
                Id::SourceFormat,
                &source,
                "what the filter takes for the address of the connection's other end may be something else",
                "write `inline_string: \"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%\"`",
            );
        }
    }
}

fn is_direct_address(format: &str) -> bool {
    ["%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"]
        .contains(&format)
}

fn check_paths(manager: &At<'_>, findings: &mut Findings) {
    if let Some(validator) = manager.get("typed_header_validation_config") {
        findings.note(
            Id::HeaderValidator,
            &validator,
            "a header validator decides how paths are normalised; it was not looked at",
            "make sure by hand that it resolves dot segments and merges slashes",
        );
        return;
    }
    for (id, field, what, help) in [
        (Id::NormalizePath, "normalize_path", "dot segments", "write `normalize_path: true`"),
        (Id::MergeSlashes, "merge_slashes", "doubled slashes", "write `merge_slashes: true`"),
    ] {
        if manager.if_true(field).is_none() {
            findings.warning(
                id,
                &manager.get(field).unwrap_or_else(|| manager.clone()),
                format!(
                    "{what} stay in paths: the service behind may read another path than Envoy's routes do, and \
                     the filter refuses what it cannot tell"
                ),
                help,
            );
        }
    }
    let action = manager.enum_of("path_with_escaped_slashes_action", &SLASH_ACTIONS).unwrap_or("");
    let at = manager.get("path_with_escaped_slashes_action").unwrap_or_else(|| manager.clone());
    let help = "write `path_with_escaped_slashes_action: KEEP_UNCHANGED`, or `REJECT_REQUEST` where no path has them";
    match action {
        "KEEP_UNCHANGED" | "REJECT_REQUEST" | "UNESCAPE_AND_REDIRECT" => {}
        "UNESCAPE_AND_FORWARD" => findings.note(
            Id::EscapedSlashes,
            &at,
            "`%2F` becomes `/` on the way: a proxy in front of this one may have taken the path for another",
            help,
        ),
        _default => findings.note(
            Id::EscapedSlashes,
            &at,
            "what becomes of `%2F` is left to Envoy, whose default may change",
            help,
        ),
    }
}
