//! What it costs to hold a certificate against one pattern, and against many.

mod support;

use std::hint::black_box;

use criterion::Criterion;
use mtls_policy::Engine;
use mtls_policy::identity::{
    AttributePattern, AttributeType, DnsPattern, FingerprintPattern, Identity, SerialPattern, SpiffePattern,
    TextKind, TextPattern,
};
use mtls_policy::revocation::NoEvidence;
use serde_json::{Value, json};

use support::mint::{CN, Minted, O};
use support::{
    BILLING_ID, Request, billing, ca, count, decide, document, engine, expect, identity, route, sure,
};

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];

fn main() {
    let mut criterion = support::criterion();
    patterns(&mut criterion);
    lists(&mut criterion);
    named(&mut criterion);
    criterion.final_summary();
}

fn with_names(number: usize) -> Minted {
    let leaf = ca().leaf("billing").subject(O, "Acme").subject(CN, "billing").spiffe(BILLING_ID);
    (0..number).fold(leaf, |leaf, number| leaf.dns(&format!("n{number}.billing.acme.example"))).mint()
}

fn patterns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match");
    let wildcard = sure(DnsPattern::parse("*.billing.acme.example"));
    let stranger = sure(DnsPattern::parse("*.other.acme.example"));
    for number in [1, 10, 100] {
        let identity = identity(&with_names(number));
        group.bench_function(format!("a DNS wildcard, the first of {number} names"), |bencher| {
            bencher.iter(|| black_box(&wildcard).matches(identity.dns()));
        });
        group.bench_function(format!("a DNS wildcard, none of {number} names"), |bencher| {
            bencher.iter(|| black_box(&stranger).matches(identity.dns()));
        });
    }
    let minted = with_names(1);
    let identity: Identity = identity(&minted);
    for (name, pattern) in [
        ("a SPIFFE ID", BILLING_ID),
        ("a SPIFFE ID by a segment", "spiffe://acme.example/ns/*/sa/billing"),
        ("a SPIFFE ID by all that follows", "spiffe://acme.example/ns/prod/**"),
        ("no SPIFFE ID by a segment", "spiffe://acme.example/ns/*/sa/web"),
    ] {
        let pattern = sure(SpiffePattern::parse(pattern));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&pattern).matches(identity.spiffe()));
        });
    }
    let common_name = sure(AttributeType::parse("CN"));
    let subject = sure(AttributePattern::new(common_name, TextKind::Exact, "billing"));
    group.bench_function("an attribute of the subject", |bencher| {
        bencher.iter(|| black_box(&subject).matches(identity.subject()));
    });
    let expression = sure(TextPattern::regex("spiffe://acme\\.example/ns/(prod|test)/sa/[a-z-]+"));
    group.bench_function("an expression on 40 bytes", |bencher| {
        bencher.iter(|| black_box(&expression).matches(BILLING_ID));
    });
    let fingerprint = sure(FingerprintPattern::sha256(&minted.hex_digest()));
    group.bench_function("a digest", |bencher| {
        bencher.iter(|| black_box(&fingerprint).matches(&identity.fingerprint()));
    });
    let serial = sure(SerialPattern::parse("0f:3a:99"));
    group.bench_function("no serial number", |bencher| {
        bencher.iter(|| black_box(&serial).matches(identity.serial()));
    });
    group.finish();
}

/// One route that lets in, or keeps out, any of a list.
fn lists(criterion: &mut Criterion) {
    let minted = billing();
    let request = Request::get("/v1/payments").presenting(&minted);
    for size in SIZES {
        let others = |name: &dyn Fn(usize) -> String| (1..size).map(name).collect::<Vec<_>>();
        let spiffe_ids = others(&|number| format!("{BILLING_ID}-{number}"));
        let dns = others(&|number| format!("service-{number}.acme.example"));
        let wildcards = others(&|number| format!("*.service-{number}.acme.example"));
        let serials = others(&|number| format!("{number:08x}"));
        let kinds: [(&str, &str, Vec<String>, String); 4] = [
            ("SPIFFE IDs", "spiffe_id", spiffe_ids, BILLING_ID.to_owned()),
            ("DNS names", "dns", dns, "billing.acme.example".to_owned()),
            ("DNS wildcards", "dns", wildcards, "*.acme.example".to_owned()),
            ("serial numbers", "serial", serials, serial(&minted)),
        ];
        for (kind, key, others, own) in kinds {
            let mut group = criterion.benchmark_group(format!("decide by {} {kind}", count(size)));
            let last: Vec<&String> = others.iter().chain([&own]).collect();
            let of = |rules: Value| engine(&document(json!({ "routes": [route(rules)] })));
            let deciders: [(&str, &str, Engine); 2] = [
                ("of which the last is allowed", "permit", of(json!({ "allow": { key: last } }))),
                (
                    "of which none is denied",
                    "permit",
                    of(json!({ "allow": "any_verified", "deny": { key: others } })),
                ),
            ];
            for (name, verdict, engine) in &deciders {
                expect(engine, &request, &NoEvidence, "only", verdict);
                group.bench_function(*name, |bencher| {
                    bencher.iter(|| decide(black_box(engine), &request, &NoEvidence));
                });
            }
            group.finish();
        }
    }
}

/// Many named identities, of which the route refers to one.
fn named(criterion: &mut Criterion) {
    let minted = billing();
    let request = Request::get("/v1/payments").presenting(&minted);
    for size in SIZES {
        let other =
            |number| (format!("service-{number}"), json!({ "spiffe_id": format!("{BILLING_ID}-{number}") }));
        let own = ("billing".to_owned(), json!({ "spiffe_id": BILLING_ID }));
        let identities: serde_json::Map<String, Value> = (1..size).map(other).chain([own]).collect();
        let routes = [route(json!({ "allow": { "identity": "billing" } }))];
        let engine = engine(&document(json!({ "identities": identities, "routes": routes })));
        expect(&engine, &request, &NoEvidence, "only", "permit");
        let mut group = criterion.benchmark_group(format!("decide by {} identities", count(size)));
        group.bench_function("of which the route names one", |bencher| {
            bencher.iter(|| decide(black_box(&engine), &request, &NoEvidence));
        });
        group.finish();
    }
}

fn serial(minted: &Minted) -> String {
    minted.serial().iter().map(|octet| format!("{octet:02x}")).collect()
}
