//! Routes that can never match.

use super::finding::Findings;
use super::reach::{Reach, Reached};
use crate::policy::Lint;

/// Most routes that a finding names.
const MAX_NAMED: usize = 5;

pub(super) fn check(reach: &Reach<'_>, findings: &mut Findings) {
    for (index, route) in reach.view.routes.iter().enumerate() {
        let kinds = reach.kinds(index, &route.scope.hosts, &route.scope.methods);
        let with_path = reach.request_for(index, &kinds, &[]);
        let without_path =
            || reach.request_without_path(index, &route.scope, &route.scope.hosts, &route.scope.methods);
        let hidden_by = match with_path {
            Reached::By(_) => continue,
            Reached::Never(routes) => match without_path() {
                Reached::By(_) => continue,
                Reached::Never(_) => Some(routes),
                Reached::Undecided => None,
            },
            Reached::Undecided => match without_path() {
                Reached::By(_) => continue,
                Reached::Never(_) | Reached::Undecided => None,
            },
        };
        let Some(hidden_by) = hidden_by else {
            let message =
                format!("it takes too much work to tell whether route `{}` can match", route.name());
            let help =
                "write what it asks for, and what those before it do, with shorter expressions, or without";
            findings.lint(Lint::Undecided, route.place(), Some(index), message, help);
            continue;
        };
        let name = route.name();
        let (message, help) = if hidden_by.is_empty() {
            (
                format!("route `{name}` can never match: no path is what its `path` asks for"),
                "correct the path, or remove the route",
            )
        } else {
            (
                format!("route `{name}` can never match: {}", takers(reach, &hidden_by)),
                "move it up, make the earlier one narrower, or remove it",
            )
        };
        findings.lint(Lint::NeverMatches, route.place(), Some(index), message, help);
    }
}

fn takers(reach: &Reach<'_>, routes: &[usize]) -> String {
    let names = routes.iter().filter_map(|index| reach.view.routes.get(*index));
    let names: Vec<String> = names.take(MAX_NAMED).map(|route| format!("`{}`", route.name())).collect();
    let more = match routes.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match names.as_slice() {
        [name] if more.is_empty() => format!("{name} before it takes all of its requests"),
        _ => format!("{}{more} before it together take all of its requests", names.join(", ")),
    }
}
