//! What it costs to read: certificates, headers, lists, responses and policies.

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use mtls_policy::cert::forwarded::from_xfcc;
use mtls_policy::cert::{Certificate, Fingerprint, xfcc};
use mtls_policy::facts::Connection;
use mtls_policy::identity::Identity;
use mtls_policy::policy::Policy;
use mtls_policy::request::RequestTarget;
use mtls_policy::revocation::crl::{Load, Unverified};
use mtls_policy::revocation::ocsp::{self, Nonce, Query, Responder};
use serde_json::{Value, json};

use support::mint::Minted;
use support::{BILLING_ID, Request, authority, billing, ca, certificate, count, document, now};

fn main() {
    let mut criterion = support::criterion();
    certificates(&mut criterion);
    headers(&mut criterion);
    lists(&mut criterion);
    responses(&mut criterion);
    policies(&mut criterion);
    criterion.final_summary();
}

fn with_names(number: usize) -> Minted {
    let leaf = ca().leaf("billing");
    (0..number).fold(leaf, |leaf, number| leaf.dns(&format!("n{number}.billing.acme.example"))).mint()
}

fn certificates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read a certificate");
    for number in [1, 10, 100] {
        let minted = with_names(number);
        let parsed = certificate(&minted);
        group.bench_function(format!("of {number} DNS names, and its digest"), |bencher| {
            bencher.iter_batched(
                || minted.der.clone(),
                |der| Certificate::from_der(der).is_ok(),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("of {number} DNS names for its identity"), |bencher| {
            bencher.iter(|| Identity::of(black_box(&parsed)));
        });
    }
    group.finish();
}

fn headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read a header");
    let minted = billing();
    let digest = Fingerprint::from_bytes(minted.digest());
    let element = format!("{};Subject=\"CN=billing\";URI={BILLING_ID}", minted.xfcc_element());
    let proxies = std::iter::repeat_n(element.clone(), 8).collect::<Vec<_>>().join(",");
    group.bench_function("x-forwarded-client-cert of one element", |bencher| {
        bencher.iter(|| xfcc::parse(black_box(element.as_bytes())));
    });
    group.bench_function("x-forwarded-client-cert of eight elements", |bencher| {
        bencher.iter(|| xfcc::parse(black_box(proxies.as_bytes())));
    });
    group.bench_function("x-forwarded-client-cert for the certificate in it", |bencher| {
        bencher.iter(|| from_xfcc(black_box(&[element.as_bytes()]), digest));
    });
    let hex = minted.hex_digest();
    let line =
        format!("1|{hex}|true|TLSv1.3|TLS_AES_128_GCM_SHA256|10.0.0.7:4711|pay.acme.example").into_bytes();
    group.bench_function("the line of a connection", |bencher| {
        bencher.iter(|| Connection::read(black_box(&line).clone()));
    });
    let request = Request::get("/v1/payments/4711?verbose=1");
    let headers = request.all_headers();
    group.bench_function("what a request wants", |bencher| {
        bencher.iter(|| RequestTarget::read(black_box(headers)));
    });
    group.finish();
}

fn lists(criterion: &mut Criterion) {
    const ENTRIES: u32 = 10_000;
    let mut group = criterion.benchmark_group(format!("read a CRL of {} entries", count(ENTRIES as usize)));
    group.throughput(Throughput::Elements(u64::from(ENTRIES)));
    let issuer = authority(&ca());
    let list = ca().crl().numbered(ENTRIES);
    let (der, pem) = (list.der(), list.pem().into_bytes());
    group.bench_function("without its signature", |bencher| {
        bencher.iter_batched(|| der.clone(), |der| Unverified::read(der, 0).is_ok(), BatchSize::LargeInput);
    });
    for (form, bytes) in [("DER", &der), ("PEM", &pem)] {
        group.bench_function(format!("in {form}, with its signature, into shards"), |bencher| {
            bencher.iter_batched(
                || bytes.clone(),
                |bytes| Load::new(bytes, vec![Arc::clone(&issuer)]).finish().map(|loaded| loaded.into_list()),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn responses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read an OCSP response");
    let (ca, minted) = (ca(), billing());
    let issuer = authority(&ca);
    let timeout = Duration::from_secs(2);
    let responder = Responder {
        cluster: "ocsp".into(),
        url: "http://ocsp.acme.example/".into(),
        timeout,
        get: false,
        nonce: Nonce::Off,
    };
    let (responder, serial) = (Arc::new(responder), minted.serial());
    let query = Query { responder: &responder, issuer: &issuer, serial: &serial };
    for answers in [1_u32, 16] {
        let others = (1..answers).map(|number| ca.good_serial(&number.to_be_bytes(), now()));
        let response = others
            .chain([ca.good(&minted, now())])
            .fold(ca.ocsp(now()), |response, answer| response.answer(&answer));
        let der = response.der();
        assert!(ocsp::read(&der, &query, None, now()).is_ok(), "a response of this benchmark is refused");
        group.bench_function(format!("of {answers} answers, with its signature"), |bencher| {
            bencher.iter(|| ocsp::read(black_box(&der), &query, None, now()).is_ok());
        });
    }
    group.finish();
}

fn policies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile a policy");
    for number in [10, 1_000, 10_000] {
        let routes: Vec<Value> = (0..number).map(required).collect();
        let document = document(json!({ "routes": routes }));
        group.throughput(Throughput::Elements(number as u64));
        group.bench_function(format!("of {} routes", count(number)), |bencher| {
            bencher.iter(|| Policy::from_json(black_box(&document)).is_ok());
        });
    }
    for number in [10, 1_000, 100_000] {
        let ids: Vec<String> = (0..number).map(|number| format!("{BILLING_ID}-{number}")).collect();
        let route = support::route(json!({ "allow": { "spiffe_id": ids } }));
        let document = document(json!({ "routes": [route] }));
        group.throughput(Throughput::Elements(number as u64));
        group.bench_function(format!("that lists {} SPIFFE IDs", count(number)), |bencher| {
            bencher.iter(|| Policy::from_json(black_box(&document)).is_ok());
        });
    }
    group.finish();
}

/// A route of its own path that lets in its own service.
fn required(number: usize) -> Value {
    json!({
        "name": format!("service-{number}"),
        "match": { "path": { "prefix": format!("/service-{number}") } },
        "client_certificate": "required",
        "allow": { "spiffe_id": format!("{BILLING_ID}-{number}") },
    })
}
