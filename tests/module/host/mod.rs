//! A small host of proxy-wasm ABI 0.2.1 around the module that is shipped. It answers as Envoy does, counts what the filter uses, and
//! answers single calls otherwise than it should where a test wants that.

pub(crate) mod abi;
mod calls;
pub(crate) mod fault;
mod guest;
mod meter;
mod profile;
mod shared;
pub(crate) mod stream;
mod vm;
mod wasi;
pub(crate) mod world;

pub(crate) use stream::Fate;
pub(crate) use vm::{Code, FILTER, NAMED, PROFILED, Trap, Used, Vm};
