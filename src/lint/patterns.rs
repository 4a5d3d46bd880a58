//! Patterns that let in more than their author is likely to know, and pins that will let in nobody.

use super::expression::Expression;
use super::finding::Findings;
use super::language::Language;
use super::matchers::{Effect, Leaf, Matchers};
use super::search::{Budget, Found, Part, find};
use super::tree;
use crate::identity::pattern::shown;
use crate::policy::{Lint, PathCase};

/// Second-level domains under which registries of countries register names for the public.
const PUBLIC_SECOND_LEVEL: &[&str] = &["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];

/// Texts long enough to be a name.
const NAMES: &str = "[ -~]{8,}";

pub(super) fn check(matchers: &Matchers<'_>, budget: &Budget, findings: &mut Findings) {
    for leaf in matchers.leaves.iter().filter(|leaf| leaf.effect == Effect::Admits) {
        let (kind, text) = kind_and_text(leaf);
        if let Some((what, help)) = breadth(leaf.key, kind, text, budget) {
            let message = format!("`{}` {what}", shown(text));
            findings.lint(Lint::BroadPattern, leaf.pattern.span, leaf.route, message, help);
        }
        if leaf.key == "sha256" {
            let message = "this pin ends with the certificate: a renewed one does not match".to_owned();
            let help = "pin the key with `spki_sha256`, and the next key beside it";
            findings.lint(Lint::ExpiringPin, leaf.pattern.span, leaf.route, message, help);
        }
    }
}

/// How the text of a pattern is compared, and the text.
pub(super) fn kind_and_text<'p>(leaf: &Leaf<'p>) -> (&'p str, &'p str) {
    match tree::text(leaf.pattern) {
        Some(text) => ("exact", text),
        None => tree::members(leaf.pattern)
            .next()
            .and_then(|(key, _, value)| Some((key, tree::text(value)?)))
            .unwrap_or_default(),
    }
}

/// Whom a pattern takes beside those that are meant, and what to write instead.
fn breadth(key: &str, kind: &str, text: &str, budget: &Budget) -> Option<(&'static str, &'static str)> {
    const NAME_DOMAIN: &str = "write the domain with the `@` before it";
    match (key, kind) {
        ("spiffe_id", _) => {
            let (_, path) = text.strip_prefix("spiffe://")?.split_once('/')?;
            path.split('/').all(|segment| segment.starts_with('*')).then_some((
                "takes every workload of the trust domain",
                "name the namespace or the service account, or list the workloads",
            ))
        }
        ("dns", _) => {
            let parent = text.strip_prefix("*.")?;
            is_public(parent)
                .then_some(("takes the names of everybody who has a domain there", "name your own domain"))
        }
        ("email" | "upn", "prefix") => Some((
            "takes names of any domain that somebody sets up",
            "use `suffix` with your own domain, or the whole address",
        )),
        ("email" | "upn", "suffix") => match text.rsplit_once('@') {
            Some((_, domain)) => is_public(domain).then_some(("takes names of everybody there", NAME_DOMAIN)),
            None if !text.starts_with('.') => Some(("takes names of other domains that end so", NAME_DOMAIN)),
            None => is_public(text.trim_start_matches('.'))
                .then_some(("takes names of everybody who has a domain there", NAME_DOMAIN)),
        },
        ("ip", _) => text.ends_with("/0").then_some(("takes every address", "name your own network")),
        ("uri", "prefix") if is_unfinished(text) => Some((
            "takes URIs of other owners whose names begin so",
            "end the prefix with the `/` after the owner's name",
        )),
        ("uri", "suffix") => {
            Some(("takes URIs of any owner", "begin with the owner's name: use `prefix`, or the whole URI"))
        }
        (_, "regex") if takes_every_name(text, budget) => {
            Some(("takes every name", "name whom you mean; `\"any_verified\"` says \"any\" aloud"))
        }
        ("uri", "regex") if text.starts_with(".*") || text.starts_with(".+") => {
            Some(("takes URIs of any owner", "begin with the owner's name"))
        }
        ("email" | "upn", "regex") if text.ends_with(".*") || text.ends_with(".+") => {
            Some(("takes names of any domain that somebody sets up", "end with your own domain"))
        }
        _ => None,
    }
}

/// Whether anybody may have a name below this one, as far as a few rules tell.
fn is_public(domain: &str) -> bool {
    match domain.trim_end_matches('.').rsplit_once('.') {
        None => true,
        Some((second, top)) => {
            top.len() == 2 && PUBLIC_SECOND_LEVEL.iter().any(|public| second.eq_ignore_ascii_case(public))
        }
    }
}

/// Whether a URI's beginning ends before its owner's name does.
fn is_unfinished(text: &str) -> bool {
    match text.split_once("://") {
        Some((_, rest)) => !rest.contains('/'),
        None => text.split_once(':').is_none_or(|(_, rest)| rest.is_empty()),
    }
}

fn takes_every_name(text: &str, budget: &Budget) -> bool {
    let [names, expression] =
        [NAMES, text].map(|text| Language::Expression(Box::new(Expression::new(text, PathCase::Sensitive))));
    let part = |language| Part { language, case: PathCase::Sensitive };
    find(&[part(&names)], &[part(&expression)], budget) == Found::Nothing
}
