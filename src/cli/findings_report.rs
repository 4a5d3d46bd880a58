//! What `mtlsctl check` prints.

use std::io;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};
use mtls_policy::lint::{Finding, Severity};
use mtls_policy::policy::{Location, Policy, PolicyError, PolicyErrors};
use serde::Serialize;

use super::envoy::EnvoyReport;
use super::trust_bundle::{self, Bundle};
use super::{Exit, output};

/// Most bytes shown before and after the beginning of an error.
const MAX_CONTEXT_BYTES: usize = 400;

/// What was found in one file.
pub(super) struct FileReport {
    file: String,
    outcome: Outcome,
}

enum Outcome {
    Compiled { policy: Box<Policy>, text: String, findings: Vec<Finding> },
    Faulty { text: String, errors: PolicyErrors },
    Unreadable { error: String },
}

/// Whether a policy with warnings is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Warnings {
    Tolerated,
    Denied,
}

impl FileReport {
    pub(super) fn checked(
        file: String,
        document: &[u8],
        policy: Result<(Policy, Vec<Finding>), PolicyErrors>,
    ) -> Self {
        let text = String::from_utf8_lossy(document).into_owned();
        let outcome = match policy {
            Ok((policy, findings)) => Outcome::Compiled { policy: Box::new(policy), text, findings },
            Err(errors) => Outcome::Faulty { text, errors },
        };
        Self { file, outcome }
    }

    pub(super) fn unreadable(file: String, error: &io::Error) -> Self {
        Self { file, outcome: Outcome::Unreadable { error: error.to_string() } }
    }

    /// The policy, where it is one.
    pub(super) fn policy(&self) -> Option<&Policy> {
        match &self.outcome {
            Outcome::Compiled { policy, .. } => Some(policy),
            Outcome::Faulty { .. } | Outcome::Unreadable { .. } => None,
        }
    }

    pub(super) fn exit(&self, warnings: Warnings) -> Exit {
        match &self.outcome {
            Outcome::Compiled { findings, .. } => {
                let is_bad = |finding: &Finding| match finding.rule().severity() {
                    Severity::Error => true,
                    Severity::Warning => warnings == Warnings::Denied,
                };
                if findings.iter().any(is_bad) { Exit::Errors } else { Exit::Good }
            }
            Outcome::Faulty { .. } => Exit::Errors,
            Outcome::Unreadable { .. } => Exit::Usage,
        }
    }
}

/// For people. Styled; the writer removes the styles where nobody sees them.
pub(super) fn human(reports: &[FileReport]) -> String {
    let renderer = Renderer::styled();
    let mut page = String::new();
    for FileReport { file, outcome } in reports {
        match outcome {
            Outcome::Compiled { policy, text, findings } => {
                for finding in findings {
                    page.push_str(&renderer.render(&[finding_group(file, text, finding)]));
                    page.push_str("\n\n");
                }
                let routes = counted(policy.routes().iter().len(), "route");
                let verdict = verdict(findings);
                page.push_str(&format!("{file}: {verdict}, {routes}, digest {}\n", policy.digest()));
                page.push_str(&trust_bundle::human(policy));
            }
            Outcome::Unreadable { error } => page.push_str(&format!("{file}: cannot be read: {error}\n")),
            Outcome::Faulty { text, errors } => {
                for error in errors {
                    page.push_str(&renderer.render(&[group(file, text, error)]));
                    page.push_str("\n\n");
                }
                page.push_str(&format!("{file}: {}\n", counted(errors.iter().len(), "error")));
            }
        }
    }
    page
}

fn verdict(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.rule().severity() == severity).count();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "good".to_owned(),
        (0, warnings) => format!("good, {}", counted(warnings, "warning")),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

/// A number of things of one kind.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn group<'a>(file: &'a str, text: &'a str, error: &'a PolicyError) -> Group<'a> {
    let title = Level::ERROR.primary_title(error.kind().to_string());
    let Location { line, column, bytes, .. } = error.location();
    let group = excerpt(title, file, text, bytes, *line, *column);
    match error.help() {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

fn finding_group<'a>(file: &'a str, text: &'a str, finding: &'a Finding) -> Group<'a> {
    let level = match finding.rule().severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(finding.message()).id(finding.rule().code());
    let Location { line, column, bytes, .. } = finding.location();
    let mut group = excerpt(title, file, text, bytes, *line, *column);
    if let Some(reason) = finding.rule().reason() {
        group = group.element(Level::NOTE.message(reason));
    }
    match finding.help() {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

/// What stands around `bytes`, which begin at `line` and `column`, below a title.
pub(super) fn excerpt<'a>(
    title: Title<'a>,
    file: &'a str,
    text: &'a str,
    bytes: &Range<usize>,
    line: usize,
    column: usize,
) -> Group<'a> {
    // Only the neighbourhood, so that a report on a long file with many errors stays fast.
    let excerpt = Excerpt::around(text, bytes, line);
    let snippet = Snippet::source(excerpt.text)
        .line_start(excerpt.first_line)
        .fold(false)
        .annotation(AnnotationKind::Primary.span(excerpt.bytes));
    match excerpt.begins {
        Begins::WithALine => title.element(snippet.path(file)),
        // The renderer counts columns from the beginning of the excerpt.
        Begins::WithinALine => {
            title.element(Origin::path(file).line(line).char_column(column)).element(snippet)
        }
    }
}

/// A piece of a text, and a range of bytes counted from its beginning.
struct Excerpt<'a> {
    text: &'a str,
    begins: Begins,
    first_line: usize,
    bytes: Range<usize>,
}

enum Begins {
    WithALine,
    WithinALine,
}

impl<'a> Excerpt<'a> {
    /// The line on which `bytes` begins and its neighbours; of lines too long to show, what is near.
    fn around(text: &'a str, bytes: &Range<usize>, line: usize) -> Self {
        let floor = text.floor_char_boundary(bytes.start.saturating_sub(MAX_CONTEXT_BYTES));
        let ceiling = text.ceil_char_boundary((bytes.start + MAX_CONTEXT_BYTES).min(text.len()));
        let before = text.get(floor..bytes.start).unwrap_or_default();
        let after = text.get(bytes.start..ceiling).unwrap_or_default();
        // The last newline before the error ends the neighbour, the one before that begins it.
        let mut newlines = before.rmatch_indices('\n').map(|(at, _)| floor + at + 1);
        let this_line = newlines.next();
        let (start, first_line) = match (this_line, newlines.next()) {
            (Some(_), Some(neighbour)) => (neighbour, line.saturating_sub(1)),
            (Some(_), None) if floor == 0 => (0, line.saturating_sub(1)),
            (Some(this_line), None) => (this_line, line),
            (None, _) => (floor, line),
        };
        let mut ends = after.match_indices('\n').map(|(at, _)| bytes.start + at);
        let this_end = ends.next().unwrap_or(ceiling);
        let end = ends.next().unwrap_or(if this_end < ceiling { ceiling } else { this_end });
        // An object that spans many lines is pointed at where it begins.
        let last = bytes.end.clamp(bytes.start, this_end);
        Self {
            text: text.get(start..end).unwrap_or_default(),
            begins: if this_line.is_some() || floor == 0 { Begins::WithALine } else { Begins::WithinALine },
            first_line,
            bytes: bytes.start.saturating_sub(start)..last.saturating_sub(start),
        }
    }
}

/// For programs: one object, with an entry for every file, and one for Envoy's configuration where one was checked.
pub(super) fn json(reports: &[FileReport], envoy: Option<&EnvoyReport>) -> String {
    #[derive(Serialize)]
    struct Page<'a, E> {
        files: Vec<File<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        envoy: Option<E>,
    }
    let page = Page { envoy: envoy.map(EnvoyReport::json), files: reports.iter().map(File::new).collect() };
    output::json(&page)
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trust_bundles: Vec<Bundle<'a>>,
    errors: Vec<Fault<'a>>,
    warnings: Vec<Fault<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    place: Option<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    line: usize,
    column: usize,
    pointer: &'a str,
    text: &'a str,
}

impl<'a> File<'a> {
    fn new(report: &'a FileReport) -> Self {
        let file = report.file.as_str();
        let bad = |errors| Self {
            file,
            good: false,
            digest: None,
            routes: None,
            trust_bundles: Vec::new(),
            errors,
            warnings: Vec::new(),
        };
        match &report.outcome {
            Outcome::Compiled { policy, findings, .. } => {
                let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) =
                    findings.iter().partition(|finding| finding.rule().severity() == Severity::Error);
                Self {
                    file,
                    good: errors.is_empty(),
                    digest: Some(policy.digest().to_string()),
                    routes: Some(policy.routes().iter().len()),
                    trust_bundles: trust_bundle::json(policy),
                    errors: errors.into_iter().map(Fault::of_finding).collect(),
                    warnings: warnings.into_iter().map(Fault::of_finding).collect(),
                }
            }
            Outcome::Faulty { errors, .. } => bad(errors.iter().map(Fault::of_error).collect()),
            Outcome::Unreadable { error } => bad(vec![Fault {
                code: "unreadable",
                message: error.clone(),
                reason: None,
                help: None,
                place: None,
            }]),
        }
    }
}

impl<'a> Fault<'a> {
    fn of_error(error: &'a PolicyError) -> Self {
        Self {
            code: error.kind().code(),
            message: error.kind().to_string(),
            reason: None,
            help: error.help(),
            place: Some(Place::new(error.location())),
        }
    }

    fn of_finding(finding: &'a Finding) -> Self {
        Self {
            code: finding.rule().code(),
            message: finding.message().to_owned(),
            reason: finding.rule().reason(),
            help: finding.help().map(str::to_owned),
            place: Some(Place::new(finding.location())),
        }
    }
}

impl<'a> Place<'a> {
    fn new(location: &'a Location) -> Self {
        let Location { line, column, pointer, text, .. } = location;
        Self { line: *line, column: *column, pointer, text }
    }
}
