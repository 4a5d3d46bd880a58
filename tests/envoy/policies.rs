//! Policies on a real Envoy: which are refused and how that is told, which mean the same, and that two do not mix.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::mint::Minted;
use crate::harness::{Envoy, Listener, Pki, Refusal, Setup, Version, root};
use mtls_policy::policy::Policy;
use serde_json::{Value, json};

const PAY: &str = "https://pay.acme.example/pay";

/// Faults of several kinds in several places.
const INVALID: &str = r#"{
  "version": 1,
  "peer_certificate": { "verified_by": "plugins" },
  "identities": { "billing": { "spiffe_id": "spiffe://acme.*/billing" } },
  "routes": [
    {
      "name": "payments",
      "match": { "path": { "prefix": "/v1//payments" }, "metods": ["GET"] },
      "client_certificate": "requird",
      "allow": { "identity": "biling" }
    },
    { "name": "payments", "match": { "methods": ["get"] }, "client_certificate": "ignored", "deny": { "dns": "a" } }
  ]
}"#;

/// Where they are, and a part of what is said of each.
const FAULTS: [(&str, &str, &str); 9] = [
    ("3:40", "/peer_certificate/verified_by", "did you mean `plugin`?"),
    ("4:45", "/identities/billing/spiffe_id", "`spiffe://acme.*/billing`"),
    ("8:38", "/routes/0/match/path/prefix", "`/v1//payments`"),
    ("8:57", "/routes/0/match/metods", "did you mean `methods`?"),
    ("9:29", "/routes/0/client_certificate", "did you mean `required`?"),
    ("10:30", "/routes/0/allow/identity", "did you mean `billing`?"),
    ("12:15", "/routes/1/name", "duplicate route name `payments`"),
    ("12:50", "/routes/1/match/methods/0", "did you mean `GET`?"),
    ("12:93", "/routes/1/deny", "has no effect"),
];

fn policy_that_allows(spiffe_id: &str) -> Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "identities": { "client": { "spiffe_id": spiffe_id } },
        "routes": [
            {
                "name": "pay",
                "match": { "hosts": ["pay.acme.example"], "path": { "prefix": "/pay" }, "methods": ["GET"] },
                "client_certificate": "required",
                "allow": { "identity": "client" },
                "on_deny": { "status": 404 },
            },
        ],
    })
}

fn client(pki: &Pki, name: &str) -> (Minted, String) {
    let id = format!("spiffe://acme.example/{name}");
    (pki.ca.leaf(name).spiffe(&id).mint(), id)
}

/// What Envoy says when it is asked to validate a set-up, and when it is started with it.
async fn refusals(setup: Setup) -> [Refusal; 2] {
    let validated = Envoy::validate(setup.clone()).await.expect_err("a refusal by validation");
    let started = Envoy::try_start(setup).await.err().expect("a refusal at the start");
    [validated, started]
}

fn policy_errors(refusal: &Refusal) -> Vec<&str> {
    refusal.log.lines().filter_map(|line| line.split_once("policy error: ")).map(|(_, error)| error).collect()
}

#[tokio::test]
async fn an_invalid_policy_is_refused_with_every_error_at_its_line_and_column() {
    for refusal in refusals(Setup::new(&Pki::new()).policy(INVALID)).await {
        assert_eq!(refusal.status, Some(1), "{}", refusal.log);
        let errors = policy_errors(&refusal);
        assert_eq!(errors.len(), FAULTS.len(), "{errors:#?}");
        for (error, (place, pointer, said)) in errors.iter().zip(FAULTS) {
            assert!(error.starts_with(&format!("{place}: ")), "{error}");
            assert!(error.contains(&format!("(at `{pointer}`)")) && error.contains(said), "{error}");
        }
    }
}

#[tokio::test]
async fn an_invalid_policy_as_struct_is_refused_with_every_error_at_its_pointer() {
    for refusal in refusals(Setup::new(&Pki::new()).policy(INVALID).policy_as_struct()).await {
        assert_eq!(refusal.status, Some(1), "{}", refusal.log);
        let errors = policy_errors(&refusal);
        assert_eq!(errors.len(), FAULTS.len(), "{errors:#?}");
        for (_, pointer, said) in FAULTS {
            let told = |error: &&str| error.contains(&format!("(at `{pointer}`)")) && error.contains(said);
            assert!(errors.iter().any(told), "{pointer}: {errors:#?}");
        }
        assert!(errors.iter().all(|error| !error.starts_with(|start: char| start.is_ascii_digit())));
    }
}

#[tokio::test]
async fn no_policy_is_no_policy_that_lets_everyone_in() {
    let without = |listener: &mut Value| {
        let filters = listener["filter_chains"][0]["filters"].as_array_mut().unwrap();
        let plugin =
            &mut filters.last_mut().unwrap()["typed_config"]["http_filters"][0]["typed_config"]["config"];
        assert!(plugin.as_object_mut().unwrap().remove("configuration").is_some());
    };
    let setup = || Setup::new(&Pki::new());
    for (what, setup) in [
        ("no configuration", setup().listener(Listener::tls("https").patch(without))),
        ("an empty text", setup().policy("")),
        ("white space", setup().policy(" \n")),
        ("an empty object", setup().policy("{}")),
        ("an empty Struct", setup().policy("{}").policy_as_struct()),
    ] {
        let refusal = Envoy::try_start(setup).await.err().unwrap_or_else(|| panic!("{what} is taken"));
        assert_eq!(refusal.status, Some(1), "{what}: {}", refusal.log);
        assert!(!policy_errors(&refusal).is_empty(), "{what}: {}", refusal.log);
    }
}

#[tokio::test]
async fn a_policy_means_the_same_as_text_in_any_order_and_as_struct() {
    let pki = Pki::new();
    let (billing, id) = client(&pki, "billing");
    let text = policy_that_allows(&id).to_string();
    let digest = Policy::from_json(text.as_bytes()).unwrap().digest().to_string();
    let reversed = reversed(&serde_json::from_str(&text).unwrap());
    assert_ne!(text, reversed);
    let as_struct = {
        let text = text.clone();
        move |manager: &mut Value| {
            let value: Value = serde_json::from_str(&text).unwrap();
            manager["http_filters"][0]["typed_config"]["config"]["configuration"] =
                json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": value });
        }
    };
    let setup = Setup::new(&pki)
        .listener(Listener::tls("text").policy(&text))
        .listener(Listener::tls("reversed").policy(&reversed))
        .listener(Listener::tls("struct").policy(&text).patch_manager(as_struct));
    let envoy = Envoy::start(setup).await;
    let (web, _) = client(&pki, "web");
    for listener in ["text", "reversed", "struct"] {
        let known = envoy.audit_records().len();
        let reply = envoy.client_of(listener).presents(&billing).get(PAY).await;
        assert_eq!(reply.status, 200, "{listener}: {reply:?}");
        assert_eq!(envoy.wait_for_new_record(known).await["policy"], digest, "{listener}");
        let reply = envoy.client_of(listener).presents(&web).get(PAY).await;
        assert_eq!(reply.status, 404, "{listener}: {reply:?}");
        let record = envoy.record_of(&reply).await;
        assert_eq!((&record["policy"], &record["reason"]), (&json!(digest), &json!("identity_not_allowed")));
    }
    envoy.assert_no_trap().await;
}

/// JSON text with the keys of every object in reverse order, and white space.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            let members: Vec<String> = members
                .into_iter()
                .rev()
                .map(|(key, value)| format!("{} :\n {}", json!(key), reversed(value)))
                .collect();
            format!("{{ {} }}", members.join(" , "))
        }
        Value::Array(values) => {
            format!("[ {} ]", values.iter().map(reversed).collect::<Vec<_>>().join(" ,\t"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[tokio::test]
async fn two_listeners_that_share_a_vm_keep_to_their_own_policies() {
    let pki = Pki::new();
    let (billing, billing_id) = client(&pki, "billing");
    let (web, web_id) = client(&pki, "web");
    let setup = Setup::new(&pki)
        .listener(Listener::tls("billing").policy(policy_that_allows(&billing_id)))
        .listener(Listener::tls("web").policy(policy_that_allows(&web_id)));
    let envoy = Envoy::start(setup).await;
    // In turns, and more connections than workers, so that one VM decides for both.
    for _ in 0..8 {
        for (listener, right, wrong) in [("billing", &billing, &web), ("web", &web, &billing)] {
            let client = envoy.client_of(listener);
            assert_eq!(client.clone().presents(right).get(PAY).await.status, 200, "{listener}");
            assert_eq!(client.presents(wrong).http2().get(PAY).await.status, 404, "{listener}");
        }
    }
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn every_example_policy_is_taken_by_both_versions_of_envoy() {
    let mut examples: Vec<(String, String)> = fs::read_dir(root().join("policies"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(folder.join("policy.json")).unwrap())
        })
        .collect();
    examples.sort();
    assert!(examples.len() >= 10);
    for version in [Version::Current, Version::Older] {
        let listeners = examples.iter().map(|(name, policy)| Listener::tls(name).policy(policy));
        let envoy =
            Envoy::start(listeners.fold(Setup::new(&Pki::new()).version(version), Setup::listener)).await;
        for (name, policy) in &examples {
            let digest = Policy::from_json(policy.as_bytes()).unwrap().digest();
            assert!(envoy.log().contains(&format!("policy {digest} with")), "{name}");
        }
    }
}
