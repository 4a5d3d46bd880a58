//! `mtlsctl crl`: revocation lists.

mod check;
mod inspect;

use clap::{Args, Subcommand};

use super::Exit;

/// Look into certificate revocation lists, with the engine that the filter has.
#[derive(Debug, Args)]
pub(super) struct Crl {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Inspect(inspect::Inspect),
}

impl Crl {
    pub(super) fn run(&self) -> Exit {
        match &self.command {
            Command::Check(check) => check.run(),
            Command::Inspect(inspect) => inspect.run(),
        }
    }
}
