//! Routes whose denials are not enforced, or not for all clients.

use super::finding::Findings;
use super::tree;
use super::view::View;
use crate::policy::{Lint, Mode};

const HELP: &str = "say `enforce` when the records show that nobody is denied who should not be";
const RATIO_HELP: &str =
    "raise it when the records show that nobody is denied who should not be, and leave it out at last";

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut by_default = 0;
    let mut in_part_by_default = 0;
    for (index, route) in view.routes.iter().enumerate() {
        match route.route.mode() {
            Mode::Shadow => match tree::get(route.node, "mode") {
                Some(mode) => {
                    let message =
                        format!("route `{}` is in shadow: requests that it denies pass", route.name());
                    findings.lint(Lint::Shadow, mode.span, Some(index), message, HELP);
                }
                None => by_default += 1,
            },
            Mode::Enforce if route.route.shadows_somebody() => {
                match tree::get(route.node, "enforce_ratio").zip(route.route.share().part()) {
                    Some((ratio, part)) => {
                        let message = if part.is_empty() {
                            format!("route `{}` is in shadow for every verified client", route.name())
                        } else {
                            format!(
                                "route `{}` is enforced for a part of {part} of its verified clients: the others are in \
                                 shadow",
                                route.name()
                            )
                        };
                        findings.lint(Lint::Shadow, ratio.span, Some(index), message, RATIO_HELP);
                    }
                    None => in_part_by_default += 1,
                }
            }
            Mode::Enforce => {}
        }
    }
    let default = |key| tree::get(view.tree, "defaults").and_then(|defaults| tree::get(defaults, key));
    if let Some(mode) = default("mode").filter(|_| by_default > 0) {
        let message = match by_default {
            1 => "1 route is in shadow by default: requests that it denies pass".to_owned(),
            many => format!("{many} routes are in shadow by default: requests that they deny pass"),
        };
        findings.lint(Lint::Shadow, mode.span, None, message, HELP);
    }
    if let Some(ratio) = default("enforce_ratio").filter(|_| in_part_by_default > 0) {
        let message = match in_part_by_default {
            1 => "1 route is enforced for a part of its verified clients by default".to_owned(),
            many => format!("{many} routes are enforced for a part of their verified clients by default"),
        };
        findings.lint(Lint::Shadow, ratio.span, None, message, RATIO_HELP);
    }
}
