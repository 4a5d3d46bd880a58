//! Who is let in, who is kept out, and what each of them, the upstream and the operator see of it.

use hyper::Method;
use serde_json::{Value, json};

use crate::common::{
    BILLING, PAY, PKI, Shared, WEB, ask, ask_on, at, both, ignored, policy, route, service, unique, with,
};
use crate::harness::{Client, Envoy, Listener, Setup, Version};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

fn setup(version: Version) -> Setup {
    let routes = [
        with(ignored("public"), json!({ "match": { "path": { "prefix": "/first/public" } } })),
        route("first"),
        with(ignored("never"), json!({ "match": { "path": { "prefix": "/first" } } })),
        route("payments"),
        with(route("staged"), json!({ "mode": "shadow" })),
        with(route("welcome"), json!({ "client_certificate": "optional" })),
        ignored("health"),
        with(route("ledger"), json!({ "allow": "any_verified", "deny": { "dns": "web.acme.example" } })),
        with(route("coffee"), json!({ "on_deny": { "status": 418, "body": "no coffee: {decision_id}\n" } })),
    ];
    Setup::new(&PKI)
        .version(version)
        .policy(policy(version, &routes))
        .listener(Listener::tls("https"))
        .listener(Listener::tls("lax").accept_untrusted())
        .listener(Listener::tls("lenient").patch_tls(|tls| {
            tls["common_tls_context"]["validation_context"]["allow_expired_certificate"] = true.into();
        }))
}

async fn the_right_client_is_permitted(envoy: &Envoy) {
    for client in both(envoy.client().presents(&BILLING)) {
        let record = ask(&client, &at("/payments")).await.assert_permitted(envoy, "SUCCESS").await;
        assert_eq!(record["route"], "payments");
        assert_eq!(record["certificate"]["uri"], json!(["spiffe://acme.example/ns/prod/sa/billing"]));
        assert_eq!(record["tls"]["sni"], "pay.acme.example");
    }
}

async fn a_wrong_identity_is_denied(envoy: &Envoy) {
    for client in both(envoy.client().presents(&WEB)) {
        let asked = ask(&client, &at("/payments")).await;
        let record = asked.assert_denied(envoy, 403, "identity_not_allowed").await;
        assert_eq!(record["certificate"]["dns"], json!(["web.acme.example"]));
    }
}

async fn a_wrong_identity_passes_as_anonymous_in_shadow(envoy: &Envoy) {
    for client in both(envoy.client().presents(&WEB)) {
        let record = ask(&client, &at("/staged")).await.assert_shadowed(envoy, "identity_not_allowed").await;
        assert_eq!(record["route"], "staged");
    }
    for client in both(envoy.client()) {
        ask(&client, &at("/staged")).await.assert_shadowed(envoy, "no_certificate").await;
    }
    let right = ask(&envoy.client().presents(&BILLING), &at("/staged")).await;
    assert_eq!(right.assert_permitted(envoy, "SUCCESS").await["mode"], "shadow");
}

async fn no_certificate_is_denied(envoy: &Envoy) {
    for client in both(envoy.client()) {
        let record = ask(&client, &at("/payments")).await.assert_denied(envoy, 403, "no_certificate").await;
        assert_eq!(record["certificate"], Value::Null);
    }
}

#[tokio::test]
async fn a_client_of_the_allowed_identity_is_permitted() {
    the_right_client_is_permitted(&*CURRENT.envoy().await).await;
}

#[tokio::test]
async fn a_client_of_another_identity_is_denied() {
    a_wrong_identity_is_denied(&*CURRENT.envoy().await).await;
}

#[tokio::test]
async fn a_denial_in_shadow_reaches_the_upstream_as_anonymous() {
    a_wrong_identity_passes_as_anonymous_in_shadow(&*CURRENT.envoy().await).await;
}

#[tokio::test]
async fn a_client_without_a_certificate_is_denied() {
    no_certificate_is_denied(&*CURRENT.envoy().await).await;
}

#[tokio::test]
async fn an_older_envoy_permits_denies_and_shadows_alike() {
    let envoy = OLDER.envoy().await;
    the_right_client_is_permitted(&envoy).await;
    a_wrong_identity_is_denied(&envoy).await;
    a_wrong_identity_passes_as_anonymous_in_shadow(&envoy).await;
    no_certificate_is_denied(&envoy).await;
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn a_certificate_of_another_ca_fails_in_the_handshake_and_is_untrusted_where_it_does_not() {
    let envoy = CURRENT.envoy().await;
    let stranger = service(&PKI.stranger, "billing");
    for client in both(envoy.client().presents(&stranger)) {
        assert!(client.try_send(unique(Method::GET, &at("/payments"))).await.is_err());
    }
    let lax = envoy.client_of("lax");
    for client in both(lax.clone().presents(&stranger)) {
        ask(&client, &at("/payments")).await.assert_denied(&envoy, 403, "untrusted").await;
        ask(&client, &at("/welcome")).await.assert_denied(&envoy, 403, "untrusted").await;
        ask(&client, &at("/staged")).await.assert_shadowed(&envoy, "untrusted").await;
        ask(&client, &at("/health")).await.assert_permitted(&envoy, "NONE").await;
    }
    ask(&lax.presents(&BILLING), &at("/payments")).await.assert_permitted(&envoy, "SUCCESS").await;
}

#[tokio::test]
async fn a_ca_of_the_same_name_with_another_key_is_another_ca() {
    let envoy = CURRENT.envoy().await;
    let impostor = crate::harness::mint::Ca::with_seed("Acme Root", "another key");
    let impostor = service(&impostor, "billing");
    assert!(
        envoy.client().presents(&impostor).try_send(unique(Method::GET, &at("/payments"))).await.is_err()
    );
    let asked = ask(&envoy.client_of("lax").presents(&impostor), &at("/payments")).await;
    asked.assert_denied(&envoy, 403, "untrusted").await;
}

#[tokio::test]
async fn an_envoy_that_cannot_say_who_is_verified_lets_nobody_in_unless_the_policy_vouches_for_it() {
    let setup = Setup::new(&PKI)
        .version(Version::Older)
        .policy(policy(Version::Current, &[route("payments")]))
        .listener(Listener::tls("https"))
        .listener(Listener::tls("vouched").policy(policy(Version::Older, &[route("payments")])));
    let envoy = Envoy::start(setup).await;
    let asked = ask(&envoy.client().presents(&BILLING), &at("/payments")).await;
    let record = asked.assert_denied(&envoy, 403, "untrusted").await;
    assert!(record["detail"].as_str().unwrap().contains("connection.peer_certificate_valid"), "{record}");
    let asked = ask(&envoy.client_of("vouched").presents(&BILLING), &at("/payments")).await;
    asked.assert_permitted(&envoy, "SUCCESS").await;
}

#[tokio::test]
async fn a_certificate_out_of_its_time_fails_in_the_handshake_and_is_denied_where_it_does_not() {
    let leaf = || PKI.ca.leaf("billing").spiffe(crate::common::BILLING_ID);
    let year =
        |year| time::Date::from_calendar_date(year, time::Month::January, 1).unwrap().midnight().assume_utc();
    let certificates = [
        (leaf().expired().mint(), "expired"),
        (leaf().valid(year(2090), year(2099)).mint(), "not_yet_valid"),
    ];
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for (certificate, reason) in &certificates {
            let client = envoy.client().presents(certificate);
            assert!(client.try_send(unique(Method::GET, &at("/payments"))).await.is_err(), "{reason}");
            for client in both(envoy.client_of("lenient").presents(certificate)) {
                let asked = ask(&client, &at("/payments")).await;
                let record = asked.assert_denied(&envoy, 403, reason).await;
                assert!(record["certificate"]["not_after"].is_string(), "{record}");
                ask(&client, &at("/staged")).await.assert_shadowed(&envoy, reason).await;
                ask(&client, &at("/welcome")).await.assert_denied(&envoy, 403, reason).await;
            }
        }
        let good = ask(&envoy.client_of("lenient").presents(&BILLING), &at("/payments")).await;
        good.assert_permitted(&envoy, "SUCCESS").await;
    }
}

#[tokio::test]
async fn an_optional_route_takes_clients_without_a_certificate_and_no_wrong_one() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for protocol in [|client: Client| client, Client::http2] {
            let ask = async |client: Client| ask(&protocol(client), &at("/welcome")).await;
            ask(envoy.client()).await.assert_permitted(&envoy, "NONE").await;
            ask(envoy.client().presents(&BILLING)).await.assert_permitted(&envoy, "SUCCESS").await;
            let wrong = ask(envoy.client().presents(&WEB)).await;
            wrong.assert_denied(&envoy, 403, "identity_not_allowed").await;
        }
    }
}

#[tokio::test]
async fn an_ignored_route_takes_everybody_as_anonymous() {
    for envoy in [CURRENT.envoy().await, OLDER.envoy().await] {
        for client in
            [envoy.client(), envoy.client().presents(&WEB), envoy.client().presents(&BILLING).http2()]
        {
            let record = ask(&client, &at("/health")).await.assert_permitted(&envoy, "NONE").await;
            assert_eq!((&record["route"], &record["certificate"]), (&json!("health"), &Value::Null));
        }
    }
}

#[tokio::test]
async fn the_first_route_that_matches_decides_and_no_route_is_a_denial() {
    let envoy = CURRENT.envoy().await;
    let mut connection = envoy.client().http2().connect(PAY).await;
    let public = ask_on(&mut connection, &at("/first/public")).await;
    assert_eq!(public.assert_permitted(&envoy, "NONE").await["route"], "public");
    let first = ask_on(&mut connection, &at("/first/publicly")).await;
    assert_eq!(first.assert_denied(&envoy, 403, "no_certificate").await["route"], "first");
    let none = ask_on(&mut connection, &at("/firstly")).await;
    assert_eq!(none.assert_denied(&envoy, 403, "no_route").await["route"], Value::Null);
}

#[tokio::test]
async fn a_client_that_deny_names_is_denied_and_any_other_verified_one_is_not() {
    let envoy = CURRENT.envoy().await;
    let asked = ask(&envoy.client().presents(&WEB), &at("/ledger")).await;
    asked.assert_denied(&envoy, 403, "identity_denied").await;
    let asked = ask(&envoy.client().presents(&BILLING), &at("/ledger")).await;
    asked.assert_permitted(&envoy, "SUCCESS").await;
}

#[tokio::test]
async fn a_denial_has_the_status_and_body_of_the_policy_with_the_id_of_the_record() {
    let envoy = CURRENT.envoy().await;
    for client in both(envoy.client()) {
        let asked = ask(&client, &at("/coffee")).await;
        let id = asked.reply.decision_id().unwrap();
        assert_eq!(
            (asked.reply.status, &asked.reply.body[..]),
            (418, format!("no coffee: {id}\n").as_bytes())
        );
        assert_eq!(asked.reply.header("cache-control"), Some("no-store"));
        asked.assert_recorded_denial(&envoy, "no_certificate").await;
    }
}
