//! `mtlsctl check`: is this a policy, does what it asserts hold, and what in it is seldom meant? Does Envoy keep what it
//! rests on?

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use mtls_policy::lint;
use mtls_policy::policy::{Lint, Policy};

use time::OffsetDateTime;

use super::envoy::{self, EnvoyReport, Id};
use super::findings_report::{FileReport, Warnings, human, json};
use super::output::Format;
use super::{Exit, input, output};

/// Check policies: every error at once, with its line and column; what a policy asserts of itself; what is seldom meant.
///
/// Exits with 0 if every policy is good, with 1 if one has errors, and with 2 if one cannot be read. Warnings, and notes
/// about Envoy's configuration, are no errors.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Policy files; `-` is the standard input. With `--envoy` they may be left out: the policy that stands in Envoy's
    /// configuration is checked.
    #[arg(required_unless_present_any = ["envoy", "list_lints"], value_name = "POLICY")]
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

    /// Print the ids of all lints, and what each is for.
    #[arg(long)]
    list_lints: bool,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn ids() -> PossibleValuesParser {
    PossibleValuesParser::new(Lint::IDS.iter().copied().chain(Id::ALL.iter().map(|id| id.name())))
}

impl Check {
    pub(super) fn run(&self) -> Exit {
        if self.list_lints {
            return output::print(lints(), Exit::Good);
        }
        let warnings = if self.deny_warnings { Warnings::Denied } else { Warnings::Tolerated };
        let silenced: BTreeSet<Lint> = self.allow.iter().filter_map(|id| Lint::from_id(id)).collect();
        let mut reports: Vec<FileReport> = self.policies.iter().map(|path| check(path, &silenced)).collect();
        let envoy = self.envoy.as_ref().map(|path| {
            let given: Vec<&Policy> = reports.iter().filter_map(FileReport::policy).collect();
            let (envoy, embedded) = self.check_envoy(path, &given, &silenced);
            reports.extend(embedded);
            envoy
        });
        let text = match self.format {
            Format::Human => human(&reports) + &envoy.as_ref().map(EnvoyReport::human).unwrap_or_default(),
            Format::Json => json(&reports, envoy.as_ref()),
        };
        let envoy = envoy.map(|envoy| envoy.exit(warnings));
        let worst =
            |exit| reports.iter().map(|report| report.exit(warnings)).chain(envoy).any(|one| one == exit);
        let exit = match (worst(Exit::Usage), worst(Exit::Errors)) {
            (true, _) => Exit::Usage,
            (false, true) => Exit::Errors,
            (false, false) => Exit::Good,
        };
        output::print(text, exit)
    }

    fn check_envoy(
        &self,
        path: &Path,
        given: &[&Policy],
        silenced: &BTreeSet<Lint>,
    ) -> (EnvoyReport, Vec<FileReport>) {
        let is_allowed = |id: &Id| self.allow.iter().any(|allowed| allowed == id.name());
        let allowed: Vec<Id> = Id::ALL.iter().copied().filter(is_allowed).collect();
        let name = input::name(path);
        if path == Path::new("-") {
            return envoy::check(&name, io::stdin().lock(), given, &allowed, silenced);
        }
        match File::open(path) {
            Ok(file) => envoy::check(&name, file, given, &allowed, silenced),
            Err(error) => (EnvoyReport::unreadable(&name, error.to_string()), Vec::new()),
        }
    }
}

fn lints() -> String {
    let width = Lint::IDS.iter().map(|id| id.len()).max().unwrap_or(0);
    Lint::ALL.iter().map(|lint| format!("{:width$}  {}\n", lint.id(), lint.reason())).collect()
}

fn check(path: &Path, silenced: &BTreeSet<Lint>) -> FileReport {
    let name = input::name(path);
    match input::read(path) {
        Ok(document) => {
            FileReport::checked(name, &document, lint::check(&document, silenced, OffsetDateTime::now_utc()))
        }
        Err(error) => FileReport::unreadable(name, &error),
    }
}
