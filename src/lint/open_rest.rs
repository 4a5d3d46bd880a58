//! Open routes for all that the routes before them leave.

use super::finding::Findings;
use super::language::{Language, is_below};
use super::reach::Reach;
use super::search::{Found, Part, find};
use super::tree;
use super::view::RouteView;
use crate::policy::{Lint, PathCase};

pub(super) fn check(reach: &Reach<'_>, findings: &mut Findings) {
    let says_case = tree::get(reach.view.tree, "path_case").is_some();
    for (index, route) in reach.view.routes.iter().enumerate().filter(|(_, route)| route.is_open()) {
        let Some(root) = root(reach, route) else { continue };
        let mut before = reach.view.routes.iter().take(index);
        let guarded = before.find(|earlier| {
            let language = earlier.scope.language();
            earlier.is_guarded()
                && !language.is_everything()
                && language.beginning() != root
                && is_below(language.beginning(), root)
                && earlier.scope.shares_a_host(&route.scope)
        });
        match guarded {
            Some(guarded) => {
                let (name, first) = (route.name(), guarded.name());
                let message = format!(
                    "route `{name}` opens every path that `{first}` and others before it do not take"
                );
                let help = "name the paths that are open; what no route takes is denied";
                findings.lint(Lint::DenyByPath, route.place(), Some(index), message, help);
                if !says_case {
                    let message = format!(
                        "route `{name}` opens what `{first}` protects to whoever writes it in other case, if the server does not mind",
                    );
                    let help = "say `\"path_case\": \"insensitive\"`, or `\"sensitive\"` if the server minds";
                    findings.lint(Lint::PathCaseUnstated, route.place(), Some(index), message, help);
                }
            }
            None if root.is_empty() && route.ignores() => {
                let message = format!("route `{}` ignores certificates on every path", route.name());
                let help = "name the paths that are open; what no route takes is denied";
                findings.lint(Lint::IgnoredOnRoot, route.place(), Some(index), message, help);
            }
            None => {}
        }
    }
}

/// The folder of which a route takes everything; empty for all paths.
fn root<'v>(reach: &Reach<'_>, route: &'v RouteView<'_>) -> Option<&'v [u8]> {
    // What asks for more is not all of the folder.
    if !route.scope.further.is_empty() {
        return None;
    }
    match route.scope.language() {
        Language::Any => Some(b""),
        Language::Prefix(prefix) => Some(prefix),
        // Whatever takes every path takes those that begin in another way.
        Language::Expression(expression) if expression.literal().len() > 1 => None,
        language @ Language::Expression(_) => {
            let part = |language| Part { language, case: PathCase::Sensitive };
            let missed = find(&[part(&Language::Plain)], &[part(language)], &reach.budget);
            (missed == Found::Nothing).then_some(b"")
        }
        Language::Exact(_)
        | Language::Template(_)
        | Language::Begins(_)
        | Language::Plain
        | Language::Reading
        | Language::PlainValue => None,
    }
}
