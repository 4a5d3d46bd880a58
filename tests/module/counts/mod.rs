//! What the filter uses for a request: instructions of the guest and calls of the host, held against what was committed.

mod baseline;
mod situations;

use serde_json::Value;

use crate::host::stream::Stream;
use crate::host::{Code, FILTER, Fate, NAMED, Used, Vm};

/// How many requests are measured, of which the median counts: tables grow now and then.
const MEASURED: usize = 9;

/// A VM with this policy.
pub(crate) fn configured(code: &Code, policy: &Value) -> Vm {
    let mut vm = Vm::start(code);
    let taken = vm.configure(&policy.to_string()).expect("no trap");
    assert!(taken, "the policy was refused: {:#?}", vm.world().log);
    vm
}

/// The filter that is shipped and the same with the names of its functions, both with this policy.
pub(crate) struct Pair {
    shipped: Vm,
    named: Vm,
}

impl Pair {
    pub(crate) fn new(policy: &Value) -> Pair {
        Pair { shipped: configured(&FILTER, policy), named: configured(&NAMED, policy) }
    }

    /// Has both do something before.
    pub(crate) fn each(mut self, act: impl Fn(&mut Vm)) -> Pair {
        act(&mut self.shipped);
        act(&mut self.named);
        self
    }

    /// What one request uses: instructions and calls of the one, allocations of the other, since to count them takes names.
    pub(crate) fn used(&mut self, before: usize, fate: Fate, request: impl Fn(usize) -> Stream) -> Used {
        let shipped = used(&mut self.shipped, before, fate, &request);
        let named = used(&mut self.named, before, fate, &request);
        assert!(named.allocations > 0, "no function of the module is an allocator by its name");
        Used { allocations: named.allocations, ..shipped }
    }
}

/// What one request uses from its beginning to its end: of some in a row the median by instructions.
///
/// `request` answers the request of this number, and each must come to `fate`. Some go before those that are measured.
pub(crate) fn used(vm: &mut Vm, before: usize, fate: Fate, request: impl Fn(usize) -> Stream) -> Used {
    let mut all: Vec<Used> = Vec::new();
    for at in 0..before + MEASURED {
        let stream = request(at);
        let (came_to, used) = vm.measure(|vm| {
            let (context, came_to) = vm.open(stream, true).expect("no trap");
            vm.close(context).expect("no trap");
            came_to
        });
        assert_eq!(came_to, fate, "{:#?}", vm.world().log);
        vm.world().log.clear();
        if at >= before {
            all.push(used);
        }
    }
    all.sort_by_key(|used| used.instructions);
    all.swap_remove(MEASURED / 2)
}

#[test]
fn a_request_uses_no_more_than_what_was_committed() {
    baseline::hold(situations::all());
}
