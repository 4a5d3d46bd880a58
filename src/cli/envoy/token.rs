//! The filter that verifies tokens, where a route demands one.

use super::Scene;
use super::bootstrap::HttpFilter;
use super::document::At;
use super::finding::{Findings, Id};

const JWT_AUTHN: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";

pub(super) fn check(
    scene: &Scene<'_, '_>,
    before: &[HttpFilter<'_>],
    after: &[HttpFilter<'_>],
    findings: &mut Findings,
) {
    let demanded: Vec<&str> = scene.policies.iter().flat_map(|policy| policy.token_metadata()).collect();
    if demanded.is_empty() {
        return;
    }
    let verifiers: Vec<At<'_>> = before.iter().filter_map(verifier).collect();
    if verifiers.is_empty() {
        check_absence(scene, before, after, findings);
        return;
    }
    for key in demanded {
        check_metadata(&verifiers, key, findings);
    }
    for verifier in &verifiers {
        check_requirements(verifier, findings);
    }
}

/// The configuration of a filter that verifies tokens.
fn verifier<'d>(filter: &HttpFilter<'d>) -> Option<At<'d>> {
    let config = filter.config.as_ref().filter(|config| config.type_name == JWT_AUTHN)?;
    filter.at.if_true("disabled").is_none().then(|| config.at.clone())
}

fn check_absence(
    scene: &Scene<'_, '_>,
    before: &[HttpFilter<'_>],
    after: &[HttpFilter<'_>],
    findings: &mut Findings,
) {
    const HELP: &str = "put `jwt_authn` before `mtls_policy`, as `envoy/jwt.yaml` has it";
    if let Some(late) = after.iter().find(|filter| verifier(filter).is_some()) {
        findings.error(
            Id::NoJwtAuthn,
            &late.at,
            "tokens are verified after the policy has decided, so routes that demand one deny every request as \
             `token_missing`",
            HELP,
        );
    } else if before.iter().any(|filter| filter.config.is_none() && filter.discovery.is_some()) {
        findings.warning(
            Id::NoJwtAuthn,
            &scene.manager.at,
            "routes demand a token, and no filter that was looked at verifies tokens before the policy is asked",
            HELP,
        );
    } else {
        findings.error(
            Id::NoJwtAuthn,
            &scene.manager.at,
            "nobody verifies tokens, so routes that demand one deny every request as `token_missing`",
            HELP,
        );
    }
}

/// Providers may write elsewhere for other routes and other filters, as long as one writes here.
fn check_metadata(verifiers: &[At<'_>], key: &str, findings: &mut Findings) {
    let writes = |verifier: &At<'_>| {
        let providers = verifier.get("providers").map(|providers| providers.entries()).unwrap_or_default();
        providers.iter().any(|(_, provider)| provider.text_of("payload_in_metadata") == Some(key))
    };
    if let Some(first) = verifiers.first()
        && !verifiers.iter().any(writes)
    {
        let providers = first.get("providers").unwrap_or_else(|| first.clone());
        findings.error(
            Id::TokenMetadata,
            &providers,
            format!(
                "no provider leaves the claims under `{}`, so routes that look there deny every request as \
                 `token_missing`",
                key.escape_debug()
            ),
            "let `payload_in_metadata` of the provider be what `token.metadata` of the policy says (`payload` if it \
             says nothing)",
        );
    }
}

fn check_requirements(verifier: &At<'_>, findings: &mut Findings) {
    for at in verifier.everywhere("allow_missing_or_failed") {
        findings.warning(
            Id::TokenFailed,
            &at,
            "requests with a token that is no good go on. Its claims are not handed over, so a route that demands a \
             token still denies them, as `token_missing`; the other routes let them pass",
            "write `allow_missing`, so that Envoy answers them with 401",
        );
    }
    for at in verifier.everywhere("extract_only_without_validation") {
        findings.error(
            Id::TokenUnverified,
            &at,
            "claims are handed over that nobody has verified: whatever a client writes into a token is believed",
            "remove it, and require the provider by `provider_name`",
        );
    }
}
