//! How matchers combine, and what becomes of those that cannot tell.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{CN, Minted, SAN_DNS, SAN_EMAIL, SAN_URI, UTF8};
use crate::situation::{document, leaf, one_route, verdict_on};

/// What a matcher says, told from what `allow` and `deny` make of it: only what is `yes` lets in, and only what is
/// `no` does not keep out.
pub(crate) fn truth(matcher: &Value, minted: &Minted) -> &'static str {
    truth_with(json!({}), matcher, minted)
}

fn truth_with(identities: Value, matcher: &Value, minted: &Minted) -> &'static str {
    // Whatever a certificate is for, only the matcher decides here.
    let defaults = json!({ "certificate": { "extended_key_usage": "any" } });
    let verdict = |members: Value| {
        let routes = json!([one_route(members)]);
        let engine = document(
            json!({ "identities": identities.clone(), "defaults": defaults.clone(), "routes": routes }),
        );
        verdict_on(&engine, minted)
    };
    let allowed = verdict(json!({ "client_certificate": "required", "allow": matcher }));
    let denied =
        verdict(json!({ "client_certificate": "required", "allow": "any_verified", "deny": matcher }));
    match (allowed.as_str(), denied.as_str()) {
        ("verified", "identity_denied") => "yes",
        ("identity_not_allowed", "verified") => "no",
        ("identity_not_allowed", "identity_denied") => "cannot tell",
        other => panic!("{matcher}: {other:?}"),
    }
}

/// Of this certificate `YES` is true, `NO` is not, and `UNKNOWN` cannot be told.
fn subject() -> Minted {
    leaf("subject").dns("yes.example").raw_san(SAN_EMAIL, b"alice@acme.example\0.evil.example").mint()
}

fn yes() -> Value {
    json!({ "dns": "yes.example" })
}

fn no() -> Value {
    json!({ "dns": "no.example" })
}

fn unknown() -> Value {
    json!({ "email": "alice@acme.example" })
}

fn by_name(name: &str) -> Value {
    match name {
        "yes" => yes(),
        "no" => no(),
        _ => unknown(),
    }
}

#[test]
fn what_cannot_be_told_is_a_hit_in_deny_and_a_miss_in_allow() {
    let minted = subject();
    assert_eq!(truth(&yes(), &minted), "yes");
    assert_eq!(truth(&no(), &minted), "no");
    assert_eq!(truth(&unknown(), &minted), "cannot tell");
}

#[test]
fn what_cannot_be_told_stays_so_under_not() {
    let minted = subject();
    for (matcher, negated) in [("yes", "no"), ("no", "yes"), ("cannot tell", "cannot tell")] {
        let not = json!({ "not": by_name(matcher) });
        assert_eq!(truth(&not, &minted), negated);
        assert_eq!(truth(&json!({ "not": not }), &minted), matcher);
    }
}

#[test]
fn any_and_all_follow_kleenes_tables() {
    let minted = subject();
    let names = ["yes", "no", "cannot tell"];
    for left in names {
        for right in names {
            let pair = [left, right];
            let any = if pair.contains(&"yes") {
                "yes"
            } else if pair.contains(&"cannot tell") {
                "cannot tell"
            } else {
                "no"
            };
            let all = if pair.contains(&"no") {
                "no"
            } else if pair.contains(&"cannot tell") {
                "cannot tell"
            } else {
                "yes"
            };
            let parts = json!([by_name(left), by_name(right)]);
            assert_eq!(truth(&json!({ "any": parts }), &minted), any, "any {pair:?}");
            assert_eq!(truth(&parts, &minted), any, "an array {pair:?}");
            assert_eq!(truth(&json!({ "all": parts }), &minted), all, "all {pair:?}");
            let none = json!({ "not": { "any": parts } });
            let negated = json!({ "all": [{ "not": by_name(left) }, { "not": by_name(right) }] });
            assert_eq!(truth(&none, &minted), truth(&negated, &minted), "de Morgan {pair:?}");
        }
    }
}

#[test]
fn several_keys_in_one_object_must_all_hold() {
    let minted = leaf("a").dns("a.example").uri("urn:a").email("a@a.example").mint();
    let matcher = |dns: &str, uri: &str, cn: &str| json!({ "dns": dns, "uri": uri, "subject": { "CN": cn } });
    let engine_says = |matcher: Value| truth(&matcher, &minted);
    // The common name is `a`, as minted.
    assert_eq!(engine_says(matcher("a.example", "urn:a", "a")), "yes");
    assert_eq!(engine_says(matcher("b.example", "urn:a", "a")), "no");
    assert_eq!(engine_says(matcher("a.example", "urn:b", "a")), "no");
    assert_eq!(engine_says(matcher("a.example", "urn:a", "b")), "no");
}

#[test]
fn several_attributes_of_one_subject_must_all_hold() {
    let minted = leaf("a").subject(CN, "a").subject(crate::mint::O, "Acme").mint();
    assert_eq!(truth(&json!({ "subject": { "CN": "a", "O": "Acme" } }), &minted), "yes");
    assert_eq!(truth(&json!({ "subject": { "CN": "a", "O": "Other" } }), &minted), "no");
    assert_eq!(truth(&json!({ "subject": { "CN": "b", "O": "Acme" } }), &minted), "no");
    assert_eq!(truth(&json!({ "subject": { "CN": ["b", "a"], "O": ["Acme", "Other"] } }), &minted), "yes");
}

#[test]
fn an_array_of_texts_holds_when_any_of_them_does() {
    let minted = leaf("a").dns("b.example").mint();
    assert_eq!(truth(&json!({ "dns": ["a.example", "b.example"] }), &minted), "yes");
    assert_eq!(truth(&json!({ "dns": ["a.example", "c.example"] }), &minted), "no");
    assert_eq!(truth(&json!({ "not": { "dns": ["a.example", "b.example"] } }), &minted), "no");
    assert_eq!(truth(&json!({ "not": { "dns": ["a.example", "c.example"] } }), &minted), "yes");
}

#[test]
fn of_several_names_any_may_match_and_not_means_that_none_does() {
    let minted = leaf("a").dns("a.example").dns("b.example").mint();
    assert_eq!(truth(&json!({ "dns": "a.example" }), &minted), "yes");
    assert_eq!(truth(&json!({ "dns": "b.example" }), &minted), "yes");
    assert_eq!(truth(&json!({ "not": { "dns": "b.example" } }), &minted), "no");
    assert_eq!(truth(&json!({ "not": { "dns": "c.example" } }), &minted), "yes");
}

#[test]
fn beside_a_malformed_name_a_match_is_a_match_and_a_miss_cannot_be_told() {
    let minted = leaf("a").dns("a.example").raw_san(SAN_DNS, b"b.example\0").mint();
    assert_eq!(truth(&json!({ "dns": "a.example" }), &minted), "yes");
    assert_eq!(truth(&json!({ "not": { "dns": "a.example" } }), &minted), "no");
    assert_eq!(truth(&json!({ "dns": "b.example" }), &minted), "cannot tell");
    assert_eq!(truth(&json!({ "not": { "dns": "b.example" } }), &minted), "cannot tell");
}

#[test]
fn two_common_names_cannot_be_told_apart() {
    let multi_valued = leaf("a").relative_name(&[(CN, UTF8, b"user"), (CN, UTF8, b"admin")]).mint();
    let two = leaf("a").subject(CN, "user").subject(CN, "admin").mint();
    let same = leaf("a").subject(CN, "admin").subject(CN, "admin").mint();
    for minted in [&multi_valued, &two, &same] {
        for name in ["user", "admin", "other"] {
            assert_eq!(truth(&json!({ "subject": { "CN": name } }), minted), "cannot tell", "{name}");
        }
    }
    let one = leaf("a").subject(CN, "admin").mint();
    assert_eq!(truth(&json!({ "subject": { "CN": "admin" } }), &one), "yes");
    assert_eq!(truth(&json!({ "subject": { "CN": "user" } }), &one), "no");
}

#[test]
fn a_named_identity_means_what_it_names() {
    let minted = subject();
    let identities =
        json!({ "yes": yes(), "no": no(), "cannot-tell": unknown(), "both": { "identity": ["no", "yes"] } });
    let says = |matcher: Value| truth_with(identities.clone(), &matcher, &minted);
    assert_eq!(says(json!({ "identity": "yes" })), "yes");
    assert_eq!(says(json!({ "identity": "no" })), "no");
    assert_eq!(says(json!({ "identity": "cannot-tell" })), "cannot tell");
    assert_eq!(says(json!({ "identity": ["no", "cannot-tell"] })), "cannot tell");
    assert_eq!(says(json!({ "identity": "both" })), "yes");
    assert_eq!(says(json!({ "not": { "identity": "both" } })), "no");
    assert_eq!(says(json!({ "identity": "yes", "dns": "no.example" })), "no");
}

#[test]
fn a_denial_names_the_identities_that_its_rule_asked_for() {
    let engine = document(json!({
        "identities": { "billing": { "dns": "billing.example" }, "stolen": { "dns": "yes.example" } },
        "routes": [one_route(json!({
            "client_certificate": "required", "allow": { "identity": "billing" },
        }))],
    }));
    let decision =
        crate::situation::decide(&engine, &crate::situation::Situation::get("/").certificate(&subject()));
    assert_eq!(decision.verdict().unwrap_err().detail(), "`allow` does not match (identities: billing)");
}

#[test]
fn a_denial_names_the_first_identities_of_a_long_list() {
    let detail = |number: usize| {
        let name = |at| format!("client-{at:03}");
        let identities: serde_json::Map<String, Value> =
            (0..number).map(|at| (name(at), json!({ "dns": format!("{}.example", name(at)) }))).collect();
        let names: Vec<String> = (0..number).map(name).collect();
        let engine = document(json!({
            "identities": identities,
            "routes": [one_route(json!({ "client_certificate": "required", "allow": { "identity": names } }))],
        }));
        let asked = crate::situation::Situation::get("/").certificate(&subject());
        crate::situation::decide(&engine, &asked).verdict().unwrap_err().detail().to_owned()
    };
    let sixteen: Vec<String> = (0..16).map(|at| format!("client-{at:03}")).collect();
    let sixteen = sixteen.join(", ");
    assert_eq!(detail(16), format!("`allow` does not match (identities: {sixteen})"));
    assert_eq!(detail(17), format!("`allow` does not match (identities: {sixteen}, …)"));
    assert_eq!(detail(300), detail(17));
}

#[test]
fn a_malformed_name_of_one_kind_says_nothing_of_other_kinds() {
    let minted = leaf("a").raw_san(SAN_EMAIL, b"\0").dns("a.example").mint();
    assert_eq!(truth(&json!({ "dns": "b.example" }), &minted), "no");
    assert_eq!(truth(&json!({ "uri": "urn:a" }), &minted), "no");
    assert_eq!(truth(&json!({ "spiffe_id": "spiffe://a.example/a" }), &minted), "no");
    // A URI that cannot be read may have been a SPIFFE ID.
    let minted = leaf("a").raw_san(SAN_URI, b"spiffe://a.example/a\0").mint();
    assert_eq!(truth(&json!({ "spiffe_id": "spiffe://a.example/a" }), &minted), "cannot tell");
    assert_eq!(truth(&json!({ "dns": "a.example" }), &minted), "no");
}
