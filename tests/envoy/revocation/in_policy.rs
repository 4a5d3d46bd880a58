//! Lists and deny lists that stand in the policy itself.

use serde_json::{Value, json};

use super::{bundle, fresh, guarded, hours, now, policy_of};
use crate::common::{BILLING, PKI, Shared, WEB, ask, at, both, service};
use crate::harness::mint::{Ca, Minted};
use crate::harness::{Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}

fn by_serial() -> Minted {
    service(&PKI.ca, "by-serial")
}

fn by_digest() -> Minted {
    service(&PKI.ca, "by-digest")
}

/// Its list has expired an hour ago.
fn late() -> Ca {
    Ca::new("Late Root")
}

fn setup(version: Version) -> Setup {
    let list = fresh(&PKI.ca).revoke(&WEB);
    let expired = late().crl().this_update(now() - hours(48)).next_update(now() - hours(1));
    let expired = expired.revoke(&service(&late(), "web"));
    let bundles = json!({
        "corp": bundle(&PKI.ca, json!({
            "crls": [{ "pem": list.pem() }],
            "revoked": {
                "serials": [hex(&by_serial().serial())],
                "sha256": [by_digest().hex_digest()],
            },
        })),
        "late": bundle(&late(), json!({ "crls": [{ "pem": expired.pem() }] })),
    });
    let routes: [Value; 5] = [
        guarded("lists", json!({ "check": ["crl"] })),
        guarded("denied", json!({ "check": ["deny_list"] })),
        guarded("graced", json!({ "check": ["crl"], "stale_grace_seconds": 7200 })),
        guarded("lenient", json!({ "check": ["crl"], "on_unknown": "allow" })),
        crate::common::with(crate::common::route("open"), json!({ "allow": "any_verified" })),
    ];
    let all = [PKI.ca.pem(), late().pem(), PKI.stranger.pem()].concat();
    let listener = Listener::tls("https").trusted_ca(&all);
    Setup::new(&PKI).version(version).policy(policy_of(bundles, &routes)).listener(listener)
}

#[tokio::test]
async fn a_list_in_the_policy_tells_the_good_from_the_revoked() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in both(envoy.client()) {
            let web = client.clone().presents(&WEB);
            ask(&client.clone().presents(&BILLING), &at("/lists")).await.assert_good(&envoy, "crl").await;
            ask(&web, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
            // A route that does not ask is not told.
            let record = ask(&web, &at("/open")).await.assert_permitted(&envoy, "SUCCESS").await;
            assert_eq!(record["revocation"], Value::Null, "{record}");
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn serials_and_fingerprints_of_the_policy_are_revoked_before_any_list_is_asked() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for certificate in [by_serial(), by_digest()] {
            let client = envoy.client().presents(&certificate);
            for path in ["/denied", "/lists", "/lenient"] {
                ask(&client, &at(path)).await.assert_revoked(&envoy, "deny_list").await;
            }
            assert_eq!(ask(&client, &at("/open")).await.reply.status, 200);
        }
        let other = envoy.client().presents(&service(&PKI.ca, "by-nothing"));
        for path in ["/denied", "/lists"] {
            ask(&other, &at(path)).await.assert_permitted(&envoy, "SUCCESS").await;
        }
    }
}

#[tokio::test]
async fn an_expired_list_is_believed_within_its_grace_only() {
    let envoy = CURRENT.envoy().await;
    let billing = envoy.client().presents(&service(&late(), "billing"));
    let web = envoy.client().presents(&service(&late(), "web"));
    ask(&billing, &at("/lists")).await.assert_unknown(&envoy, "stale").await;
    ask(&billing, &at("/graced")).await.assert_good(&envoy, "crl").await;
    ask(&billing, &at("/lenient")).await.assert_permitted(&envoy, "SUCCESS").await;
    // What an old list revokes stays revoked, with or without grace.
    for path in ["/graced", "/lists", "/lenient"] {
        let asked = ask(&web, &at(path)).await;
        if path == "/graced" {
            asked.assert_revoked(&envoy, "crl").await;
        } else {
            let record = asked.record(&envoy).await;
            assert!(record["decision"] == "deny" || path == "/lenient", "{record}");
        }
    }
}

#[tokio::test]
async fn a_ca_without_a_bundle_is_unknown_and_breaks_no_other() {
    let envoy = CURRENT.envoy().await;
    let stranger = envoy.client().presents(&service(&PKI.stranger, "billing"));
    ask(&stranger, &at("/lists")).await.assert_unknown(&envoy, "issuer_unknown").await;
    ask(&envoy.client().presents(&BILLING), &at("/lists")).await.assert_good(&envoy, "crl").await;
}

#[tokio::test]
async fn an_issuer_of_the_same_name_that_the_peer_presents_changes_nothing() {
    let impostor = Ca::with_seed("Acme Root", "impostor");
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        let client = envoy.client();
        let revoked = client.clone().presents_chain(&WEB, &[&impostor]);
        ask(&revoked, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
        let good = client.presents_chain(&BILLING, &[&impostor]);
        ask(&good, &at("/lists")).await.assert_good(&envoy, "crl").await;
    }
}
