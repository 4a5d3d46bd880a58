//! Which route a request selects: order, paths, methods.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Situation, answer, document, route_found, routes, verdict};
use mtls_policy::Engine;

fn open(name: &str, matches: Value) -> Value {
    json!({ "name": name, "match": matches, "client_certificate": "ignored" })
}

fn found(engine: &Engine, path: &str) -> String {
    route_found(engine, &Situation::get(path))
}

#[test]
fn of_two_routes_that_match_the_first_decides() {
    let narrow = open("narrow", json!({ "path": "/a" }));
    let wide = open("wide", json!({ "path": { "prefix": "/" } }));
    assert_eq!(found(&routes(json!([narrow, wide])), "/a"), "narrow");
    assert_eq!(found(&routes(json!([wide, narrow])), "/a"), "wide");
}

#[test]
fn a_request_that_no_route_matches_is_denied() {
    let engine = routes(json!([open("a", json!({ "path": "/a" }))]));
    assert_eq!(verdict(&engine, &Situation::get("/a")), "anonymous");
    assert_eq!(verdict(&engine, &Situation::get("/b")), "no_route");
}

#[test]
fn everything_in_a_match_must_hold() {
    let matches = json!({ "hosts": ["a.example"], "path": "/a", "methods": ["GET"] });
    let engine = routes(json!([open("all", matches)]));
    assert_eq!(found(&engine, "/a"), "no_route", "another host");
    assert_eq!(route_found(&engine, &Situation::get("/a").host("a.example")), "all");
    assert_eq!(route_found(&engine, &Situation::get("/b").host("a.example")), "no_route", "another path");
    let post = Situation::request("POST", "/a").host("a.example");
    assert_eq!(route_found(&engine, &post), "no_route", "another method");
}

#[test]
fn an_exact_path_matches_itself_only() {
    for path in [json!("/v1/payments"), json!({ "exact": "/v1/payments" })] {
        let engine = routes(json!([open("exact", json!({ "path": path }))]));
        assert_eq!(found(&engine, "/v1/payments"), "exact");
        for other in ["/v1/payments/", "/v1/payments/x", "/v1/payment", "/v1/paymentsx", "/V1/payments", "/"]
        {
            assert_eq!(found(&engine, other), "no_route", "{other}");
        }
    }
}

#[test]
fn a_prefix_matches_on_segment_borders() {
    for prefix in ["/v1/payments", "/v1/payments/"] {
        let engine = routes(json!([open("prefix", json!({ "path": { "prefix": prefix } }))]));
        for path in ["/v1/payments", "/v1/payments/", "/v1/payments/x", "/v1/payments/x/y"] {
            assert_eq!(found(&engine, path), "prefix", "{path} of {prefix}");
        }
        for path in
            ["/v1/payments-old", "/v1/paymentsx", "/v1/payment", "/v1", "/x/v1/payments", "/V1/payments"]
        {
            assert_eq!(found(&engine, path), "no_route", "{path} of {prefix}");
        }
    }
}

#[test]
fn the_prefix_slash_matches_every_path() {
    let engine = routes(json!([open("all", json!({ "path": { "prefix": "/" } }))]));
    for path in ["/", "/a", "/a/b", "//", "/%2f"] {
        assert_eq!(found(&engine, path), "all", "{path}");
    }
}

#[test]
fn a_regular_expression_matches_whole_paths() {
    let engine = routes(json!([open("regex", json!({ "path": { "regex": "/v[0-9]+/(a|b)" } }))]));
    assert_eq!(found(&engine, "/v12/a"), "regex");
    assert_eq!(found(&engine, "/v1/b"), "regex");
    for path in ["/x/v1/a", "/v1/a/x", "/v1/ab", "/v1/c", "/V1/a", "/v/a"] {
        assert_eq!(found(&engine, path), "no_route", "{path}");
    }
}

#[test]
fn alternatives_of_a_regular_expression_are_all_anchored() {
    let engine = routes(json!([open("regex", json!({ "path": { "regex": "/a|/b" } }))]));
    assert_eq!(found(&engine, "/a"), "regex");
    assert_eq!(found(&engine, "/b"), "regex");
    assert_eq!(found(&engine, "/a/x"), "no_route");
    assert_eq!(found(&engine, "/x/b"), "no_route");
}

#[test]
fn the_query_is_never_looked_at() {
    let engine = routes(json!([open("a", json!({ "path": "/a" }))]));
    assert_eq!(found(&engine, "/a?x=/../b&y=%00"), "a");
    assert_eq!(found(&engine, "/b?/a"), "no_route");
}

#[test]
fn methods_compare_as_sent() {
    let engine = routes(json!([open("write", json!({ "methods": ["POST", "M-SEARCH"] }))]));
    for (method, route) in
        [("POST", "write"), ("M-SEARCH", "write"), ("GET", "no_route"), ("POSTS", "no_route")]
    {
        assert_eq!(route_found(&engine, &Situation::request(method, "/")), route, "{method}");
    }
}

#[test]
fn a_method_in_small_letters_chooses_no_other_route() {
    // Servers exist that take it for `POST`, and routes that name `POST` must not be left by it.
    let engine = routes(json!([
        { "name": "write", "match": { "methods": ["POST"] }, "client_certificate": "required", "allow": "any_verified" },
        { "name": "rest", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
    ]));
    for method in ["post", "Post", "get"] {
        assert_eq!(verdict(&engine, &Situation::request(method, "/")), "invalid_request", "{method}");
    }
    assert_eq!(verdict(&engine, &Situation::request("POST", "/")), "no_certificate");
}

#[test]
fn a_method_that_is_no_token_is_an_invalid_request() {
    let engine = routes(json!([open("all", json!({ "path": { "prefix": "/" } }))]));
    for method in ["", "GET ", "G\u{e9}T", "GET/1", "A\nB"] {
        assert_eq!(verdict(&engine, &Situation::request(method, "/")), "invalid_request", "{method:?}");
    }
    let none = Situation::get("/").without_header(":method");
    assert_eq!(verdict(&engine, &none), "invalid_request");
    let bytes = Situation::get("/").without_header(":method").header(":method", b"G\xffT");
    assert_eq!(verdict(&engine, &bytes), "invalid_request");
    assert_eq!(verdict(&engine, &Situation::request("BREW", "/")), "anonymous");
}

#[test]
fn a_request_without_a_path_finds_only_routes_that_name_none() {
    let by_path = open("by-path", json!({ "path": { "prefix": "/" } }));
    let by_host = open("by-host", json!({ "hosts": ["*.acme.example"] }));
    let engine = routes(json!([by_path, by_host]));
    let connect = Situation::request("CONNECT", "/").without_header(":path");
    assert_eq!(route_found(&engine, &connect), "by-host");
    assert_eq!(route_found(&engine, &Situation::request("OPTIONS", "*")), "by-host");
    assert_eq!(route_found(&engine, &Situation::request("OPTIONS", "/")), "by-path");
    assert_eq!(
        route_found(&engine, &Situation::request("CONNECT", "/x")),
        "by-path",
        "an upgrade has a path"
    );
    assert_eq!(verdict(&engine, &Situation::get("/").without_header(":path")), "invalid_request");
    assert_eq!(verdict(&engine, &Situation::get("*")), "invalid_request");
}

#[test]
fn a_path_that_begins_with_two_slashes_is_no_host() {
    let engine = routes(json!([
        open("secret", json!({ "hosts": ["evil.example"], "path": { "prefix": "/" } })),
        open("mine", json!({ "path": { "prefix": "/" } })),
    ]));
    assert_eq!(found(&engine, "//evil.example/x"), "mine");
}

#[test]
fn the_last_of_ten_thousand_routes_is_found() {
    let all = (0..10_000).map(|index| open(&format!("r{index}"), json!({ "path": format!("/p/{index}") })));
    let engine = routes(all.collect());
    assert_eq!(found(&engine, "/p/9999"), "r9999");
    assert_eq!(found(&engine, "/p/10000"), "no_route");
}

#[test]
fn a_denial_without_a_route_is_answered_as_the_defaults_say() {
    let engine = document(json!({
        "defaults": { "on_deny": { "status": 404, "body": "nothing here\n" } },
        "routes": [open("a", json!({ "path": "/a" }))],
    }));
    let answer = answer(&engine, &Situation::get("/b"));
    assert_eq!((answer.status, answer.body.as_str()), (404, "nothing here\n"));
}
