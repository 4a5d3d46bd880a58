//! `mtlsctl report`: who uses which route, and what is to be seen to?

mod html;
mod page;
mod sequences;
mod usage;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use time::OffsetDateTime;

use self::page::Page;
use self::usage::Usage;
use super::offline::parse_time;
use super::output::Format;
use super::records::each_record;
use super::replay::{Fault, policy_in};
use super::{Exit, output};

/// Say who used which route, what was denied and why, which certificates end soon, and what was lost.
///
/// Reads audit records. Exits with 0, and with 2 if the policy has errors, a file cannot be read or written, or no record is found.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Files of lines: records in their own format (not `ecs`, `ocsf`), Envoy's log, an access log in JSON with the record as
    /// `mtls_record`, exports of OpenTelemetry in JSON; `-` is the standard input. Other lines are passed over.
    #[arg(required = true)]
    records: Vec<PathBuf>,

    /// The policy, to say which of its routes and rules were never used.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Write the report as a page for browsers, too: one file that loads nothing.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// When: RFC 3339, such as `2026-01-01T00:00:00Z`; by default the time of the newest record.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<OffsetDateTime>,

    /// Name the certificates that end within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    expiring_within: u32,

    /// Most rows of a table; JSON has all.
    #[arg(long, value_name = "ROWS", default_value_t = 25, value_parser = rows)]
    top: usize,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// At least one row: a table without any would look like one that is empty.
fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rows @ 1..) => Ok(rows),
        Ok(0) | Err(_) => Err("not a number above 0".to_owned()),
    }
}

impl Report {
    pub(super) fn run(&self) -> Exit {
        match self.report() {
            Ok(text) => output::print(text, Exit::Good),
            Err(Fault::Policy(page)) => {
                // There is nobody left to tell if this fails.
                let _ = anstream::stderr().write_all(page.as_bytes());
                Exit::Usage
            }
            Err(Fault::Other(error)) => output::fail(error),
        }
    }

    fn report(&self) -> Result<String, Fault> {
        let policy = self.policy.as_deref().map(policy_in).transpose()?;
        let mut usage = Usage::default();
        let counts = each_record(&self.records, |record| usage.add(&record)).map_err(Fault::Other)?;
        if counts.records == 0 {
            let skipped = counts.skipped().map(|skipped| format!("; {skipped}")).unwrap_or_default();
            return Err(Fault::Other(format!("no audit record was found{skipped}")));
        }
        let now = self.now.or(usage.last);
        let page = Page::new(&usage, counts, policy.as_ref(), now, self.expiring_within);
        if let Some(path) = &self.html {
            /// Most rows of a table in a browser.
            const MAX_ROWS: usize = 500;
            fs::write(path, html::page(&page, self.top.max(MAX_ROWS)))
                .map_err(|error| Fault::Other(format!("{}: cannot be written: {error}", path.display())))?;
        }
        Ok(match self.format {
            Format::Human => page.human(self.top),
            Format::Json => output::json(&page),
        })
    }
}
