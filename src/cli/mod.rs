//! The command line: one file per command.

mod check;
mod completions;
mod conformance;
mod crl;
mod envoy;
mod explain;
mod findings_report;
mod input;
mod inspect;
mod offline;
mod output;
mod records;
mod replay;
mod report;
mod schema;
mod test;
mod trace;
mod trust_bundle;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Check mTLS policies offline, with the very engine that the Envoy filter runs.
#[derive(Debug, Parser)]
#[command(name = "mtlsctl", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    // Its options are many.
    Explain(Box<explain::Explain>),
    Test(test::Test),
    Replay(replay::Replay),
    Report(report::Report),
    Inspect(inspect::Inspect),
    Crl(crl::Crl),
    Envoy(envoy::Envoy),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Conformance(conformance::Conformance),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for holds: 0.
    Good,
    /// It does not: 1.
    Errors,
    /// The command could not be carried out as it was called, or a file could not be read: 2, as clap exits.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Good => 0,
            Exit::Errors => 1,
            Exit::Usage => 2,
        })
    }
}

/// Runs the command that the process's arguments name.
pub(crate) fn run() -> Exit {
    match Arguments::parse().command {
        Command::Check(check) => check.run(),
        Command::Explain(explain) => explain.run(),
        Command::Test(test) => test.run(),
        Command::Replay(replay) => replay.run(),
        Command::Report(report) => report.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Crl(crl) => crl.run(),
        Command::Envoy(envoy) => envoy.run(),
        Command::Schema(schema) => schema.run(),
        Command::Completions(completions) => completions.run(),
        Command::Conformance(conformance) => conformance.run(),
    }
}
