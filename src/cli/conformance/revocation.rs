//! Operations on revocation lists.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mtls_policy::cert::Certificate;
use mtls_policy::revocation::{Judgement, Status, Unknown, Why};
use time::OffsetDateTime;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};
use super::decision::time_of;
use crate::cli::offline::issuers::Issuers;

/// `check_crl`: what a list says of a certificate at a time.
///
/// Those of `issuers_der_b64` that are self-signed are anchors, and the others count where they chain to one; if none is
/// self-signed, all are anchors. `max_age_s` is how old the list may be by its `thisUpdate`, to call a certificate good.
pub(super) fn check_crl(case: &Case) -> Result<Finding, Refusal> {
    const ISSUERS: &str = "issuers_der_b64";
    let keys = ["crl_der_b64", "cert_der_b64", ISSUERS, "time", "max_age_s"];
    let [_, _, issuers, time, max_age] = case.values(keys)?;
    let [list, certificate] = case.some_octets(["crl_der_b64", "cert_der_b64"])?;
    let issuers = issuers.as_array().ok_or_else(|| Refusal::malformed(ISSUERS, "no list"))?;
    let issuers: Vec<Vec<u8>> = issuers
        .iter()
        .map(|issuer| BASE64_STANDARD.decode(issuer.as_str()?.as_bytes()).ok())
        .collect::<Option<_>>()
        .ok_or(Refusal::NotBase64(ISSUERS))?;
    let now = time_of(time)?;
    let max_age = match (max_age.is_null(), max_age.as_u64()) {
        (true, _) => None,
        (false, Some(seconds)) => Some(Duration::from_secs(seconds)),
        (false, None) => return Err(Refusal::malformed("max_age_s", "no number of seconds")),
    };
    let status = status_of(list, certificate, issuers, now, max_age).unwrap_or_else(Status::Unknown);
    Ok(match status {
        Status::Good => Finding::plain(Verdict::Good),
        Status::Revoked(entry) => Finding::because(Verdict::Revoked, "revoked", entry.reason.name()),
        Status::Unknown(unknown) => Finding::because(Verdict::Unknown, unknown.why.code(), unknown.detail),
    })
}

fn status_of(
    list: Vec<u8>,
    certificate: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    now: OffsetDateTime,
    max_age: Option<Duration>,
) -> Result<Status, Unknown> {
    let certificate =
        Certificate::from_der(certificate).map_err(|error| Unknown::new(Why::Unusable, error.to_string()))?;
    let issuers = Issuers::of(issuers).map_err(|(_, why)| Unknown::new(Why::IssuerUnknown, why))?;
    let list = issuers.load(list, "").map_err(|error| Unknown::from(&error))?;
    let Judgement { status, this_update, .. } = issuers.judge(&certificate, &[list], now, Duration::ZERO);
    let oldest = max_age.and_then(|max_age| now.checked_sub(time::Duration::try_from(max_age).ok()?));
    let is_too_old = matches!((this_update, oldest), (Some(begin), Some(oldest)) if begin < oldest);
    match status {
        Status::Good if is_too_old => Err(Unknown::new(Why::Stale, "the list is older than it may be")),
        status @ (Status::Good | Status::Revoked(_) | Status::Unknown(_)) => Ok(status),
    }
}
