//! Audit records: every field, in one line of bounded length, whatever a client or a certificate holds.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{CN, O, SAN_DNS, SAN_EMAIL, SAN_URI, UTF8};
use crate::situation::{HOST, Question, Situation, about, allow, decide, leaf, line, record, route};
use mtls_policy::audit::{About, MAX_LINE_BYTES, Recorder};
use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;
use mtls_policy::policy::Format;

#[test]
fn a_record_of_a_permit_has_every_field() {
    let engine = allow(json!({ "dns": "billing.acme.example" }));
    let minted = leaf("billing")
        .subject(O, "Acme, Inc.")
        .subject(CN, "billing")
        .dns("billing.acme.example")
        .uri("spiffe://acme.example/billing")
        .email("billing@acme.example")
        .ip("192.0.2.7".parse().unwrap())
        .serial(&[0x0f, 0x3a, 0x99])
        .mint();
    let situation = Situation::request("POST", "/v1/payments?token=secret")
        .authority(b"Pay.acme.example:8443")
        .source(b"192.0.2.7:50123")
        .protocol(b"HTTP/2")
        .cipher(b"TLS_AES_128_GCM_SHA256")
        .header("x-request-id", b"8d1f6a6c")
        .header("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .certificate(&minted);
    let wanted = json!({
        "schema": "mtls-policy.audit/1",
        "time": "2026-01-01T00:00:00Z",
        "vm": "000000000000feed",
        "sequence": 0,
        "id": "000000000000feed-7",
        "phase": null,
        "decision": "permit",
        "client": "verified",
        "mode": "enforce",
        "reason": null,
        "detail": null,
        "route": "only",
        "rule": "allow",
        "policy": engine.policy().digest().to_string(),
        "request": {
            "method": "POST",
            "host": "Pay.acme.example:8443",
            "path": "/v1/payments",
            "protocol": "HTTP/2",
            "id": "8d1f6a6c",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
        "source": "192.0.2.7:50123",
        "tls": { "version": "TLSv1.3", "sni": HOST, "cipher": "TLS_AES_128_GCM_SHA256" },
        "certificate": {
            "sha256": minted.hex_digest(),
            "spki_sha256": Identity::of(&Certificate::from_der(minted.der.to_vec()).unwrap())
                .unwrap()
                .spki_fingerprint()
                .to_string(),
            "serial": "0f3a99",
            "subject": "CN=billing,O=Acme\\, Inc.",
            "issuer": "CN=Acme Issuing",
            "not_before": "2020-01-01T00:00:00Z",
            "not_after": "2099-01-01T00:00:00Z",
            "dns": ["billing.acme.example"],
            "uri": ["spiffe://acme.example/billing"],
            "email": ["billing@acme.example"],
            "ip": ["192.0.2.7"],
            "upn": [],
            "public_key": "ec_p256",
            "signature_algorithm": "ecdsa_sha256",
            "key_usage": ["digitalSignature"],
            "extended_key_usage": ["clientAuth"],
            "names_omitted": 0,
            "der": null,
        },
        "verification": { "by": "envoy", "bundle": null, "anchor_sha256": null },
        "revocation": null,
        "duration_us": 1234,
    });
    assert_eq!(record(&engine, &situation), wanted);
    assert!(line(&engine, &situation).starts_with(r#"{"schema":"mtls-policy.audit/1","time":"#));
}

#[test]
fn a_record_of_a_denial_says_why() {
    let engine = allow(json!({ "dns": "billing.acme.example" }));
    let record = record(&engine, &Situation::get("/x").plaintext());
    assert_eq!(record["decision"], "deny");
    assert_eq!(record["mode"], "enforce");
    assert_eq!(record["reason"], "no_certificate");
    assert_eq!(record["detail"], "the client presented no certificate");
    assert_eq!(record["rule"], Value::Null);
    for field in ["source", "tls", "certificate", "verification"] {
        assert_eq!(record[field], Value::Null, "{field}");
    }
}

#[test]
fn the_source_is_the_connections_own_and_of_no_header() {
    let engine = route(json!({ "client_certificate": "ignored" }));
    let forged = |situation: Situation| {
        situation
            .header("x-forwarded-for", b"203.0.113.9")
            .header("forwarded", b"for=203.0.113.9")
            .header("x-real-ip", b"203.0.113.9")
    };
    assert_eq!(record(&engine, &forged(Situation::get("/").source(b"192.0.2.7:1")))["source"], "192.0.2.7:1");
    assert_eq!(record(&engine, &forged(Situation::get("/")))["source"], Value::Null);
}

#[test]
fn what_could_not_be_read_is_null_and_the_record_is_written_all_the_same() {
    let engine = allow(json!("any_verified"));
    let situation = Situation::get("/")
        .failing(Question::Headers)
        .failing(Question::ServerName)
        .failing(Question::Source);
    let decision = decide(&engine, &situation);
    let about = About { now: None, took: None, ..about(&engine, &situation, &decision) };
    let line = Recorder::default().record(&about).to_line(Format::MtlsPolicy);
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["reason"], "internal_error");
    assert_eq!(record["detail"], "the proxy did not answer for `something`: status 2");
    assert_eq!(record["time"], Value::Null);
    assert_eq!(record["request"], Value::Null);
}

fn is_one_line_of_ascii(line: &str) -> bool {
    line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[test]
fn hostile_names_stay_text_in_one_line() {
    let hostile = "a\"},{\"x\":\"\\\u{2028}\u{202e}\u{85}\u{1f600}";
    let minted = leaf("a")
        .relative_name(&[(CN, UTF8, hostile.as_bytes())])
        .relative_name(&[(O, UTF8, b"line\nbreak\x1b[31m\0")])
        .raw_san(SAN_URI, br#"urn:"},{"decision":"permit"#)
        .raw_san(SAN_DNS, b"evil\r\nX: y")
        .raw_san(SAN_EMAIL, b"a\"\\@acme.example")
        .mint();
    let engine = allow(json!({ "dns": "nobody.example" }));
    let situation = Situation::get("/").certificate(&minted);
    let line = line(&engine, &situation);
    assert!(is_one_line_of_ascii(&line), "{line}");
    let record = record(&engine, &situation);
    assert_eq!(record["decision"], "deny");
    let certificate = &record["certificate"];
    assert_eq!(certificate["uri"], json!([r#"urn:"},{"decision":"permit"#]));
    assert_eq!(certificate["email"], json!(["a\"\\@acme.example"]));
    assert_eq!(certificate["dns"], json!([]), "not listed");
    assert_eq!(certificate["names_omitted"], 1);
    let subject = certificate["subject"].as_str().unwrap();
    assert!(subject.starts_with("O=#0c") && subject.contains(",CN=#0c"), "{subject}");
}

#[test]
fn hostile_requests_stay_text_in_one_line() {
    let engine = allow(json!("any_verified"));
    for situation in [
        Situation::get("/\n\"}{\\").host("a\nb"),
        Situation::request("G\"\nT", "/\u{2028}"),
        Situation::get("/").without_header(":path").header(":path", b"/\xff\xfe\0?secret"),
        Situation::get("/").authority(b"\x1b[31m").server_name(b"\xe2\x80\xa8\xff"),
        Situation::get("/").source(b"1.2.3.4:1\n{}"),
    ] {
        let line = line(&engine, &situation);
        assert!(is_one_line_of_ascii(&line), "{line}");
        assert!(!line.contains("secret"), "{line}");
        let record: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(record["decision"], "deny");
    }
}

#[test]
fn a_record_is_bounded_whatever_it_is_about() {
    let huge = "\u{1f600}".repeat(2000);
    let engine = allow(json!({ "dns": "nobody.example" }));
    let mut minted = leaf("a").subject(CN, &huge).subject(O, &huge);
    for index in 0..300 {
        minted = minted
            .uri(&format!("urn:{index}:{}", "\"".repeat(60)))
            .email(&format!("{}@{index}.example", "\"".repeat(30)));
    }
    let situation = Situation::get("/").certificate(&minted.mint());
    assert!(decide(&engine, &situation).identity().is_some());
    let line = line(&engine, &situation);
    let record: Value = serde_json::from_str(&line).unwrap();
    let certificate = &record["certificate"];
    assert_eq!(certificate["uri"].as_array().unwrap().len(), 16);
    assert_eq!(certificate["names_omitted"], 600 - 32);
    assert!(certificate["subject"].as_str().unwrap().ends_with('\u{2026}'));

    let request =
        Situation::request(&"M".repeat(50_000), &format!("/{huge}")).host(&huge).source(huge.as_bytes());
    let line = crate::situation::line(&engine, &request);
    assert!(line.len() < MAX_LINE_BYTES, "{}", line.len());
}

#[test]
fn the_certificate_is_recorded_whether_or_not_its_holder_gets_in() {
    let minted = leaf("a").dns("a.example").mint();
    let digest = minted.hex_digest();
    let presented = || Situation::get("/").certificate(&minted);
    let engine = allow(json!({ "dns": "nobody.example" }));
    assert_eq!(record(&engine, &presented())["certificate"]["sha256"], digest.as_str());
    assert_eq!(record(&engine, &presented().valid(Some(false)))["certificate"]["sha256"], digest.as_str());
    let ignored = route(json!({ "client_certificate": "ignored" }));
    assert_eq!(record(&ignored, &presented())["certificate"], Value::Null);
    let unreadable = presented().pem(b"nonsense");
    assert_eq!(record(&allow(json!("any_verified")), &unreadable)["certificate"], Value::Null);
}
