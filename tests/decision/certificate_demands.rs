//! What a route demands of a certificate beside the names in it, and what every route does.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{CN, EXTENDED_KEY_USAGE, Leaf, SAN_DNS, der, public_key, rsa_public_key};
use crate::situation::{
    NOW, Situation, at, decide, decide_at, document, leaf, one_route, route, verdict, verdict_on, word,
};
use mtls_policy::Engine;

const WEAK: &str = "weak_certificate";

const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const EMAIL_PROTECTION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 4];
const CODE_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];
const SMART_CARD_LOGON: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 20, 2, 2];
const ANY_PURPOSE: &[u64] = &[2, 5, 29, 37, 0];

/// Contents of object identifiers.
const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const NULL: &[u8] = &[0x05, 0x00];

/// Lets every verified client in whose certificate meets these demands.
fn demands(certificate: Value) -> Engine {
    route(json!({ "client_certificate": "required", "allow": "any_verified", "certificate": certificate }))
}

/// Lets every verified client in.
fn plain() -> Engine {
    route(json!({ "client_certificate": "required", "allow": "any_verified" }))
}

fn on(engine: &Engine, leaf: Leaf) -> String {
    verdict_on(engine, &leaf.mint())
}

fn detail(engine: &Engine, leaf: Leaf) -> String {
    let decision = decide(engine, &Situation::get("/").certificate(&leaf.mint()));
    decision.verdict().unwrap_err().detail().to_owned()
}

fn algorithm(oid: &[&[u8]], parameters: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x06, oid), parameters])
}

fn signed(oid: &[&[u8]], parameters: &[u8]) -> Leaf {
    let algorithm = algorithm(oid, parameters);
    leaf("a").signature_algorithms(&algorithm, &algorithm)
}

fn on_curve(oid: &[u8], octets: usize) -> Leaf {
    let point = [vec![4], vec![7; 2 * octets]].concat();
    leaf("a").public_key(&public_key(EC_PUBLIC_KEY, &der(0x06, &[oid]), &point))
}

fn rsa(bits: usize) -> Leaf {
    leaf("a").public_key(&rsa_public_key(bits))
}

#[test]
fn by_default_a_certificate_for_other_purposes_only_is_refused() {
    let engine = plain();
    for (purposes, expected) in [
        (&[CLIENT_AUTH][..], "verified"),
        (&[SERVER_AUTH, CLIENT_AUTH], "verified"),
        (&[ANY_PURPOSE], "verified"),
        (&[SERVER_AUTH, ANY_PURPOSE], "verified"),
        (&[], "verified"),
        (&[SERVER_AUTH], "wrong_key_usage"),
        (&[EMAIL_PROTECTION], "wrong_key_usage"),
        (&[CODE_SIGNING, SMART_CARD_LOGON], "wrong_key_usage"),
    ] {
        assert_eq!(on(&engine, leaf("a").purposes(purposes)), expected, "{purposes:?}");
    }
    let oid = |arcs: &[u8]| der(0x30, &[&der(0x06, &[arcs])]);
    let critical = |value: &[u8]| leaf("a").purposes(&[]).critical_extension(EXTENDED_KEY_USAGE, value);
    assert_eq!(on(&engine, critical(&oid(&[0x2b, 6, 1, 5, 5, 7, 3, 2]))), "verified");
    assert_eq!(on(&engine, critical(&oid(&[0x2b, 6, 1, 5, 5, 7, 3, 1]))), "wrong_key_usage");
    for odd in [&[0x30, 0x00][..], &[0x05, 0x00], &[0x30, 0x02, 0x05, 0x00]] {
        assert_eq!(on(&engine, critical(odd)), "wrong_key_usage", "{odd:?}");
    }
    let optional = route(json!({ "client_certificate": "optional" }));
    assert_eq!(on(&optional, leaf("a").purposes(&[SERVER_AUTH])), "wrong_key_usage");
    assert_eq!(verdict(&optional, &Situation::get("/")), "anonymous");
}

#[test]
fn a_purpose_that_is_demanded_must_be_named() {
    let engine = demands(json!({ "extended_key_usage": "clientAuth" }));
    assert_eq!(on(&engine, leaf("a")), "verified");
    assert_eq!(on(&engine, leaf("a").purposes(&[])), "wrong_key_usage");
    assert_eq!(on(&engine, leaf("a").purposes(&[ANY_PURPOSE])), "wrong_key_usage");
    assert_eq!(
        detail(&engine, leaf("a").purposes(&[SERVER_AUTH])),
        "it is for `serverAuth`; demanded is `\"clientAuth\"`"
    );

    let engine = demands(json!({ "extended_key_usage": ["1.3.6.1.4.1.311.20.2.2", "emailProtection"] }));
    assert_eq!(on(&engine, leaf("a").purposes(&[SMART_CARD_LOGON])), "verified");
    assert_eq!(on(&engine, leaf("a").purposes(&[EMAIL_PROTECTION, SERVER_AUTH])), "verified");
    assert_eq!(on(&engine, leaf("a")), "wrong_key_usage");
}

#[test]
fn other_purposes_may_be_accepted_and_any() {
    let engine = demands(json!({ "extended_key_usage": { "if_present": ["clientAuth", "serverAuth"] } }));
    for purposes in [&[SERVER_AUTH][..], &[CLIENT_AUTH], &[], &[ANY_PURPOSE]] {
        assert_eq!(on(&engine, leaf("a").purposes(purposes)), "verified", "{purposes:?}");
    }
    assert_eq!(on(&engine, leaf("a").purposes(&[CODE_SIGNING])), "wrong_key_usage");
    let engine = demands(json!({ "extended_key_usage": "any" }));
    assert_eq!(on(&engine, leaf("a").purposes(&[CODE_SIGNING])), "verified");
    let broken = leaf("a").purposes(&[]).extension(EXTENDED_KEY_USAGE, NULL);
    assert_eq!(on(&engine, broken), "verified", "and is not looked at");
}

#[test]
fn a_key_that_may_not_sign_is_refused() {
    let engine = plain();
    for (bits, expected) in [
        (&[0x80][..], "verified"),
        (&[0xa0], "verified"),
        (&[], "verified"),
        // keyEncipherment; keyCertSign and cRLSign, as CAs have.
        (&[0x20], "wrong_key_usage"),
        (&[0x06], "wrong_key_usage"),
    ] {
        assert_eq!(on(&engine, leaf("a").key_usage(bits)), expected, "{bits:?}");
    }
}

#[test]
fn weak_keys_are_refused_whatever_a_route_says() {
    let secp256k1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
    let p192: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];
    let p256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let explicit = der(0x30, &[&der(0x02, &[&[1]])]);
    let explicit = public_key(EC_PUBLIC_KEY, &explicit, &[vec![4], vec![7; 64]].concat());
    let exponent = |exponent: &[u8]| {
        let modulus = [&[0x71][..], &[0x5b; 255]].concat();
        let key = der(0x30, &[&der(0x02, &[&modulus]), &der(0x02, &[exponent])]);
        leaf("a").public_key(&public_key(&[&RSA[..], &[1]].concat(), NULL, &key))
    };
    let lax = json!({ "min_rsa_bits": 1024 });
    for engine in [plain(), demands(lax)] {
        assert_eq!(on(&engine, rsa(512)), WEAK);
        assert_eq!(on(&engine, rsa(1023)), WEAK);
        assert_eq!(on(&engine, on_curve(secp256k1, 32)), WEAK);
        assert_eq!(on(&engine, on_curve(p192, 24)), WEAK);
        assert_eq!(on(&engine, on_curve(p256, 32)), "verified");
        assert_eq!(on(&engine, leaf("a").public_key(&explicit)), WEAK);
        assert_eq!(on(&engine, exponent(&[1])), WEAK);
        assert_eq!(on(&engine, exponent(&[2])), WEAK);
    }
    assert_eq!(on(&demands(json!({ "min_rsa_bits": 1024 })), exponent(&[3])), "verified");
    assert_eq!(
        detail(&plain(), on_curve(secp256k1, 32)),
        "its key is on a curve other than P-256, P-384 and P-521"
    );
}

#[test]
fn an_rsa_key_has_2048_bits_unless_the_route_says_otherwise() {
    for (engine, bits, expected) in [
        (plain(), 2047, WEAK),
        (plain(), 2048, "verified"),
        (demands(json!({ "min_rsa_bits": 1024 })), 1024, "verified"),
        (demands(json!({ "min_rsa_bits": 3072 })), 3071, WEAK),
        (demands(json!({ "min_rsa_bits": 3072 })), 3072, "verified"),
        (demands(json!({ "min_rsa_bits": 16384 })), 16384, "verified"),
    ] {
        assert_eq!(on(&engine, rsa(bits)), expected, "{bits}");
    }
    assert_eq!(on(&demands(json!({ "min_rsa_bits": 16384 })), leaf("a")), "verified", "on a curve");
    assert_eq!(detail(&plain(), rsa(1024)), "its RSA key has `1024` bits; demanded are `2048`");
}

#[test]
fn only_keys_of_the_types_named_are_accepted() {
    let engine = demands(json!({ "key_types": ["ec_p384", "ed25519"] }));
    assert_eq!(on(&engine, on_curve(&[0x2b, 0x81, 0x04, 0x00, 0x22], 48)), "verified");
    assert_eq!(on(&engine, leaf("a").public_key(&public_key(ED25519, &[], &[7; 32]))), "verified");
    assert_eq!(on(&engine, leaf("a")), WEAK);
    assert_eq!(on(&engine, rsa(4096)), WEAK);
    assert_eq!(detail(&engine, leaf("a")), "its key is of type `ec_p256`; demanded is `ec_p384`, `ed25519`");
    assert_eq!(on(&demands(json!({ "key_types": "rsa" })), rsa(2048)), "verified");
}

#[test]
fn broken_and_unknown_signatures_are_refused_whatever_a_route_says() {
    for engine in [plain(), demands(json!({ "min_rsa_bits": 1024 }))] {
        assert_eq!(on(&engine, signed(&[&RSA, &[4]], NULL)), WEAK, "MD5");
        assert_eq!(on(&engine, signed(&[&RSA, &[5]], NULL)), WEAK, "SHA-1");
        assert_eq!(on(&engine, signed(&[&ECDSA, &[1]], &[])), WEAK, "SHA-1");
        assert_eq!(on(&engine, signed(&[&RSA, &[99]], NULL)), WEAK);
        assert_eq!(on(&engine, signed(&[&RSA, &[11]], NULL)), "verified");
        assert_eq!(on(&engine, signed(&[&RSA, &[11]], &[])), "verified", "absent parameters stand for NULL");
        assert_eq!(on(&engine, signed(&[&ECDSA, &[3, 2]], &[])), "verified");
        assert_eq!(on(&engine, signed(&[&ECDSA, &[3, 2]], NULL)), WEAK, "where none belong");
        assert_eq!(on(&engine, signed(&[ED25519], &[])), "verified");
    }
    assert_eq!(detail(&plain(), signed(&[&RSA, &[5]], NULL)), "it is signed with SHA-1, which is broken");
}

#[test]
fn two_signature_algorithms_in_one_certificate_are_malformed() {
    let sha256 = algorithm(&[&ECDSA, &[3, 2]], &[]);
    let sha1 = algorithm(&[&ECDSA, &[1]], &[]);
    for (inner, outer) in [(&sha1, &sha256), (&sha256, &sha1)] {
        assert_eq!(on(&plain(), leaf("a").signature_algorithms(inner, outer)), "malformed_certificate");
    }
    let with_null = algorithm(&[&RSA, &[11]], NULL);
    let without = algorithm(&[&RSA, &[11]], &[]);
    assert_eq!(on(&plain(), leaf("a").signature_algorithms(&with_null, &without)), "malformed_certificate");
}

#[test]
fn only_signatures_of_the_algorithms_named_are_accepted() {
    let engine = demands(json!({ "signature_algorithms": ["rsa_pkcs1_sha384", "ed25519"] }));
    assert_eq!(on(&engine, signed(&[&RSA, &[12]], NULL)), "verified");
    assert_eq!(on(&engine, signed(&[ED25519], &[])), "verified");
    assert_eq!(on(&engine, signed(&[&RSA, &[11]], NULL)), WEAK);
    assert_eq!(
        detail(&engine, leaf("a")),
        "it is signed with `ecdsa_sha256`; demanded is `rsa_pkcs1_sha384`, `ed25519`"
    );
}

#[test]
fn self_signed_certificates_are_refused_where_they_are_forbidden() {
    let engine = demands(json!({ "forbid_self_signed": true }));
    let own = || leaf("a").subject(CN, "Acme Issuing");
    assert_eq!(on(&engine, own()), WEAK);
    assert_eq!(on(&engine, leaf("a").subject(CN, "ACME  issuing")), WEAK, "names compare without case");
    assert_eq!(on(&engine, leaf("a").subject(CN, "Acme Issuing 2")), "verified");
    let key = |key: &[u8]| leaf("a").key_identifier(&[1, 2]).extension(&[2, 5, 29, 35], key);
    assert_eq!(on(&engine, key(&[0x30, 4, 0x80, 2, 1, 2])), WEAK);
    assert_eq!(on(&engine, key(&[0x30, 4, 0x80, 2, 1, 3])), "verified");
    assert_eq!(on(&engine, key(NULL)), WEAK, "what cannot be told");
    assert_eq!(on(&plain(), own()), "verified");
    assert_eq!(on(&demands(json!({ "forbid_self_signed": false })), own()), "verified");
}

#[test]
fn wildcard_names_are_refused_where_they_are_forbidden() {
    let engine = demands(json!({ "forbid_wildcard_names": true }));
    for (leaf, expected) in [
        (leaf("a").dns("a.acme.example").dns("*.acme.example"), "wildcard_name"),
        (leaf("a").subject(CN, "*.acme.example"), "wildcard_name"),
        (leaf("a").raw_san(SAN_DNS, b"a*.acme.example"), "wildcard_name"),
        (leaf("a").dns("a.acme.example"), "verified"),
        (leaf("a"), "verified"),
    ] {
        assert_eq!(on(&engine, leaf.clone()), expected);
        assert_eq!(on(&plain(), leaf), "verified");
    }
}

#[test]
fn more_dns_names_than_accepted_are_refused() {
    let engine = demands(json!({ "max_dns_names": 2 }));
    let two = || leaf("a").dns("a.example").dns("b.example").uri("https://c.example").email("d@example.com");
    assert_eq!(on(&engine, two()), "verified");
    assert_eq!(on(&engine, two().dns("c.example")), WEAK);
    assert_eq!(on(&engine, two().raw_san(SAN_DNS, b"c..example")), WEAK, "unreadable ones count");
    assert_eq!(on(&demands(json!({ "max_dns_names": 0 })), leaf("a").dns("a.example")), WEAK);
    assert_eq!(
        detail(&engine, two().dns("c.example")),
        "it holds `3` DNS names, and at most `2` are accepted"
    );
}

const DAY: i64 = 86_400;

#[test]
fn a_longer_lifetime_than_accepted_is_refused() {
    let engine = demands(json!({ "max_lifetime_days": 90 }));
    let lives = |seconds| leaf("a").valid(at(NOW - DAY), at(NOW - DAY + seconds));
    assert_eq!(on(&engine, lives(90 * DAY)), "verified");
    assert_eq!(on(&engine, lives(90 * DAY + 1)), "lifetime_too_long");
    assert_eq!(
        detail(&engine, lives(365 * DAY)),
        "its lifetime is `365` days and `0` seconds; accepted are `90` days"
    );
    assert_eq!(on(&plain(), leaf("a")), "verified", "a century where nothing is said");
}

#[test]
fn a_certificate_that_soon_expires_is_refused_as_expired() {
    let engine = demands(json!({ "min_remaining_hours": 24 }));
    let lives = |seconds| leaf("a").valid(at(NOW - DAY), at(NOW + seconds));
    assert_eq!(on(&engine, lives(DAY)), "verified");
    assert_eq!(on(&engine, lives(DAY - 1)), "expired");
    assert_eq!(detail(&engine, lives(3600)), "it is valid for `1` hours more, and `24` are demanded");
    assert_eq!(on(&plain(), lives(0)), "verified");
    // A stream that is open is judged again when that ends, and not when the certificate does.
    let until = |engine: &Engine| {
        let situation = Situation::get("/").certificate(&lives(3 * DAY).mint());
        decide_at(engine, &situation, Some(at(NOW))).until()
    };
    assert_eq!((until(&engine), until(&plain())), (Some(at(NOW + 2 * DAY)), Some(at(NOW + 3 * DAY))));
    // The certificate is known by now; time goes on.
    let minted = lives(DAY).mint();
    let later = decide_at(&engine, &Situation::get("/").certificate(&minted), Some(at(NOW + 1)));
    assert_eq!(word(&later), "expired");
}

#[test]
fn demands_come_after_validity_and_before_deny() {
    let engine = route(json!({
        "client_certificate": "required", "allow": { "dns": "nobody.example" }, "deny": { "dns": "a.example" },
        "certificate": { "max_dns_names": 0 },
    }));
    let denied = || leaf("a").dns("a.example");
    assert_eq!(on(&engine, denied().expired()), "expired");
    assert_eq!(on(&engine, denied()), WEAK);
    assert_eq!(on(&engine, leaf("a")), "identity_not_allowed");
    let unverified = Situation::get("/").certificate(&denied().mint()).valid(Some(false));
    assert_eq!(verdict(&engine, &unverified), "untrusted");
}

#[test]
fn what_a_route_says_replaces_the_default_as_a_whole() {
    let with = |members: Value| {
        let mut only = one_route(json!({ "client_certificate": "required", "allow": "any_verified" }));
        only.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        document(json!({
            "defaults": { "certificate": { "max_dns_names": 0, "forbid_wildcard_names": true } }, "routes": [only],
        }))
    };
    assert_eq!(on(&with(json!({})), leaf("a").dns("a.example")), WEAK);
    let engine = with(json!({ "certificate": { "max_dns_names": 1 } }));
    assert_eq!(on(&engine, leaf("a").dns("*.a.example")), "verified");
    assert_eq!(on(&engine, leaf("a").dns("a.example").dns("b.example")), WEAK);
}

#[test]
fn a_shadowed_demand_is_recorded_only() {
    let engine = route(json!({
        "client_certificate": "required", "allow": "any_verified", "mode": "shadow",
        "certificate": { "max_lifetime_days": 1 },
    }));
    assert_eq!(on(&engine, leaf("a")), "shadow lifetime_too_long");
}
