//! A matcher sees names of its own kind only, and names that were made to be misread never match.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::combining::truth;
use crate::mint::{CN, Ca, Leaf, OU, SAN_DNS, SAN_EMAIL, SAN_IP, SAN_OTHER, SAN_URI, UTF8, der};
use crate::situation::leaf;

/// The places of a certificate that a text can stand in.
const PLACES: [&str; 9] =
    ["dns", "uri", "email", "ip", "upn", "other name", "extension", "subject", "issuer"];

fn with_text(place: &str, text: &str) -> Leaf {
    let plain = || leaf("plain").subject(OU, "Plain");
    match place {
        "dns" => plain().raw_san(SAN_DNS, text.as_bytes()),
        "uri" => plain().raw_san(SAN_URI, text.as_bytes()),
        "email" => plain().raw_san(SAN_EMAIL, text.as_bytes()),
        "ip" => plain().raw_san(SAN_IP, text.as_bytes()),
        "upn" => plain().upn(text),
        "other name" => plain().other_name(&[0x2a, 0x03], &der(UTF8, &[text.as_bytes()])),
        "extension" => plain().extension(&[1, 2, 3], &der(UTF8, &[text.as_bytes()])),
        "subject" => leaf(text),
        _ => Ca::new(text).leaf("plain").subject(OU, "Plain"),
    }
}

/// `matcher` must say yes where `text` stands in its own place, and no where it stands in any other.
fn only_in(own: &str, matcher: &Value, text: &str) {
    for place in PLACES {
        let wanted = if place == own { "yes" } else { "no" };
        assert_eq!(truth(matcher, &with_text(place, text).mint()), wanted, "{matcher} on {place} `{text}`");
    }
}

#[test]
fn a_dns_matcher_sees_dns_names_only() {
    only_in("dns", &json!({ "dns": "billing.example" }), "billing.example");
}

#[test]
fn an_email_matcher_sees_email_addresses_only() {
    only_in("email", &json!({ "email": "a@billing.example" }), "a@billing.example");
    only_in("email", &json!({ "email": { "suffix": "@billing.example" } }), "a@billing.example");
}

#[test]
fn a_uri_matcher_sees_uris_only() {
    only_in("uri", &json!({ "uri": "urn:billing" }), "urn:billing");
    only_in("uri", &json!({ "uri": { "regex": ".*billing.*" } }), "billing.example");
    only_in("uri", &json!({ "uri": "a@billing.example" }), "a@billing.example");
}

#[test]
fn a_spiffe_matcher_sees_uris_only() {
    only_in("uri", &json!({ "spiffe_id": "spiffe://acme.example/a" }), "spiffe://acme.example/a");
}

#[test]
fn a_trust_domain_matcher_sees_uris_only() {
    only_in("uri", &json!({ "spiffe_trust_domain": "acme.example" }), "spiffe://acme.example/a");
}

#[test]
fn a_user_principal_name_matcher_sees_its_kind_of_name_only() {
    only_in("upn", &json!({ "upn": "a@billing.example" }), "a@billing.example");
    only_in("upn", &json!({ "upn": { "suffix": "@billing.example" } }), "a@billing.example");
}

#[test]
fn matchers_of_other_names_and_of_extensions_see_their_own_kind_only() {
    for text in ["billing.example", "a@billing.example", "urn:billing", "192.0.2.7"] {
        let other_name = json!({ "other_name": { "oid": "1.2.3", "value": text } });
        only_in("other name", &other_name, text);
        let extension = json!({ "extension": { "oid": "1.2.3", "value": { "utf8": text } } });
        only_in("extension", &extension, text);
    }
}

#[test]
fn an_ip_matcher_sees_ip_addresses_only() {
    // Four letters are four octets: 97.46.98.99.
    only_in("ip", &json!({ "ip": "97.46.98.99" }), "a.bc");
    for place in ["dns", "uri", "upn", "other name", "extension", "subject", "issuer"] {
        let minted = with_text(place, "192.0.2.7").mint();
        assert_eq!(truth(&json!({ "ip": "192.0.2.7" }), &minted), "no", "{place}");
    }
}

#[test]
fn purposes_policies_and_extensions_are_not_taken_for_each_other() {
    let identifier = "1.2.3";
    let matchers = [
        ("purpose", json!({ "extended_key_usage": identifier })),
        ("policy", json!({ "policy_oid": identifier })),
        ("extension", json!({ "extension": identifier })),
        ("other name", json!({ "other_name": { "oid": identifier } })),
    ];
    for place in ["purpose", "policy", "extension", "other name"] {
        let minted = match place {
            "purpose" => leaf("a").purposes(&[&[1, 2, 3]]),
            "policy" => leaf("a").policies(&[&[0x2a, 0x03]]),
            "extension" => leaf("a").extension(&[1, 2, 3], &[0x05, 0x00]),
            _ => leaf("a").other_name(&[0x2a, 0x03], &[0x05, 0x00]),
        }
        .mint();
        for (own, matcher) in &matchers {
            let wanted = if place == *own { "yes" } else { "no" };
            assert_eq!(truth(matcher, &minted), wanted, "{matcher} on {place}");
        }
    }
}

#[test]
fn subject_and_issuer_matchers_see_their_own_name_only() {
    for text in ["billing.example", "a@billing.example", "urn:billing", "spiffe://acme.example/a"] {
        only_in("subject", &json!({ "subject": { "CN": text } }), text);
        only_in("issuer", &json!({ "issuer": { "CN": text } }), text);
    }
}

#[test]
fn an_email_address_in_the_subject_is_no_alternative_name() {
    // 1.2.840.113549.1.9.1, emailAddress.
    let oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
    let minted = leaf("a").relative_name(&[(&oid, crate::mint::IA5, b"a@acme.example")]).mint();
    assert_eq!(truth(&json!({ "email": "a@acme.example" }), &minted), "no");
    assert_eq!(truth(&json!({ "subject": { "emailAddress": "a@acme.example" } }), &minted), "yes");
}

#[test]
fn a_name_with_a_nul_or_a_control_byte_is_never_cut_short() {
    let cases: [(u8, &[u8], Value); 8] = [
        (SAN_DNS, b"good.example\0.evil.example", json!({ "dns": "good.example" })),
        (SAN_DNS, b"good.example\n", json!({ "dns": "good.example" })),
        (SAN_EMAIL, b"a@good.example\0@evil.example", json!({ "email": "a@good.example" })),
        (SAN_URI, b"urn:good\0evil", json!({ "uri": "urn:good" })),
        (SAN_URI, b"spiffe://good.example/a\0b", json!({ "spiffe_id": "spiffe://good.example/a" })),
        (SAN_URI, b"urn:good\xff", json!({ "uri": { "prefix": "urn:good" } })),
        (
            SAN_OTHER,
            b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x0a\x0c\x08a@good\0e",
            json!({ "upn": "a@good" }),
        ),
        (
            SAN_OTHER,
            b"\x06\x02\x2a\x03\xa0\x08\x0c\x06good\0e",
            json!({ "other_name": { "oid": "1.2.3", "value": "good" } }),
        ),
    ];
    for (tag, bytes, matcher) in cases {
        let minted = leaf("a").raw_san(tag, bytes).mint();
        assert_eq!(truth(&matcher, &minted), "cannot tell", "{matcher}");
    }
    for value in [b"admin\0user".as_slice(), b"admin\n", b"\xffadmin", "ad\u{200b}min".as_bytes()] {
        let minted = leaf("a").relative_name(&[(CN, UTF8, value)]).mint();
        assert_eq!(truth(&json!({ "subject": { "CN": "admin" } }), &minted), "cannot tell");
    }
}

#[test]
fn names_of_kinds_that_a_matcher_does_not_read_match_nothing() {
    let minted = leaf("a")
        .raw_san(SAN_IP, &[10, 0, 0, 1])
        // registeredID, and an otherName of another kind that looks like a user principal name.
        .raw_san(0x88, &[0x2a, 0x03])
        .raw_san(0xa0, b"\x06\x03\x2a\x03\x04\xa0\x0e\x0c\x0ca@evil.admin")
        .mint();
    for matcher in [
        json!({ "dns": "10.0.0.1" }),
        json!({ "uri": { "regex": ".*" } }),
        json!({ "email": { "regex": ".*" } }),
        json!({ "spiffe_id": "spiffe://acme.example/**" }),
        json!({ "upn": { "regex": ".*" } }),
    ] {
        assert_eq!(truth(&matcher, &minted), "no", "{matcher}");
    }
}

#[test]
fn a_list_of_names_that_cannot_be_read_is_a_malformed_certificate() {
    use crate::situation::{allow, verdict_on};
    let engine = allow(json!("any_verified"));
    for contents in
        [b"".as_slice(), b"\x30\x05\x82\x01a", b"\x30\x03\x82\x01a\0", b"\x04\x01a", b"\x30\x03\x02\x01\x01"]
    {
        let minted = leaf("a").raw_alt_names(contents).mint();
        assert_eq!(verdict_on(&engine, &minted), "malformed_certificate", "{}", contents.escape_ascii());
    }
    let twice = leaf("a").dns("a.example").raw_alt_names(b"\x30\x03\x82\x01b").mint();
    assert_eq!(verdict_on(&engine, &twice), "malformed_certificate");
    assert_eq!(verdict_on(&engine, &leaf("a").raw_alt_names(b"\x30\x03\x82\x01b").mint()), "verified");
}

#[test]
fn a_thousand_names_are_all_seen_and_five_thousand_are_refused() {
    use crate::situation::{allow, deny, verdict_on};
    let many = |count: usize| (0..count).fold(leaf("a"), |leaf, index| leaf.dns(&format!("n{index}"))).mint();
    let thousand = many(1000);
    assert_eq!(verdict_on(&allow(json!({ "dns": "n999" })), &thousand), "verified");
    assert_eq!(verdict_on(&deny(json!({ "dns": "n999" })), &thousand), "identity_denied");
    assert_eq!(verdict_on(&deny(json!({ "dns": "n1000" })), &thousand), "verified");
    assert_eq!(verdict_on(&allow(json!("any_verified")), &many(5000)), "malformed_certificate");
}
