//! Operations on certificates.

use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `parse_cert`: whether these are a certificate and names of which the engine can decide.
pub(super) fn parse(case: &Case) -> Result<Finding, Refusal> {
    let [der] = case.octets(["cert_der_b64"])?;
    let reject = |problem: String| Finding::because(Verdict::Reject, "malformed_certificate", problem);
    let identity = Certificate::from_der(der)
        .map_err(|error| error.to_string())
        .and_then(|certificate| Identity::of(&certificate).map_err(|error| error.to_string()));
    Ok(identity.map_or_else(reject, |_| Finding::plain(Verdict::Accept)))
}
