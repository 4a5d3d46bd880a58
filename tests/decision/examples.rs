//! The example policies, and what they decide.

use mtls_policy::Engine;
use mtls_policy::cert::Fingerprint;
use mtls_policy::policy::Policy;
use rcgen::PublicKeyData;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{CN, Key, Minted, O, OU};
use crate::situation::{Situation, leaf, verdict};

fn engine(policy: &str) -> Engine {
    Engine::new(Policy::from_json(policy.as_bytes()).unwrap())
}

fn on(host: &str, method: &str, path: &str) -> Situation {
    Situation::request(method, path).host(host)
}

#[test]
fn service_mesh() {
    let engine = engine(include_str!("../../policies/service-mesh.json"));
    let service = |name: &str| leaf("x").spiffe(&format!("spiffe://acme.example/ns/shop/sa/{name}")).mint();
    // Istio's server names are no host names.
    let call = |minted: &Minted, method: &str, path: &str| {
        let name = b"outbound_.8080_._.payments.shop.svc.cluster.local";
        verdict(&engine, &on("payments.shop", method, path).server_name(name).certificate(minted).valid(None))
    };
    assert_eq!(verdict(&engine, &on("payments.shop", "GET", "/healthz")), "anonymous");
    assert_eq!(verdict(&engine, &on("payments.shop", "GET", "/v1/payments")), "no_certificate");
    assert_eq!(call(&service("checkout"), "POST", "/v1/payments/7"), "verified");
    assert_eq!(call(&service("checkout"), "POST", "/v1/payments/7/refund"), "identity_not_allowed");
    assert_eq!(call(&service("refunds"), "POST", "/v1/payments/7/refund"), "verified");
    assert_eq!(call(&service("refunds"), "GET", "/metrics"), "identity_not_allowed");
    assert_eq!(call(&service("checkout2"), "POST", "/v1/payments/7"), "identity_not_allowed");
    assert_eq!(call(&service("checkout"), "GET", "/other"), "no_route");
    assert_eq!(call(&service("checkout"), "POST", "/v1/payments/7/x/../refund"), "ambiguous_path");
}

#[test]
fn public_site() {
    let engine = engine(include_str!("../../policies/public-site.json"));
    let www = |path: &str| on("www.acme.example", "GET", path);
    let staff = leaf("x").subject(O, "Acme").subject(OU, "Sales").subject(OU, "Operations").mint();
    let sales = leaf("x").subject(O, "Acme").subject(OU, "Sales").mint();
    assert_eq!(verdict(&engine, &www("/")), "anonymous");
    assert_eq!(verdict(&engine, &on("acme.example", "GET", "/x")), "anonymous");
    assert_eq!(verdict(&engine, &on("acme.example", "POST", "/x")), "no_route");
    assert_eq!(verdict(&engine, &www("/admin")), "no_certificate");
    assert_eq!(verdict(&engine, &www("/admin/users").certificate(&staff)), "verified");
    assert_eq!(verdict(&engine, &www("/admin/users").certificate(&sales)), "identity_not_allowed");
    assert_eq!(verdict(&engine, &www("/ADMIN").certificate(&staff)), "ambiguous_path");
    assert_eq!(verdict(&engine, &www("/admins")), "anonymous");
    assert_eq!(verdict(&engine, &www("/account")), "anonymous");
    let member = leaf("x").email("alice@acme.example").mint();
    assert_eq!(verdict(&engine, &www("/account").certificate(&member)), "verified");
    assert_eq!(verdict(&engine, &www("/account").certificate(&staff)), "identity_not_allowed");
}

#[test]
fn partner_api() {
    let engine = engine(include_str!("../../policies/partner-api.json"));
    let eastpay = || crate::mint::Ca::new("Partner Issuing 1").leaf("x").dns("api-client.eastpay.example");
    let minted = eastpay().mint();
    // Its issuer lacks the organization that the policy asks for.
    let rates = on("api.acme.example", "GET", "/v2/rates").certificate(&minted);
    assert_eq!(verdict(&engine, &rates), "identity_not_allowed");
    let withdrawn = eastpay().serial(&[0x0f, 0x3a, 0x9b]).mint();
    let rates = on("api.acme.example", "GET", "/v2/rates").certificate(&withdrawn);
    assert_eq!(verdict(&engine, &rates), "identity_denied");
    assert_eq!(
        verdict(&engine, &on("api.acme.example", "POST", "/v2/rates").certificate(&minted)),
        "no_route"
    );
    let fronted = on("api.acme.example", "GET", "/v2/rates").server_name(b"www.acme.example");
    assert_eq!(verdict(&engine, &fronted.certificate(&minted)), "sni_mismatch");
}

#[test]
fn partner_api_knows_a_partner_by_either_pin() {
    let policy = include_str!("../../policies/partner-api.json");
    let pins = [
        "b1946ac92492d2347c6235b4d2611184ab5b6f5f2fae3d6e1c0d2fd6a4d0d9c1",
        "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
    ];
    // Whose keys the example's pins are nobody knows: a key's own pin stands in for each.
    let own = Fingerprint::of(&Key::new("northbank").subject_public_key_info()).to_string();
    let transfer = |engine: &Engine, name: &str| {
        let minted = leaf(name).mint();
        verdict(engine, &on("api.acme.example", "POST", "/v2/transfers").certificate(&minted))
    };
    for pin in pins {
        assert_eq!(transfer(&engine(policy), "northbank"), "identity_not_allowed");
        assert!(policy.contains(pin));
        let engine = engine(&policy.replace(pin, &own));
        assert_eq!(transfer(&engine, "northbank"), "verified");
        assert_eq!(transfer(&engine, "eastpay"), "identity_not_allowed");
    }
}

#[test]
fn staged_rollout() {
    let engine = engine(include_str!("../../policies/staged-rollout.json"));
    let client = leaf("x").spiffe("spiffe://acme.example/ns/web/sa/orders-client").mint();
    let other = leaf("x").subject(CN, "other").mint();
    let call = |minted: &Minted, method: &str, path: &str| {
        verdict(&engine, &on("orders.acme.example", method, path).certificate(minted))
    };
    assert_eq!(call(&client, "POST", "/orders"), "verified");
    assert_eq!(call(&other, "POST", "/orders"), "identity_not_allowed");
    assert_eq!(call(&other, "PATCH", "/orders"), "identity_not_allowed");
    assert_eq!(call(&other, "GET", "/orders/7"), "shadow identity_not_allowed");
    assert_eq!(call(&other, "GET", "/elsewhere"), "verified");
    assert_eq!(verdict(&engine, &on("orders.acme.example", "GET", "/elsewhere")), "shadow no_certificate");
    assert_eq!(verdict(&engine, &on("orders.acme.example", "GET", "/x/../orders")), "shadow ambiguous_path");
    assert_eq!(verdict(&engine, &on("orders.acme.example", "POST", "/x/../orders")), "ambiguous_path");
    assert_eq!(
        json!(engine.policy().routes().iter().map(|route| route.name()).collect::<Vec<_>>()),
        json!(["orders-read", "orders-write", "everything-else"])
    );
}
