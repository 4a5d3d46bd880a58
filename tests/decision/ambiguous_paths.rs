//! Paths that different servers read differently.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Situation, document, outcome, record, route_found, routes, verdict};
use mtls_policy::Engine;

/// `/admin` and what is below is for nobody; all else is open.
fn admin_and_open() -> Value {
    json!([
        {
            "name": "admin", "match": { "path": { "prefix": "/admin" } },
            "client_certificate": "required", "allow": { "dns": "nobody.example" },
        },
        { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
    ])
}

fn on(engine: &Engine, path: &str) -> String {
    verdict(engine, &Situation::get(path))
}

#[test]
fn a_disguise_of_a_guarded_path_is_ambiguous() {
    let engine = routes(admin_and_open());
    for path in [
        "//admin",
        "/./admin",
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/x/%2E%2E/admin/y",
        "/%2e/admin",
        "/%61dmin",
        "/%61%64%6d%69%6e/x",
        "/%2561dmin",
        "/x/%252e%252e/admin",
        "/\\admin",
        "/%5cadmin",
        "/%5Cadmin",
        "/x\\..\\admin",
        "/x/..;/admin",
        "/;/admin",
        "/x/..;a=b/admin",
        "/x/..%3b/admin",
        "/%2fadmin",
        "/x%2f..%2fadmin",
        "/x/..%252fadmin",
        "/admin%2f..%2f..%2fx",
        "/x%5c..%5cadmin",
        "/x/..%5cadmin",
        "///admin",
        "/.//admin",
        "/x/./../admin",
        "/../admin",
    ] {
        assert_eq!(on(&engine, path), "ambiguous_path", "{path}");
    }
}

#[test]
fn a_path_that_leaves_the_guarded_one_in_some_reading_is_ambiguous() {
    let engine = routes(admin_and_open());
    for path in
        ["/admin/../x", "/admin/%2e%2e/x", "/admin/..%2fx", "/admin/..;/x", "/admin/%252e%252e/x", "/admin;x"]
    {
        assert_eq!(on(&engine, path), "ambiguous_path", "{path}");
    }
}

#[test]
fn a_path_whose_readings_agree_is_decided_by_their_route() {
    let engine = routes(admin_and_open());
    for path in [
        "/v1/items/a%2fb",
        "/v1/items/a%5Cb",
        "/v1//items",
        "/v1/./items",
        "/v1/x/../items",
        "/caf%C3%A9",
        "/100%",
        "/x;v=1",
        "/x/admin%2f",
        "/admin2%2f",
        "/a.b",
        "/.well-known/x",
    ] {
        assert_eq!(on(&engine, path), "anonymous", "{path}");
    }
    for path in ["/admin/a%2fb", "/admin//x", "/admin/x;y", "/admin/./x", "/admin/%61"] {
        assert_eq!(on(&engine, path), "no_certificate", "{path}");
    }
}

#[test]
fn a_reading_that_selects_no_route_is_another_reading() {
    let engine = routes(json!([
        { "name": "a", "match": { "path": { "prefix": "/a" } }, "client_certificate": "ignored" },
    ]));
    assert_eq!(on(&engine, "/a/../b"), "ambiguous_path");
    assert_eq!(on(&engine, "/b/../a"), "ambiguous_path");
    assert_eq!(on(&engine, "/b/../c"), "no_route", "no reading selects a route");
}

#[test]
fn control_bytes_and_fragments_are_denied_wherever_they_are() {
    let engine = routes(json!([
        { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
    ]));
    for path in ["/a%00", "/a%0a", "/a%7f", "/a%2500", "/a%1F/b", "/a\u{1}", "/a\u{7f}", "/a\0", "/a#b", "/#"]
    {
        assert_eq!(on(&engine, path), "invalid_request", "{path:?}");
    }
    // Near misses: encoded bytes beyond ASCII, and an encoded `#`, which is no fragment.
    for path in ["/a%80", "/a%20", "/a%23b"] {
        assert_eq!(on(&engine, path), "anonymous", "{path}");
    }
}

#[test]
fn bytes_of_a_path_that_are_not_ascii_are_denied() {
    let engine = routes(admin_and_open());
    let path = |bytes: &[u8]| Situation::get("/").without_header(":path").header(":path", bytes);
    for bytes in [b"/a\xff".as_slice(), "/caf\u{e9}".as_bytes(), b"/\xc0\xaf"] {
        assert_eq!(verdict(&engine, &path(bytes)), "invalid_request", "{}", bytes.escape_ascii());
    }
    assert_eq!(verdict(&engine, &path(b"/a")), "anonymous");
}

#[test]
fn a_path_that_is_none_is_an_invalid_request() {
    let engine = routes(admin_and_open());
    for path in ["", "admin", "http://pay.acme.example/admin", "*", "?x"] {
        assert_eq!(on(&engine, path), "invalid_request", "{path:?}");
    }
}

#[test]
fn case_matters_unless_the_policy_says_otherwise() {
    let sensitive = routes(admin_and_open());
    assert_eq!(on(&sensitive, "/ADMIN"), "anonymous");
    let explicit = document(json!({ "path_case": "sensitive", "routes": admin_and_open() }));
    assert_eq!(on(&explicit, "/ADMIN"), "anonymous");

    let insensitive = document(json!({ "path_case": "insensitive", "routes": admin_and_open() }));
    for path in ["/ADMIN", "/Admin/x", "/%41dmin", "/x/../ADMIN"] {
        assert_eq!(on(&insensitive, path), "ambiguous_path", "{path}");
    }
    assert_eq!(on(&insensitive, "/admin"), "no_certificate");
    assert_eq!(on(&insensitive, "/OTHER"), "anonymous", "every reading selects the open route");
}

#[test]
fn without_case_patterns_may_be_written_in_any_case() {
    let one = |path: Value| {
        document(json!({
            "path_case": "insensitive",
            "routes": [{ "name": "it", "match": { "path": path }, "client_certificate": "ignored" }],
        }))
    };
    for path in [json!("/Api"), json!({ "prefix": "/Api" }), json!({ "regex": "/[A-Z]pi" })] {
        let engine = one(path.clone());
        assert_eq!(on(&engine, "/Api"), "anonymous", "{path}");
        assert_eq!(on(&engine, "/api"), "ambiguous_path", "as sent it selects no route: {path}");
        assert_eq!(on(&engine, "/apx"), "no_route", "{path}");
    }
}

#[test]
fn an_ambiguous_path_is_answered_with_400_and_names_the_routes_in_the_record() {
    let engine = routes(admin_and_open());
    let request = Situation::get("/x/../admin");
    let reply = format!("{:?}", outcome(&engine, &request));
    assert!(reply.starts_with("Reply(Http { status: 400, "), "{reply}");
    let record = record(&engine, &request);
    assert_eq!(record["detail"], "readings of the path select `admin`, `open`");
    assert_eq!(record["route"], Value::Null);
    assert_eq!(record["request"]["path"], "/x/../admin");
}

#[test]
fn a_path_of_too_many_readings_is_ambiguous_even_where_one_route_has_them_all() {
    let engine = routes(json!([
        { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored", "mode": "shadow" },
    ]));
    // Built so that the order in which it is cleaned up matters at every step.
    let path = r"/;p/%2f%2e%2e\%252f/%5c%3b%255c/./\\%23";
    assert_eq!(on(&engine, path), "ambiguous_path");
    assert_eq!(route_found(&engine, &Situation::get("/a;b%5c/./c")), "open");
}

#[test]
fn a_path_longer_than_the_limit_is_an_invalid_request() {
    let engine = routes(admin_and_open());
    assert_eq!(on(&engine, &format!("/{}", "a".repeat(8191))), "anonymous");
    assert_eq!(on(&engine, &format!("/{}", "a".repeat(8192))), "invalid_request");
    let query = format!("/a?{}", "a".repeat(20_000));
    assert_eq!(on(&engine, &query), "anonymous", "the query does not count");
}

#[test]
fn routes_of_other_hosts_and_methods_are_no_readings() {
    let engine = routes(json!([
        {
            "name": "elsewhere", "match": { "hosts": ["other.example"], "path": { "prefix": "/admin" } },
            "client_certificate": "required", "allow": "any_verified",
        },
        {
            "name": "write", "match": { "path": { "prefix": "/admin" }, "methods": ["POST"] },
            "client_certificate": "required", "allow": "any_verified",
        },
        { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
    ]));
    assert_eq!(on(&engine, "/x/../admin"), "anonymous");
    assert_eq!(verdict(&engine, &Situation::request("POST", "/x/../admin")), "ambiguous_path");
    assert_eq!(verdict(&engine, &Situation::get("/x/../admin").host("other.example")), "ambiguous_path");
}

#[test]
fn a_path_that_costs_too_much_to_compare_is_denied() {
    let many = (0..600).map(|index| {
        json!({
            "name": format!("r{index}"), "match": { "path": { "regex": format!("/v[0-9]+/[a-z]+/op{index}") } },
            "client_certificate": "ignored",
        })
    });
    let rest =
        json!({ "name": "rest", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" });
    let engine = routes(many.chain([rest]).collect());
    assert_eq!(on(&engine, &format!("/v1/{}", "a".repeat(8000))), "ambiguous_path");
    assert_eq!(on(&engine, &format!("/v1/{}", "a".repeat(1000))), "anonymous");
    assert_eq!(on(&engine, "/v1/orders/op599"), "anonymous");
}

#[test]
fn letters_that_unicode_folds_into_ascii_are_read_without_case_too() {
    let engine = document(json!({
        "path_case": "insensitive",
        "routes": [
            { "name": "keys", "match": { "path": { "prefix": "/keys" } }, "client_certificate": "required",
              "allow": { "dns": "a.acme.example" } },
            { "name": "rest", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
        ],
    }));
    for path in ["/KEYS", "/%E2%84%AAeys", "/key%C5%BF", "/%e2%84%aaEY%c5%bf/x"] {
        assert_eq!(verdict(&engine, &Situation::get(path)), "ambiguous_path", "{path}");
    }
    for path in ["/%C3%A9eys", "/key%C5%BE"] {
        assert_eq!(route_found(&engine, &Situation::get(path)), "rest", "{path}");
    }
}

#[test]
fn a_parameter_with_an_encoded_slash_hides_nothing() {
    let engine = document(json!({
        "routes": [
            { "name": "admin", "match": { "path": "/admin" }, "client_certificate": "required",
              "allow": { "dns": "a.acme.example" } },
            { "name": "rest", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
        ],
    }));
    for path in ["/admin;x", "/admin%3bx", "/admin%3bx%2fy", "/admin;x%2fy"] {
        assert_eq!(verdict(&engine, &Situation::get(path)), "ambiguous_path", "{path}");
    }
    assert_eq!(route_found(&engine, &Situation::get("/admin%2fy")), "rest");
}
