//! Chains: what is trusted is signed from the anchor down, by CAs, and holds no name that one of them constrains.

use std::sync::LazyLock;

use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;
use mtls_policy::trust::chain::{self, Budget, Chain, ChainError, Demands, MAX_INTERMEDIATES, Outcome, Presented};
use mtls_policy::trust::{Authorities, Authority};
use time::OffsetDateTime;

use crate::crl::{ISSUER, element, elements, signed};

/// 2030-01-01T00:00:00Z, within the time of the seeds.
const NOW: i64 = 1_893_456_000;

/// The most certificates that one input makes: a signature takes some tenths of a millisecond.
const MOST: usize = 6;

static BUNDLE: LazyLock<Authorities> = LazyLock::new(|| {
    let certificate = Certificate::from_der(ISSUER.to_vec()).ok();
    let root = certificate.and_then(|certificate| Authority::of(certificate).ok());
    Authorities::new(vec![root.unwrap_or_else(|| panic!("the anchor of this target is none"))], Vec::new()).0
});

/// Takes `data` for what is signed of certificates, one after the other: a client's, and what it presents beside it. One key
/// signs them all, which is the anchor's.
pub fn run(data: &[u8]) {
    let mut rest = data;
    let mut certificates = Vec::new();
    while let Some((contents, after)) = next(rest)
        && certificates.len() < MOST
    {
        rest = after;
        certificates.extend(Certificate::from_der(signed(contents)).ok());
    }
    let Some((leaf, presented)) = certificates.split_first() else { return };
    let Ok(identity) = Identity::of(leaf) else { return };
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let verify = |presented: &[Certificate]| {
        let presented = Presented::new(presented);
        chain::verify(leaf, &identity, &presented, &BUNDLE, &Demands::default(), now, &Budget::new())
    };
    let Outcome { verdict, span } = verify(presented);
    assert!(span.contains(now));
    let mut reversed = presented.to_vec();
    reversed.reverse();
    let again = verify(&reversed).verdict;
    // Who runs out of work was nearer to it in one order than in the other.
    let gave_up = [&verdict, &again].iter().any(|one| matches!(one, Err(ChainError::TooMuchWork)));
    assert!(gave_up || verdict.is_ok() == again.is_ok());
    match verdict {
        Ok(chain) => check(leaf, presented, &chain, now),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check(leaf: &Certificate, presented: &[Certificate], chain: &Chain, now: OffsetDateTime) {
    let authorities = chain.authorities();
    assert_eq!(chain.leaf(), leaf.fingerprint());
    assert!((1..=usize::from(MAX_INTERMEDIATES) + 1).contains(&authorities.len()));
    assert_eq!(authorities.last().map(|anchor| anchor.certificate().der()), Some(ISSUER));
    let mut below = leaf;
    for (at, authority) in authorities.iter().enumerate() {
        assert!(authority.may_sign_certificates() && authority.is_valid_at(now));
        assert!(authority.signed(below).is_ok());
        let is_anchor = at + 1 == authorities.len();
        assert!(is_anchor || presented.contains(authority.certificate()), "it was presented, as it is");
        for (permits, kind, base) in constraints(authority.certificate()) {
            for name in names(leaf, kind) {
                let inside = is_inside(kind, &base, &name);
                // One of several that are permitted is enough, and is not looked for: seeds have one.
                assert!(
                    inside == permits || permits && several(authority.certificate()),
                    "{name:?} {base:?}"
                );
            }
        }
        below = authority.certificate();
    }
}

const DNS: u8 = 0x82;
const URI: u8 = 0x86;

/// The DNS names and the hosts of URIs that a CA permits, or does not.
fn constraints(certificate: &Certificate) -> Vec<(bool, u8, Vec<u8>)> {
    let mut found = Vec::new();
    for (_, lists) in extension(certificate, 30).iter().flat_map(|value| elements(value)) {
        for (list, subtrees) in elements(lists) {
            for (_, subtree) in elements(subtrees) {
                if let Some((kind @ (DNS | URI), base)) = elements(subtree).first() {
                    found.push((list == 0xa0, *kind, base.to_ascii_lowercase()));
                }
            }
        }
    }
    found
}

fn several(certificate: &Certificate) -> bool {
    constraints(certificate).iter().filter(|(permits, ..)| *permits).count() > 1
}

/// The DNS names of a leaf, or its URIs.
fn names(leaf: &Certificate, kind: u8) -> Vec<Vec<u8>> {
    let value = extension(leaf, 17);
    let names = value.iter().flat_map(|value| elements(value)).flat_map(|(_, names)| elements(names));
    names.filter(|(tag, _)| *tag == kind).map(|(_, name)| name.to_ascii_lowercase()).collect()
}

fn is_inside(kind: u8, base: &[u8], name: &[u8]) -> bool {
    if kind == DNS {
        let below = base.strip_prefix(b".").unwrap_or(base);
        // A wildcard stands for all that it covers.
        let name = name.strip_prefix(b"*.").unwrap_or(name);
        return base.is_empty()
            || name == base
            || name.strip_suffix(below).is_some_and(|before| before.is_empty() || before.ends_with(b"."));
    }
    let text = String::from_utf8_lossy(name).into_owned();
    let host = text.split("//").nth(1).unwrap_or_default();
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default().as_bytes();
    match base.strip_prefix(b".") {
        Some(_) => host.ends_with(base) && host.len() > base.len(),
        None => host == base,
    }
}

/// The value of an extension 2.5.29.x.
fn extension(certificate: &Certificate, last: u8) -> Option<Vec<u8>> {
    let fields = elements(elements(elements(certificate.der()).first()?.1).first()?.1);
    let (_, list) = fields.into_iter().find(|(tag, _)| *tag == 0xa3)?;
    let extensions = elements(elements(list).first()?.1);
    extensions.into_iter().find_map(|(_, extension)| {
        let parts = elements(extension);
        (parts.first()?.1 == [0x55, 0x1d, last]).then(|| parts.last().map(|(_, value)| value.to_vec()))?
    })
}

/// The contents of the first element, and what follows it.
fn next(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x30, first, rest @ ..] = bytes else { return None };
    let octets = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    let (length, rest) = rest.split_at_checked(octets.min(4))?;
    let length = length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
    let contents = rest.split_at_checked(if octets == 0 { usize::from(*first) } else { length })?;
    (element(0x30, &[contents.0]).len() <= bytes.len()).then_some(contents)
}
