//! Lints and assertions about routes that ask for more than host, method and path.

use mtls_policy::lint::Finding;
use mtls_policy::policy::Lint;
use serde_json::{Value, json};

use crate::{findings, found_in_routes, ignored, message, policy, required};

const OTHERS: &[Lint] = &[Lint::BackDoor, Lint::DenyByPath, Lint::PathCaseUnstated, Lint::IgnoredOnRoot];

/// `/v1` and what is below it, and these conditions.
fn v1(further: Value) -> Value {
    let mut matches = json!({"path": {"prefix": "/v1"}});
    matches.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    matches
}

/// What is found of the order of routes, all for `/v1`, with these conditions.
fn order(conditions: &[Value]) -> Vec<String> {
    let routes: Vec<Value> = conditions
        .iter()
        .enumerate()
        .map(|(at, further)| required(&format!("r{at}"), v1(further.clone())))
        .collect();
    found_in_routes(json!(routes), OTHERS)
}

#[test]
fn a_route_behind_one_with_a_condition_more_is_reached_and_behind_one_without_is_not() {
    for condition in [
        json!({"headers": {"x-role": "admin"}}),
        json!({"headers": {"x-role": {"present": true}}}),
        json!({"headers": {"x-role": {"present": false}}}),
        json!({"headers": {"x-role": {"regex": ".*"}}}),
        json!({"envoy_route": "main"}),
        json!({"envoy_cluster": ["one", "two"]}),
        json!({"route_metadata": {"acme": {"tier": "gold"}}}),
        json!({"source": ["10.0.0.0/8", "0.0.0.0/0"]}),
    ] {
        assert!(order(&[condition.clone(), json!({})]).is_empty(), "{condition}");
        assert_eq!(
            order(&[json!({}), condition.clone()]),
            ["never-matches at /routes/1/name"],
            "{condition}"
        );
        assert_eq!(
            order(&[condition.clone(), condition.clone()]),
            ["never-matches at /routes/1/name"],
            "{condition}"
        );
    }
}

#[test]
fn conditions_hide_those_that_follow_from_them() {
    let role = |wanted: Value| json!({"headers": {"x-role": wanted}});
    let source = |networks: &[&str]| json!({"source": networks});
    for (earlier, later, hidden) in [
        (role(json!(["a", "b"])), role(json!("a")), true),
        (role(json!("a")), role(json!(["a", "b"])), false),
        (role(json!({"prefix": "a"})), role(json!("ab")), true),
        (role(json!({"prefix": "a"})), role(json!("ba")), false),
        (role(json!({"present": true})), role(json!({"suffix": "a"})), true),
        (role(json!({"suffix": "a"})), role(json!({"present": true})), false),
        (role(json!({"present": false})), role(json!({"present": true})), false),
        (role(json!("a")), json!({"headers": {"x-rule": "a"}}), false),
        (role(json!("a")), json!({"envoy_route": "a"}), false),
        (json!({"envoy_route": ["a", "b"]}), json!({"envoy_route": "b"}), true),
        (source(&["10.0.0.0/8"]), source(&["10.1.0.0/16"]), true),
        (source(&["10.1.0.0/16"]), source(&["10.0.0.0/8"]), false),
        (source(&["10.0.0.0/8"]), source(&["10.1.0.0/16", "11.0.0.0/8"]), false),
        (source(&["0.0.0.0/0"]), source(&["2001:db8::/32"]), false),
    ] {
        assert_eq!(order(&[earlier.clone(), later.clone()]).is_empty(), !hidden, "{earlier} {later}");
    }
}

#[test]
fn several_values_hide_a_route_together() {
    let role = |wanted: Value| json!({"headers": {"x-role": wanted}});
    assert_eq!(
        order(&[role(json!("a")), role(json!("b")), role(json!(["b", "a"]))]),
        ["never-matches at /routes/2/name"]
    );
    assert!(order(&[role(json!("a")), role(json!("b")), role(json!(["b", "c"]))]).is_empty());
    let present = |is: bool| role(json!({"present": is}));
    assert_eq!(order(&[present(true), present(false), json!({})]), ["never-matches at /routes/2/name"]);
}

#[test]
fn what_no_plain_value_matches_is_undecided() {
    let role = |wanted: &str| json!({"headers": {"x-role": {"regex": wanted}}});
    assert_eq!(order(&[role("a, b")]), ["undecided at /routes/0/name"]);
    assert!(order(&[role("a; b")]).is_empty());
    // Together they take every value, and neither does alone.
    let halves = [role("[a-m].*"), role("[^a-m].*"), json!({"headers": {"x-role": {"present": true}}})];
    assert_eq!(order(&halves), ["undecided at /routes/2/name"]);
}

#[test]
fn a_template_takes_whole_paths_of_as_many_segments() {
    let hidden = |earlier: Value, later: Value| {
        let routes =
            json!([required("a", json!({ "path": earlier })), required("b", json!({ "path": later })),]);
        !found_in_routes(routes, &[]).is_empty()
    };
    let users = || json!({"template": "/users/{id}/orders"});
    assert!(hidden(users(), json!("/users/7/orders")));
    assert!(!hidden(users(), json!("/users/7/orders/")));
    assert!(!hidden(users(), json!("/users/orders")));
    assert!(hidden(users(), json!({"template": "/users/{name}/orders"})));
    assert!(hidden(json!({"template": "/{a}/{b}/{c}"}), users()));
    assert!(!hidden(users(), json!({"template": "/{a}/{b}/{c}"})));
    assert!(hidden(json!({"prefix": "/users"}), users()));
    assert!(hidden(json!({"regex": "/users/[^/]+/orders"}), users()));
    assert!(!hidden(json!({"regex": "/users/[0-9]+/orders"}), users()));
}

/// The message about one assertion over these routes.
fn refuted(routes: Value) -> Option<String> {
    let assertion = json!({"path": {"prefix": "/v1"}, "never": {"client_certificate": "ignored"}});
    let findings = findings(&policy(json!({ "assert": [assertion], "routes": routes })));
    let failed = findings.iter().find(|finding| finding.rule().code() == "assertion-failed");
    failed.map(Finding::message).map(str::to_owned)
}

#[test]
fn an_open_route_breaks_an_assertion_with_what_it_asks_for() {
    let guarded = || required("v1", v1(json!({})));
    for (condition, shown) in [
        (json!({"headers": {"X-Internal": "yes"}}), "with `x-internal: yes`"),
        (json!({"headers": {"x-internal": {"prefix": "y"}}}), "with `x-internal: y`"),
        (json!({"headers": {"x-internal": {"present": true}}}), "with `x-internal: any`"),
        (json!({"envoy_route": "main"}), "on Envoy's route `main`"),
        (json!({"envoy_cluster": "site"}), "for Envoy's cluster `site`"),
        (
            json!({"route_metadata": {"acme": {"tier": "gold"}}}),
            "on a route of Envoy with `acme.tier` = `gold`",
        ),
        (json!({"source": ["10.0.0.0/8"]}), "from `10.0.0.0`"),
        (json!({"source": ["2001:db8::/32"]}), "from `2001:db8::`"),
    ] {
        let message = refuted(json!([ignored("open", v1(condition.clone())), guarded()])).unwrap();
        let wanted = format!("`GET https://any.example/v1` {shown} is taken by route `open`");
        assert!(message.contains(&wanted), "{message}");
        assert_eq!(refuted(json!([guarded(), ignored("open", v1(condition.clone()))])), None, "{condition}");
        // A required route takes no more than what it asks for.
        assert!(
            refuted(json!([required("some", v1(condition.clone())), ignored("rest", v1(json!({})))]))
                .is_some(),
            "{condition}"
        );
    }
}

#[test]
fn a_header_that_opens_what_is_protected_is_a_back_door() {
    let guarded = || required("v1", v1(json!({})));
    let open = |further: Value| ignored("open", v1(further));
    let header = || json!({"headers": {"x-internal": "yes"}});
    let wanted = "route `open` opens what `v1` protects: `GET https://any.example/v1` with `x-internal: yes` needs no \
                  certificate, `GET https://any.example/v1` does";
    assert_eq!(message(json!([open(header()), guarded()]), Lint::BackDoor), wanted);
    // It is the client who says that the exception is meant.
    let health = ignored("health", json!({"path": "/v1/health", "headers": {"x-internal": "yes"}}));
    assert!(!message(json!([health, guarded()]), Lint::BackDoor).is_empty());
    let some = required("v1", v1(header()));
    let wanted = "route `open` opens what `v1` protects: `GET https://any.example/v1` needs no certificate, \
                  `GET https://any.example/v1` with `x-internal: yes` does";
    assert_eq!(message(json!([some, open(json!({}))]), Lint::BackDoor), wanted);
}

#[test]
fn what_the_operator_keeps_apart_or_excepts_is_no_back_door() {
    let is_back_door =
        |routes: Value| found_in_routes(routes, &[]).iter().any(|line| line.starts_with("back-door "));
    let open = |further: Value| ignored("open", v1(further));
    let guarded = |further: Value| required("v1", v1(further));
    let cluster = |name: &str| json!({ "envoy_cluster": name });
    let source = |network: &str| json!({ "source": [network] });
    assert!(!is_back_door(json!([open(source("10.0.0.0/8")), guarded(json!({}))])));
    assert!(!is_back_door(json!([open(cluster("site")), guarded(cluster("admin"))])));
    assert!(!is_back_door(json!([guarded(cluster("admin")), open(cluster("site"))])));
    assert!(!is_back_door(json!([guarded(source("10.0.0.0/8")), open(source("11.0.0.0/8"))])));
    assert!(is_back_door(json!([guarded(source("10.0.0.0/8")), open(json!({}))])));
    assert!(is_back_door(json!([guarded(cluster("admin")), open(json!({}))])));
}

#[test]
fn an_open_route_that_asks_for_more_does_not_open_the_rest() {
    let admin = required("admin", json!({"path": {"prefix": "/admin"}}));
    let rest = ignored("rest", json!({"path": {"prefix": "/"}, "source": ["10.0.0.0/8"]}));
    assert!(found_in_routes(json!([admin, rest.clone()]), &[]).is_empty());
    assert!(found_in_routes(json!([rest]), &[]).is_empty());
}
