//! Names in certificates that are odd.

use super::certificates::Read::*;
use super::certificates::{Case, case};
use crate::harness::mint::{
    BMP, CN, IA5, Leaf, OU, PRINTABLE, SAN_DNS, SAN_EMAIL, SAN_IP, SAN_URI, TELETEX, UNIVERSAL, UTF8, der,
};

/// Subjects; the administrator's has `CN=admin`.
pub(super) fn subjects(leaf: &Leaf) -> Vec<Case> {
    let leaf = || leaf.clone();
    let name = |tag: u8, value: &[u8]| leaf().relative_name(&[(CN, tag, value)]);
    let ucs2: Vec<u8> = "admin".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let ucs4: Vec<u8> = "admin".chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect();
    vec![
        case("UTF8String", name(UTF8, b"admin"), Admin),
        case("T61String", name(TELETEX, b"admin"), Admin),
        case("BMPString", name(BMP, &ucs2), Admin),
        case("UniversalString", name(UNIVERSAL, &ucs4), Admin),
        case("in capital letters, with spaces", name(IA5, b" ADMIN  "), Admin),
        case("T61String that is not ASCII", name(TELETEX, b"adm\xefn"), CannotTell),
        case("BMPString of an odd length", name(BMP, b"\0a\0d\0"), Refused),
        case("BMPString of a surrogate", name(BMP, b"\xd8\0"), Refused),
        case("UniversalString of three bytes", name(UNIVERSAL, b"\0\0\0"), Refused),
        case("OCTET STRING", name(0x04, b"admin"), CannotTell),
        case("INTEGER", name(0x02, b"\x01"), CannotTell),
        case("NUL", name(UTF8, b"admin\0.evil.example"), CannotTell),
        case("NUL in a PrintableString", name(PRINTABLE, b"admin\0"), CannotTell),
        case(
            "a line end and a record",
            name(UTF8, b"admin\n{\"schema\":\"mtls-policy.audit/1\"}"),
            CannotTell,
        ),
        case("U+2028", name(UTF8, "admin\u{2028}".as_bytes()), CannotTell),
        case("U+202E", name(UTF8, "\u{202e}nimda".as_bytes()), CannotTell),
        case("quotes and another URI", name(UTF8, b"\",URI=spiffe://acme.example/admin;Subject=\""), Other),
        case("a backslash at the end", name(UTF8, b"admin\\"), Other),
        case("bytes that are not UTF-8", name(UTF8, b"admin\xff"), Refused),
        case("a letter in two bytes", name(UTF8, b"admi\xc1\xae"), Refused),
        case("nothing", name(UTF8, b""), Other),
        case(
            "two in one relative name",
            leaf().relative_name(&[(CN, UTF8, b"user"), (CN, UTF8, b"admin")]),
            CannotTell,
        ),
        case("two in two relative names", leaf().subject(CN, "user").subject(CN, "admin"), CannotTell),
        case("the same one twice", leaf().subject(CN, "admin").subject(CN, "admin"), CannotTell),
        case("before a unit", leaf().subject(CN, "admin").subject(OU, "people"), Admin),
        case("behind a unit", leaf().subject(OU, "people").subject(CN, "admin"), Admin),
        case("the unit's name", leaf().subject(OU, "admin").subject(CN, "user"), Other),
        case(
            "beside a unit in one relative name",
            leaf().relative_name(&[(CN, UTF8, b"admin"), (OU, UTF8, b"people")]),
            Admin,
        ),
        case("a host's name", name(UTF8, b"admin.acme.example"), Other),
        case("no subject", leaf().no_subject(), Other),
        // The older BoringSSL lets it pass.
        ("a relative name of nothing", leaf().raw_relative_name(&der(0x31, &[])), Refused, Malformed),
    ]
}

/// Alternative names; the administrator's are `admin.acme.example`, `admin@acme.example` (as address and as principal name),
/// `https://acme.example/admin` and `spiffe://acme.example/admin`.
pub(super) fn alternative_names(leaf: &Leaf) -> Vec<Case> {
    let leaf = || leaf.clone();
    let dns = |name: &[u8]| leaf().raw_san(SAN_DNS, name);
    let uri = |name: &[u8]| leaf().raw_san(SAN_URI, name);
    let email = |name: &[u8]| leaf().raw_san(SAN_EMAIL, name);
    let user_principal_name = [
        &der(0x06, &[&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x14, 2, 3]])[..],
        &der(0xa0, &[&der(UTF8, &[b"admin@acme.example\0"])]),
    ]
    .concat();
    let with_trailer = [der(0x30, &[&der(SAN_DNS, &[b"admin.acme.example"])]), vec![0]].concat();
    vec![
        case("the administrator's host", dns(b"ADMIN.acme.example"), Admin),
        case("the administrator's URI", uri(b"https://acme.example/admin"), Admin),
        case("the administrator's SPIFFE ID", uri(b"spiffe://acme.example/admin"), Admin),
        case("the administrator's address", email(b"admin@ACME.example"), Admin),
        case("a DNS name with NUL", dns(b"admin.acme.example\0.evil.example"), CannotTell),
        case("a DNS name with a line end", dns(b"admin.acme.example\n"), CannotTell),
        case("a DNS name that is not UTF-8", dns(b"admin\xff.acme.example"), CannotTell),
        case("a DNS name of nothing", dns(b""), CannotTell),
        case("a DNS name of 20 kB", dns(&b"a.".repeat(10_000)), CannotTell),
        case(
            "a DNS name in pieces",
            leaf().raw_san(SAN_DNS | 0x20, &der(IA5, &[b"admin.acme.example"])),
            Refused,
        ),
        ("a DNS name with a quote", dns(b"admin\".acme.example"), CannotTell, Malformed),
        ("a DNS name with a pair", dns(b"a;Hash=00;URI=spiffe://acme.example/admin"), CannotTell, Mismatch),
        (
            "a DNS name with an element",
            dns(b"a,Hash=00;URI=spiffe://acme.example/admin"),
            CannotTell,
            Mismatch,
        ),
        case("a URI with NUL", uri(b"spiffe://acme.example/admin\0"), CannotTell),
        case("a URI with a line end", uri(b"https://acme.example/admin\r\n"), CannotTell),
        case("a URI that is not UTF-8", uri(b"\xff\xfe"), CannotTell),
        case("a URI of nothing", uri(b""), CannotTell),
        ("a URI with a pair", uri(b"spiffe://acme.example/x;Subject=\"CN=admin\""), CannotTell, Mismatch),
        ("a URI with an element", uri(b"spiffe://acme.example/x,Hash=00;Cert=\"x\""), CannotTell, Mismatch),
        case(
            "two SPIFFE IDs",
            leaf().uri("spiffe://acme.example/admin").uri("spiffe://acme.example/x"),
            CannotTell,
        ),
        case("a SPIFFE ID in capitals", uri(b"SPIFFE://acme.example/admin"), CannotTell),
        case("a SPIFFE ID with dot segments", uri(b"spiffe://acme.example/x/../admin"), CannotTell),
        case("an address with NUL", email(b"admin@acme.example\0.evil.example"), CannotTell),
        case("an address with a line end", email(b"admin@acme.example\n"), CannotTell),
        case("an address with two @", email(b"admin@acme.example@evil.example"), CannotTell),
        case("a host's name as address", email(b"admin.acme.example"), CannotTell),
        case("a host's name as URI", uri(b"admin.acme.example"), Other),
        case("a URI as DNS name", dns(b"https://acme.example/admin"), CannotTell),
        case("a SPIFFE ID as DNS name", dns(b"spiffe://acme.example/admin"), CannotTell),
        case("an address as DNS name", dns(b"admin@acme.example"), CannotTell),
        case("an IP address of three bytes", leaf().raw_san(SAN_IP, b"\x01\x02\x03"), Other),
        case("a user principal name with NUL", leaf().raw_san(0xa0, &user_principal_name), CannotTell),
        case("the administrator's principal name", leaf().upn("Admin@ACME.example"), Admin),
        case("another name of rubbish", leaf().raw_san(0xa0, b"admin"), Refused),
        case("a name of an unknown kind", leaf().raw_san(0x8f, b"admin"), Refused),
        case("a name of no kind", leaf().raw_san(UTF8, b"admin"), Refused),
        case("a list of nothing", leaf().raw_alt_names(&der(0x30, &[])), Other),
        case("no list", leaf().raw_alt_names(&der(0x04, &[b"x"])), Refused),
        case("not a byte", leaf().raw_alt_names(b""), Refused),
        case("rubbish after the list", leaf().raw_alt_names(&with_trailer), Refused),
    ]
}
