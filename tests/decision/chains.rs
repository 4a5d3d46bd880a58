//! Chains that the engine verifies itself, and what it remembers of them.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use mtls_policy::Engine;
use mtls_policy::outcome::Outcome;
use mtls_policy::request::XFCC;
use time::{Duration, OffsetDateTime};

use crate::mint::{self, Ca, Minted};
use crate::situation::{
    NOW, Question, Situation, at, decide, decide_at, document, outcome, record, verdict, word,
};

const ID: &str = "spiffe://acme.example/billing";

/// The purposes `clientAuth` and `codeSigning`.
const CLIENT: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const CODE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];

fn root() -> Ca {
    Ca::new("Acme Root")
}

/// A policy of these bundles, by their anchors, and of one route for each, `/NAME`.
fn trusting(bundles: &[(&str, &[&Ca])]) -> Engine {
    let anchors = |cas: &[&Ca]| cas.iter().map(|ca| ca.pem()).collect::<Vec<_>>();
    let bundles_json: serde_json::Map<String, Value> = bundles
        .iter()
        .map(|(name, cas)| ((*name).to_owned(), json!({ "anchors_pem": anchors(cas) })))
        .collect();
    let routes: Vec<Value> = bundles.iter().map(|(name, _)| route(name, json!({}))).collect();
    plugin(json!(bundles_json), json!(routes))
}

fn route(bundle: &str, members: Value) -> Value {
    let mut route = json!({
        "name": bundle, "match": { "path": format!("/{bundle}") },
        "client_certificate": "required", "allow": "any_verified", "trust": bundle,
    });
    route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    route
}

fn plugin(bundles: Value, routes: Value) -> Engine {
    document(json!({
        "peer_certificate": { "verified_by": "plugin" }, "trust_bundles": bundles, "routes": routes,
    }))
}

/// The header that Envoy writes for a certificate that came with these behind it.
fn header(leaf: &Minted, behind: &[&Ca]) -> String {
    let mut chain = vec![leaf.pem()];
    chain.extend(behind.iter().map(|ca| ca.pem()));
    format!("{};{}", leaf.xfcc_element(), mint::xfcc_chain(&chain))
}

fn asks(path: &str, leaf: &Minted, behind: &[&Ca]) -> Situation {
    Situation::get(path).certificate(leaf).header(XFCC, header(leaf, behind).as_bytes())
}

fn leaf(ca: &Ca) -> Minted {
    ca.leaf("billing").spiffe(ID).mint()
}

#[test]
fn the_bundle_of_the_route_decides_and_nobody_asks_envoy() {
    let (ours, theirs) = (root(), Ca::new("Partner Root"));
    let engine = trusting(&[("ours", &[&ours]), ("theirs", &[&theirs])]);
    for (ca, path, expected) in [
        (&ours, "/ours", "verified"),
        (&ours, "/theirs", "untrusted"),
        (&theirs, "/theirs", "verified"),
        (&theirs, "/ours", "untrusted"),
    ] {
        for valid in [Some(true), Some(false), None] {
            let asked = asks(path, &leaf(ca), &[]).valid(valid);
            assert_eq!(verdict(&engine, &asked), expected, "{path}");
            assert!(!asked.asked().contains(&Question::Valid));
        }
    }
    let bundles = |trust: Value| {
        let anchors = |ca: &Ca| json!({ "anchors_pem": [ca.pem()] });
        plugin(
            json!({ "ours": anchors(&ours), "theirs": anchors(&theirs) }),
            json!([route("ours", json!({ "trust": trust }))]),
        )
    };
    for (trust, expected) in [
        (json!("ours"), "untrusted"),
        (json!(["ours", "theirs"]), "verified"),
        (json!(["theirs"]), "verified"),
    ] {
        assert_eq!(verdict(&bundles(trust), &asks("/ours", &leaf(&theirs), &[])), expected);
    }
}

#[test]
fn what_is_presented_beside_the_leaf_counts_on_this_request_and_on_no_other() {
    let issuing = root().intermediate("Acme Issuing");
    let engine = trusting(&[("ours", &[&root()])]);
    let leaf = leaf(&issuing);
    for _ in 0..2 {
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[&issuing])), "verified");
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[])), "untrusted");
        let other = Ca::new("Evil Root").intermediate("Acme Issuing");
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[&other])), "untrusted");
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[&other, &issuing])), "verified");
        // An Envoy that forwards no chain.
        assert_eq!(verdict(&engine, &Situation::get("/ours").certificate(&leaf)), "untrusted");
        assert_eq!(verdict(&engine, &Situation::get("/ours").certificate_in_header(&leaf)), "untrusted");
    }
}

#[test]
fn a_header_about_another_certificate_lends_no_chain() {
    let issuing = root().intermediate("Acme Issuing");
    let engine = trusting(&[("ours", &[&root()])]);
    let (leaf, other) = (leaf(&issuing), issuing.leaf("web").mint());
    let with = |header: String| Situation::get("/ours").certificate(&leaf).header(XFCC, header.as_bytes());
    assert_eq!(verdict(&engine, &with(header(&leaf, &[&issuing]))), "verified");
    let mismatch = "forwarded_certificate_mismatch";
    assert_eq!(verdict(&engine, &with(header(&other, &[&issuing]))), mismatch);
    // The chain's own first certificate is another's.
    let chain = mint::xfcc_chain(&[other.pem(), issuing.pem()]);
    assert_eq!(verdict(&engine, &with(format!("{};{chain}", leaf.xfcc_element()))), mismatch);
    let twice = with(header(&leaf, &[&issuing])).header(XFCC, header(&leaf, &[&issuing]).as_bytes());
    assert_eq!(verdict(&engine, &twice), mismatch);
    // Only the last element is Envoy's.
    assert_eq!(
        verdict(&engine, &with(format!("{},{}", header(&other, &[]), header(&leaf, &[&issuing])))),
        "verified"
    );
    assert_eq!(
        verdict(&engine, &with(format!("{},{}", header(&leaf, &[&issuing]), leaf.xfcc_element()))),
        "untrusted"
    );
    let many: Vec<Ca> = (0..16).map(|number| issuing.intermediate(&format!("CA {number}"))).collect();
    let many: Vec<&Ca> = many.iter().collect();
    assert_eq!(verdict(&engine, &with(header(&leaf, &many))), "untrusted");
}

#[test]
fn a_verdict_lasts_until_a_certificate_of_the_chain_ends_or_begins() {
    let (begins, ends) = (at(NOW) - Duration::hours(1), at(NOW) + Duration::hours(1));
    let issuing = root().below("Acme Issuing", "issuing", |params| {
        params.not_before = begins;
        params.not_after = ends;
    });
    let engine = trusting(&[("ours", &[&root()])]);
    let leaf = leaf(&issuing);
    let when = |now: OffsetDateTime| decide_at(&engine, &asks("/ours", &leaf, &[&issuing]), Some(now));
    let second = Duration::SECOND;
    for _ in 0..2 {
        for (now, expected) in [
            (at(NOW), "verified"),
            (begins - second, "untrusted"),
            (begins, "verified"),
            (ends, "verified"),
            (ends + second, "untrusted"),
        ] {
            assert_eq!(word(&when(now)), expected, "{now}");
        }
    }
    assert_eq!(when(at(NOW)).until(), Some(ends), "an open stream is looked at again then");
    assert_eq!(word(&decide_at(&engine, &asks("/ours", &leaf, &[&issuing]), None)), "time_unavailable");
}

#[test]
fn a_leaf_out_of_its_time_is_said_to_be_that() {
    let engine = trusting(&[("ours", &[&root()])]);
    let expired = root().leaf("billing").expired().mint();
    assert_eq!(verdict(&engine, &asks("/ours", &expired, &[])), "expired");
}

#[test]
fn old_and_new_anchor_stand_together_whatever_their_names() {
    let same_name = Ca::with_seed("Acme Root", "the new key");
    let other_name = Ca::new("Acme Root 2027");
    for new in [&same_name, &other_name] {
        let engine = trusting(&[("ours", &[&root(), new]), ("old", &[&root()]), ("new", &[new])]);
        for (ca, path, expected) in [
            (&root(), "/ours", "verified"),
            (new, "/ours", "verified"),
            (&root(), "/new", "untrusted"),
            (new, "/old", "untrusted"),
        ] {
            assert_eq!(verdict(&engine, &asks(path, &leaf(ca), &[])), expected, "{path}");
        }
    }
}

#[test]
fn a_ca_for_other_purposes_vouches_where_the_route_demands_those() {
    let code = root().below("Code CA", "code", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
    });
    let leaf = code.leaf("signer").purposes(&[CODE]).mint();
    let bundles = || json!({ "ours": { "anchors_pem": [root().pem()] } });
    let of = |purposes: Value| {
        let members = json!({ "certificate": { "extended_key_usage": purposes } });
        plugin(bundles(), json!([route("ours", members)]))
    };
    for (purposes, expected) in [
        (json!(["codeSigning"]), "verified"),
        (json!("any"), "verified"),
        (json!(["clientAuth"]), "untrusted"),
        (json!({ "if_present": ["clientAuth"] }), "untrusted"),
    ] {
        assert_eq!(verdict(&of(purposes.clone()), &asks("/ours", &leaf, &[&code])), expected, "{purposes}");
    }
}

#[test]
fn a_ca_for_one_of_two_purposes_vouches_for_no_client_of_the_other() {
    let code = root().below("Code CA", "code", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
    });
    let engine = plugin(
        json!({ "ours": { "anchors_pem": [root().pem()] } }),
        json!([route(
            "ours",
            json!({ "certificate": { "extended_key_usage": ["clientAuth", "codeSigning"] } })
        )]),
    );
    for (purposes, expected) in [
        (&[CODE][..], "verified"),
        (&[CLIENT, CODE], "verified"),
        (&[CLIENT], "untrusted"),
        (&[], "wrong_key_usage"),
    ] {
        let leaf = code.leaf("signer").purposes(purposes).mint();
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[&code])), expected, "{purposes:?}");
    }
}

#[test]
fn routes_that_demand_differently_are_told_apart_by_what_is_remembered() {
    let issuing = root().below("Acme Issuing", "issuing", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
    });
    let leaf = issuing.leaf("billing").purposes(&[CLIENT, CODE]).mint();
    let engine = plugin(
        json!({ "ours": { "anchors_pem": [root().pem()] } }),
        json!([
            route("ours", json!({ "certificate": { "extended_key_usage": ["codeSigning"] } })),
            route("ours", json!({ "name": "other", "match": { "path": "/other" } })),
        ]),
    );
    for _ in 0..2 {
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[&issuing])), "verified");
        assert_eq!(verdict(&engine, &asks("/other", &leaf, &[&issuing])), "untrusted");
    }
}

#[test]
fn a_certificate_that_nobody_verified_is_let_in_by_its_digest_and_nobody_else() {
    let device = Ca::new("Device 7").leaf("device").spiffe(ID).mint();
    let other = Ca::new("Device 8").leaf("device").spiffe(ID).mint();
    let unverified = json!({
        "name": "devices", "match": { "path": "/devices" }, "client_certificate": "unverified",
        "allow": { "sha256": device.hex_digest() },
    });
    let engine = plugin(json!({ "ours": { "anchors_pem": [root().pem()] } }), json!([unverified]));
    assert_eq!(verdict(&engine, &asks("/devices", &device, &[])), "unverified");
    assert_eq!(verdict(&engine, &asks("/devices", &other, &[])), "identity_not_allowed");
    assert_eq!(verdict(&engine, &Situation::get("/devices")), "no_certificate");
    let until = decide(&engine, &asks("/devices", &device, &[])).until();
    assert!(until.is_some(), "an open stream is looked at again when the certificate ends");
}

#[test]
fn names_that_nobody_verified_reach_no_upstream() {
    let names = |verified_by: &str| {
        let engine = document(json!({
            "peer_certificate": { "verified_by": verified_by },
            "trust_bundles": { "ours": { "anchors_pem": [root().pem()] } },
            "routes": [
                { "name": "open", "match": { "path": "/open" }, "client_certificate": "ignored" },
                { "name": "all", "match": { "path": "/all" }, "client_certificate": "required", "allow": "any_verified" },
            ],
            "defaults": if verified_by == "plugin" { json!({ "trust": "ours" }) } else { json!({}) },
        }));
        let passed = |ca: &Ca, path| match outcome(&engine, &asks(path, &leaf(ca), &[])) {
            Outcome::Pass(changes) => !changes.remove.iter().any(|name| name == XFCC),
            Outcome::Reply(reply) => panic!("{reply:?}"),
        };
        [passed(&Ca::new("Evil Root"), "/open"), passed(&root(), "/open"), passed(&root(), "/all")]
    };
    assert_eq!(names("plugin"), [false, false, true]);
    assert_eq!(names("envoy"), [true, true, true], "Envoy verified them");
}

#[test]
fn a_record_says_why_a_chain_was_refused() {
    let engine = trusting(&[("ours", &[&root()])]);
    let without = root().below("Acme Issuing", "issuing", |params| {
        params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    });
    for (leaf, behind, wanted) in [
        (
            leaf(&Ca::new("Evil Root")),
            vec![],
            "by `ours`: `CN=Evil Root`, who issued it or an issuer of it, is neither in the bundle nor was presented",
        ),
        (leaf(&without), vec![&without], "its key usage lacks `keyCertSign`"),
        (leaf(&Ca::with_seed("Acme Root", "a thief")), vec![], "a signature in its chain is wrong"),
    ] {
        let record = record(&engine, &asks("/ours", &leaf, &behind));
        assert_eq!(record["reason"], "untrusted");
        let detail = record["detail"].as_str().unwrap();
        assert!(detail.contains(wanted), "{detail}");
    }
}

#[test]
fn a_header_that_is_empty_is_not_taken_for_one_that_is_not_there() {
    let leaf = leaf(&root());
    let without = || Situation::get("/ours").certificate(&leaf);
    let empty = || without().header(XFCC, b"");
    let mismatch = "forwarded_certificate_mismatch";
    assert_eq!(verdict(&trusting(&[("ours", &[&root()])]), &empty()), mismatch);
    let engine = trusting(&[("ours", &[&root()])]);
    for _ in 0..2 {
        assert_eq!(verdict(&engine, &without()), "verified");
        assert_eq!(verdict(&engine, &empty()), mismatch);
    }
}

#[test]
fn a_revoked_client_gains_nothing_by_choosing_the_bundle_that_vouches_for_it() {
    let issuing = root().intermediate("Acme Issuing");
    let leaf = leaf(&issuing);
    let serial: String = leaf.serial().iter().map(|octet| format!("{octet:02x}")).collect();
    let bundles = |revoked: Value| {
        json!({
            "old": { "anchors_pem": [root().pem()] },
            "new": { "anchors_pem": [root().pem(), issuing.pem()], "revoked": { "serials": [revoked] } },
        })
    };
    let rules = json!({ "trust": ["old", "new"], "revocation": { "check": ["deny_list"] } });
    let engine = |revoked| plugin(bundles(revoked), json!([route("ours", rules.clone())]));
    for (revoked, expected) in [(json!(serial), "revoked"), (json!("0f:3a"), "verified")] {
        let engine = engine(revoked);
        // By the intermediate that it presents the first bundle vouches for it, and without that only the second.
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[])), expected);
        assert_eq!(verdict(&engine, &asks("/ours", &leaf, &[&issuing])), expected);
    }
}

#[test]
fn a_client_of_a_ca_of_whom_nothing_can_be_told_is_not_called_good() {
    let issuing = root().intermediate("Acme Issuing");
    let bundle = json!({
        "anchors_pem": [root().pem()],
        "intermediates_pem": [issuing.pem()],
        // The root has no list, and its CA's status is not known.
        "crls": [{ "pem": issuing.crl().pem() }],
    });
    let of = |scope: &str, on_unknown: &str| {
        let revocation = json!({ "check": ["crl"], "scope": scope, "on_unknown": on_unknown });
        plugin(json!({ "ours": bundle.clone() }), json!([route("ours", json!({ "revocation": revocation }))]))
    };
    let asked = || asks("/ours", &leaf(&issuing), &[]);
    for (scope, on_unknown, expected, status) in [
        ("leaf", "deny", "verified", "good"),
        ("chain", "allow", "verified", "unknown"),
        ("chain", "deny", "revocation_unknown", "unknown"),
    ] {
        let engine = of(scope, on_unknown);
        assert_eq!(verdict(&engine, &asked()), expected, "{scope} {on_unknown}");
        assert_eq!(record(&engine, &asked())["revocation"]["status"], status, "{scope} {on_unknown}");
    }
}
