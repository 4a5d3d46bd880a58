//! `mtlsctl explain` and `mtlsctl test` on routes that want to know of revocation.

use serde_json::{Value, json};

use crate::mint::{Ca, Minted};
use crate::{Files, run, stderr, stdout};

const NOW: &str = "2026-01-01T00:00:00Z";

fn ca() -> Ca {
    Ca::new("Acme Root")
}

fn policy(revocation: Value) -> String {
    let policy = json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "trust_bundles": { "corp": {
            "anchors_pem": [ca().pem()],
            "crls": [{ "cluster": "crl", "url": "http://crl.acme.example/corp.crl" }],
            "ocsp": { "cluster": "ocsp", "url": "http://ocsp.acme.example/" },
        } },
        "routes": [{
            "name": "payments",
            "match": { "path": { "prefix": "/" } },
            "client_certificate": "required",
            "allow": "any_verified",
            "revocation": revocation,
        }],
    });
    policy.to_string()
}

/// What `explain` says of a client with these further options, of which `{}` stands for the folder of the files.
fn explain(client: &Minted, files: &[(&str, &str)], options: &[&str]) -> (Option<i32>, String) {
    let (policy, pem) = (policy(json!({ "check": ["crl", "ocsp"] })), client.pem());
    let mut all = vec![("policy.json", policy.as_str()), ("client.pem", pem.as_str())];
    all.extend(files);
    let folder = Files::new(&all);
    let options: Vec<String> =
        options.iter().map(|option| option.replace("{}", folder.folder().to_str().unwrap())).collect();
    let (policy, cert) = (folder.path("policy.json"), folder.path("client.pem"));
    let mut arguments = vec!["explain", &policy, "https://pay.acme.example/", "--cert", &cert, "--at", NOW];
    arguments.extend(options.iter().map(String::as_str));
    let output = run(&arguments);
    (output.status.code(), stdout(&output) + &stderr(&output))
}

#[test]
fn a_list_from_a_file_tells_who_was_revoked() {
    let (alice, mallory) = (ca().leaf("alice").mint(), ca().leaf("mallory").mint());
    let list = ca().crl().revoke(&mallory).pem();
    let said = |client: &Minted| explain(client, &[("corp.crl", &list)], &["--crl", "corp={}/corp.crl"]);
    let (code, page) = said(&alice);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("revocation   yes         crl http://crl.acme.example/corp.crl: good"), "{page}");
    let (code, page) = said(&mallory);
    assert_eq!(code, Some(1), "{page}");
    assert!(
        page.contains("revocation   no          crl http://crl.acme.example/corp.crl: revoked"),
        "{page}"
    );
    assert!(page.contains("\ndeny revoked by route `payments`"), "{page}");
}

#[test]
fn without_lists_and_responses_it_cannot_be_told() {
    let (code, page) = explain(&ca().leaf("alice").mint(), &[], &[]);
    assert_eq!(code, Some(1), "{page}");
    assert!(
        page.contains("unknown, missing: no list of http://crl.acme.example/corp.crl was given"),
        "{page}"
    );
    assert!(page.contains("unknown, missing: no response of http://ocsp.acme.example/ was given"), "{page}");
    assert!(page.contains("\ndeny revocation_unknown by route `payments`"), "{page}");
}

#[test]
fn what_is_no_list_or_of_another_ca_is_what_the_filter_would_make_of_it() {
    let alice = ca().leaf("alice").mint();
    let other = Ca::new("Other Root").crl().pem();
    for (list, why) in [("<html></html>", "unusable"), (other.as_str(), "bad_signature")] {
        let (code, page) = explain(&alice, &[("corp.crl", list)], &["--crl", "corp={}/corp.crl"]);
        assert_eq!(code, Some(1), "{page}");
        assert!(page.contains(&format!("crl: unknown, {why}: ")), "{page}");
    }
    let (code, page) = explain(&alice, &[("ocsp.der", "<html></html>")], &["--ocsp", "{}/ocsp.der"]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("ocsp http://ocsp.acme.example/: unknown, unusable: "), "{page}");
}

#[test]
fn options_that_name_nothing_are_refused() {
    let alice = ca().leaf("alice").mint();
    let list = ca().crl().pem();
    for (option, wanted) in [
        ("other={}/corp.crl", "the policy has no trust bundle `other`"),
        ("corp={}/no.crl", "no.crl: cannot be read"),
        ("corp", "write `BUNDLE=FILE`"),
        ("=corp.crl", "write `BUNDLE=FILE`"),
    ] {
        let (code, page) = explain(&alice, &[("corp.crl", &list)], &["--crl", option]);
        assert_eq!(code, Some(2), "{page}");
        assert!(page.contains(wanted), "{page}");
    }
}

/// What comes of tests of one request by a client that nobody issued, of whom this is known.
fn tested(revocation: Value, known: Value, expect: Value) -> (Option<i32>, String) {
    let tests = json!({
        "certificates": { "alice": {} },
        "tests": [{ "name": "a", "peer": "alice", "request": "GET https://a.example/", "revocation": known, "expect": expect }],
    });
    let folder = Files::new(&[("policy.json", &policy(revocation)), ("tests.json", &tests.to_string())]);
    let output = run(&["test", folder.folder().to_str().unwrap()]);
    (output.status.code(), stdout(&output) + &stderr(&output))
}

#[test]
fn a_status_is_assumed_by_a_word_and_goes_the_way_of_every_other() {
    let deny = json!({ "check": ["crl"] });
    let allow = json!({ "check": ["crl", "ocsp"], "on_unknown": "allow", "while_loading": "deny" });
    for (revocation, known, expect) in [
        (&deny, "good", "permit"),
        (&deny, "revoked", "revoked"),
        (&deny, "stale", "revocation_unknown"),
        (&deny, "loading", "revocation_unknown"),
        (&allow, "good", "permit"),
        (&allow, "revoked", "revoked"),
        (&allow, "stale", "permit"),
        (&allow, "loading", "revocation_unknown"),
    ] {
        let (code, said) = tested(revocation.clone(), json!(known), json!(expect));
        assert_eq!(code, Some(0), "{known}: {said}");
    }
    let (code, said) = tested(deny.clone(), json!("stale"), json!("permit"));
    assert_eq!(code, Some(1));
    assert!(said.contains("crl: unknown, stale: as the test has it"), "{said}");
    let (code, said) = tested(deny, json!("unknown"), json!("permit"));
    assert_eq!(code, Some(2));
    assert!(said.contains("unknown status `unknown`; known: good, revoked, issuer_unknown"), "{said}");
}

#[test]
fn a_list_that_no_source_brings_cannot_be_tested() {
    let (code, said) =
        tested(json!({ "check": ["crl"] }), json!({ "crls": { "acme": "a.crl" } }), json!("permit"));
    assert_eq!(code, Some(2));
    assert!(said.contains("the policy has no trust bundle `acme`"), "{said}");
}

#[test]
fn routes_whose_revocation_no_test_tries_are_told() {
    let tests = json!({
        "certificates": { "alice": {} },
        "revocation": "good",
        "tests": [{ "name": "a", "peer": "alice", "request": "GET https://a.example/", "expect": "permit" }],
    });
    let policy = policy(json!({ "check": ["crl"] }));
    let folder = Files::new(&[("policy.json", &policy), ("tests.json", &tests.to_string())]);
    let output = run(&["test", "--require-coverage", folder.folder().to_str().unwrap()]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no test's client was revoked"), "{said}");
    assert!(said.contains("no test's client is one of whom it cannot be told"), "{said}");
}
