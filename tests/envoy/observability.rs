//! The shipped rules and dashboard: on a real Prometheus that scrapes a real Envoy.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::common::{BILLING, PKI, at, ignored, policy, route};
use crate::harness::mint::Ca;
use crate::harness::{Answer, Envoy, Prometheus, Server, Setup, Version, promtool, root, shipped};
use crate::metrics::{scrape, wait_for};
use crate::revocation::{bundle, by_lists, fresh, guarded, policy_of, source};

const RULES: &str = "envoy/observability/rules.yaml";
const DASHBOARD: &str = "envoy/observability/dashboard.json";

/// Metrics that come to be in situations which other tests are about.
const ELSEWHERE: [&str; 6] = [
    "mtls_policy_stream_decisions",
    "mtls_policy_audit_records_below_level",
    "mtls_policy_audit_records_sent",
    "mtls_policy_audit_queue_depth",
    "mtls_policy_audit_send_failures",
    "mtls_policy_audit_records_dropped",
];

#[test]
fn promtool_finds_nothing_wrong_with_the_rules_and_each_fires_where_it_should() {
    promtool(&["check", "rules", "rules.yaml"]).unwrap_or_else(|why| panic!("{why}"));
    promtool(&["test", "rules", "rules.test.yaml"]).unwrap_or_else(|why| panic!("{why}"));
    let tests = fs::read_to_string(root().join("envoy/observability/rules.test.yaml")).unwrap();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert!(tests.contains(name), "no test of {name}");
        for text in ["summary", "description"] {
            assert!(rule["annotations"][text].is_string(), "{name} has no {text}");
        }
    }
}

fn rules() -> Vec<Value> {
    shipped(RULES)["groups"][0]["rules"].as_array().unwrap().clone()
}

/// The shipped rules, which fire at once: where they ask for what was known an hour ago, a second will do.
fn at_once() -> Value {
    let mut rules = shipped(RULES);
    for rule in rules["groups"][0]["rules"].as_array_mut().unwrap() {
        rule.as_object_mut().unwrap().remove("for");
        let expression = rule["expr"].as_str().unwrap().replace("offset 1h", "offset 1s");
        rule["expr"] = expression.into();
    }
    rules
}

#[tokio::test]
async fn an_alert_fires_when_denials_rise_and_no_other_does() {
    let routes = [route("payments"), ignored("open"), route("few")];
    let envoy = Envoy::start(Setup::new(&PKI).policy(policy(Version::Current, &routes))).await;
    let nobody = envoy.client().http2();
    let mut connection = nobody.connect(&at("/")).await;
    for path in ["/payments", "/few", "/open"] {
        connection.get(&at(path)).await;
    }
    wait_for(&envoy, |samples| samples.sum(crate::metrics::DECISIONS, &[]) == 3).await;
    let prometheus = Prometheus::start(envoy.admin_address(), &at_once());
    let limit = Duration::from_secs(30);
    // What increases must have been seen before.
    let seen = "query?query=count(mtls_policy_decisions)";
    prometheus.wait_for(seen, limit, |answer| (answer["result"][0]["value"][1] == "3").then_some(())).await;
    assert!(prometheus.firing().await.is_empty(), "{:?}", prometheus.firing().await);
    for _ in 0..150 {
        assert_eq!(connection.get(&at("/payments")).await.status, 403);
        assert_eq!(connection.get(&at("/open")).await.status, 200);
    }
    for _ in 0..10 {
        assert_eq!(connection.get(&at("/few")).await.status, 403);
    }
    prometheus
        .wait_for("alerts", limit, |answer| {
            let alerts = answer["alerts"].as_array()?;
            alerts.iter().any(|alert| alert["state"] == "firing").then_some(())
        })
        .await;
    let expected = json!({
        "alertname": "MtlsPolicyDenialSpike",
        "route": "payments",
        "reason": "no_certificate",
        "severity": "warning",
    });
    assert_eq!(prometheus.firing().await, [expected]);
    // It could read every line.
    let targets = prometheus.api("targets").await;
    assert_eq!(targets["activeTargets"][0]["health"], "up", "{targets}");
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn rules_and_dashboard_use_metrics_that_envoy_shows() {
    let server = Server::start();
    server.answer("/list.crl", Answer::body(fresh(&PKI.ca).der()));
    server.answer("/responder", Answer::html());
    let asked = Ca::new("asked");
    let ocsp = json!({ "cluster": "crl", "url": "http://ocsp.acme.example/responder", "timeout_ms": 1000 });
    let bundles: Map<String, Value> = [
        ("listed", bundle(&PKI.ca, json!({ "crls": [source("/list.crl")], "ocsp": ocsp }))),
        ("asked", bundle(&asked, json!({}))),
    ]
    .into_iter()
    .map(|(name, bundle)| (name.to_owned(), bundle))
    .collect();
    let routes = [by_lists("lists"), guarded("ocsp", json!({ "check": ["ocsp"] }))];
    let policy = policy_of(Value::Object(bundles), &routes);
    let setup = Setup::new(&PKI).policy(policy).cluster("crl", server.port());
    let envoy = Envoy::start(setup).await;
    let billing = envoy.client().presents(&BILLING);
    assert_eq!(billing.get(&at("/lists")).await.status, 200);
    assert_eq!(billing.get(&at("/ocsp")).await.status, 403);
    let samples = wait_for(&envoy, |samples| {
        samples.sum("mtls_policy_ocsp_latency_ms_count", &[]) > 0
            && samples.sum("mtls_policy_crl_entries", &[]) < 1
            && samples.of("mtls_policy_crl_next_update", &[]).count() > 0
            && samples.of("mtls_policy_decisions", &[]).count() > 1
    })
    .await;
    let shown: BTreeSet<&str> = samples.names().into_iter().chain(ELSEWHERE).collect();
    let texts = rules().into_iter().map(|rule| rule["expr"].as_str().unwrap().to_owned());
    let dashboard = shipped(DASHBOARD);
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let targets = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let variables = variables.filter_map(|variable| variable["definition"].as_str()).map(str::to_owned);
    let texts: Vec<String> = texts.chain(targets).chain(variables).collect();
    let used: BTreeSet<&str> = texts.iter().flat_map(|text| metrics_in(text)).collect();
    let unknown: Vec<&&str> = used.difference(&shown).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not among {shown:#?}");
    // And the dashboard leaves none of the filter's out that tells something.
    let panels = fs::read_to_string(root().join(DASHBOARD)).unwrap();
    let parts = ["_bucket", "_sum", "_count"];
    let left_out: Vec<&&str> = shown
        .iter()
        .filter(|name| name.starts_with("mtls_policy_") && !parts.iter().any(|part| name.ends_with(part)))
        .filter(|name| {
            !panels.contains(**name)
                && !["crl_this_update", "crl_next_update"].iter().any(|date| name.ends_with(date))
        })
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
    assert!(scrape(&envoy).await.sum("mtls_policy_crl_fetches", &[("result", "loaded")]) >= 1);
    envoy.assert_no_trap().await;
}

/// The names of metrics in an expression.
fn metrics_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("mtls_policy_") || word.starts_with("envoy_"))
}
