//! OCSP responses that no good responder sends, and responders that send none.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{bundle, guarded, hours, now, policy_of};
use crate::common::{PKI, ask, at, service, with};
use crate::harness::mint::{Ca, Key, Minted};
use crate::harness::{Answer, Envoy, Listener, Server, Setup, Version};

/// What is sent of the client's certificate, and why its status is unknown then; none where it is good.
type Case = (&'static str, Option<&'static str>, fn(&Ca, &Minted) -> Answer);

fn cases() -> Vec<Case> {
    fn good(ca: &Ca, leaf: &Minted) -> Vec<u8> {
        ca.ocsp(now()).answer(&ca.good(leaf, now() - hours(1))).der()
    }
    vec![
        ("plain", None, |ca, leaf| Answer::body(good(ca, leaf))),
        ("slow", None, |ca, leaf| Answer::body(good(ca, leaf)).after(Duration::from_millis(500))),
        ("replayed", Some("stale"), |ca, leaf| {
            let then = now() - hours(72);
            Answer::body(ca.ocsp(then).answer(&ca.good(leaf, then)).der())
        }),
        ("endless", Some("stale"), |ca, leaf| {
            let then = now() - hours(72);
            Answer::body(ca.ocsp(then).answer(&ca.good(leaf, then).no_next_update()).der())
        }),
        ("fresh-without-end", None, |ca, leaf| {
            Answer::body(ca.ocsp(now()).answer(&ca.good(leaf, now()).no_next_update()).der())
        }),
        ("made-in-future", Some("future"), |ca, leaf| {
            Answer::body(ca.ocsp(now() + hours(2)).answer(&ca.good(leaf, now())).der())
        }),
        ("begins-in-future", Some("future"), |ca, leaf| {
            Answer::body(ca.ocsp(now() + hours(2)).answer(&ca.good(leaf, now() + hours(2))).der())
        }),
        ("try-later", Some("try_later"), |ca, _| Answer::body(ca.ocsp(now()).status(3).der())),
        ("unauthorized", Some("refused"), |ca, _| Answer::body(ca.ocsp(now()).status(6).der())),
        ("internal-error", Some("refused"), |ca, _| Answer::body(ca.ocsp(now()).status(2).der())),
        ("other-certificate", Some("unusable"), |ca, _| {
            Answer::body(ca.ocsp(now()).answer(&ca.good(&service(ca, "web"), now())).der())
        }),
        ("other-key", Some("bad_signature"), |ca, leaf| {
            Answer::body(ca.ocsp(now()).answer(&ca.good(leaf, now())).key(&Key::new("another")).der())
        }),
        ("no-nonce", Some("unusable"), |ca, leaf| Answer::body(good(ca, leaf))),
        ("other-nonce", Some("unusable"), |ca, leaf| {
            Answer::body(ca.ocsp(now()).answer(&ca.good(leaf, now())).nonce(&[7; 32]).der())
        }),
        ("page", Some("unusable"), |_, _| Answer::html()),
        ("error", Some("unavailable"), |_, _| Answer::status(500)),
        ("cut", Some("unusable"), |ca, leaf| {
            let mut response = good(ca, leaf);
            response.truncate(response.len() - 5);
            Answer::body(response)
        }),
        ("truncated", Some("unavailable"), |ca, leaf| Answer::body(good(ca, leaf)).truncated(5)),
        ("huge", Some("unusable"), |_, _| Answer::body(vec![0x30; 2 << 20])),
        ("reset", Some("unavailable"), |_, _| Answer::reset()),
        ("hung", Some("unavailable"), |_, _| Answer::hung()),
    ]
}

#[tokio::test]
async fn every_response_that_is_not_a_good_answer_leaves_the_status_unknown() {
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        let cases: Vec<(Ca, Minted, Case)> = cases()
            .into_iter()
            .map(|case| {
                let ca = Ca::new(case.0);
                let leaf = service(&ca, "billing");
                (ca, leaf, case)
            })
            .collect();
        let mut bundles = Map::new();
        let mut trusted = PKI.ca.pem();
        for (ca, leaf, (name, _, answer)) in &cases {
            server.answer(&format!("/{name}"), answer(ca, leaf));
            let ocsp = json!({
                "cluster": "ocsp",
                "url": format!("http://ocsp.acme.example/{name}"),
                "timeout_ms": 2000,
                "nonce": if name.ends_with("nonce") { "required" } else { "off" },
            });
            bundles.insert((*name).to_owned(), bundle(ca, json!({ "ocsp": ocsp })));
            trusted += &ca.pem();
        }
        let routes = [
            guarded("strict", json!({ "check": ["ocsp"] })),
            guarded("lenient", json!({ "check": ["ocsp"], "on_unknown": "allow" })),
            with(guarded("shadow", json!({ "check": ["ocsp"] })), json!({ "mode": "shadow" })),
        ];
        let policy = policy_of(Value::Object(bundles), &routes);
        let setup = Setup::new(&PKI).version(version).policy(policy).cluster("ocsp", server.port());
        let envoy = Envoy::start(setup.listener(Listener::tls("https").trusted_ca(&trusted))).await;
        for (_, leaf, (name, unknown, _)) in &cases {
            println!("{name}");
            let client = envoy.client().presents(leaf);
            let strict = ask(&client, &at("/strict")).await;
            match unknown {
                None => strict.assert_good(&envoy, "ocsp").await,
                Some(why) => strict.assert_unknown(&envoy, why).await,
            };
            ask(&client, &at("/lenient")).await.assert_permitted(&envoy, "SUCCESS").await;
            if unknown.is_some() {
                ask(&client, &at("/shadow")).await.assert_shadowed(&envoy, "revocation_unknown").await;
            }
            assert!(!server.requests(&format!("/{name}")).is_empty());
        }
        for (_, _, (name, unknown, _)) in &cases {
            // Dates are judged later, by the policy of each request.
            let result = unknown.filter(|why| !["stale", "future"].contains(why)).unwrap_or("good");
            let counted = format!("wasmcustom.mtls_policy.ocsp.answers.result.{result}.");
            let responder = format!("responder.http___ocsp_acme_example_{}_", name.replace('-', "_"));
            envoy.wait_for_stats(&[counted, responder].concat(), "").await;
        }
        // What is answered well is not asked again.
        assert_eq!(server.requests("/plain").len(), 1);
        envoy.assert_no_trap().await;
    }
}
