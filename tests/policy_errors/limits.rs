//! How deep, how long and how many.

use std::fmt::Write as _;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{errors, with_members, with_required};

const TOO_DEEP: &str = "matchers are nested more than 32 deep";

/// `matcher` inside so many objects.
fn nested(count: usize, matcher: &str) -> String {
    format!("{}{matcher}{}", "{\"not\": ".repeat(count), "}".repeat(count))
}

fn errors_of_allow(allow: &str) -> String {
    errors(&with_required(&format!("\"allow\": {allow}")))
}

#[test]
fn matchers_may_be_nested_31_deep_and_no_deeper() {
    assert_eq!(errors_of_allow(&nested(31, r#"{"dns": "a.example"}"#)), "");
    let errors = errors_of_allow(&nested(32, r#"{"dns": "a.example"}"#));
    let pointer = "/not".repeat(32);
    assert_eq!(errors, format!("5:342: {TOO_DEEP} (at `/routes/0/allow{pointer}`)"));
}

/// Identities each of which refers to the one before, and a route that refers to the last.
fn chain(length: usize, reversed: bool) -> String {
    let link = |index: usize| match index {
        0 => r#""i0": {"dns": "a.example"}"#.to_owned(),
        _ => format!(r#""i{index}": {{"identity": "i{}"}}"#, index - 1),
    };
    let mut links: Vec<String> = (0..length).map(link).collect();
    if reversed {
        links.reverse();
    }
    let route = format!(
        r#"{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "required", "allow": {{"identity": "i{}"}}}}"#,
        length - 1
    );
    with_members(&format!("\"identities\": {{{}}}, \"routes\": [{route}]", links.join(", ")))
}

#[test]
fn identities_count_with_what_they_refer_to_in_whatever_order_they_stand() {
    for reversed in [false, true] {
        // The route's own matcher is the 32nd.
        assert_eq!(errors(&chain(31, reversed)), "", "reversed: {reversed}");
        for length in [32, 33, 20_000] {
            let errors = errors(&chain(length, reversed));
            assert!(errors.contains(TOO_DEEP), "{length}, reversed: {reversed}");
        }
    }
}

#[test]
fn depth_inside_an_identity_and_around_a_reference_to_it_add_up() {
    let document = |inside: usize, around: usize| {
        let identity = nested(inside, r#"{"dns": "a.example"}"#);
        let allow = nested(around, r#"{"identity": "deep"}"#);
        with_members(&format!(
            r#""identities": {{"deep": {identity}}},
            "routes": [{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "required", "allow": {allow}}}]"#
        ))
    };
    assert_eq!(errors(&document(15, 15)), "");
    assert!(errors(&document(15, 16)).contains(TOO_DEEP));
    assert!(errors(&document(16, 15)).contains(TOO_DEEP));
}

#[test]
fn brackets_without_end_are_an_error_and_no_crash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for count in [200, 5_000, 100_000] {
            assert!(!errors(&open.repeat(count)).is_empty());
            let closed = format!("{}1{}", open.repeat(count), close.repeat(count));
            assert!(!errors(&closed).is_empty());
            assert!(!errors(&with_members(&format!("\"routes\": {closed}"))).is_empty());
        }
    }
}

#[test]
fn a_body_of_64_kib_is_kept_and_a_longer_one_refused() {
    let with_body = |length: usize| {
        with_required(&format!(
            "\"allow\": \"any_verified\", \"on_deny\": {{\"body\": \"{}\"}}",
            "x".repeat(length)
        ))
    };
    assert_eq!(errors(&with_body(65_536)), "");
    assert_eq!(
        errors(&with_body(65_537)),
        "5:122: text of 65537 bytes is longer than the 65536 allowed here (at `/routes/0/on_deny/body`)"
    );
}

#[test]
fn a_name_of_64_characters_is_one_and_of_65_is_none() {
    let named = |length: usize| {
        let name = "n".repeat(length);
        with_members(&format!(
            r#""routes": [{{"name": "{name}", "match": {{"path": "/"}}, "client_certificate": "ignored"}}]"#
        ))
    };
    assert_eq!(errors(&named(64)), "");
    assert!(errors(&named(65)).contains("is not a name"));
    assert!(errors(&named(0)).contains("`` is not a name"));
}

fn many_routes(count: usize, key: &str) -> String {
    let mut routes = String::new();
    for index in 0..count {
        let separator = if index == 0 { "" } else { ",\n" };
        write!(
            routes,
            r#"{separator}{{"name": "r{index}", "match": {{"path": {{"prefix": "/p/{index}"}}}}, "client_certificate": "required", "{key}": {{"spiffe_id": "spiffe://acme.example/ns/{index}"}}}}"#
        )
        .unwrap();
    }
    with_members(&format!("\"routes\": [{routes}]"))
}

#[test]
fn ten_thousand_routes_are_a_policy() {
    assert_eq!(errors(&many_routes(10_000, "allow")), "");
}

#[test]
fn twenty_thousand_errors_are_all_told() {
    let errors = errors(&many_routes(10_000, "alow"));
    assert_eq!(errors.lines().count(), 20_000);
    let last = errors.lines().last().unwrap();
    assert!(
        last.starts_with("10003:95: unknown key `alow` (at `/routes/9999/alow`); did you mean `allow`?"),
        "{last}"
    );
}

#[test]
fn a_policy_larger_than_32_mib_is_not_read() {
    let document = with_members(&" ".repeat(32 * 1024 * 1024));
    assert_eq!(errors(&document), "1:1: the policy is larger than 33554432 bytes");
}

/// A policy in which each of `steps` identities refers to the one before ten times.
fn multiplying(steps: usize) -> String {
    let identities: Vec<String> = (1..=steps)
        .map(|step| {
            let before = vec![format!("\"i{}\"", step - 1); 10].join(", ");
            format!("\"i{step}\": {{\"identity\": [{before}]}}")
        })
        .collect();
    with_members(&format!(
        r#""identities": {{"i0": {{"dns": "a.example"}}, {}}},
  "routes": [{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "required", "allow": "any_verified"}}]"#,
        identities.join(", ")
    ))
}

#[test]
fn identities_that_multiply_may_come_to_a_million_matchers_and_no_more() {
    // They take a line each, and would cost each request ten to the power of their number.
    assert_eq!(errors(&multiplying(5)), "");
    let told = errors(&multiplying(6));
    assert!(told.contains("more than 1000000 matchers"), "{told}");
    assert!(told.contains("(at `/identities/i6`)"), "{told}");
}
