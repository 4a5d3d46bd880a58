//! Revocation lists: nothing in them makes an entry be overlooked, or be found that is not there.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use mtls_policy::cert::Certificate;
use mtls_policy::revocation::Why;
use mtls_policy::revocation::crl::{Head, Load, LoadError, Loaded, Unverified};
use mtls_policy::trust::Authority;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest as _, Sha256};

/// Who signs the lists of this target: the CA `Acme Root` of the tests, whose key follows from its name.
pub(crate) const ISSUER: &[u8] = include_bytes!("../policies/crl-issuer.der");

static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let key = SigningKey::from_slice(&Sha256::digest("key of Acme Root"));
    key.unwrap_or_else(|_| panic!("the key of this target is none"))
});

static AUTHORITY: LazyLock<Arc<Authority>> = LazyLock::new(|| {
    let certificate = Certificate::from_der(ISSUER.to_vec()).ok();
    let authority = certificate.and_then(|certificate| Authority::of(certificate).ok());
    Arc::new(authority.unwrap_or_else(|| panic!("the issuer of this target is no authority")))
});

/// Reads `data` as a list, as a head in shared data, and as what a CA signs: the contents of `tbsCertList`.
pub fn run(data: &[u8]) {
    check_errors(load(data.to_vec()));
    if let Ok(head) = Head::from_bytes(data) {
        assert_eq!(Head::from_bytes(&head.to_bytes()).as_ref(), Ok(&head));
    }
    let list = signed(data);
    let read = Unverified::read(list.clone(), 0).is_ok();
    if let Some(loaded) = check_errors(load(list)) {
        assert!(read, "a list that can be used and not be read");
        check(loaded, data);
    }
}

fn load(bytes: Vec<u8>) -> Result<Loaded, LoadError> {
    Load::new(bytes, vec![Arc::clone(&AUTHORITY)]).finish()
}

fn check_errors(result: Result<Loaded, LoadError>) -> Option<Loaded> {
    match result {
        Ok(loaded) => Some(loaded),
        Err(error) => {
            assert!(matches!(error.why(), Why::Unusable | Why::BadSignature), "{error:?}");
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Every entry is found, under its issuer, with a reason that it has; and its neighbours are not.
fn check(loaded: Loaded, contents: &[u8]) {
    let listed = entries(contents);
    let head = loaded.head.clone();
    assert_eq!(Head::from_bytes(&head.to_bytes()), Ok(head.clone()));
    let list = loaded.into_list();
    let count: usize = listed.values().map(Vec::len).sum();
    assert_eq!(head.entries as usize, count);
    for ((issuer, serial), reasons) in &listed {
        let found = list.find(*issuer, serial).unwrap_or_else(|error| panic!("{error}"));
        let found = found.unwrap_or_else(|| panic!("an entry of {issuer}, {serial:x?} is not found"));
        assert!(reasons.contains(&found.reason.number()), "{found:?} of {reasons:?}");
        for (issuer, near) in neighbours(*issuer, serial) {
            if !listed.contains_key(&(issuer, near.clone())) {
                assert_eq!(list.find(issuer, &near), Ok(None), "{issuer}, {near:x?}");
            }
        }
    }
}

fn neighbours(issuer: u32, serial: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut flipped = serial.to_vec();
    if let Some(last) = flipped.last_mut() {
        *last ^= 1;
    }
    let longer = [serial, &[0]].concat();
    let shorter = serial.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default();
    vec![(issuer, flipped), (issuer, longer), (issuer, shorter), (issuer + 1, serial.to_vec())]
}

/// The reasons of the entries, by the ordinal of their issuer and the serial number: read as simply as can be, for every list
/// that comes here is well-formed.
fn entries(contents: &[u8]) -> HashMap<(u32, Vec<u8>), Vec<u8>> {
    let mut fields = elements(contents);
    if fields.first().is_some_and(|(tag, _)| *tag == 0x02) {
        fields.remove(0);
    }
    // Algorithm, issuer, and two times stand before them.
    let mut entries = HashMap::new();
    let Some((0x30, listed)) = fields.get(4) else { return entries };
    // The list's own issuer is the first.
    let (mut issuers, mut current) = (vec![&[][..]], 0);
    for (_, entry) in elements(listed) {
        let fields = elements(entry);
        let mut reason = 0;
        for (_, extension) in fields.get(2).map(|(_, list)| elements(list)).unwrap_or_default() {
            let parts = elements(extension);
            // Only what is known holds DER for certain.
            let value = || {
                let value = parts.last().map(|(_, value)| elements(value)).unwrap_or_default();
                value.first().map(|(_, value)| *value).unwrap_or_default()
            };
            match parts.first() {
                Some((_, [0x55, 0x1d, 21])) => reason = value().first().copied().unwrap_or_default(),
                Some((_, [0x55, 0x1d, 29])) => {
                    let value = value();
                    let known = issuers.iter().skip(1).position(|known| *known == value);
                    current = known.map_or(issuers.len(), |at| at + 1);
                    if known.is_none() {
                        issuers.push(value);
                    }
                }
                _ => {}
            }
        }
        let serial = fields.first().map(|(_, serial)| serial.to_vec()).unwrap_or_default();
        entries.entry((current as u32, serial)).or_insert_with(Vec::new).push(reason);
    }
    entries
}

pub(crate) fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut elements = Vec::new();
    while let [tag, first, rest @ ..] = bytes {
        let octets = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let (length, rest) = rest.split_at(octets);
        let length = length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        let (contents, rest) = rest.split_at(if octets == 0 { usize::from(*first) } else { length });
        elements.push((*tag, contents));
        bytes = rest;
    }
    elements
}

/// What consists of these signed contents and their signature, a list or a certificate, with ecdsa-with-SHA256.
pub(crate) fn signed(contents: &[u8]) -> Vec<u8> {
    const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let signed = element(0x30, &[contents]);
    let signature: Signature = KEY.sign(&signed);
    element(0x30, &[&signed, ECDSA_SHA256, &element(0x03, &[&[0], signature.to_der().as_bytes()])])
}

pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = contents.len().to_be_bytes();
    let octets = &length[length.iter().take_while(|octet| **octet == 0).count()..];
    match u8::try_from(contents.len()) {
        Ok(short @ 0..0x80) => [&[tag, short][..], &contents].concat(),
        _ => [&[tag, 0x80 | octets.len() as u8][..], octets, &contents].concat(),
    }
}
