//! Paths that one route protects and another opens.

use super::finding::Findings;
use super::language::Language;
use super::reach::{Reach, Reached};
use super::request::{Kind, Request};
use super::search::{Found, find};
use super::view::RouteView;
use crate::policy::{HostPattern, Lint, PathCase};

/// Most pairs of requests that are tried for two routes: eight hosts or methods of each.
const MAX_PAIRS: usize = 64;

pub(super) fn check(reach: &Reach<'_>, findings: &mut Findings) {
    let routes = || reach.view.routes.iter().enumerate();
    for (opener, open) in routes().filter(|(_, route)| route.is_open() && !is_preflight(route)) {
        let mut undecided = None;
        for (guard, guarded) in routes().filter(|(_, route)| route.is_guarded()) {
            if !may_be_beside(reach, (opener, open), (guard, guarded)) {
                continue;
            }
            match beside(reach, (opener, open), (guard, guarded)) {
                Reached::By((without, with)) => {
                    let message = format!(
                        "route `{}` opens what `{}` protects: {without} needs no certificate, {with} does",
                        open.name(),
                        guarded.name(),
                    );
                    let help = if open.scope.further.restrict_by_header(&guarded.scope.further)
                        || guarded.scope.further.restrict_by_header(&open.scope.further)
                    {
                        "clients write headers: let none decide whether a certificate is asked for"
                    } else {
                        "let the protecting route take every request for these paths, or the open one fewer paths"
                    };
                    findings.lint(Lint::BackDoor, open.place(), Some(opener), message, help);
                    undecided = None;
                    break;
                }
                Reached::Never(_) => {}
                Reached::Undecided => undecided = undecided.or(Some(guarded)),
            }
        }
        if let Some(guarded) = undecided {
            let message = format!(
                "it takes too much work to tell whether route `{}` opens what `{}` protects",
                open.name(),
                guarded.name(),
            );
            let help = "write what they ask for with shorter expressions, or with fewer hosts and methods";
            findings.lint(Lint::Undecided, open.place(), Some(opener), message, help);
        }
    }
}

/// Browsers ask for leave before some requests, and bring no certificate for that (Fetch standard, CORS-preflight fetch).
fn is_preflight(route: &RouteView<'_>) -> bool {
    route.scope.methods.as_slice() == ["OPTIONS"]
}

/// Whether the routes are worth a search: what is on separate hosts is separate, and so is what the operator keeps apart
/// in other ways; what the first takes whole from the second the second never opens, and a narrower route before a wider
/// one is an exception that its author made, unless it is the client who says by a header that it is meant.
fn may_be_beside(
    reach: &Reach<'_>,
    (opener, open): (usize, &RouteView<'_>),
    (guard, guarded): (usize, &RouteView<'_>),
) -> bool {
    let (opens, guards) = (&open.scope.further, &guarded.scope.further);
    if !open.scope.shares_a_host(&guarded.scope)
        || opens.are_apart_from(guards)
        || open.scope.language().is_apart_from(guarded.scope.language())
    {
        return false;
    }
    if guard < opener {
        return !guarded.scope.takes_every_kind_of(&open.scope);
    }
    !open.scope.takes_every_kind_of(&guarded.scope)
        && !opens.restrict_by_operator(guards)
        && (opens.restrict_by_header(guards) || !is_exception(reach, open, guarded))
}

/// Whether the open route takes some, and not all, of the paths of the other.
fn is_exception(reach: &Reach<'_>, open: &RouteView<'_>, guarded: &RouteView<'_>) -> bool {
    let (open, guarded) = (open.scope.part(PathCase::Sensitive), guarded.scope.part(PathCase::Sensitive));
    find(&[open], &[guarded], &reach.budget) == Found::Nothing
        && find(&[guarded], &[open], &reach.budget) != Found::Nothing
}

/// Two requests for one path, of which the open route takes one and the guarded route the other.
fn beside(
    reach: &Reach<'_>,
    (opener, open): (usize, &RouteView<'_>),
    (guard, guarded): (usize, &RouteView<'_>),
) -> Reached<(Request, Request)> {
    let opens = |hosts: &[HostPattern], methods: &[String]| reach.kinds(opener, hosts, methods);
    let guards = |hosts: &[HostPattern], methods: &[String]| reach.kinds(guard, hosts, methods);
    let all_without = opens(&open.scope.hosts, &open.scope.methods);
    let all_with = guards(&guarded.scope.hosts, &guarded.scope.methods);
    let mut without = Vec::new();
    // Of requests that read the finding is the easiest to try.
    if open.scope.methods.is_empty() {
        without.extend(opens(&open.scope.hosts, &["GET".to_owned()]).kinds);
    }
    without.extend(all_without.kinds.iter().cloned());
    let mut with = all_with.kinds.clone();
    // Requests that differ in one thing only are the easier to compare.
    if let Some((hosts, methods)) = open.scope.kinds_of_both(&guarded.scope) {
        let read = ["GET".to_owned()];
        let methods = if methods.is_empty() { &read } else { methods.get(..1).unwrap_or_default() };
        without.extend(opens(&open.scope.hosts, methods).kinds);
        with.extend(guards(&guarded.scope.hosts, methods).kinds);
        with.extend(guards(hosts.get(..1).unwrap_or_default(), &guarded.scope.methods).kinds);
    }
    let differences = |(without, with): &(&Kind, &Kind)| {
        usize::from(without.line.host != with.line.host)
            + usize::from(without.line.method != with.line.method)
            + usize::from(without.values != with.values)
    };
    let pairs = without.iter().flat_map(|without| with.iter().map(move |with| (without, with)));
    let mut pairs: Vec<(&Kind, &Kind)> = pairs.filter(|pair| differences(pair) > 0).collect();
    pairs.sort_by_key(differences);
    pairs.dedup();
    let stand_for_all = all_without.stand_for_all && all_with.stand_for_all;
    let mut undecided = pairs.len() > MAX_PAIRS;
    for (without, with) in pairs.into_iter().take(MAX_PAIRS) {
        let goals = [without.goal(opener), with.goal(guard)];
        match reach.path_for(&goals, &[], &[], &Language::Plain) {
            Reached::By(path) => {
                let request = |kind: &Kind| Request { kind: kind.clone(), path: Some(path.clone()) };
                let (without, with) = (request(without), request(with));
                if reach.selects(opener, &without) && reach.selects(guard, &with) {
                    return Reached::By((without, with));
                }
                undecided = true;
            }
            Reached::Never(_) => {}
            Reached::Undecided => undecided = true,
        }
    }
    if !stand_for_all {
        let goals = all_without
            .of_all(opener)
            .flat_map(|open| all_with.of_all(guard).map(move |guard| [open, guard]));
        let mut outcomes =
            goals.take(MAX_PAIRS).map(|goals| reach.path_for(&goals, &[], &[], &Language::Plain));
        undecided |= !outcomes.all(|outcome| matches!(outcome, Reached::Never(_)));
    }
    if undecided { Reached::Undecided } else { Reached::Never(Vec::new()) }
}
