//! What `mtlsctl check --envoy` prints of Envoy's configuration.

use annotate_snippets::{Level, Renderer};
use serde::Serialize;

use super::finding::{Finding, Severity};
use crate::cli::Exit;
use crate::cli::findings_report::{Warnings, counted, excerpt};

/// What was found in a configuration of Envoy.
pub(crate) struct EnvoyReport {
    file: String,
    outcome: Outcome,
}

enum Outcome {
    Unreadable { error: String },
    Read { text: String, listeners: Vec<String>, findings: Vec<Finding> },
}

impl EnvoyReport {
    pub(crate) fn unreadable(file: &str, error: String) -> Self {
        Self { file: file.to_owned(), outcome: Outcome::Unreadable { error } }
    }

    pub(super) fn read(file: &str, text: String, listeners: Vec<String>, findings: Vec<Finding>) -> Self {
        Self { file: file.to_owned(), outcome: Outcome::Read { text, listeners, findings } }
    }

    /// How the check ended. Warnings are errors only where they are denied.
    pub(crate) fn exit(&self, warnings: Warnings) -> Exit {
        let count = |severity| match severity {
            Severity::Error => true,
            Severity::Warning => warnings == Warnings::Denied,
            Severity::Note => false,
        };
        match &self.outcome {
            Outcome::Unreadable { .. } => Exit::Usage,
            Outcome::Read { findings, .. } if findings.iter().any(|finding| count(finding.severity)) => {
                Exit::Errors
            }
            Outcome::Read { .. } => Exit::Good,
        }
    }

    /// For people. Styled; the writer removes the styles where nobody sees them.
    pub(crate) fn human(&self) -> String {
        let file = &self.file;
        let (text, listeners, findings) = match &self.outcome {
            Outcome::Unreadable { error } => return format!("{file}: cannot be read: {error}\n"),
            Outcome::Read { text, listeners, findings } => (text, listeners, findings),
        };
        let renderer = Renderer::styled();
        let mut page = String::new();
        for finding in findings {
            let level = match finding.severity {
                Severity::Error => Level::ERROR,
                Severity::Warning => Level::WARNING,
                Severity::Note => Level::NOTE,
            };
            let title = level.primary_title(finding.message.as_str()).id(finding.id.name());
            let place = &finding.place;
            let group = excerpt(title, file, text, &(place.start..place.end), place.line, place.column);
            let group = group.element(Level::NOTE.message(place_in_words(finding)));
            page.push_str(&renderer.render(&[group.element(Level::HELP.message(finding.help))]));
            page.push_str("\n\n");
        }
        let with = format!("{} with the filter", counted(listeners.len(), "listener"));
        let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
            .into_iter()
            .map(|severity| {
                (severity, findings.iter().filter(|finding| finding.severity == severity).count())
            })
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| counted(count, severity.word()))
            .collect();
        let verdict = if counts.is_empty() { "good".to_owned() } else { counts.join(", ") };
        page + &format!("{file}: {verdict}, {with}\n")
    }

    /// For programs.
    pub(crate) fn json(&self) -> impl Serialize {
        let file = &self.file;
        match &self.outcome {
            Outcome::Unreadable { error } => {
                Page { file, good: false, error: Some(error), listeners: &[], findings: Vec::new() }
            }
            Outcome::Read { listeners, findings, .. } => Page {
                file,
                good: findings.iter().all(|finding| finding.severity != Severity::Error),
                error: None,
                listeners,
                findings: findings.iter().map(Entry::new).collect(),
            },
        }
    }
}

fn place_in_words(finding: &Finding) -> String {
    match (&finding.listener, finding.path.as_str()) {
        (Some(listener), path) => format!("listener `{listener}`, at {path}"),
        (None, "") => "this is about the whole file".to_owned(),
        (None, path) => format!("at {path}"),
    }
}

#[derive(Serialize)]
struct Page<'a> {
    file: &'a str,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    listeners: &'a [String],
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'static str,
    severity: &'static str,
    message: &'a str,
    help: &'static str,
    listener: Option<&'a str>,
    path: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Entry<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            id: finding.id.name(),
            severity: finding.severity.word(),
            message: &finding.message,
            help: finding.help,
            listener: finding.listener.as_deref(),
            path: &finding.path,
            line: finding.place.line,
            column: finding.place.column,
        }
    }
}
