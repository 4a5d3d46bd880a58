//! What `forward` tells the upstream of a client, and what of it a client can write itself.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mtls_policy::Engine;
use mtls_policy::outcome::{HeaderChanges, Outcome, trailers_to_remove};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{
    BMP, C, CN, Ca, IA5, Leaf, Minted, O, OU, SAN_DNS, SAN_EMAIL, SAN_URI, TELETEX, UTF8, xfcc_chain,
};
use crate::situation::{Question, Situation, leaf, one_route, outcome, route, routes, verdict};

const SPIFFE_ID: &str = "spiffe://acme.example/ns/prod/sa/billing";

fn changes(engine: &Engine, situation: &Situation) -> HeaderChanges {
    match outcome(engine, situation) {
        Outcome::Pass(changes) => changes,
        Outcome::Reply(reply) => panic!("{reply:?}"),
    }
}

/// Everything that is set, but `x-client-verify`.
fn set(engine: &Engine, situation: &Situation) -> Vec<(String, String)> {
    let changes = changes(engine, situation).set.into_iter();
    let pairs = changes.map(|(name, value)| (name.into_owned(), value.into_owned()));
    pairs.filter(|(name, _)| name != "x-client-verify").collect()
}

fn forwarding(forward: Value) -> Engine {
    route(json!({ "client_certificate": "optional", "allow": "any_verified", "forward": forward }))
}

fn presented(minted: &Minted) -> Situation {
    Situation::get("/").certificate(minted)
}

/// The value of a header made by `template` for a holder of `minted`, if it is set.
fn value(template: &str, minted: &Minted) -> Option<String> {
    let engine = forwarding(json!({ "headers": { "x-v": template } }));
    let mut pairs = set(&engine, &presented(minted));
    let pair = pairs.pop();
    assert!(pairs.is_empty(), "{pairs:?}");
    pair.map(|(name, value)| {
        assert_eq!(name, "x-v");
        value
    })
}

fn assert_values(minted: &Minted, cases: &[(&str, Option<&str>)]) {
    for (template, expected) in cases {
        assert_eq!(value(template, minted).as_deref(), *expected, "{template}");
    }
}

fn billing() -> Leaf {
    leaf("billing")
        .spiffe(SPIFFE_ID)
        .dns("Billing.acme.example")
        .dns("b.acme.example")
        .email("ops@ACME.example")
        .ip([192, 0, 2, 1].into())
        .upn("billing@corp.example")
}

#[test]
fn each_field_is_the_certificates_own() {
    let minted = billing().serial(&[0x0f, 0x3a]).mint();
    let digest = minted.hex_digest();
    assert_values(
        &minted,
        &[
            ("{spiffe_id}", Some(SPIFFE_ID)),
            ("{spiffe_trust_domain}", Some("acme.example")),
            ("{subject}", Some("CN=billing")),
            ("{subject.CN}", Some("billing")),
            ("{subject.2.5.4.3}", Some("billing")),
            ("{issuer}", Some("CN=Acme%20Issuing")),
            ("{issuer.cn}", Some("Acme%20Issuing")),
            ("{serial}", Some("0f3a")),
            ("{sha256}", Some(&digest)),
            ("{dns}", Some("billing.acme.example,b.acme.example")),
            ("{uri}", Some(SPIFFE_ID)),
            ("{email}", Some("ops@acme.example")),
            ("{ip}", Some("192.0.2.1")),
            ("{upn}", Some("billing@corp.example")),
            ("{not_before}", Some("2020-01-01T00:00:00Z")),
            ("{not_after}", Some("2099-01-01T00:00:00Z")),
            ("{route}", Some("only")),
            ("{decision_id}", Some("000000000000feed-7")),
            ("cn={subject.CN}; dns={dns}", Some("cn=billing; dns=billing.acme.example,b.acme.example")),
            ("{{{serial}}}", Some("{0f3a}")),
        ],
    );
    assert_eq!(value("{spki_sha256}", &minted).map(|value| value.len()), Some(64));
}

#[test]
fn a_header_of_a_field_that_the_certificate_lacks_is_not_set() {
    let minted = leaf("a").mint();
    for template in [
        "{spiffe_id}",
        "{spiffe_trust_domain}",
        "{dns}",
        "{uri}",
        "{email}",
        "{ip}",
        "{upn}",
        "{subject.O}",
        "{issuer.OU}",
    ] {
        assert_eq!(value(template, &minted), None, "{template}");
        assert_eq!(value(&format!("{{serial}} {template}"), &minted), None, "{template}, not even half");
    }
    assert_values(&leaf("a").no_subject().mint(), &[("{subject}", None), ("{subject.CN}", None)]);
    let engine = forwarding(json!({ "headers": { "x-a": "{dns}", "x-b": "{subject.CN}" } }));
    assert_eq!(set(&engine, &presented(&minted)), [("x-b".to_owned(), "a".to_owned())], "the others are");
}

#[test]
fn a_header_of_a_name_that_cannot_be_read_is_not_set() {
    let odd = |tag, bytes: &[u8]| billing().raw_san(tag, bytes).mint();
    assert_values(&odd(SAN_DNS, b"a\nx-admin: 1"), &[("{dns}", None), ("{email}", Some("ops@acme.example"))]);
    assert_values(
        &odd(SAN_EMAIL, b"a\0@acme.example"),
        &[("{email}", None), ("{spiffe_id}", Some(SPIFFE_ID))],
    );
    assert_values(&odd(SAN_URI, b"\xff"), &[("{uri}", None), ("{spiffe_id}", None)]);
    assert_values(&odd(SAN_URI, b"urn:x"), &[("{spiffe_id}", None), ("{spiffe_trust_domain}", None)]);
    assert_values(&leaf("a").serial(&[0x9f]).mint(), &[("{serial}", None)]);
    assert_values(&leaf("a").serial(&[0x7f; 21]).mint(), &[("{serial}", None)]);
}

#[test]
fn a_subject_that_would_break_a_line_or_hide_is_not_forwarded() {
    let subject = |tag, bytes: &[u8]| leaf("a").relative_name(&[(CN, tag, bytes)]).mint();
    for (tag, bytes) in [
        (UTF8, &b"a\r\nx-client-verify: SUCCESS"[..]),
        (UTF8, b"a\n"),
        (UTF8, b"a\0b"),
        (UTF8, "a\u{2028}b".as_bytes()),
        (UTF8, "a\u{202e}b".as_bytes()),
        (UTF8, "a\u{85}b".as_bytes()),
        (UTF8, b"\xff"),
        (TELETEX, b"adm\xefn"),
        (IA5, b"a\x7f"),
        (BMP, b"\x00a\x00\n"),
        (UTF8, b""),
    ] {
        let minted = subject(tag, bytes);
        assert_eq!(value("{subject.CN}", &minted), None, "{}", bytes.escape_ascii());
        let whole = value("{subject}", &minted);
        assert!(whole.is_none() || bytes.is_empty(), "{} {whole:?}", bytes.escape_ascii());
    }
}

#[test]
fn what_could_part_a_value_or_end_it_is_percent_encoded() {
    let minted = leaf("a")
        .relative_name(&[(CN, UTF8, "a, b; c=\"d\" \\e% ü".as_bytes())])
        .subject(OU, "x,y")
        .subject(OU, "z")
        .mint();
    assert_values(
        &minted,
        &[
            ("{subject.CN}", Some("a%2C%20b%3B%20c=%22d%22%20%5Ce%25%20%C3%BC")),
            ("{subject.OU}", Some("x%2Cy,z")),
            (
                "{subject}",
                Some("OU=z%2COU=x%5C%2Cy%2CCN=a%5C%2C%20b%5C%3B%20c=%5C%22d%5C%22%20%5C%5Ce%25%20%C3%BC"),
            ),
        ],
    );
    let minted = leaf("a").uri("urn:a,urn:b").uri("urn:c;d=\"e\"").email("x,y@acme.example").mint();
    assert_values(
        &minted,
        &[("{uri}", Some("urn:a%2Curn:b,urn:c%3Bd=%22e%22")), ("{email}", Some("x%2Cy@acme.example"))],
    );
}

#[test]
fn whatever_a_subject_holds_a_value_is_visible_ascii() {
    let every: String = (0x20..0x300).filter_map(char::from_u32).collect();
    for chunk in every.chars().collect::<Vec<_>>().chunks(40) {
        let text: String = chunk.iter().collect();
        let minted = leaf("a").relative_name(&[(O, UTF8, text.as_bytes())]).mint();
        for template in ["{subject.O}", "{subject}"] {
            let value = value(template, &minted).unwrap_or_default();
            let safe = |byte: u8| byte.is_ascii_graphic() && !b",;\"\\".contains(&byte);
            assert!(value.bytes().all(safe), "{value}");
        }
    }
}

#[test]
fn an_attribute_that_stands_twice_is_forwarded_only_where_it_ordinarily_does() {
    let minted = leaf("x").subject(CN, "user").subject(CN, "admin").subject(OU, "a").subject(OU, "b").mint();
    assert_values(&minted, &[("{subject.CN}", None), ("{subject.OU}", Some("a,b")), ("{subject.C}", None)]);
    assert_values(&leaf("x").subject(C, "NL").mint(), &[("{subject.C}", Some("NL"))]);
}

#[test]
fn a_value_that_is_too_long_is_not_set() {
    let of = |length: usize| leaf("x").subject(O, &"o".repeat(length)).mint();
    assert_eq!(value("{subject.O}", &of(8192)).map(|value| value.len()), Some(8192));
    assert_values(&of(8193), &[("{subject.O}", None), ("{subject}", None), ("{serial} {subject.O}", None)]);
    assert_values(&of(60_000), &[("{subject.O}", None), ("{subject}", None), ("{subject.CN}", None)]);
    let encoded = leaf("x").subject(O, &"ü".repeat(1366)).mint();
    assert_eq!(value("{subject.O}", &encoded), None, "6 bytes for each letter");
    let names = |count: usize| {
        let leaf = (0..count).fold(leaf("x"), |leaf, at| leaf.dns(&format!("n{at:03}.acme.example")));
        leaf.mint()
    };
    // 17 bytes and a comma each.
    assert_eq!(value("{dns}", &names(455)).map(|value| value.len()), Some(455 * 18 - 1));
    assert_eq!(value("{dns}", &names(456)), None);
}

#[test]
fn nothing_is_set_for_whoever_is_not_verified_and_permitted() {
    let minted = billing().mint();
    let forward = json!({
        "headers": { "x-id": "{spiffe_id}", "x-route": "{route}" }, "client_cert": true,
    });
    let optional = forwarding(forward.clone());
    assert_eq!(set(&optional, &presented(&minted)).len(), 3);
    assert!(set(&optional, &Situation::get("/")).is_empty(), "anonymous");
    let shadow = route(json!({
        "client_certificate": "required", "allow": { "dns": "nobody.example" }, "mode": "shadow", "forward": forward,
    }));
    assert_eq!(verdict(&shadow, &presented(&minted)), "shadow identity_not_allowed");
    assert!(set(&shadow, &presented(&minted)).is_empty(), "a shadowed denial");
    assert!(set(&shadow, &presented(&minted).valid(Some(false))).is_empty(), "not verified");
    let permitted = route(json!({
        "client_certificate": "required", "allow": "any_verified", "mode": "shadow", "forward": forward,
    }));
    assert_eq!(set(&permitted, &presented(&minted)).len(), 3, "a permit in shadow is one");
    // The certificate is known by now, and for each request it is asked anew whether it was verified.
    assert!(set(&permitted, &presented(&minted).valid(Some(false))).is_empty());
}

/// Two routes of which one forwards, and one that ignores certificates.
fn mixed() -> Engine {
    let named = |name: &str, path: &str, members: Value| {
        let mut route = one_route(members);
        route["name"] = name.into();
        route["match"] = json!({ "path": { "prefix": path } });
        route
    };
    routes(json!([
        named(
            "a",
            "/a",
            json!({
                "client_certificate": "required", "allow": "any_verified",
                "forward": { "headers": { "X-Client-Id": "{spiffe_id}", "x_client_cn": "{subject.CN}" }, "client_cert": true },
            })
        ),
        named("b", "/b", json!({ "client_certificate": "optional" })),
        named(
            "c",
            "/c",
            json!({
                "client_certificate": "required", "allow": { "dns": "nobody.example" }, "mode": "shadow",
            })
        ),
        named("d", "/d", json!({ "client_certificate": "ignored" })),
    ]))
}

#[test]
fn client_copies_of_whatever_any_route_sets_are_removed_on_every_outcome_in_every_spelling() {
    let engine = mixed();
    let minted = billing().mint();
    let spellings = [
        "x-client-id",
        "x_client_id",
        "X-Client_Id",
        "x-client-cn",
        "x_client_cn",
        "client-cert",
        "Client_Cert",
        "client-cert-chain",
        "client_cert_chain",
        "x-client-verify",
    ];
    let others = ["x-client-ids", "x-clientid", "x-client", "client-certs", "client-cert-chains", "cert"];
    let forged = |path: &str| {
        let headers = spellings.iter().chain(&spellings).chain(&others);
        headers.fold(Situation::get(path), |situation, name| situation.header(name, b"forged"))
    };
    let cases = [
        ("/a", Some(&minted), 4),
        ("/b", Some(&minted), 1),
        ("/b", None, 1),
        ("/c", Some(&minted), 1),
        ("/c", None, 1),
        ("/d", Some(&minted), 1),
        ("/d", None, 1),
    ];
    for (path, certificate, count) in cases {
        let situation = forged(path);
        let situation = match certificate {
            Some(minted) => situation.certificate(minted),
            None => situation,
        };
        let changes = changes(&engine, &situation);
        assert_eq!(changes.remove, [spellings, spellings].concat(), "{path}");
        assert_eq!(changes.set.len(), count, "{path} {changes:?}");
    }
    let trailers = spellings.iter().chain(&others).copied();
    assert_eq!(trailers_to_remove(engine.policy(), trailers), spellings);
}

#[test]
fn headers_that_no_route_sets_are_the_clients() {
    let engine = route(json!({ "client_certificate": "ignored" }));
    let situation = Situation::get("/").header("x-client-id", b"a").header("client-cert", b"b");
    assert!(changes(&engine, &situation).remove.is_empty());
}

#[test]
fn names_are_set_in_lower_case_and_once() {
    let minted = billing().mint();
    let pairs = set(&mixed(), &Situation::get("/a").certificate(&minted));
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-client-id", "x_client_cn", "client-cert"]);
}

#[test]
fn a_route_forwards_what_it_says_itself_and_else_what_the_defaults_say() {
    let route = |name: &str, forward: Value| {
        let mut route = one_route(json!({ "client_certificate": "optional" }));
        route["name"] = name.into();
        route["match"] = json!({ "path": format!("/{name}") });
        if !forward.is_null() {
            route["forward"] = forward;
        }
        route
    };
    let engine = crate::situation::document(json!({
        "defaults": { "forward": { "headers": { "x-cn": "{subject.CN}" }, "remove_xfcc": true } },
        "routes": [
            route("other", Value::Null),
            route("own", json!({ "headers": { "x-serial": "{serial}" } })),
            route("none", json!({})),
        ],
    }));
    let minted = leaf("a").serial(&[7]).mint();
    let changed = |path: &str| {
        let situation = Situation::get(path).certificate(&minted).header("x-forwarded-client-cert", b"x");
        let names: Vec<String> = set(&engine, &situation).into_iter().map(|(name, _)| name).collect();
        (names.join(" "), changes(&engine, &situation).remove.len())
    };
    assert_eq!(changed("/other"), ("x-cn".to_owned(), 1));
    assert_eq!(changed("/own"), ("x-serial".to_owned(), 0), "nothing is mixed from the defaults");
    assert_eq!(changed("/none"), (String::new(), 0));
}

fn sequence(der: &[u8]) -> String {
    format!(":{}:", BASE64_STANDARD.encode(der))
}

fn leaf_and_chain() -> Engine {
    forwarding(json!({ "client_cert": true, "client_cert_chain": true }))
}

#[test]
fn the_certificate_itself_is_forwarded_as_rfc_9440_says() {
    let minted = billing().mint();
    let engine = forwarding(json!({ "client_cert": true }));
    let expected = [("client-cert".to_owned(), sequence(&minted.der))];
    for situation in [presented(&minted), presented(&minted), Situation::get("/").certificate(&minted)] {
        assert_eq!(set(&engine, &situation), expected, "also where it is known already");
    }
    let by_header = crate::situation::document(json!({
        "peer_certificate": { "verified_by": "envoy", "from": "xfcc" },
        "routes": [one_route(json!({ "client_certificate": "optional", "forward": { "client_cert": true } }))],
    }));
    assert_eq!(set(&by_header, &Situation::get("/").certificate_in_header(&minted)), expected);
    let another = leaf("another").mint();
    assert_eq!(set(&engine, &presented(&another)), [("client-cert".to_owned(), sequence(&another.der))]);
    assert!(set(&forwarding(json!({ "client_cert": false })), &presented(&minted)).is_empty());
}

#[test]
fn the_chain_is_what_the_client_presented_behind_its_leaf() {
    let root = Ca::new("Acme Root");
    let issuing = root.intermediate("Acme Issuing");
    let minted = issuing.leaf("billing").mint();
    let element = |pems: &[String]| format!("{};{}", minted.xfcc_element(), xfcc_chain(pems));
    let leaf = ("client-cert".to_owned(), sequence(&minted.der));
    let set_by = |header: &str| {
        set(&leaf_and_chain(), &presented(&minted).header("x-forwarded-client-cert", header.as_bytes()))
    };
    let chain = |ders: &[&[u8]]| {
        let list = ders.iter().map(|der| sequence(der)).collect::<Vec<_>>().join(", ");
        ("client-cert-chain".to_owned(), list)
    };
    let pems = [minted.pem(), issuing.pem(), root.pem()];
    assert_eq!(set_by(&element(&pems)), [leaf.clone(), chain(&[issuing.der(), root.der()])]);
    assert_eq!(set_by(&element(&pems[..2])), [leaf.clone(), chain(&[issuing.der()])]);
    for (odd, header) in [
        ("the leaf alone", element(&pems[..1])),
        ("no chain", minted.xfcc_element()),
        ("another leaf", element(&[leaf_of_another().pem(), issuing.pem()])),
        ("no leaf", element(&pems[1..])),
        ("an empty chain", element(&[])),
        ("text behind the last block", element(&[minted.pem(), issuing.pem(), "x".to_owned()])),
        ("text between blocks", element(&[minted.pem(), "\n".to_owned(), issuing.pem()])),
        ("a block cut short", element(&[minted.pem(), issuing.pem().replace("-----END", "----END")])),
        (
            "a block of another kind",
            element(&[minted.pem(), issuing.pem().replace("CERTIFICATE", "X509 CRL")]),
        ),
        ("unescaped", format!("{};Chain=\"{}{}\"", minted.xfcc_element(), minted.pem(), issuing.pem())),
        ("two chains", format!("{};{}", element(&pems), xfcc_chain(&pems))),
        ("another element last", format!("{},{}", element(&pems), leaf_of_another().xfcc_element())),
    ] {
        assert_eq!(set_by(&header), std::slice::from_ref(&leaf), "{odd}");
    }
    let twice = presented(&minted)
        .header("x-forwarded-client-cert", element(&pems).as_bytes())
        .header("x-forwarded-client-cert", element(&pems).as_bytes());
    assert_eq!(set(&leaf_and_chain(), &twice), [leaf]);
}

fn leaf_of_another() -> Minted {
    leaf("another").mint()
}

#[test]
fn a_chain_of_more_certificates_than_the_limit_is_not_forwarded() {
    let minted = leaf("a").mint();
    let ca = Ca::new("Acme Root");
    let names = |count: usize| {
        let mut pems = vec![ca.pem(); count];
        pems[0] = minted.pem();
        let header = format!("{};{}", minted.xfcc_element(), xfcc_chain(&pems));
        set(&leaf_and_chain(), &presented(&minted).header("x-forwarded-client-cert", header.as_bytes())).len()
    };
    assert_eq!((names(16), names(17)), (2, 1));
}

#[test]
fn a_certificate_that_is_too_long_for_a_header_is_not_forwarded_nor_its_chain() {
    let ca = Ca::new("Acme Issuing");
    let of = |bytes: usize| ca.leaf("a").extension(&[1, 2, 3], &vec![0; bytes]).mint();
    let names = |minted: &Minted| {
        let header = format!("{};{}", minted.xfcc_element(), xfcc_chain(&[minted.pem(), ca.pem()]));
        let situation = presented(minted).header("x-forwarded-client-cert", header.as_bytes());
        set(&leaf_and_chain(), &situation).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names(&of(16_000)), ["client-cert", "client-cert-chain"]);
    assert!(names(&of(18_500)).is_empty());
}

#[test]
fn envoys_own_header_is_removed_where_the_route_says_so() {
    let by_xfcc = || Situation::get("/").header("x-forwarded-client-cert", b"By=x");
    let own = ["x-forwarded-client-cert"];
    let minted = leaf("a").mint();
    let removing = forwarding(json!({ "remove_xfcc": true }));
    assert_eq!(changes(&removing, &by_xfcc().certificate(&minted)).remove, own);
    assert_eq!(changes(&removing, &by_xfcc()).remove, own);
    let ignored = route(json!({ "client_certificate": "ignored", "forward": { "remove_xfcc": true } }));
    assert_eq!(changes(&ignored, &by_xfcc()).remove, own);
    let keeping = forwarding(json!({ "remove_xfcc": false }));
    assert!(changes(&keeping, &by_xfcc().certificate(&minted)).remove.is_empty());
}

#[test]
fn forwarding_asks_for_nothing_that_the_decision_did_not() {
    let minted = billing().mint();
    let plain = route(json!({ "client_certificate": "required", "allow": "any_verified" }));
    let forwarding = forwarding(json!({
        "headers": { "x-id": "{spiffe_id}" }, "client_cert": true, "client_cert_chain": true, "remove_xfcc": true,
    }));
    let asked = |engine: &Engine| {
        let situation = presented(&minted);
        crate::situation::decide(engine, &situation);
        situation.asked()
    };
    assert_eq!(asked(&forwarding), asked(&plain));
    assert!(!asked(&forwarding).contains(&Question::Pem), "the certificate is known by now");
}
