//! A text in a certificate counts for its own kind of name and for no other.

use serde_json::{Value, json};

use super::{Target, policy, verdict};
use crate::harness::mint::{CN, Leaf, UTF8};
use crate::harness::{Version, get};

/// Puts a text into a certificate as a name of one kind.
type Put = fn(Leaf, &str) -> Leaf;

/// The kinds of names by the keys of their matchers.
const KINDS: [(&str, Put); 5] = [
    ("dns", Leaf::dns),
    ("email", Leaf::email),
    ("uri", Leaf::uri),
    ("upn", Leaf::upn),
    ("subject", |leaf, text| leaf.relative_name(&[(CN, UTF8, text.as_bytes())])),
];

/// Texts that a matcher of this kind takes, and the kind of name that it sees.
const TEXTS: [(&str, &str, &str); 6] = [
    ("dns", "admin.acme.example", "dns"),
    ("email", "admin@acme.example", "email"),
    ("uri", "https://acme.example/admin", "uri"),
    ("spiffe_id", "spiffe://acme.example/admin", "uri"),
    ("upn", "admin@acme.example", "upn"),
    ("subject", "admin.acme.example", "subject"),
];

/// For every matcher a route that lets in only whom it matches, and one that lets in only others.
fn routes() -> Vec<Value> {
    TEXTS
        .iter()
        .flat_map(|(matcher, text, _)| {
            let matcher_of_text = match *matcher {
                "subject" => json!({ "subject": { "CN": text } }),
                other => json!({ other: text }),
            };
            [
                json!({
                    "name": format!("only-{matcher}"), "match": { "path": format!("/only-{matcher}") },
                    "client_certificate": "required", "allow": matcher_of_text,
                }),
                json!({
                    "name": format!("not-{matcher}"), "match": { "path": format!("/not-{matcher}") },
                    "client_certificate": "required", "allow": "any_verified", "deny": matcher_of_text,
                }),
            ]
        })
        .collect()
}

async fn assert_each_kind_is_itself(version: Version, resumption: &str) {
    let mut policy = policy();
    policy["peer_certificate"]["verified_by"]["envoy"]["resumption"] = resumption.into();
    policy["routes"].as_array_mut().unwrap().splice(1.., routes());
    let target = Target::start(|setup| setup.version(version).policy(policy)).await;
    let mut wrong = Vec::new();
    for (kind, put) in KINDS {
        for (matcher, text, seen) in TEXTS {
            let leaf = put(target.pki.ca.leaf("odd"), text).mint();
            let what = format!("`{text}` as `{kind}` before the matcher `{matcher}`");
            let expected = if kind == seen {
                [format!("permit only-{matcher} 200"), "identity_denied 403".to_owned()]
            } else {
                ["identity_not_allowed 403".to_owned(), format!("permit not-{matcher} 200")]
            };
            let client = target.envoy.client().presents(&leaf);
            for (route, expected) in ["only", "not"].into_iter().zip(expected) {
                let request = get(&format!("https://pay.acme.example/{route}-{matcher}"));
                let (reply, record) = target.strike(&what, client.try_send(request)).await;
                let found = verdict(reply.ok().map(|reply| reply.status), record.as_ref());
                if found != expected {
                    wrong.push(format!("{what}: {found}, expected {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_name_is_never_taken_for_one_of_another_kind() {
    assert_each_kind_is_itself(Version::Current, "disabled").await;
}

#[tokio::test]
async fn a_name_in_a_forwarded_certificate_is_never_taken_for_one_of_another_kind() {
    assert_each_kind_is_itself(Version::Older, "trusted").await;
}
