//! Trust bundles as commands name and show them.

use mtls_policy::policy::{Policy, TrustBundle, closest};
use mtls_policy::trust::Authority;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::findings_report::counted;

/// Most anchors of one bundle that are shown to people.
const MAX_SHOWN: usize = 10;

/// The trust bundle of that name.
///
/// # Errors
/// That there is none, and what was probably meant.
pub(crate) fn named<'p>(policy: &'p Policy, name: &str) -> Result<&'p TrustBundle, String> {
    let bundles = policy.trust_bundles();
    bundles.iter().find(|bundle| bundle.name() == name).ok_or_else(|| {
        let error = format!("the policy has no trust bundle `{}`", name.escape_debug());
        match closest(name, bundles.iter().map(TrustBundle::name)) {
            Some(meant) => format!("{error}; did you mean `{meant}`?"),
            None => error,
        }
    })
}

/// What anchors a policy has, for people; empty where it has no bundles.
pub(super) fn human(policy: &Policy) -> String {
    let mut page = String::new();
    for bundle in policy.trust_bundles() {
        let anchors: Vec<&Authority> = bundle.anchors().collect();
        let intermediates = counted(bundle.intermediates().count(), "intermediate");
        let counts = format!("{}, {intermediates}", counted(anchors.len(), "anchor"));
        page.push_str(&format!("  trust bundle `{}`: {counts}\n", bundle.name()));
        for anchor in anchors.iter().take(MAX_SHOWN) {
            let Anchor { subject, sha256, not_after } = Anchor::of(anchor);
            page.push_str(&format!("    {subject}, valid until {not_after}, sha256 {sha256}\n"));
        }
        if let Some(more) = anchors.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            page.push_str(&format!("    and {more} more, which `--format json` shows\n"));
        }
    }
    page
}

/// The same for programs, and all of it.
pub(super) fn json(policy: &Policy) -> Vec<Bundle<'_>> {
    let bundles = policy.trust_bundles().iter().map(|bundle| Bundle {
        name: bundle.name(),
        anchors: bundle.anchors().map(Anchor::of).collect(),
        intermediates: bundle.intermediates().count(),
    });
    bundles.collect()
}

#[derive(Serialize)]
pub(super) struct Bundle<'a> {
    name: &'a str,
    anchors: Vec<Anchor>,
    intermediates: usize,
}

#[derive(Serialize)]
struct Anchor {
    subject: String,
    sha256: String,
    not_after: String,
}

impl Anchor {
    fn of(anchor: &Authority) -> Self {
        Self {
            subject: anchor.subject().to_string(),
            sha256: anchor.certificate().fingerprint().to_string(),
            not_after: time(anchor.validity().not_after),
        }
    }
}

fn time(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
