//! Each matcher with what it matches and what it nearly does.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::combining::truth;
use crate::mint::{BMP, C, CN, Key, Minted, O, OU, PRINTABLE, TELETEX, UTF8, attribute, der};
use crate::situation::leaf;

/// Each matcher must say the word beside it.
fn says(minted: &Minted, cases: &[(Value, &str)]) {
    for (matcher, wanted) in cases {
        assert_eq!(truth(matcher, minted), *wanted, "{matcher}");
    }
}

#[test]
fn a_spiffe_id_is_compared_exactly_and_by_segments() {
    let minted = leaf("a").spiffe("spiffe://acme.example/ns/prod/sa/billing").mint();
    let id = |pattern: &str| json!({ "spiffe_id": pattern });
    says(
        &minted,
        &[
            (id("spiffe://acme.example/ns/prod/sa/billing"), "yes"),
            (id("spiffe://acme.example/ns/prod/sa/Billing"), "no"),
            (id("spiffe://acme.example/ns/prod/sa/billing2"), "no"),
            (id("spiffe://acme.example/ns/prod/sa"), "no"),
            (id("spiffe://other.example/ns/prod/sa/billing"), "no"),
            (id("spiffe://acme.example/ns/*/sa/billing"), "yes"),
            (id("spiffe://acme.example/*/sa/billing"), "no"),
            (id("spiffe://acme.example/ns/prod/sa/billing/*"), "no"),
            (id("spiffe://acme.example/*/*/*/*"), "yes"),
            (id("spiffe://acme.example/*/*/*"), "no"),
            (id("spiffe://acme.example/ns/**"), "yes"),
            (id("spiffe://acme.example/**"), "yes"),
            (id("spiffe://acme.example/ns2/**"), "no"),
            (id("spiffe://acme.example.evil/**"), "no"),
        ],
    );
}

#[test]
fn only_valid_spiffe_ids_match() {
    for invalid in [
        "SPIFFE://acme.example/a",
        "spiffe://Acme.example/a",
        "spiffe://acme.example:8443/a",
        "spiffe://user@acme.example/a",
        "spiffe://acme.example/a/",
        "spiffe://acme.example//a",
        "spiffe://acme.example/./a",
        "spiffe://acme.example/b/../a",
        "spiffe://acme.example/a?b",
        "spiffe://acme.example/a#b",
        "spiffe://acme.example/%61",
        "spiffe://acme.example/*",
        "spiffe://acme.example",
        "spiffe:///a",
        "spiffe:acme.example/a",
    ] {
        let minted = leaf("a").spiffe(invalid).mint();
        for pattern in ["spiffe://acme.example/a", "spiffe://acme.example/**"] {
            assert_eq!(truth(&json!({ "spiffe_id": pattern }), &minted), "cannot tell", "{invalid}");
        }
    }
    let minted = leaf("a").uri("https://acme.example/a").mint();
    says(&minted, &[(json!({ "spiffe_id": "spiffe://acme.example/a" }), "no")]);
}

#[test]
fn a_certificate_with_two_uris_has_no_spiffe_id() {
    let id = json!({ "spiffe_id": "spiffe://acme.example/a" });
    for second in ["spiffe://acme.example/b", "spiffe://acme.example/a", "https://acme.example/"] {
        let minted = leaf("a").spiffe("spiffe://acme.example/a").uri(second).mint();
        assert_eq!(truth(&id, &minted), "cannot tell", "{second}");
    }
    let beside_dns = leaf("a").spiffe("spiffe://acme.example/a").dns("a.example").mint();
    assert_eq!(truth(&id, &beside_dns), "yes");
}

#[test]
fn a_dns_name_is_compared_without_case_and_a_wildcard_is_one_label() {
    let minted = leaf("a").dns("Api.Billing.acme.example").mint();
    let dns = |pattern: &str| json!({ "dns": pattern });
    says(
        &minted,
        &[
            (dns("api.billing.acme.example"), "yes"),
            (dns("API.BILLING.ACME.EXAMPLE"), "yes"),
            (dns("*.billing.acme.example"), "yes"),
            (dns("*.acme.example"), "no"),
            (dns("billing.acme.example"), "no"),
            (dns("api.billing.acme.example.org"), "no"),
            (dns("pi.billing.acme.example"), "no"),
        ],
    );
    says(&leaf("a").dns("acme.example").mint(), &[(dns("*.acme.example"), "no")]);
}

#[test]
fn a_wildcard_in_the_certificate_is_not_the_one_host_that_it_covers() {
    let minted = leaf("a").dns("*.acme.example").mint();
    says(
        &minted,
        &[
            (json!({ "dns": "*.acme.example" }), "yes"),
            (json!({ "dns": "a.acme.example" }), "cannot tell"),
            (json!({ "dns": "a.b.acme.example" }), "no"),
            (json!({ "dns": "acme.example" }), "no"),
        ],
    );
}

#[test]
fn a_uri_is_compared_byte_for_byte() {
    let minted = leaf("a").uri("https://acme.example/clients/7").mint();
    let uri = |pattern: Value| json!({ "uri": pattern });
    says(
        &minted,
        &[
            (uri(json!("https://acme.example/clients/7")), "yes"),
            (uri(json!("https://acme.example/clients/70")), "no"),
            (uri(json!("HTTPS://acme.example/clients/7")), "no"),
            (uri(json!("https://acme.example/clients/*")), "no"),
            (uri(json!({ "prefix": "https://acme.example/" })), "yes"),
            (uri(json!({ "prefix": "acme.example/" })), "no"),
            (uri(json!({ "suffix": "/7" })), "yes"),
            (uri(json!({ "suffix": "/8" })), "no"),
            (uri(json!({ "regex": "https://acme\\.example/clients/[0-9]+" })), "yes"),
            (uri(json!({ "regex": "/clients/[0-9]+" })), "no"),
            (uri(json!({ "regex": "https|7" })), "no"),
        ],
    );
}

#[test]
fn an_email_address_is_compared_without_case_in_its_domain_only() {
    let minted = leaf("a").email("Alice@Acme.Example").mint();
    let email = |pattern: Value| json!({ "email": pattern });
    says(
        &minted,
        &[
            (email(json!("Alice@acme.example")), "yes"),
            (email(json!("Alice@ACME.EXAMPLE")), "yes"),
            (email(json!("alice@acme.example")), "no"),
            (email(json!({ "suffix": "@ACME.example" })), "yes"),
            (email(json!({ "suffix": "@sub.acme.example" })), "no"),
            (email(json!({ "prefix": "Alice@" })), "yes"),
            (email(json!({ "prefix": "alice@" })), "no"),
            (email(json!({ "regex": "[A-Z][a-z]+@acme\\.example" })), "yes"),
            (email(json!({ "regex": "lice@acme\\.example" })), "no"),
        ],
    );
    says(
        &leaf("a").email("mallory@acme.example.evil.example").mint(),
        &[
            (email(json!({ "suffix": "@acme.example" })), "no"),
            (email(json!({ "prefix": "mallory@acme.example" })), "yes"),
        ],
    );
}

#[test]
fn subjects_compare_by_attribute_and_not_by_text() {
    let minted = leaf("a").subject(C, "DE").subject(O, "Acme  Ltd.").subject(CN, "a, O=Evil").mint();
    let subject = |key: &str, pattern: Value| json!({ "subject": { key: pattern } });
    says(
        &minted,
        &[
            (subject("CN", json!("a, O=Evil")), "yes"),
            (subject("O", json!("Evil")), "no"),
            (subject("O", json!("acme ltd.")), "yes"),
            (subject("O", json!(" ACME LTD. ")), "yes"),
            (subject("O", json!("AcmeLtd.")), "no"),
            (subject("O", json!({ "prefix": "acme" })), "yes"),
            (subject("O", json!({ "suffix": "ltd." })), "yes"),
            (subject("O", json!({ "regex": "acme ltd\\." })), "yes"),
            (subject("O", json!({ "regex": "acme" })), "no"),
            (subject("2.5.4.10", json!("Acme Ltd.")), "yes"),
            (subject("OU", json!("Acme Ltd.")), "no"),
        ],
    );
}

#[test]
fn string_types_of_a_subject_do_not_matter_where_they_hold_the_same_text() {
    let bmp: Vec<u8> = "Acme".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (tag, bytes) in [(UTF8, b"Acme".as_slice()), (PRINTABLE, b"Acme"), (TELETEX, b"Acme"), (BMP, &bmp)] {
        let minted = leaf("a").relative_name(&[(O, tag, bytes)]).mint();
        says(
            &minted,
            &[(json!({ "subject": { "O": "acme" } }), "yes"), (json!({ "subject": { "O": "acm" } }), "no")],
        );
    }
    let odd = leaf("a").raw_relative_name(&der(0x31, &[&attribute(O, &der(0x30, &[b""]))])).mint();
    says(&odd, &[(json!({ "subject": { "O": "acme" } }), "cannot tell")]);
}

#[test]
fn of_several_units_any_may_match() {
    let minted = leaf("a").subject(OU, "One").subject(OU, "Two").mint();
    says(
        &minted,
        &[
            (json!({ "subject": { "OU": "one" } }), "yes"),
            (json!({ "subject": { "OU": "two" } }), "yes"),
            (json!({ "subject": { "OU": "three" } }), "no"),
        ],
    );
}

#[test]
fn an_issuer_is_compared_like_a_subject() {
    let minted = leaf("a").mint();
    says(
        &minted,
        &[
            (json!({ "issuer": { "CN": "acme ISSUING" } }), "yes"),
            (json!({ "issuer": { "CN": "Acme Issuing 2" } }), "no"),
            (json!({ "issuer": { "O": "Acme Issuing" } }), "no"),
        ],
    );
}

#[test]
fn a_serial_number_is_compared_as_a_number() {
    let minted = leaf("a").serial(&[0x0f, 0x3a, 0x99]).mint();
    let serial = |pattern: &str| json!({ "serial": pattern });
    says(
        &minted,
        &[
            (serial("0f:3a:99"), "yes"),
            (serial("0F3A99"), "yes"),
            (serial("f3a99"), "yes"),
            (serial("00:0f:3a:99"), "yes"),
            (serial("0f:3a:9a"), "no"),
            (serial("3a:99"), "no"),
            (serial("0f:3a:99:00"), "no"),
        ],
    );
    for odd in [[0xff, 0x3a].as_slice(), &[1; 21]] {
        let minted = leaf("a").serial(odd).mint();
        says(&minted, &[(serial("0f:3a:99"), "cannot tell")]);
    }
}

#[test]
fn a_certificate_is_pinned_by_its_digest() {
    let minted = leaf("a").mint();
    let digest = minted.hex_digest();
    let colons =
        digest.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect::<Vec<_>>().join(":");
    says(
        &minted,
        &[
            (json!({ "sha256": digest }), "yes"),
            (json!({ "sha256": digest.to_uppercase() }), "yes"),
            (json!({ "sha256": colons }), "yes"),
            (json!({ "sha256": "0".repeat(64) }), "no"),
            (json!({ "spki_sha256": digest }), "no"),
        ],
    );
}

#[test]
fn a_key_is_pinned_across_certificates() {
    let key = Key::new("pinned");
    let first = leaf("a").key(key.clone()).mint();
    let second = leaf("b").key(key).mint();
    let pin = mtls_policy::cert::Certificate::from_der(first.der.clone()).unwrap();
    let pin = mtls_policy::identity::Identity::of(&pin).unwrap().spki_fingerprint();
    let base64 = data_encoding::BASE64.encode(pin.as_bytes());
    for matcher in [json!({ "spki_sha256": pin.to_string() }), json!({ "spki_sha256": base64 })] {
        assert_eq!(truth(&matcher, &first), "yes");
        assert_eq!(truth(&matcher, &second), "yes");
        assert_eq!(truth(&matcher, &leaf("a").mint()), "no", "another key of the same name");
    }
    assert_eq!(truth(&json!({ "sha256": pin.to_string() }), &first), "no");
}
