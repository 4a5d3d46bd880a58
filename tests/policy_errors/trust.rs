//! Mistakes in who verifies certificates, and by which trust bundles, with the whole message.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::errors;
use crate::mint::Ca;
use crate::revocation::without_place;

const DIGEST: &str = "b1946ac92492d2347c6235b4d2611184ab5b6f5f2fae3d6e1c0d2fd6a4d0d9c1";

/// A policy of two trust bundles, verified by the filter, with one route that has these members.
fn policy(route: &Value) -> Value {
    let bundle = json!({ "anchors_pem": [Ca::new("Acme Root").pem()], "revoked": { "serials": [] } });
    let mut whole = json!({ "name": "a", "match": { "path": "/" }, "client_certificate": "required" });
    whole.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": "plugin" },
        "trust_bundles": { "corp": bundle, "partner": bundle },
        "routes": [whole],
    })
}

fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

fn by_envoy(document: Value) -> Value {
    with(document, "/peer_certificate/verified_by", json!("envoy"))
}

fn said(document: &Value) -> String {
    without_place(&errors(&document.to_string()))
}

/// What is said of a route with these members, where the filter verifies.
fn of_route(route: Value) -> String {
    said(&policy(&route))
}

#[test]
fn a_route_may_trust_one_bundle_or_several_itself_or_by_default() {
    for trust in [json!("corp"), json!(["corp"]), json!(["partner", "corp"])] {
        let route = json!({ "allow": "any_verified", "trust": trust });
        assert_eq!(of_route(route), "", "{trust}");
        let document =
            with(policy(&json!({ "allow": "any_verified" })), "/defaults", json!({ "trust": trust }));
        assert_eq!(said(&document), "", "{trust}");
    }
    assert_eq!(of_route(json!({ "client_certificate": "optional", "trust": "corp" })), "");
    assert_eq!(of_route(json!({ "client_certificate": "ignored" })), "");
}

#[test]
fn of_bundles_that_are_none() {
    let at = "at `/routes/0/trust";
    for (trust, wanted) in [
        (json!("corb"), format!("unknown trust bundle `corb` ({at}`); did you mean `corp`?")),
        (json!(["corp", "acme"]), format!("unknown trust bundle `acme` ({at}/1`)")),
        (json!(["corp", "corp"]), format!("`corp` stands here already ({at}/1`)")),
        (json!([]), format!("`trust` must not be empty ({at}`)")),
        (json!(true), format!("expected a string, found a boolean ({at}`)")),
        (json!({ "corp": {} }), format!("expected a string, found an object ({at}`)")),
    ] {
        assert_eq!(of_route(json!({ "allow": "any_verified", "trust": trust })), wanted, "{trust}");
    }
    let mut without = policy(&json!({ "allow": "any_verified", "trust": "corp" }));
    without.as_object_mut().unwrap().remove("trust_bundles");
    assert_eq!(said(&without), format!("unknown trust bundle `corp` ({at}`)"));
}

#[test]
fn of_a_route_whose_clients_nobody_vouches_for() {
    let missing = "missing key `trust` (at `/routes/0`); name the trust bundle that vouches for the route's clients, here or in `defaults`";
    let route = json!({ "allow": "any_verified" });
    assert_eq!(of_route(route.clone()), missing);
    assert_eq!(of_route(json!({ "client_certificate": "optional" })), missing);
    assert_eq!(said(&with(policy(&route), "/defaults", json!({ "mode": "shadow" }))), missing);
    assert_eq!(said(&by_envoy(policy(&route))), "");
}

#[test]
fn routes_do_not_miss_what_faulty_defaults_may_say() {
    let of_defaults =
        |defaults: Value| said(&with(policy(&json!({ "allow": "any_verified" })), "/defaults", defaults));
    assert_eq!(
        of_defaults(json!({ "trust": "corb" })),
        "unknown trust bundle `corb` (at `/defaults/trust`); did you mean `corp`?"
    );
    assert_eq!(
        of_defaults(json!({ "trust": "corp", "mode": "shadw" })),
        "unknown value `shadw`, expected one of `enforce`, `shadow` (at `/defaults/mode`); did you mean `shadow`?"
    );
}

#[test]
fn a_faulty_bundle_is_told_once_and_not_where_it_is_named() {
    let route = json!({ "allow": "any_verified", "trust": "corp" });
    let document = with(policy(&route), "/trust_bundles/corp", json!({ "anchors_pem": [] }));
    assert_eq!(said(&document), "`anchors_pem` must not be empty (at `/trust_bundles/corp/anchors_pem`)");
}

#[test]
fn of_what_envoy_cannot_do() {
    let help = "`peer_certificate` says that Envoy verifies, by one list of CAs for the whole listener";
    for (document, feature, at) in [
        (policy(&json!({ "allow": "any_verified", "trust": "corp" })), "trust", "/routes/0/trust"),
        (
            with(policy(&json!({ "allow": "any_verified" })), "/defaults", json!({ "trust": "corp" })),
            "trust",
            "/defaults/trust",
        ),
        (
            policy(&json!({ "client_certificate": "unverified", "allow": { "sha256": DIGEST } })),
            "\"client_certificate\": \"unverified\"",
            "/routes/0/client_certificate",
        ),
        (
            with(
                policy(&json!({ "allow": "any_verified" })),
                "/routes/0/revocation",
                json!({ "check": ["deny_list"], "scope": "chain" }),
            ),
            "\"scope\": \"chain\"",
            "/routes/0/revocation/scope",
        ),
    ] {
        let wanted = format!("`{feature}` needs `\"verified_by\": \"plugin\"` (at `{at}`); {help}");
        assert_eq!(said(&by_envoy(document)), wanted);
    }
    // Where it is not known who verifies, that is all that is said.
    let route = json!({ "allow": "any_verified", "trust": "corp" });
    assert_eq!(
        said(&with(policy(&route), "/peer_certificate/verified_by", json!("plugins"))),
        "unknown value `plugins`, expected one of `plugin`, `envoy` (at `/peer_certificate/verified_by`); did you mean `plugin`?"
    );
}

#[test]
fn of_trust_where_nobody_is_verified() {
    let ignored = json!({ "client_certificate": "ignored", "trust": "corp" });
    assert_eq!(
        of_route(ignored),
        r#"`trust` has no effect on a route with `"client_certificate": "ignored"` (at `/routes/0/trust`)"#
    );
    let unverified = |members: Value| {
        let mut route = json!({ "client_certificate": "unverified", "allow": { "sha256": DIGEST } });
        route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        of_route(route)
    };
    assert_eq!(unverified(json!({})), "");
    let why = "of an unverified certificate nobody knows who issued it";
    for (members, at) in [
        (json!({ "trust": "corp" }), "trust"),
        (json!({ "revocation": { "check": ["deny_list"] } }), "revocation"),
    ] {
        assert_eq!(unverified(members), format!("`{at}` has no effect here: {why} (at `/routes/0/{at}`)"));
    }
    let why = "of an unverified certificate only digests are forwarded";
    for key in ["client_cert", "client_cert_chain"] {
        let mut forward = json!({ "client_cert": true });
        forward[key] = json!(true);
        let said = unverified(json!({ "forward": forward }));
        assert!(
            said.contains(&format!("`{key}` has no effect here: {why} (at `/routes/0/forward/{key}`)")),
            "{said}"
        );
    }
    assert_eq!(
        unverified(json!({ "certificate": { "min_rsa_bits": 3072 }, "tls": { "sni": "ignore" } })),
        ""
    );
}

#[test]
fn defaults_are_for_the_routes_that_can_use_them() {
    let route = json!({ "client_certificate": "unverified", "allow": { "sha256": DIGEST } });
    let defaults = json!({
        "trust": "corp",
        "revocation": { "check": ["deny_list"], "scope": "chain" },
        "forward": { "headers": { "x-name": "{subject.CN}" }, "client_cert": true },
    });
    assert_eq!(said(&with(policy(&route), "/defaults", defaults)), "");
}

#[test]
fn of_what_an_unverified_certificate_is_known_by() {
    let of_allow = |allow: Value| of_route(json!({ "client_certificate": "unverified", "allow": allow }));
    let proves = |matcher: &str| {
        format!(
            "`{matcher}` proves nothing about an unverified certificate (at `/routes/0/allow`); anybody can mint one with any names; only `sha256` and `spki_sha256` tell it from others"
        )
    };
    let pin = json!({ "sha256": DIGEST });
    for good in [
        pin.clone(),
        json!({ "sha256": [DIGEST, DIGEST.replace('b', "c")] }),
        json!({ "spki_sha256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" }),
        json!([pin, { "any": [{ "all": [pin] }] }]),
    ] {
        assert_eq!(of_allow(good.clone()), "", "{good}");
    }
    for (bad, matcher) in [
        (json!("any_verified"), r#""any_verified""#),
        (json!({ "dns": "a.acme.example" }), r#"{"dns": "a.acme.example"}"#),
        (json!({ "sha256": DIGEST, "serial": "0f" }), r#"{"serial": "0f"}"#),
        (json!([pin, { "subject": { "CN": "a" } }]), r#"{"subject": {"CN": "a"}}"#),
        (json!({ "spiffe_id": "spiffe://acme.example/a" }), r#"{"spiffe_id": "spiffe://acme.example/a"}"#),
    ] {
        assert_eq!(of_allow(bad.clone()), proves(matcher), "{bad}");
    }
    let said = of_allow(json!({ "not": pin }));
    assert!(said.starts_with("`{\"not\": {\"sha256\": \"b1946"), "{said}");
    assert_eq!(
        of_route(json!({ "client_certificate": "unverified" })),
        "missing key `allow` (at `/routes/0`); say which certificates may use the route, by `sha256` or `spki_sha256`"
    );
    assert_eq!(
        of_allow(json!("any")),
        "unknown value `any`, expected one of `any_verified` (at `/routes/0/allow`); did you mean `any_verified`?"
    );
}

#[test]
fn of_what_an_unverified_certificate_is_denied_by() {
    let of_deny = |deny: Value| {
        of_route(json!({ "client_certificate": "unverified", "allow": { "sha256": DIGEST }, "deny": deny }))
    };
    assert_eq!(of_deny(json!({ "sha256": DIGEST })), "");
    assert!(of_deny(json!({ "dns": "a.acme.example" })).contains("(at `/routes/0/deny`)"));
}

#[test]
fn names_behind_an_identity_prove_nothing_either() {
    let of = |key: &str, identity: Value| {
        let mut route = json!({ "client_certificate": "unverified", "allow": { "sha256": DIGEST } });
        route[key] = json!({ "identity": "device" });
        said(&with(policy(&route), "/identities", json!({ "device": identity })))
    };
    for key in ["allow", "deny"] {
        assert_eq!(of(key, json!({ "sha256": DIGEST })), "", "{key}");
        assert_eq!(
            of(key, json!([{ "sha256": DIGEST }, { "dns": "a.acme.example" }])),
            format!(
                "`{{\"dns\": \"a.acme.example\"}}` proves nothing about an unverified certificate (at `/routes/0/{key}`); anybody can mint one with any names; only `sha256` and `spki_sha256` tell it from others"
            )
        );
    }
}

#[test]
fn of_names_that_an_unverified_certificate_would_have_forwarded() {
    let of = |headers: Value| {
        of_route(json!({
            "client_certificate": "unverified",
            "allow": { "sha256": DIGEST },
            "forward": { "headers": headers },
        }))
    };
    assert_eq!(of(json!({ "x-device": "{sha256}", "x-key": "{spki_sha256}; {route}" })), "");
    assert_eq!(
        of(json!({ "x-device": "{sha256} {subject.CN}" })),
        "`{sha256} {subject.CN}` proves nothing about an unverified certificate (at `/routes/0/forward/headers/x-device`); anybody can mint one with any names; only `sha256` and `spki_sha256` tell it from others"
    );
}

#[test]
fn of_bundles_that_vouch() {
    let of = |key: &str, value: Value| {
        let document = policy(&json!({ "allow": "any_verified", "trust": "corp" }));
        said(&with(document, &format!("/trust_bundles/corp/{key}"), value))
    };
    for count in [0, 6] {
        assert_eq!(of("max_intermediates", json!(count)), "", "{count}");
    }
    for count in [json!(-1), json!(7), json!(1.5)] {
        assert_eq!(
            of("max_intermediates", count.clone()),
            format!(
                "`{count}` is not a whole number between 0 and 6 (at `/trust_bundles/corp/max_intermediates`)"
            )
        );
    }
    assert_eq!(of("spiffe_trust_domain", json!("acme.example")), "");
    for (text, wanted) in [
        ("", "the text is empty"),
        (
            "spiffe://acme.example",
            "`spiffe://acme.example` is no SPIFFE trust domain; expected `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most, as in `acme.example`",
        ),
        (
            "*.acme.example",
            "`*.acme.example` is no SPIFFE trust domain; expected `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most, as in `acme.example`",
        ),
    ] {
        assert_eq!(
            of("spiffe_trust_domain", json!(text)),
            format!("{wanted} (at `/trust_bundles/corp/spiffe_trust_domain`)")
        );
    }
}
