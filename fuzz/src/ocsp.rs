//! OCSP responses: no byte of them makes a certificate good that the responder did not call so.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mtls_policy::cert::Certificate;
use mtls_policy::revocation::ocsp::{self, Answer, Nonce, Query, Responder};
use mtls_policy::revocation::{Status, Why};
use mtls_policy::trust::Authority;
use time::OffsetDateTime;

/// Who issued the certificates that the seeds are about.
const ISSUER: &[u8] = include_bytes!("../issuers/ocsp.der");

/// The serial number of the certificate that is asked about; seeds call it revoked.
const SERIAL: &[u8] = &[0x10, 0x01];

/// 2030-01-01T00:00:00Z, within the time of the seeds.
const NOW: i64 = 1_893_456_000;

static AUTHORITY: LazyLock<Arc<Authority>> = LazyLock::new(|| {
    let certificate = Certificate::from_der(ISSUER.to_vec()).ok();
    let authority = certificate.and_then(|certificate| Authority::of(certificate).ok());
    Arc::new(authority.unwrap_or_else(|| panic!("the issuer of this target is no authority")))
});

/// Reads `data` as a response about a revoked certificate, and as an answer in shared data.
pub fn run(data: &[u8]) {
    let url = "http://ocsp.acme.example/".into();
    let timeout = Duration::from_secs(1);
    let responder =
        Arc::new(Responder { cluster: "ocsp".into(), url, timeout, get: false, nonce: Nonce::Optional });
    let query = Query { responder: &responder, issuer: &AUTHORITY, serial: SERIAL };
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    match ocsp::read(data, &query, Some(&[7; ocsp::NONCE_BYTES]), now) {
        Ok(answer) => {
            // The key is nobody's any more: only what it signed once can be read.
            assert!(matches!(answer.status, Status::Revoked(_)), "{answer:?}");
            assert_eq!(Answer::from_bytes(&answer.to_bytes()), Some(answer.clone()));
            let judged = ocsp::judge(&answer, &responder, now, Duration::ZERO);
            assert!(judged.status != Status::Good, "{judged:?}");
        }
        Err(error) => {
            assert_ne!(error.why(), Why::UnknownToResponder);
            assert!(!error.to_string().is_empty());
        }
    }
    if let Some(answer) = Answer::from_bytes(data) {
        assert_eq!(answer.to_bytes(), data);
        let _ = ocsp::judge(&answer, &responder, now, Duration::from_secs(u64::MAX));
    }
}
