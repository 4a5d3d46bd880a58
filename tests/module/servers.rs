//! The servers that the filter asks, and time that passes.

use crate::host::abi::pairs;
use crate::host::world::{Response, Sent};
use crate::host::{Trap, Vm};

/// How much time passes in nanoseconds between ticks, at least.
const MILLISECOND: u64 = 1_000_000;

/// Lets so many ticks go by, and has what is sent answered; `None` of a server that does not answer.
pub(crate) fn ticks(
    vm: &mut Vm,
    number: usize,
    serve: impl Fn(&Sent) -> Option<Response>,
) -> Result<(), Trap> {
    for _ in 0..number {
        if vm.world().tick_period > 0 {
            vm.world().now += MILLISECOND * u64::try_from(vm.world().tick_period).unwrap();
            vm.tick()?;
        }
        let sent: Vec<i32> = vm.world().sent.keys().copied().collect();
        for token in sent {
            let response = serve(&vm.world().sent[&token]);
            vm.respond(token, response)?;
        }
    }
    Ok(())
}

/// A response of status 200 with this body.
pub(crate) fn found(body: &[u8]) -> Option<Response> {
    let length = body.len().to_string();
    let headers = pairs(&[(":status", "200"), ("content-length", &length), ("etag", "\"1\"")]);
    Some(Response { headers, body: body.to_vec() })
}
