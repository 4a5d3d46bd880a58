//! Operations on patterns.

use mtls_policy::identity::wildcard_matches;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `uri_match`: whether a URI matches a pattern with wildcards by segment.
pub(super) fn uri(case: &Case) -> Result<Finding, Refusal> {
    let [pattern, value] = case.texts(["pattern", "value"])?;
    let verdict = if wildcard_matches(pattern, value) { Verdict::Match } else { Verdict::Differ };
    Ok(Finding::plain(verdict))
}
