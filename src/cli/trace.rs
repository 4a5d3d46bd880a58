//! The steps of a decision, for people.

use std::fmt::Write as _;

use mtls_policy::policy::trace::{Finding, Stage, Step};

/// Most steps of one kind that are shown one after the other: a list of serials may hold thousands that do not match.
const MAX_ALIKE: usize = 10;

/// One line for each step, each beginning with `indent`.
pub(crate) fn text(steps: &[Step], indent: &str) -> String {
    let mut text = String::new();
    let mut last = None;
    for alike in steps.chunk_by(|one, next| kind(one) == kind(next)) {
        for step in alike.iter().take(MAX_ALIKE) {
            // A stage is named once.
            let stage = if last == Some(step.stage) { "" } else { stage_word(step.stage) };
            last = Some(step.stage);
            line(&mut text, indent, (stage, finding_word(step.finding)), step.depth, &shown(&step.subject));
        }
        if let (Some(step), more @ 1..) = (alike.first(), alike.len().saturating_sub(MAX_ALIKE)) {
            let finding = finding_word(step.finding);
            line(&mut text, indent, ("", finding), step.depth, &format!("... and {more} more"));
        }
    }
    text
}

fn kind(step: &Step) -> (Stage, usize, Finding) {
    (step.stage, step.depth, step.finding)
}

fn line(text: &mut String, indent: &str, (stage, finding): (&str, &str), depth: usize, subject: &str) {
    let inset = "  ".repeat(depth);
    let _ = writeln!(text, "{indent}{stage:<12} {finding:<11} {inset}{subject}");
}

/// Without what would move a terminal's cursor: a step may hold text of a certificate.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|letter| if letter.is_control() { letter.escape_default().collect() } else { vec![letter] })
        .collect()
}

fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Request => "request",
        Stage::Route => "route",
        Stage::Tls => "tls",
        Stage::Certificate => "certificate",
        Stage::Validity => "validity",
        Stage::Demands => "demands",
        Stage::Deny => "deny",
        Stage::Allow => "allow",
        Stage::Token => "token",
        Stage::Rollout => "rollout",
        Stage::Revocation => "revocation",
    }
}

fn finding_word(finding: Finding) -> &'static str {
    match finding {
        Finding::Fact => "",
        Finding::Yes => "yes",
        Finding::No => "no",
        Finding::CannotTell => "cannot tell",
    }
}
