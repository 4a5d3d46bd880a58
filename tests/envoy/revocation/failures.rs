//! Servers that bring no list, or one that is not to be believed: the last good one stays.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{bundle, by_lists, fresh, hours, now, policy_of, source, url};
use crate::common::{PKI, ask, at, service};
use crate::harness::mint::crl::{Scope, UNHEARD_OF};
use crate::harness::mint::{Ca, Key};
use crate::harness::{Answer, Envoy, Listener, Server, Setup, Version};

const WORKERS: u32 = 2;

/// What a server does, what records and counters call it, and the answer itself.
type Failure = (&'static str, &'static str, fn(&Ca) -> Answer);

fn failures() -> Vec<Failure> {
    vec![
        ("reset", "status", |_| Answer::reset()),
        ("hung", "status", |_| Answer::hung()),
        ("slow", "no_response", |ca| Answer::body(newer(ca)).in_pieces(8, Duration::from_millis(400))),
        ("truncated", "no_response", |ca| Answer::body(newer(ca)).truncated(10)),
        ("error", "status", |_| Answer::status(500)),
        ("gone", "status", |_| Answer::status(404)),
        ("html", "not_a_list", |_| Answer::html()),
        ("empty", "not_a_list", |_| Answer::body("")),
        ("cut", "truncated", |ca| {
            let mut list = newer(ca);
            list.truncate(list.len() - 10);
            Answer::body(list)
        }),
        ("huge", "no_response", |_| Answer::body(vec![0x30; 40 << 20])),
        ("other-key", "bad_signature", |ca| {
            Answer::body(fresh(ca).number(11).key(&Key::new("another")).der())
        }),
        ("other-ca", "unknown_signer", |_| Answer::body(fresh(&PKI.stranger).number(11).der())),
        ("older", "not_newer", |ca| Answer::body(fresh(ca).number(9).this_update(now() - hours(0)).der())),
        ("other-scope", "not_newer", |ca| {
            let of_cas = fresh(ca).number(11).this_update(now() + hours(0)).scope(&Scope::new().only_ca());
            Answer::body(of_cas.der())
        }),
        ("future", "future", |ca| Answer::body(fresh(ca).number(11).this_update(now() + hours(2)).der())),
        ("unnumbered", "no_number", |ca| Answer::body(fresh(ca).no_number().der())),
        ("critical", "unsupported", |ca| {
            Answer::body(fresh(ca).number(11).critical_extension(UNHEARD_OF, &[5, 0]).der())
        }),
    ]
}

/// A list after the first one, which revokes nobody.
fn newer(ca: &Ca) -> Vec<u8> {
    fresh(ca).number(11).der()
}

fn path(name: &str) -> String {
    format!("/{name}.crl")
}

#[tokio::test]
async fn the_last_good_list_stays_whatever_the_server_brings() {
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        let cases: Vec<_> = failures().into_iter().map(|case| (Ca::new(case.0), case)).collect();
        let mut bundles = Map::new();
        let mut trusted = PKI.ca.pem();
        for (ca, (name, _, _)) in &cases {
            let first = fresh(ca).number(10).revoke(&service(ca, "web"));
            server.answer(&path(name), Answer::body(first.der()));
            bundles.insert((*name).to_owned(), bundle(ca, json!({ "crls": [source(&path(name))] })));
            trusted += &ca.pem();
        }
        let policy = policy_of(Value::Object(bundles), &[by_lists("lists")]);
        let setup = Setup::new(&PKI).version(version).workers(WORKERS).policy(policy);
        let setup = setup.cluster("crl", server.port());
        let envoy = Envoy::start(setup.listener(Listener::tls("https").trusted_ca(&trusted))).await;
        let clients: Vec<_> = cases
            .iter()
            .map(|(ca, _)| {
                let client = envoy.client();
                [client.clone().presents(&service(ca, "billing")), client.presents(&service(ca, "web"))]
            })
            .collect();
        for [billing, web] in &clients {
            ask(billing, &at("/lists")).await.assert_good(&envoy, "crl").await;
            ask(web, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
        }

        for (ca, (name, _, bad)) in &cases {
            server.answer(&path(name), bad(ca));
        }
        let mut wrong = Vec::new();
        for (_, (name, word, _)) in &cases {
            let failed =
                |record: &Value| record["source"] == url(&path(name)) && record["result"] != "loaded";
            let record = envoy.wait_for_source_record(failed).await;
            if record["result"] != *word {
                wrong.push(format!("{name}: not {word}: {record}"));
                continue;
            }
            assert!(record["detail"].is_string(), "{record}");
            // It names the list that is in force.
            assert_eq!(
                (&record["list"]["number"], &record["list"]["entries"]),
                (&json!("0a"), &json!(1)),
                "{record}"
            );
            let counted =
                format!("wasmcustom.mtls_policy.crl.fetches.result.{word}.source.http___crl_acme_example_");
            envoy.wait_for_stats(&counted, "").await;
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        for ([billing, web], (_, (name, _, _))) in clients.iter().zip(&cases) {
            let record = ask(billing, &at("/lists")).await.assert_good(&envoy, "crl").await;
            assert_eq!(record["revocation"]["source"], url(&path(name)), "{record}");
            ask(web, &at("/lists")).await.assert_revoked(&envoy, "crl").await;
        }
        for gauge in
            ["failures", "entries", "this_update", "next_update", "seconds_to_next_update", "age_seconds"]
        {
            let begin = format!("wasmcustom.mtls_policy.crl.{gauge}.source.http___crl_acme_example_");
            envoy.wait_for_stats(&begin, "").await;
        }
        // A server that is well again is believed again.
        for (ca, (name, _, _)) in &cases {
            server.answer(&path(name), Answer::body(fresh(ca).number(12).der()));
        }
        for ([_, web], (_, (name, _, _))) in clients.iter().zip(&cases) {
            let loaded =
                |record: &Value| record["source"] == url(&path(name)) && record["list"]["number"] == "0c";
            envoy.wait_for_source_record(loaded).await;
            super::settle(&envoy, web, &at("/lists"), 200, WORKERS as usize).await;
        }
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn a_source_that_never_brought_a_list_is_unknown_by_its_own_name_and_breaks_no_other() {
    let server = Server::start();
    let cas = ["down", "page", "forged", "well"].map(Ca::new);
    server.answer("/down.crl", Answer::reset());
    server.answer("/page.crl", Answer::html());
    server.answer("/forged.crl", Answer::body(fresh(&cas[2]).key(&Key::new("another")).der()));
    server.answer("/well.crl", Answer::body(fresh(&cas[3]).der()));
    let none = Ca::new("none");
    let mut bundles = Map::new();
    for (ca, name) in cas.iter().zip(["down", "page", "forged", "well"]) {
        bundles.insert(name.to_owned(), bundle(ca, json!({ "crls": [source(&path(name))] })));
    }
    bundles.insert("none".to_owned(), bundle(&none, json!({})));
    let trusted: String = cas.iter().chain([&none]).map(Ca::pem).collect();
    let policy = policy_of(Value::Object(bundles), &[by_lists("lists")]);
    let setup = Setup::new(&PKI).policy(policy).cluster("crl", server.port());
    let envoy = Envoy::start(setup.listener(Listener::tls("https").trusted_ca(&trusted))).await;
    let of = |ca: &Ca| envoy.client().presents(&service(ca, "billing"));
    ask(&of(&cas[0]), &at("/lists")).await.assert_unknown(&envoy, "unavailable").await;
    ask(&of(&cas[1]), &at("/lists")).await.assert_unknown(&envoy, "unusable").await;
    ask(&of(&cas[2]), &at("/lists")).await.assert_unknown(&envoy, "bad_signature").await;
    ask(&of(&cas[3]), &at("/lists")).await.assert_good(&envoy, "crl").await;
    ask(&of(&none), &at("/lists")).await.assert_unknown(&envoy, "missing").await;
    for why in ["unavailable", "unusable", "bad_signature", "missing"] {
        let counted =
            envoy.wait_for_stats("wasmcustom.mtls_policy.revocation_lookups.", &format!(".{why}")).await;
        assert!(counted >= 1, "{why}");
    }
    envoy.assert_no_trap().await;
}
