//! Signatures that are good, and what is next to them.

use rcgen::PublicKeyData as _;

use super::vectors::*;
use super::*;
use crate::cert::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use crate::mint::{Key, der, public_key};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NULL: &[u8] = &[0x05, 0x00];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const CURVES: [&[u8]; 3] = [
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    &[0x2b, 0x81, 0x04, 0x00, 0x22],
    &[0x2b, 0x81, 0x04, 0x00, 0x23],
];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];

const GOOD: Result<(), SignatureError> = Ok(());
const ALGORITHM: Result<(), SignatureError> = Err(SignatureError::Algorithm);
const KEY: Result<(), SignatureError> = Err(SignatureError::Key);
const WRONG: Result<(), SignatureError> = Err(SignatureError::Wrong);

fn hex(digits: &str) -> Vec<u8> {
    hex::decode(digits.as_bytes()).unwrap()
}

fn algorithm(oid: &[&[u8]], parameters: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, oid), parameters])
}

/// RSASSA-PKCS1-v1_5 by the last arc: 5 is SHA-1, 11 SHA-256.
fn pkcs1(arc: u8) -> Vec<u8> {
    algorithm(&[RSA, &[arc]], NULL)
}

/// ECDSA by the last arc: 2 is SHA-256.
fn ecdsa(arc: u8) -> Vec<u8> {
    algorithm(&[ECDSA, &[arc]], &[])
}

fn ed25519() -> Vec<u8> {
    algorithm(&[ED25519_OID], &[])
}

/// RSASSA-PSS by the last arcs of the digests, of which 1 is SHA-256, with this salt and what comes after it.
fn pss(digest: u8, mask: u8, salt: &[u8], rest: &[u8]) -> Vec<u8> {
    let digest = der(0xa0, &[&algorithm(&[SHA2, &[digest]], NULL)]);
    let mask = der(0xa1, &[&algorithm(&[RSA, &[8]], &algorithm(&[SHA2, &[mask]], NULL))]);
    let salt = der(0xa2, &[&der(INTEGER, &[salt])]);
    algorithm(&[RSA, &[10]], &der(SEQUENCE, &[&digest, &mask, &salt, rest]))
}

fn elliptic_key(curve: &[u8], form: u8, coordinates: &[u8]) -> Vec<u8> {
    public_key(EC_PUBLIC_KEY, &der(OBJECT_IDENTIFIER, &[curve]), &[&[form], coordinates].concat())
}

/// A positive INTEGER.
fn integer(octets: &[u8]) -> Vec<u8> {
    let octets = &octets[octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len() - 1)..];
    let zero: &[u8] = if octets[0] >= 0x80 { &[0] } else { &[] };
    der(INTEGER, &[zero, octets])
}

/// `r` and `s` as certificates have them.
fn pair(r: &[u8], s: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&integer(r), &integer(s)])
}

/// A curve, a key on it, the last arc of an algorithm, and `r` and `s` for `sample`.
type OnCurve = (&'static [u8], Vec<u8>, u8, Vec<u8>);

/// Of each curve, what is signed with the digest of its own length.
fn rfc6979() -> [OnCurve; 3] {
    [
        (CURVES[0], hex(P256_POINT), 2, hex(P256_SIGNED[0])),
        (CURVES[1], hex(P384_POINT), 3, hex(P384_SIGNED[1])),
        (CURVES[2], hex(P521_POINT), 4, hex(P521_SIGNED[2])),
    ]
}

/// A good signature of every algorithm: key, algorithm, message, signature.
fn good() -> Vec<[Vec<u8>; 4]> {
    let mut good = Vec::new();
    for (key, algorithm, signature) in [
        (RSA_KEY, pkcs1(11), PKCS1_SHA256),
        (RSA_KEY, pkcs1(12), PKCS1_SHA384),
        (RSA_KEY, pkcs1(13), PKCS1_SHA512),
        (RSA_KEY, pss(1, 1, &[32], &[]), PSS_SHA256),
        (RSA_KEY, pss(2, 2, &[48], &[]), PSS_SHA384),
        (RSA_KEY, pss(3, 3, &[64], &[]), PSS_SHA512),
        (RSA_KEY, pss(1, 1, &[20], &[]), PSS_SHA256_SALT_20),
        (RSA_KEY, pss(1, 1, &[0], &[]), PSS_SHA256_NO_SALT),
        (RSA_KEY_1025, pkcs1(11), PKCS1_1025),
        (RSA_KEY_1025, pss(1, 1, &[32], &[]), PSS_1025),
        (RSA_KEY_1026, pkcs1(11), PKCS1_1026),
        (RSA_KEY_1026, pss(1, 1, &[32], &[]), PSS_1026),
        (PSS_KEY, pss(1, 1, &[32], &[]), PSS_KEY_SIGNED),
        (PSS_KEY_SHA256, pss(1, 1, &[32], &[]), PSS_KEY_SHA256_SIGNED),
    ] {
        good.push([hex(key), algorithm, b"message".to_vec(), hex(signature)]);
    }
    // Digests shorter than the number of points, as long, and longer.
    for (curve, point, signatures) in [
        (CURVES[0], P256_POINT, P256_SIGNED),
        (CURVES[1], P384_POINT, P384_SIGNED),
        (CURVES[2], P521_POINT, P521_SIGNED),
    ] {
        for (arc, signature) in (2..).zip(signatures.map(hex)) {
            let (r, s) = signature.split_at(signature.len() / 2);
            good.push([elliptic_key(curve, 4, &hex(point)), ecdsa(arc), b"sample".to_vec(), pair(r, s)]);
        }
    }
    for [key, message, signature] in super::vectors::ED25519 {
        good.push([public_key(ED25519_OID, &[], &hex(key)), ed25519(), hex(message), hex(signature)]);
    }
    good
}

#[test]
fn what_a_key_signed_is_good_and_nothing_near_it() {
    for [key, algorithm, message, signature] in good() {
        let check = |message: &[u8], signature: &[u8]| verify(&key, &algorithm, message, signature);
        assert_eq!(check(&message, &signature), GOOD, "{algorithm:x?}");
        assert_eq!(check(&[&message[..], b"."].concat(), &signature), WRONG, "a longer message");
        let last = signature.len() - 1;
        for at in [0, 1, 5, last / 2, last] {
            for bit in [0x01, 0x80] {
                let mut other = signature.clone();
                other[at] ^= bit;
                assert_eq!(check(&message, &other), WRONG, "octet {at} of the signature of {algorithm:x?}");
            }
        }
        for other in
            [&signature[..last], &[&signature[..], &[0]].concat(), &[&[0], &signature[..]].concat(), &[]]
        {
            assert_eq!(check(&message, other), WRONG, "a signature of {} octets", other.len());
        }
    }
}

#[test]
fn another_key_of_the_same_kind_did_not_sign() {
    for [key, algorithm, message, signature] in good() {
        let mut other = key.clone();
        // The last octet is the exponent of an RSA key; two from the end of the modulus.
        let at = if key.len() > 158 && algorithm.windows(RSA.len()).any(|oid| oid == RSA) { 10 } else { 1 };
        let last = other.len() - at;
        other[last] ^= 2;
        let verdict = verify(&other, &algorithm, &message, &signature);
        assert!(verdict == KEY || verdict == WRONG, "{verdict:?}");
    }
}

#[test]
fn a_message_in_pieces_is_the_message() {
    let key = Key::new("a");
    let message: Vec<u8> = (0..1000).map(|number| number as u8).collect();
    let mut cases = vec![[key.subject_public_key_info(), ecdsa(2), message.clone(), key.sign(&message)]];
    cases.extend(good());
    for [key, algorithm, message, signature] in cases {
        for size in [1, 3, 64, 128] {
            let mut check = SignatureCheck::new(&key, &algorithm, &signature).unwrap();
            check.update(&[]);
            message.chunks(size).for_each(|piece| check.update(piece));
            assert_eq!(check.finish(), GOOD);
        }
        let mut check = SignatureCheck::new(&key, &algorithm, &signature).unwrap();
        message.chunks(7).for_each(|piece| check.update(piece));
        check.update(b".");
        assert_eq!(check.finish(), WRONG);
    }
}

#[test]
fn a_key_of_another_kind_than_the_algorithm_is_refused() {
    let all = good();
    for [key, algorithm, message, signature] in &all {
        for [other, ..] in &all {
            let verdict = verify(other, algorithm, message, signature);
            assert_eq!(verdict == GOOD, other == key, "{algorithm:x?} {other:x?}");
        }
    }
    let [rsa, elliptic, edwards] = [&all[0], &all[14], &all[23]];
    for (key, algorithm) in [(rsa, elliptic), (elliptic, edwards), (edwards, rsa), (rsa, edwards)] {
        assert_eq!(verify(&key[0], &algorithm[1], &algorithm[2], &algorithm[3]), KEY);
    }
    assert_eq!(verify(&hex(PSS_KEY), &pkcs1(11), b"message", &hex(PKCS1_1026)), KEY, "for RSASSA-PSS only");
}

#[test]
fn digests_that_were_broken_are_refused() {
    let check = |algorithm: &[u8]| verify(&hex(RSA_KEY), algorithm, b"message", &hex(PKCS1_SHA1));
    // MD5, SHA-1, SHA-224.
    for arc in [4, 5, 14] {
        assert_eq!(check(&pkcs1(arc)), ALGORITHM, "{arc}");
    }
    assert_eq!(check(&pkcs1(11)), WRONG);
    assert_eq!(check(&algorithm(&[RSA, &[10]], &der(SEQUENCE, &[]))), ALGORITHM, "left out is SHA-1");
    let ecdsa_sha1 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    let point = elliptic_key(CURVES[0], 4, &hex(P256_POINT));
    assert_eq!(verify(&point, &algorithm(&[&ecdsa_sha1], &[]), b"", &[]), ALGORITHM);
    assert_eq!(verify(&point, &ecdsa(1), b"", &[]), ALGORITHM, "SHA-224");
}

#[test]
fn parameters_are_those_of_the_algorithm() {
    let rsa = |algorithm: &[u8]| verify(&hex(RSA_KEY), algorithm, b"message", &hex(PKCS1_SHA256));
    assert_eq!(rsa(&algorithm(&[RSA, &[11]], NULL)), GOOD);
    assert_eq!(rsa(&algorithm(&[RSA, &[11]], &[])), GOOD, "RFC 4055 section 5: left out is taken");
    assert_eq!(rsa(&algorithm(&[RSA, &[11]], &integer(&[1]))), ALGORITHM);
    assert_eq!(rsa(&[&pkcs1(11)[..], &[0]].concat()), ALGORITHM, "something after it");
    for [key, identifier, message, signature] in &good()[14..] {
        let oid = &identifier[2..];
        assert_eq!(verify(key, &der(SEQUENCE, &[oid]), message, signature), GOOD);
        assert_eq!(verify(key, &der(SEQUENCE, &[oid, NULL]), message, signature), ALGORITHM);
    }
}

#[test]
fn parameters_of_pss_are_those_it_was_signed_with() {
    let key = hex(RSA_KEY);
    let check = |algorithm: &[u8], signature: &str| verify(&key, algorithm, b"message", &hex(signature));
    let trailer = |number: u8| der(0xa3, &[&der(INTEGER, &[&[number]])]);
    assert_eq!(check(&pss(1, 1, &[32], &trailer(1)), PSS_SHA256), GOOD, "the trailer field spelt out");
    assert_eq!(check(&pss(1, 1, &[32], &trailer(2)), PSS_SHA256), ALGORITHM);
    for other in [&[31][..], &[33], &[0], &[20], &[103], &[104], &[105], &[0x01, 0x00], &[0x7f, 0xff]] {
        assert_eq!(check(&pss(1, 1, other, &[]), PSS_SHA256), WRONG, "a salt of {other:?}");
    }
    for odd in [&[][..], &[0x80], &[0x00, 0x20], &[0x01, 0x00, 0x00]] {
        assert_eq!(check(&pss(1, 1, odd, &[]), PSS_SHA256), ALGORITHM, "a salt of {odd:?}");
    }
    for (digest, mask) in [(1, 2), (2, 1), (4, 4), (1, 4)] {
        assert_eq!(check(&pss(digest, mask, &[32], &[]), PSS_SHA256), ALGORITHM, "{digest} and {mask}");
    }
    assert_eq!(check(&pss(1, 2, &[32], &[]), PSS_SHA256_MASK_SHA384), ALGORITHM, "two digests");
    assert_eq!(check(&pss(1, 1, &[32], &[]), PSS_SHA256_MASK_SHA384), WRONG);
    assert_eq!(check(&pss(2, 2, &[48], &[]), PSS_SHA256), WRONG);
    // What is left out stands for 20 octets of salt.
    let digest = der(0xa0, &[&algorithm(&[SHA2, &[1]], &[])]);
    let mask = der(0xa1, &[&algorithm(&[RSA, &[8]], &algorithm(&[SHA2, &[1]], &[]))]);
    let without_salt = algorithm(&[RSA, &[10]], &der(SEQUENCE, &[&digest, &mask]));
    assert_eq!(check(&without_salt, PSS_SHA256_SALT_20), GOOD);
    assert_eq!(check(&without_salt, PSS_SHA256), WRONG);
    let without_mask = algorithm(&[RSA, &[10]], &der(SEQUENCE, &[&digest]));
    assert_eq!(check(&without_mask, PSS_SHA256_SALT_20), ALGORITHM, "left out is SHA-1");
}

#[test]
fn a_key_for_pss_asks_for_its_own_parameters() {
    let check =
        |key: &str, algorithm: &[u8]| verify(&hex(key), algorithm, b"message", &hex(PSS_KEY_SHA256_SIGNED));
    assert_eq!(check(PSS_KEY_SHA256, &pss(1, 1, &[32], &[])), GOOD);
    assert_eq!(check(PSS_KEY_SHA256, &pss(1, 1, &[33], &[])), WRONG, "longer than it must be");
    assert_eq!(check(PSS_KEY_SHA256, &pss(1, 1, &[31], &[])), KEY);
    assert_eq!(check(PSS_KEY_SHA256, &pss(2, 2, &[48], &[])), KEY);
    assert_eq!(check(PSS_KEY, &pss(2, 2, &[48], &[])), WRONG);
}

#[test]
fn an_rsa_key_is_neither_short_nor_long_nor_odd_in_form() {
    let key = |modulus: &[u8], exponent: &[u8]| {
        let key = der(SEQUENCE, &[&der(INTEGER, &[modulus]), &der(INTEGER, &[exponent])]);
        verify(&public_key(&[RSA, &[1]].concat(), NULL, &key), &pkcs1(11), b"message", &[1; 128])
    };
    let modulus = |octets: usize, first: u8, last: u8| {
        let mut modulus = vec![0x55; octets];
        (modulus[0], modulus[octets - 1]) = (first, last);
        modulus
    };
    let high = |octets| [&[0][..], &modulus(octets, 0x80, 1)].concat();
    assert_eq!(key(&high(128), &[1, 0, 1]), WRONG, "1024 bits");
    assert_eq!(key(&modulus(128, 0x7f, 1), &[1, 0, 1]), KEY, "1023 bits");
    assert_eq!(key(&high(1024), &[1, 0, 1]), WRONG, "8192 bits");
    assert_eq!(key(&modulus(1025, 1, 1), &[1, 0, 1]), KEY, "8193 bits");
    assert_eq!(key(&[&[0][..], &modulus(128, 0x80, 2)].concat(), &[1, 0, 1]), KEY, "even");
    assert_eq!(key(&modulus(128, 0x80, 1), &[1, 0, 1]), KEY, "negative");
    assert_eq!(
        key(&[&[0, 0][..], &modulus(128, 0x80, 1)].concat(), &[1, 0, 1]),
        KEY,
        "longer than it must be"
    );
    for good in [&[3][..], &[17], &[1, 0, 1], &[0, 0xff, 0xff, 0xff, 0xff]] {
        assert_eq!(key(&high(128), good), WRONG, "the exponent {good:?}");
    }
    for bad in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[0x81], &[0, 3], &[1, 0, 0, 0, 1]] {
        assert_eq!(key(&high(128), bad), KEY, "the exponent {bad:?}");
    }
    let key = hex(RSA_KEY);
    let (head, body) = key.split_at(3 + 15);
    let bare = der(SEQUENCE, &[&head[3..16], body]);
    assert_eq!(verify(&bare, &pkcs1(11), b"message", &hex(PKCS1_SHA256)), KEY, "without the NULL");
}

#[test]
fn an_rsa_signature_is_as_long_as_the_modulus_and_less() {
    let key = hex(RSA_KEY_1026);
    let signature = hex(PKCS1_1026);
    let modulus = &key[key.len() - 3 - 129..key.len() - 3];
    let mut sum = vec![0; 129];
    let mut carry = 0;
    for at in (0..129).rev() {
        let octets = u32::from(signature[at]) + u32::from(modulus[at]) + carry;
        sum[at] = octets as u8;
        carry = octets >> 8;
    }
    assert_eq!(verify(&key, &pkcs1(11), b"message", &signature), GOOD);
    assert_eq!(carry, 0);
    assert_eq!(verify(&key, &pkcs1(11), b"message", &sum), WRONG, "the same number modulo the modulus");
    assert_eq!(verify(&key, &pkcs1(11), b"message", modulus), WRONG);
    assert_eq!(verify(&key, &pkcs1(11), b"message", &[0; 129]), WRONG);
}

#[test]
fn ecdsa_signatures_are_in_der_and_their_numbers_in_range() {
    for ((curve, coordinates, arc, signature), order) in rfc6979().into_iter().zip(ORDERS) {
        let key = elliptic_key(curve, 4, &coordinates);
        let order = &hex(order);
        let check = |signature: &[u8]| verify(&key, &ecdsa(arc), b"sample", signature);
        let (r, s) = signature.split_at(signature.len() / 2);
        assert_eq!(check(&pair(r, s)), GOOD);
        let (r_der, s_der) = (integer(r), integer(s));
        let zeros = vec![0; r.len()];
        for (name, signature) in [
            ("the numbers alone", signature.clone()),
            ("s and r", pair(s, r)),
            ("r is 0", pair(&zeros, s)),
            ("s is 0", pair(r, &zeros)),
            ("both are 0", pair(&zeros, &zeros)),
            ("both are 1", pair(&[1], &[1])),
            ("r is the number of points", pair(order, s)),
            ("s is the number of points", pair(r, order)),
            ("both are as large as can be", pair(&vec![0xff; r.len()], &vec![0xff; r.len()])),
            ("longer than the curve", pair(&[&[1][..], r].concat(), s)),
            ("three numbers", der(SEQUENCE, &[&r_der, &s_der, &s_der])),
            ("one number", der(SEQUENCE, &[&r_der])),
            ("no SEQUENCE", [r_der.clone(), s_der.clone()].concat()),
            ("a longer INTEGER", der(SEQUENCE, &[&der(INTEGER, &[&[0, 0], r]), &s_der])),
            ("negative", der(SEQUENCE, &[&der(INTEGER, &[&[0x80]]), &s_der])),
            ("an empty INTEGER", der(SEQUENCE, &[&der(INTEGER, &[]), &s_der])),
            ("a longer length", [&[0x30, 0x82, 0x00][..], &pair(r, s)[1..]].concat()),
            ("an indefinite length", [&[0x30, 0x80][..], &r_der, &s_der, &[0, 0]].concat()),
            ("something after it", [&pair(r, s)[..], NULL].concat()),
        ] {
            assert_eq!(check(&signature), WRONG, "{name}");
        }
    }
}

#[test]
fn an_elliptic_key_is_a_point_of_a_named_curve() {
    let signed =
        |spki: &[u8], arc: u8, (r, s): (&[u8], &[u8])| verify(spki, &ecdsa(arc), b"sample", &pair(r, s));
    for (curve, coordinates, arc, signature) in rfc6979() {
        let numbers = signature.split_at(signature.len() / 2);
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let parity = y[y.len() - 1] & 1;
        let check =
            |form: u8, coordinates: &[u8]| signed(&elliptic_key(curve, form, coordinates), arc, numbers);
        assert_eq!(check(4, &coordinates), GOOD);
        assert_eq!(check(2 | parity, x), GOOD, "compressed");
        assert_eq!(check(3 - parity, x), WRONG, "compressed, the opposite");
        let mut off = coordinates.clone();
        *off.last_mut().unwrap() ^= 1;
        for (name, form, coordinates) in [
            ("not on the curve", 4, &off[..]),
            ("at infinity", 0, &[]),
            ("both", 6 | parity, &coordinates),
            ("compressed with both coordinates", 2 | parity, &coordinates),
            ("one coordinate", 4, x),
            ("one coordinate, and nothing about the other", 5, x),
            ("shorter", 4, &coordinates[..coordinates.len() - 1]),
            ("longer", 4, &[&coordinates[..], &[0]].concat()),
            ("zero", 4, &vec![0; coordinates.len()]),
            ("not less than the prime", 4, &vec![0xff; coordinates.len()]),
        ] {
            assert_eq!(check(form, coordinates), KEY, "{name}");
        }
        for other in CURVES.iter().filter(|other| **other != curve) {
            assert_eq!(signed(&elliptic_key(other, 4, &coordinates), arc, numbers), KEY, "another curve");
        }
        // secp256k1, and the curve spelt out or left out.
        let key =
            |parameters: &[u8]| public_key(EC_PUBLIC_KEY, parameters, &[&[4][..], &coordinates].concat());
        let koblitz = der(OBJECT_IDENTIFIER, &[&[0x2b, 0x81, 0x04, 0x00, 0x0a]]);
        let explicit = der(SEQUENCE, &[&integer(&[1]), &der(SEQUENCE, &[])]);
        for parameters in [&koblitz[..], &explicit, NULL, &[]] {
            assert_eq!(signed(&key(parameters), arc, numbers), KEY, "{parameters:x?}");
        }
    }
}

#[test]
fn keys_and_identifiers_end_where_they_say() {
    for [key, algorithm, message, signature] in good() {
        let check = |key: &[u8], algorithm: &[u8]| verify(key, algorithm, &message, &signature);
        assert_eq!(check(&[&key[..], &[0]].concat(), &algorithm), KEY);
        assert_eq!(check(&key[..key.len() - 1], &algorithm), KEY);
        assert_eq!(check(&[], &algorithm), KEY);
        assert_eq!(check(&key, &[]), ALGORITHM);
        assert_eq!(check(&key, &algorithm[..algorithm.len() - 1]), ALGORITHM);
    }
    // A BIT STRING of which bits are left unused.
    let point = [&[1, 4][..], &hex(P256_POINT)].concat();
    let identifier = algorithm(&[EC_PUBLIC_KEY], &der(OBJECT_IDENTIFIER, &[CURVES[0]]));
    let key = der(SEQUENCE, &[&identifier, &der(BIT_STRING, &[&point])]);
    assert_eq!(verify(&key, &ecdsa(2), b"sample", &[]), KEY);
}

#[test]
fn ed25519_numbers_are_the_one_form_of_them() {
    // The order of the generator, least significant octet first.
    let mut order = hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    let [key, message, signature] = super::vectors::ED25519[1].map(hex);
    let mut other = signature.clone();
    let mut carry = 0;
    for (octet, add) in other[32..].iter_mut().zip(&order) {
        let sum = u16::from(*octet) + u16::from(*add) + carry;
        *octet = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    let spki = |key: &[u8]| public_key(ED25519_OID, &[], key);
    assert_eq!(verify(&spki(&key), &ed25519(), &message, &signature), GOOD);
    assert_eq!(verify(&spki(&key), &ed25519(), &message, &other), WRONG, "s and the order");
    assert_eq!(verify(&public_key(ED25519_OID, NULL, &key), &ed25519(), &message, &signature), KEY);
}

#[test]
fn an_ed25519_signature_of_small_order_is_refused() {
    // The point that adds nothing, and what makes the equation right; signers never choose it.
    let [key, ..] = super::vectors::ED25519[0];
    let verdict = verify(
        &public_key(ED25519_OID, &[], &hex(key)),
        &ed25519(),
        b"message",
        &hex(ED25519_NEUTRAL_SIGNED),
    );
    assert_eq!(verdict, WRONG);
}

#[test]
fn ed25519_keys_of_small_order_and_in_other_forms_are_refused() {
    // With the point that adds nothing, `s = 0` and the same point are a signature of everything.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let forged = [&neutral[..], &[0; 32]].concat();
    let minus_one = hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let prime = hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let prime_and_one = hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let eighth = hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    let negative_zero = hex("0100000000000000000000000000000000000000000000000000000000000080");
    let not_a_point = hex("0200000000000000000000000000000000000000000000000000000000000000");
    for key in [
        &neutral[..],
        &[0; 32],
        &minus_one,
        &eighth,
        &prime,
        &prime_and_one,
        &negative_zero,
        &not_a_point,
        &[0xff; 32],
        &[9; 31],
        &[9; 33],
    ] {
        assert_eq!(
            verify(&public_key(ED25519_OID, &[], key), &ed25519(), b"anything", &forged),
            KEY,
            "{key:x?}"
        );
    }
}
