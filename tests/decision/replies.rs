//! What a client is told.

use mtls_policy::outcome::{GrpcStatus, Outcome, Reply};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{
    HOST, ID, NOW, Question, Situation, answer, at, decide_at, document, leaf, outcome, routes,
};
use mtls_policy::Engine;

fn reply(engine: &Engine, situation: &Situation) -> Reply {
    match outcome(engine, situation) {
        Outcome::Reply(reply) => reply,
        Outcome::Pass(changes) => panic!("{changes:?}"),
    }
}

fn required(on_deny: Value) -> Engine {
    let mut route = json!({
        "name": "a", "match": { "hosts": [HOST], "path": { "prefix": "/a" } },
        "client_certificate": "required", "allow": { "dns": "good.example" }, "deny": { "dns": "bad.example" },
    });
    if !on_deny.is_null() {
        route["on_deny"] = on_deny;
    }
    routes(
        json!([route, { "name": "b", "match": { "path": { "prefix": "/b" } }, "client_certificate": "ignored" }]),
    )
}

/// Every denial that can be had, with the status that HTTP callers get by default and the one for gRPC callers.
fn denials() -> Vec<(Situation, &'static str, u16, GrpcStatus)> {
    use GrpcStatus::{Internal, InvalidArgument, PermissionDenied, Unauthenticated, Unavailable};
    let on = |minted: crate::mint::Leaf| Situation::get("/a").certificate(&minted.mint());
    let good = || on(leaf("good").dns("good.example"));
    vec![
        (Situation::get("/c"), "no_route", 403, PermissionDenied),
        (Situation::get("/b/../a"), "ambiguous_path", 400, InvalidArgument),
        (Situation::get("/a\0"), "invalid_request", 400, InvalidArgument),
        (Situation::get("/a"), "no_certificate", 403, Unauthenticated),
        (good().pem(b"nonsense"), "malformed_certificate", 403, Unauthenticated),
        (good().digest(&[b'0'; 64]), "forwarded_certificate_mismatch", 403, Unauthenticated),
        (good().valid(Some(false)), "untrusted", 403, Unauthenticated),
        (on(leaf("a").expired()), "expired", 403, Unauthenticated),
        (on(leaf("a").valid(at(NOW + 1), at(NOW + 2))), "not_yet_valid", 403, Unauthenticated),
        (on(leaf("a").dns("bad.example")), "identity_denied", 403, PermissionDenied),
        (on(leaf("a")), "identity_not_allowed", 403, PermissionDenied),
        (good().server_name(b"other.example"), "sni_mismatch", 421, Unavailable),
        (good().failing(Question::Digest), "internal_error", 500, Internal),
    ]
}

#[test]
fn each_reason_has_its_status() {
    let engine = required(Value::Null);
    for (situation, reason, status, _) in denials() {
        assert_eq!(crate::situation::verdict(&engine, &situation), reason);
        let answer = answer(&engine, &situation);
        let body = "access denied\ndecision id: 000000000000feed-7\n";
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{reason}");
        let headers = [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-mtls-decision-id", "000000000000feed-7"),
            ("content-type", "text/plain; charset=utf-8"),
        ];
        assert_eq!(answer.headers, headers.map(|(name, value)| (name, value.to_owned())), "{reason}");
    }
    let decision = decide_at(&engine, &Situation::get("/a").certificate(&leaf("a").mint()), None);
    let outcome = format!("{:?}", Outcome::of(&decision, engine.policy(), None, ID));
    assert!(outcome.starts_with("Reply(Http { status: 503, "), "{outcome}");
}

#[test]
fn what_the_policy_says_of_denials_holds_for_those_that_the_identity_is_the_reason_of() {
    let engine = required(json!({ "status": 404, "body": "no {decision_id}, not {decision_id}\n" }));
    for (situation, reason, status, _) in denials() {
        let (status, body) = match reason {
            // No route that was found says how to answer these.
            "no_route" => (403, "access denied\ndecision id: 000000000000feed-7\n"),
            "ambiguous_path" | "invalid_request" => {
                (status, "access denied\ndecision id: 000000000000feed-7\n")
            }
            _ if status == 403 => (404, "no 000000000000feed-7, not 000000000000feed-7\n"),
            _ => (status, "no 000000000000feed-7, not 000000000000feed-7\n"),
        };
        let answer = answer(&engine, &situation);
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{reason}");
    }
}

#[test]
fn a_route_answers_in_its_own_way_and_else_as_the_defaults_say() {
    let engine = document(json!({
        "defaults": { "on_deny": { "status": 404 } },
        "routes": [
            {
                "name": "own", "match": { "path": "/own" }, "client_certificate": "required", "allow": "any_verified",
                "on_deny": { "body": "go away" },
            },
            { "name": "other", "match": { "path": "/other" }, "client_certificate": "required", "allow": "any_verified" },
        ],
    }));
    let told = |path| {
        let answer = answer(&engine, &Situation::get(path));
        (answer.status, answer.body)
    };
    assert_eq!(told("/own"), (403, "go away".to_owned()), "nothing is mixed from the defaults");
    assert_eq!(told("/other"), (404, "access denied\ndecision id: 000000000000feed-7\n".to_owned()));
}

#[test]
fn a_grpc_caller_gets_a_grpc_status() {
    let engine = required(json!({ "status": 404, "body": "html" }));
    for (situation, reason, _, status) in denials() {
        let situation = situation.header("content-type", b"application/grpc");
        let message = "access denied, decision id 000000000000feed-7".to_owned();
        assert_eq!(reply(&engine, &situation), Reply::Grpc { status, message }, "{reason}");
    }
}

#[test]
fn grpc_is_known_by_its_content_type() {
    let engine = required(Value::Null);
    let is_grpc = |value: &[u8]| {
        matches!(reply(&engine, &Situation::get("/a").header("content-type", value)), Reply::Grpc { .. })
    };
    for value in [b"application/grpc".as_slice(), b"application/grpc+proto", b"application/grpc+json"] {
        assert!(is_grpc(value), "{}", value.escape_ascii());
    }
    for value in [
        b"application/grpc-web".as_slice(),
        b"application/grpcx",
        b"application/grpc;x",
        b"text/plain",
        b"",
        b"\xff",
    ] {
        assert!(!is_grpc(value), "{}", value.escape_ascii());
    }
}

#[test]
fn a_reply_repeats_nothing_of_the_certificate_the_request_or_the_policy() {
    let engine = required(Value::Null);
    let minted = leaf("secret-name").dns("secret.example").mint();
    let secrets = ["secret", "good.example", "\"a\"", "allow", "/a"];
    for situation in [
        Situation::get("/a").certificate(&minted),
        Situation::get("/a/secret").certificate(&minted).server_name(b"secret.example"),
        Situation::get("/a").certificate(&minted).header("content-type", b"application/grpc"),
    ] {
        let reply = format!("{:?}", reply(&engine, &situation));
        for secret in secrets {
            assert!(!reply.contains(secret), "{reply} holds {secret}");
        }
    }
}
