//! `mtlsctl check`: is this a policy, and if not, what is wrong with it?

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use mtls_policy::policy::Policy;

use super::report::{FileReport, human, json};
use super::{Exit, input};

/// Check policies: every error at once, with its line and column.
///
/// Exits with 0 if every policy is good, with 1 if one has errors, and with 2 if one cannot be read.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Policy files; `-` is the standard input.
    #[arg(required = true, value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the text around each error; in colour on a terminal.
    Human,
    /// For programs: one JSON object.
    Json,
}

impl Check {
    pub(super) fn run(&self) -> Exit {
        let reports: Vec<FileReport> = self.policies.iter().map(|path| check(path)).collect();
        let text = match self.format {
            Format::Human => human(&reports),
            Format::Json => json(&reports),
        };
        // A reader that has gone away, as `head` does, has seen what it wanted.
        let _ = anstream::stdout().write_all(text.as_bytes());
        let worst = |exit| reports.iter().any(|report| report.exit() == exit);
        match (worst(Exit::Usage), worst(Exit::Errors)) {
            (true, _) => Exit::Usage,
            (false, true) => Exit::Errors,
            (false, false) => Exit::Good,
        }
    }
}

fn check(path: &Path) -> FileReport {
    let name = input::name(path);
    match input::read(path) {
        Ok(document) => FileReport::checked(name, &document, Policy::from_json(&document)),
        Err(error) => FileReport::unreadable(name, &error),
    }
}
