//! In which functions instructions run.

use std::collections::HashMap;

use wasmi::{Caller, Error, Linker};

use super::meter::{ENTER, LEAVE, PROFILE};
use super::vm::State;

/// What each function has used.
#[derive(Default)]
pub(crate) struct Profile {
    /// By index: how often it was called, and what it used itself, without what it called.
    pub(crate) own: HashMap<u32, (u64, u64)>,
    /// By index: what it used with all that it called, counted once where it calls itself.
    pub(crate) with_callees: HashMap<u32, u64>,
    running: Vec<Running>,
}

struct Running {
    function: u32,
    began: u64,
    /// What those have used that it called.
    callees: u64,
}

/// Offers what a module tells its calls to.
pub(super) fn link(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(PROFILE, ENTER, |mut caller: Caller<'_, State>, function: i32| {
        let began = now(&caller);
        let function = function as u32;
        caller.data_mut().profile.running.push(Running { function, began, callees: 0 });
    })?;
    linker.func_wrap(PROFILE, LEAVE, |mut caller: Caller<'_, State>, function: i32| {
        let now = now(&caller);
        caller.data_mut().profile.leave(function as u32, now);
    })?;
    Ok(())
}

impl Profile {
    fn leave(&mut self, function: u32, now: u64) {
        // What a measurement began in the middle of is not told.
        let Some(left) = self.running.pop_if(|running| running.function == function) else { return };
        let used = now - left.began;
        let own = self.own.entry(function).or_default();
        *own = (own.0 + 1, own.1 + used - left.callees);
        if self.running.iter().all(|running| running.function != function) {
            *self.with_callees.entry(function).or_default() += used;
        }
        if let Some(caller) = self.running.last_mut() {
            caller.callees += used;
        }
    }
}

/// Before the module is linked nothing counts.
fn now(caller: &Caller<'_, State>) -> u64 {
    caller.data().reach.map_or(0, |reach| reach.counted(caller, reach.instructions))
}
