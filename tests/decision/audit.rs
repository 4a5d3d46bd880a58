//! What a policy says of records: which there are, what of the client they hold, and how their fields are called.

use std::cell::Cell;

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use mtls_policy::Engine;
use mtls_policy::audit::{About, MAX_LINE_BYTES, Recorder, is_recorded};
use mtls_policy::policy::DecisionId;

use crate::mint::{CN, Ca, Minted, O, SAN_EMAIL, SAN_URI, UTF8};
use crate::situation::{Question, Situation, about, decide, document, leaf, line, one_route, record};

const KEY: &str = "6a0f2f8c8f6cf1e9b1a54b0b23a0f0d7";

/// A policy with this `audit`, and one route for whoever is called `billing` or has a certificate that is not `stolen`.
fn engine(audit: Value) -> Engine {
    let identities = json!({
        "billing": { "dns": "billing.acme.example" },
        "services": { "dns": ["billing.acme.example", "web.acme.example"] },
        "stolen": { "serial": "0666" },
    });
    let rules = json!({
        "client_certificate": "required",
        "allow": [{ "identity": "billing" }, { "all": [{ "identity": "services" }, { "not": { "identity": "stolen" } }] }],
        "deny": { "identity": "stolen" },
    });
    document(json!({ "audit": audit, "identities": identities, "routes": [one_route(rules)] }))
}

fn billing() -> Minted {
    leaf("billing")
        .subject(CN, "billing")
        .dns("billing.acme.example")
        .uri("spiffe://acme.example/billing")
        .email("billing@acme.example")
        .ip("192.0.2.9".parse().unwrap())
        .upn("billing@corp.acme.example")
        .mint()
}

fn asked(minted: &Minted) -> Situation {
    Situation::request("POST", "/v1/pay?token=secret")
        .authority(b"pay.acme.example:8443")
        .source(b"192.0.2.7:50123")
        .protocol(b"HTTP/2")
        .cipher(b"TLS_AES_128_GCM_SHA256")
        .header("x-request-id", b"8d1f6a6c")
        .header("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .certificate(minted)
}

#[test]
fn a_record_names_the_rule_and_the_identities_that_held() {
    let engine = engine(json!({}));
    let rule = |minted: &Minted| record(&engine, &asked(minted))["rule"].clone();
    assert_eq!(rule(&billing()), "allow:billing,services");
    assert_eq!(rule(&leaf("web").dns("web.acme.example").mint()), "allow:services");
    assert_eq!(rule(&leaf("other").dns("other.acme.example").mint()), "allow");
    assert_eq!(rule(&leaf("old").dns("billing.acme.example").serial(&[6, 0x66]).mint()), "deny:stolen");
    assert_eq!(rule(&leaf("late").dns("billing.acme.example").expired().mint()), Value::Null);

    let any = json!({ "client_certificate": "optional", "allow": "any_verified" });
    let any = document(json!({ "routes": [one_route(any)] }));
    assert_eq!(record(&any, &asked(&billing()))["rule"], "any_verified");
    assert_eq!(record(&any, &Situation::get("/"))["rule"], Value::Null);
}

#[test]
fn a_record_names_who_verified_the_certificate() {
    let engine = engine(json!({}));
    let by = |situation: &Situation| record(&engine, situation)["verification"].clone();
    let of = |by: &str| json!({ "by": by, "bundle": null, "anchor_sha256": null });
    assert_eq!(by(&asked(&billing())), of("envoy"));
    assert_eq!(by(&asked(&leaf("other").mint())), of("envoy"));
    assert_eq!(by(&asked(&billing()).valid(Some(false))), of("none"));
    assert_eq!(by(&Situation::get("/")), Value::Null);
}

#[test]
fn a_record_names_the_bundle_and_the_anchor_that_vouched() {
    let (ours, theirs) = (Ca::new("Acme Root"), Ca::new("Northbank Root"));
    let engine = document(json!({
        "peer_certificate": { "verified_by": "plugin" },
        "trust_bundles": {
            "acme": { "anchors_pem": [ours.pem()] },
            "northbank": { "anchors_pem": [theirs.pem()] },
        },
        "defaults": { "trust": ["acme", "northbank"] },
        "routes": [one_route(json!({ "client_certificate": "required", "allow": "any_verified" }))],
    }));
    let verification = |ca: &Ca| record(&engine, &asked(&ca.leaf("a").mint()))["verification"].clone();
    let found = verification(&theirs);
    assert_eq!((&found["by"], &found["bundle"]), (&json!("plugin"), &json!("northbank")));
    assert_eq!(found["anchor_sha256"].as_str().unwrap().len(), 64);
    assert_ne!(found["anchor_sha256"], verification(&ours)["anchor_sha256"]);
    assert_eq!(verification(&Ca::new("Other Root"))["by"], "none");
}

#[test]
fn what_is_left_out_is_null_and_is_not_asked_for() {
    let engine = engine(json!({ "omit": ["certificate.subject", "source", "tls", "request.protocol"] }));
    let situation = asked(&billing());
    let record = record(&engine, &situation);
    for gone in
        [&record["source"], &record["tls"], &record["request"]["protocol"], &record["certificate"]["subject"]]
    {
        assert_eq!(gone, &Value::Null);
    }
    assert_eq!(record["request"]["path"], "/v1/pay");
    assert_eq!(record["certificate"]["issuer"], "CN=Acme Issuing");
    for question in [Question::Source, Question::Cipher, Question::Protocol] {
        assert!(!situation.asked().contains(&question), "{question:?}");
    }
}

#[test]
fn words_about_a_denial_are_left_out_where_they_may_repeat_what_is() {
    let nobody = leaf("nobody").mint();
    for (audit, told) in [
        (json!({}), true),
        (json!({ "omit": ["source"] }), true),
        (json!({ "omit": ["certificate.key_usage"] }), true),
        (json!({ "omit": ["certificate.subject"] }), false),
        (json!({ "hash": { "fields": ["tls.sni"], "key": KEY } }), false),
    ] {
        let record = record(&engine(audit.clone()), &asked(&nobody));
        assert_eq!(record["reason"], "identity_not_allowed");
        assert_eq!(record["detail"].is_string(), told, "{audit}");
    }
}

#[test]
fn what_is_hashed_is_the_same_for_the_same_client_and_told_nowhere() {
    let hash = json!({ "fields": ["source", "certificate.email", "certificate.sha256"], "key": KEY });
    for format in ["mtls-policy", "ecs", "ocsf"] {
        let engine = engine(json!({ "format": format, "hash": hash }));
        let minted = billing();
        let line = line(&engine, &asked(&minted));
        for secret in
            ["192.0.2.7", "billing@acme.example", &minted.hex_digest(), &minted.hex_digest().to_uppercase()]
        {
            assert!(!line.contains(secret), "{format}: {line}");
        }
        assert!(line.matches("hmac-sha256:").count() >= 3, "{line}");
    }
    let source = |key: &str, address: &[u8]| {
        let engine = engine(json!({ "hash": { "fields": ["source"], "key": key } }));
        record(&engine, &asked(&billing()).source(address))["source"].clone()
    };
    let first = source(KEY, b"192.0.2.7:50123");
    assert!(first.as_str().unwrap().starts_with("hmac-sha256:"));
    assert_eq!(source(KEY, b"192.0.2.7:50124"), first, "on another connection");
    assert_ne!(source(KEY, b"192.0.2.8:50123"), first, "another client");
    assert_ne!(source("another key, as long as that", b"192.0.2.7:50123"), first, "another key");
}

#[test]
fn a_query_is_recorded_only_where_the_policy_says_so() {
    let path = |audit: Value| record(&engine(audit), &asked(&billing()))["request"]["path"].clone();
    assert_eq!(path(json!({})), "/v1/pay");
    assert_eq!(path(json!({ "query": "omit" })), "/v1/pay");
    assert_eq!(path(json!({ "query": "include" })), "/v1/pay?token=secret");
}

#[test]
fn the_first_record_about_a_certificate_holds_it() {
    let engine = engine(json!({ "certificates": "once" }));
    let recorder = Recorder::default();
    let der = |minted: &Minted| {
        let situation = asked(minted);
        let decision = decide(&engine, &situation);
        let line = recorder.record(&about(&engine, &situation, &decision));
        let record: Value = serde_json::from_str(&line.to_line(engine.policy().audit().format())).unwrap();
        (record["sequence"].as_u64().unwrap(), record["certificate"]["der"].clone())
    };
    let (first, second) = (billing(), leaf("web").dns("web.acme.example").mint());
    let base64 = |minted: &Minted| {
        let pem = minted.pem();
        let lines = pem.lines().filter(|line| !line.starts_with('-'));
        Value::from(lines.collect::<String>())
    };
    assert_eq!(der(&first), (0, base64(&first)));
    assert_eq!(der(&first), (1, Value::Null));
    assert_eq!(der(&second), (2, base64(&second)));
    assert_eq!(der(&first), (3, Value::Null));

    let mut large = leaf("large").dns("billing.acme.example");
    for index in 0..400 {
        large = large.uri(&format!("urn:acme:{index}:{}", "x".repeat(40)));
    }
    assert_eq!(der(&large.mint()).1, Value::Null, "more than 16 KiB");
}

#[test]
fn a_sample_of_none_leaves_denials() {
    let route = |audit: Value| {
        let rules = json!({ "client_certificate": "required", "allow": { "dns": "billing.acme.example" }, "audit": audit });
        document(json!({ "routes": [one_route(rules)] }))
    };
    let recorded = |engine: &Engine, minted: &Minted| {
        let decision = decide(engine, &asked(minted));
        let count = Cell::new(0);
        for sequence in 0..1_000 {
            let id = DecisionId { vm: 0xfeed, sequence };
            count.set(count.get() + usize::from(is_recorded(engine.policy(), &decision, id, 0)));
        }
        count.get()
    };
    let (good, bad) = (billing(), leaf("other").mint());
    let none = route(json!({ "allowed_ratio": 0 }));
    assert_eq!((recorded(&none, &good), recorded(&none, &bad)), (0, 1_000));
    let some = route(json!({ "allowed_ratio": 0.25, "denied_ratio": 0.5 }));
    assert!((200..300).contains(&recorded(&some, &good)));
    assert!((440..560).contains(&recorded(&some, &bad)));
    let shadow = document(json!({
        "defaults": { "mode": "shadow", "audit": { "allowed_ratio": 1, "denied_ratio": 0 } },
        "routes": [one_route(json!({ "client_certificate": "required", "allow": { "dns": "billing.acme.example" } }))],
    }));
    assert_eq!((recorded(&shadow, &good), recorded(&shadow, &bad)), (1_000, 0));
}

#[test]
fn a_request_without_a_route_is_sampled_by_the_defaults() {
    let engine = document(json!({
        "defaults": { "audit": { "denied_ratio": 0 } },
        "routes": [{ "name": "a", "match": { "path": "/a" }, "client_certificate": "ignored" }],
    }));
    let lost = Situation::get("/b");
    assert!(!is_recorded(engine.policy(), &decide(&engine, &lost), crate::situation::ID, 0));
    let found = Situation::get("/a");
    assert!(is_recorded(engine.policy(), &decide(&engine, &found), crate::situation::ID, 0));
}

#[test]
fn ecs_has_the_same_by_its_own_names() {
    let engine = engine(json!({ "format": "ecs", "query": "include" }));
    let minted = billing();
    let record = record(&engine, &asked(&minted));
    for (pointer, wanted) in [
        ("/@timestamp", json!("2026-01-01T00:00:00Z")),
        ("/ecs/version", json!("8.17.0")),
        ("/event/id", json!("000000000000feed-7")),
        ("/event/sequence", json!(0)),
        ("/event/action", json!("permit")),
        ("/event/outcome", json!("success")),
        ("/event/type", json!(["access", "allowed"])),
        ("/event/duration", json!(1_234_000)),
        ("/http/request/method", json!("POST")),
        ("/http/request/id", json!("8d1f6a6c")),
        ("/http/version", json!("2")),
        ("/url/domain", json!("pay.acme.example")),
        ("/url/port", json!(8443)),
        ("/url/path", json!("/v1/pay")),
        ("/url/query", json!("token=secret")),
        ("/source/address", json!("192.0.2.7:50123")),
        ("/source/ip", json!("192.0.2.7")),
        ("/source/port", json!(50123)),
        ("/tls/version", json!("1.3")),
        ("/tls/cipher", json!("TLS_AES_128_GCM_SHA256")),
        ("/tls/client/server_name", json!("pay.acme.example")),
        ("/tls/client/hash/sha256", json!(minted.hex_digest().to_uppercase())),
        ("/tls/client/x509/subject/distinguished_name", json!("CN=billing")),
        (
            "/tls/client/x509/alternative_names",
            json!([
                "billing.acme.example",
                "spiffe://acme.example/billing",
                "billing@acme.example",
                "192.0.2.9"
            ]),
        ),
        ("/trace/id", json!("0af7651916cd43dd8448eb211c80319c")),
        ("/mtls_policy/route", json!("only")),
        ("/mtls_policy/rule", json!("allow:billing,services")),
        ("/mtls_policy/verification/by", json!("envoy")),
    ] {
        assert_eq!(record.pointer(pointer), Some(&wanted), "{pointer}: {record}");
    }
    for absent in ["/event/reason", "/message", "/mtls_policy/phase", "/mtls_policy/revocation"] {
        assert_eq!(record.pointer(absent), None, "{absent}");
    }
    let denied = crate::situation::record(&engine, &asked(&leaf("other").mint()));
    assert_eq!(denied.pointer("/event/outcome"), Some(&json!("failure")));
    assert_eq!(denied.pointer("/event/reason"), Some(&json!("identity_not_allowed")));
}

#[test]
fn ocsf_has_the_same_as_http_activity() {
    let engine = engine(json!({ "format": "ocsf" }));
    let minted = billing();
    let record = record(&engine, &asked(&minted));
    for (pointer, wanted) in [
        ("/class_uid", json!(4002)),
        ("/category_uid", json!(4)),
        ("/activity_id", json!(6)),
        ("/type_uid", json!(400_206)),
        ("/severity_id", json!(1)),
        ("/status_id", json!(1)),
        ("/action_id", json!(1)),
        ("/disposition_id", json!(1)),
        ("/time", json!(1_767_225_600_000_u64)),
        ("/metadata/version", json!("1.3.0")),
        ("/metadata/product/name", json!("mtls-policy")),
        ("/metadata/uid", json!("000000000000feed-7")),
        ("/metadata/profiles", json!(["security_control"])),
        ("/http_request/http_method", json!("POST")),
        ("/http_request/url/path", json!("/v1/pay")),
        ("/http_request/version", json!("2")),
        ("/dst_endpoint/hostname", json!("pay.acme.example")),
        ("/src_endpoint/ip", json!("192.0.2.7")),
        ("/src_endpoint/port", json!(50123)),
        ("/firewall_rule/name", json!("only")),
        ("/tls/certificate/fingerprints", json!([{ "algorithm_id": 3, "value": minted.hex_digest() }])),
        ("/tls/certificate/sans/0", json!({ "name": "billing.acme.example", "type": "DNS" })),
        ("/tls/certificate/sans/4", json!({ "name": "billing@corp.acme.example", "type": "UPN" })),
        ("/unmapped/verification/by", json!("envoy")),
    ] {
        assert_eq!(record.pointer(pointer), Some(&wanted), "{pointer}: {record}");
    }
    let denied = crate::situation::record(&engine, &asked(&leaf("other").mint()));
    for (pointer, wanted) in [
        ("/status_id", json!(2)),
        ("/action_id", json!(2)),
        ("/disposition_id", json!(2)),
        ("/status_code", json!("identity_not_allowed")),
    ] {
        assert_eq!(denied.pointer(pointer), Some(&wanted), "{pointer}");
    }
}

#[test]
fn every_format_is_one_line_of_bounded_length_whatever_it_is_about() {
    let hostile = "a\"},{\"x\":\"\\\u{2028}\u{202e}\u{85}\u{1f600}\n\0".repeat(1_000);
    let mut minted =
        leaf("a").relative_name(&[(CN, UTF8, hostile.as_bytes())]).subject(O, &"\u{1f600}".repeat(2_000));
    for index in 0..500 {
        // The first of them are longer than a record repeats.
        let length = if index < 16 { 200 } else { 4 };
        minted = minted
            .raw_san(SAN_URI, format!("urn:{index}:{}", "\"\\".repeat(length)).as_bytes())
            .raw_san(SAN_EMAIL, format!("{}@{index}.example", "\"".repeat(4)).as_bytes());
    }
    let minted = minted.raw_san(SAN_EMAIL, b"\xff\xfe\n@x").mint();
    for format in ["mtls-policy", "ecs", "ocsf"] {
        for audit in [
            json!({ "format": format, "query": "include", "certificates": "once" }),
            json!({ "format": format, "hash": { "fields": ["certificate.uri", "certificate.email", "source"], "key": KEY } }),
        ] {
            let engine = engine(audit);
            let situation =
                Situation::request(&"\u{1}".repeat(50_000), &format!("/?{}", "\u{1}".repeat(50_000)))
                    .authority(hostile.as_bytes())
                    .server_name(hostile.as_bytes())
                    .source(hostile.as_bytes())
                    .protocol(hostile.as_bytes())
                    .cipher(hostile.as_bytes())
                    .tls_version(hostile.as_bytes())
                    .header("x-request-id", hostile.as_bytes())
                    .header("traceparent", hostile.as_bytes())
                    .certificate(&minted);
            // The helper looks at length, bytes and schema.
            assert!(serde_json::from_str::<Value>(&line(&engine, &situation)).is_ok());
            let plain = Situation::get("/").server_name(b"pay.acme.example").certificate(&minted);
            assert!(decide(&engine, &plain).identity().is_some());
            assert!(serde_json::from_str::<Value>(&line(&engine, &plain)).is_ok());
        }
    }
    const { assert!(MAX_LINE_BYTES < 160 * 1024) };
}

#[test]
fn a_record_of_an_open_stream_says_so() {
    let engine = engine(json!({}));
    let situation = asked(&billing());
    let decision = decide(&engine, &situation);
    let about = About { phase: mtls_policy::audit::Phase::Stream, ..about(&engine, &situation, &decision) };
    let line = Recorder::default().record(&about).to_line(engine.policy().audit().format());
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["phase"], "stream");
}
