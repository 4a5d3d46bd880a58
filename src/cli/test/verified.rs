//! Who vouches for the certificate of a test's client: what the test says, in the words of the policy's verifier.

use mtls_policy::policy::{Policy, TrustBundle, Verification};
use mtls_policy::revocation::AssumedBundles;

use super::file::{CertificateSource, Verified};

/// What Envoy says of a certificate, and which trust bundles vouch for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vouchers {
    /// As Envoy's attribute has it.
    pub(super) envoy: Option<bool>,
    /// `None` where that is to be found out.
    pub(super) bundles: Option<AssumedBundles>,
}

impl Vouchers {
    /// Who vouches by this policy for a certificate of this source, of which a test says so much, or nothing.
    ///
    /// # Errors
    /// Where the test speaks of another verifier than the policy's, or of a trust bundle that the policy does not have.
    pub(super) fn of(
        verified: Option<&Verified>,
        source: &CertificateSource,
        policy: &Policy,
    ) -> Result<Self, String> {
        match policy.verification() {
            Verification::Envoy(_) => Ok(Self { envoy: by_envoy(verified)?, bundles: None }),
            // Whatever Envoy found: it lets through what it could not verify where the listener says so.
            Verification::Plugin => {
                Ok(Self { envoy: Some(false), bundles: by_bundles(verified, source, policy)? })
            }
        }
    }
}

fn by_envoy(verified: Option<&Verified>) -> Result<Option<bool>, String> {
    match verified {
        None | Some(Verified::Yes) => Ok(Some(true)),
        Some(Verified::No) => Ok(Some(false)),
        Some(Verified::CannotTell) => Ok(None),
        Some(Verified::By(_)) => Err(
            "`verified`: by this policy Envoy verifies, and knows no trust bundles: say `true`, `false` or `null`"
                .to_owned(),
        ),
    }
}

fn by_bundles(
    verified: Option<&Verified>,
    source: &CertificateSource,
    policy: &Policy,
) -> Result<Option<AssumedBundles>, String> {
    match (verified, source) {
        (None, CertificateSource::File(_)) => Ok(None),
        (None, CertificateSource::Minted(_)) | (Some(Verified::Yes), _) => Ok(Some(AssumedBundles::Any)),
        (Some(Verified::No), _) => Ok(Some(AssumedBundles::None)),
        (Some(Verified::By(name)), _) => {
            let names: Vec<&str> = policy.trust_bundles().iter().map(TrustBundle::name).collect();
            if names.contains(&name.as_str()) {
                return Ok(Some(AssumedBundles::Named(name.clone())));
            }
            let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(format!("`verified`: the policy has no trust bundle `{name}`; it has {known}"))
        }
        (Some(Verified::CannotTell), _) => {
            Err("`verified`: `null` is a word of Envoy, and by this policy the filter verifies".to_owned())
        }
    }
}
