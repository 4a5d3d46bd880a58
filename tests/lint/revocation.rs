//! Lints about trust bundles and revocation.

use serde_json::{Value, json};
use time::{Date, Month};

use crate::mint::Ca;
use crate::{found, policy};

/// A policy whose bundle `corp` has these members, with these routes' and default `revocation`.
fn with(bundle: Value, defaults: Value, routes: &[Value]) -> Value {
    let mut corp = json!({ "anchors_pem": [Ca::new("Acme Root").pem()] });
    corp.as_object_mut().unwrap().extend(bundle.as_object().unwrap().clone());
    let routes: Vec<Value> = routes
        .iter()
        .enumerate()
        .map(|(at, revocation)| {
            let mut route = json!({
                "name": format!("r{at}"),
                "match": { "path": format!("/r{at}") },
                "client_certificate": "required",
                "allow": "any_verified",
            });
            if !revocation.is_null() {
                route["revocation"] = revocation.clone();
            }
            route
        })
        .collect();
    policy(json!({ "trust_bundles": { "corp": corp }, "defaults": defaults, "routes": routes }))
}

fn fetched() -> Value {
    json!({ "crls": [{ "cluster": "crl", "url": "http://crl.acme.example/corp.crl" }] })
}

fn crl(more: Value) -> Value {
    let mut revocation = json!({ "check": ["crl"] });
    revocation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    revocation
}

#[test]
fn what_lets_revoked_clients_in_is_found_where_it_is_said() {
    for (more, wanted) in [
        (json!({}), None),
        (json!({ "on_unknown": "deny", "while_loading": "deny", "stale_grace_seconds": 604_800 }), None),
        (json!({ "on_unknown": "allow" }), Some("unknown-allowed at {}/on_unknown")),
        (json!({ "while_loading": "allow" }), Some("loading-allowed at {}/while_loading")),
        (json!({ "stale_grace_seconds": 604_801 }), Some("long-grace at {}/stale_grace_seconds")),
    ] {
        let at =
            |place: &str| wanted.map(|wanted| wanted.replace("{}", place)).into_iter().collect::<Vec<_>>();
        let own = with(fetched(), json!({}), &[crl(json!({})), crl(more.clone())]);
        assert_eq!(found(&own), at("/routes/1/revocation"), "{more}");
        let defaults = json!({ "revocation": crl(more.clone()) });
        let inherited = with(fetched(), defaults.clone(), &[Value::Null, Value::Null]);
        assert_eq!(found(&inherited), at("/defaults/revocation"), "{more}");
        let replaced = with(fetched(), defaults, &[crl(json!({}))]);
        assert!(found(&replaced).is_empty(), "{more}");
    }
}

#[test]
fn a_bundle_or_a_source_that_no_route_makes_use_of_is_found() {
    let both = json!({
        "crls": fetched()["crls"],
        "ocsp": { "cluster": "ocsp", "url": "http://ocsp.acme.example/" },
        "revoked": { "serials": ["0f"] },
    });
    let routes = |check: &[&str]| with(both.clone(), json!({}), &[json!({ "check": check })]);
    assert!(found(&routes(&["ocsp", "crl"])).is_empty());
    assert_eq!(found(&routes(&["crl"])), ["unused-bundle at /trust_bundles/corp/ocsp"]);
    assert_eq!(found(&routes(&["ocsp"])), ["unused-bundle at /trust_bundles/corp/crls"]);
    assert_eq!(found(&with(both, json!({}), &[Value::Null])), ["unused-bundle at /trust_bundles/corp"]);
}

#[test]
fn where_the_filter_verifies_a_bundle_is_used_that_a_route_trusts() {
    let by_filter = |trust: &str, bundle: Value| {
        let mut policy = with(bundle, json!({ "trust": trust }), &[Value::Null]);
        policy["peer_certificate"]["verified_by"] = "plugin".into();
        policy["trust_bundles"]["other"] = json!({ "anchors_pem": [Ca::new("Other Root").pem()] });
        found(&policy)
    };
    assert_eq!(by_filter("corp", json!({})), ["unused-bundle at /trust_bundles/other"]);
    assert_eq!(by_filter("other", json!({})), ["unused-bundle at /trust_bundles/corp"]);
    assert_eq!(
        by_filter("corp", fetched()),
        ["unused-bundle at /trust_bundles/corp/crls", "unused-bundle at /trust_bundles/other"]
    );
    // It keeps others from vouching for its trust domain.
    assert!(by_filter("other", json!({ "spiffe_trust_domain": "acme.example" })).is_empty());
}

#[test]
fn a_list_in_the_policy_is_found_a_week_before_its_end() {
    let ends = |day: u8| {
        let end = Date::from_calendar_date(2027, Month::January, day).unwrap().midnight().assume_utc();
        let list = Ca::new("Acme Root").crl().next_update(end);
        let lists = json!({ "crls": [fetched()["crls"][0], { "pem": list.pem() }] });
        found(&with(lists, json!({}), &[crl(json!({}))]))
    };
    let finding = "expiring-list at /trust_bundles/corp/crls/1/pem";
    assert!(ends(23).is_empty());
    for day in [1, 15, 16, 22] {
        assert_eq!(ends(day), [finding], "{day}");
    }
}
