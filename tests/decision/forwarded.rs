//! Where the leaf comes from: Envoy's attribute, or the header that Envoy wrote, bound to the connection by digest.

use mtls_policy::request::XFCC;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::xfcc_escaped;
use crate::situation::{Question, Situation, document, leaf, one_route, verdict};
use mtls_policy::Engine;

/// Lets `billing.example` in and trusts the listener, as policies for old Envoys do.
fn from(from: Value) -> Engine {
    document(json!({
        "peer_certificate": { "verified_by": "envoy", "from": from },
        "routes": [one_route(json!({ "client_certificate": "required", "allow": { "dns": "billing.example" } }))],
    }))
}

#[test]
fn auto_takes_the_attribute_where_envoy_has_it() {
    let billing = leaf("billing").dns("billing.example").mint();
    let engine = from(json!("auto"));
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&billing)), "verified");
    // Whatever the header says then, nobody reads it.
    for header in ["", "nonsense", "Hash=00;Cert=\"x\""] {
        let forged = Situation::get("/").certificate(&billing).header(XFCC, header.as_bytes());
        assert_eq!(verdict(&engine, &forged), "verified", "{header}");
    }
    let other = leaf("other").dns("other.example").mint();
    let forged = Situation::get("/").certificate(&other).header(XFCC, billing.xfcc_element().as_bytes());
    assert_eq!(verdict(&engine, &forged), "identity_not_allowed");
}

#[test]
fn auto_takes_the_header_where_envoy_has_no_attribute() {
    let billing = leaf("billing").dns("billing.example").mint();
    assert_eq!(
        verdict(&from(json!("auto")), &Situation::get("/").certificate_in_header(&billing)),
        "verified"
    );
    let other = leaf("other").dns("other.example").mint();
    let other = Situation::get("/").certificate_in_header(&other);
    assert_eq!(verdict(&from(json!("auto")), &other), "identity_not_allowed");
}

#[test]
fn an_attribute_that_is_malformed_does_not_make_auto_take_the_header() {
    let billing = leaf("billing").dns("billing.example").mint();
    let situation = Situation::get("/").certificate_in_header(&billing).pem(b"no certificate");
    assert_eq!(verdict(&from(json!("auto")), &situation), "malformed_certificate");
}

#[test]
fn connection_never_takes_the_header() {
    let billing = leaf("billing").dns("billing.example").mint();
    let engine = from(json!("connection"));
    assert_eq!(verdict(&engine, &Situation::get("/").certificate_in_header(&billing)), "internal_error");
    assert_eq!(verdict(&engine, &Situation::get("/").certificate(&billing)), "verified");
}

#[test]
fn xfcc_never_takes_the_attribute() {
    let billing = leaf("billing").dns("billing.example").mint();
    let engine = from(json!("xfcc"));
    let by_attribute = Situation::get("/").certificate(&billing);
    assert_eq!(verdict(&engine, &by_attribute), "forwarded_certificate_mismatch");
    let by_header = Situation::get("/").certificate_in_header(&billing).pem(b"nonsense");
    assert_eq!(verdict(&engine, &by_header), "verified");
    assert!(!by_header.asked().contains(&Question::Pem));
}

#[test]
fn a_digest_without_any_certificate_is_a_mismatch() {
    let billing = leaf("billing").dns("billing.example").mint();
    let situation = Situation::get("/").digest(billing.hex_digest().as_bytes());
    assert_eq!(verdict(&from(json!("auto")), &situation), "forwarded_certificate_mismatch");
}

#[test]
fn a_certificate_that_is_not_the_connections_is_a_mismatch_by_attribute_and_by_header() {
    let billing = leaf("billing").dns("billing.example").mint();
    let own = leaf("own").mint().hex_digest();
    let attribute = Situation::get("/").certificate(&billing).digest(own.as_bytes());
    assert_eq!(verdict(&from(json!("auto")), &attribute), "forwarded_certificate_mismatch");
    let header = Situation::get("/").certificate_in_header(&billing).digest(own.as_bytes());
    assert_eq!(verdict(&from(json!("auto")), &header), "forwarded_certificate_mismatch");
}

#[test]
fn a_digest_may_be_written_in_capital_letters_and_not_otherwise() {
    let billing = leaf("billing").dns("billing.example").mint();
    let digest = billing.hex_digest();
    let with = |digest: &[u8]| {
        verdict(&from(json!("auto")), &Situation::get("/").certificate(&billing).digest(digest))
    };
    assert_eq!(with(digest.to_ascii_uppercase().as_bytes()), "verified");
    for broken in
        [b"".as_slice(), b"00", &digest.as_bytes()[1..], format!("{digest}0").as_bytes(), b"\xff\xfe"]
    {
        assert_eq!(with(broken), "internal_error", "{}", broken.escape_ascii());
    }
}

#[test]
fn the_attribute_must_be_one_block_of_pem_as_envoy_writes_it() {
    let billing = leaf("billing").dns("billing.example").mint();
    let pem = billing.pem();
    let with = |pem: &str| {
        let situation = Situation::get("/").certificate(&billing).pem(pem.as_bytes());
        verdict(&from(json!("auto")), &situation)
    };
    assert_eq!(with(&pem), "verified");
    for broken in [
        format!("{pem}{pem}"),
        format!("text\n{pem}"),
        format!("{pem}text"),
        format!("{pem}\n"),
        pem.replace('\n', "\r\n"),
        pem.trim_end().to_owned(),
        pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
        xfcc_escaped(&pem),
        pem.replacen("MII", "MI I", 1),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
    ] {
        assert_eq!(with(&broken), "malformed_certificate", "{broken}");
    }
}

#[test]
fn der_that_is_no_whole_certificate_is_malformed() {
    let billing = leaf("billing").dns("billing.example").mint();
    let mut longer = billing.der.clone();
    longer.push(0);
    let shorter = billing.der[..billing.der.len() - 1].to_vec();
    for der in [longer, shorter, vec![0x30, 0], vec![0]] {
        let broken = crate::mint::Minted { der, key: billing.key.clone() };
        assert_eq!(
            verdict(&from(json!("auto")), &Situation::get("/").certificate(&broken)),
            "malformed_certificate"
        );
        let header = Situation::get("/").certificate_in_header(&broken);
        assert_eq!(verdict(&from(json!("auto")), &header), "malformed_certificate");
    }
}
