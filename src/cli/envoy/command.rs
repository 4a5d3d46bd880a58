//! `mtlsctl envoy`: parts of Envoy's configuration, made of a policy.

use clap::{Args, Subcommand};

use super::trusted_ca::TrustedCa;
use crate::cli::Exit;

/// Make parts of Envoy's configuration out of a policy, so that both say the same.
///
/// Whether a whole configuration keeps what a policy rests on is told by `mtlsctl check --envoy`.
#[derive(Debug, Args)]
pub(crate) struct Envoy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    TrustedCa(TrustedCa),
}

impl Envoy {
    pub(crate) fn run(&self) -> Exit {
        match &self.command {
            Command::TrustedCa(trusted_ca) => trusted_ca.run(),
        }
    }
}
