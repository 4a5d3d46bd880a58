//! Operations on certificates.

use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `parse_cert`: whether these are a certificate and names that can be read, each of them.
pub(super) fn parse(case: &Case) -> Result<Finding, Refusal> {
    let [der] = case.octets(["cert_der_b64"])?;
    let reject = |problem: &dyn ToString| {
        Ok(Finding::because(Verdict::Reject, "malformed_certificate", problem.to_string()))
    };
    let certificate = match Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return reject(&error),
    };
    let identity = match Identity::of(&certificate) {
        Ok(identity) => identity,
        Err(error) => return reject(&error),
    };
    // The engine takes such a certificate, and lets no rule be satisfied by what it cannot read.
    let malformed = [
        identity.dns().malformed(),
        identity.uri().malformed(),
        identity.email().malformed(),
        identity.ip().malformed(),
        identity.upn().malformed(),
        identity.other_names().malformed(),
    ];
    let malformed: usize = malformed.into_iter().sum();
    if malformed > 0 {
        return reject(&format!("{malformed} of the subject alternative names cannot be read"));
    }
    Ok(Finding::plain(Verdict::Accept))
}
