//! Routes whose denials are not enforced.

use super::finding::Findings;
use super::tree;
use super::view::View;
use crate::policy::{Lint, Mode};

const HELP: &str = "say `enforce` when the records show that nobody is denied who should not be";

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut by_default = 0;
    for (index, route) in
        view.routes.iter().enumerate().filter(|(_, route)| route.route.mode() == Mode::Shadow)
    {
        match tree::get(route.node, "mode") {
            Some(mode) => {
                let message = format!("route `{}` is in shadow: requests that it denies pass", route.name());
                findings.lint(Lint::Shadow, mode.span, Some(index), message, HELP);
            }
            None => by_default += 1,
        }
    }
    let mode = tree::get(view.tree, "defaults").and_then(|defaults| tree::get(defaults, "mode"));
    if let Some(mode) = mode.filter(|_| by_default > 0) {
        let message = match by_default {
            1 => "1 route is in shadow by default: requests that it denies pass".to_owned(),
            many => format!("{many} routes are in shadow by default: requests that they deny pass"),
        };
        findings.lint(Lint::Shadow, mode.span, None, message, HELP);
    }
}
