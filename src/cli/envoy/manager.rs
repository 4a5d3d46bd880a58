//! The connection manager: what it does with the forwarded certificate and the path.

use mtls_policy::policy::{
    CertificateUse, ChainUse, ForwardedCertificates, LeafSource, Policy, Resumption, Verification,
};

use super::Scene;
use super::bootstrap::Transport;
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

pub(super) fn check(scene: &Scene<'_, '_>, findings: &mut Findings) {
    if !matches!(scene.chain.transport, Transport::Plaintext) {
        check_forwarding(scene, findings);
    }
    check_paths(&scene.manager.at, findings);
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
        // The certificates beside the client's own are known by the header only, and those of the bundle may do without.
        (_, LeafSource::Auto, Verification::Plugin) => HeaderUse::Fallback,
        // An Envoy that can tell whether it verified a certificate has the attribute too.
        (_, LeafSource::Auto, Verification::Envoy(Resumption::Disabled)) => HeaderUse::Unused,
    }
}

fn check_forwarding(scene: &Scene<'_, '_>, findings: &mut Findings) {
    let manager = &scene.manager.at;
    let mode = manager.enum_of("forward_client_cert_details", &FORWARD_MODES).unwrap_or("SANITIZE");
    let at = manager.get("forward_client_cert_details").unwrap_or_else(|| manager.clone());
    let help = "write `forward_client_cert_details: SANITIZE_SET`";
    check_forwarded_chain(scene, mode, findings);
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

/// Of the certificates behind the client's own the filter learns by the header only.
fn check_forwarded_chain(scene: &Scene<'_, '_>, mode: &str, findings: &mut Findings) {
    let forwards_chain = |policy: &&Policy| {
        policy.routes().iter().any(|route| match route.forward().certificates() {
            ForwardedCertificates::LeafAndChain => true,
            ForwardedCertificates::None | ForwardedCertificates::Leaf => false,
        })
    };
    let manager = &scene.manager.at;
    let details = manager.get("set_current_client_cert_details");
    let written = ["SANITIZE_SET", "APPEND_FORWARD"].contains(&mode)
        && details.as_ref().is_some_and(|details| details.if_true("chain").is_some());
    let at = details.as_ref().unwrap_or(manager);
    let help = "write `forward_client_cert_details: SANITIZE_SET`, and add `chain: true` to \
                `set_current_client_cert_details`";
    if !written && scene.policies.iter().any(forwards_chain) {
        findings.warning(
            Id::NoForwardedChain,
            at,
            "no upstream gets the `client-cert-chain` that the policy forwards: the filter takes it from `Chain` of \
             `x-forwarded-client-cert`, which is not written",
            help,
        );
    }
    let verifies_chain = |policy: &Policy| match policy.chain_use() {
        ChainUse::Verified => true,
        ChainUse::Never => false,
    };
    if !written && scene.policies.iter().copied().any(verifies_chain) {
        findings.warning(
            Id::NoForwardedChain,
            at,
            "the filter verifies chains by the intermediates of its trust bundles alone: those that clients present \
             stand in `Chain` of `x-forwarded-client-cert`, which is not written",
            help,
        );
    }
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
