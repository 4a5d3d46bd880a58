//! The matchers of a policy one by one, and identities that none refers to.

use std::collections::{HashMap, HashSet};

use super::finding::Findings;
use super::tree;
use super::view::View;
use crate::policy::{Lint, Node};

/// A matcher over one kind of name, as it stands in the policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf<'p> {
    /// `dns`, `uri`, ...
    pub(super) key: &'p str,
    /// A string, or an object with one of `prefix`, `suffix`, `regex`.
    pub(super) pattern: &'p Node,
    pub(super) effect: Effect,
    /// The route in which it stands; `None` in `identities`.
    pub(super) route: Option<usize>,
}

/// What becomes of a client that a matcher takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    /// It gets in, sooner than without the matcher.
    Admits,
    /// It is kept out.
    Refuses,
}

impl Effect {
    fn not(self) -> Self {
        match self {
            Self::Admits => Self::Refuses,
            Self::Refuses => Self::Admits,
        }
    }
}

/// Every matcher that routes come to, through identities too; those in identities once for each effect.
#[derive(Debug)]
pub(super) struct Matchers<'p> {
    pub(super) leaves: Vec<Leaf<'p>>,
    identities: HashMap<&'p str, &'p Node>,
    used: HashSet<(&'p str, Effect)>,
}

pub(super) fn of<'p>(view: &View<'p>) -> Matchers<'p> {
    let identities = tree::get(view.tree, "identities").into_iter().flat_map(tree::members);
    let identities = identities.map(|(name, _, node)| (name, node)).collect();
    let mut matchers = Matchers { leaves: Vec::new(), identities, used: HashSet::new() };
    for (index, route) in view.routes.iter().enumerate() {
        for (key, effect) in [("allow", Effect::Admits), ("deny", Effect::Refuses)] {
            if let Some(node) = tree::get(route.node, key) {
                matchers.walk(node, effect, Some(index));
            }
        }
    }
    matchers
}

pub(super) fn check_identities(view: &View<'_>, matchers: &Matchers<'_>, findings: &mut Findings) {
    let Some(identities) = tree::get(view.tree, "identities") else { return };
    for (name, span, _) in tree::members(identities) {
        if ![Effect::Admits, Effect::Refuses].iter().any(|effect| matchers.used.contains(&(name, *effect))) {
            let message = format!("no route refers to identity `{name}`");
            findings.lint(Lint::UnusedIdentity, span, None, message, "refer to it, or remove it");
        }
    }
}

/// The text of an `other_name` or `extension`, where its value is one.
fn inner(pattern: &Node) -> &Node {
    tree::get(pattern, "value").map_or(pattern, |value| tree::get(value, "utf8").unwrap_or(value))
}

impl<'p> Matchers<'p> {
    fn walk(&mut self, node: &'p Node, effect: Effect, route: Option<usize>) {
        for matcher in tree::entries(node) {
            for (key, _, value) in tree::members(matcher) {
                match key {
                    "any" | "all" => self.walk(value, effect, route),
                    "not" => self.walk(value, effect.not(), route),
                    "identity" => tree::entries(value).iter().for_each(|name| self.identity(name, effect)),
                    "subject" | "issuer" => {
                        tree::members(value).for_each(|(_, _, value)| self.leaf(key, value, effect, route));
                    }
                    _ => self.leaf(key, value, effect, route),
                }
            }
        }
    }

    fn identity(&mut self, name: &'p Node, effect: Effect) {
        let known = tree::text(name).and_then(|name| self.identities.get_key_value(name));
        if let Some((name, node)) = known.map(|(name, node)| (*name, *node))
            && self.used.insert((name, effect))
        {
            self.walk(node, effect, None);
        }
    }

    fn leaf(&mut self, key: &'p str, value: &'p Node, effect: Effect, route: Option<usize>) {
        let leaves =
            tree::entries(value).iter().map(|pattern| Leaf { key, pattern: inner(pattern), effect, route });
        self.leaves.extend(leaves);
    }
}
