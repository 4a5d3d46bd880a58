//! Conditions of routes beyond host, path and method: templates, headers, what Envoy chose, where the client is.

use mtls_policy::Engine;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{
    Question, Situation, decide, document, outcome, record, route_found, routes, verdict,
};

/// Routes of these names and matches that look at no certificate.
fn open(matches: &[(&str, Value)]) -> Engine {
    routes(json_routes(matches))
}

fn json_routes(matches: &[(&str, Value)]) -> Value {
    let route = |(name, matches): &(&str, Value)| json!({ "name": name, "match": matches, "client_certificate": "ignored" });
    matches.iter().map(route).collect()
}

fn rest() -> (&'static str, Value) {
    ("rest", json!({ "path": { "prefix": "/" } }))
}

fn sent(lines: &[(&str, &str)]) -> Situation {
    lines
        .iter()
        .fold(Situation::get("/"), |situation, (name, value)| situation.header(name, value.as_bytes()))
}

#[test]
fn a_template_matches_whole_paths_segment_by_segment() {
    let engine = open(&[("orders", json!({ "path": { "template": "/users/{id}/orders" } })), rest()]);
    for path in ["/users/7/orders", "/users/a-b.c/orders", "/users/%20/orders", "/users/7/orders?x=/y"] {
        assert_eq!(route_found(&engine, &Situation::get(path)), "orders", "{path}");
    }
    for path in [
        "/users/orders",
        "/users/7/8/orders",
        "/users/7/orders/",
        "/users/7/orders/x",
        "/users/7",
        "/Users/7/orders",
        "/users//orders",
        "/x/users/7/orders",
    ] {
        assert_eq!(route_found(&engine, &Situation::get(path)), "rest", "{path}");
    }
}

#[test]
fn a_segment_of_a_template_that_may_be_read_as_none_or_as_two_is_ambiguous() {
    let engine = open(&[("user", json!({ "path": { "template": "/users/{id}" } })), rest()]);
    for path in ["/users/7%2f8", "/users/;x", "/users/%2e", "/users/..", "/users/7/../8", "/users/7%5c"] {
        assert_eq!(verdict(&engine, &Situation::get(path)), "ambiguous_path", "{path}");
    }
    assert_eq!(route_found(&engine, &Situation::get("/users/7;x")), "user", "every reading is one segment");
}

#[test]
fn a_template_is_read_without_case_where_the_policy_says_so() {
    let engine = document(json!({
        "path_case": "insensitive",
        "routes": json_routes(&[("user", json!({ "path": { "template": "/Users/{id}/x" } })), rest()]),
    }));
    assert_eq!(route_found(&engine, &Situation::get("/Users/A/x")), "user");
    assert_eq!(verdict(&engine, &Situation::get("/users/A/X")), "ambiguous_path");
    assert_eq!(route_found(&engine, &Situation::get("/users/A")), "rest");
}

#[test]
fn of_templates_and_literals_the_first_route_decides() {
    let template = ("any", json!({ "path": { "template": "/users/{id}" } }));
    let literal = ("me", json!({ "path": "/users/me" }));
    assert_eq!(route_found(&open(&[literal.clone(), template.clone()]), &Situation::get("/users/me")), "me");
    assert_eq!(route_found(&open(&[template, literal]), &Situation::get("/users/me")), "any");
}

#[test]
fn a_header_matches_by_its_value() {
    for (wanted, hits, misses) in [
        (json!("acme"), ["acme", "acme"], ["acme2", "Acme"]),
        (json!(["acme", "umbrella"]), ["acme", "umbrella"], ["acm", "umbrellas"]),
        (json!({ "prefix": "ac" }), ["acme", "ac"], ["a", "xac"]),
        (json!({ "suffix": "me" }), ["acme", "me"], ["e", "mex"]),
        (json!({ "regex": "(?i)acme[0-9]?" }), ["ACME", "acme7"], ["acme77", "xacme"]),
        (json!([{ "prefix": "a" }, "b"]), ["abc", "b"], ["bc", "c"]),
    ] {
        let engine = open(&[("tenant", json!({ "headers": { "X-Tenant": wanted } })), rest()]);
        for value in hits {
            assert_eq!(route_found(&engine, &sent(&[("x-tenant", value)])), "tenant", "{value} of {wanted}");
        }
        for value in misses {
            assert_eq!(route_found(&engine, &sent(&[("x-tenant", value)])), "rest", "{value} of {wanted}");
        }
        assert_eq!(route_found(&engine, &sent(&[])), "rest", "{wanted}");
        assert_eq!(
            route_found(&engine, &sent(&[("x-tenants", "acme"), ("tenant", "acme")])),
            "rest",
            "{wanted}"
        );
    }
}

#[test]
fn a_header_matches_by_its_presence() {
    for (present, with, without) in [(true, "it", "rest"), (false, "rest", "it")] {
        let engine = open(&[("it", json!({ "headers": { "x-debug": { "present": present } } })), rest()]);
        assert_eq!(route_found(&engine, &sent(&[("x-debug", "1")])), with);
        assert_eq!(route_found(&engine, &sent(&[("x-debug", "1"), ("x-debug", "2")])), with);
        assert_eq!(route_found(&engine, &sent(&[("x-debugs", "1")])), without);
        for doubtful in ["x-debug", "x_debug"] {
            let value = if doubtful == "x-debug" { "" } else { "1" };
            assert_eq!(verdict(&engine, &sent(&[(doubtful, value)])), "ambiguous_path", "{doubtful}");
        }
    }
}

/// Admins are kept out, everybody else is let in.
fn admins_kept_out() -> Engine {
    routes(json!([
        {
            "name": "admin", "match": { "headers": { "x-role": "admin" } },
            "client_certificate": "required", "allow": { "dns": "nobody.example" },
        },
        { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
    ]))
}

#[test]
fn a_header_that_servers_read_differently_gets_around_no_route() {
    let engine = admins_kept_out();
    for lines in [
        &[("x-role", "user"), ("x-role", "admin")][..],
        &[("x-role", "admin"), ("x-role", "user")],
        &[("x-role", "user, admin")],
        &[("x-role", "admin,user")],
        &[("x-role", "admin ")],
        &[("x-role", "user"), ("x_role", "admin")],
        &[("x_role", "admin")],
        &[("x-role", ""), ("x-role", "admin")],
    ] {
        assert_eq!(verdict(&engine, &sent(lines)), "ambiguous_path", "{lines:?}");
    }
    assert_eq!(verdict(&engine, &sent(&[("x-role", "admin")])), "no_certificate");
    for lines in
        [&[("x-role", "user")][..], &[("x-role", "a"), ("x-role", "b, c")], &[("x-roles", "admin")], &[]]
    {
        assert_eq!(verdict(&engine, &sent(lines)), "anonymous", "{lines:?}");
    }
}

#[test]
fn a_header_that_servers_read_differently_gets_into_no_route() {
    let engine = routes(json!([
        { "name": "test", "match": { "headers": { "x-environment": "test" } }, "client_certificate": "ignored" },
        { "name": "live", "match": { "path": { "prefix": "/" } }, "client_certificate": "required", "allow": "any_verified" },
    ]));
    assert_eq!(verdict(&engine, &sent(&[("x-environment", "test")])), "anonymous");
    for lines in [
        &[("x-environment", "test"), ("x-environment", "live")][..],
        &[("x-environment", "test, test")],
        &[("x-environment", "test"), ("x-environment", "test")],
    ] {
        assert_eq!(verdict(&engine, &sent(lines)), "ambiguous_path", "{lines:?}");
    }
}

#[test]
fn a_header_with_commas_is_told_where_each_reading_matches() {
    let engine = open(&[("browsers", json!({ "headers": { "accept": { "regex": "[ -~]*" } } })), rest()]);
    assert_eq!(route_found(&engine, &sent(&[("accept", "text/html, */*;q=0.8")])), "browsers");
    let one = open(&[("it", json!({ "headers": { "accept": { "prefix": "text/" } } }))]);
    assert_eq!(verdict(&one, &sent(&[("accept", "text/html, */*")])), "ambiguous_path", "or no route");
}

#[test]
fn the_record_names_the_header_that_cannot_be_told() {
    let engine = admins_kept_out();
    let twice = sent(&[("x-role", "user"), ("x-role", "admin")]);
    let reply = format!("{:?}", outcome(&engine, &twice));
    assert!(reply.starts_with("Reply(Http { status: 400, "), "{reply}");
    let record = record(&engine, &twice);
    assert_eq!(record["detail"], "readings of the header `x-role` select `admin`, `open`");
    assert_eq!(record["route"], Value::Null);
    let both = Situation::get("/a//b").header("x-role", b"user,admin");
    let record = crate::situation::record(&engine, &both);
    assert_eq!(record["detail"], "readings of the path and of the header `x-role` select `admin`, `open`");
}

#[test]
fn an_ambiguous_header_is_shadowed_only_if_every_route_is_that_could_be_meant() {
    let engine = |rest_mode: &str| {
        routes(json!([
            {
                "name": "admin", "match": { "headers": { "x-role": "admin" } }, "mode": "shadow",
                "client_certificate": "required", "allow": "any_verified",
            },
            { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored", "mode": rest_mode },
        ]))
    };
    let twice = sent(&[("x-role", "user"), ("x-role", "admin")]);
    assert_eq!(verdict(&engine("shadow"), &twice), "shadow ambiguous_path");
    assert_eq!(verdict(&engine("enforce"), &twice), "ambiguous_path");
}

#[test]
fn expressions_that_would_see_too_much_of_a_header_end_the_search() {
    let many: Vec<(String, Value)> = (0..200)
        .map(|index| {
            (
                format!("r{index}"),
                json!({ "headers": { "x-tenant": { "regex": format!("t{index}-[a-z]+") } } }),
            )
        })
        .collect();
    let many: Vec<(&str, Value)> =
        many.iter().map(|(name, matches)| (name.as_str(), matches.clone())).chain([rest()]).collect();
    let engine = open(&many);
    assert_eq!(route_found(&engine, &sent(&[("x-tenant", "t199-a")])), "r199");
    assert_eq!(route_found(&engine, &sent(&[("x-tenant", &"x".repeat(8_000))])), "rest");
    assert_eq!(verdict(&engine, &sent(&[("x-tenant", &"x".repeat(9_000))])), "ambiguous_path");
}

#[test]
fn what_envoy_chose_matches_exactly() {
    let engine = open(&[
        ("by-route", json!({ "envoy_route": "payments" })),
        ("by-cluster", json!({ "envoy_cluster": ["ledger", "archive"] })),
        rest(),
    ]);
    let request = || Situation::get("/");
    assert_eq!(route_found(&engine, &request().envoy_route(b"payments")), "by-route");
    assert_eq!(route_found(&engine, &request().envoy_cluster(b"archive")), "by-cluster");
    assert_eq!(
        route_found(&engine, &request().envoy_route(b"payments").envoy_cluster(b"ledger")),
        "by-route"
    );
    for other in [&b"payment"[..], b"payments2", b"Payments", b"payments\xff"] {
        assert_eq!(route_found(&engine, &request().envoy_route(other).envoy_cluster(other)), "rest");
    }
    assert_eq!(route_found(&engine, &request()), "rest", "Envoy chose none, or one without a name");
}

/// `acme: {tier: gold, n: 3}`, as Envoy 1.40 serializes it.
const METADATA: &[u8] =
    b"\n\x28\n\x04acme\x12\x20\n\x0e\n\x01n\x12\t\x11\0\0\0\0\0\0\x08@\n\x0e\n\x04tier\x12\x06\x1a\x04gold";

#[test]
fn metadata_of_envoys_route_match_exactly() {
    let wanting = |entries: Value| open(&[("it", json!({ "route_metadata": { "acme": entries } })), rest()]);
    let gold = Situation::get("/").route_metadata(METADATA);
    assert_eq!(route_found(&wanting(json!({ "tier": "gold" })), &gold), "it");
    assert_eq!(route_found(&wanting(json!({ "tier": ["silver", "gold"] })), &gold), "it");
    assert_eq!(route_found(&wanting(json!({ "tier": "gol" })), &gold), "rest");
    assert_eq!(route_found(&wanting(json!({ "tier": "gold", "zone": "eu" })), &gold), "rest");
    assert_eq!(route_found(&wanting(json!({ "tier": "gold" })), &Situation::get("/")), "rest", "none at all");
}

#[test]
fn metadata_that_cannot_be_read_are_an_error_and_no_mismatch() {
    let engine = open(&[("it", json!({ "route_metadata": { "acme": { "n": "3" } } })), rest()]);
    let number = Situation::get("/").route_metadata(METADATA);
    assert_eq!(verdict(&engine, &number), "internal_error");
    assert_eq!(record(&engine, &number)["detail"], "metadata `acme.n` of Envoy's route is no text");
    assert_eq!(verdict(&engine, &Situation::get("/").route_metadata(b"\n\x05x")), "internal_error");
}

#[test]
fn a_source_is_the_connections_own_unless_the_policy_says_otherwise() {
    let office = || json_routes(&[("office", json!({ "source": ["10.0.0.0/8", "2001:db8::/32"] })), rest()]);
    let direct = routes(office());
    let forwarded = document(json!({ "client_address": "xff", "routes": office() }));
    let spoofed = || Situation::get("/").source(b"192.0.2.7:60408").forwarded(b"10.1.2.3:0");
    assert_eq!(route_found(&direct, &spoofed()), "rest");
    assert_eq!(route_found(&forwarded, &spoofed()), "office");
    for (source, route) in [
        (&b"10.1.2.3:60408"[..], "office"),
        (b"[2001:db8::7]:60408", "office"),
        (b"[::ffff:10.1.2.3]:60408", "office"),
        (b"11.0.0.1:60408", "rest"),
        (b"[2001:db9::7]:60408", "rest"),
    ] {
        assert_eq!(
            route_found(&direct, &Situation::get("/").source(source)),
            route,
            "{}",
            source.escape_ascii()
        );
    }
}

#[test]
fn a_source_that_cannot_be_told_is_an_error_and_no_mismatch() {
    for (choice, question) in [("direct", Question::Source), ("xff", Question::Forwarded)] {
        let engine = document(json!({
            "client_address": choice,
            "routes": json_routes(&[("office", json!({ "source": ["10.0.0.0/8"] })), rest()]),
        }));
        let both = |address: &[u8]| Situation::get("/").source(address).forwarded(address);
        assert_eq!(verdict(&engine, &Situation::get("/")), "internal_error", "{choice}");
        assert_eq!(verdict(&engine, &both(b"/run/envoy.sock")), "internal_error", "{choice}");
        assert_eq!(verdict(&engine, &both(b"10.0.0.1:1").failing(question)), "internal_error", "{choice}");
        assert_eq!(verdict(&engine, &both(b"10.0.0.1:1")), "anonymous", "{choice}");
    }
}

#[test]
fn what_envoy_knows_is_asked_only_where_a_route_that_matches_so_far_asks_for_it() {
    let questions = [
        (json!({ "envoy_route": "a" }), Question::EnvoyRoute),
        (json!({ "envoy_cluster": "a" }), Question::EnvoyCluster),
        (json!({ "route_metadata": { "a": { "b": "c" } } }), Question::Metadata),
        (json!({ "source": ["10.0.0.0/8"] }), Question::Source),
    ];
    for (mut condition, question) in questions {
        condition["path"] = json!({ "prefix": "/asks" });
        condition["headers"] = json!({ "x-asks": "yes" });
        let engine = open(&[("first", json!({ "path": "/first" })), ("asks", condition), rest()]);
        for quiet in [
            Situation::get("/first").header("x-asks", b"yes"),
            Situation::get("/other").header("x-asks", b"yes"),
            Situation::get("/asks").header("x-asks", b"no"),
        ] {
            assert_eq!(verdict(&engine, &quiet.failing(question)), "anonymous", "{question:?}");
        }
        let asking = || Situation::get("/asks/a/../b").header("x-asks", b"yes").source(b"192.0.2.7:1");
        assert_eq!(route_found(&engine, &asking().failing(question)), "internal_error", "{question:?}");
        let asked = asking();
        assert_eq!(verdict(&engine, &asked), "anonymous");
        let times = asked.asked().iter().filter(|asked| **asked == question).count();
        assert_eq!(times, 1, "{question:?}, however many readings the path has");
    }
}

#[test]
fn a_route_tells_the_first_condition_that_does_not_hold() {
    let engine = open(&[(
        "all",
        json!({
            "hosts": ["pay.acme.example"], "methods": ["GET"], "path": { "regex": "/v[0-9]+" }, "headers": { "x-tenant": "acme" },
            "envoy_route": "r", "envoy_cluster": "c", "route_metadata": { "acme": { "tier": "gold" } }, "source": ["10.0.0.0/8"],
        }),
    )]);
    let why = |situation: &Situation| engine.mismatch(situation, 0).unwrap();
    let says = |situation: Situation, wanted: &str| assert_eq!(why(&situation).as_deref(), Some(wanted));
    let get = || Situation::get("/v1");
    says(get().host("other.example"), "host");
    says(Situation::request("POST", "/v1"), "method");
    says(Situation::get("/v1/x"), "path");
    says(get(), "header `x-tenant`");
    let tenant = || get().header("x-tenant", b"acme");
    says(tenant(), "Envoy's route");
    let with_route = || tenant().envoy_route(b"r");
    says(with_route(), "Envoy's cluster");
    let with_cluster = || with_route().envoy_cluster(b"c");
    says(with_cluster(), "metadata `acme.tier` of Envoy's route");
    let with_metadata = || with_cluster().route_metadata(METADATA);
    says(with_metadata().source(b"11.0.0.1:1"), "source address");
    assert_eq!(why(&with_metadata().source(b"10.0.0.1:1")), None);
    says(with_metadata().source(b"10.0.0.1:1").header("x-tenant", b"b"), "header `x-tenant` cannot be told");
    assert!(engine.mismatch(&with_metadata(), 0).is_err(), "the source cannot be told");
}

/// The condition of the route of that number.
type Condition = fn(usize) -> Value;

/// The request changed so that it is for the route of that number.
type Hit = fn(Situation, usize) -> Situation;

#[test]
fn every_condition_tells_ten_thousand_routes_apart() {
    let conditions: [(&str, Condition, Hit); 5] = [
        (
            "header",
            |index| json!({ "headers": { "x-tenant": format!("t{index}") } }),
            |request, index| request.header("x-tenant", format!("t{index}").as_bytes()),
        ),
        (
            "host",
            |index| json!({ "hosts": [format!("*.h{index}.example")] }),
            |request, index| request.host(&format!("a.h{index}.example")),
        ),
        (
            "route",
            |index| json!({ "envoy_route": format!("r{index}") }),
            |request, index| request.envoy_route(format!("r{index}").as_bytes()),
        ),
        (
            "source",
            |index| json!({ "source": [format!("10.{}.{}.0/24", index / 256, index % 256)] }),
            |request, index| request.source(format!("10.{}.{}.7:1", index / 256, index % 256).as_bytes()),
        ),
        (
            "expression",
            |index| json!({ "path": { "regex": format!("/v[0-9]+/t{index}") } }),
            |request, index| {
                request.without_header(":path").header(":path", format!("/v7/t{index}").as_bytes())
            },
        ),
    ];
    for (what, condition, request) in conditions {
        let matches: Vec<(String, Value)> =
            (0..10_000).map(|index| (format!("r{index}"), condition(index))).collect();
        let matches: Vec<(&str, Value)> =
            matches.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let engine = open(&matches);
        for index in [0, 63, 64, 5_000, 9_999] {
            assert_eq!(
                route_found(&engine, &request(Situation::get("/"), index)),
                format!("r{index}"),
                "{what}"
            );
        }
        let none = request(Situation::get("/"), 10_000).source(b"192.0.2.7:1");
        assert_eq!(decide(&engine, &none).route().map(|route| route.name()), None, "{what}");
    }
}
