//! `mtlsctl crl inspect`: what the engine makes of a revocation list.

use serde_json::Value;

use crate::mint::Ca;
use crate::mint::crl::*;
use crate::{Files, run, run_on_stdin, stderr, stdout};

fn crl() -> Crl {
    let entry = Revoked::new(&[0x0f, 0x3a]).reason(KEY_COMPROMISE);
    Ca::new("Acme Root").crl().number(0x1234).entry(entry).revoke_serial(&[7])
}

fn files(crl: &Crl) -> Files {
    Files::new(&[
        ("a.crl", &crl.pem()),
        ("root.pem", &Ca::new("Acme Root").pem()),
        ("other.pem", &Ca::new("Other Root").pem()),
        ("namesake.pem", &Ca::with_seed("Acme Root", "another key").pem()),
    ])
}

#[test]
fn a_good_list_is_shown_with_what_it_says() {
    let files = files(&crl());
    let output = run(&["crl", "inspect", &files.path("a.crl"), "--issuer", &files.path("root.pem")]);
    let page = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{page}{}", stderr(&output));
    for (name, value) in [
        ("issuer", "CN=Acme Root"),
        ("number", "4660"),
        ("this_update", "2020-01-01T00:00:00Z"),
        ("next_update", "2099-01-01T00:00:00Z"),
        ("current", "yes"),
        ("scope", "every certificate of its issuer"),
        ("entries", "2"),
        ("entry", "0f3a 2021-01-01T00:00:00Z keyCompromise"),
        ("signature_algorithm", "ecdsa_sha256"),
    ] {
        let line = page.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| line.ends_with(value)), "{name}:\n{page}");
    }
    assert!(page.ends_with("  the filter can use it: its signature is good\n"), "{page}");
    assert!(!page.contains("delta_base"), "what is not there is left out:\n{page}");
    let der = run_on_stdin(&["crl", "inspect", "-", "--entries", "0"], &crl().der());
    assert_eq!(der.status.code(), Some(0), "{}", stderr(&der));
    assert!(stdout(&der).contains("`--issuer` would tell"), "{}", stdout(&der));
    assert!(!stdout(&der).contains("0f3a"), "{}", stdout(&der));
}

#[test]
fn a_list_that_the_filter_would_refuse_exits_with_1_and_says_why() {
    let good = files(&crl());
    for (issuer, why) in [
        ("other.pem", "no authority of the trust bundle has the name of its issuer, `CN=Acme Root`"),
        ("namesake.pem", "its signature is wrong"),
    ] {
        let output = run(&["crl", "inspect", &good.path("a.crl"), "--issuer", &good.path(issuer)]);
        assert_eq!(output.status.code(), Some(1), "{issuer}");
        assert!(stdout(&output).contains(why), "{issuer}: {}", stdout(&output));
    }
    let odd = files(&crl().critical_extension(UNHEARD_OF, &[5, 0]));
    let output = run(&["crl", "inspect", &odd.path("a.crl")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("critical extension `1.3.6.1.4.1.99999.1`"), "{}", stdout(&output));
    let output = run(&["crl", "inspect", &files(&crl().no_number()).path("a.crl")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("it has no CRL number"), "{}", stdout(&output));
}

#[test]
fn a_list_that_is_not_current_exits_with_1() {
    let files = files(&crl());
    for (at, current, exit) in [
        ("2019-12-31T23:59:59Z", "no: its time has not begun", 1),
        ("2020-01-01T00:00:00Z", "yes", 0),
        ("2099-01-01T00:00:00Z", "yes", 0),
        ("2099-01-01T00:00:01Z", "no: a newer one is due", 1),
    ] {
        let output = run(&["crl", "inspect", &files.path("a.crl"), "--at", at]);
        assert!(stdout(&output).contains(current), "{at}: {}", stdout(&output));
        assert_eq!(output.status.code(), Some(exit), "{at}");
    }
}

#[test]
fn scopes_deltas_and_indirect_entries_are_named() {
    let scope = Scope::new().uri("http://a.example/crl").only_user().reasons(&[1, 7]).indirect();
    let indirect = Revoked::new(&[9]).certificate_issuer(&Ca::new("Other Root").name());
    let files = files(&crl().delta_of(0x1000).scope(&scope).entry(indirect));
    let output = run(&["crl", "inspect", &files.path("a.crl"), "--format", "json"]);
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let values = |name: &str| {
        let fields = found["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).map(|field| field["values"].clone()).unwrap()
    };
    assert_eq!(values("delta_base"), serde_json::json!(["4096"]));
    assert_eq!(
        values("scope"),
        serde_json::json!([
            "distribution point http://a.example/crl",
            "only certificates of end entities",
            "only some reasons: keyCompromise, privilegeWithdrawn",
            "indirect: also certificates of other issuers",
        ])
    );
    assert_eq!(values("certificate_issuer"), serde_json::json!(["CN=Acme Root", "CN=Other Root"]));
    assert_eq!(values("entry")[2], "09 2021-01-01T00:00:00Z unspecified of CN=Other Root");
    assert_eq!((&found["current"], &found["signature"]), (&Value::Bool(true), &Value::Null));
}

#[test]
fn what_is_no_list_exits_with_2() {
    let files = Files::new(&[("page", "<html>"), ("root.pem", &Ca::new("Acme Root").pem())]);
    for name in ["page", "root.pem", "missing"] {
        let output = run(&["crl", "inspect", &files.path(name)]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stdout(&output).is_empty());
    }
}
