//! What the filter counts, as Envoy shows it to Prometheus.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mtls_policy::metrics::policy_in_force;
use mtls_policy::policy::Policy;
use serde_json::{Value, json};

use crate::common::{BILLING, PKI, WEB, at, ignored, policy, route, with};
use crate::harness::{Envoy, Samples, Setup, Version, get, shipped};
use crate::load::Load;

pub(crate) const DECISIONS: &str = "mtls_policy_decisions";
const IN_FORCE: &str = "mtls_policy_policy_in_force";
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// What Prometheus would read now.
pub(crate) async fn scrape(envoy: &Envoy) -> Samples {
    Samples::read(&envoy.admin("/stats/prometheus").await)
}

/// Waits until a scrape is as wanted; panics after 10 s with the filter's metrics.
pub(crate) async fn wait_for(envoy: &Envoy, wanted: impl Fn(&Samples) -> bool) -> Samples {
    let deadline = Instant::now() + WAIT_LIMIT;
    loop {
        let samples = scrape(envoy).await;
        if wanted(&samples) {
            return samples;
        }
        assert!(Instant::now() < deadline, "{:#?}", samples.beginning("mtls_policy"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn labels<'a>(outcome: &'a str, reason: &'a str, route: &'a str) -> [(&'a str, &'a str); 3] {
    [("outcome", outcome), ("reason", reason), ("route", route)]
}

fn setup(routes: &[Value]) -> Setup {
    Setup::new(&PKI).policy(policy(Version::Current, routes))
}

#[tokio::test]
async fn decisions_are_counted_by_outcome_reason_and_route_over_all_workers() {
    let routes = [
        route("payments"),
        with(route("trial"), json!({ "mode": "shadow" })),
        ignored("open"),
        with(route("maybe"), json!({ "client_certificate": "optional" })),
    ];
    let envoy = Envoy::start(setup(&routes).workers(4)).await;
    let (billing, web, nobody) =
        (envoy.client().presents(&BILLING), envoy.client().presents(&WEB), envoy.client());
    // Every request has a connection of its own, and goes to some worker.
    for _ in 0..12 {
        assert_eq!(billing.get(&at("/payments")).await.status, 200);
        assert_eq!(web.get(&at("/payments")).await.status, 403);
        assert_eq!(nobody.get(&at("/payments")).await.status, 403);
        assert_eq!(web.get(&at("/trial")).await.status, 200);
        assert_eq!(billing.get(&at("/trial")).await.status, 200);
        assert_eq!(nobody.get(&at("/open")).await.status, 200);
        assert_eq!(nobody.get(&at("/maybe")).await.status, 200);
        assert_eq!(billing.get(&at("/maybe")).await.status, 200);
        assert_eq!(billing.get(&at("/else")).await.status, 403);
        assert_eq!(billing.get(&at("/payments%2f..%2fopen")).await.status, 400);
    }
    let counted = wait_for(&envoy, |samples| samples.sum(DECISIONS, &[]) >= 120).await;
    for (outcome, reason, route) in [
        ("permit", "verified", "payments"),
        ("deny", "identity_not_allowed", "payments"),
        ("deny", "no_certificate", "payments"),
        ("shadow_deny", "identity_not_allowed", "trial"),
        ("permit", "verified", "trial"),
        ("permit", "anonymous", "open"),
        ("permit", "anonymous", "maybe"),
        ("permit", "verified", "maybe"),
        ("deny", "no_route", "(none)"),
        ("deny", "ambiguous_path", "(none)"),
    ] {
        let labels = labels(outcome, reason, route);
        assert_eq!(counted.sum(DECISIONS, &labels), 12, "{labels:?}");
    }
    assert_eq!(counted.sum(DECISIONS, &[]), 120);
    // Billing's certificate was good for a permit four times out of ten.
    assert_eq!(counted.sum("mtls_policy_client_certificates", &[]), 36);
    assert!(counted.sum("mtls_policy_cache_lookups", &[("cache", "identity"), ("result", "hit")]) > 0);
    // Four workers and the main thread.
    assert_eq!(counted.sum(IN_FORCE, &[]), 5);
    assert_eq!(
        counted.of("mtls_policy_streams_open", &[]).map(|sample| sample.value).collect::<Vec<_>>(),
        [0.0]
    );
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn the_last_request_is_counted_within_a_second_or_two() {
    let envoy = Envoy::start(setup(&[route("payments")])).await;
    for number in [1, 2] {
        assert_eq!(envoy.client().get(&at("/payments")).await.status, 403);
        let asked = Instant::now();
        wait_for(&envoy, |samples| {
            samples.sum(DECISIONS, &labels("deny", "no_certificate", "payments")) == number
        })
        .await;
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn names_of_routes_stay_whole_whatever_they_look_like() {
    let names = [
        "payments",
        "a.b-c_d.E",
        "a.reason.b",
        "route.x",
        "x.route.y",
        "outcome.deny.reason.revoked.route.z",
        "reason",
        "source.s",
        "result.hit",
        "http.x.y",
        "cluster.x.y",
        "x_rq_404",
        "-",
        ".",
        "..",
        ".a",
        "a.",
        "a..",
        "a..b",
        "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll",
    ];
    let routes: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(number, name)| with(ignored(&format!("r{number}")), json!({ "name": name })))
        .collect();
    let envoy = Envoy::start(setup(&routes)).await;
    let mut connection = envoy.client().http2().connect(&at("/")).await;
    for number in 0..names.len() {
        for _ in 0..=number {
            assert_eq!(connection.get(&at(&format!("/r{number}"))).await.status, 200, "{number}");
        }
    }
    let all = names.len() * (names.len() + 1) / 2;
    let counted = wait_for(&envoy, |samples| {
        samples.beginning(DECISIONS).iter().map(|sample| sample.value as usize).sum::<usize>() >= all
    })
    .await;
    let mut wrong = Vec::new();
    for (number, name) in names.iter().enumerate() {
        // Envoy drops dots from the end.
        let dots = name.len() - name.trim_end_matches('.').len();
        let label = name.trim_end_matches('.').to_owned() + &"%2E".repeat(dots);
        let wanted = labels("permit", "anonymous", &label);
        let found: Vec<_> = counted.of(DECISIONS, &wanted).collect();
        if found.len() != 1 || found[0].value as usize != number + 1 {
            wrong.push(format!("`{name}`: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?} {:#?}", counted.beginning(DECISIONS));
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn no_client_can_make_a_name_or_a_label() {
    let envoy = Envoy::start(setup(&[route("payments"), ignored("open")])).await;
    let billing = envoy.client().presents(&BILLING);
    billing.get(&at("/payments")).await;
    envoy.client().get(&at("/open")).await;
    envoy.client().get(&at("/payments")).await;
    envoy.client().get(&at("/nowhere")).await;
    let known = wait_for(&envoy, |samples| samples.sum(DECISIONS, &[]) == 4).await;
    let shape = |samples: &Samples| -> BTreeSet<String> {
        let all = samples.beginning("mtls_policy").into_iter();
        // That a certificate was known already is no label of the client's.
        let all = all.filter(|sample| sample.name != "mtls_policy_cache_lookups");
        all.map(|sample| format!("{} {:?}", sample.name, sample.labels)).collect()
    };
    let paths = ["/x.route.y", "/payments/.reason.revoked", "/a%22b", "/open.outcome.deny", "/%00", "/a%0ab"];
    let mut asked = 4;
    for client in [&billing, &envoy.client(), &envoy.client().sni(Some("route.evil.reason.x"))] {
        for path in paths {
            for host in ["pay.acme.example", "a.reason.b.route.c", "x_rq_500"] {
                // Some of them Envoy refuses itself.
                if client.try_send(get(&format!("https://{host}{path}"))).await.is_ok() {
                    asked += 1;
                }
            }
        }
    }
    let after = wait_for(&envoy, |samples| samples.sum(DECISIONS, &[]) >= asked / 3).await;
    let known_reasons: BTreeSet<String> =
        mtls_policy::policy::Reason::ALL.iter().map(|reason| reason.code().to_owned()).collect();
    for reason in after.values(DECISIONS, "reason") {
        assert!(known_reasons.contains(&reason) || ["verified", "anonymous"].contains(&&*reason), "{reason}");
    }
    assert_eq!(
        after.values("mtls_policy", "route"),
        ["(none)", "open", "payments"].map(str::to_owned).into()
    );
    assert_eq!(after.values("mtls_policy", "outcome"), ["deny", "permit"].map(str::to_owned).into());
    let new: Vec<String> = shape(&after).difference(&shape(&known)).cloned().collect();
    assert!(new.iter().all(|name| name.starts_with(DECISIONS)), "{new:#?}");
    envoy.assert_no_trap().await;
}

/// A policy of one route for everything, told from others by its name.
fn named(name: &str) -> Value {
    let route = with(route(name), json!({ "match": { "path": { "prefix": "/" } } }));
    policy(Version::Current, &[route])
}

fn digest_label(policy: &Value) -> String {
    let digest = Policy::from_json(policy.to_string().as_bytes()).unwrap().digest();
    policy_in_force(digest).rsplit_once('.').unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_policies_replace_each_other_under_load() {
    const WORKERS: u32 = 3;
    const URL: &str = "https://pay.acme.example/x";
    let policies: Vec<Value> = (0..4).map(|number| named(&format!("p{number}"))).collect();
    let setup = Setup::new(&PKI).policy(&policies[0]).discovered().workers(WORKERS);
    let mut envoy = Envoy::start(setup).await;
    let load = Load::start(&envoy.client().presents(&BILLING), URL, 8).await;
    let in_force = |samples: &Samples, policy: &Value| {
        samples.sum(IN_FORCE, &[("digest", digest_label(policy).as_str())])
    };
    let vms = u64::from(WORKERS) + 1;
    wait_for(&envoy, |samples| in_force(samples, &policies[0]) == vms).await;
    for (number, policy) in policies.iter().enumerate().skip(1) {
        load.go_on(20).await;
        envoy.replace_policy(policy);
        envoy.wait_for_policy_updates(number as u64 + 1).await;
        wait_for(&envoy, |samples| in_force(samples, policy) == vms).await;
    }
    let mut bad = policies[0].clone();
    bad["routes"][0]["alow"] = json!("any_verified");
    envoy.replace_policy(&bad);
    envoy.wait_for_policy_refusals(1).await;
    load.go_on(20).await;
    let requests = load.end().await as u64;
    let counted = wait_for(&envoy, |samples| samples.sum(DECISIONS, &[]) >= requests).await;
    assert_eq!(counted.sum(DECISIONS, &[]), requests);
    for (number, policy) in policies.iter().enumerate() {
        assert!(counted.sum(DECISIONS, &[("route", &*format!("p{number}"))]) > 0, "{number}");
        let expected = if number == 3 { vms } else { 0 };
        assert_eq!(in_force(&counted, policy), expected, "{number}: {:#?}", counted.beginning(IN_FORCE));
    }
    assert!(counted.sum("mtls_policy_policy_refused", &[]) >= 1, "{:#?}", counted.beginning("mtls_policy_p"));
    envoy.assert_no_trap().await;
}

#[test]
fn the_tags_of_the_shipped_configuration_are_those_of_the_file_to_be_merged() {
    let tags = shipped("envoy/observability/stats-tags.yaml");
    assert_eq!(shipped("envoy/envoy.yaml")["stats_config"], tags["stats_config"]);
    assert_eq!(tags.as_object().unwrap().len(), 1);
}
