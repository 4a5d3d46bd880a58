//! What becomes of certificates that Envoy cannot verify: refused in the handshake, or left to the filter.

use std::collections::HashSet;

use mtls_policy::policy::{Policy, Resumption, TrustBundle, Verification};

use super::document::At;
use super::finding::{Findings, Id};
use crate::cli::offline::certificates;

const CHAIN_VERIFICATIONS: [&str; 2] = ["VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"];

/// Whether one of these parts of a validation context lets certificates through that Envoy cannot verify.
pub(super) fn are_accepted(parts: &[At<'_>]) -> bool {
    parts.iter().any(is_accepting)
}

fn is_accepting(context: &At<'_>) -> bool {
    context.enum_of("trust_chain_verification", &CHAIN_VERIFICATIONS) == Some("ACCEPT_UNTRUSTED")
}

/// Looks at what one part lets through.
pub(super) fn check_accepted(context: &At<'_>, policy: &Policy, findings: &mut Findings) {
    let believed = match policy.verification() {
        // What Envoy lets through is the filter's to verify, the time of CAs included.
        Verification::Plugin => return,
        Verification::Envoy(resumption) => resumption,
    };
    if is_accepting(context) {
        let at = context.get("trust_chain_verification").unwrap_or_else(|| context.clone());
        let help = "remove `trust_chain_verification`, so that Envoy refuses what it cannot verify";
        match believed {
            Resumption::Trusted => findings.error(
                Id::UntrustedAccepted,
                &at,
                "anybody is believed: the listener accepts certificates that it could not verify, and the policy \
                 vouches for all that it accepts",
                help,
            ),
            Resumption::Disabled => findings.warning(
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

/// Looks at what a validation context of these parts, all of which are known, keeps from a filter that would take it. `at` is
/// the last of them.
pub(super) fn check_refused(parts: &[At<'_>], at: &At<'_>, policy: &Policy, findings: &mut Findings) {
    if are_accepted(parts) {
        return;
    }
    let routes: Vec<String> = policy.unverified_routes().map(|route| format!("`{}`", route.name())).collect();
    if !routes.is_empty() {
        findings.warning(
            Id::UnverifiedRefused,
            at,
            format!(
                "Envoy refuses in the handshake what it cannot verify, so that clients whom the policy knows by a digest \
                 alone may get as far as no route; it has {}",
                routes.join(", ")
            ),
            "add `trust_chain_verification: ACCEPT_UNTRUSTED`: on its other routes the filter verifies chains itself",
        );
    }
    check_anchors(parts, policy, findings);
}

/// Each anchor must be among the CAs of Envoy, or something below it, where the CAs stand in the configuration.
fn check_anchors(parts: &[At<'_>], policy: &Policy, findings: &mut Findings) {
    let lists = parts.iter().filter_map(|part| part.follow(&["trusted_ca", "inline_string"]));
    for list in lists {
        let known = list.text().and_then(|text| certificates::parse(text.as_bytes()).ok());
        let Some(known) = known else { continue };
        let known: HashSet<Vec<u8>> = known.into_iter().collect();
        for (bundle, subject) in policy.trusted_bundles().iter().filter_map(|bundle| missing(bundle, &known))
        {
            findings.warning(
                Id::AnchorRefused,
                &list,
                format!(
                    "`{subject}` is no CA of Envoy, which refuses its clients in the handshake, although trust \
                     bundle `{bundle}` vouches for them"
                ),
                "put in its place what `mtlsctl envoy trusted-ca` prints of the policy, or let the filter alone verify: \
                 `trust_chain_verification: ACCEPT_UNTRUSTED`",
            );
        }
    }
}

/// A bundle, and an anchor of it of which Envoy knows neither itself nor anything that may stand below it.
fn missing<'b>(bundle: &'b TrustBundle, known: &HashSet<Vec<u8>>) -> Option<(&'b str, String)> {
    let authorities = bundle.authorities();
    let is_known = |der: &[u8]| known.contains(der);
    if authorities
        .iter()
        .any(|authority| !authorities.is_anchor(authority) && is_known(authority.certificate().der()))
    {
        return None;
    }
    let mut anchors = authorities.iter().filter(|authority| authorities.is_anchor(authority));
    let anchor = anchors.find(|anchor| !is_known(anchor.certificate().der()))?;
    Some((bundle.name(), anchor.subject().to_string()))
}
