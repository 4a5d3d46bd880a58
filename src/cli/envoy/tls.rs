//! The TLS context: who is asked for a certificate, who verifies it, and what is resumed.

use mtls_policy::policy::{CertificateUse, Policy, Resumption, ServerNameUse, Verification};

use super::Scene;
use super::bootstrap::{Inspection, Transport, static_secret};
use super::document::At;
use super::finding::{Findings, Id};

const CHAIN_VERIFICATIONS: [&str; 2] = ["VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"];

pub(super) fn check(scene: &Scene<'_, '_>, findings: &mut Findings) {
    check_server_name(scene, findings);
    let context = match &scene.chain.transport {
        Transport::Tls(context) | Transport::Quic(context) => context,
        Transport::Plaintext => {
            if scene.policies.iter().any(|policy| policy.certificate_use() != CertificateUse::Never) {
                findings.error(
                    Id::NoTls,
                    &scene.chain.at,
                    "no client has a certificate here: the filter chain has no TLS",
                    "add a `transport_socket` with a `DownstreamTlsContext`",
                );
            }
            return;
        }
        Transport::Unknown(socket) => {
            findings.warning(
                Id::UnknownTransportSocket,
                socket,
                "this transport socket is unknown here: nothing can be said of its TLS",
                "make sure by hand that it verifies client certificates",
            );
            return;
        }
    };
    for policy in scene.policies {
        check_resumption(context, policy, findings);
        check_demand(context, policy, findings);
        check_validation(scene, context, policy, findings);
    }
}

fn check_server_name(scene: &Scene<'_, '_>, findings: &mut Findings) {
    if !matches!(scene.chain.transport, Transport::Tls(_) | Transport::Unknown(_)) {
        return;
    }
    let compared = scene.policies.iter().any(|policy| policy.server_name_use() == ServerNameUse::Compared);
    match scene.listener.server_name {
        Inspection::Missing if compared => findings.error(
            Id::NoTlsInspector,
            &scene.listener.at,
            "without a TLS inspector no filter learns the server name that the client asked for, and routes that \
             compare it answer 421",
            "add `envoy.filters.listener.tls_inspector` to the listener's `listener_filters`",
        ),
        Inspection::Discovered => findings.note(
            Id::DiscoveredFilters,
            &scene.listener.at,
            "a listener filter comes from elsewhere and was not looked at",
            "make sure by hand that the listener has a TLS inspector",
        ),
        Inspection::Missing | Inspection::Configured => {}
    }
}

fn check_resumption(context: &At<'_>, policy: &Policy, findings: &mut Findings) {
    match policy.verification() {
        Verification::Envoy(Resumption::Trusted) => return,
        Verification::Envoy(Resumption::Disabled) => {}
    }
    for (field, kind) in [
        ("disable_stateless_session_resumption", "with tickets"),
        ("disable_stateful_session_resumption", "by session id"),
    ] {
        if context.if_true(field).is_none() {
            findings.error(
                Id::ResumptionOn,
                &context.get(field).unwrap_or_else(|| context.clone()),
                format!(
                    "TLS sessions are resumed {kind}, but the policy says `\"resumption\": \"disabled\"`: on \
                     them every certificate is refused as `untrusted`"
                ),
                "set `disable_stateless_session_resumption` and `disable_stateful_session_resumption` to `true`",
            );
        }
    }
}

fn check_demand(context: &At<'_>, policy: &Policy, findings: &mut Findings) {
    let Some(required) = context.if_true("require_client_certificate") else { return };
    match policy.certificate_use() {
        CertificateUse::Always => {}
        CertificateUse::Sometimes | CertificateUse::Never => findings.note(
            Id::CertificateRequired,
            &required,
            "a client without a certificate never gets as far as the routes that would let it in without",
            "write `require_client_certificate: false`: the policy says which route needs a certificate",
        ),
    }
}

fn check_validation(scene: &Scene<'_, '_>, context: &At<'_>, policy: &Policy, findings: &mut Findings) {
    if policy.certificate_use() == CertificateUse::Never {
        return;
    }
    let Some(common) = context.get("common_tls_context") else {
        no_validation(context, findings);
        return;
    };
    match validation(scene, &common) {
        ValidationContext::Here(context) => check_context(&context, policy, findings),
        ValidationContext::Combined(default, secret) => {
            check_combined(&default, &secret, policy, findings);
        }
        ValidationContext::Discovered(secret) => discovered(&secret, findings),
        ValidationContext::Missing => no_validation(&common, findings),
    }
}

/// Where the CAs of clients come from.
enum ValidationContext<'d> {
    Here(At<'d>),
    /// A part that stands here, over a part that comes from elsewhere.
    Combined(At<'d>, At<'d>),
    Discovered(At<'d>),
    Missing,
}

fn validation<'d>(scene: &Scene<'_, 'd>, common: &At<'d>) -> ValidationContext<'d> {
    if let Some(context) = common.get("validation_context") {
        return ValidationContext::Here(context);
    }
    if let Some(combined) = common.get("combined_validation_context") {
        let default = combined.get("default_validation_context");
        return match (default, combined.get("validation_context_sds_secret_config")) {
            (Some(default), Some(secret)) => match secret_here(scene, &secret) {
                // Envoy merges the two; what either says counts.
                Some(context) if context.get("trusted_ca").is_some() => {
                    ValidationContext::Combined(default, context)
                }
                _elsewhere => ValidationContext::Combined(default, secret),
            },
            (Some(default), None) => ValidationContext::Here(default),
            (None, Some(secret)) => ValidationContext::Discovered(secret),
            (None, None) => ValidationContext::Missing,
        };
    }
    match common.get("validation_context_sds_secret_config") {
        Some(secret) => {
            secret_here(scene, &secret).map_or(ValidationContext::Discovered(secret), ValidationContext::Here)
        }
        None => ValidationContext::Missing,
    }
}

/// A secret without a source is one of the static ones.
fn secret_here<'d>(scene: &Scene<'_, 'd>, secret: &At<'d>) -> Option<At<'d>> {
    if secret.get("sds_config").is_some() {
        return None;
    }
    static_secret(scene.bootstrap, secret.text_of("name")?)?.get("validation_context")
}

fn check_combined(default: &At<'_>, other: &At<'_>, policy: &Policy, findings: &mut Findings) {
    check_acceptance(default, policy, findings);
    if other.get("trusted_ca").is_some() {
        check_acceptance(other, policy, findings);
    } else {
        discovered(other, findings);
    }
}

fn check_context(context: &At<'_>, policy: &Policy, findings: &mut Findings) {
    if context.get("system_root_certs").is_some() {
        findings.warning(
            Id::PublicRoots,
            context,
            "whoever has a certificate of any public CA is a verified client",
            "name the CA of your clients as `trusted_ca`",
        );
    } else if !["trusted_ca", "ca_certificate_provider_instance", "custom_validator_config"]
        .iter()
        .any(|field| context.get(field).is_some())
        && !["verify_certificate_spki", "verify_certificate_hash"]
            .iter()
            .any(|field| !context.list(field).is_empty())
    {
        findings.error(
            Id::NoTrustedCa,
            context,
            "without a trusted CA Envoy verifies no client certificate",
            "name the CA of your clients as `trusted_ca`",
        );
    }
    check_acceptance(context, policy, findings);
}

fn check_acceptance(context: &At<'_>, policy: &Policy, findings: &mut Findings) {
    if context.enum_of("trust_chain_verification", &CHAIN_VERIFICATIONS) == Some("ACCEPT_UNTRUSTED") {
        let at = context.get("trust_chain_verification").unwrap_or_else(|| context.clone());
        let help = "remove `trust_chain_verification`, so that Envoy refuses what it cannot verify";
        match policy.verification() {
            Verification::Envoy(Resumption::Trusted) => findings.error(
                Id::UntrustedAccepted,
                &at,
                "anybody is believed: the listener accepts certificates that it could not verify, and the policy \
                 vouches for all that it accepts",
                help,
            ),
            Verification::Envoy(Resumption::Disabled) => findings.warning(
                Id::UntrustedAccepted,
                &at,
                "the listener accepts certificates that it could not verify; only the filter refuses them",
                help,
            ),
        }
    }
    if let Some(at) = context.if_true("allow_expired_certificate") {
        findings.warning(
            Id::ExpiredAccepted,
            &at,
            "expired CAs are good for Envoy; the filter looks at the time of the client's own certificate only",
            "remove `allow_expired_certificate`",
        );
    }
}

fn no_validation(at: &At<'_>, findings: &mut Findings) {
    findings.error(
        Id::NoValidationContext,
        at,
        "without a validation context Envoy verifies no client certificate, and may not even ask for one",
        "add `validation_context: { trusted_ca: ... }` with the CA of your clients",
    );
}

fn discovered(at: &At<'_>, findings: &mut Findings) {
    findings.note(
        Id::DiscoveredSecrets,
        at,
        "the CAs of clients come from elsewhere (SDS) and were not looked at",
        "make sure by hand that a trusted CA is among them",
    );
}
