//! Answers that differ by reason, and by what the client would rather have: a page, a text, or another place to go.

use mtls_policy::Engine;
use mtls_policy::outcome::{Outcome, Reply};
use mtls_policy::policy::Reason;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Answer, Question, Situation, answer, document, leaf, outcome, route};

const ID: &str = "000000000000feed-7";

/// What Firefox sends.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

fn denying(on_deny: Value) -> Engine {
    route(json!({
        "client_certificate": "required", "allow": { "dns": "good.example" }, "on_deny": on_deny,
        "tls": { "sni": "match" },
    }))
}

fn told(engine: &Engine, situation: &Situation) -> (u16, String) {
    let Answer { status, body, .. } = answer(engine, situation);
    (status, body)
}

fn accepting(accept: &str) -> Situation {
    Situation::get("/").header("accept", accept.as_bytes())
}

fn wrong() -> Situation {
    Situation::get("/").certificate(&leaf("a").mint())
}

#[test]
fn a_body_is_of_the_type_that_the_policy_says() {
    let engine = denying(json!({
        "body": "{\"error\": {\"reason\": \"{reason}\", \"id\": \"{decision_id}\"}}", "content_type": "application/json",
    }));
    let answer = answer(&engine, &Situation::get("/"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, format!(r#"{{"error": {{"reason": "no_certificate", "id": "{ID}"}}}}"#));
    assert_eq!((answer.header("cache-control"), answer.header("vary")), (Some("no-store"), None));
}

#[test]
fn reasons_are_answered_each_in_its_way_and_others_in_the_general_one() {
    let engine = denying(json!({
        "status": 404, "body": "nothing here",
        "reasons": {
            "no_certificate": { "status": 401, "body": "show your certificate" },
            "expired": { "status": 403 },
            "sni_mismatch": { "body": "connect anew" },
        },
    }));
    let default = format!("access denied\ndecision id: {ID}\n");
    assert_eq!(told(&engine, &Situation::get("/")), (401, "show your certificate".to_owned()));
    assert_eq!(told(&engine, &wrong()), (404, "nothing here".to_owned()));
    let expired = Situation::get("/").certificate(&leaf("a").expired().mint());
    assert_eq!(told(&engine, &expired), (403, default), "nothing is mixed from the general answer");
    let elsewhere = wrong().server_name(b"other.example");
    assert_eq!(told(&engine, &elsewhere), (421, "connect anew".to_owned()));
    let failing = wrong().failing(Question::Digest);
    assert_eq!(told(&engine, &failing), (500, "nothing here".to_owned()));
}

#[test]
fn reasons_of_no_route_are_answered_as_the_defaults_say() {
    let engine = document(json!({
        "defaults": { "on_deny": { "reasons": {
            "no_route": { "status": 404, "body": "nothing here" }, "ambiguous_path": { "body": "say it plainly" },
        } } },
        "routes": [
            { "name": "a", "match": { "path": "/a" }, "client_certificate": "ignored" },
            { "name": "b", "match": { "path": "/b" }, "client_certificate": "ignored" },
        ],
    }));
    assert_eq!(told(&engine, &Situation::get("/c")), (404, "nothing here".to_owned()));
    assert_eq!(told(&engine, &Situation::get("/a/../b")), (400, "say it plainly".to_owned()));
}

#[test]
fn a_401_says_what_would_do_and_other_statuses_do_not() {
    let engine = denying(json!({ "status": 401, "reasons": { "identity_not_allowed": { "status": 403 } } }));
    let answered = answer(&engine, &Situation::get("/"));
    assert_eq!(answered.header("www-authenticate"), Some("TLS-Client-Certificate"));
    assert_eq!(answer(&engine, &wrong()).header("www-authenticate"), None);
    assert_eq!(answer(&denying(json!({})), &Situation::get("/")).header("www-authenticate"), None);
}

#[test]
fn browsers_get_the_page_and_programs_the_text() {
    let engine = denying(json!({
        "body": "no", "html": "<!doctype html><style>p{color:red}</style><p>{reason} {decision_id}",
    }));
    for (accept, expected, media_type) in [
        (
            BROWSER,
            format!("<!doctype html><style>p{{color:red}}</style><p>no_certificate {ID}"),
            "text/html; charset=utf-8",
        ),
        ("*/*", "no".to_owned(), "text/plain; charset=utf-8"),
        ("application/json", "no".to_owned(), "text/plain; charset=utf-8"),
        ("text/plain, text/html", "no".to_owned(), "text/plain; charset=utf-8"),
        ("text/html;q=0", "no".to_owned(), "text/plain; charset=utf-8"),
    ] {
        let answer = answer(&engine, &accepting(accept));
        assert_eq!(answer.body, expected, "{accept}");
        assert_eq!(answer.header("content-type"), Some(media_type), "{accept}");
        assert_eq!((answer.status, answer.header("vary")), (403, Some("accept")), "{accept}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-mtls-decision-id"), Some(ID));
    }
    assert_eq!(told(&engine, &Situation::get("/")).1, "no", "nothing said of it");
    let several = accepting("application/json").header("accept", b"text/html");
    assert!(told(&engine, &several).1.starts_with("<!doctype"), "several headers are one list");
}

#[test]
fn without_a_page_in_the_policy_browsers_get_the_text() {
    let engine = denying(json!({ "body": "no" }));
    let answer = answer(&engine, &accepting(BROWSER));
    assert_eq!((answer.body.as_str(), answer.header("vary")), ("no", None));
}

#[test]
fn the_built_in_page_names_the_decision_and_nothing_else() {
    let engine = denying(json!({ "html": "default" }));
    let answer = answer(&engine, &accepting(BROWSER));
    assert!(answer.body.starts_with("<!doctype html>") && answer.body.contains(ID), "{}", answer.body);
    assert!(!answer.body.contains("{decision_id}") && !answer.body.contains("no_certificate"));
    assert_eq!(told(&engine, &accepting("*/*")).1, format!("access denied\ndecision id: {ID}\n"));
}

fn redirecting() -> Engine {
    denying(json!({
        "status": 401, "body": "see the help pages",
        "redirect": { "url": "https://help.example/cert?reason={reason}&id={decision_id}" },
        "reasons": { "identity_not_allowed": { "redirect": { "url": "/who-are-you#{reason}", "status": 303 } } },
    }))
}

#[test]
fn who_only_reads_is_sent_elsewhere() {
    for method in ["GET", "HEAD"] {
        let answer = answer(&redirecting(), &Situation::request(method, "/"));
        let location = format!("https://help.example/cert?reason=no_certificate&id={ID}");
        assert_eq!((answer.status, answer.header("location")), (302, Some(location.as_str())));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!((answer.header("www-authenticate"), answer.body.as_str()), (None, "see the help pages"));
    }
}

#[test]
fn who_brings_something_is_not_sent_elsewhere() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = answer(&redirecting(), &Situation::request(method, "/"));
        assert_eq!((answer.status, answer.header("location")), (401, None), "{method}");
        assert!(answer.header("www-authenticate").is_some());
    }
}

#[test]
fn denials_with_a_status_of_their_own_send_nobody_elsewhere() {
    for (situation, status) in
        [(wrong().server_name(b"other.example"), 421), (wrong().failing(Question::Digest), 500)]
    {
        let answer = answer(&redirecting(), &situation);
        assert_eq!((answer.status, answer.header("location")), (status, None));
    }
}

#[test]
fn nothing_that_a_client_writes_gets_into_a_location() {
    let hostile = wrong()
        .without_header(":path")
        .header(":path", b"/?url=https://evil.example")
        .header("host", b"evil.example")
        .header("x-forwarded-host", b"evil.example")
        .header("referer", b"https://evil.example/");
    let engine = denying(json!({ "redirect": { "url": "/help?{reason}", "status": 307 } }));
    let answer = answer(&engine, &hostile);
    assert_eq!((answer.status, answer.header("location")), (307, Some("/help?identity_not_allowed")));
    assert!(!format!("{answer:?}").contains("evil"));
}

#[test]
fn a_brace_in_a_location_is_refused_with_the_policy() {
    // `{{` is a brace in a template, and no URL holds one.
    let policy = json!({
        "version": 1, "peer_certificate": { "verified_by": "envoy" },
        "defaults": { "on_deny": { "redirect": { "url": "/a{{" } } },
        "routes": [{ "name": "a", "match": { "path": "/" }, "client_certificate": "ignored" }],
    });
    assert!(mtls_policy::policy::Policy::from_json(policy.to_string().as_bytes()).is_err());
}

#[test]
fn a_grpc_caller_is_told_the_same_whatever_the_policy_says() {
    let engine = redirecting();
    let grpc = accepting(BROWSER).header("content-type", b"application/grpc");
    let Outcome::Reply(Reply::Grpc { message, .. }) = outcome(&engine, &grpc) else { panic!("not gRPC") };
    assert_eq!(message, format!("access denied, decision id {ID}"));
}

#[test]
fn every_reason_stands_in_html_json_and_urls_as_it_is() {
    for reason in Reason::ALL {
        assert!(reason.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{reason}");
    }
}
