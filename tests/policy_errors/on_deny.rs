//! Mistakes in `on_deny`, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{errors, members, with_required};

/// Values of `on_deny` on a route, with what is wrong but for the line.
fn on_deny(cases: &[(&str, &str)]) {
    for (on_deny, wanted) in cases {
        let members = format!("\"allow\": \"any_verified\", \"on_deny\": {on_deny}");
        let told = errors(&with_required(&members));
        assert_eq!(told.strip_prefix("5:").unwrap_or(&told), *wanted, "{on_deny}");
    }
}

#[test]
fn of_keys() {
    on_deny(&[
        ("{}", ""),
        (
            r#"{"redirects": {}}"#,
            "114: unknown key `redirects` (at `/routes/0/on_deny/redirects`); did you mean `redirect`?",
        ),
        (
            r#"{"content_type": "text/html"}"#,
            "114: `content_type` has no effect here: it is the type of `body`, which is missing (at `/routes/0/on_deny/content_type`)",
        ),
    ]);
}

#[test]
fn of_media_types() {
    for good in ["text/html", "application/problem+json", "text/plain;charset=iso-8859-1", "a/b; c=\\\"d\\\""]
    {
        on_deny(&[(&format!(r#"{{"body": "no", "content_type": "{good}"}}"#), "")]);
    }
    for odd in ["html", "text/", "/html", "text/*", "text html", "text/html; a=ü", "", "text/html/x"] {
        let wanted = format!(
            "144: `{odd}` is no media type; expected one like `application/json` or `text/plain; charset=utf-8` (at `/routes/0/on_deny/content_type`)"
        );
        on_deny(&[(&format!(r#"{{"body": "no", "content_type": "{odd}"}}"#), &wanted)]);
    }
    let injecting = errors(&with_required(
        r#""allow": "any_verified", "on_deny": {"body": "no", "content_type": "text/html\r\nset-cookie: a=b"}"#,
    ));
    assert!(injecting.contains("is no media type"), "{injecting}");
}

#[test]
fn of_bodies_and_pages() {
    on_deny(&[
        (r#"{"body": "{\"id\": \"{decision_id}\"}", "html": "<style>p{color:red}</style>{reason}"}"#, ""),
        (r#"{"html": "default"}"#, ""),
        (
            r#"{"body": "id {decison_id}"}"#,
            "122: unknown field `{decison_id}` (at `/routes/0/on_deny/body`); did you mean `{decision_id}`?",
        ),
        (
            r#"{"html": "<p>{reasons}"}"#,
            "122: unknown field `{reasons}` (at `/routes/0/on_deny/html`); did you mean `{reason}`?",
        ),
        (
            r#"{"html": "denied.html"}"#,
            "122: `denied.html` is no page of HTML; write the page itself, or `default` for the built-in one (at `/routes/0/on_deny/html`)",
        ),
        (r#"{"html": true}"#, "122: expected a string, found a boolean (at `/routes/0/on_deny/html`)"),
    ]);
    let page = |length: usize| {
        let page = format!("<{}", "x".repeat(length - 1));
        errors(&with_required(&format!(r#""allow": "any_verified", "on_deny": {{"html": "{page}"}}"#)))
    };
    assert_eq!(page(65_536), "");
    assert_eq!(
        page(65_537),
        "5:122: text of 65537 bytes is longer than the 65536 allowed here (at `/routes/0/on_deny/html`)"
    );
}

#[test]
fn of_redirects() {
    for good in [
        "https://help.example/cert?reason={reason}&id={decision_id}",
        "http://help.example:8080",
        "https://[2001:db8::1]/a",
        "/help/{reason}",
        "/",
        "/a%20b#c",
    ] {
        on_deny(&[(&format!(r#"{{"redirect": {{"url": "{good}"}}}}"#), "")]);
    }
    let expected = "expected a URL that begins with `https://` or `http://`, or a path that begins with `/`";
    let characters = "it holds characters that a URL must have percent-encoded";
    for (url, why) in [
        ("help.example", expected),
        ("//evil.example/", expected),
        ("javascript:alert(1)", expected),
        ("HTTPS://help.example/", expected),
        ("{reason}", expected),
        ("", expected),
        ("https://{reason}.example/", "a field must not be part of the host"),
        ("https://help.example{reason}/", "a field must not be part of the host"),
        ("https://user@help.example/", "its host is none"),
        ("https:///a", "its host is none"),
        ("https://help.example:0x50/", "its host is none"),
        ("/a b", characters),
        ("/ü", characters),
        ("/a{{", characters),
        ("/<script>", characters),
    ] {
        on_deny(&[(
            &format!(r#"{{"redirect": {{"url": "{url}"}}}}"#),
            &format!(
                "134: clients cannot be redirected to `{url}`: {why} (at `/routes/0/on_deny/redirect/url`)"
            ),
        )]);
    }
    let longest = format!("/{}", "x".repeat(2047));
    on_deny(&[(&format!(r#"{{"redirect": {{"url": "{}"}}}}"#, longest), "")]);
    let told = errors(&with_required(&format!(
        r#""allow": "any_verified", "on_deny": {{"redirect": {{"url": "{longest}x"}}}}"#
    )));
    assert!(told.contains("it is longer than 2048 bytes"), "{told}");
    let injecting = errors(&with_required(
        r#""allow": "any_verified", "on_deny": {"redirect": {"url": "/a\r\nset-cookie: a=b"}}"#,
    ));
    assert!(injecting.contains(characters), "{injecting}");
    on_deny(&[
        (r#"{"redirect": {}}"#, "126: missing key `url` (at `/routes/0/on_deny/redirect`)"),
        (
            r#"{"redirect": "/help"}"#,
            "126: expected an object, found a string (at `/routes/0/on_deny/redirect`)",
        ),
        (
            r#"{"redirect": {"url": "/", "status": 301}}"#,
            "149: `301` is not `302`, `303` or `307`: what is denied now may be allowed later (at `/routes/0/on_deny/redirect/status`)",
        ),
        (
            r#"{"redirect": {"url": "/", "status": "302"}}"#,
            "149: expected a number, found a string (at `/routes/0/on_deny/redirect/status`)",
        ),
        (
            r#"{"redirect": {"url": "/{id}"}}"#,
            "134: unknown field `{id}` (at `/routes/0/on_deny/redirect/url`); known here: `{decision_id}`, `{reason}`",
        ),
        (r#"{"redirect": {"url": "/", "status": 307.0}}"#, ""),
    ]);
}

#[test]
fn of_reasons() {
    on_deny(&[
        (
            r#"{"reasons": {"expired": {"status": 401}, "sni_mismatch": {"body": "no", "html": "default"}}}"#,
            "",
        ),
        (
            r#"{"reasons": {"expird": {}}}"#,
            "126: unknown reason `expird` (at `/routes/0/on_deny/reasons/expird`); did you mean `expired`?",
        ),
        (
            r#"{"reasons": {"zz": {}}}"#,
            "126: unknown reason `zz` (at `/routes/0/on_deny/reasons/zz`); records and the language reference list them",
        ),
        (
            r#"{"reasons": {"sni_mismatch": {"status": 403}}}"#,
            "143: `status` has no effect here: this reason has a status of its own (at `/routes/0/on_deny/reasons/sni_mismatch/status`)",
        ),
        (
            r#"{"reasons": {"internal_error": {"redirect": {"url": "/"}}}}"#,
            "145: `redirect` has no effect here: this reason has a status of its own (at `/routes/0/on_deny/reasons/internal_error/redirect`)",
        ),
        (
            r#"{"reasons": {"no_route": {}}}"#,
            "126: `no_route` has no effect here: no route is found then; say it in `defaults` (at `/routes/0/on_deny/reasons/no_route`)",
        ),
        (
            r#"{"reasons": {"expired": {"reasons": {}}}}"#,
            "138: unknown key `reasons` (at `/routes/0/on_deny/reasons/expired/reasons`); known here: `status`, `body`, `content_type`, `html`, `redirect`",
        ),
        (
            r#"{"reasons": {"expired": {"status": 200}}}"#,
            "148: `200` is not a whole number between 400 and 599 (at `/routes/0/on_deny/reasons/expired/status`)",
        ),
        (
            r#"{"reasons": {"expired": 401}}"#,
            "137: expected an object, found a number (at `/routes/0/on_deny/reasons/expired`)",
        ),
        (
            r#"{"reasons": ["expired"]}"#,
            "125: expected an object, found an array (at `/routes/0/on_deny/reasons`)",
        ),
    ]);
    members(&[(
        r#""defaults": {"on_deny": {"reasons": {"no_route": {"status": 404}, "invalid_request": {"body": "no"}}}}, "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#,
        "",
    )]);
}
