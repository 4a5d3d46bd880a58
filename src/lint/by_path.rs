//! Routes of one host by their paths, and by what they ask beyond.

use std::collections::HashMap;

use super::further::{Attribute, Further, Values, Wanted};
use super::language::{ANY_SEGMENT, Language};
use super::networks;
use crate::policy::Network;

type ByText<'p> = HashMap<&'p [u8], Routes<'p>>;

/// Routes of one host, each by the form of its path.
#[derive(Debug, Default)]
pub(super) struct ByPath<'p> {
    exact: ByText<'p>,
    prefix: ByText<'p>,
    /// For each way in which named segments and others alternate, the templates.
    templates: Vec<(Vec<Named>, ByText<'p>)>,
    /// Routes without a path, and those of expressions.
    others: Routes<'p>,
}

/// Whether a template names a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Yes,
    No,
}

/// Routes by something that they ask for.
#[derive(Debug, Default)]
struct Routes<'p> {
    by_key: HashMap<Key<'p>, Vec<usize>>,
    without_key: Vec<usize>,
}

/// Something that a request must have for a route to be its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Text(&'a Attribute, &'a str),
    Network(Network),
}

impl<'p> ByPath<'p> {
    /// Adds a route; routes are added in their order.
    pub(super) fn push(&mut self, language: &'p Language, further: &'p Further, route: usize) {
        let routes = match language {
            Language::Exact(text) => self.exact.entry(text).or_default(),
            Language::Prefix(text) => self.prefix.entry(text).or_default(),
            Language::Template(text) => {
                let form: Vec<Named> = segments(text)
                    .map(|segment| if segment == [ANY_SEGMENT] { Named::No } else { Named::Yes })
                    .collect();
                let known = self.templates.iter().position(|(known, _)| *known == form);
                let at = known.unwrap_or(self.templates.len());
                if known.is_none() {
                    self.templates.push((form, HashMap::new()));
                }
                match self.templates.get_mut(at) {
                    Some((_, templates)) => templates.entry(text).or_default(),
                    None => &mut self.others,
                }
            }
            Language::Any
            | Language::Begins(_)
            | Language::Expression(_)
            | Language::Plain
            | Language::Reading
            | Language::PlainValue => &mut self.others,
        };
        match keys_of(further) {
            Some(keys) => keys.into_iter().for_each(|key| routes.by_key.entry(key).or_default().push(route)),
            None => routes.without_key.push(route),
        }
    }

    /// Routes that take `path`, as far as requests with these keys can be theirs: lists, each in order.
    pub(super) fn at<'s>(&'s self, path: &[u8], keys: &'s [Key<'s>]) -> Vec<&'s [usize]> {
        let mut found: Vec<&Routes<'p>> =
            borders(path).filter_map(|prefix| self.prefix.get(prefix)).collect();
        found.extend(self.exact.get(path));
        if !self.templates.is_empty() && path.first() == Some(&b'/') {
            let given: Vec<&[u8]> = segments(path).collect();
            let templates = self.templates.iter();
            found.extend(templates.filter_map(|(form, templates)| templates.get(&*masked(&given, form)?)));
        }
        found.into_iter().flat_map(|routes| routes.lists(keys)).collect()
    }

    /// Routes that may take any path, as far as requests with these keys can be theirs: lists, each in order.
    pub(super) fn anywhere<'s>(&'s self, keys: &'s [Key<'s>]) -> Vec<&'s [usize]> {
        self.others.lists(keys).collect()
    }
}

impl Routes<'_> {
    fn lists<'s>(&'s self, keys: &'s [Key<'s>]) -> impl Iterator<Item = &'s [usize]> {
        let by_key = if self.by_key.is_empty() { &[] } else { keys };
        let with_key = by_key.iter().filter_map(|key| self.by_key.get(key));
        with_key.chain([&self.without_key]).map(Vec::as_slice)
    }
}

/// Keys of which every request of a route has one; `None` where no such keys are known.
fn keys_of(further: &Further) -> Option<Vec<Key<'_>>> {
    let texts = further.texts.iter().find_map(|(attribute, wanted)| Some((attribute, wanted.exact()?)));
    if let Some((attribute, texts)) = texts {
        return Some(texts.into_iter().map(|text| Key::Text(attribute, text)).collect());
    }
    let networks = || further.sources.iter().map(|network| Key::Network(*network)).collect();
    (!further.sources.is_empty()).then(networks)
}

/// The keys that a request has. `prefixes` are those of networks that the policy names.
pub(super) fn keys_of_values<'v>(values: &'v Values, prefixes: &[(bool, u8)]) -> Vec<Key<'v>> {
    let texts = values.texts.iter().map(|(attribute, text)| Key::Text(attribute, text));
    let around = |source| around(source, prefixes).map(Key::Network);
    texts.chain(values.source.into_iter().flat_map(around)).collect()
}

/// Keys that every request of a route with these conditions has, and of those that each has one, the first.
pub(super) fn keys_of_all<'f>(further: &'f Further, prefixes: &[(bool, u8)]) -> Vec<Key<'f>> {
    let texts = further.texts.iter().filter_map(|(attribute, wanted)| match wanted {
        Wanted::OneOf(patterns) => {
            Some(Key::Text(attribute, patterns.iter().find_map(super::further::Pattern::exact)?))
        }
        Wanted::Present | Wanted::Absent => None,
    });
    let source = further.sources.first().and_then(networks::first);
    texts.chain(source.into_iter().flat_map(|source| around(source, prefixes).map(Key::Network))).collect()
}

fn around(source: std::net::IpAddr, prefixes: &[(bool, u8)]) -> impl Iterator<Item = Network> {
    let of_version = prefixes.iter().filter(move |(is_ipv4, _)| *is_ipv4 == source.is_ipv4());
    of_version.map(move |(_, prefix)| Network::around(source, *prefix))
}

/// The template of that form that the path matches, if any does.
fn masked(given: &[&[u8]], form: &[Named]) -> Option<Vec<u8>> {
    if given.len() != form.len() {
        return None;
    }
    let mut template = Vec::new();
    for (segment, named) in given.iter().zip(form) {
        template.push(b'/');
        match named {
            Named::Yes => template.extend_from_slice(segment),
            Named::No if segment.is_empty() => return None,
            Named::No => template.push(ANY_SEGMENT),
        }
    }
    Some(template)
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').skip(1)
}

/// What prefixes that hold `path` may be.
fn borders(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.chain([path.len()]).filter_map(|end| path.get(..end))
}
