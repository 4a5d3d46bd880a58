//! What a route demands of the version and the cipher suite of TLS.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Question, Situation, decide, document, leaf, one_route, route, verdict};
use mtls_policy::Engine;

fn engine(tls: Value) -> Engine {
    route(json!({ "client_certificate": "required", "allow": "any_verified", "tls": tls }))
}

fn client() -> Situation {
    Situation::get("/").certificate(&leaf("a").mint())
}

#[test]
fn older_versions_than_the_least_are_refused() {
    for (least, accepted, refused) in [
        ("TLSv1.2", &["TLSv1.2", "TLSv1.3"][..], &["TLSv1.1", "TLSv1"][..]),
        ("TLSv1.3", &["TLSv1.3"], &["TLSv1.2", "TLSv1.1", "TLSv1"]),
    ] {
        let engine = engine(json!({ "min_version": least }));
        for version in accepted {
            assert_eq!(verdict(&engine, &client().tls_version(version.as_bytes())), "verified", "{version}");
        }
        for version in refused {
            assert_eq!(
                verdict(&engine, &client().tls_version(version.as_bytes())),
                "tls_version",
                "{version}"
            );
        }
        for unknown in ["TLSv1.30", "tlsv1.3", "TLSv1.4", "SSLv3", "-"] {
            assert_eq!(
                verdict(&engine, &client().tls_version(unknown.as_bytes())),
                "tls_version",
                "{unknown}"
            );
        }
    }
}

#[test]
fn a_connection_without_tls_has_no_version_and_no_cipher() {
    for (tls, reason) in [
        (json!({ "min_version": "TLSv1.2" }), "tls_version"),
        (json!({ "ciphers": ["AES128-SHA"] }), "cipher"),
    ] {
        let route = |demand: &str| {
            route(json!({ "client_certificate": demand, "allow": "any_verified", "tls": tls }))
        };
        assert_eq!(verdict(&route("required"), &Situation::get("/").plaintext()), reason);
        assert_eq!(verdict(&route("optional"), &Situation::get("/").plaintext()), reason);
    }
    let anonymous = route(json!({ "client_certificate": "optional", "tls": { "min_version": "TLSv1.3" } }));
    assert_eq!(verdict(&anonymous, &Situation::get("/")), "anonymous");
    assert_eq!(verdict(&anonymous, &Situation::get("/").tls_version(b"TLSv1.2")), "tls_version");
}

#[test]
fn only_cipher_suites_that_are_named_are_accepted() {
    let engine = engine(json!({ "ciphers": ["ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"] }));
    for (cipher, expected) in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "verified"),
        ("TLS_AES_128_GCM_SHA256", "verified"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "cipher"),
        ("ECDHE-ECDSA-AES128-GCM-SHA2567", "cipher"),
        ("ECDHE-ECDSA-AES128-GCM-SHA25", "cipher"),
        ("-", "cipher"),
    ] {
        assert_eq!(verdict(&engine, &client().cipher(cipher.as_bytes())), expected, "{cipher}");
    }
}

#[test]
fn a_cipher_suite_is_known_by_either_of_its_names() {
    let engine = engine(json!({ "ciphers": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] }));
    assert_eq!(verdict(&engine, &client().cipher(b"ECDHE-ECDSA-AES128-GCM-SHA256")), "verified");
    assert_eq!(verdict(&engine, &client().cipher(b"ECDHE-ECDSA-AES256-GCM-SHA384")), "cipher");
}

#[test]
fn a_listener_that_does_not_tell_the_cipher_suite_is_an_error_of_its_own() {
    let engine = engine(json!({ "ciphers": ["TLS_AES_128_GCM_SHA256"] }));
    let decision = decide(&engine, &client());
    let denial = decision.verdict().unwrap_err();
    assert_eq!(denial.reason().code(), "internal_error");
    assert!(denial.detail().contains("`mtls_policy.connection`"), "{}", denial.detail());
}

#[test]
fn the_connection_is_judged_before_the_certificate_and_the_server_name_first() {
    let engine = engine(json!({ "min_version": "TLSv1.3", "ciphers": ["TLS_AES_128_GCM_SHA256"] }));
    let old = || Situation::get("/").tls_version(b"TLSv1.2").cipher(b"AES128-SHA");
    assert_eq!(verdict(&engine, &old().server_name(b"elsewhere.example")), "sni_mismatch");
    assert_eq!(verdict(&engine, &old()), "tls_version");
    assert_eq!(verdict(&engine, &old().tls_version(b"TLSv1.3")), "cipher");
    assert_eq!(verdict(&engine, &Situation::get("/").cipher(b"TLS_AES_128_GCM_SHA256")), "no_certificate");
}

#[test]
fn what_a_route_says_of_tls_replaces_the_default_as_a_whole() {
    let with = |tls: Value| {
        let mut only = one_route(json!({ "client_certificate": "required", "allow": "any_verified" }));
        if !tls.is_null() {
            only["tls"] = tls;
        }
        let defaults = json!({ "tls": { "min_version": "TLSv1.3", "sni": "ignore" } });
        document(json!({ "defaults": defaults, "routes": [only] }))
    };
    let elsewhere = || client().server_name(b"elsewhere.example");
    assert_eq!(verdict(&with(Value::Null), &elsewhere()), "verified");
    assert_eq!(verdict(&with(Value::Null), &client().tls_version(b"TLSv1.2")), "tls_version");
    let engine = with(json!({ "min_version": "TLSv1.2" }));
    assert_eq!(verdict(&engine, &client().tls_version(b"TLSv1.2")), "verified");
    assert_eq!(verdict(&engine, &elsewhere()), "sni_mismatch");
}

#[test]
fn version_and_cipher_are_asked_for_only_where_they_are_demanded() {
    let asked = |tls: Value| {
        let situation = client().cipher(b"TLS_AES_128_GCM_SHA256");
        assert_eq!(verdict(&engine(tls), &situation), "verified");
        [Question::TlsVersion, Question::Cipher].map(|question| situation.asked().contains(&question))
    };
    assert_eq!(asked(json!({ "sni": "match" })), [false, false]);
    assert_eq!(asked(json!({ "min_version": "TLSv1.2" })), [true, false]);
    assert_eq!(asked(json!({ "ciphers": ["TLS_AES_128_GCM_SHA256"] })), [false, true]);
}
