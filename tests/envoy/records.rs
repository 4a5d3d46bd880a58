//! Audit records on a real Envoy: what they hold, where they go, and what the policy keeps out of them.

use hyper::Method;
use serde_json::{Value, json};

use crate::common::{BILLING, PKI, Shared, WEB, ask, ask_for, at, ignored, policy, route, unique, with};
use crate::harness::{Envoy, Listener, Setup, Version, checked_record};

const KEY: &str = "6a0f2f8c8f6cf1e9b1a54b0b23a0f0d7";

fn setup(audit: Value) -> Setup {
    let routes = [
        route("payments"),
        with(route("sampled"), json!({ "audit": { "allowed_ratio": 0 } })),
        ignored("health"),
    ];
    let policy = with(policy(Version::Current, &routes), json!({ "audit": audit }));
    let listener = Listener::tls("https").patch_manager(|manager| {
        let format = &mut manager["access_log"][0]["typed_config"]["log_format"]["json_format"];
        format["mtls_record"] = "%FILTER_STATE(wasm.mtls_record:PLAIN)%".into();
    });
    Setup::new(&PKI).policy(policy).listener(listener)
}

static PLAIN: Shared = Shared::new(|| setup(json!({})));

#[tokio::test]
async fn a_record_names_protocol_connection_request_and_rule() {
    let envoy = PLAIN.envoy().await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (client, protocol) in [
        (envoy.client().presents(&BILLING), "HTTP/1.1"),
        (envoy.client().presents(&BILLING).http2(), "HTTP/2"),
    ] {
        let mut request = unique(Method::GET, &at("/payments"));
        request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
        let record = ask_for(&client, request).await.assert_permitted(&envoy, "SUCCESS").await;
        assert_eq!(record["request"]["protocol"], protocol);
        assert_eq!(record["request"]["traceparent"], traceparent);
        assert_eq!(record["request"]["id"].as_str().map(str::len), Some(36), "{record}");
        assert_eq!(record["tls"]["version"], "TLSv1.3");
        assert!(
            record["tls"]["cipher"].as_str().is_some_and(|cipher| cipher.starts_with("TLS_")),
            "{record}"
        );
        assert_eq!(record["rule"], "allow:billing");
        assert_eq!(record["verification"]["by"], "envoy");
        assert_eq!(record["certificate"]["public_key"], "ec_p256");
        assert!(record["duration_us"].is_u64(), "{record}");
        assert_eq!(record["certificate"]["der"], Value::Null);
    }
    let denied = ask(&envoy.client().presents(&WEB), &at("/payments")).await;
    let record = denied.assert_denied(&envoy, 403, "identity_not_allowed").await;
    assert_eq!(record["rule"], "allow");
}

#[tokio::test]
async fn records_of_a_worker_are_counted_without_a_gap() {
    let envoy = Envoy::start(setup(json!({})).workers(1)).await;
    for _ in 0..5 {
        ask(&envoy.client().presents(&BILLING), &at("/payments"))
            .await
            .assert_permitted(&envoy, "SUCCESS")
            .await;
        ask(&envoy.client().presents(&BILLING), &at("/sampled")).await;
    }
    let records = envoy.audit_records();
    let sequences: Vec<u64> = records.iter().map(|record| record["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn of_a_route_whose_permits_are_not_sampled_denials_are_recorded() {
    let envoy = PLAIN.envoy().await;
    let permitted = ask(&envoy.client().presents(&BILLING), &at("/sampled")).await;
    assert_eq!(permitted.reply.status, 200);
    ask(&envoy.client().presents(&WEB), &at("/sampled"))
        .await
        .assert_denied(&envoy, 403, "identity_not_allowed")
        .await;
    envoy.wait_for_access(|line| line["path"] == permitted.path && line["mtls_decision"] == "permit").await;
    let recorded = |record: &Value| record["request"]["path"] == permitted.path;
    assert!(!envoy.audit_records().iter().any(recorded));
}

#[tokio::test]
async fn an_access_log_can_hold_the_record_and_the_log_none() {
    let envoy = Envoy::start(setup(json!({ "envoy_log": "none", "access_log": "record" }))).await;
    for (certificate, decision) in [(&BILLING, "permit"), (&WEB, "deny")] {
        let asked = ask(&envoy.client().presents(certificate), &at("/payments")).await;
        let line = envoy.wait_for_access(|line| line["path"] == asked.path).await;
        let record: Value = serde_json::from_str(line["mtls_record"].as_str().unwrap()).unwrap();
        let record = checked_record(&record);
        assert_eq!(record["decision"], decision);
        assert_eq!(record["request"]["path"], asked.path);
    }
    assert_eq!(envoy.audit_records(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_access_log_gets_nothing_where_the_policy_says_so() {
    let envoy = Envoy::start(setup(json!({ "access_log": "none" }))).await;
    for (certificate, decision) in [(&BILLING, "permit"), (&WEB, "deny")] {
        let asked = ask(&envoy.client().presents(certificate), &at("/payments")).await;
        assert_eq!(asked.record(&envoy).await["decision"], decision);
        let line = envoy.wait_for_access(|line| line["path"] == asked.path).await;
        for key in ["mtls_decision", "mtls_reason", "mtls_route", "mtls_record"] {
            assert_eq!(line[key], Value::Null, "{line}");
        }
    }
}

#[tokio::test]
async fn without_the_policy_s_word_an_access_log_holds_no_record() {
    let envoy = PLAIN.envoy().await;
    let asked = ask(&envoy.client().presents(&BILLING), &at("/payments")).await;
    let line = envoy.wait_for_access(|line| line["path"] == asked.path).await;
    assert_eq!(line["mtls_record"], Value::Null);
}

#[tokio::test]
async fn what_is_left_out_or_hashed_is_in_no_record() {
    let envoy = Envoy::start(setup(json!({
        "omit": ["certificate.subject", "tls.sni"],
        "hash": { "fields": ["source", "certificate.uri"], "key": KEY },
    })))
    .await;
    let mut sources = Vec::new();
    for _ in 0..2 {
        let asked = ask(&envoy.client().presents(&BILLING), &at("/payments")).await;
        let record = asked.record(&envoy).await;
        assert_eq!((&record["certificate"]["subject"], &record["tls"]["sni"]), (&Value::Null, &Value::Null));
        let line = record.to_string();
        assert!(!line.contains("127.0.0.1") && !line.contains("spiffe://"), "{line}");
        assert!(record["certificate"]["uri"][0].as_str().unwrap().starts_with("hmac-sha256:"));
        sources.push(record["source"].as_str().unwrap().to_owned());
    }
    assert_eq!(sources[0], sources[1], "from another port");
}

#[tokio::test]
async fn the_first_record_of_a_worker_about_a_certificate_holds_it() {
    let envoy = Envoy::start(setup(json!({ "certificates": "once" })).workers(1)).await;
    let mut ders = Vec::new();
    for certificate in [&BILLING, &BILLING, &WEB, &BILLING] {
        let asked = ask(&envoy.client().presents(certificate), &at("/payments")).await;
        ders.push(asked.record(&envoy).await["certificate"]["der"].clone());
    }
    let pem = |pem: String| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    assert_eq!(ders, [pem(BILLING.pem()).into(), Value::Null, pem(WEB.pem()).into(), Value::Null]);
}

#[tokio::test]
async fn records_can_have_the_names_of_ecs_and_ocsf() {
    let envoy = Envoy::start(setup(json!({ "format": "ecs" }))).await;
    let asked = ask(&envoy.client().presents(&BILLING), &at("/payments")).await;
    let line = envoy.wait_for_object(|object| object["url"]["path"] == asked.path).await;
    assert_eq!(
        (&line["event"]["action"], &line["mtls_policy"]["route"]),
        (&json!("permit"), &json!("payments"))
    );

    let envoy = Envoy::start(setup(json!({ "format": "ocsf" }))).await;
    let asked = ask(&envoy.client().presents(&WEB), &at("/payments")).await;
    let line = envoy.wait_for_object(|object| object["http_request"]["url"]["path"] == asked.path).await;
    assert_eq!((&line["class_uid"], &line["action_id"]), (&json!(4002), &json!(2)));
}

#[tokio::test]
async fn records_below_the_level_of_the_log_are_counted_and_warned_of() {
    let envoy = Envoy::start(setup(json!({})).log_level("warning")).await;
    envoy.wait_for_log("there are no audit records of permits").await;
    ask(&envoy.client().presents(&BILLING), &at("/payments")).await;
    envoy.wait_for_stat("wasmcustom.mtls_policy.audit.records.below_level", |count| count >= 1).await;
    ask(&envoy.client().presents(&WEB), &at("/payments"))
        .await
        .assert_denied(&envoy, 403, "identity_not_allowed")
        .await;
}
