//! Operations on OCSP responses.

use std::sync::Arc;
use std::time::Duration;

use mtls_policy::cert::Certificate;
use mtls_policy::revocation::ocsp::{self, Nonce, Query, Responder};
use mtls_policy::revocation::{Checked, Status, Unknown, Why};
use mtls_policy::trust::{Authorities, Authority};
use time::OffsetDateTime;

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};
use super::decision::time_of;

/// `check_ocsp`: what a response says of a certificate at a time.
///
/// `max_age_s` is how old it may be by its `thisUpdate`. An answer without `nextUpdate` is believed for as long.
pub(super) fn check(case: &Case) -> Result<Finding, Refusal> {
    const OCTETS: [&str; 3] = ["ocsp_der_b64", "cert_der_b64", "issuer_der_b64"];
    let [_, _, _, time, max_age] = case.values([OCTETS[0], OCTETS[1], OCTETS[2], "time", "max_age_s"])?;
    let [response, certificate, issuer] = case.some_octets(OCTETS)?;
    let now = time_of(time)?;
    let max_age = match (max_age.is_null(), max_age.as_u64()) {
        (true, _) => None,
        (false, Some(seconds)) => Some(Duration::from_secs(seconds)),
        (false, None) => return Err(Refusal::malformed("max_age_s", "no number of seconds")),
    };
    let status = status_of(&response, certificate, issuer, now, max_age).unwrap_or_else(Status::Unknown);
    Ok(match status {
        Status::Good => Finding::plain(Verdict::Good),
        Status::Revoked(entry) => Finding::because(Verdict::Revoked, "revoked", entry.reason.name()),
        Status::Unknown(unknown) => Finding::because(Verdict::Unknown, unknown.why.code(), unknown.detail),
    })
}

/// Whoever gave the responses of a case: nobody is asked.
pub(super) fn responder() -> Arc<Responder> {
    Arc::new(Responder {
        cluster: "".into(),
        url: "".into(),
        timeout: Duration::ZERO,
        get: false,
        nonce: Nonce::Off,
    })
}

fn status_of(
    response: &[u8],
    certificate: Vec<u8>,
    issuer: Vec<u8>,
    now: OffsetDateTime,
    max_age: Option<Duration>,
) -> Result<Status, Unknown> {
    let unusable = |problem: &dyn ToString| Unknown::new(Why::Unusable, problem.to_string());
    let certificate = Certificate::from_der(certificate).map_err(|error| unusable(&error))?;
    let issuer = Certificate::from_der(issuer).map_err(|error| unusable(&error))?;
    let issuer = Authority::of(issuer).map_err(|error| unusable(&error))?;
    let (authorities, _) = Authorities::new(vec![issuer], Vec::new());
    let checked = Checked::of(&certificate, [&authorities].into_iter()).map_err(|error| unusable(&error))?;
    let Some((_, issuer)) = checked.issuers().first() else {
        return Err(Unknown::new(Why::IssuerUnknown, "the issuer did not issue the certificate"));
    };
    let responder = responder();
    let query = Query { responder: &responder, issuer, serial: checked.serial() };
    let mut answer = ocsp::read(response, &query, None, now)?;
    if let Some(max_age) = max_age {
        let oldest = answer.this_update.saturating_add(max_age.try_into().unwrap_or(time::Duration::MAX));
        let next_update = answer.next_update.unwrap_or(oldest);
        answer.next_update = Some(next_update.min(oldest));
    }
    Ok(ocsp::judge(&answer, &responder, now, Duration::ZERO).status)
}
