//! Lints about the certificates of trust bundles.

use std::collections::BTreeSet;

use mtls_policy::lint::{self, Finding};
use mtls_policy::policy::Lint;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::mint::{CRL_SIGN, Ca, DIGITAL_SIGNATURE, KEY_CERT_SIGN};
use crate::{findings, found, now, policy};

const ANCHOR: &str = "/trust_bundles/corp/anchors_pem/0";

fn with(anchors: &[&Ca], intermediates: &[&Ca]) -> Value {
    let pem = |cas: &[&Ca]| cas.iter().map(|ca| ca.pem()).collect::<Vec<_>>();
    policy(json!({
        "trust_bundles": { "corp": {
            "anchors_pem": pem(anchors),
            "intermediates_pem": pem(intermediates),
            "revoked": { "serials": ["0f"] },
        } },
        "routes": [{
            "name": "a",
            "match": { "path": "/" },
            "client_certificate": "required",
            "allow": "any_verified",
            "revocation": { "check": ["deny_list"] },
        }],
    }))
}

fn root() -> Ca {
    Ca::new("Acme Root")
}

/// The root, valid between two times that are so far from now.
fn valid(from: Duration, to: Duration) -> Ca {
    root().renewed(|params| {
        params.not_before = now() + from;
        params.not_after = now() + to;
    })
}

fn message(document: &Value) -> String {
    let findings = findings(document);
    let messages: Vec<&str> = findings.iter().map(Finding::message).collect();
    messages.join("\n")
}

const YEAR: Duration = Duration::days(365);
const SECOND: Duration = Duration::seconds(1);

#[test]
fn a_ca_that_is_not_valid_now_is_found_and_both_ends_are_valid() {
    for (from, to, wanted) in [
        (-YEAR, -SECOND, "ended at 2027-01-15T07:59:59Z"),
        (SECOND, YEAR, "is not valid before 2027-01-15T08:00:01Z"),
    ] {
        let document = with(&[&valid(from, to)], &[]);
        assert_eq!(found(&document), [format!("ca-not-valid at {ANCHOR}")], "{wanted}");
        assert_eq!(message(&document), format!("anchor `CN=Acme Root` of trust bundle `corp` {wanted}"));
    }
    assert!(found(&with(&[&valid(Duration::ZERO, YEAR)], &[])).is_empty());
    assert_eq!(found(&with(&[&valid(-YEAR, Duration::ZERO)], &[])), [format!("expiring-ca at {ANCHOR}")]);
}

#[test]
fn a_ca_is_found_30_days_before_its_end() {
    let month = Duration::days(30);
    let document = with(&[&valid(-YEAR, month)], &[]);
    assert_eq!(found(&document), [format!("expiring-ca at {ANCHOR}")]);
    assert_eq!(
        message(&document),
        "anchor `CN=Acme Root` of trust bundle `corp` ends at 2027-02-14T08:00:00Z"
    );
    let help = findings(&document)[0].help().unwrap().to_owned();
    assert!(help.contains("old and new may stand together"), "{help}");
    assert!(found(&with(&[&valid(-YEAR, month + SECOND)], &[])).is_empty());
}

#[test]
fn an_intermediate_is_found_where_it_is_written() {
    let ends = |name: &str, at: OffsetDateTime| root().below(name, name, |params| params.not_after = at);
    let below =
        |ca: &Ca| ca.below("Acme Issuing 2", "Acme Issuing 2", |params| params.not_after = now() - SECOND);
    let (good, soon) = (root().intermediate("Acme Issuing 1"), ends("Acme Issuing 3", now() + SECOND));
    // Below the last one, so that it is not read in the order in which it is written.
    let over = below(&soon);
    let document = with(&[&root()], &[&over, &good, &soon]);
    let at = |position: usize| format!("at /trust_bundles/corp/intermediates_pem/{position}");
    assert_eq!(found(&document), [format!("ca-not-valid {}", at(0)), format!("expiring-ca {}", at(2))]);
    assert_eq!(
        message(&document).lines().next().unwrap(),
        "intermediate `CN=Acme Issuing 2` of trust bundle `corp` ended at 2027-01-15T07:59:59Z"
    );
}

#[test]
fn old_and_new_stand_together_and_a_name_and_key_that_live_on_do_not_end() {
    let old = valid(-YEAR, Duration::days(20));
    let renewed = valid(-SECOND, YEAR);
    assert!(found(&with(&[&renewed, &Ca::with_seed("Acme Root", "another key")], &[])).is_empty());
    assert!(found(&with(&[&old, &renewed], &[])).is_empty());
    assert!(found(&with(&[&renewed, &old], &[])).is_empty());
    // What the old key signed ends with it.
    let finding = [format!("expiring-ca at {ANCHOR}")];
    assert_eq!(found(&with(&[&old, &Ca::with_seed("Acme Root", "another key")], &[])), finding);
    // It comes too late, or ends as soon.
    let late = valid(Duration::days(21), YEAR);
    assert_eq!(
        found(&with(&[&old, &late], &[])),
        [finding[0].clone(), "ca-not-valid at /trust_bundles/corp/anchors_pem/1".to_owned()]
    );
    let both = found(&with(&[&old, &valid(-YEAR, Duration::days(21))], &[]));
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn an_anchor_that_may_sign_no_certificates_is_found() {
    for (bits, help) in [
        (DIGITAL_SIGNATURE, Some("put the CA's own certificate in its place")),
        (
            CRL_SIGN,
            Some(
                "put the CA's own certificate in its place; it can stay if all that it is for is to sign lists",
            ),
        ),
        (KEY_CERT_SIGN, None),
        // No such extension.
        (0, None),
    ] {
        let document = with(&[&root(), &Ca::with_key_usage("Acme Old", bits)], &[]);
        let findings = findings(&document);
        let told: Vec<Option<&str>> = findings.iter().map(Finding::help).collect();
        assert_eq!(told, help.map(Some).as_slice(), "{bits:x}");
        if help.is_some() {
            assert_eq!(found(&document), ["non-issuing-anchor at /trust_bundles/corp/anchors_pem/1"]);
            assert_eq!(
                message(&document),
                "anchor `CN=Acme Old` of trust bundle `corp` may sign no certificates: its key usage lacks `keyCertSign`"
            );
        }
    }
}

#[test]
fn what_is_found_in_bundles_is_silenced_by_the_policy() {
    let mut document = with(&[&valid(-YEAR, SECOND)], &[]);
    document["lint"] = json!({ "allow": { "expiring-ca": "the new one comes on Monday" } });
    assert!(found(&document).is_empty());
    let text = with(&[&valid(-YEAR, -SECOND)], &[]).to_string();
    let (_, findings) = lint::check(text.as_bytes(), &BTreeSet::from([Lint::CaNotValid]), now()).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}
