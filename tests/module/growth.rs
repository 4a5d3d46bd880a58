//! How the instructions of a warm request grow with the policy. Calls do not grow at all.

use serde_json::Value;

use crate::counts::configured;
use crate::host::{FILTER, Fate, Used};
use crate::policies::{PAY, host, identities, prefix, routes_by_host, routes_by_prefix};
use crate::request::{BILLING_CERTIFICATE, request};

/// What a request for this uses, after one that made all known.
fn used(policy: &Value, host: &str, path: &str) -> Used {
    let mut vm = configured(&FILTER, policy);
    let mut ask = || {
        let stream = request(Some(&BILLING_CERTIFICATE), host, path);
        let (fate, used) = vm.measure(|vm| {
            let (context, fate) = vm.open(stream, true).expect("no trap");
            vm.close(context).expect("no trap");
            fate
        });
        assert_eq!(fate, Fate::Passed);
        used
    };
    ask();
    ask()
}

/// Asserts that the one uses at most so many times the instructions of the other, and makes the same calls.
fn assert_growth(few: &Used, many: &Used, most: f64) {
    let factor = many.instructions as f64 / few.instructions as f64;
    println!("{factor:.2} times as many: {} and {} instructions", few.instructions, many.instructions);
    assert!(factor <= most, "that is more than {most} times");
    assert_eq!(few.calls, many.calls);
}

#[test]
fn ten_thousand_routes_by_path_cost_at_most_1_3_of_ten() {
    let of = |number: usize, at: usize| used(&routes_by_prefix(number), PAY, &format!("{}/17", prefix(at)));
    let few = of(10, 9);
    assert_growth(&few, &of(10_000, 9_999), 1.3);
    assert_growth(&few, &of(10_000, 0), 1.3);
}

#[test]
fn ten_thousand_routes_by_host_cost_at_most_1_3_of_ten() {
    let of = |number: usize| used(&routes_by_host(number), &host(number - 1), "/v1/17");
    assert_growth(&of(10), &of(10_000), 1.3);
}

#[test]
fn a_hundred_thousand_identities_cost_at_most_1_5_of_ten() {
    let of = |number: usize| used(&identities(number), PAY, "/v1/payments/17");
    assert_growth(&of(10), &of(100_000), 1.5);
}
