//! What is answered to a case.

use serde::Serialize;
use serde_json::{Map, Value};

/// The answer to one line.
#[derive(Debug)]
pub(super) struct Answer {
    /// The case's `id`, whatever it is; `null` where the line has none.
    pub(super) id: Value,
    pub(super) finding: Finding,
    /// How long it took, in microseconds.
    pub(super) us: u64,
}

/// What an operation found.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// A code; empty where the verdict says it all.
    pub(super) reason: &'static str,
    /// In words.
    pub(super) detail: String,
    /// What some operations answer beside the verdict, by its key.
    pub(super) more: Map<String, Value>,
}

/// What operations answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Reject,
    Match,
    Differ,
    Allow,
    Deny,
    Good,
    Revoked,
    Unknown,
    /// The operation, or something that it was asked to do, is not known here.
    Unsupported,
    /// The line is no case.
    Error,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Reject => "reject",
            Verdict::Match => "match",
            Verdict::Differ => "differ",
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Good => "good",
            Verdict::Revoked => "revoked",
            Verdict::Unknown => "unknown",
            Verdict::Unsupported => "unsupported",
            Verdict::Error => "error",
        }
    }
}

impl Finding {
    /// A verdict that needs no reason.
    pub(super) fn plain(verdict: Verdict) -> Finding {
        Finding::because(verdict, "", String::new())
    }

    pub(super) fn because(verdict: Verdict, reason: &'static str, detail: impl ToString) -> Finding {
        Finding { verdict, reason, detail: detail.to_string(), more: Map::new() }
    }

    pub(super) fn with(mut self, key: &str, value: Value) -> Finding {
        self.more.insert(key.to_owned(), value);
        self
    }
}

impl Answer {
    /// One line of JSON, without its end.
    pub(super) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            id: &'a Value,
            verdict: &'static str,
            reason: &'static str,
            detail: &'a str,
            us: u64,
            #[serde(flatten)]
            more: &'a Map<String, Value>,
        }
        let Finding { verdict, reason, detail, more } = &self.finding;
        let line = Line { id: &self.id, verdict: verdict.name(), reason, detail, us: self.us, more };
        // Only a map with keys that are no text could fail.
        serde_json::to_string(&line).unwrap_or_default()
    }
}
