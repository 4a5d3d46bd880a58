//! Silences: `lint` in a policy and in its routes.

use std::collections::BTreeSet;

use super::finding::{Draft, Rule};
use super::tree;
use super::view::View;
use crate::policy::{Lint, Node, Span};

/// One id in an `allow` of the policy.
struct Silence {
    lint: Lint,
    span: Span,
    /// `None` for the whole policy.
    route: Option<usize>,
    /// How many findings it left out.
    used: usize,
}

/// Leaves out what is silenced, and adds what silenced nothing.
pub(super) fn apply(drafts: Vec<Draft>, view: &View<'_>, allow: &BTreeSet<Lint>) -> Vec<Draft> {
    let routes = view.routes.iter().enumerate();
    let mut silences: Vec<Silence> = routes
        .flat_map(|(index, route)| silences(route.node, Some(index)))
        .chain(silences(view.tree, None))
        .collect();
    let mut kept = loud(drafts, &mut silences);
    let useless = silences.iter().filter(|silence| silence.used == 0 && silence.lint != Lint::UselessAllow);
    let useless = useless.map(|silence| Draft {
        rule: Rule::Lint(Lint::UselessAllow),
        span: silence.span,
        route: silence.route,
        message: format!("`{}` is allowed here, and nothing is found", silence.lint.id()),
        help: Some("remove it".to_owned()),
    });
    let useless = useless.collect();
    kept.extend(loud(useless, &mut silences));
    kept.retain(|draft| match draft.rule {
        Rule::Lint(lint) => !allow.contains(&lint),
        Rule::AssertionFailed | Rule::AssertionUnproven => true,
    });
    kept
}

fn loud(drafts: Vec<Draft>, silences: &mut [Silence]) -> Vec<Draft> {
    let is_loud = |draft: &Draft| {
        let Rule::Lint(lint) = draft.rule else { return true };
        // Those of routes come first, so that one of the policy that is not needed shows.
        let silence = silences.iter_mut().find(|silence| {
            silence.lint == lint && (silence.route.is_none() || silence.route == draft.route)
        });
        silence.map(|silence| silence.used += 1).is_none()
    };
    let mut is_loud = is_loud;
    drafts.into_iter().filter(|draft| is_loud(draft)).collect()
}

fn silences(node: &Node, route: Option<usize>) -> impl Iterator<Item = Silence> {
    let allow = tree::get(node, "lint").and_then(|lint| tree::get(lint, "allow"));
    allow
        .into_iter()
        .flat_map(tree::members)
        .filter_map(move |(id, span, _)| Some(Silence { lint: Lint::from_id(id)?, span, route, used: 0 }))
}
