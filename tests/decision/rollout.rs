//! Roll-out: a route's denials are enforced for a stable share of verified clients, and the others are in shadow.

use mtls_policy::Engine;
use mtls_policy::outcome::Outcome;
use mtls_policy::policy::trace::{Finding, Stage, Step};
use mtls_policy::request::XFCC;
use mtls_policy::revocation::NoEvidence;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{Ca, Minted};
use crate::situation::{
    NOW, Situation, at, decide_at, document, leaf, outcome, record, route, routes, verdict, word,
};

/// A route that lets nobody in, enforced for this share.
fn refusing(ratio: f64) -> Engine {
    route(json!({
        "client_certificate": "required", "allow": { "dns": "nobody.example" }, "enforce_ratio": ratio,
    }))
}

fn client(number: usize) -> Minted {
    leaf("client").spiffe(&format!("spiffe://acme.example/client/{number}")).mint()
}

fn asks(minted: &Minted) -> Situation {
    Situation::get("/").certificate(minted)
}

/// Two clients: one for whom half of a route `only` is enforced, and one for whom it is not.
fn inside_and_outside() -> (Minted, Minted) {
    let engine = refusing(0.5);
    let mut clients = (0..64).map(client);
    let inside = clients.by_ref().find(|client| verdict(&engine, &asks(client)) == "identity_not_allowed");
    let outside = clients.find(|client| verdict(&engine, &asks(client)) == "shadow identity_not_allowed");
    (inside.unwrap(), outside.unwrap())
}

#[test]
fn a_share_is_as_large_as_its_ratio_and_a_greater_one_holds_a_smaller_one() {
    // Minting ten thousand certificates takes a minute; the same certificate with other digits is as good, for its signature is
    // Envoy's business.
    let number = "0000-x";
    let like = leaf("client").spiffe("spiffe://acme.example/client/0000-x").mint();
    let at_digits = like.der.windows(number.len()).rposition(|bytes| bytes == number.as_bytes()).unwrap();
    let clients: Vec<Minted> = (0..10_000)
        .map(|count| {
            let mut der = like.der.clone();
            der[at_digits..at_digits + 4].copy_from_slice(format!("{count:04}").as_bytes());
            Minted { der, key: like.key.clone() }
        })
        .collect();
    let mut smaller = vec![false; clients.len()];
    for ratio in [0.0, 0.01, 0.1, 0.25, 0.5, 0.9, 0.999, 1.0] {
        let engine = refusing(ratio);
        let enforced: Vec<bool> =
            clients.iter().map(|client| verdict(&engine, &asks(client)) == "identity_not_allowed").collect();
        assert!(smaller.iter().zip(&enforced).all(|(before, now)| !before || *now), "{ratio}");
        let share = enforced.iter().filter(|enforced| **enforced).count() as f64 / clients.len() as f64;
        // Three standard deviations of a fair choice.
        let slack = 3.0 * (ratio * (1.0 - ratio) / clients.len() as f64).sqrt();
        assert!((share - ratio).abs() <= slack, "{share} for {ratio}");
        smaller = enforced;
    }
    assert!(smaller.iter().all(|enforced| *enforced));
}

#[test]
fn a_client_stays_where_it_is_with_a_new_certificate_and_is_elsewhere_on_another_route() {
    let half = |name: &str| {
        json!({
            "name": name, "match": { "path": format!("/{name}") }, "enforce_ratio": 0.5,
            "client_certificate": "required", "allow": { "dns": "nobody.example" },
        })
    };
    let engine = routes(json!([half("a"), half("b")]));
    let on = |path: &str, minted: &Minted| verdict(&engine, &Situation::get(path).certificate(minted));
    let mut differ = 0;
    for number in 0..64 {
        let of = |serial: u8| {
            leaf("client").spiffe(&format!("spiffe://acme.example/client/{number}")).serial(&[serial]).mint()
        };
        let (first, renewed) = (of(1), of(2));
        assert_ne!(first.der, renewed.der);
        assert_eq!(on("/a", &first), on("/a", &renewed));
        differ += usize::from(on("/a", &first) != on("/b", &first));
    }
    assert!((16..48).contains(&differ), "{differ} of 64 clients differ between two routes");
}

#[test]
fn clients_without_a_spiffe_id_are_told_apart_by_issuer_and_subject_and_without_those_by_their_names() {
    let engine = refusing(0.5);
    let count = |mint: &dyn Fn(usize) -> Minted| {
        (0..64).filter(|number| verdict(&engine, &asks(&mint(*number))).starts_with("shadow")).count()
    };
    let by_subject = count(&|number| leaf(&format!("client {number}")).dns("same.example").mint());
    let by_issuer = count(&|number| Ca::new(&format!("Acme {number}")).leaf("client").mint());
    let by_name = count(&|number| leaf("x").no_subject().dns(&format!("c{number}.example")).mint());
    for (found, what) in [(by_subject, "subjects"), (by_issuer, "issuers"), (by_name, "names")] {
        assert!((16..48).contains(&found), "{found} of 64 {what}");
    }
}

#[test]
fn whoever_was_not_verified_is_denied_whatever_the_ratio() {
    let engine = refusing(0.0);
    let (_, outside) = inside_and_outside();
    let cases = [
        (Situation::get("/"), "no_certificate"),
        (asks(&outside).valid(Some(false)), "untrusted"),
        (asks(&outside).valid(None), "untrusted"),
        (asks(&outside).pem(b"nonsense"), "malformed_certificate"),
        (asks(&outside).pem(leaf("another").mint().pem().as_bytes()), "forwarded_certificate_mismatch"),
        (Situation::get("/").server_name(b"other.example").plaintext(), "no_certificate"),
    ];
    for (situation, reason) in cases {
        assert_eq!(verdict(&engine, &situation), reason);
    }
    assert_eq!(verdict(&engine, &asks(&outside)), "shadow identity_not_allowed");
    let now = decide_at(&engine, &asks(&outside), None);
    assert_eq!(word(&now), "time_unavailable");
}

#[test]
fn a_connection_that_does_not_do_is_judged_by_whose_it_is() {
    let (inside, outside) = inside_and_outside();
    let engine = route(json!({
        "client_certificate": "required", "allow": "any_verified", "enforce_ratio": 0.5,
        "match": { "hosts": ["pay.acme.example"] }, "tls": { "min_version": "TLSv1.3", "ciphers": ["TLS_AES_128_GCM_SHA256"] },
    }));
    let good = |minted: &Minted| asks(minted).cipher(b"TLS_AES_128_GCM_SHA256");
    assert_eq!(verdict(&engine, &good(&outside)), "verified");
    for (situation, reason) in [
        (
            &(|minted: &Minted| good(minted).server_name(b"other.example")) as &dyn Fn(&Minted) -> Situation,
            "sni_mismatch",
        ),
        (&|minted| good(minted).tls_version(b"TLSv1.2"), "tls_version"),
        (&|minted| good(minted).cipher(b"TLS_AES_256_GCM_SHA384"), "cipher"),
    ] {
        assert_eq!(verdict(&engine, &situation(&inside)), reason);
        assert_eq!(verdict(&engine, &situation(&outside)), format!("shadow {reason}"));
        assert_eq!(verdict(&engine, &situation(&outside).valid(Some(false))), reason, "nobody verified it");
    }
    let anonymous = Situation::get("/").cipher(b"TLS_AES_256_GCM_SHA384");
    assert_eq!(verdict(&engine, &anonymous), "cipher");
}

#[test]
fn what_belongs_to_no_route_and_what_the_proxy_does_not_answer_is_enforced() {
    let (_, outside) = inside_and_outside();
    let engine = routes(json!([
        {
            "name": "only", "match": { "path": { "prefix": "/a" } }, "enforce_ratio": 0,
            "client_certificate": "required", "allow": { "dns": "nobody.example" }, "tls": { "ciphers": ["TLS_AES_128_GCM_SHA256"] },
        },
        { "name": "open", "match": { "path": "/open" }, "client_certificate": "ignored" },
    ]));
    let get = |path: &str| Situation::get(path).certificate(&outside);
    for (situation, reason) in [
        (get("/b"), "no_route"),
        (get("/a\0"), "invalid_request"),
        (get("/a/%2e%2e/open"), "ambiguous_path"),
        (get("/a"), "internal_error"),
    ] {
        assert_eq!(verdict(&engine, &situation), reason);
    }
}

#[test]
fn on_optional_routes_clients_without_a_certificate_are_nobodys_share() {
    let engine = route(json!({
        "client_certificate": "optional", "token": { "claims": { "sub": "x" } }, "enforce_ratio": 0,
    }));
    assert_eq!(verdict(&engine, &Situation::get("/")), "token_missing");
    assert_eq!(verdict(&engine, &asks(&client(0))), "shadow token_missing");
}

#[test]
fn a_certificate_whose_time_is_over_is_refused_whatever_the_share() {
    let engine = refusing(0.0);
    let expired = leaf("client").spiffe("spiffe://acme.example/client/1").expired().mint();
    assert_eq!(verdict(&engine, &asks(&expired)), "expired");
    assert_eq!(verdict(&engine, &asks(&client(1))), "shadow identity_not_allowed");
}

#[test]
fn where_the_filter_verifies_only_a_chain_makes_a_client_of_a_share() {
    let ca = Ca::new("Acme Root");
    let engine = document(json!({
        "peer_certificate": { "verified_by": "plugin" },
        "trust_bundles": { "acme": { "anchors_pem": [ca.pem()] } },
        "routes": [{
            "name": "only", "match": { "path": { "prefix": "/" } }, "trust": "acme", "enforce_ratio": 0,
            "client_certificate": "required", "allow": { "dns": "nobody.example" },
        }],
    }));
    let presents = |minted: &Minted| asks(minted).header(XFCC, minted.xfcc_element().as_bytes());
    assert_eq!(verdict(&engine, &presents(&ca.leaf("a").mint())), "shadow identity_not_allowed");
    let forged = Ca::with_seed("Acme Root", "another key").leaf("a").mint();
    assert_eq!(verdict(&engine, &presents(&forged)), "untrusted");
    // Its chain is not looked for, so nobody vouches for its name.
    assert_eq!(verdict(&engine, &presents(&ca.leaf("a").expired().mint())), "expired");
}

#[test]
fn a_client_in_shadow_is_told_to_nobody_and_recorded_as_such() {
    let (inside, outside) = inside_and_outside();
    let engine = route(json!({
        "client_certificate": "required", "allow": { "dns": "nobody.example" }, "enforce_ratio": 0.5,
        "forward": { "headers": { "x-client-id": "{spiffe_id}" } },
    }));
    let Outcome::Pass(changes) = outcome(&engine, &asks(&outside)) else { panic!("it passes") };
    let set: Vec<String> = changes.set.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(set, ["x-client-verify: NONE"]);
    assert!(matches!(outcome(&engine, &asks(&inside)), Outcome::Reply(_)));
    for (client, mode) in [(&inside, "enforce"), (&outside, "shadow")] {
        let record = record(&engine, &asks(client));
        assert_eq!((&record["decision"], &record["mode"]), (&json!("deny"), &json!(mode)));
    }
}

#[test]
fn the_same_client_is_judged_alike_again_and_again() {
    let (inside, outside) = inside_and_outside();
    let engine = refusing(0.5);
    for _ in 0..3 {
        assert_eq!(verdict(&engine, &asks(&inside)), "identity_not_allowed");
        assert_eq!(verdict(&engine, &asks(&outside)), "shadow identity_not_allowed");
    }
}

#[test]
fn the_trace_says_on_which_side_a_client_is() {
    let (inside, outside) = inside_and_outside();
    let step = |engine: &Engine, client: &Minted| {
        let mut steps: Vec<Step> = Vec::new();
        engine.decide_traced(&asks(client), &NoEvidence, Some(at(NOW)), &mut steps).decided();
        steps.into_iter().find(|step| step.stage == Stage::Rollout)
    };
    let half = refusing(0.5);
    let said = |client| step(&half, client).map(|step| (step.finding, step.subject));
    let subject =
        |not: &str| format!("{not}one of the clients for whom denials are enforced (a part of 0.5)");
    assert_eq!(said(&inside), Some((Finding::Yes, subject(""))));
    assert_eq!(said(&outside), Some((Finding::No, subject("not "))));
    assert_eq!(step(&refusing(1.0), &inside), None);
}

#[test]
fn a_default_ratio_is_that_of_routes_without_one_and_a_shadowed_route_stays_in_shadow() {
    let of = |members: Value| {
        let mut one = json!({
            "name": "only", "match": { "path": { "prefix": "/" } },
            "client_certificate": "required", "allow": { "dns": "nobody.example" },
        });
        one.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        document(json!({ "defaults": { "enforce_ratio": 0 }, "routes": [one] }))
    };
    assert_eq!(verdict(&of(json!({})), &asks(&client(1))), "shadow identity_not_allowed");
    assert_eq!(verdict(&of(json!({ "enforce_ratio": 1 })), &asks(&client(1))), "identity_not_allowed");
    assert_eq!(verdict(&of(json!({ "mode": "shadow" })), &Situation::get("/")), "shadow no_certificate");
}
