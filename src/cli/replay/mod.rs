//! `mtlsctl replay`: what would a policy have decided on these records?

mod certificates;
mod facts;
mod judge;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use mtls_policy::policy::Policy;

use self::certificates::Certificates;
use self::judge::Judge;
use self::table::Table;
use super::findings_report::{FileReport, human};
use super::output::Format;
use super::records::each_record;
use super::{Exit, input, output};

/// Say what a policy would have decided on recorded requests, and what would be different.
///
/// Reads audit records and decides each anew, at its time, with the filter's engine. What a record does not hold and the policy asks
/// for makes it undecidable, never a guess. Who is to be throttled is not looked at: that follows from other requests. Exits with 0 if nothing would change, with 1 if something would, and with 2 if the policy
/// has errors, a file cannot be read or no record is found.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Files of lines: records in their own format (not `ecs`, `ocsf`), Envoy's log, an access log in JSON with the record as
    /// `mtls_record`, exports of OpenTelemetry in JSON; `-` is the standard input. Other lines are passed over.
    #[arg(required = true)]
    records: Vec<PathBuf>,

    /// The policy to try.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// A policy that was in force when records were made, known by its digest: what is missing in its records was not there, and what its
    /// routes asked of revocation is known; may be given several times.
    #[arg(long, value_name = "FILE")]
    was: Vec<PathBuf>,

    /// A client's certificate, PEM or DER, for records that hold its digest only; may be given several times.
    #[arg(long, value_name = "FILE")]
    cert: Vec<PathBuf>,

    /// A folder of such files.
    #[arg(long, value_name = "FOLDER")]
    certs: Vec<PathBuf>,

    /// Exit with 1 also if something cannot be decided.
    #[arg(long)]
    deny_undecidable: bool,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

impl Replay {
    pub(super) fn run(&self) -> Exit {
        match self.replay() {
            Ok((text, exit)) => output::print(text, exit),
            Err(Fault::Policy(page)) => {
                // There is nobody left to tell if this fails.
                let _ = anstream::stderr().write_all(page.as_bytes());
                Exit::Usage
            }
            Err(Fault::Other(error)) => output::fail(error),
        }
    }

    fn replay(&self) -> Result<(String, Exit), Fault> {
        let policy = policy_in(&self.policy)?;
        let was = self.was.iter().map(|path| policy_in(path)).collect::<Result<_, _>>()?;
        let judge = Judge::new(policy, was);
        let mut certificates = Certificates::default();
        for path in self.cert.iter().chain(&self.certs) {
            certificates.add_files(path).map_err(Fault::Other)?;
        }
        let mut table = Table::default();
        let counts = each_record(&self.records, |record| {
            let (verdict, route) = judge.judge(&record, &mut certificates);
            table.add(&record, verdict, route);
        })
        .map_err(Fault::Other)?;
        if counts.records == 0 {
            let skipped = counts.skipped().map(|skipped| format!("; {skipped}")).unwrap_or_default();
            return Err(Fault::Other(format!("no audit record was found{skipped}")));
        }
        let page = table.page(judge.policy().digest().to_string(), counts);
        let bad = page.changed() > 0 || self.deny_undecidable && page.undecidable() > 0;
        let text = match self.format {
            Format::Human => page.human(),
            Format::Json => output::json(&page),
        };
        Ok((text, if bad { Exit::Errors } else { Exit::Good }))
    }
}

/// Why a command cannot be carried out.
pub(super) enum Fault {
    /// A policy that is none, with all that is wrong with it.
    Policy(String),
    Other(String),
}

/// Reads a policy.
pub(super) fn policy_in(path: &Path) -> Result<Policy, Fault> {
    let name = input::name(path);
    match input::read(path) {
        Ok(document) => Policy::from_json(&document)
            .map_err(|errors| Fault::Policy(human(&[FileReport::checked(name, &document, Err(errors))]))),
        Err(error) => Err(Fault::Policy(human(&[FileReport::unreadable(name, &error)]))),
    }
}
