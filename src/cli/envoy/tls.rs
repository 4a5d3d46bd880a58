//! The TLS context: who is asked for a certificate, who verifies it, and what is resumed.

use mtls_policy::policy::{CertificateUse, Policy, Resumption, ServerNameUse, Verification};

use super::Scene;
use super::bootstrap::{Inspection, Transport, static_secret};
use super::document::At;
use super::finding::{Findings, Id};
use super::untrusted;

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
        // The filter verifies on resumed sessions, too.
        Verification::Envoy(Resumption::Trusted) | Verification::Plugin => return,
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
    let common = context.get("common_tls_context").unwrap_or_else(|| context.clone());
    let Validation { parts, elsewhere } = Validation::read(scene, &common);
    for part in &parts {
        untrusted::check_accepted(part, policy, findings);
    }
    match (parts.last(), elsewhere) {
        (_, Some(secret)) => findings.note(
            Id::DiscoveredSecrets,
            &secret,
            "the CAs of clients come from elsewhere (SDS) and were not looked at",
            "make sure by hand that a trusted CA is among them",
        ),
        (Some(last), None) => {
            check_verifiers(&parts, last, policy, findings);
            untrusted::check_refused(&parts, last, policy, findings);
        }
        (None, None) => findings.error(
            Id::NoValidationContext,
            &common,
            "without a validation context Envoy verifies no client certificate, and asks for none",
            "add `validation_context: { trusted_ca: ... }` with the CA of your clients",
        ),
    }
}

/// How client certificates are verified.
#[derive(Default)]
struct Validation<'d> {
    /// The parts of the validation context that stand in this configuration. Envoy merges them.
    parts: Vec<At<'d>>,
    /// The part that does not.
    elsewhere: Option<At<'d>>,
}

impl<'d> Validation<'d> {
    fn read(scene: &Scene<'_, 'd>, common: &At<'d>) -> Self {
        let mut validation = Self::default();
        let combined = common.get("combined_validation_context");
        let whole = common.get("validation_context");
        let default = combined.as_ref().and_then(|combined| combined.get("default_validation_context"));
        validation.parts.extend(whole.or(default));
        let holder = combined.as_ref().unwrap_or(common);
        if let Some(secret) = holder.get("validation_context_sds_secret_config") {
            match secret_here(scene, &secret) {
                Some(context) => validation.parts.push(context),
                None => validation.elsewhere = Some(secret),
            }
        }
        validation
    }
}

/// A secret without a source is one of the static ones.
fn secret_here<'d>(scene: &Scene<'_, 'd>, secret: &At<'d>) -> Option<At<'d>> {
    if secret.get("sds_config").is_some() {
        return None;
    }
    static_secret(scene.bootstrap, secret.text_of("name")?)?.get("validation_context")
}

fn check_verifiers(parts: &[At<'_>], at: &At<'_>, policy: &Policy, findings: &mut Findings) {
    let has = |fields: &[&str]| parts.iter().any(|part| fields.iter().any(|field| part.get(field).is_some()));
    let lists = |field: &str| parts.iter().any(|part| !part.list(field).is_empty());
    let by_filter = match policy.verification() {
        Verification::Plugin => true,
        Verification::Envoy(_) => false,
    };
    // Then Envoy asks for a certificate without any CA.
    if by_filter && untrusted::are_accepted(parts) {
        return;
    }
    if has(&["system_root_certs"]) {
        // Whoever gets by Envoy with such a certificate is the filter's to verify.
        if by_filter {
            return;
        }
        findings.warning(
            Id::PublicRoots,
            at,
            "whoever has a certificate of any public CA is a verified client",
            "name the CA of your clients as `trusted_ca`",
        );
    } else if !has(&["trusted_ca", "ca_certificate_provider_instance", "custom_validator_config"])
        && !lists("verify_certificate_spki")
        && !lists("verify_certificate_hash")
    {
        findings.error(
            Id::NoTrustedCa,
            at,
            "without a trusted CA Envoy verifies no client certificate, and asks for none",
            "name the CA of your clients as `trusted_ca`",
        );
    }
}
