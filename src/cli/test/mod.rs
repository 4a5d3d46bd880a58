//! `mtlsctl test`: does a policy decide as its author meant?

mod coverage;
mod expectation;
mod file;
mod report;
mod revocation;
mod run;
mod verified;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use time::OffsetDateTime;

use self::report::Summary;
use super::output::Format;
use super::{Exit, output};

/// Files of tests that a folder is searched for.
const SUFFIX: &str = "tests.json";

/// Run the tests of policies: requests, and what should come of each.
///
/// A test names a client and a request and says what should be decided. Its certificates are files, or described by their
/// fields and minted on the fly. Exits with 0 if every test passes, with 1 if one fails, and with 2 if one cannot be run.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// Files of tests, or folders, in which every file named `*tests.json` is one.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Only tests whose names contain this.
    #[arg(long, value_name = "TEXT")]
    run: Option<String>,

    /// List the tests that pass, too.
    #[arg(long, short)]
    verbose: bool,

    /// Fail if there is a route or rule that no test reaches.
    #[arg(long, conflicts_with = "run")]
    require_coverage: bool,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

impl Test {
    pub(super) fn run(&self) -> Exit {
        let (files, mut errors) = files(&self.paths);
        let now = OffsetDateTime::now_utc();
        let mut results = Vec::new();
        for file in files {
            match run::run(&file, self.run.as_deref(), now) {
                Ok(result) => results.push(result),
                Err(error) => errors.push(error),
            }
        }
        // Nothing tried is nothing shown.
        if errors.is_empty() && results.iter().all(|result| result.tests.is_empty()) {
            errors.push(
                "no test was run: there is none, or no name of one contains the text of `--run`".to_owned(),
            );
        }
        let summary = Summary::new(results, errors);
        let text = match self.format {
            Format::Human => summary.human(self.verbose),
            Format::Json => summary.json(),
        };
        let exit = if !summary.errors.is_empty() {
            Exit::Usage
        } else if summary.failed > 0 || self.require_coverage && summary.has_gaps() {
            Exit::Errors
        } else {
            Exit::Good
        };
        output::print(text, exit)
    }
}

/// The files of tests that `paths` stand for, sorted within each folder, and what cannot be searched.
fn files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<String>) {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        if let Err(error) = search(path, &mut files) {
            errors.push(format!("{}: cannot be searched: {error}", path.display()));
        } else if files.len() == before {
            errors.push(format!("{}: no file named `*{SUFFIX}` is in it", path.display()));
        }
    }
    (files, errors)
}

fn search(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        // Links are not followed, so that no search goes round in circles.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            search(&entry.path(), files)?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().ends_with(SUFFIX) {
            files.push(entry.path());
        }
    }
    Ok(())
}
