//! `mtlsctl check`: is this a policy, and if not, what is wrong with it? Does Envoy keep what it rests on?

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use mtls_policy::policy::Policy;

use super::envoy::{self, EnvoyReport, Id, Severity};
use super::report::{FileReport, human, json};
use super::{Exit, input};

/// Check policies: every error at once, with its line and column.
///
/// Exits with 0 if every policy is good, with 1 if one has errors, and with 2 if one cannot be read. Warnings and notes
/// about Envoy's configuration are no errors.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Policy files; `-` is the standard input. With `--envoy` they may be left out: the policy that stands in Envoy's
    /// configuration is checked.
    #[arg(required_unless_present = "envoy", value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// Envoy's configuration (YAML or JSON): whether its listeners keep what the policies rest on.
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,

    /// Leave out the findings of this id; may be repeated.
    #[arg(long, value_name = "ID", value_parser = ids(), hide_possible_values = true)]
    allow: Vec<String>,

    /// Exit with 1 on warnings, too.
    #[arg(long)]
    deny_warnings: bool,

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

fn ids() -> PossibleValuesParser {
    PossibleValuesParser::new(Id::ALL.iter().map(|id| id.name()))
}

impl Check {
    pub(super) fn run(&self) -> Exit {
        let mut reports: Vec<FileReport> = self.policies.iter().map(|path| check(path)).collect();
        let envoy = self.envoy.as_ref().map(|path| {
            let given: Vec<&Policy> = reports.iter().filter_map(FileReport::policy).collect();
            let (envoy, embedded) = self.check_envoy(path, &given);
            reports.extend(embedded);
            envoy
        });
        let text = match self.format {
            Format::Human => human(&reports) + &envoy.as_ref().map(EnvoyReport::human).unwrap_or_default(),
            Format::Json => json(&reports, envoy.as_ref()),
        };
        // A reader that has gone away, as `head` does, has seen what it wanted.
        let _ = anstream::stdout().write_all(text.as_bytes());
        let envoy = envoy.map(|envoy| envoy.exit(|severity| self.counts(severity)));
        let worst = |exit| reports.iter().map(FileReport::exit).chain(envoy).any(|one| one == exit);
        match (worst(Exit::Usage), worst(Exit::Errors)) {
            (true, _) => Exit::Usage,
            (false, true) => Exit::Errors,
            (false, false) => Exit::Good,
        }
    }

    fn check_envoy(&self, path: &Path, given: &[&Policy]) -> (EnvoyReport, Vec<FileReport>) {
        let is_allowed = |id: &Id| self.allow.iter().any(|allowed| allowed == id.name());
        let allowed: Vec<Id> = Id::ALL.iter().copied().filter(is_allowed).collect();
        let name = input::name(path);
        if path == Path::new("-") {
            return envoy::check(&name, io::stdin().lock(), given, &allowed);
        }
        match File::open(path) {
            Ok(file) => envoy::check(&name, file, given, &allowed),
            Err(error) => (EnvoyReport::unreadable(&name, error.to_string()), Vec::new()),
        }
    }

    /// Whether a finding of this severity makes the check fail.
    fn counts(&self, severity: Severity) -> bool {
        match severity {
            Severity::Error => true,
            Severity::Warning => self.deny_warnings,
            Severity::Note => false,
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
