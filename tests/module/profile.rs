//! Where instructions go: `make profile` prints it.

use crate::host::{Code, Fate, PROFILED, Vm};
use crate::policies::{PAY, prefix, revocation_by_list, routes_by_prefix};
use crate::request::{BILLING_CERTIFICATE, CA, request};
use crate::servers::{found, ticks};

/// Requests before the one that is looked at.
const WARM: usize = 20;

/// As many ticks as a list needs to come into force.
const TICKS: usize = 20;

/// Lines that are printed of each table.
const LINES: usize = 40;

#[test]
#[ignore = "prints a profile of the module, with the names that rustc gave"]
fn profile_of_a_warm_request() {
    let mut vm = configured(&routes_by_prefix(10).to_string());
    profile("a warm permit, the last of 10 routes", &mut vm, &format!("{}/invoices", prefix(9)));
    let mut vm = configured(&revocation_by_list().to_string());
    let list = CA.crl().numbered(1_000).der();
    ticks(&mut vm, TICKS, |_| found(&list)).expect("no trap");
    profile("a warm permit, a list of 1000 entries", &mut vm, "/v1/payments/17");
}

fn configured(policy: &str) -> Vm {
    let mut vm = Vm::start(&PROFILED);
    assert!(vm.configure(policy).expect("no trap"));
    vm
}

fn profile(what: &str, vm: &mut Vm, path: &str) {
    for _ in 0..WARM {
        ask(vm, path);
    }
    vm.profile();
    let ((), used) = vm.measure(|vm| ask(vm, path));
    let profile = vm.profile();
    println!("\n{what}: {} instructions, {} allocations", used.instructions, used.allocations);
    println!("{:?}", used.calls);
    let code: &Code = &PROFILED;
    let name = |index: &u32| code.names.get(index).cloned().unwrap_or_else(|| format!("function {index}"));
    let mut own: Vec<_> = profile.own.iter().collect();
    own.sort_by_key(|(index, (_, used))| (std::cmp::Reverse(*used), **index));
    println!("\n{:>10} {:>8}  function itself", "used", "calls");
    for (index, (calls, used)) in own.iter().take(LINES) {
        println!("{used:>10} {calls:>8}  {}", name(index));
    }
    let mut with_callees: Vec<_> = profile.with_callees.iter().collect();
    with_callees.sort_by_key(|(index, used)| (std::cmp::Reverse(**used), **index));
    println!("\n{:>10}  function with all that it calls", "used");
    for (index, used) in with_callees.iter().take(LINES) {
        println!("{used:>10}  {}", name(index));
    }
}

fn ask(vm: &mut Vm, path: &str) {
    let (context, fate) = vm.open(request(Some(&BILLING_CERTIFICATE), PAY, path), true).expect("no trap");
    assert_eq!(fate, Fate::Passed);
    vm.close(context).expect("no trap");
}
