//! Certificates that a CA whom Envoy trusts has signed, and that are odd.

use super::names::{alternative_names, subjects};
use super::{Target, policy, verdict};
use crate::harness::mint::{CN, Leaf, OU, SAN_DNS, UTF8, der};
use crate::harness::{Version, get};
use serde_json::{Value, json};

/// What becomes of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Envoy refuses it in the handshake; the filter never sees it.
    Refused,
    /// It can be read, and it is not the administrator's.
    Other,
    /// It can be read, and it is the administrator's.
    Admin,
    /// It can be read but for a name: it may or may not be the administrator's, so neither `allow` nor `deny` lets it in.
    CannotTell,
    /// It cannot be read.
    Malformed,
    /// A name in it breaks the header in which Envoy forwards it; only where that header is needed.
    Mismatch,
}

impl Read {
    /// What comes of a request to a route that only the administrator may use, and to one that only the administrator
    /// may not use.
    fn verdicts(self) -> [&'static str; 2] {
        match self {
            Read::Refused => ["no answer"; 2],
            Read::Other => ["identity_not_allowed 403", "permit not-admin 200"],
            Read::Admin => ["permit only-admin 200", "identity_denied 403"],
            Read::CannotTell => ["identity_not_allowed 403", "identity_denied 403"],
            Read::Malformed => ["malformed_certificate 403"; 2],
            Read::Mismatch => ["forwarded_certificate_mismatch 403"; 2],
        }
    }
}

/// A certificate, what becomes of it where the attribute holds it, and where it comes in a header.
pub(super) type Case = (&'static str, Leaf, Read, Read);

/// A case in which the way of the certificate makes no difference.
pub(super) fn case(what: &'static str, leaf: Leaf, read: Read) -> Case {
    (what, leaf, read, read)
}

fn admin_policy(resumption: &str) -> Value {
    let mut policy = policy();
    policy["peer_certificate"]["verified_by"]["envoy"]["resumption"] = resumption.into();
    policy["identities"] = json!({ "admin": { "any": [
        { "subject": { "CN": "admin" } },
        { "dns": "admin.acme.example" },
        { "email": "admin@acme.example" },
        { "upn": "admin@acme.example" },
        { "uri": "https://acme.example/admin" },
        { "spiffe_id": "spiffe://acme.example/admin" },
        { "serial": "01" },
    ] } });
    policy["routes"] = json!([
        policy["routes"][0],
        {
            "name": "only-admin",
            "match": { "path": "/only-admin" },
            "client_certificate": "required",
            "allow": { "identity": "admin" },
        },
        {
            "name": "not-admin",
            "match": { "path": "/not-admin" },
            "client_certificate": "required",
            "deny": { "identity": "admin" },
            "allow": "any_verified",
        },
    ]);
    policy
}

/// Size, extensions, serial number, validity.
fn shapes(leaf: &Leaf) -> Vec<Case> {
    use Read::*;
    const PRIVATE: [u64; 7] = [1, 3, 6, 1, 4, 1, 99_999];
    let leaf = || leaf.clone();
    let long_name = |letter: &[u8], length| leaf().relative_name(&[(CN, UTF8, &letter.repeat(length))]);
    let extensions = |leaf: Leaf, from: u64, count: u64| {
        (from..from + count).fold(leaf, |leaf, arc| leaf.extension(&[&PRIVATE[..], &[arc]].concat(), &[5, 0]))
    };
    let many_names =
        |count: u64| (0..count).fold(leaf(), |leaf, number| leaf.dns(&format!("n{number}.acme.example")));
    let many_units = |count: u64| (0..count).fold(leaf(), |leaf, _| leaf.subject(OU, "a"));
    vec![
        case("nothing odd", leaf(), Other),
        case("a subject of 65 kB", long_name(b"a", 65_000), Other),
        case("a subject over 64 KiB", long_name(b"a", 66_000), Malformed),
        case("a subject of 90 kB", long_name(b"a", 90_000), Malformed),
        case("a subject of 120 kB", long_name(b"a", 120_000), Refused),
        case("a subject of 30 kB of line ends", long_name(b"\n", 30_000), CannotTell),
        case("a subject of 30 kB of quotes", long_name(b"\"", 30_000), Other),
        case("5,000 organizational units", many_units(5000), Malformed),
        case("1,000 alternative names", many_names(1000), Other),
        case("4,000 alternative names, 90 kB", many_names(4000), Malformed),
        case("50 more extensions", extensions(leaf(), 0, 50), Other),
        case("200 more extensions", extensions(leaf(), 0, 200), Malformed),
        case("an extension twice", extensions(extensions(leaf(), 0, 1), 0, 1), Malformed),
        case(
            "alternative names twice",
            leaf()
                .dns("user.acme.example")
                .raw_alt_names(&der(0x30, &[&der(SAN_DNS, &[b"admin.acme.example"])])),
            Refused,
        ),
        case("a negative serial number", leaf().serial(b"\xff"), CannotTell),
        case("a serial number of 30 octets", leaf().serial(&[1; 30]), CannotTell),
        case("serial number zero", leaf().serial(b"\0"), Other),
        case("the administrator's serial number", leaf().serial(b"\x01"), Admin),
        case("the same with leading zeros", leaf().serial(b"\0\0\x01"), Refused),
        case("a serial number without octets", leaf().serial(b""), Refused),
        case("a field after the last", leaf().signed_trailer(&[5, 0]), Refused),
        case("a time that is over", leaf().expired(), Refused),
        case("the purpose of a server", leaf().server(), Refused),
    ]
}

async fn assert_each_is_read_as_expected(version: Version, cases: impl Fn(&Leaf) -> Vec<Case>) {
    let (resumption, from_header) = match version {
        Version::Current => ("disabled", false),
        Version::Older => ("trusted", true),
    };
    let target = Target::start(|setup| setup.version(version).policy(admin_policy(resumption))).await;
    let mut wrong = Vec::new();
    for (what, leaf, in_attribute, in_header) in cases(&target.pki.ca.leaf("odd")) {
        let client = target.envoy.client().presents(&leaf.mint());
        let expected = if from_header { in_header } else { in_attribute };
        for (path, expected) in ["/only-admin", "/not-admin"].into_iter().zip(expected.verdicts()) {
            let request = get(&format!("https://pay.acme.example{path}"));
            let (reply, record) = target.strike(what, client.try_send(request)).await;
            let found = verdict(reply.ok().map(|reply| reply.status), record.as_ref());
            if found != expected {
                wrong.push(format!("{what}, {path}: {found}, expected {expected}: {record:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn odd_certificates_are_refused_or_judged_by_what_can_be_read() {
    assert_each_is_read_as_expected(Version::Current, |leaf| [subjects(leaf), shapes(leaf)].concat()).await;
}

#[tokio::test]
async fn odd_certificates_are_refused_or_judged_by_what_can_be_read_from_the_header() {
    assert_each_is_read_as_expected(Version::Older, |leaf| [subjects(leaf), shapes(leaf)].concat()).await;
}

#[tokio::test]
async fn odd_alternative_names_are_no_names_of_their_kind_or_any_other() {
    assert_each_is_read_as_expected(Version::Current, alternative_names).await;
}

#[tokio::test]
async fn odd_alternative_names_make_nothing_of_the_header_that_they_break() {
    assert_each_is_read_as_expected(Version::Older, alternative_names).await;
}
