//! `mtlsctl crl check` and `check_crl`: what lists say of certificates.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::mint::crl::{Crl, KEY_COMPROMISE, Revoked};
use crate::mint::{Ca, Minted};
use crate::{Files, run, run_on_stdin, stderr, stdout};

const AT: &str = "2026-01-01T00:00:00Z";

/// A root, a CA below it, and two leaves of that, the second revoked for the compromise of its key.
struct Pki {
    root: Ca,
    issuing: Ca,
    good: Minted,
    revoked: Minted,
}

impl Pki {
    fn new() -> Pki {
        let root = Ca::new("Acme Root");
        let issuing = root.intermediate("Acme Issuing");
        let (good, revoked) = (issuing.leaf("billing").mint(), issuing.leaf("ledger").mint());
        Pki { root, issuing, good, revoked }
    }

    fn list(&self) -> Crl {
        self.issuing.crl().entry(Revoked::new(&self.revoked.serial()).reason(KEY_COMPROMISE))
    }

    fn files(&self, list: &str) -> Files {
        Files::new(&[
            ("cas.pem", &(self.issuing.pem() + &self.root.pem())),
            ("list.pem", list),
            ("good.pem", &self.good.pem()),
            ("revoked.pem", &self.revoked.pem()),
        ])
    }
}

/// Checks these files by the list and the CAs, at [`AT`], and gives the exit code and what was printed.
fn check(files: &Files, arguments: &[&str], certificates: &[&str]) -> (i32, String) {
    let (list, cas) = (files.path("list.pem"), files.path("cas.pem"));
    let mut all = vec!["crl", "check", "--crl", &list, "--issuer", &cas];
    if !arguments.contains(&"--at") {
        all.extend(["--at", AT]);
    }
    all.extend(arguments);
    let certificates: Vec<String> = certificates.iter().map(|name| files.path(name)).collect();
    all.extend(certificates.iter().map(String::as_str));
    let output = run(&all);
    (output.status.code().unwrap(), stdout(&output) + &stderr(&output))
}

#[test]
fn certificates_are_good_or_revoked() {
    let pki = Pki::new();
    let files = pki.files(&pki.list().pem());
    let (code, page) = check(&files, &[], &["good.pem"]);
    assert_eq!(code, 0, "{page}");
    assert!(page.contains("good.pem: good\n"), "{page}");
    assert!(page.contains("subject      CN=billing\n"), "{page}");
    assert!(page.contains(&format!("list         {}\n", files.path("list.pem"))), "{page}");
    let (code, page) = check(&files, &[], &["good.pem", "revoked.pem"]);
    assert_eq!(code, 1, "{page}");
    assert!(page.contains("good.pem: good\n"), "{page}");
    let expected = "revoked.pem: revoked since 2021-01-01T00:00:00Z (keyCompromise)\n";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn why_a_status_cannot_be_told_is_said() {
    let pki = Pki::new();
    let old = pki.files(&pki.list().expired().pem());
    let (code, page) = check(&old, &[], &["good.pem"]);
    assert_eq!(code, 1, "{page}");
    assert!(page.contains("good.pem: unknown (stale: "), "{page}");
    assert!(page.contains("nextUpdate   2021-01-01T00:00:00Z"), "{page}");
    assert_eq!(check(&old, &["--at", "2020-06-01T00:00:00Z"], &["good.pem"]).0, 0);
    assert_eq!(check(&old, &["--grace", "3153600000"], &["good.pem"]).0, 0);
    let forged = pki.files(&pki.list().key(pki.root.key()).pem());
    let (code, page) = check(&forged, &[], &["good.pem"]);
    assert_eq!(code, 1, "{page}");
    assert!(page.contains("list.pem is not used: the list cannot be used: its signature is wrong"), "{page}");
    assert!(page.contains("good.pem: unknown (missing: "), "{page}");
    let (code, page) = check(&pki.files("<html></html>"), &[], &["good.pem"]);
    assert_eq!(code, 1, "{page}");
    assert!(page.contains("it is no list"), "{page}");
}

#[test]
fn one_file_may_hold_several_lists() {
    let pki = Pki::new();
    let files = pki.files(&(pki.root.crl().pem() + &pki.list().pem()));
    let (code, page) = check(&files, &[], &["good.pem", "revoked.pem"]);
    assert_eq!(code, 1, "{page}");
    assert!(page.contains("list.pem, number 2\n"), "{page}");
    assert!(page.contains("revoked.pem: revoked"), "{page}");
}

#[test]
fn programs_are_told_in_json() {
    let pki = Pki::new();
    let files = pki.files(&pki.list().pem());
    let (code, page) = check(&files, &["--format", "json"], &["revoked.pem", "good.pem"]);
    let report: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(code, 1);
    let certificates = &report["certificates"];
    assert_eq!(certificates[0]["status"], "revoked");
    assert_eq!(certificates[0]["reason"], "keyCompromise");
    assert_eq!(certificates[0]["since"], "2021-01-01T00:00:00Z");
    assert_eq!(certificates[1]["status"], "good");
    assert_eq!(certificates[1]["next_update"], "2099-01-01T00:00:00Z");
    assert_eq!(report["unused"], json!([]));
}

#[test]
fn issuers_that_chain_to_no_anchor_are_told_of() {
    let pki = Pki::new();
    let stray = Ca::new("Other Root").intermediate("Other Issuing");
    let files = pki.files(&pki.list().pem());
    std::fs::write(files.folder().join("stray.pem"), stray.pem()).unwrap();
    let stray = files.path("stray.pem");
    let (code, page) = check(&files, &["--issuer", &stray], &["good.pem"]);
    assert_eq!(code, 0, "{page}");
    assert!(page.contains("stray.pem is not used: it chains to no anchor"), "{page}");
}

#[test]
fn files_that_cannot_be_read_exit_with_2() {
    let pki = Pki::new();
    let files = pki.files(&pki.list().pem());
    let (code, page) = check(&files, &[], &["none.pem"]);
    assert_eq!(code, 2, "{page}");
    assert!(page.contains("none.pem: cannot be read"), "{page}");
    assert_eq!(check(&files, &["--at", "yesterday"], &["good.pem"]).0, 2);
    assert_eq!(run(&["crl", "check", &files.path("good.pem")]).status.code(), Some(2));
    assert_eq!(check(&files, &["--issuer", &files.path("list.pem")], &["good.pem"]).0, 2);
}

/// The verdict and reason of `check_crl`.
fn verdict(list: &Crl, leaf: &Minted, issuers: &[&Ca], more: &Value) -> (String, String) {
    let mut case = json!({
        "id": 1, "op": "check_crl", "time": AT,
        "crl_der_b64": BASE64_STANDARD.encode(list.der()),
        "cert_der_b64": BASE64_STANDARD.encode(&leaf.der),
        "issuers_der_b64": issuers.iter().map(|ca| BASE64_STANDARD.encode(ca.der())).collect::<Vec<_>>(),
    });
    case.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let output = run_on_stdin(&["conformance"], case.to_string().as_bytes());
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let text = |key: &str| answer[key].as_str().unwrap().to_owned();
    (text("verdict"), text("reason"))
}

#[test]
fn check_crl_says_what_a_list_says() {
    let pki = Pki::new();
    let cas = [&pki.root, &pki.issuing];
    let answer = |list: &Crl, leaf: &Minted, issuers: &[&Ca], more: Value| {
        let (verdict, reason) = verdict(list, leaf, issuers, &more);
        format!("{verdict} {reason}")
    };
    let list = pki.list();
    assert_eq!(answer(&list, &pki.good, &cas, json!({})), "good ");
    assert_eq!(answer(&list, &pki.revoked, &cas, json!({})), "revoked revoked");
    assert_eq!(
        answer(&list, &pki.good, &[&pki.issuing], json!({})),
        "good ",
        "no anchor among them: all are"
    );
    assert_eq!(answer(&list, &pki.good, &[&pki.root], json!({})), "unknown bad_signature");
    assert_eq!(answer(&list.clone().expired(), &pki.good, &cas, json!({})), "unknown stale");
    assert_eq!(
        answer(&list.clone().expired(), &pki.good, &cas, json!({ "time": "2020-06-01T00:00:00Z" })),
        "good "
    );
    assert_eq!(answer(&list, &pki.good, &cas, json!({ "max_age_s": 86_400 })), "unknown stale");
    assert_eq!(answer(&list, &pki.revoked, &cas, json!({ "max_age_s": 86_400 })), "revoked revoked");
    assert_eq!(answer(&list, &pki.good, &cas, json!({ "max_age_s": 200_000_000 })), "good ");
    assert_eq!(answer(&list, &pki.good, &cas, json!({ "max_age_s": "long" })), "error malformed_case");
    assert_eq!(answer(&list, &pki.good, &cas, json!({ "scope": "chain" })), "unsupported unknown_option");
    assert_eq!(answer(&pki.root.crl(), &pki.good, &cas, json!({})), "unknown missing");
}
