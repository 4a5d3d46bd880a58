//! Operations on revocation lists.

use mtls_policy::revocation::crl::Unverified;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `parse_crl`: whether the filter could use this list, whoever signed it.
pub(super) fn parse(case: &Case) -> Result<Finding, Refusal> {
    let [der] = case.octets(["crl_der_b64"])?;
    Ok(match Unverified::read(der, 0) {
        Ok(_) => Finding::plain(Verdict::Accept),
        Err(error) => Finding::because(Verdict::Reject, "unusable_crl", error),
    })
}
