//! Chains that clients present: what stands behind the leaf lends it no identity, and CAs bind those below them.

use super::{BILLING, Target, policy, verdict};
use crate::harness::mint::{Ca, EXTENDED_KEY_USAGE, Minted, NAME_CONSTRAINTS, SAN_DNS, SAN_URI, der};
use crate::harness::{Client, Listener, Version, get};

const PERMIT: &str = "permit admin 200";
const UNTRUSTED: &str = "untrusted 403";
const NO_ANSWER: &str = "no answer";

/// An Envoy with a listener that lets untrusted certificates through the handshake, beside the one that does not.
async fn start() -> Target {
    Target::start(|setup| {
        setup.listener(Listener::tls("https")).listener(Listener::tls("lax").accept_untrusted())
    })
    .await
}

async fn strike(target: &Target, what: &str, client: Client) -> String {
    let (reply, record) = target.strike(what, client.try_send(get("https://pay.acme.example/admin"))).await;
    verdict(reply.ok().map(|reply| reply.status), record.as_ref())
}

/// Certificates of whom `/admin` lets in and whom it does not.
fn leaves(ca: &Ca) -> (Minted, Minted) {
    (ca.leaf("billing").spiffe(BILLING).mint(), ca.leaf("web").spiffe("spiffe://acme.example/web").mint())
}

#[tokio::test]
async fn a_certificate_behind_the_leaf_lends_it_no_identity() {
    const OWN: &str = "identity_not_allowed 403";
    let current = start().await;
    let mut vouched = policy();
    vouched["peer_certificate"]["verified_by"] = "envoy".into();
    let older = Target::start(|setup| setup.version(Version::Older).policy(vouched)).await;
    for target in [&current, &older] {
        let (billing, web) = leaves(&target.pki.ca);
        let stolen = Minted { der: billing.der.clone(), key: web.key.clone() };
        for (what, leaf, behind, expected) in [
            ("the victim behind", &web, &[&billing.der[..]][..], OWN),
            ("the victim and the CA behind", &web, &[&billing.der, target.pki.ca.der()], OWN),
            ("the victim twice behind its own", &web, &[&web.der, &billing.der, &billing.der], OWN),
            ("the victim first, without its key", &stolen, &[&web.der], NO_ANSWER),
            ("another behind the right one", &billing, &[&web.der], PERMIT),
        ] {
            let client = target.envoy.client().presents_followed_by(leaf, behind);
            assert_eq!(strike(target, what, client).await, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn a_self_signed_certificate_fails_in_the_handshake_and_is_untrusted_where_it_does_not() {
    let target = start().await;
    let (billing, _) = leaves(&target.pki.ca);
    // Issuer and subject are one, and so are their keys.
    let own = Ca::new("billing").leaf("billing").spiffe(BILLING).mint();
    for behind in [&[][..], &[&billing.der[..]], &[&billing.der, target.pki.ca.der()]] {
        let of = |listener| target.envoy.client_of(listener).presents_followed_by(&own, behind);
        assert_eq!(strike(&target, "a self-signed certificate", of("https")).await, NO_ANSWER);
        assert_eq!(strike(&target, "a self-signed certificate", of("lax")).await, UNTRUSTED);
    }
    let right = target.envoy.client_of("lax").presents(&billing);
    assert_eq!(strike(&target, "the right certificate", right).await, PERMIT);
}

/// Presents a leaf of `billing` below a CA with this critical extension. It is refused in the handshake, and untrusted
/// where that lets it through, unless it is to pass.
async fn assert_below(target: &Target, what: &str, (oid, contents): (&[u64], &[u8]), passes: bool) {
    let ca = target.pki.ca.intermediate_with(&format!("CA for {what}"), &[(oid, contents)]);
    let leaf = ca.leaf("billing").spiffe(BILLING).dns("billing.acme.example").mint();
    let (strict, lax) = if passes { (PERMIT, PERMIT) } else { (NO_ANSWER, UNTRUSTED) };
    for (listener, expected) in [("https", strict), ("lax", lax)] {
        let client = target.envoy.client_of(listener).presents_chain(&leaf, &[&ca]);
        assert_eq!(strike(target, what, client).await, expected, "{what}, {listener}");
    }
}

#[tokio::test]
async fn a_ca_for_other_purposes_signs_no_clients() {
    let target = start().await;
    let purposes = |last: &[u8]| {
        let oids: Vec<Vec<u8>> =
            last.iter().map(|arc| der(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 3, *arc]])).collect();
        let oids: Vec<&[u8]> = oids.iter().map(Vec::as_slice).collect();
        der(0x30, &oids)
    };
    for (what, purposes, passes) in [
        ("clients", purposes(&[2]), true),
        ("servers and clients", purposes(&[1, 2]), true),
        ("servers", purposes(&[1]), false),
        ("code", purposes(&[3]), false),
        ("mail", purposes(&[4]), false),
        ("any purpose", der(0x30, &[&der(0x06, &[&[0x55, 0x1d, 0x25, 0]])]), false),
    ] {
        assert_below(&target, what, (EXTENDED_KEY_USAGE, &purposes), passes).await;
    }
}

#[tokio::test]
async fn a_ca_that_is_bound_to_names_signs_no_others() {
    const PERMITTED: u8 = 0xa0;
    const EXCLUDED: u8 = 0xa1;
    let target = start().await;
    for (list, kind, name, passes) in [
        (PERMITTED, SAN_URI, "acme.example", true),
        (PERMITTED, SAN_URI, "other.example", false),
        (PERMITTED, SAN_URI, ".acme.example", false),
        (EXCLUDED, SAN_URI, "acme.example", false),
        (EXCLUDED, SAN_URI, "other.example", true),
        (PERMITTED, SAN_DNS, "acme.example", true),
        (PERMITTED, SAN_DNS, "web.acme.example", false),
        (EXCLUDED, SAN_DNS, "acme.example", false),
        (EXCLUDED, SAN_DNS, "web.acme.example", true),
    ] {
        let subtree = der(0x30, &[&der(kind, &[name.as_bytes()])]);
        let constraints = der(0x30, &[&der(list, &[&subtree])]);
        let what = format!("{list:x} {kind:x} {name}");
        assert_below(&target, &what, (NAME_CONSTRAINTS, &constraints), passes).await;
    }
}
