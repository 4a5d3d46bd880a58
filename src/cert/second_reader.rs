//! Certificates, whole and damaged, read twice: what is taken here, `x509-parser` takes, and finds the same in it.

use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::nom::Parser;

use super::{Certificate, extension};
use crate::cert::der::Reader;
use crate::identity::distinguished_name::DistinguishedName;
use crate::mint::{self, Ca, der};

/// What the other reader makes of it; `None` where it refuses it, or leaves something over.
fn other(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509CertificateParser::new().with_deep_parse_extensions(false).parse(der) {
        Ok(([], certificate)) => Some(certificate),
        Ok(_) | Err(_) => None,
    }
}

/// Reads it twice, and says whether it is taken.
fn check(der: &[u8], what: &str) -> bool {
    let Ok(certificate) = Certificate::from_der(der.to_vec()) else { return false };
    let fields = certificate.fields().unwrap();
    let other = other(der).unwrap_or_else(|| panic!("{what}: the other reader refuses it: {der:02x?}"));
    assert_eq!(fields.serial, other.raw_serial(), "{what}");
    assert_eq!(fields.not_before, other.validity().not_before.to_datetime(), "{what}");
    assert_eq!(fields.not_after, other.validity().not_after.to_datetime(), "{what}");
    for (name, other) in [(fields.issuer, other.issuer()), (fields.subject, other.subject())] {
        // The other reader stops quietly at what it cannot read in a name; here nobody gets a name out of that.
        let is_read = DistinguishedName::parse_der(name).is_ok();
        assert!(name == other.as_raw() || !is_read, "{what}: {name:02x?} and {:02x?}", other.as_raw());
    }
    assert_eq!(fields.public_key, other.public_key().raw, "{what}");
    assert_eq!(fields.signature.oid, other.signature.algorithm.as_bytes(), "{what}");
    assert_eq!(other.signature, other.signature_algorithm, "{what}");
    let mut list = Reader::new(fields.extensions);
    for expected in other.extensions() {
        let found = extension::next(&mut list).unwrap().unwrap();
        assert_eq!((found.oid, found.value), (expected.oid.as_bytes(), expected.value), "{what}");
    }
    assert_eq!(list.end(), Ok(()), "{what}");
    true
}

/// Certificates that differ in what they hold.
fn whole() -> Vec<Vec<u8>> {
    let ca = Ca::new("Acme Root");
    let null: &[u8] = &[0x05, 0x00];
    let rsa =
        mint::der(0x30, &[&der(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]]), null]);
    let full = ca.leaf("billing").dns("a.acme.example").uri("spiffe://acme.example/billing");
    let full = full.ip([192, 0, 2, 7].into()).upn("alice@acme.example").policies(&[&[0x2a, 0x03]]);
    let seeds = [
        &include_bytes!("../../fuzz/seeds/certificate/ed25519.der")[..],
        include_bytes!("../../fuzz/seeds/certificate/leaf.der"),
        include_bytes!("../../fuzz/seeds/certificate/plain.der"),
        include_bytes!("../../fuzz/seeds/certificate/rsa.der"),
    ];
    let minted = [
        ca.leaf("billing").mint().der,
        ca.leaf("billing").serial(&[0x80]).mint().der,
        ca.leaf("billing").signature_algorithms(&rsa, &rsa).mint().der,
        full.critical_extension(&[1, 2, 3], &[5, 0]).mint().der,
        ca.der().to_vec(),
        ca.intermediate("Acme Issuing").der().to_vec(),
    ];
    minted.into_iter().chain(seeds.into_iter().map(<[u8]>::to_vec)).collect()
}

#[test]
fn whole_certificates_mean_the_same_to_both() {
    for (at, der) in whole().iter().enumerate() {
        assert!(check(der, &format!("certificate {at}")), "certificate {at} is refused");
    }
}

#[test]
fn what_is_taken_of_certificates_with_one_octet_changed_means_the_same_to_both() {
    let mut taken = 0;
    for (which, whole) in whole().iter().enumerate() {
        for at in 0..whole.len() {
            for change in [0x01, 0x02, 0x10, 0x20, 0x40, 0x7f, 0x80, 0xff] {
                let mut der = whole.clone();
                der[at] ^= change;
                taken += usize::from(check(&der, &format!("certificate {which}, octet {at} ^ {change:#x}")));
            }
        }
    }
    // Else nothing was compared.
    assert!(taken > 10_000, "{taken}");
}

/// The element at `path`, one position after another below the whole, and what changes it.
fn with_changed(der: &[u8], path: &[usize], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let [first, path @ ..] = path else { return change(der) };
    let element = Reader::new(der).next().unwrap().unwrap();
    let mut inside = Reader::new(element.contents);
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(part) = inside.next().unwrap() {
        parts.push(if at == *first { with_changed(part.whole, path, change) } else { part.whole.to_vec() });
        at += 1;
    }
    mint::der(element.tag, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The way to every element of a certificate that holds others.
fn paths(der: &[u8], above: &[usize], found: &mut Vec<Vec<usize>>) {
    found.push(above.to_vec());
    let element = Reader::new(der).next().unwrap().unwrap();
    let mut inside = Reader::new(element.contents);
    let mut at = 0;
    while element.tag & 0x20 != 0
        && let Some(part) = inside.next().unwrap()
    {
        paths(part.whole, &[above, &[at]].concat(), found);
        at += 1;
    }
}

#[test]
fn what_is_taken_of_certificates_with_one_element_changed_means_the_same_to_both() {
    type Change = fn(&[u8]) -> Vec<u8>;
    const CHANGES: [(&str, Change); 9] = [
        ("left out", |_| Vec::new()),
        ("empty", |element| mint::der(element[0], &[])),
        ("twice", |element| [element, element].concat()),
        ("before a NULL", |element| [element, &[0x05, 0x00]].concat()),
        ("after a NULL", |element| [&[0x05, 0x00], element].concat()),
        ("of an INTEGER's tag", |element| [&[0x02], &element[1..]].concat()),
        ("of another class", |element| [&[element[0] ^ 0x80], &element[1..]].concat()),
        ("a NULL longer", |element| {
            let contents = Reader::new(element).next().unwrap().unwrap().contents;
            mint::der(element[0], &[contents, &[0x05, 0x00]])
        }),
        ("of an odd length", |element| {
            let contents = Reader::new(element).next().unwrap().unwrap().contents;
            [&[element[0], 0x83, 0x00, (contents.len() >> 8) as u8, contents.len() as u8], contents].concat()
        }),
    ];
    for (which, whole) in whole().iter().enumerate() {
        let mut all = Vec::new();
        paths(whole, &[], &mut all);
        for path in &all {
            for (name, change) in CHANGES {
                let changed = with_changed(whole, path, &change);
                check(&changed, &format!("certificate {which}, {path:?} {name}"));
            }
        }
    }
}
