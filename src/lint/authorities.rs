//! Certificates of trust bundles that are good for nothing now, or soon.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::finding::Findings;
use super::tree;
use super::view::View;
use crate::policy::{Lint, Span, TrustBundle, fingerprint_in};
use crate::trust::Authority;

/// How long before its end a certificate is reported: every client needs another one by then.
const NOTICE: Duration = Duration::days(30);

pub(super) fn check(view: &View<'_>, now: OffsetDateTime, findings: &mut Findings) {
    let bundles = tree::get(view.tree, "trust_bundles");
    for bundle in view.policy.trust_bundles() {
        let Some(node) = bundles.and_then(|bundles| tree::get(bundles, bundle.name())) else { continue };
        for (key, noun) in [("anchors_pem", "anchor"), ("intermediates_pem", "intermediate")] {
            for entry in tree::list(node, key) {
                let fingerprint = tree::text(entry).and_then(fingerprint_in);
                let mut authorities = bundle.authorities().iter();
                let authority = authorities.find(|one| Some(one.certificate().fingerprint()) == fingerprint);
                if let Some(authority) = authority {
                    let name =
                        format!("{noun} `{}` of trust bundle `{}`", authority.subject(), bundle.name());
                    check_time(bundle, authority, &name, entry.span, now, findings);
                    check_use(bundle, authority, &name, entry.span, findings);
                }
            }
        }
    }
}

fn check_time(
    bundle: &TrustBundle,
    authority: &Authority,
    name: &str,
    span: Span,
    now: OffsetDateTime,
    findings: &mut Findings,
) {
    let validity = authority.validity();
    let written = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_else(|_| at.to_string());
    let end = written(validity.not_after);
    if now < validity.not_before {
        let message = format!("{name} is not valid before {}", written(validity.not_before));
        let help = "leave the one that it follows beside it until then";
        findings.lint(Lint::CaNotValid, span, None, message, help);
    } else if now > validity.not_after {
        let help = "take it out, and make sure that the one that follows it is there";
        findings.lint(Lint::CaNotValid, span, None, format!("{name} ended at {end}"), help);
    } else if validity.not_after - now <= NOTICE && !lives_on(bundle, authority, now) {
        let help = "add the one that follows it: old and new may stand together in a bundle until clients have new certificates";
        findings.lint(Lint::ExpiringCa, span, None, format!("{name} ends at {end}"), help);
    }
}

/// Whether another certificate of its name and key stands in the bundle, which is good from its end on at the latest.
fn lives_on(bundle: &TrustBundle, authority: &Authority, now: OffsetDateTime) -> bool {
    let Some(subject) = authority.subject_digest() else { return false };
    bundle.authorities().named(subject).any(|other| {
        other.spki_fingerprint() == authority.spki_fingerprint()
            && other.validity().not_before <= authority.validity().not_after
            && other.validity().not_after - now > NOTICE
            && bundle.authorities().may_issue(other) == bundle.authorities().may_issue(authority)
    })
}

fn check_use(bundle: &TrustBundle, authority: &Authority, name: &str, span: Span, findings: &mut Findings) {
    // An intermediate that may sign nothing is an error of the policy.
    if bundle.authorities().is_anchor(authority) && !bundle.authorities().may_issue(authority) {
        let message = format!("{name} may sign no certificates: its key usage lacks `keyCertSign`");
        let help = if authority.may_sign_lists() {
            "put the CA's own certificate in its place; it can stay if all that it is for is to sign lists"
        } else {
            "put the CA's own certificate in its place"
        };
        findings.lint(Lint::NonIssuingAnchor, span, None, message, help);
    }
}
