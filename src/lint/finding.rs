//! What `check` finds in a policy that compiles.

use std::collections::BTreeSet;

use crate::policy::{Lint, Location, Span};

/// Something in a policy that its author should look at.
#[derive(Debug)]
pub struct Finding {
    rule: Rule,
    message: String,
    help: Option<String>,
    location: Location,
}

/// What a finding is an instance of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Legal, and seldom meant.
    Lint(Lint),
    /// An assertion of the policy does not hold.
    AssertionFailed,
    /// It takes too much work to prove an assertion of the policy.
    AssertionUnproven,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The policy can be used.
    Warning,
    /// The policy is not what its author says.
    Error,
}

impl Rule {
    /// A short stable name for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Lint(lint) => lint.id(),
            Self::AssertionFailed => "assertion-failed",
            Self::AssertionUnproven => "assertion-unproven",
        }
    }

    /// Why it should not stay unnoticed; of an assertion its author knows that.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Lint(lint) => Some(lint.reason()),
            Self::AssertionFailed | Self::AssertionUnproven => None,
        }
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Lint(_) => Severity::Warning,
            Self::AssertionFailed | Self::AssertionUnproven => Severity::Error,
        }
    }
}

impl Finding {
    /// What it is an instance of.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What was found.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }
}

/// A finding whose place is not told yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) span: Span,
    /// The route that may silence it.
    pub(super) route: Option<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Draft {
    pub(super) fn at(self, location: Location) -> Finding {
        let Self { rule, message, help, .. } = self;
        Finding { rule, message, help, location }
    }
}

/// Collects findings; one of each rule at each place.
#[derive(Debug, Default)]
pub(super) struct Findings {
    drafts: Vec<Draft>,
    seen: BTreeSet<(Rule, Span)>,
}

impl Findings {
    pub(super) fn lint(&mut self, lint: Lint, span: Span, route: Option<usize>, message: String, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.add(Draft { rule: Rule::Lint(lint), span, route, message, help });
    }

    pub(super) fn add(&mut self, draft: Draft) {
        if self.seen.insert((draft.rule, draft.span)) {
            self.drafts.push(draft);
        }
    }

    pub(super) fn into_drafts(self) -> Vec<Draft> {
        self.drafts
    }
}
