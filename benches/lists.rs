//! What it costs to look up a certificate in lists of any size.

mod support;

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use mtls_policy::revocation::NoEvidence;
use mtls_policy::revocation::crl::{List, Load};
use serde_json::json;

use support::mint::crl::numbered_serial;
use support::{Request, authority, billing, ca, count, decide, document, engine, expect, route};

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];

/// How many serial numbers are looked up in turn, so that it is not always the same few lines of memory.
const ASKED: u32 = 1 << 14;

fn main() {
    let mut criterion = support::criterion();
    look_ups(&mut criterion);
    deny_lists(&mut criterion);
    loads(&mut criterion);
    criterion.final_summary();
}

fn list(bytes: Vec<u8>) -> List {
    let loaded = Load::new(bytes, vec![authority(&ca())]).finish();
    support::sure(loaded).into_list()
}

fn look_ups(criterion: &mut Criterion) {
    for size in SIZES {
        let list = Arc::new(list(ca().crl().numbered(size).der()));
        let mut group = criterion.benchmark_group(format!("in a CRL of {} entries", count(size as usize)));
        // Odd, so that every one of a power of two comes up; spread over the whole list.
        let step = size / ASKED * 2 + 1;
        for (name, first, is_listed) in [("find one", 0, true), ("find none", size, false)] {
            let serials: Vec<[u8; 16]> =
                (0..ASKED).map(|at| numbered_serial(first + at * step % size)).collect();
            let found = |serial: &[u8; 16]| support::sure(list.find(0, serial)).is_some();
            assert!(serials.iter().all(|serial| found(serial) == is_listed));
            let next = Cell::new(0_usize);
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let at = next.get();
                    next.set((at + 1) % serials.len());
                    serials.get(at).map(|serial| black_box(&list).find(0, serial))
                });
            });
        }
        group.finish();
    }
}

/// Lists of a policy's own.
fn deny_lists(criterion: &mut Criterion) {
    let (ca, minted) = (ca(), billing());
    let request = Request::get("/v1/payments").presenting(&minted);
    for size in [1_000, 100_000] {
        let serials: Vec<String> = (0..size).map(|number| format!("{number:08x}")).collect();
        let bundle = json!({ "anchors_pem": [ca.pem()], "revoked": { "serials": serials } });
        let guarded = route(json!({ "allow": "any_verified", "revocation": { "check": ["deny_list"] } }));
        let engine = engine(&document(json!({ "trust_bundles": { "corp": bundle }, "routes": [guarded] })));
        expect(&engine, &request, &NoEvidence, "only", "permit");
        let mut group =
            criterion.benchmark_group(format!("decide by a deny list of {} serial numbers", count(size)));
        group.bench_function("which does not name the client", |bencher| {
            bencher.iter(|| decide(black_box(&engine), &request, &NoEvidence));
        });
        group.finish();
    }
}

fn loads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load a CRL, verified,");
    let issuer = authority(&ca());
    group.sample_size(10);
    for size in SIZES {
        let der = ca().crl().numbered(size).der();
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_function(format!("of {} entries", count(size as usize)), |bencher| {
            bencher.iter_batched(
                || der.clone(),
                |der| Load::new(der, vec![Arc::clone(&issuer)]).finish().map(|loaded| loaded.into_list()),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
