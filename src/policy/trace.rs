//! The steps that led to a decision, as `mtlsctl explain` prints them.
//!
//! The evaluator that decides is the one that notes them: there is no second one to disagree with it.

use serde::Serialize;

/// Takes note of the steps of a decision.
pub trait Trace {
    /// Whether anybody reads the steps.
    fn is_read(&self) -> bool {
        true
    }

    /// Where the next step will stand.
    fn mark(&self) -> usize;

    /// Notes a step before those noted since `mark`, which are its parts. `step` is called only if somebody reads.
    fn note_at(&mut self, mark: usize, step: impl FnOnce() -> Step);

    /// Notes a step.
    fn note(&mut self, step: impl FnOnce() -> Step) {
        self.note_at(self.mark(), step);
    }
}

/// Nobody reads: steps cost nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Untraced;

impl Trace for Untraced {
    fn is_read(&self) -> bool {
        false
    }

    fn mark(&self) -> usize {
        0
    }

    fn note_at(&mut self, _mark: usize, _step: impl FnOnce() -> Step) {}
}

impl Trace for Vec<Step> {
    fn mark(&self) -> usize {
        self.len()
    }

    fn note_at(&mut self, mark: usize, step: impl FnOnce() -> Step) {
        self.insert(mark.min(self.len()), step());
    }
}

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The part of the decision that it belongs to.
    pub stage: Stage,
    /// How deep it lies: a step at depth 1 is a part of the last one before it at depth 0.
    pub depth: usize,
    /// What was looked at or asked, in words; may hold text of the client.
    pub subject: String,
    /// What came of it.
    pub finding: Finding,
}

impl Step {
    /// A step at depth 0.
    pub fn new(stage: Stage, finding: Finding, subject: impl Into<String>) -> Self {
        Self { stage, depth: 0, subject: subject.into(), finding }
    }

    /// The same, so deep.
    #[must_use]
    pub fn at_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }
}

/// The parts of a decision, in the order in which a request meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// What the request wants.
    Request,
    /// Which route it selects.
    Route,
    /// The TLS connection: server name, version, cipher suite.
    Tls,
    /// The certificate that the client presented, and who verified it.
    Certificate,
    /// The certificate's period of validity.
    Validity,
    /// What the route demands of certificates.
    Demands,
    /// Whether the certificate was revoked.
    Revocation,
    /// The rule `deny`.
    Deny,
    /// The rule `allow`.
    Allow,
    /// The token that comes with the certificate.
    Token,
    /// Whether the client is one of those for whom denials are enforced.
    Rollout,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Nothing to judge: a fact.
    Fact,
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// It cannot be told.
    CannotTell,
}

impl From<crate::identity::Truth> for Finding {
    fn from(truth: crate::identity::Truth) -> Self {
        match truth {
            crate::identity::Truth::Yes => Self::Yes,
            crate::identity::Truth::No => Self::No,
            crate::identity::Truth::CannotTell => Self::CannotTell,
        }
    }
}
