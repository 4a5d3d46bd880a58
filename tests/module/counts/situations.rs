//! The situations that are measured.

use serde_json::json;

use super::Pair;
use crate::host::{Fate, Used, Vm};
use crate::policies::{
    PAY, host, identities, policy, prefix, revocation_by_list, route, routes_by_host, routes_by_prefix, with,
};
use crate::request::{BILLING_CERTIFICATE, CA, request, service};
use crate::servers::{found, ticks};

/// So many requests go before those that are measured where everything is to be known by then.
const WARM: usize = 20;

/// As many ticks as a list needs to come into force.
const TICKS: usize = 20;

/// Each by its name, and what it uses.
pub(super) fn all() -> Vec<(String, Used)> {
    let mut all = Vec::new();
    let mut add = |name: &str, used: Used| all.push((name.to_owned(), used));
    for number in [1, 10, 1_000, 10_000] {
        let mut both = Pair::new(&routes_by_prefix(number));
        for (which, at) in [("first", 0), ("last", number - 1)] {
            let path = format!("{}/invoices", prefix(at));
            let used = both.used(WARM, Fate::Passed, |_| request(Some(&BILLING_CERTIFICATE), PAY, &path));
            add(&format!("warm permit, the {which} of {number} routes by path"), used);
        }
    }
    for number in [10, 1_000, 10_000] {
        let mut both = Pair::new(&routes_by_host(number));
        let used = both.used(WARM, Fate::Passed, |_| {
            request(Some(&BILLING_CERTIFICATE), &host(number - 1), "/v1/invoices")
        });
        add(&format!("warm permit, the last of {number} routes by host"), used);
    }
    for number in [10, 1_000] {
        let mut both = Pair::new(&identities(number));
        let used =
            both.used(WARM, Fate::Passed, |_| request(Some(&BILLING_CERTIFICATE), PAY, "/v1/payments/17"));
        add(&format!("warm permit, the last of {number} identities"), used);
    }
    let ten = routes_by_prefix(10);
    let path = format!("{}/invoices", prefix(9));
    let web = service("web");
    let denied = Pair::new(&ten).used(WARM, Fate::Answered(403), |_| request(Some(&web), PAY, &path));
    add("warm denial, the last of 10 routes", denied);
    let without = Pair::new(&ten).used(WARM, Fate::Answered(403), |_| request(None, PAY, &path));
    add("no certificate, the last of 10 routes", without);
    for names in [1, 10, 100] {
        let billing = (0..2 * WARM).map(|at| {
            let leaf = CA.leaf(&format!("billing-{at}")).spiffe(crate::request::BILLING);
            (1..names).fold(leaf, |leaf, name| leaf.dns(&format!("billing-{name}.acme.example"))).mint()
        });
        let billing: Vec<_> = billing.collect();
        let used = Pair::new(&ten).used(WARM, Fate::Passed, |at| request(Some(&billing[at]), PAY, &path));
        add(&format!("new certificate with {names} names"), used);
    }
    let forwarding = json!({
        "forward": {
            "client_cert": true,
            "headers": { "x-client-id": "{spiffe_id}", "x-client-serial": "{serial}", "x-client-subject": "{subject}" },
        },
    });
    let forwarding = policy(&[with(route("payments", "/v1/payments"), forwarding)]);
    let permitted = |policy| {
        Pair::new(policy)
            .used(WARM, Fate::Passed, |_| request(Some(&BILLING_CERTIFICATE), PAY, "/v1/payments/17"))
    };
    add("warm permit, headers forwarded", permitted(&forwarding));
    let recorded = json!({ "audit": { "allowed_ratio": 1.0 } });
    add("warm permit, recorded", permitted(&policy(&[with(route("payments", "/v1/payments"), recorded)])));
    for entries in [1_000, 100_000] {
        let list = CA.crl().numbered(entries).der();
        let load = |vm: &mut Vm| ticks(vm, TICKS, |_| found(&list)).expect("no trap");
        let used = Pair::new(&revocation_by_list())
            .each(load)
            .used(WARM, Fate::Passed, |_| request(Some(&BILLING_CERTIFICATE), PAY, "/v1/payments/17"));
        add(&format!("warm permit, a list of {entries} entries"), used);
    }
    all
}
