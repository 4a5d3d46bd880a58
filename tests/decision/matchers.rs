//! Each matcher with what it matches and what it nearly does.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::combining::truth;
use crate::mint::{
    BMP, C, CERTIFICATE_POLICIES, CN, EXTENDED_KEY_USAGE, Key, Minted, O, OU, PRINTABLE, SAN_IP, SAN_OTHER,
    TELETEX, UPN, UTF8, attribute, der,
};
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
    let base64 = BASE64_STANDARD.encode(pin.as_bytes());
    for matcher in [json!({ "spki_sha256": pin.to_string() }), json!({ "spki_sha256": base64 })] {
        assert_eq!(truth(&matcher, &first), "yes");
        assert_eq!(truth(&matcher, &second), "yes");
        assert_eq!(truth(&matcher, &leaf("a").mint()), "no", "another key of the same name");
    }
    assert_eq!(truth(&json!({ "sha256": pin.to_string() }), &first), "no");
}

#[test]
fn a_trust_domain_is_compared_exactly_and_may_be_one_of_several() {
    let minted = leaf("a").spiffe("spiffe://acme.example/ns/prod/sa/billing").mint();
    let domain = |pattern: Value| json!({ "spiffe_trust_domain": pattern });
    says(
        &minted,
        &[
            (domain(json!("acme.example")), "yes"),
            (domain(json!(["other.example", "acme.example"])), "yes"),
            (domain(json!("other.example")), "no"),
            (domain(json!("example")), "no"),
            (domain(json!("a.acme.example")), "no"),
            (domain(json!("acme.example.evil")), "no"),
        ],
    );
    says(&leaf("a").uri("https://acme.example/a").mint(), &[(domain(json!("acme.example")), "no")]);
    for invalid in ["spiffe://acme.example", "spiffe://acme.example:443/a", "spiffe://ACME.example/a"] {
        says(&leaf("a").spiffe(invalid).mint(), &[(domain(json!("acme.example")), "cannot tell")]);
    }
}

#[test]
fn an_ip_address_is_compared_with_addresses_and_networks() {
    let ip = |pattern: Value| json!({ "ip": pattern });
    says(
        &leaf("a").ip([192, 0, 2, 7].into()).mint(),
        &[
            (ip(json!("192.0.2.7")), "yes"),
            (ip(json!("192.0.2.70")), "no"),
            (ip(json!("192.0.2.0/24")), "yes"),
            (ip(json!("192.0.2.8/29")), "no"),
            (ip(json!("192.0.2.0/29")), "yes"),
            (ip(json!(["10.0.0.0/8", "192.0.2.7"])), "yes"),
            (ip(json!("0.0.0.0/0")), "yes"),
            (ip(json!("::/0")), "no"),
        ],
    );
    says(
        &leaf("a").ip([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7].into()).mint(),
        &[
            (ip(json!("2001:db8::7")), "yes"),
            (ip(json!("2001:DB8:0::7")), "yes"),
            (ip(json!("2001:db8::/32")), "yes"),
            (ip(json!("2001:db9::/32")), "no"),
            (ip(json!("0.0.0.0/0")), "no"),
        ],
    );
}

#[test]
fn an_ip_address_of_one_version_is_never_one_of_the_other() {
    let mapped = leaf("a").ip([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0207].into()).mint();
    says(
        &mapped,
        &[
            (json!({ "ip": "192.0.2.7" }), "cannot tell"),
            (json!({ "ip": "192.0.2.0/24" }), "cannot tell"),
            (json!({ "ip": "192.0.2.8" }), "no"),
            (json!({ "ip": "::/0" }), "yes"),
        ],
    );
    for octets in
        [&[192, 0, 2][..], &[192, 0, 2, 7, 0], &[192, 0, 2, 0, 255, 255, 255, 0], &[0; 15], &[0; 32], &[]]
    {
        let minted = leaf("a").raw_san(SAN_IP, octets).mint();
        says(
            &minted,
            &[(json!({ "ip": "192.0.2.7" }), "cannot tell"), (json!({ "ip": "::/0" }), "cannot tell")],
        );
    }
}

#[test]
fn a_user_principal_name_is_compared_without_case() {
    let minted = leaf("a").upn("Alice.Smith@Corp.Acme.example").mint();
    let upn = |pattern: Value| json!({ "upn": pattern });
    says(
        &minted,
        &[
            (upn(json!("alice.smith@corp.acme.example")), "yes"),
            (upn(json!("ALICE.SMITH@CORP.ACME.EXAMPLE")), "yes"),
            (upn(json!("alice@corp.acme.example")), "no"),
            (upn(json!({ "suffix": "@CORP.acme.example" })), "yes"),
            (upn(json!({ "suffix": "@acme.example" })), "no"),
            (upn(json!({ "prefix": "alice." })), "yes"),
            (upn(json!({ "prefix": "lice." })), "no"),
            (upn(json!({ "regex": "[a-z.]+@corp\\.acme\\.example" })), "yes"),
            (upn(json!({ "regex": "[a-z.]+@corp" })), "no"),
        ],
    );
    for odd in
        ["alice@a.example\0", "alice@evil@a.example", "alice", "al ice@a.example", "m\u{212a}@a.example"]
    {
        says(&leaf("a").upn(odd).mint(), &[(upn(json!({ "suffix": "@a.example" })), "cannot tell")]);
    }
    let in_other_string = leaf("a").other_name(UPN, &der(PRINTABLE, &[b"alice@a.example"])).mint();
    says(&in_other_string, &[(upn(json!("alice@a.example")), "cannot tell")]);
}

#[test]
fn another_name_is_found_by_its_kind_and_compared_by_its_value() {
    let minted = leaf("a").other_name(&[0x2a, 0x03, 0x04], &der(UTF8, &[b"Device 7"])).mint();
    let other = |oid: &str, value: Value| json!({ "other_name": { "oid": oid, "value": value } });
    says(
        &minted,
        &[
            (json!({ "other_name": { "oid": "1.2.3.4" } }), "yes"),
            (json!({ "other_name": { "oid": "1.2.3" } }), "no"),
            (json!({ "other_name": { "oid": "1.2.3.4.5" } }), "no"),
            (json!({ "other_name": [{ "oid": "1.2.3" }, { "oid": "1.2.3.4" }] }), "yes"),
            (other("1.2.3.4", json!("Device 7")), "yes"),
            (other("1.2.3.4", json!("device 7")), "no"),
            (other("1.2.3.5", json!("Device 7")), "no"),
            (other("1.2.3.4", json!({ "prefix": "Device " })), "yes"),
            (other("1.2.3.4", json!({ "prefix": "evice" })), "no"),
            (other("1.2.3.4", json!({ "regex": "Device [0-9]" })), "yes"),
            (other("1.2.3.4", json!({ "regex": "[0-9]" })), "no"),
            (other("1.2.3.4", json!(["Device 8", { "suffix": "7" }])), "yes"),
            (other("1.2.3.4", json!({ "der": "0c084465766963652037" })), "yes"),
            (other("1.2.3.4", json!({ "der": "0c084465766963652038" })), "no"),
        ],
    );
    let number = leaf("a").other_name(&[0x2a, 0x03, 0x04], &[0x02, 0x01, 0x07]).mint();
    says(
        &number,
        &[
            (other("1.2.3.4", json!("7")), "cannot tell"),
            (other("1.2.3.5", json!("7")), "no"),
            (other("1.2.3.4", json!({ "der": "020107" })), "yes"),
            (other("1.2.3.4", json!({ "der": "020108" })), "no"),
        ],
    );
    let unreadable = leaf("a").raw_san(SAN_OTHER, b"\x06\x03\x2a\x03\x04\x0c\x01a").mint();
    says(&unreadable, &[(json!({ "other_name": { "oid": "1.2.3.9" } }), "cannot tell")]);
}

#[test]
fn an_extended_key_usage_is_one_that_the_certificate_names() {
    let usage = |pattern: Value| json!({ "extended_key_usage": pattern });
    says(
        &leaf("a").mint(),
        &[
            (usage(json!("clientAuth")), "yes"),
            (usage(json!("1.3.6.1.5.5.7.3.2")), "yes"),
            (usage(json!("serverAuth")), "no"),
            (usage(json!(["serverAuth", "clientAuth"])), "yes"),
            (usage(json!("1.3.6.1.5.5.7.3")), "no"),
        ],
    );
    says(&leaf("a").server().mint(), &[(usage(json!("clientAuth")), "no")]);
    says(&leaf("a").purposes(&[]).mint(), &[(usage(json!("clientAuth")), "no")]);
    says(
        &leaf("a").purposes(&[&[2, 5, 29, 37, 0]]).mint(),
        &[(usage(json!("anyExtendedKeyUsage")), "yes"), (usage(json!("codeSigning")), "cannot tell")],
    );
    says(
        &leaf("a").purposes(&[&[1, 3, 6, 1, 4, 1, 311, 20, 2, 2]]).mint(),
        &[(usage(json!("1.3.6.1.4.1.311.20.2.2")), "yes"), (usage(json!("clientAuth")), "no")],
    );
    for odd in [b"".as_slice(), b"\x30\x00", b"\x30\x02\x05\x00", b"\x30\x03\x06\x01\x2a\0"] {
        let minted = leaf("a").purposes(&[]).extension(EXTENDED_KEY_USAGE, odd).mint();
        says(&minted, &[(usage(json!("clientAuth")), "cannot tell")]);
    }
}

#[test]
fn a_policy_is_one_that_the_certificate_names() {
    let policy = |pattern: Value| json!({ "policy_oid": pattern });
    says(
        &leaf("a").policies(&[&[0x2a, 0x03, 0x04], &[0x2a, 0x05]]).mint(),
        &[
            (policy(json!("1.2.3.4")), "yes"),
            (policy(json!("1.2.5")), "yes"),
            (policy(json!("1.2.3")), "no"),
            (policy(json!(["1.2.3", "1.2.5"])), "yes"),
        ],
    );
    says(&leaf("a").mint(), &[(policy(json!("1.2.3.4")), "no")]);
    says(
        &leaf("a").policies(&[&[0x55, 0x1d, 0x20, 0x00]]).mint(),
        &[(policy(json!("1.2.3.4")), "cannot tell")],
    );
    let odd = leaf("a").extension(CERTIFICATE_POLICIES, b"\x30\x05\x06\x03\x2a\x03\x04").mint();
    says(&odd, &[(policy(json!("1.2.3.4")), "cannot tell")]);
}

#[test]
fn an_extension_is_found_by_its_identifier_and_compared_by_criticality_and_value() {
    let text = der(UTF8, &["Gerät 7".as_bytes()]);
    let plain = leaf("a").extension(&[1, 2, 3], &text).mint();
    let critical = leaf("a").critical_extension(&[1, 2, 3], &text).mint();
    let extension = |members: Value| json!({ "extension": members });
    let value = |value: Value| json!({ "extension": { "oid": "1.2.3", "value": value } });
    for minted in [&plain, &critical] {
        says(
            minted,
            &[
                (extension(json!("1.2.3")), "yes"),
                (extension(json!("1.2.4")), "no"),
                (extension(json!(["1.2.4", { "oid": "1.2.3" }])), "yes"),
                (value(json!({ "utf8": "Gerät 7" })), "yes"),
                (value(json!({ "utf8": "gerät 7" })), "no"),
                (value(json!({ "utf8": { "prefix": "Gerät " } })), "yes"),
                (value(json!({ "utf8": { "suffix": "Gerät " } })), "no"),
                (value(json!([{ "utf8": "a" }, { "utf8": { "regex": "Ger..t [0-9]" } }])), "yes"),
                (value(json!({ "der": "0c08476572c3a4742037" })), "yes"),
                (value(json!({ "der": "0c:08:47:65:72:C3:A4:74:20:37" })), "yes"),
                (value(json!({ "der": "0c08476572c3a4742038" })), "no"),
                (value(json!({ "der": "476572c3a4742037" })), "no"),
            ],
        );
    }
    says(
        &plain,
        &[
            (extension(json!({ "oid": "1.2.3", "critical": true })), "no"),
            (extension(json!({ "oid": "1.2.3", "critical": false })), "yes"),
        ],
    );
    says(
        &critical,
        &[
            (extension(json!({ "oid": "1.2.3", "critical": true })), "yes"),
            (extension(json!({ "oid": "1.2.3", "critical": true, "value": { "utf8": "a" } })), "no"),
            (extension(json!({ "oid": "1.2.3", "critical": false })), "no"),
        ],
    );
    let octets = leaf("a").extension(&[1, 2, 3], b"a").mint();
    says(&octets, &[(value(json!({ "utf8": "a" })), "cannot tell"), (value(json!({ "der": "61" })), "yes")]);
    let cut = leaf("a").extension(&[1, 2, 3], b"\x0c\x02a").mint();
    says(&cut, &[(value(json!({ "utf8": { "prefix": "a" } })), "cannot tell")]);
}

#[test]
fn an_extension_that_other_matchers_read_is_one_too() {
    let minted = leaf("a").dns("a.example").mint();
    says(
        &minted,
        &[
            (json!({ "extension": "2.5.29.17" }), "yes"),
            (json!({ "extension": "2.5.29.37" }), "yes"),
            (json!({ "extension": "2.5.29.32" }), "no"),
            (
                json!({ "extension": { "oid": "2.5.29.17", "value": { "der": "300b8209612e6578616d706c65" } } }),
                "yes",
            ),
        ],
    );
}

#[test]
fn what_no_matcher_can_tell_stays_so_under_not() {
    let minted = leaf("a")
        .raw_san(SAN_IP, b"\0")
        .raw_san(SAN_OTHER, b"\0")
        .uri("spiffe://acme.example")
        .purposes(&[])
        .extension(EXTENDED_KEY_USAGE, b"\0")
        .extension(CERTIFICATE_POLICIES, b"\0")
        .extension(&[1, 2, 3], b"\0")
        .mint();
    let odd = [
        json!({ "ip": "192.0.2.7" }),
        json!({ "upn": "alice@acme.example" }),
        json!({ "other_name": { "oid": "1.2.3" } }),
        json!({ "spiffe_trust_domain": "acme.example" }),
        json!({ "extended_key_usage": "codeSigning" }),
        json!({ "policy_oid": "1.2.3" }),
        json!({ "extension": { "oid": "1.2.3", "value": { "utf8": "a" } } }),
    ];
    for matcher in odd {
        says(&minted, &[(matcher.clone(), "cannot tell"), (json!({ "not": matcher }), "cannot tell")]);
        // Of a certificate that holds no such thing, it can be told.
        let plain = leaf("a").mint();
        says(&plain, &[(matcher.clone(), "no"), (json!({ "not": matcher }), "yes")]);
    }
}
