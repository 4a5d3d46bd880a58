//! What `mtlsctl check` prints.

use std::io;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};
use mtls_policy::policy::{Location, Policy, PolicyError, PolicyErrors};
use serde::Serialize;

use super::Exit;
use super::envoy::EnvoyReport;

/// Most bytes shown before and after the beginning of an error.
const MAX_CONTEXT_BYTES: usize = 400;

/// What was found in one file.
pub(super) struct FileReport {
    file: String,
    finding: Finding,
}

enum Finding {
    Good { policy: Box<Policy> },
    Faulty { text: String, errors: PolicyErrors },
    Unreadable { error: String },
}

impl FileReport {
    pub(super) fn checked(file: String, document: &[u8], policy: Result<Policy, PolicyErrors>) -> Self {
        let finding = match policy {
            Ok(policy) => Finding::Good { policy: Box::new(policy) },
            Err(errors) => Finding::Faulty { text: String::from_utf8_lossy(document).into_owned(), errors },
        };
        Self { file, finding }
    }

    pub(super) fn unreadable(file: String, error: &io::Error) -> Self {
        Self { file, finding: Finding::Unreadable { error: error.to_string() } }
    }

    /// The policy, where it is good.
    pub(super) fn policy(&self) -> Option<&Policy> {
        match &self.finding {
            Finding::Good { policy } => Some(policy),
            Finding::Faulty { .. } | Finding::Unreadable { .. } => None,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.finding {
            Finding::Good { .. } => Exit::Good,
            Finding::Faulty { .. } => Exit::Errors,
            Finding::Unreadable { .. } => Exit::Usage,
        }
    }
}

/// For people. Styled; the writer removes the styles where nobody sees them.
pub(super) fn human(reports: &[FileReport]) -> String {
    let renderer = Renderer::styled();
    let mut page = String::new();
    for FileReport { file, finding } in reports {
        match finding {
            Finding::Good { policy } => {
                let routes = counted(policy.routes().iter().len(), "route");
                page.push_str(&format!("{file}: good, {routes}, digest {}\n", policy.digest()));
            }
            Finding::Unreadable { error } => page.push_str(&format!("{file}: cannot be read: {error}\n")),
            Finding::Faulty { text, errors } => {
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
    serde_json::to_string_pretty(&page).map(|text| text + "\n").unwrap_or_default()
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<usize>,
    errors: Vec<Fault<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    code: &'a str,
    message: String,
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
        match &report.finding {
            Finding::Good { policy } => {
                let digest = Some(policy.digest().to_string());
                let routes = Some(policy.routes().iter().len());
                Self { file, good: true, digest, routes, errors: Vec::new() }
            }
            Finding::Faulty { errors, .. } => {
                let errors = errors.iter().map(Fault::new).collect();
                Self { file, good: false, digest: None, routes: None, errors }
            }
            Finding::Unreadable { error } => {
                let fault = Fault { code: "unreadable", message: error.clone(), help: None, place: None };
                Self { file, good: false, digest: None, routes: None, errors: vec![fault] }
            }
        }
    }
}

impl<'a> Fault<'a> {
    fn new(error: &'a PolicyError) -> Self {
        let Location { line, column, pointer, text, .. } = error.location();
        Self {
            code: error.kind().code(),
            message: error.kind().to_string(),
            help: error.help(),
            place: Some(Place { line: *line, column: *column, pointer, text }),
        }
    }
}
