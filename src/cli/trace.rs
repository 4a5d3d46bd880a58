//! The steps of a decision, for people.

use std::fmt::Write as _;

use mtls_policy::policy::trace::{Finding, Stage, Step};

/// One line for each step, each beginning with `indent`.
pub(crate) fn text(steps: &[Step], indent: &str) -> String {
    let mut text = String::new();
    let mut last = None;
    for step in steps {
        // A stage is named once.
        let stage = if last == Some(step.stage) { "" } else { stage_word(step.stage) };
        last = Some(step.stage);
        let inset = "  ".repeat(step.depth);
        let finding = finding_word(step.finding);
        let _ = writeln!(text, "{indent}{stage:<12} {finding:<11} {inset}{}", shown(&step.subject));
    }
    text
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
