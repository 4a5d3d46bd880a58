//! Bundles of SPIFFE trust domains: each vouches for its own.

use serde_json::json;

use super::{bundle, policy, setup, trusting};
use crate::common::{PKI, ask, at, with};
use crate::harness::{Envoy, Version};

#[tokio::test]
async fn the_ca_of_one_trust_domain_vouches_for_no_id_of_another() {
    let of = |domain: &str, ca| with(bundle(&[ca]), json!({ "spiffe_trust_domain": domain }));
    let bundles =
        json!({ "ours": of("acme.example", &PKI.ca), "theirs": of("partner.example", &PKI.stranger) });
    let routes = [trusting("both", json!(["ours", "theirs"])), trusting("ours", "ours")];
    let envoy = Envoy::start(setup(Version::Current, policy(&bundles, &routes))).await;
    for (ca, id, both, ours) in [
        (&PKI.ca, Some("spiffe://acme.example/a"), 200, 200),
        (&PKI.stranger, Some("spiffe://partner.example/a"), 200, 403),
        (&PKI.stranger, Some("spiffe://acme.example/a"), 403, 403),
        (&PKI.ca, Some("spiffe://partner.example/a"), 403, 403),
        (&PKI.ca, None, 403, 403),
    ] {
        let leaf = ca.leaf("a").dns("a.acme.example");
        let leaf = id.map_or(leaf.clone(), |id| leaf.spiffe(id)).mint();
        let client = envoy.client().presents(&leaf);
        for (path, expected) in [("/both", both), ("/ours", ours)] {
            let asked = ask(&client, &at(path)).await;
            assert_eq!(asked.reply.status, expected, "{id:?} {path}");
            if expected == 403 {
                asked.assert_denied(&envoy, 403, "untrusted").await;
            }
        }
    }
}
