//! What `mtlsctl test` prints.

use std::fmt::Write as _;

use serde::Serialize;

use super::coverage::Gap;
use super::run::FileResult;
use crate::cli::{output, trace};

/// Everything that was run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) passed: usize,
    pub(super) failed: usize,
    /// What could not be run.
    pub(super) errors: Vec<String>,
    files: Vec<FileResult>,
}

impl Summary {
    pub(super) fn new(files: Vec<FileResult>, errors: Vec<String>) -> Self {
        let tests = || files.iter().flat_map(|file| &file.tests);
        let passed = tests().filter(|test| test.passed()).count();
        let failed = tests().count() - passed;
        Self { passed, failed, errors, files }
    }

    pub(super) fn has_gaps(&self) -> bool {
        self.files.iter().any(|file| !file.gaps.is_empty())
    }

    /// For people: what failed, what no test reaches, and a line that sums it up.
    pub(super) fn human(&self, verbose: bool) -> String {
        let mut page = String::new();
        for file in &self.files {
            file_section(&mut page, file, verbose);
        }
        for error in &self.errors {
            let _ = writeln!(page, "error: {error}");
        }
        let gaps: usize = self.files.iter().map(|file| file.gaps.len()).sum();
        let _ = write!(page, "{} passed, {} failed", self.passed, self.failed);
        if !self.errors.is_empty() {
            let noun = if self.errors.len() == 1 { "error" } else { "errors" };
            let _ = write!(page, ", {} {noun}", self.errors.len());
        }
        let routes: usize = self.files.iter().map(|file| file.routes).sum();
        if routes == 0 {
            page.push('\n');
            return page;
        }
        let reach = match gaps {
            0 => format!("every rule of {routes} routes is reached"),
            1 => "1 rule is reached by no test".to_owned(),
            _ => format!("{gaps} rules are reached by no test"),
        };
        let _ = writeln!(page, "; {reach}");
        page
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        output::json(self)
    }
}

fn file_section(page: &mut String, file: &FileResult, verbose: bool) {
    let failed = file.tests.iter().filter(|test| !test.passed()).count();
    let name = file.file.display();
    let _ = writeln!(page, "{name}: {} passed, {failed} failed", file.tests.len() - failed);
    for test in &file.tests {
        if test.passed() {
            if verbose {
                let _ = writeln!(page, "  pass  {}", test.name);
            }
            continue;
        }
        let _ = writeln!(page, "  FAIL  {}", test.name);
        for difference in &test.differences {
            let _ = writeln!(page, "        {difference}");
        }
        if let Some(detail) = &test.detail {
            let _ = writeln!(page, "        because {}", trace::shown(detail));
        }
        page.push_str(&trace::text(&test.trace, "          "));
    }
    for Gap { route, what } in &file.gaps {
        let _ = writeln!(page, "  gap   route `{route}`: {what}");
    }
}
