//! OCSP: `mtlsctl conformance` on responses of our own, and the engine on those of OpenSSL's responder.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mtls_policy::cert::Certificate;
use mtls_policy::revocation::ocsp::{self, Answer, NONCE_BYTES, Nonce, OcspError, Query, Responder};
use mtls_policy::revocation::{EntryReason, Status, Why};
use mtls_policy::trust::Authority;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{Date, Month, OffsetDateTime, Time};

use crate::mint::ocsp::{OCSP_SIGNING, OcspResponse};
use crate::mint::{Ca, Minted};
use crate::{run_on_stdin, stdout};

const DAY: time::Duration = time::Duration::DAY;

/// 2030-01-01.
fn midnight() -> OffsetDateTime {
    Date::from_calendar_date(2030, Month::January, 1).unwrap().with_time(Time::MIDNIGHT).assume_utc()
}

/// What `check_ocsp` says of a leaf of Acme Root.
fn check(response: &OcspResponse, time: &str, max_age: Option<u64>) -> (String, String) {
    let case = json!({
        "op": "check_ocsp",
        "ocsp_der_b64": BASE64_STANDARD.encode(response.der()),
        "cert_der_b64": BASE64_STANDARD.encode(&acme().1.der),
        "issuer_der_b64": BASE64_STANDARD.encode(acme().0.der()),
        "time": time,
        "max_age_s": max_age,
    });
    let output = run_on_stdin(&["conformance"], case.to_string().as_bytes());
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let text = |key: &str| answer[key].as_str().unwrap().to_owned();
    (text("verdict"), text("reason"))
}

fn acme() -> (Ca, Minted) {
    let ca = Ca::new("Acme Root");
    let leaf = ca.leaf("billing").mint();
    (ca, leaf)
}

#[test]
fn a_response_is_checked_with_its_signer_and_dates() {
    let (ca, leaf) = acme();
    let now = midnight();
    let good = ca.ocsp(now).answer(&ca.good(&leaf, now));
    let revoked = ca.ocsp(now).answer(&ca.good(&leaf, now).revoked_for(now - DAY, 1));
    let not_known = ca.ocsp(now).answer(&ca.good(&leaf, now).unknown());
    let endless = ca.ocsp(now).answer(&ca.good(&leaf, now).no_next_update());
    let stranger = Ca::with_seed("Acme Root", "x");
    let wrong = stranger.ocsp(now).answer(&ca.good(&leaf, now));
    let week = Some(7 * 86_400);
    for (response, time, max_age, verdict, reason) in [
        (&good, "2030-01-01T12:00:00Z", None, "good", ""),
        (&good, "2030-01-01T12:00:00Z", week, "good", ""),
        (&good, "2030-01-01T12:00:00Z", Some(3600), "unknown", "stale"),
        (&good, "2030-01-02T12:00:00Z", week, "unknown", "stale"),
        (&good, "2029-12-31T12:00:00Z", week, "unknown", "future"),
        (&revoked, "2030-01-01T12:00:00Z", week, "revoked", "revoked"),
        (&not_known, "2030-01-01T12:00:00Z", week, "unknown", "unknown_to_responder"),
        (&endless, "2030-01-05T00:00:00Z", None, "unknown", "stale"),
        (&endless, "2030-01-05T00:00:00Z", week, "good", ""),
        (&endless, "2030-01-09T00:00:00Z", week, "unknown", "stale"),
        (&wrong, "2030-01-01T12:00:00Z", week, "unknown", "bad_signature"),
        (&good.clone().status(3), "2030-01-01T12:00:00Z", week, "unknown", "try_later"),
    ] {
        let expected = (verdict.to_owned(), reason.to_owned());
        assert_eq!(check(response, time, max_age), expected, "{time} {max_age:?}");
    }
}

/// OpenSSL's responder, with the files that it answers from.
struct OpenSsl {
    files: TempDir,
    ca: Ca,
    issuer: Arc<Authority>,
    /// Of the names of their files: a good one, a revoked one, and one that the responder does not know.
    leaves: [Minted; 3],
    delegate: Minted,
}

impl OpenSsl {
    fn new() -> OpenSsl {
        let ca = Ca::new("Acme Root");
        let leaves = ["good", "revoked", "unknown"].map(|name| ca.leaf(name).mint());
        let delegate = ca.leaf("responder").purposes(&[OCSP_SIGNING]).mint();
        let files = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(files.path().join(name), text).unwrap();
        write("ca.pem", &ca.pem());
        write("ca.key", &ca.key().pem());
        write("delegate.pem", &delegate.pem());
        write("delegate.key", &delegate.key_pem());
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let [good, revoked] = [0, 1].map(|at: usize| hex(leaves[at].serial()));
        let good = format!("V\t20981231000000Z\t\t{good}\tunknown\t/CN=good\n");
        let revoked =
            format!("R\t20981231000000Z\t250101000000Z,superseded\t{revoked}\tunknown\t/CN=revoked\n");
        write("index.txt", &format!("{good}{revoked}"));
        let issuer = Authority::of(Certificate::from_der(ca.der().to_vec()).unwrap()).unwrap();
        OpenSsl { files, ca, issuer: Arc::new(issuer), leaves, delegate }
    }

    /// Asks about a leaf, with a nonce where one is given; the answer is signed by `signer`, and lasts a day where `more` says so.
    fn ask(
        &self,
        leaf: usize,
        nonce: Option<&[u8; NONCE_BYTES]>,
        signer: &str,
        more: &[&str],
    ) -> Result<Answer, OcspError> {
        let url = "http://ocsp.acme.example/".into();
        let nonces = if nonce.is_some() { Nonce::Required } else { Nonce::Off };
        let timeout = Duration::from_secs(1);
        let responder =
            Arc::new(Responder { cluster: "ocsp".into(), url, timeout, get: false, nonce: nonces });
        let serial = self.leaves[leaf].serial();
        let query = Query { responder: &responder, issuer: &self.issuer, serial: &serial };
        let path = |name: &str| self.files.path().join(name);
        fs::write(path("request.der"), query.request(nonce).unwrap().body).unwrap();
        let signer = [format!("{signer}.pem"), format!("{signer}.key")];
        respond(self.files.path(), &signer, more);
        ocsp::read(&fs::read(path("response.der")).unwrap(), &query, nonce, OffsetDateTime::now_utc())
    }
}

fn respond(folder: &Path, [certificate, key]: &[String; 2], more: &[&str]) {
    let output = Command::new("openssl")
        .args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", certificate, "-rkey", key])
        .args(["-reqin", "request.der", "-respout", "response.der"])
        .args(more)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn openssls_responder_is_understood() {
    let openssl = OpenSsl::new();
    let nonce = [0x5a; NONCE_BYTES];
    for signer in ["ca", "delegate"] {
        for nonce in [None, Some(&nonce)] {
            for more in [&["-ndays", "1"][..], &["-ndays", "1", "-resp_key_id"]] {
                let ask = |leaf| openssl.ask(leaf, nonce, signer, more).unwrap();
                let good = ask(0);
                assert_eq!(good.status, Status::Good);
                assert_eq!(good.next_update, Some(good.this_update + DAY));
                assert_eq!(good.signer_until.is_some(), signer == "delegate");
                assert!(
                    matches!(ask(1).status, Status::Revoked(entry) if entry.reason == EntryReason::Superseded)
                );
                let Status::Unknown(unknown) = ask(2).status else { panic!("a stranger is known") };
                assert_eq!(unknown.why, Why::UnknownToResponder);
            }
        }
    }
    assert_eq!(openssl.ask(0, None, "ca", &[]).unwrap().next_update, None);
}

#[test]
fn openssls_responder_is_not_believed_with_another_signer() {
    let openssl = OpenSsl::new();
    let sign_with = |name: &str, other: &Minted| {
        fs::write(openssl.files.path().join(format!("{name}.pem")), other.pem()).unwrap();
        fs::write(openssl.files.path().join(format!("{name}.key")), other.key_pem()).unwrap();
        openssl.ask(0, None, name, &["-ndays", "1"]).map(|answer| answer.status)
    };
    assert_eq!(sign_with("delegate", &openssl.delegate), Ok(Status::Good));
    let plain = openssl.ca.leaf("plain").mint();
    assert_eq!(sign_with("plain", &plain), Err(OcspError::SignerPurpose));
    let stranger = Ca::with_seed("Acme Root", "x").leaf("stranger").purposes(&[OCSP_SIGNING]).mint();
    assert_eq!(sign_with("stranger", &stranger), Err(OcspError::SignerNotIssued));
}
