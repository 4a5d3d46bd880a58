//! Lints about routes and their order.

use mtls_policy::policy::Lint;
use serde_json::{Value, json};

use crate::{found, found_in_routes, ignored, message, policy, required};

/// Whether the last of these routes, which all are required, can never match.
fn is_hidden(matches: &[Value], path_case: &str) -> bool {
    let routes: Vec<Value> = matches
        .iter()
        .enumerate()
        .map(|(at, matches)| required(&format!("r{at}"), matches.clone()))
        .collect();
    let last = format!("never-matches at /routes/{}/name", routes.len() - 1);
    let found = found(&policy(json!({ "path_case": path_case, "routes": routes })));
    assert!(found.iter().all(|line| line.starts_with("never-matches ")), "{found:?}");
    found.contains(&last)
}

#[test]
fn a_route_that_one_earlier_route_hides_is_found_and_its_near_miss_is_not() {
    for (earlier, later, hidden) in [
        (json!({"path": {"prefix": "/v1"}}), json!({"path": "/v1/x"}), true),
        (json!({"path": {"prefix": "/v1"}}), json!({"path": "/v1-old"}), false),
        (json!({"path": "/v1"}), json!({"path": "/v1"}), true),
        (json!({"path": "/v1"}), json!({"path": {"prefix": "/v1"}}), false),
        (json!({"path": {"prefix": "/"}}), json!({"path": {"prefix": "/v1/"}}), true),
        (json!({"methods": ["GET"]}), json!({"path": "/x", "methods": ["GET"]}), true),
        (json!({"methods": ["GET"]}), json!({"path": "/x", "methods": ["GET", "POST"]}), false),
        (json!({"methods": ["GET"]}), json!({"path": "/x"}), false),
        (json!({"hosts": ["*.a.example"]}), json!({"hosts": ["x.a.example"]}), true),
        (json!({"hosts": ["*.a.example"]}), json!({"hosts": ["a.example"]}), false),
        (json!({"hosts": ["x.a.example"]}), json!({"hosts": ["*.a.example"]}), false),
        (json!({"hosts": ["*.example"]}), json!({"hosts": ["*.a.example"]}), true),
        (json!({"hosts": ["a.example"]}), json!({"path": "/x"}), false),
        (json!({"path": {"regex": "/v[0-9]+"}}), json!({"path": "/v1"}), true),
        (json!({"path": {"regex": "/v[0-9]+"}}), json!({"path": {"prefix": "/v1"}}), false),
        (json!({"path": {"regex": "/v1(/[^/]*)*"}}), json!({"path": {"prefix": "/v1"}}), true),
        (json!({"path": {"regex": "/v[0-9]+"}}), json!({"path": {"regex": "/v[1-9][0-9]"}}), true),
        (json!({"path": {"regex": "/v[1-9]+"}}), json!({"path": {"regex": "/v[1-9][0-9]"}}), false),
        // Without a path `OPTIONS *` and `CONNECT` are meant too.
        (json!({"path": {"prefix": "/"}}), json!({"methods": ["GET"]}), true),
        (json!({"path": {"prefix": "/"}}), json!({"methods": ["OPTIONS"]}), false),
    ] {
        assert_eq!(is_hidden(&[earlier.clone(), later.clone()], "sensitive"), hidden, "{earlier} {later}");
    }
}

#[test]
fn a_route_that_several_earlier_routes_hide_together_is_found() {
    let parts = |last: &str| {
        [
            json!({"path": {"regex": "/[a-m].*"}}),
            json!({"path": "/"}),
            json!({"path": {"regex": last}}),
            json!({"path": {"regex": "/[a-z]+"}}),
        ]
    };
    assert!(is_hidden(&parts("/[n-z].*"), "sensitive"));
    assert!(!is_hidden(&parts("/[o-z].*"), "sensitive"));
    let methods = |second: &str| {
        [
            json!({"path": "/x", "methods": ["GET"]}),
            json!({"path": "/x", "methods": [second]}),
            json!({"path": "/x", "methods": ["GET", "POST"]}),
        ]
    };
    assert!(is_hidden(&methods("POST"), "sensitive"));
    assert!(!is_hidden(&methods("PUT"), "sensitive"));
}

#[test]
fn without_case_a_route_is_hidden_by_its_other_spelling() {
    let routes = [json!({"path": {"prefix": "/Admin"}}), json!({"path": {"prefix": "/admin"}})];
    assert!(is_hidden(&routes, "insensitive"));
    assert!(!is_hidden(&routes, "sensitive"));
}

#[test]
fn an_expression_that_no_path_can_match_is_found() {
    assert!(is_hidden(&[json!({"path": {"regex": "v1/.*"}})], "sensitive"));
    assert!(!is_hidden(&[json!({"path": {"regex": "/v1/[a-z]*"}})], "sensitive"));
    // Every such path can also be read in another way, which is another route's or none's.
    let routes = json!([required("a", json!({"path": {"regex": "/a%2f[b]"}}))]);
    assert_eq!(found_in_routes(routes, &[]), ["undecided at /routes/0/name"]);
    // A percent sign that begins no escape is only itself.
    assert!(!is_hidden(&[json!({"path": {"regex": "/100%"}})], "sensitive"));
}

#[test]
fn what_hides_a_route_is_named() {
    let routes = json!([
        required("reads", json!({"path": {"prefix": "/v1"}, "methods": ["GET"]})),
        required("writes", json!({"path": {"prefix": "/v1"}, "methods": ["POST"]})),
        required("late", json!({"path": "/v1/x", "methods": ["POST", "GET"]})),
    ]);
    let wanted =
        "route `late` can never match: `reads`, `writes` before it together take all of its requests";
    assert_eq!(message(routes, Lint::NeverMatches), wanted);
}

#[test]
fn an_open_route_beside_a_required_one_is_a_back_door() {
    let admin = |methods: Value| required("admin", json!({"path": {"prefix": "/admin"}, "methods": methods}));
    let site = || ignored("site", json!({"path": {"prefix": "/"}}));
    let routes = json!([admin(json!(["POST"])), site()]);
    let wanted = "route `site` opens what `admin` protects: `GET https://any.example/admin` needs no certificate, \
                  `POST https://any.example/admin` does";
    assert_eq!(message(routes, Lint::BackDoor), wanted);

    let others = [Lint::DenyByPath, Lint::PathCaseUnstated];
    let all = required("admin", json!({"path": {"prefix": "/admin"}}));
    assert!(found_in_routes(json!([all, site()]), &others).is_empty());
}

#[test]
fn a_back_door_may_be_another_host_or_the_earlier_route() {
    let on = |hosts: Value| json!({"hosts": hosts, "path": {"prefix": "/v1"}});
    let back_door = |routes: Value| {
        let others = [Lint::DenyByPath, Lint::PathCaseUnstated, Lint::IgnoredOnRoot];
        !found_in_routes(routes, &others).is_empty()
    };
    assert!(back_door(json!([
        required("a", on(json!(["a.example"]))),
        ignored("b", on(json!(["a.example", "b.example"])))
    ])));
    // Hosts that have nothing in common are different sites.
    assert!(!back_door(json!([
        required("a", on(json!(["a.example"]))),
        ignored("b", on(json!(["b.example"])))
    ])));
    let reads = |path: Value| json!({"path": path, "methods": ["GET"]});
    let all = || required("all", json!({"path": {"prefix": "/v1"}}));
    assert!(back_door(json!([ignored("reads", reads(json!({"prefix": "/v1"}))), all()])));
    assert!(back_door(json!([ignored("reads", reads(json!({"prefix": "/"}))), all()])));
    // An exception that its author made.
    assert!(!back_door(json!([ignored("health", reads(json!("/v1/health"))), all()])));
    assert!(!back_door(json!([ignored("health", reads(json!({"regex": "/v1/[a-z]+/health"}))), all()])));
    // Browsers ask before they send a certificate.
    let preflight = ignored("preflight", json!({"path": {"prefix": "/v1"}, "methods": ["OPTIONS"]}));
    assert!(!back_door(json!([preflight, all()])));
}

#[test]
fn an_optional_route_is_a_back_door_too() {
    let mut open = ignored("b", json!({"path": {"prefix": "/v1"}}));
    open["client_certificate"] = json!("optional");
    let routes = json!([required("a", json!({"path": {"prefix": "/v1"}, "methods": ["POST"]})), open]);
    assert_eq!(found_in_routes(routes, &[]), ["back-door at /routes/1/name"]);
}

#[test]
fn a_token_in_the_place_of_a_certificate_is_no_back_door() {
    let mut open = ignored("b", json!({"path": {"prefix": "/v1"}}));
    open["client_certificate"] = json!("optional");
    open["token"] = json!({"metadata": "jwt", "claims": {"/scope": "read"}});
    let routes = json!([required("a", json!({"path": {"prefix": "/v1"}, "methods": ["POST"]})), open]);
    assert!(found_in_routes(routes, &[]).is_empty());
}

#[test]
fn a_back_door_is_found_behind_expressions() {
    let guarded = |regex: &str| required("a", json!({"path": {"regex": regex}, "methods": ["POST"]}));
    let open = || ignored("b", json!({"path": {"regex": "/v1/[a-c]+"}}));
    let wanted = ["back-door at /routes/1/name"];
    assert_eq!(found_in_routes(json!([guarded("/v1/[c-e]+"), open()]), &[]), wanted);
    assert!(found_in_routes(json!([guarded("/v1/[d-f]+"), open()]), &[]).is_empty());
}

#[test]
fn opening_the_rest_is_found_and_so_is_silence_about_case() {
    let admin = || required("admin", json!({"path": {"prefix": "/admin"}}));
    let routes = |last: Value| json!([admin(), last]);
    for rest in [
        json!({"path": {"prefix": "/"}}),
        json!({"methods": ["GET"]}),
        json!({"path": {"regex": "/[^\\n]*"}}),
    ] {
        let document = policy(json!({ "routes": routes(ignored("rest", rest.clone())) }));
        let wanted = ["deny-by-path at /routes/1/name", "path-case-unstated at /routes/1/name"];
        assert_eq!(found(&document), wanted, "{rest}");
        for case in ["sensitive", "insensitive"] {
            let mut document = document.clone();
            document["path_case"] = json!(case);
            assert_eq!(found(&document), wanted[..1], "{rest}");
        }
    }
    assert!(found_in_routes(routes(ignored("open", json!({"path": {"prefix": "/public"}}))), &[]).is_empty());
    assert!(found_in_routes(routes(required("rest", json!({"path": {"prefix": "/"}}))), &[]).is_empty());
    // The rest of a folder is a rest.
    let inner = required("inner", json!({"path": {"prefix": "/app/admin"}}));
    let app = ignored("app", json!({"path": {"prefix": "/app"}}));
    assert_eq!(
        found_in_routes(json!([inner, app]), &[Lint::PathCaseUnstated]),
        ["deny-by-path at /routes/1/name"]
    );
}

#[test]
fn ignoring_certificates_everywhere_is_found() {
    let wanted = ["ignored-on-root at /routes/0/name"];
    assert_eq!(found_in_routes(json!([ignored("a", json!({"path": {"prefix": "/"}}))]), &[]), wanted);
    assert_eq!(found_in_routes(json!([ignored("a", json!({"hosts": ["a.example"]}))]), &[]), wanted);
    assert!(found_in_routes(json!([ignored("a", json!({"path": "/"}))]), &[]).is_empty());
    let mut optional = ignored("a", json!({"path": {"prefix": "/"}}));
    optional["client_certificate"] = json!("optional");
    assert!(found_in_routes(json!([optional]), &[]).is_empty());
}

#[test]
fn shadow_is_found_where_it_is_written() {
    let route = |name: &str, mode: Option<&str>| {
        let mut route = required(name, json!({"path": format!("/{name}")}));
        if let Some(mode) = mode {
            route["mode"] = json!(mode);
        }
        route
    };
    let routes = json!([route("a", Some("shadow")), route("b", Some("enforce"))]);
    assert_eq!(found_in_routes(routes, &[]), ["shadow at /routes/0/mode"]);
    let shadowed =
        |routes: Value| found(&policy(json!({ "defaults": {"mode": "shadow"}, "routes": routes })));
    assert_eq!(shadowed(json!([route("a", None), route("b", None)])), ["shadow at /defaults/mode"]);
    assert!(shadowed(json!([route("a", Some("enforce"))])).is_empty());
    assert_eq!(shadowed(json!([route("a", Some("shadow"))])), ["shadow at /routes/0/mode"]);
}

#[test]
fn what_is_enforced_for_a_part_of_clients_is_found_where_it_is_written() {
    let route = |ratio: Option<f64>| {
        let mut route = required("a", json!({"path": "/a"}));
        if let Some(ratio) = ratio {
            route["enforce_ratio"] = json!(ratio);
        }
        route
    };
    for (ratio, wanted) in [
        (0.0, "route `a` is in shadow for every verified client"),
        (0.25, "route `a` is enforced for a part of 0.25 of its verified clients: the others are in shadow"),
    ] {
        let routes = json!([route(Some(ratio))]);
        assert_eq!(found_in_routes(routes.clone(), &[]), ["shadow at /routes/0/enforce_ratio"]);
        assert_eq!(message(routes, Lint::Shadow), wanted);
    }
    assert!(found_in_routes(json!([route(Some(1.0))]), &[]).is_empty());
    let by_default =
        |routes: Value| found(&policy(json!({ "defaults": {"enforce_ratio": 0.1}, "routes": routes })));
    assert_eq!(by_default(json!([route(None)])), ["shadow at /defaults/enforce_ratio"]);
    assert!(by_default(json!([route(Some(1.0))])).is_empty());
    assert!(by_default(json!([ignored("a", json!({"path": "/a"}))])).is_empty());
}

#[test]
fn what_takes_too_much_work_is_said() {
    let routes = json!([
        required("a", json!({"path": {"regex": "/(?:a|b)*a(?:a|b){24}"}})),
        required("b", json!({"path": {"regex": "/[ab]*a[ab]{24}"}})),
    ]);
    assert_eq!(found_in_routes(routes, &[]), ["undecided at /routes/1/name"]);
}
