//! Whole lists, minted and loaded.

use std::collections::HashMap;
use std::sync::Arc;

use super::{List, Load, LoadError, Loaded, Place};
use crate::cert::Certificate;
use crate::cert::signature::SignatureError;
use crate::mint::crl::*;
use crate::mint::{CN, Ca, UTF8, attribute, der};
use crate::revocation::{EntryReason, Why};
use crate::trust::Authority;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(super) fn ca() -> Ca {
    Ca::new("Acme Root")
}

pub(super) fn authority(ca: &Ca) -> Arc<Authority> {
    Arc::new(Authority::of(Certificate::from_der(ca.der().to_vec()).unwrap()).unwrap())
}

pub(super) fn load_with(bytes: Vec<u8>, authorities: &[&Ca]) -> Result<Loaded, LoadError> {
    Load::new(bytes, authorities.iter().map(|ca| authority(ca)).collect()).finish()
}

pub(super) fn load(bytes: Vec<u8>) -> Result<Loaded, LoadError> {
    load_with(bytes, &[&ca()])
}

pub(super) fn list(crl: &Crl) -> List {
    load(crl.der()).unwrap().into_list()
}

fn problem(crl: &Crl) -> LoadError {
    load(crl.der()).map(|_| ()).unwrap_err()
}

fn reason(list: &List, serial: &[u8]) -> Option<EntryReason> {
    list.find(0, serial).unwrap().map(|entry| entry.reason)
}

#[test]
fn a_serial_number_is_found_with_date_and_reason_and_its_neighbours_are_not() {
    let list = list(
        &ca()
            .crl()
            .entry(Revoked::new(&[0x0f, 0x3a]).reason(KEY_COMPROMISE))
            .revoke_serial(&[0x00, 0x80])
            .revoke_serial(&[0x80])
            .revoke_serial(&[0xff, 0x7f])
            .revoke_serial(&[0x00])
            .revoke_serial(&[0x77; 64]),
    );
    assert_eq!(list.head().entries, 6);
    assert_eq!(reason(&list, &[0x0f, 0x3a]), Some(EntryReason::KeyCompromise));
    let since = list.find(0, &[0x0f, 0x3a]).unwrap().unwrap().since.unwrap();
    assert_eq!((since.year(), since.ordinal()), (2021, 1));
    for serial in [&[0x00, 0x80][..], &[0x80], &[0xff, 0x7f], &[0x00], &[0x77; 64]] {
        assert_eq!(reason(&list, serial), Some(EntryReason::Unspecified), "{serial:x?}");
    }
    for near in [&[0x0f][..], &[0x0f, 0x3b], &[0x00, 0x0f, 0x3a], &[0x7f], &[0xff], &[], &[0x77; 63]] {
        assert_eq!(reason(&list, near), None, "{near:x?}");
    }
    assert_eq!(list.find(1, &[0x0f, 0x3a]), Ok(None), "there is no second issuer");
}

#[test]
fn a_list_without_entries_has_none() {
    for crl in [ca().crl(), ca().crl().empty_entries()] {
        let list = list(&crl);
        assert_eq!(list.head().entries, 0);
        assert_eq!(reason(&list, &[1]), None);
    }
}

#[test]
fn the_head_says_what_the_list_says() {
    let head = load(ca().crl().number(0x1234).delta_of(0x1200).der()).unwrap().head;
    assert_eq!(head.signer, authority(&ca()).spki_fingerprint());
    assert_eq!(head.issuer.name(), authority(&ca()).subject());
    assert_eq!(head.number.octets(), [0x12, 0x34]);
    assert_eq!(head.delta_base.unwrap().octets(), [0x12, 0x00]);
    assert_eq!(head.authority_key_id.as_deref(), authority(&ca()).key_identifier());
    assert_eq!((head.this_update.year(), head.next_update.year()), (2020, 2099));
    assert_eq!(head.scope, None);
    assert_eq!(head.certificate_issuers.len(), 1);
}

#[test]
fn every_entry_of_many_is_found_and_no_other() {
    let ca = ca();
    let list = list(&ca.crl().numbered(20_000));
    assert!(list.head().shards > 100, "{}", list.head().shards);
    assert_eq!(list.head().entries, 20_000);
    for number in (0..20_000).step_by(7) {
        assert!(list.find(0, &numbered_serial(number)).unwrap().is_some(), "{number}");
    }
    for number in 20_000..21_000 {
        assert_eq!(list.find(0, &numbered_serial(number)), Ok(None), "{number}");
    }
}

/// Numbers that look random, always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 ^ self.0 >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 33
    }

    /// The contents of an INTEGER of up to 24 octets, in its shortest form.
    fn serial(&mut self) -> Vec<u8> {
        let length = 1 + self.next() as usize % 24;
        let mut serial: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
        if self.next().is_multiple_of(4) {
            serial[0] = if self.next().is_multiple_of(2) { 0x00 } else { 0xff };
        }
        while let [first @ (0x00 | 0xff), second, ..] = serial[..]
            && (first == 0xff) == (second & 0x80 != 0)
        {
            serial.remove(0);
        }
        serial
    }
}

#[test]
fn look_ups_agree_with_a_map_of_what_was_listed() {
    let mut numbers = Numbers(7);
    let reasons = [0, KEY_COMPROMISE, SUPERSEDED, CERTIFICATE_HOLD, 10];
    let mut expected = HashMap::new();
    let mut ambiguous = Vec::new();
    let mut crl = ca().crl();
    for _ in 0..3000 {
        let serial = numbers.serial();
        let reason = reasons[numbers.next() as usize % reasons.len()];
        if expected.insert(serial.clone(), reason).is_none() {
            let entry = Revoked::new(&serial);
            crl = crl.entry(if reason == 0 { entry } else { entry.reason(reason) });
        } else {
            // Short ones come twice. Which of two entries is found is for another test.
            ambiguous.push(serial);
        }
    }
    let list = list(&crl);
    for (serial, reason) in &expected {
        let found = list.find(0, serial).unwrap().map(|entry| entry.reason.number());
        assert!(found == Some(*reason) || ambiguous.contains(serial) && found.is_some(), "{serial:x?}");
    }
    for _ in 0..3000 {
        let serial = numbers.serial();
        assert_eq!(list.find(0, &serial).unwrap().is_some(), expected.contains_key(&serial), "{serial:x?}");
    }
}

#[test]
fn a_list_with_any_one_byte_changed_or_cut_short_anywhere_is_refused() {
    let good = ca().crl().entry(Revoked::new(&[1, 2, 3]).reason(KEY_COMPROMISE)).revoke_serial(&[9]).der();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(load(bytes).is_err(), "byte {at} of {}", good.len());
        assert!(load(good[..at].to_vec()).is_err(), "cut after {at} bytes");
    }
}

#[test]
fn duplicates_are_revoked_whatever_comes_last() {
    let delta = ca().crl().number(3).delta_of(2);
    let hold = Revoked::new(&[7]).reason(CERTIFICATE_HOLD);
    let remove = Revoked::new(&[7]).reason(REMOVE_FROM_CRL);
    for crl in [
        delta.clone().entry(hold.clone()).entry(remove.clone()),
        delta.clone().entry(remove.clone()).entry(hold),
    ] {
        assert_eq!(reason(&list(&crl), &[7]), Some(EntryReason::CertificateHold));
    }
    assert_eq!(reason(&list(&delta.entry(remove)), &[7]), Some(EntryReason::RemoveFromCrl));
}

#[test]
fn a_serial_number_that_stands_there_too_often_makes_the_list_unusable() {
    let many = |count: usize| ca().crl().entries((0..count).map(|_| Revoked::new(&[7; 16])));
    assert!(load(many(700).der()).is_ok());
    assert_eq!(problem(&many(800)), LoadError::Skewed);
}

#[test]
fn what_is_no_list_is_told_from_what_is_cut_short() {
    let good = ca().crl().revoke_serial(&[1]);
    for (bytes, expected) in [
        (Vec::new(), LoadError::NotAList),
        (b"<!doctype html><title>502</title>".to_vec(), LoadError::NotAList),
        (vec![0x30], LoadError::Truncated),
        (vec![0x30, 0x84, 0x02], LoadError::Truncated),
        (good.der()[..100].to_vec(), LoadError::Truncated),
        (der(0x31, &[&[0; 100]]), LoadError::NotAList),
        (der(0x30, &[]), LoadError::NotAList),
        (good.pem().into_bytes()[..200].to_vec(), LoadError::Truncated),
        ([good.der(), vec![0]].concat(), LoadError::Malformed("it holds bytes after its end")),
    ] {
        let error = load(bytes.clone()).map(|_| ()).unwrap_err();
        assert_eq!(error, expected, "{bytes:x?}");
        assert_eq!(error.why(), Why::Unusable);
    }
    let large = vec![0x30; super::MAX_LIST_BYTES + 1];
    assert_eq!(load(large).map(|_| ()).unwrap_err(), LoadError::TooLong { bytes: super::MAX_LIST_BYTES + 1 });
}

#[test]
fn the_signer_is_found_by_name_and_key() {
    let good = ca().crl().revoke_serial(&[1]);
    let other = Ca::with_seed("Acme Root", "another key");
    let stranger = Ca::new("Other Root");
    let signer = load_with(good.der(), &[&stranger, &other, &ca()]).unwrap().head.signer;
    assert_eq!(signer, authority(&ca()).spki_fingerprint());
    // Without a key identifier, or with that of nobody, every key of the name is tried.
    for crl in [good.clone().no_key_identifier(), good.clone().key_identifier(&[1; 20])] {
        assert_eq!(load_with(crl.der(), &[&other, &ca()]).unwrap().head.signer, signer);
        let error = load_with(crl.der(), &[&other]).map(|_| ()).unwrap_err();
        assert_eq!(error, LoadError::Signature(SignatureError::Wrong));
    }
    let error = load_with(good.der(), &[&stranger]).map(|_| ()).unwrap_err();
    assert_eq!(error, LoadError::SignerUnknown { issuer: "CN=Acme Root".to_owned() });
    assert_eq!(error.why(), Why::BadSignature);
    // Whoever answers in a server's place writes what they like, and as much as they like.
    let long = Ca::new(&"x".repeat(20_000)).crl();
    let LoadError::SignerUnknown { issuer } = problem(&long) else { panic!("its signer is not known") };
    assert_eq!(issuer.len(), 256);
    let error = load_with(good.der(), &[&other]).map(|_| ()).unwrap_err();
    assert_eq!((error.why(), error), (Why::BadSignature, LoadError::Signature(SignatureError::Wrong)));
    assert_eq!(problem(&good.clone().key(other.key())), LoadError::Signature(SignatureError::Wrong));
    assert_eq!(load_with(good.der(), &[]).map(|_| ()).unwrap_err().why(), Why::BadSignature);
}

#[test]
fn a_critical_extension_that_is_not_known_is_named() {
    let unheard = "1.3.6.1.4.1.99999.1".to_owned();
    let list = LoadError::UnsupportedExtension { place: Place::List, oid: unheard.clone() };
    assert_eq!(problem(&ca().crl().critical_extension(UNHEARD_OF, &[5, 0])), list);
    assert_eq!(
        list.to_string(),
        "it holds the critical extension `1.3.6.1.4.1.99999.1`, which is not supported"
    );
    let entry = LoadError::UnsupportedExtension { place: Place::Entry, oid: unheard };
    let odd = |critical: bool| {
        let entry = Revoked::new(&[1]);
        ca().crl().entry(match critical {
            true => entry.critical_extension(UNHEARD_OF, &[5, 0]),
            false => entry.extension(UNHEARD_OF, &[5, 0]),
        })
    };
    assert_eq!(problem(&odd(true)), entry);
    assert!(load(odd(false).der()).is_ok());
    assert!(
        load(ca().crl().extension(UNHEARD_OF, &[5, 0]).extension(FRESHEST_CRL, &[0x30, 0]).der()).is_ok()
    );
    assert!(load(ca().crl().critical_extension(FRESHEST_CRL, &[0x30, 0]).der()).is_err());
}

#[test]
fn a_list_without_a_number_is_refused() {
    let crl = || ca().crl().revoke_serial(&[1]);
    for (name, odd) in [
        ("version 2", crl().no_number()),
        ("a delta", crl().no_number().delta_of(1)),
        ("version 2 without extensions", crl().no_extensions()),
        ("version 1", crl().no_extensions().version(None)),
    ] {
        let error = problem(&odd);
        assert_eq!(error, LoadError::NoNumber, "{name}");
        assert_eq!(error.why(), Why::Unusable, "{name}");
    }
    assert_eq!(
        LoadError::NoNumber.to_string(),
        "it has no CRL number; OpenSSL writes one if the CA's configuration names a file `crlnumber`"
    );
}

#[test]
fn what_rfc_5280_does_not_allow_is_refused() {
    let crl = || ca().crl().revoke_serial(&[1]);
    let generalized = |text: &str| der(0x18, &[text.as_bytes()]);
    for (name, odd) in [
        ("version 1 with extensions", crl().version(None)),
        ("version 1 in DER", crl().version(Some(0))),
        ("version 3", crl().version(Some(2))),
        ("two algorithms", crl().signature_algorithms(ECDSA_SHA256, &[0x30, 0x03, 0x06, 0x01, 0x2a])),
        ("no issuer", crl().issuer(&[0x30, 0x00])),
        ("no thisUpdate", crl().raw_this_update(&[])),
        ("no nextUpdate", crl().no_next_update()),
        ("the year 0", crl().raw_this_update(&generalized("00000101000000Z"))),
        ("fractions of a second", crl().raw_next_update(&generalized("20300101000000.5Z"))),
        ("a negative number", crl().raw_number(&[0x80])),
        ("a long number", crl().raw_number(&[0x01; 21])),
        ("a long form of a number", crl().raw_number(&[0x00, 0x01])),
        ("a number twice", crl().extension(CRL_NUMBER, &[2, 1, 5])),
        ("a critical number", crl().no_number().critical_extension(CRL_NUMBER, &[2, 1, 5])),
        ("a delta of a later list", crl().number(4).delta_of(5)),
        ("an empty serial number", crl().revoke_serial(&[])),
        ("a long form of a serial number", crl().revoke_serial(&[0x00, 0x01])),
        ("a long form of a negative serial number", crl().revoke_serial(&[0xff, 0x80])),
        ("a very long serial number", crl().revoke_serial(&[0x01; 65])),
        ("no date", crl().entry(Revoked::new(&[2]).raw_date(&[]))),
        ("no such date", crl().entry(Revoked::new(&[2]).raw_date(&der(0x17, &[b"210231000000Z"])))),
        ("no such reason", crl().entry(Revoked::new(&[2]).reason(7))),
        ("a reason twice", crl().entry(Revoked::new(&[2]).reason(1).reason(1))),
        ("taken off no list", crl().entry(Revoked::new(&[2]).reason(REMOVE_FROM_CRL))),
        ("another issuer", crl().entry(Revoked::new(&[2]).certificate_issuer(&ca().name()))),
        ("no entry", crl().raw_entry(&[5, 0])),
        ("an empty entry", crl().raw_entry(&[0x30, 0])),
        ("an entry that is too long", crl().raw_entry(&[0x30, 0x10])),
        ("a field after the last", crl().signed_trailer(&[5, 0])),
        ("more than entries", crl().extension(UNHEARD_OF, &[0; 65 * 1024])),
        ("a scope that says nothing", crl().critical_extension(ISSUING_DISTRIBUTION_POINT, &[0x30, 0])),
        ("a scope of users and of CAs", crl().scope(&Scope::new().only_user().only_ca())),
    ] {
        let error = problem(&odd);
        assert!(matches!(error, LoadError::Malformed(_)), "{name}: {error:?}");
        assert_eq!(error.why(), Why::Unusable, "{name}");
    }
    for (name, good) in [
        ("a number after another extension", crl().no_number().extension(CRL_NUMBER, &[2, 1, 5])),
        ("a late form of an early time", crl().raw_this_update(&generalized("20200101000000Z"))),
        ("much beside entries", crl().extension(UNHEARD_OF, &[0; 60 * 1024])),
        ("the number 0", crl().raw_number(&[0x00])),
        ("a number of 20 octets", crl().raw_number(&[0x7f; 20])),
        ("a delta of the same number", crl().number(4).delta_of(4)),
        (
            "a date of loss",
            crl().entry(Revoked::new(&[2]).extension(INVALIDITY_DATE, &generalized("20200101000000Z"))),
        ),
    ] {
        assert_eq!(load(good.der()).map(|_| ()), Ok(()), "{name}");
    }
}

#[test]
fn entries_of_an_indirect_list_are_found_by_their_issuer() {
    let (a, b) = (Ca::new("A"), Ca::new("B"));
    let indirect = ca().crl().scope(&Scope::new().indirect());
    let list = list(
        &indirect
            .revoke_serial(&[1])
            .entry(Revoked::new(&[2]).certificate_issuer(&a.name()))
            .revoke_serial(&[3])
            .entry(Revoked::new(&[2]).certificate_issuer(&b.name()).reason(SUPERSEDED))
            .entry(Revoked::new(&[4]).certificate_issuer(&a.name())),
    );
    let find = |issuer: &Ca, serial: u8| {
        let ordinals: Vec<u32> = list.head().ordinals_of(authority(issuer).subject()).collect();
        assert_eq!(ordinals.len(), 1);
        list.find(ordinals[0], &[serial]).unwrap().map(|entry| entry.reason)
    };
    let unspecified = Some(EntryReason::Unspecified);
    assert_eq!(
        [find(&ca(), 1), find(&ca(), 2), find(&ca(), 3), find(&ca(), 4)],
        [unspecified, None, None, None]
    );
    assert_eq!(
        [find(&a, 1), find(&a, 2), find(&a, 3), find(&a, 4)],
        [None, unspecified, unspecified, unspecified]
    );
    assert_eq!([find(&b, 2), find(&b, 3)], [Some(EntryReason::Superseded), None]);
    assert_eq!(list.head().ordinals_of(authority(&Ca::new("C")).subject()).count(), 0);
}

#[test]
fn as_many_issuers_as_the_limit_are_taken_and_no_more() {
    let name = |number: usize| {
        let attribute = attribute(CN, &der(UTF8, &[format!("{number}").as_bytes()]));
        der(0x30, &[&der(0x31, &[&attribute])])
    };
    let with = |count: usize| {
        let entries = (0..count).map(|number| Revoked::new(&[1]).certificate_issuer(&name(number)));
        ca().crl().scope(&Scope::new().indirect()).entries(entries)
    };
    // The list's own issuer is one too.
    let most = super::MAX_CERTIFICATE_ISSUERS - 1;
    assert_eq!(load(with(most).der()).unwrap().head.certificate_issuers.len(), most + 1);
    assert_eq!(problem(&with(most + 1)), LoadError::TooManyIssuers);
}

#[test]
fn pem_is_taken_with_text_around_it_and_only_one_list() {
    let crl = ca().crl().revoke_serial(&[1]).revoke_serial(&[2]).revoke_serial(&[3]);
    let pem = crl.pem();
    let head = load(crl.der()).unwrap().head;
    let certificate = ca().pem();
    for text in [
        pem.clone(),
        pem.replace('\n', "\r\n"),
        pem.trim_end().to_owned(),
        format!("Certificate Revocation List (CRL):\n  Version 2\n{pem}"),
        format!("{certificate}{pem}{certificate}\n"),
        {
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            format!("-----BEGIN X509 CRL-----\n{body}\n-----END X509 CRL-----\n")
        },
    ] {
        assert_eq!(load(text.clone().into_bytes()).unwrap().head, head, "{text}");
    }
    let body = pem.lines().nth(1).unwrap();
    for (text, expected) in [
        (format!("{pem}{pem}"), LoadError::SeveralLists),
        (format!("{pem}text\n{pem}"), LoadError::SeveralLists),
        (certificate, LoadError::NotAList),
        (pem.replace("X509 CRL", "CRL"), LoadError::NotAList),
        (pem.replace("END X509 CRL", "END CRL"), LoadError::Pem),
        (pem.replace(body, &format!("{body}A")), LoadError::Pem),
        (pem.replace(body, &body.replacen('M', "*", 1)), LoadError::Pem),
        (pem.replace(body, &format!("Proc-Type: 4\n\n{body}")), LoadError::Pem),
        (pem.replace("-----END X509 CRL-----", ""), LoadError::Truncated),
        ("-----BEGIN X509 CRL-----\nbm8=\n-----END X509 CRL-----\n".to_owned(), LoadError::NotAList),
    ] {
        let error = load(text.clone().into_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error, expected, "{text}");
    }
}
