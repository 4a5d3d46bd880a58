//! What the names in a certificate can do to the header that Envoy writes, in which it neither quotes nor escapes them,
//! and to the record.

use serde_json::json;

use crate::common::{BILLING, BILLING_ID, PKI, Shared, ask, at, both, policy, route, with, xfcc_element};
use crate::harness::mint::{SAN_DNS, SAN_URI};
use crate::harness::{Forward, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

const MISMATCH: &str = "forwarded_certificate_mismatch";

fn setup(version: Version) -> Setup {
    let allow = [
        json!({ "identity": "billing" }),
        json!({ "dns": "billing.acme.example" }),
        json!({ "subject": { "CN": "admin" } }),
    ];
    let policy = policy(version, &[with(route("payments"), json!({ "allow": { "any": allow } }))]);
    let from_xfcc = with(
        policy.clone(),
        json!({ "peer_certificate": with(policy["peer_certificate"].clone(), json!({ "from": "xfcc" })) }),
    );
    Setup::new(&PKI)
        .version(version)
        .policy(policy)
        .listener(Listener::tls("sanitize_set"))
        .listener(Listener::tls("append_forward").forward(Forward::AppendForward))
        .listener(Listener::tls("from_xfcc").policy(from_xfcc))
}

/// Names that, written into the header as they are, look like pairs and elements of it.
fn injections() -> Vec<(Vec<u8>, &'static str)> {
    let victim = xfcc_element(&BILLING);
    let cert = victim.split(';').nth(1).unwrap().to_owned();
    let allowed = "identity_not_allowed";
    [
        ("spiffe://x/a;Subject=\"CN=admin\"".to_owned(), MISMATCH),
        (format!("spiffe://x/a;Hash={}", BILLING.hex_digest()), MISMATCH),
        (format!("spiffe://x/a;{cert}"), MISMATCH),
        (format!("spiffe://x/a,{victim}"), MISMATCH),
        (format!("spiffe://x/a,Hash={};{cert}", BILLING.hex_digest()), MISMATCH),
        (format!("spiffe://x/a,{cert}"), MISMATCH),
        ("spiffe://x/a,By=spiffe://x/b".to_owned(), MISMATCH),
        ("spiffe://x/a\"".to_owned(), "malformed_certificate"),
        ("spiffe://x/a;unknown=b".to_owned(), "malformed_certificate"),
        (format!("spiffe://x/a;URI={BILLING_ID}"), allowed),
        (format!(";URI={BILLING_ID}"), allowed),
        ("x;DNS=billing.acme.example".to_owned(), allowed),
    ]
    .into_iter()
    .map(|(name, reason)| (name.into_bytes(), reason))
    .collect()
}

#[tokio::test]
async fn a_name_that_looks_like_a_part_of_the_header_never_lets_its_holder_in() {
    let (current, older) = (CURRENT.envoy().await, OLDER.envoy().await);
    for tag in [SAN_URI, SAN_DNS] {
        for (name, expected) in injections() {
            let holder = PKI.ca.leaf("x").raw_san(tag, &name).mint();
            let shown = String::from_utf8_lossy(&name);
            for (envoy, listener, expected) in [
                (&older, "sanitize_set", expected),
                (&older, "append_forward", expected),
                (&current, "from_xfcc", expected),
                (&current, "sanitize_set", "identity_not_allowed"),
                (&current, "append_forward", "identity_not_allowed"),
            ] {
                let asked = ask(&envoy.client_of(listener).presents(&holder), &at("/payments")).await;
                assert_eq!(asked.reply.status, 403, "{listener} {tag:x} {shown}");
                let record = asked.record(envoy).await;
                assert_eq!(record["reason"], expected, "{listener} {tag:x} {shown}: {record}");
            }
        }
    }
    for envoy in [current, older] {
        envoy.assert_no_trap().await;
        let asked = ask(&envoy.client_of("sanitize_set").presents(&BILLING), &at("/payments")).await;
        asked.assert_permitted(&envoy, "SUCCESS").await;
    }
}

#[tokio::test]
async fn a_certificate_of_a_thousand_names_is_known_by_its_last_one_and_its_record_is_bounded() {
    let of = |last: &str| {
        let leaf = (1..1000).fold(PKI.ca.leaf("many"), |leaf, at| leaf.dns(&format!("h{at}.acme.example")));
        leaf.dns(last).mint()
    };
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client_of("sanitize_set").presents(&of("billing.acme.example"))) {
            let record = ask(&client, &at("/payments")).await.assert_permitted(&envoy, "SUCCESS").await;
            assert_eq!(record["certificate"]["dns"].as_array().map(Vec::len), Some(16));
            assert_eq!(record["certificate"]["names_omitted"], 984);
            assert!(record.to_string().len() < 4096, "{record}");
        }
        let client = envoy.client_of("sanitize_set").presents(&of("billing2.acme.example"));
        ask(&client, &at("/payments")).await.assert_denied(&envoy, 403, "identity_not_allowed").await;
    }
}
