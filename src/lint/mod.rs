//! Looks at policies that compile for what is seldom meant, and proves what they assert of themselves.
//!
//! # What is decided, and how
//! Some lints ask whether a request exists: one that reaches a route past those before it, or one path that two routes
//! take for different requests. Paths are answered exactly. Every path pattern is an automaton (`language`), and a path
//! that is in some patterns and not in others is found by walking their automata side by side (`search`), or shown not to
//! exist. An index (`takers`) says which route takes a path first, so that only routes that are in each other's way are
//! compared (`reach`): of 10,000 routes hardly any are. Of hosts and methods a few stand for all: one that is named, or one
//! that no route names. So it is with headers, addresses and what Envoy chose (`witness`): a value that the route asks for
//! and no other route does, if there is one. Every search has a limit, and beyond it the answer is a finding of its own
//! (`undecided`).
//!
//! # Why a value stands for all, and what is said where none does
//! A route is first for some request only if it is for one whose values as few other routes take as can be: whoever takes
//! that one takes the first as well. Headers that can be read in several ways add nothing, for a condition that cannot be
//! told is in the way like one that holds: of each reading alone the same conditions fail. Where every value that a route
//! asks for is some other route's too, no few values stand for all. Then a route is called hidden only behind routes whose
//! conditions follow from its own by their form (`further`), and is undecided else.
//!
//! # Why a proof over texts covers the readings of paths
//! A path can be read in several ways, and the engine selects a route only if *every* reading of the path selects it, in
//! every case in which the policy reads paths. An assertion covers a request if *some* reading of its path matches. Let `r`
//! be the route that the engine selects for a covered request. The reading that matches selects `r` too; so there is a text
//! that begins with `/`, matches the assertion's path, and of which `r` is the first taker. If no text is like that, for no
//! route that breaks the assertion, then no request breaks it. The converse fails: the text may be a reading that no request
//! has without another reading that selects something else. So a counterexample is given to the real engine before it is
//! called one, and an assertion that is not proved and not refuted is reported as unproven.

mod assertions;
mod authorities;
mod back_doors;
mod by_path;
mod expression;
mod finding;
mod further;
mod hidden_routes;
mod language;
mod matchers;
mod networks;
mod open_rest;
mod patterns;
mod plain_expressions;
mod reach;
mod request;
mod revocation;
mod sample;
mod search;
mod shadow;
mod silence;
mod takers;
mod tree;
mod view;
mod witness;

use std::collections::BTreeSet;

pub use finding::{Finding, Rule, Severity};
use time::OffsetDateTime;

use crate::Engine;
use crate::policy::{Lint, Locator, Policy, PolicyErrors, read};
use finding::Findings;
use reach::Reach;
use view::View;

/// Compiles a policy document, and says what should be looked at in it. Lints in `allow`, and those that the policy
/// itself silences, are left out. `now` is what the dates in it are held against.
///
/// # Errors
/// Everything that is wrong with the document, where it is no policy.
pub fn check(
    document: &[u8],
    allow: &BTreeSet<Lint>,
    now: OffsetDateTime,
) -> Result<(Policy, Vec<Finding>), PolicyErrors> {
    let (text, tree) = read(document)?;
    let engine = Engine::new(Policy::from_tree(text, &tree)?);
    let mut findings = Findings::default();
    let view = View::new(engine.policy(), &tree);
    let reach = Reach::new(&view, &engine);
    hidden_routes::check(&reach, &mut findings);
    back_doors::check(&reach, &mut findings);
    open_rest::check(&reach, &mut findings);
    shadow::check(&view, &mut findings);
    let matchers = matchers::of(&view);
    matchers::check_identities(&view, &matchers, &mut findings);
    patterns::check(&matchers, &reach.budget, &mut findings);
    plain_expressions::check(&view, &matchers, &mut findings);
    assertions::check(&reach, &mut findings);
    revocation::check(&view, now, &mut findings);
    authorities::check(&view, now, &mut findings);

    let mut drafts = silence::apply(findings.into_drafts(), &view, allow);
    drafts.sort_by_key(|draft| (draft.span, draft.rule));
    let mut locator = Locator::new(text);
    let findings = drafts
        .into_iter()
        .map(|draft| (locator.locate(draft.span, Some(&tree)), draft))
        .map(|(at, draft)| draft.at(at));
    let findings = findings.collect();
    drop(reach);
    Ok((engine.into_policy(), findings))
}
