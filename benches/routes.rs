//! What it costs to find a request's route among many. Nothing else is asked: the routes look at no certificate.

mod support;

use std::hint::black_box;

use criterion::Criterion;
use mtls_policy::Engine;
use mtls_policy::revocation::NoEvidence;
use serde_json::{Value, json};

use support::{Request, count, decide, document, engine, expect};

const SIZES: [usize; 3] = [10, 1_000, 10_000];

fn main() {
    let mut criterion = support::criterion();
    by_path(&mut criterion);
    by_host(&mut criterion);
    odd_paths(&mut criterion);
    by_expression(&mut criterion);
    criterion.final_summary();
}

/// An engine of so many routes; `condition` makes what each matches of its number.
fn routes(number: usize, condition: impl Fn(usize) -> Value) -> Engine {
    let route = |number| json!({ "name": format!("route-{number}"), "match": condition(number), "client_certificate": "ignored" });
    let routes: Vec<Value> = (0..number).map(route).collect();
    engine(&document(json!({ "routes": routes })))
}

fn prefix(number: usize) -> Value {
    json!({ "path": { "prefix": format!("/service-{number}/api") } })
}

fn measure(criterion: &mut Criterion, group: &str, name: &str, engine: &Engine, request: &Request) {
    let mut group = criterion.benchmark_group(group);
    group.bench_function(name, |bencher| {
        bencher.iter(|| decide(black_box(engine), black_box(request), &NoEvidence));
    });
    group.finish();
}

fn by_path(criterion: &mut Criterion) {
    for size in SIZES {
        let (engine, group) = (routes(size, prefix), format!("among {} paths", count(size)));
        let last = size - 1;
        for (name, number) in [("find the first", 0), ("find the last", last)] {
            let request = Request::get(&format!("/service-{number}/api/v1/orders"));
            expect(&engine, &request, &NoEvidence, &format!("route-{number}"), "permit");
            measure(criterion, &group, name, &engine, &request);
        }
        let request = Request::get("/elsewhere/api/v1/orders");
        expect(&engine, &request, &NoEvidence, "none", "no_route");
        measure(criterion, &group, "find none", &engine, &request);
    }
}

fn by_host(criterion: &mut Criterion) {
    for size in SIZES {
        let engine = routes(size, |number| json!({ "hosts": [format!("tenant-{number}.acme.example")] }));
        let (group, last) = (format!("among {} hosts", count(size)), size - 1);
        for (name, number) in [("find the first", 0), ("find the last", last)] {
            let request = Request::host(&format!("tenant-{number}.acme.example"), "/v1/orders");
            expect(&engine, &request, &NoEvidence, &format!("route-{number}"), "permit");
            measure(criterion, &group, name, &engine, &request);
        }
        let request = Request::host("elsewhere.acme.example", "/v1/orders");
        expect(&engine, &request, &NoEvidence, "none", "no_route");
        measure(criterion, &group, "find none", &engine, &request);
    }
    for size in SIZES {
        // One host, and all routes for it: only the path tells them apart.
        let engine = routes(
            size,
            |number| json!({ "hosts": ["pay.acme.example"], "methods": ["GET"], "path": { "prefix": format!("/service-{number}") } }),
        );
        let (group, last) = (format!("among {} paths of one host and method", count(size)), size - 1);
        let request = Request::get(&format!("/service-{last}/v1/orders"));
        expect(&engine, &request, &NoEvidence, &format!("route-{last}"), "permit");
        measure(criterion, &group, "find the last", &engine, &request);
    }
}

/// Paths that are long, and paths that servers may read in several ways.
fn odd_paths(criterion: &mut Criterion) {
    let long = "/orders".repeat(8_000 / 7);
    let odd = [
        ("a path of 8 KB", format!("/service-7/api{long}"), "permit"),
        ("an encoded slash in it", "/service-7/api/orders%2f4711".to_owned(), "permit"),
        (
            "dots that lead to another",
            "/service-7/api/%2e%2e/%2e%2e/service-8/api".to_owned(),
            "ambiguous_path",
        ),
        ("8 KB of encoded slashes", format!("/service-7/api{}", "%2f".repeat(2700)), "permit"),
        ("8 KB that all stay the same", format!("/service-7/api{}", "/a;b%41//.".repeat(800)), "permit"),
    ];
    for size in SIZES {
        let (engine, group) = (routes(size, prefix), format!("among {} paths, with", count(size)));
        for (name, path, verdict) in &odd {
            let request = Request::get(path);
            let route = if *verdict == "permit" { "route-7" } else { "none" };
            expect(&engine, &request, &NoEvidence, route, verdict);
            measure(criterion, &group, name, &engine, &request);
        }
    }
}

fn by_expression(criterion: &mut Criterion) {
    for size in [10, 100, 1_000] {
        let expression = |number| json!({ "path": { "regex": format!("/service-{number}/[0-9]+/orders") } });
        let (engine, group) = (routes(size, expression), format!("among {} expressions", count(size)));
        let last = size - 1;
        let request = Request::get(&format!("/service-{last}/4711/orders"));
        expect(&engine, &request, &NoEvidence, &format!("route-{last}"), "permit");
        measure(criterion, &group, "find the last", &engine, &request);
        let request = Request::get(&format!("/service-{last}/{}/orders", "4711".repeat(2_000)));
        expect(&engine, &request, &NoEvidence, &format!("route-{last}"), "permit");
        measure(criterion, &group, "find the last by a path of 8 KB", &engine, &request);
    }
}
