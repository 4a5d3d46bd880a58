//! Trust bundles as commands name them.

use mtls_policy::policy::{Policy, TrustBundle, closest};

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
