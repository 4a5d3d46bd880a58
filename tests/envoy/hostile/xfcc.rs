//! `x-forwarded-client-cert` where the filter needs it, and the client wrote it, whole or in part.

use super::{BILLING, HOST, Target, check_reply, policy, verdict};
use crate::harness::mint::{Minted, xfcc_escaped};
use crate::harness::{Forward, Listener, Version};

/// An Envoy that lacks the attribute, and has a listener that treats the header so.
async fn start(forward: Forward) -> Target {
    let mut policy = policy();
    policy["peer_certificate"]["verified_by"] = "envoy".into();
    Target::start(|setup| {
        let setup = setup.version(Version::Older).policy(policy);
        setup.listener(Listener::tls("https")).listener(Listener::tls("hostile").forward(forward))
    })
    .await
}

/// Whom `/admin` lets in, and whom it does not.
fn clients(target: &Target) -> (Minted, Minted) {
    let leaf = |name, id| target.pki.ca.leaf(name).spiffe(id).mint();
    (leaf("billing", BILLING), leaf("web", "spiffe://acme.example/ns/prod/sa/web"))
}

async fn strike(target: &Target, client: &Minted, header: &[u8]) -> String {
    let what: String = header.escape_ascii().to_string().chars().take(200).collect();
    let line = b"GET /admin HTTP/1.1\r\nhost: pay.acme.example\r\nx-forwarded-client-cert: ";
    let request = [line, header, b"\r\n\r\n"].concat();
    let client = target.envoy.client_of("hostile").presents(client);
    let (reply, record) = target.strike(&what, client.raw(HOST, &request)).await;
    let (reply, record) = (reply.unwrap(), record.unwrap_or_else(|| panic!("no record of {what}")));
    check_reply(&what, &reply, &record);
    verdict(reply.status, Some(&record))
}

/// An element with two certificates where one belongs.
fn two_blocks(first: &Minted, second: &Minted) -> String {
    format!("Hash={};Cert=\"{}\"", first.hex_digest(), xfcc_escaped(&(first.pem() + &second.pem())))
}

#[tokio::test]
async fn a_header_that_the_client_wrote_names_the_connections_certificate_or_nothing() {
    const OWN: &str = "identity_not_allowed 403";
    const MALFORMED: &str = "malformed_certificate 403";
    const MISMATCH: &str = "forwarded_certificate_mismatch 403";
    let target = start(Forward::AlwaysForwardOnly).await;
    let (billing, web) = clients(&target);
    let (of_billing, of_web) = (billing.xfcc_element(), web.xfcc_element());
    assert_eq!(strike(&target, &billing, of_billing.as_bytes()).await, "permit admin 200");
    let mut wrong = Vec::new();
    for (header, expected) in [
        (of_web.as_bytes(), OWN),
        (format!("{of_billing},{of_web}").as_bytes(), OWN),
        (format!("{of_web};URI={BILLING};Subject=\"CN=billing\"").as_bytes(), OWN),
        // Envoy joins headers of this name.
        (format!("{of_billing}\r\nx-forwarded-client-cert: {of_web}").as_bytes(), OWN),
        (of_billing.as_bytes(), MISMATCH),
        (format!("{of_web},{of_billing}").as_bytes(), MISMATCH),
        (of_web.replace("Hash=", "Hash=00").as_bytes(), MISMATCH),
        (format!("{of_web};Hash=00").as_bytes(), MISMATCH),
        (b"", MISMATCH),
        (b"Hash=", MISMATCH),
        (b"Cert=\"\"", MISMATCH),
        (of_web.replace("Cert=\"", "Cert=\"%00").as_bytes(), MALFORMED),
        (of_web.replace("%0A", "%0a").as_bytes(), MALFORMED),
        (of_web.replace("%0A", "%0D%0A").as_bytes(), MALFORMED),
        (of_web.replace("%0A", "+").as_bytes(), MALFORMED),
        (of_web.replace("Cert=\"", "Cert=\"text%0A").as_bytes(), MALFORMED),
        (format!("{}text\"", of_web.trim_end_matches('"')).as_bytes(), MALFORMED),
        (of_web.replace("%0A-----END", "-----END").as_bytes(), MALFORMED),
        (of_web.replace("-----%0A\"", "-----\"").as_bytes(), MALFORMED),
        (of_web.replace("%20CERTIFICATE", "%20TRUSTED%20CERTIFICATE").as_bytes(), MALFORMED),
        (of_web.replace("%2B", "%2b").replace("%2F", "%2f").as_bytes(), MALFORMED),
        (two_blocks(&web, &billing).as_bytes(), MALFORMED),
        (two_blocks(&billing, &web).as_bytes(), MISMATCH),
        (of_web.trim_end_matches('"').as_bytes(), MALFORMED),
        (&[of_web.as_bytes(), b";X=\xff"].concat(), MALFORMED),
        (b"\xff\xfe", MALFORMED),
        (b"\"", MALFORMED),
        (b"\\", MALFORMED),
        (b"=", MALFORMED),
        (b",", MALFORMED),
        (b";;;", MALFORMED),
        (b"Hash", MALFORMED),
        (&b"a=b;".repeat(10_000), MALFORMED),
        (&b"a=b,".repeat(10_000), MALFORMED),
        (&b"\"\\".repeat(20_000), MALFORMED),
        (&b",".repeat(50_000), MALFORMED),
    ] {
        let found = strike(&target, &web, header).await;
        if found != expected {
            let what: String = header.escape_ascii().to_string().chars().take(200).collect();
            wrong.push(format!("{what}: {found}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_a_client_writes_before_envoys_element_makes_it_no_other_client() {
    let target = start(Forward::AppendForward).await;
    let (billing, web) = clients(&target);
    for readable in [billing.xfcc_element().as_bytes(), b"Hash=00", b""] {
        assert_eq!(strike(&target, &web, readable).await, "identity_not_allowed 403");
        assert_eq!(strike(&target, &billing, readable).await, "permit admin 200");
    }
    let long = b"a=b,".repeat(10_000);
    for unreadable in [&b"\xff\xfe"[..], b"\"", b"By=\"", b"\\", b",", b";", &long] {
        assert_eq!(strike(&target, &web, unreadable).await, "malformed_certificate 403");
        assert_eq!(strike(&target, &billing, unreadable).await, "malformed_certificate 403");
    }
}
