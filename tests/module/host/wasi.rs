//! The calls that Rust's standard library makes of its own accord, as far as Envoy has them.

use wasmi::{Caller, Error, Linker};

use super::vm::State;

const MODULE: &str = "wasi_snapshot_preview1";

/// `EBADF`.
const BAD_DESCRIPTOR: i32 = 8;

/// Offers them to a module. They are no questions to Envoy, so they are not noted.
pub(super) fn link(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(MODULE, "random_get", |mut caller: Caller<'_, State>, at: i32, size: i32| {
        let octets: Vec<u8> = (0..size).map(|_| caller.data_mut().world.random()).collect();
        write(&mut caller, at, &octets);
        0
    })?;
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, State>, _clock: i32, _precision: i64, at: i32| {
            let now = caller.data().world.now;
            write(&mut caller, at, &now.to_le_bytes());
            0
        },
    )?;
    for name in ["environ_sizes_get", "args_sizes_get"] {
        linker.func_wrap(MODULE, name, |mut caller: Caller<'_, State>, count_at: i32, size_at: i32| {
            write(&mut caller, count_at, &[0; 4]);
            write(&mut caller, size_at, &[0; 4]);
            0
        })?;
    }
    for name in ["environ_get", "args_get"] {
        linker.func_wrap(MODULE, name, |_: i32, _: i32| 0)?;
    }
    linker.func_wrap(MODULE, "fd_write", |_: i32, _: i32, _: i32, _: i32| BAD_DESCRIPTOR)?;
    linker.func_wrap(MODULE, "sched_yield", || 0)?;
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> Result<(), Error> { Err(Error::i32_exit(code)) })?;
    Ok(())
}

fn write(caller: &mut Caller<'_, State>, at: i32, octets: &[u8]) {
    let memory = caller.get_export("memory").and_then(wasmi::Extern::into_memory).expect("a memory");
    memory.write(caller, at as u32 as usize, octets).expect("an address in the memory");
}
