//! Proves what a policy asserts of its routes, or refutes it by a request. The module's documentation says why a proof over
//! texts is one.

use super::finding::{Draft, Findings, Rule};
use super::reach::{Reach, Reached};
use super::request::Request;
use super::tree;
use super::view::{RouteView, Scope};
use crate::policy::{Assertion, Lint, Node};

/// Most further routes that a failed assertion names.
const MAX_NAMED: usize = 8;

pub(super) fn check(reach: &Reach<'_>, findings: &mut Findings) {
    let nodes = tree::list(reach.view.tree, "assert");
    for (assertion, node) in reach.view.policy.assertions().iter().zip(nodes) {
        prove(reach, assertion, node, findings);
    }
}

/// A route that breaks an assertion.
struct Breach {
    route: String,
    why: String,
    request: Request,
}

fn prove(reach: &Reach<'_>, assertion: &Assertion, node: &Node, findings: &mut Findings) {
    let scope = Scope::of(node);
    let mut breaches = Vec::new();
    let mut unproven = Vec::new();
    let mut touched = false;
    for (index, route) in reach.view.routes.iter().enumerate() {
        let why = assertion.broken_by(route.route);
        if why.is_none() && touched {
            continue;
        }
        match covered(reach, &scope, index, route) {
            Reached::By(request) => {
                touched = true;
                if let Some(why) = why {
                    breaches.push(Breach { route: route.name().to_owned(), why, request });
                }
            }
            Reached::Never(_) => {}
            Reached::Undecided => {
                touched = true;
                if why.is_some() {
                    unproven.push(format!("`{}`", route.name()));
                }
            }
        }
    }
    let span = tree::get(node, "name").map_or(node.span, |name| name.span);
    let called =
        assertion.name().map_or_else(|| "the assertion".to_owned(), |name| format!("assertion `{name}`"));
    let draft =
        |rule, message, help: &str| Draft { rule, span, route: None, message, help: Some(help.to_owned()) };
    if let Some(Breach { route, why, request }) = breaches.first() {
        let message = format!("{called} does not hold: {request} is taken by route `{route}`, where {why}");
        let others = breaches.iter().skip(1).take(MAX_NAMED);
        let others: Vec<String> =
            others.map(|breach| format!("`{}` with {}", breach.route, breach.request)).collect();
        let help = match breaches.len() - 1 {
            0 => "change the route, or let the assertion say what is meant".to_owned(),
            1 => format!("so is it broken by {}", others.join(", ")),
            count if count > MAX_NAMED => {
                format!("so is it broken by {count} other routes: {}, ...", others.join(", "))
            }
            _ => format!("so is it broken by {}", others.join(", ")),
        };
        findings.add(draft(Rule::AssertionFailed, message, &help));
    } else if !unproven.is_empty() {
        let message = format!(
            "{called} is not proved: it takes too much work to tell whether it covers requests of {}",
            unproven.join(", "),
        );
        let help = "write their paths and headers with shorter expressions, or without";
        findings.add(draft(Rule::AssertionUnproven, message, help));
    } else if !touched {
        let message = format!("{called} is about requests that no route takes");
        let help = "correct its hosts, path or methods, or remove it";
        findings.lint(Lint::VacuousAssertion, span, None, message, help);
    }
}

/// A request that the assertion is about and that the route takes.
fn covered(reach: &Reach<'_>, scope: &Scope, index: usize, route: &RouteView<'_>) -> Reached<Request> {
    let Some((hosts, methods)) = scope.kinds_of_both(&route.scope) else { return Reached::Never(Vec::new()) };
    let kinds = reach.kinds(index, &hosts, &methods);
    let mut undecided = false;
    for case in reach.view.cases() {
        match reach.request_for(index, &kinds, &[scope.part(*case)]) {
            Reached::By(request) => return Reached::By(request),
            Reached::Never(_) => {}
            Reached::Undecided => undecided = true,
        }
    }
    match reach.request_without_path(index, scope, &hosts, &methods) {
        Reached::Never(_) if undecided => Reached::Undecided,
        outcome @ (Reached::By(_) | Reached::Never(_) | Reached::Undecided) => outcome,
    }
}
