//! `mtlsctl`: the policy engine of the filter, offline.

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::run().into()
}

/// The command is for the machine of a person; the filter is the library.
#[cfg(target_arch = "wasm32")]
fn main() {}
