//! Whether a certificate was revoked: which source is heard when, and what a route makes of what cannot be told.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use mtls_policy::Engine;
use mtls_policy::engine::{Need, Step};
use mtls_policy::policy::Decision;
use mtls_policy::revocation::ocsp::{Answer, Query};
use mtls_policy::revocation::{
    CrlSource, Entry, EntryReason, Evidence, Lists, Response, Status, Unknown, Why,
};
use serde_json::{Value, json};
use time::OffsetDateTime;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{Ca, Minted};
use crate::situation::{NOW, Situation, at, document, line_of, word};

const CLUSTER_WAIT: Duration = Duration::from_millis(5_000);

fn ca() -> Ca {
    Ca::new("Acme Root")
}

fn minted(name: &str) -> Minted {
    ca().leaf(name).mint()
}

fn fetched() -> Value {
    json!({ "cluster": "crl", "url": "http://crl.acme.example/root.crl" })
}

fn responder() -> Value {
    json!({ "cluster": "ocsp", "url": "http://ocsp.acme.example/", "timeout_ms": 1500 })
}

/// A policy of one route that asks for revocation in this way, and of one bundle with these members beside its anchor.
fn engine(revocation: Value, bundle: Value) -> Engine {
    engine_of(json!({ "allow": "any_verified", "revocation": revocation }), bundle)
}

fn engine_of(route: Value, bundle: Value) -> Engine {
    let mut anchored = json!({ "anchors_pem": [ca().pem()] });
    anchored.as_object_mut().unwrap().extend(bundle.as_object().unwrap().clone());
    let mut required =
        json!({ "name": "all", "match": { "path": { "prefix": "/" } }, "client_certificate": "required" });
    required.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
    document(json!({ "trust_bundles": { "root": anchored }, "routes": [required] }))
}

/// What has been fetched, and which questions were asked.
struct Known {
    lists: Lists,
    response: Response,
    may_wait: bool,
    asked: RefCell<Vec<&'static str>>,
}

impl Default for Known {
    fn default() -> Self {
        Self { lists: Lists::Loading, response: Response::Pending, may_wait: true, asked: RefCell::default() }
    }
}

impl Evidence for Known {
    fn lists(&self, _source: &CrlSource) -> Lists {
        self.asked.borrow_mut().push("lists");
        self.lists.clone()
    }

    fn response(&self, _query: &Query<'_>) -> Response {
        self.asked.borrow_mut().push("response");
        self.response.clone()
    }

    fn may_wait(&self) -> bool {
        self.may_wait
    }
}

fn impatient() -> Known {
    Known { may_wait: false, ..Known::default() }
}

fn failed(why: Why) -> Known {
    let unknown = Unknown::new(why, "for this test");
    Known { lists: Lists::Failed(unknown.clone()), response: Response::Failed(unknown), ..Known::default() }
}

fn answered(status: Status) -> Known {
    let answer = Answer {
        status,
        this_update: at(NOW - 60),
        next_update: Some(at(NOW + 3600)),
        produced_at: at(NOW - 60),
        signer_until: None,
    };
    Known { response: Response::Answered(Arc::new(answer)), ..failed(Why::Missing) }
}

fn revoked() -> Status {
    Status::Revoked(Entry { since: Some(at(NOW - 600)), reason: EntryReason::KeyCompromise })
}

fn step(engine: &Engine, minted: &Minted, known: &Known) -> Step {
    engine.decide(&Situation::get("/").certificate(minted), known, Some(at(NOW)))
}

fn decision(engine: &Engine, minted: &Minted, known: &Known) -> Decision {
    match step(engine, minted, known) {
        Step::Decided(decision) => decision,
        Step::Needs(need) => panic!("waits: {need:?}"),
    }
}

fn why(decision: &Decision) -> Option<Why> {
    decision.revocation().and_then(|judgement| judgement.why())
}

#[test]
fn a_route_that_does_not_ask_for_revocation_asks_nobody() {
    let engine = engine_of(json!({ "allow": "any_verified" }), json!({ "crls": [fetched()] }));
    let known = Known::default();
    let decision = decision(&engine, &minted("billing"), &known);
    assert_eq!(word(&decision), "verified");
    assert!(known.asked.borrow().is_empty() && decision.revocation().is_none());
}

#[test]
fn a_request_waits_for_a_list_that_is_being_fetched_and_is_denied_in_the_end() {
    let engine = engine(json!({ "check": ["crl"] }), json!({ "crls": [fetched()] }));
    match step(&engine, &minted("billing"), &Known::default()) {
        Step::Needs(need) => assert_eq!(need, Need { at_most: CLUSTER_WAIT }),
        Step::Decided(decision) => panic!("{decision:?}"),
    }
    let decision = decision(&engine, &minted("billing"), &impatient());
    assert_eq!((word(&decision).as_str(), why(&decision)), ("revocation_unknown", Some(Why::Loading)));
}

#[test]
fn while_a_list_is_being_fetched_a_route_may_deny_or_allow() {
    let with = |while_loading: &str| {
        let rules = json!({ "check": ["crl"], "while_loading": while_loading });
        let engine = engine(rules, json!({ "crls": [fetched()] }));
        let loading = word(&decision(&engine, &minted("billing"), &Known::default()));
        let failed = word(&decision(&engine, &minted("billing"), &failed(Why::Unavailable)));
        (loading, failed)
    };
    let denied = || "revocation_unknown".to_owned();
    assert_eq!(with("deny"), (denied(), denied()));
    assert_eq!(with("allow"), ("verified".to_owned(), denied()), "which is no word on other reasons");
}

#[test]
fn what_cannot_be_told_is_denied_unless_the_route_allows_it_and_recorded_with_its_reason() {
    for reason in [Why::Unavailable, Why::Stale, Why::Unusable, Why::BadSignature] {
        let with = |on_unknown: &str| {
            let rules = json!({ "check": ["crl"], "on_unknown": on_unknown });
            let engine = engine(rules, json!({ "crls": [fetched()] }));
            decision(&engine, &minted("billing"), &failed(reason))
        };
        let denied = with("deny");
        assert_eq!((word(&denied).as_str(), why(&denied)), ("revocation_unknown", Some(reason)));
        let allowed = with("allow");
        assert_eq!((word(&allowed).as_str(), why(&allowed)), ("verified", Some(reason)));
    }
}

#[test]
fn a_record_says_what_is_known_of_revocation() {
    let rules = json!({ "check": ["ocsp"] });
    let engine = engine(rules, json!({ "ocsp": responder() }));
    let situation = Situation::get("/").certificate(&minted("billing"));
    let known = answered(revoked());
    let decision = engine.decide(&situation, &known, Some(at(NOW))).decided();
    assert_eq!(word(&decision), "revoked");
    let record: Value = serde_json::from_str(&line_of(&engine, &situation, &decision)).unwrap();
    assert_eq!(
        record["revocation"],
        json!({
            "status": "revoked",
            "why": null,
            "method": "ocsp",
            "source": "http://ocsp.acme.example/",
            "reason": "keyCompromise",
            "since": "2025-12-31T23:50:00Z",
            "this_update": "2025-12-31T23:59:00Z",
            "next_update": "2026-01-01T01:00:00Z",
        })
    );
}

#[test]
fn a_deny_list_by_digest_counts_whatever_else_is_known() {
    let (stolen, other) = (minted("stolen"), minted("billing"));
    let bundle = json!({ "crls": [fetched()], "revoked": { "sha256": [stolen.hex_digest()] } });
    let engine = engine(json!({ "check": ["crl"], "on_unknown": "allow" }), bundle);
    for known in [Known::default(), failed(Why::Unavailable)] {
        assert_eq!(word(&decision(&engine, &stolen, &known)), "revoked");
    }
    assert_eq!(word(&decision(&engine, &other, &failed(Why::Unavailable))), "verified");
}

#[test]
fn a_deny_list_by_serial_number_counts_for_the_issuers_of_its_bundle_only() {
    let serial: &[u8] = &[0x0f, 0x3a, 0x99];
    let bundle = json!({ "revoked": { "serials": ["0f:3a:99"] } });
    let engine = engine(json!({ "check": ["deny_list"], "on_unknown": "allow" }), bundle);
    let of = |ca: Ca, serial: &[u8]| ca.leaf("billing").serial(serial).mint();
    let known = failed(Why::Missing);
    assert_eq!(word(&decision(&engine, &of(ca(), serial), &known)), "revoked");
    assert_eq!(word(&decision(&engine, &of(ca(), &[0x0f, 0x3a, 0x98]), &known)), "verified");
    assert_eq!(word(&decision(&engine, &of(Ca::new("Other Root"), serial), &known)), "verified");
}

#[test]
fn a_serial_number_on_a_deny_list_makes_nobody_good_whose_issuer_is_not_known() {
    let serial: &[u8] = &[0x0f, 0x3a, 0x99];
    let bundle = json!({ "revoked": { "serials": ["0f:3a:99"] } });
    let engine = engine(json!({ "check": ["deny_list"] }), bundle);
    // Of an intermediate that was left out of the bundle, say.
    let of = |serial: &[u8]| ca().intermediate("Acme Issuing").leaf("billing").serial(serial).mint();
    let listed = decision(&engine, &of(serial), &failed(Why::Missing));
    assert_eq!((word(&listed).as_str(), why(&listed)), ("revocation_unknown", Some(Why::IssuerUnknown)));
    let other = decision(&engine, &of(&[0x0f, 0x3a, 0x98]), &failed(Why::Missing));
    assert_eq!(word(&other), "verified");
}

#[test]
fn a_negative_serial_number_is_on_a_deny_list_by_its_octets() {
    let bundle = json!({ "revoked": { "serials": ["8f:3a:99"] } });
    let engine = engine(json!({ "check": ["deny_list"] }), bundle);
    let of = |serial: &[u8]| {
        let minted = ca().leaf("billing").serial(serial).mint();
        word(&decision(&engine, &minted, &failed(Why::Missing)))
    };
    assert_eq!(of(&[0x00, 0x8f, 0x3a, 0x99]), "revoked");
    assert_eq!(of(&[0x8f, 0x3a, 0x99]), "revoked");
    assert_eq!(of(&[0x8f, 0x3a, 0x98]), "verified");
}

#[test]
fn a_deny_list_that_is_asked_alone_is_the_last_word() {
    let bundle = json!({ "revoked": { "serials": ["0f:3a:99"] } });
    let engine = engine(json!({ "check": ["deny_list"] }), bundle);
    let decision = decision(&engine, &minted("billing"), &failed(Why::Missing));
    assert_eq!((word(&decision).as_str(), why(&decision)), ("verified", None));
}

#[test]
fn a_client_who_may_not_use_the_route_is_not_asked_about() {
    let route = json!({ "allow": { "dns": "web.acme.example" }, "revocation": { "check": ["ocsp"] } });
    let engine = engine_of(route, json!({ "ocsp": responder() }));
    let known = Known::default();
    assert_eq!(word(&decision(&engine, &minted("billing"), &known)), "identity_not_allowed");
    assert!(known.asked.borrow().is_empty());
}

#[test]
fn a_revoked_certificate_is_called_that_even_where_its_name_is_not_allowed() {
    let stolen = minted("stolen");
    let bundle = json!({ "revoked": { "sha256": [stolen.hex_digest()] } });
    let route = json!({ "allow": { "dns": "web.acme.example" }, "revocation": { "check": ["deny_list"] } });
    let engine = engine_of(route, bundle);
    assert_eq!(word(&decision(&engine, &stolen, &failed(Why::Missing))), "revoked");
    assert_eq!(word(&decision(&engine, &minted("billing"), &failed(Why::Missing))), "identity_not_allowed");
}

#[test]
fn a_request_waits_for_a_responder_a_little_longer_than_one_question_takes() {
    let engine = engine(json!({ "check": ["ocsp"] }), json!({ "ocsp": responder() }));
    match step(&engine, &minted("billing"), &Known::default()) {
        Step::Needs(need) => assert_eq!(need, Need { at_most: Duration::from_millis(2_000) }),
        Step::Decided(decision) => panic!("{decision:?}"),
    }
    let decision = decision(&engine, &minted("billing"), &impatient());
    assert_eq!((word(&decision).as_str(), why(&decision)), ("revocation_unknown", Some(Why::Unavailable)));
}

#[test]
fn an_answer_decides_and_holds_until_its_time_is_over() {
    let engine = engine(json!({ "check": ["ocsp"] }), json!({ "ocsp": responder() }));
    let billing = minted("billing");
    let good = decision(&engine, &billing, &answered(Status::Good));
    assert_eq!((word(&good).as_str(), good.until()), ("verified", Some(at(NOW + 3600))));
    assert_eq!(word(&decision(&engine, &billing, &answered(revoked()))), "revoked");
    let unknown = Status::Unknown(Unknown::new(Why::UnknownToResponder, "it says so"));
    let unknown = decision(&engine, &billing, &answered(unknown));
    assert_eq!(
        (word(&unknown).as_str(), why(&unknown)),
        ("revocation_unknown", Some(Why::UnknownToResponder))
    );
}

#[test]
fn an_answer_makes_nobody_good_whose_issuer_is_not_valid() {
    let until = |end: i64| ca().renewed(|params| params.not_after = at(end));
    let of = |anchors: &[Ca], status: Status| {
        let anchors: Vec<_> = anchors.iter().map(Ca::pem).collect();
        let engine =
            engine(json!({ "check": ["ocsp"] }), json!({ "anchors_pem": anchors, "ocsp": responder() }));
        decision(&engine, &minted("billing"), &answered(status))
    };
    let expired = of(&[until(NOW - 1)], Status::Good);
    assert_eq!((word(&expired).as_str(), why(&expired)), ("revocation_unknown", Some(Why::IssuerUnknown)));
    assert_eq!(word(&of(&[until(NOW - 1)], revoked())), "revoked");
    assert_eq!(word(&of(&[until(NOW - 1), ca()], Status::Good)), "verified", "renewed");
    // Until the issuer's certificate ends.
    let soon = of(&[until(NOW + 600)], Status::Good);
    assert_eq!((word(&soon).as_str(), soon.until()), ("verified", Some(at(NOW + 600))));
}

#[test]
fn the_next_method_is_asked_where_the_first_cannot_tell() {
    let bundle = || json!({ "crls": [fetched()], "ocsp": responder() });
    for check in [json!(["crl", "ocsp"]), json!(["ocsp", "crl"])] {
        let engine = engine(json!({ "check": check }), bundle());
        assert_eq!(word(&decision(&engine, &minted("billing"), &answered(Status::Good))), "verified");
        assert_eq!(word(&decision(&engine, &minted("billing"), &answered(revoked()))), "revoked");
        let neither = decision(&engine, &minted("billing"), &failed(Why::Unavailable));
        assert_eq!(word(&neither), "revocation_unknown");
    }
}

#[test]
fn a_list_that_is_to_come_is_waited_for_though_the_responder_failed() {
    let known = |may_wait| Known { lists: Lists::Loading, may_wait, ..failed(Why::Unavailable) };
    let with = |while_loading: Value, check: Value, may_wait: bool| {
        let rules = json!({ "check": check, "on_unknown": "allow", "while_loading": while_loading });
        let engine = engine(rules, json!({ "crls": [fetched()], "ocsp": responder() }));
        match step(&engine, &minted("billing"), &known(may_wait)) {
            Step::Decided(decision) => word(&decision),
            Step::Needs(_) => "waits".to_owned(),
        }
    };
    for check in [json!(["crl", "ocsp"]), json!(["ocsp", "crl"])] {
        assert_eq!(with(json!({ "wait_ms": 100 }), check.clone(), true), "waits");
        assert_eq!(with(json!({ "wait_ms": 100 }), check.clone(), false), "verified");
        assert_eq!(with(json!("deny"), check, true), "revocation_unknown");
    }
}

#[test]
fn a_list_that_is_to_come_is_no_excuse_for_a_responder_that_failed_whichever_is_asked_first() {
    let loading = |failed: Known| Known { lists: Lists::Loading, ..failed };
    for check in [json!(["crl", "ocsp"]), json!(["ocsp", "crl"])] {
        let rules = json!({ "check": check, "while_loading": "allow" });
        let engine = engine(rules, json!({ "crls": [fetched()], "ocsp": responder() }));
        let word_of = |known| word(&decision(&engine, &minted("billing"), &known));
        assert_eq!(word_of(loading(failed(Why::BadSignature))), "revocation_unknown");
        assert_eq!(word_of(loading(answered(revoked()))), "revoked");
        assert_eq!(word_of(loading(answered(Status::Good))), "verified");
        assert_eq!(word_of(loading(failed(Why::Missing))), "verified");
    }
}

#[test]
fn a_certificate_of_an_issuer_that_no_bundle_holds_is_unknown_though_a_peer_may_present_the_issuer() {
    let engine = engine(json!({ "check": ["crl"] }), json!({ "crls": [fetched()] }));
    // The same name with another key is another issuer.
    for other in [Ca::new("Other Root"), Ca::with_seed("Acme Root", "another key")] {
        let minted = other.leaf("billing").mint();
        let decision = decision(&engine, &minted, &Known::default());
        assert_eq!(
            (word(&decision).as_str(), why(&decision)),
            ("revocation_unknown", Some(Why::IssuerUnknown))
        );
    }
}

#[test]
fn a_denial_in_shadow_lets_pass_and_waits_all_the_same() {
    let route = json!({ "allow": "any_verified", "mode": "shadow", "revocation": { "check": ["crl"] } });
    let engine = engine_of(route, json!({ "crls": [fetched()] }));
    assert!(matches!(step(&engine, &minted("billing"), &Known::default()), Step::Needs(_)));
    let decision = decision(&engine, &minted("billing"), &failed(Why::Stale));
    assert_eq!(word(&decision), "shadow revocation_unknown");
}

#[test]
fn an_anonymous_client_of_an_optional_route_has_nothing_to_be_revoked() {
    let route = json!({
        "client_certificate": "optional", "allow": "any_verified", "revocation": { "check": ["crl"] },
    });
    let engine = engine_of(route, json!({ "crls": [fetched()] }));
    let known = Known::default();
    let decision = engine.decide(&Situation::get("/"), &known, None::<OffsetDateTime>).decided();
    assert_eq!((word(&decision).as_str(), decision.until()), ("anonymous", None));
    assert!(known.asked.borrow().is_empty());
}
