//! Operations on distinguished names.

use mtls_policy::identity::{DistinguishedName, DistinguishedNameError, Truth};

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `parse_name`: whether this is a distinguished name.
pub(super) fn parse(case: &Case) -> Result<Finding, Refusal> {
    let [der] = case.octets(["name_der_b64"])?;
    Ok(match DistinguishedName::parse_der(&der) {
        Ok(_) => Finding::plain(Verdict::Accept),
        Err(error) => malformed(Verdict::Reject, error),
    })
}

/// `name_match`: whether two distinguished names are the same. What is no name is not the same as anything.
pub(super) fn same(case: &Case) -> Result<Finding, Refusal> {
    let [a, b] = case.octets(["a_der_b64", "b_der_b64"])?;
    let (a, b) = match (DistinguishedName::parse_der(&a), DistinguishedName::parse_der(&b)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(error), _) | (_, Err(error)) => return Ok(malformed(Verdict::Differ, error)),
    };
    Ok(match a.same_name(&b) {
        Truth::Yes => Finding::plain(Verdict::Match),
        Truth::No => Finding::because(Verdict::Differ, "other_name", format!("`{a}` is not `{b}`")),
        Truth::CannotTell => {
            Finding::because(Verdict::Differ, "malformed_name", "a value is no text of its string type")
        }
    })
}

fn malformed(verdict: Verdict, error: DistinguishedNameError) -> Finding {
    Finding::because(verdict, "malformed_name", error)
}
