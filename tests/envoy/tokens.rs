//! Tokens that Envoy's own `jwt_authn` verifies, as we ship it, beside the client's certificate.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use crate::common::{
    Asked, BILLING, PKI, Shared, WEB, ask, ask_for, at, ignored, policy, route, unique, with,
};
use crate::harness::mint::{Key, Minted};
use crate::harness::{Client, Listener, Setup, Version, shipped};

static CURRENT: Shared = Shared::new(|| setup(Version::Current));
static OLDER: Shared = Shared::new(|| setup(Version::Older));

const ISSUER: &str = "https://login.acme.example";

/// Far beyond any test.
const EXPIRES: i64 = 4_000_000_000;

/// The key that signs good tokens.
fn issuer_key() -> Key {
    Key::new("token issuer")
}

fn setup(version: Version) -> Setup {
    let demands =
        |name: &str, token: Value| with(route(name), json!({ "allow": "any_verified", "token": token }));
    let claims = |name: &str, claims: Value| demands(name, json!({ "claims": claims }));
    let routes = [
        demands("bound", json!({ "claims": { "sub": "alice" }, "bound": true })),
        claims("text", json!({ "sub": "alice", "name": { "prefix": "Al" } })),
        claims("array", json!({ "groups": "payers" })),
        claims("word", json!({ "scope": { "word": "pay" } })),
        claims("typed", json!({ "level": 2, "admin": true, "https://acme.example/team": "billing" })),
        claims("nested", json!({ "/realm_access/roles": ["payer"] })),
        with(claims("open", json!({ "sub": "alice" })), json!({ "client_certificate": "optional" })),
        route("plain"),
        ignored("health"),
    ];
    let [x, y] = issuer_key().coordinates().map(|octets| BASE64_URL_SAFE_NO_PAD.encode(octets));
    let keys =
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1", "x": x, "y": y }] });
    let mut verifier = shipped("envoy/jwt.yaml");
    verifier["typed_config"]["providers"]["acme"]["local_jwks"]["inline_string"] = keys.to_string().into();
    let listener = Listener::tls("https").patch_manager(move |manager| {
        manager["http_filters"].as_array_mut().unwrap().insert(0, verifier.clone());
    });
    Setup::new(&PKI).version(version).policy(policy(version, &routes)).listener(listener)
}

fn token(key: &Key, claims: Value) -> String {
    let encode = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string().as_bytes());
    let claims = with(json!({ "iss": ISSUER, "aud": "payments", "exp": EXPIRES }), claims);
    let signed = format!("{}.{}", encode(json!({ "alg": "ES256", "kid": "1" })), encode(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign_token(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn good(claims: Value) -> String {
    token(&issuer_key(), claims)
}

fn bound_to(certificate: &Minted) -> String {
    let digest = BASE64_URL_SAFE_NO_PAD.encode(certificate.digest());
    good(json!({ "sub": "alice", "cnf": { "x5t#S256": digest } }))
}

async fn ask_with(client: &Client, prefix: &str, token: &str) -> Asked {
    let mut request = unique(Method::GET, &at(prefix));
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    ask_for(client, request).await
}

#[tokio::test]
async fn a_token_is_good_with_the_certificate_that_it_is_bound_to_and_no_other() {
    for shared in [&CURRENT, &OLDER] {
        let envoy = shared.envoy().await;
        let [billing, web] = [&BILLING, &WEB].map(|certificate| envoy.client().presents(certificate));
        let token = bound_to(&BILLING);
        ask_with(&billing, "/bound", &token).await.assert_permitted(&envoy, "SUCCESS").await;
        // Both clients may use the route, each with its own token: a stolen one is worth nothing.
        ask_with(&web, "/bound", &token).await.assert_denied(&envoy, 403, "token_not_bound").await;
        ask_with(&web, "/bound", &bound_to(&WEB)).await.assert_permitted(&envoy, "SUCCESS").await;
        let unbound = good(json!({ "sub": "alice" }));
        ask_with(&billing, "/bound", &unbound).await.assert_denied(&envoy, 403, "token_not_bound").await;
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn a_request_without_a_good_token_does_not_pass() {
    let envoy = CURRENT.envoy().await;
    let billing = envoy.client().presents(&BILLING);
    let record = ask(&billing, &at("/bound")).await.assert_denied(&envoy, 403, "token_missing").await;
    assert!(record["detail"].as_str().unwrap().contains("there is no token"), "{record}");
    let other = good(json!({ "sub": "mallory" }));
    ask_with(&billing, "/bound", &other).await.assert_denied(&envoy, 403, "token_mismatch").await;
    let digest = BASE64_URL_SAFE_NO_PAD.encode(BILLING.digest());
    let claims = || json!({ "sub": "alice", "cnf": { "x5t#S256": digest } });
    // These `jwt_authn` answers itself: another key, time that is over, another issuer, another audience, no signature.
    let unsigned = good(claims()).rsplit_once('.').unwrap().0.to_owned() + ".";
    for (what, token, status) in [
        ("another key", token(&Key::new("mallory"), claims()), 401),
        ("time that is over", good(with(claims(), json!({ "exp": 1 }))), 401),
        ("another issuer", good(with(claims(), json!({ "iss": "https://evil.example" }))), 401),
        ("another audience", good(with(claims(), json!({ "aud": "web" }))), 403),
        ("no signature", unsigned, 401),
        ("no token", "x".to_owned(), 401),
    ] {
        let asked = ask_with(&billing, "/bound", &token).await;
        assert_eq!((asked.reply.status, asked.reply.decision_id()), (status, None), "{what}");
    }
    envoy.assert_no_trap().await;
}

#[tokio::test]
async fn routes_without_tokens_take_requests_without_them() {
    let envoy = CURRENT.envoy().await;
    let billing = envoy.client().presents(&BILLING);
    ask(&billing, &at("/plain")).await.assert_permitted(&envoy, "SUCCESS").await;
    ask(&envoy.client(), &at("/health")).await.assert_permitted(&envoy, "NONE").await;
    ask(&envoy.client(), &at("/open")).await.assert_denied(&envoy, 403, "token_missing").await;
    let token = good(json!({ "sub": "alice" }));
    ask_with(&envoy.client(), "/open", &token).await.assert_permitted(&envoy, "NONE").await;
    ask_with(&envoy.client(), "/plain", &token).await.assert_denied(&envoy, 403, "no_certificate").await;
}

#[tokio::test]
async fn claims_of_every_type_are_read_from_envoys_metadata() {
    // What an array looks like in Envoy's form, as text that a client may have chosen.
    let like_array = "\u{1}\0\0\0\u{6}\0\0\0\0\0\0\0payers\0\0";
    let cases = [
        ("/text", json!({ "sub": "alice", "name": "Alice" }), None),
        ("/text", json!({ "sub": "alice", "name": "alice" }), Some("token_mismatch")),
        ("/text", json!({ "sub": "alice" }), Some("token_missing")),
        ("/text", json!({ "sub": "alice", "name": null }), Some("token_missing")),
        ("/array", json!({ "groups": ["viewers", "payers"] }), None),
        ("/array", json!({ "groups": "payers" }), None),
        ("/array", json!({ "groups": ["viewers", 1, true, { "a": "b" }, ["c"], "payers", ""] }), None),
        ("/array", json!({ "groups": ["payers2"] }), Some("token_mismatch")),
        ("/array", json!({ "groups": [["payers"]] }), Some("token_mismatch")),
        ("/array", json!({ "groups": [] }), Some("token_mismatch")),
        ("/array", json!({ "groups": { "payers": "" } }), Some("token_mismatch")),
        ("/array", json!({ "groups": { "payers": { "payers": "" } } }), Some("token_mismatch")),
        ("/array", json!({ "groups": like_array }), Some("token_mismatch")),
        ("/array", json!({ "groups": "" }), Some("token_missing")),
        ("/word", json!({ "scope": "read pay" }), None),
        ("/word", json!({ "scope": ["read", "pay"] }), None),
        ("/word", json!({ "scope": "read payments" }), Some("token_mismatch")),
        ("/typed", json!({ "level": 2, "admin": true, "https://acme.example/team": "billing" }), None),
        (
            "/typed",
            json!({ "level": 2.5, "admin": true, "https://acme.example/team": "billing" }),
            Some("token_mismatch"),
        ),
        (
            "/typed",
            json!({ "level": "2", "admin": true, "https://acme.example/team": "billing" }),
            Some("token_mismatch"),
        ),
        (
            "/typed",
            json!({ "level": 2, "admin": "true", "https://acme.example/team": "billing" }),
            Some("token_mismatch"),
        ),
        (
            "/typed",
            json!({ "level": 2, "admin": false, "https://acme.example/team": "billing" }),
            Some("token_mismatch"),
        ),
        ("/nested", json!({ "realm_access": { "roles": ["viewer", "payer"] } }), None),
        ("/nested", json!({ "realm_access": { "roles": "payer" } }), None),
        ("/nested", json!({ "realm_access": ["payer"] }), Some("token_missing")),
        ("/nested", json!({ "realm_access.roles": ["payer"] }), Some("token_missing")),
        ("/nested", json!({ "roles": ["payer"] }), Some("token_missing")),
    ];
    for shared in [&CURRENT, &OLDER] {
        let envoy = shared.envoy().await;
        let billing = envoy.client().presents(&BILLING);
        for (path, claims, reason) in &cases {
            println!("{path} {claims}");
            // Null among other claims must not hide them.
            let token = good(with_null(claims.clone()));
            let asked = ask_with(&billing, path, &token).await;
            match reason {
                None => {
                    asked.assert_permitted(&envoy, "SUCCESS").await;
                }
                Some(reason) => {
                    asked.assert_denied(&envoy, 403, reason).await;
                }
            }
        }
        let null = good_with_null("groups");
        ask_with(&billing, "/array", &null).await.assert_denied(&envoy, 403, "token_mismatch").await;
        envoy.assert_no_trap().await;
    }
}

/// `with` takes `null` for a member to remove.
fn with_null(mut claims: Value) -> Value {
    claims["others"] = json!([null, { "a": null }]);
    claims
}

fn good_with_null(claim: &str) -> String {
    let mut claims = json!({ "iss": ISSUER, "aud": "payments", "exp": EXPIRES });
    claims[claim] = Value::Null;
    let encode = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string().as_bytes());
    let signed = format!("{}.{}", encode(json!({ "alg": "ES256", "kid": "1" })), encode(claims));
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(issuer_key().sign_token(signed.as_bytes())))
}
