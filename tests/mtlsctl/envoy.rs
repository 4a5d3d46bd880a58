//! `mtlsctl envoy`.

use serde_json::{Value, json};

use crate::mint::Ca;
use crate::{Files, mtlsctl, run, run_on_stdin, stderr, stdout};

fn policy(bundles: Value) -> String {
    let mut policy = json!({
        "version": 1,
        "peer_certificate": { "verified_by": "envoy" },
        "routes": [{ "name": "a", "match": { "path": "/" }, "client_certificate": "ignored" }],
    });
    if !bundles.is_null() {
        policy["trust_bundles"] = bundles;
    }
    policy.to_string()
}

/// Two bundles: the first in the middle of a rotation, the second with one CA of its own and one of the first.
fn two_bundles() -> (String, [Ca; 3]) {
    let cas = [Ca::new("Acme Root"), Ca::new("Acme Root 2"), Ca::new("Partner Root")];
    let [old, new, partner] = cas.each_ref().map(Ca::pem);
    let issuing = cas[0].intermediate("Acme Issuing").pem();
    let policy = policy(json!({
        "corp": { "anchors_pem": [old, new], "intermediates_pem": [issuing] },
        "partners": { "anchors_pem": [partner, old] },
    }));
    (policy, cas)
}

/// Exit, standard output and standard error for a policy on the standard input.
fn trusted_ca(policy: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let mut arguments = vec!["envoy", "trusted-ca", "-"];
    arguments.extend(options);
    let output = run_on_stdin(&arguments, policy.as_bytes());
    (output.status.code(), stdout(&output), stderr(&output))
}

#[test]
fn every_anchor_stands_there_once_below_its_subject_and_bundles() {
    let (policy, [old, new, partner]) = two_bundles();
    let wanted = format!(
        "# CN=Acme Root (corp, partners)\n{}# CN=Acme Root 2 (corp)\n{}# CN=Partner Root (partners)\n{}",
        old.pem(),
        new.pem(),
        partner.pem()
    );
    assert_eq!(trusted_ca(&policy, &[]), (Some(0), wanted.clone(), String::new()));
    assert_eq!(trusted_ca(&policy, &["--bundle", "partners", "--bundle", "corp"]).1, wanted);
    let files = Files::new(&[("policy.json", &policy)]);
    assert_eq!(stdout(&run(&["envoy", "trusted-ca", &files.path("policy.json")])), wanted);
}

#[test]
fn a_bundle_can_be_chosen_and_one_that_is_not_there_is_told_with_what_was_meant() {
    let (policy, [old, _, partner]) = two_bundles();
    let wanted =
        format!("# CN=Partner Root (partners)\n{}# CN=Acme Root (partners)\n{}", partner.pem(), old.pem());
    assert_eq!(trusted_ca(&policy, &["--bundle", "partners"]), (Some(0), wanted, String::new()));
    for (name, wanted) in [
        ("partner", "error: <stdin>: the policy has no trust bundle `partner`; did you mean `partners`?\n"),
        ("web", "error: <stdin>: the policy has no trust bundle `web`\n"),
    ] {
        let said = trusted_ca(&policy, &["--bundle", "corp", "--bundle", name]);
        assert_eq!(said, (Some(2), String::new(), wanted.to_owned()));
    }
}

#[test]
fn a_policy_without_bundles_is_an_error_that_says_what_to_do() {
    let wanted = "error: <stdin>: the policy has no trust bundles; list the CAs that you trust as `anchors_pem` of a bundle in `trust_bundles`\n";
    for options in [&[][..], &["--bundle", "corp"]] {
        assert_eq!(trusted_ca(&policy(Value::Null), options), (Some(2), String::new(), wanted.to_owned()));
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_shown_as_check_shows_it_and_not_among_the_certificates() {
    let leaf = Ca::new("Acme Root").leaf("billing").mint().pem();
    let policy = policy(json!({ "corp": { "anchors_pem": [leaf] } }));
    let checked = stdout(&run_on_stdin(&["check", "-"], policy.as_bytes()));
    assert!(checked.contains("`CN=billing` can be no authority"), "{checked}");
    assert_eq!(trusted_ca(&policy, &[]), (Some(1), String::new(), checked));
    let files = Files::new(&[]);
    let output = run(&["envoy", "trusted-ca", &files.path("absent.json")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("absent.json: cannot be read: No such file"), "{}", stderr(&output));
}

#[test]
fn a_subject_cannot_pass_for_the_beginning_or_the_end_of_a_block() {
    let subject = "\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\u{1b}[31m\u{e9}";
    for subject in [subject, &subject.replace(['\n', '\u{1b}'], "")] {
        let ca = Ca::new("Acme Root").below("Acme Root", "Acme Root", |params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(rcgen::DnType::CommonName, subject);
        });
        let policy = policy(json!({ "corp": { "anchors_pem": [ca.pem()] } }));
        let (code, pem, said) = trusted_ca(&policy, &[]);
        assert_eq!((code, said.as_str()), (Some(0), ""));
        let (comment, block) = pem.split_once('\n').unwrap();
        assert_eq!(block, ca.pem());
        assert!(comment.starts_with("# CN=") && comment.ends_with(" (corp)"), "{comment}");
        assert!(comment.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{comment}");
        assert!(!comment.contains("-----"), "{comment}");
    }
}

#[test]
fn help_says_what_the_names_are_for() {
    let group = stdout(&run(&["envoy", "--help"]));
    assert!(group.contains("trusted-ca") && group.contains("mtlsctl check --envoy"), "{group}");
    let help = stdout(&run(&["envoy", "trusted-ca", "--help"]));
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("They may differ from the CAs that a given route trusts"), "{help}");
    assert_eq!(mtlsctl().arg("envoy").output().unwrap().status.code(), Some(2));
}
