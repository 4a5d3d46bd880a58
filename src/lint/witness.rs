//! Headers, addresses and choices of Envoy for requests that stand for all of a route: each is held by as few other
//! routes as can be.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::further::{Attribute, Further, Pattern, Values, Wanted};
use super::language::Language;
use super::networks::{self, Networks};
use super::search::{Budget, Found, Part, find};
use super::view::View;
use crate::identity::TextKind;
use crate::policy::PathCase;

/// Most requests that stand for one route on one host and with one method.
const MAX_VALUES: usize = 32;

/// Most texts that are tried before a text that other routes match is taken.
const MAX_TRIED: usize = 16;

/// A text that no route names, if luck will have it, and that reads well.
const SOME_TEXT: &str = "any";

/// What all routes of a policy name.
#[derive(Debug)]
pub(super) struct Named<'p> {
    texts: HashMap<&'p Attribute, Texts<'p>>,
    /// Attributes whose absence some route asks for.
    absent: Vec<&'p Attribute>,
    networks: Networks,
    outside: OnceCell<Option<IpAddr>>,
    /// Whether two headers are named that some server takes for one.
    has_headers_alike: bool,
}

/// What is asked of one attribute.
#[derive(Debug, Default)]
struct Texts<'p> {
    exact: HashSet<&'p str>,
    /// Of the patterns that are nothing else, the beginnings.
    beginnings: HashMap<&'p str, &'p Pattern>,
    /// The others, each once.
    patterns: Vec<&'p Pattern>,
    known: HashSet<(TextKind, &'p str)>,
}

/// What requests of one route have.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    pub(super) values: Vec<Values>,
    /// Whether they stand for all: if a request reaches the route, then one with some of these values does.
    pub(super) stand_for_all: bool,
}

impl<'p> Named<'p> {
    pub(super) fn new(view: &'p View<'p>) -> Self {
        let routes = || view.routes.iter().map(|route| &route.scope.further);
        let mut texts: HashMap<&Attribute, Texts<'_>> = HashMap::new();
        let mut absent: Vec<&Attribute> = Vec::new();
        let mut absent_known = HashSet::new();
        let (mut headers, mut folded_headers) = (HashSet::new(), HashSet::new());
        for (attribute, wanted) in routes().flat_map(|further| &further.texts) {
            if let Attribute::Header(name) = attribute {
                headers.insert(name.as_str());
                folded_headers.insert(name.replace('_', "-"));
            }
            match wanted {
                Wanted::Present => {}
                Wanted::Absent => {
                    if absent_known.insert(attribute) {
                        absent.push(attribute);
                    }
                }
                Wanted::OneOf(patterns) => {
                    let texts = texts.entry(attribute).or_default();
                    for pattern in patterns {
                        texts.add(pattern);
                    }
                }
            }
        }
        Self {
            texts,
            absent,
            networks: Networks::new(routes().flat_map(|further| &further.sources)),
            outside: OnceCell::new(),
            has_headers_alike: headers.len() != folded_headers.len(),
        }
    }

    /// What requests have that stand for all of a route with these conditions.
    pub(super) fn witnesses(&self, further: &Further, budget: &Budget) -> Witnesses {
        let mut stand_for_all = !self.has_headers_alike;
        let mut all = vec![Values::default()];
        for (attribute, wanted) in &further.texts {
            let texts = self.texts_of(attribute, Some(wanted), budget, &mut stand_for_all);
            all = with_each(&all, attribute, &texts);
        }
        let undemanded = self.absent.iter().filter(|attribute| further.get(attribute).is_none());
        for attribute in undemanded {
            let texts = self.texts_of(attribute, None, budget, &mut stand_for_all);
            all = with_each(&all, attribute, &texts);
            if all.len() > MAX_VALUES {
                break;
            }
        }
        let sources = self.sources_of(further, &mut stand_for_all);
        let mut values: Vec<Values> = all
            .iter()
            .flat_map(|values| sources.iter().map(|source| Values { source: *source, ..values.clone() }))
            .take(MAX_VALUES + 1)
            .collect();
        if values.len() > MAX_VALUES {
            values.truncate(MAX_VALUES);
            stand_for_all = false;
        }
        Witnesses { values, stand_for_all }
    }

    /// Texts of which a request that meets the demand has one; `None` for none.
    fn texts_of(
        &self,
        attribute: &Attribute,
        wanted: Option<&Wanted>,
        budget: &Budget,
        stand_for_all: &mut bool,
    ) -> Vec<Option<String>> {
        let patterns = match wanted {
            Some(Wanted::Absent) => return vec![None],
            Some(Wanted::Present) => return vec![self.some_text(attribute, None, budget, stand_for_all)],
            None => return vec![None, self.some_text(attribute, None, budget, stand_for_all)],
            Some(Wanted::OneOf(patterns)) => patterns,
        };
        let mut texts = Vec::new();
        for pattern in patterns.iter().take(MAX_VALUES + 1) {
            let text = match pattern.exact() {
                Some(text) => self.is_plain(attribute, text).then(|| text.to_owned()),
                None => self.some_text(attribute, Some(pattern), budget, stand_for_all),
            };
            match text {
                Some(text) => texts.push(Some(text)),
                None => *stand_for_all = false,
            }
        }
        texts
    }

    /// Whether nobody reads the text in another way.
    fn is_plain(&self, attribute: &Attribute, text: &str) -> bool {
        !attribute.is_said_by_client() || Language::PlainValue.contains(text.as_bytes()) == Ok(true)
    }

    /// A text that the pattern matches, or any, and that no other route names or matches; if there is none, one that
    /// others match too.
    fn some_text(
        &self,
        attribute: &Attribute,
        own: Option<&Pattern>,
        budget: &Budget,
        stand_for_all: &mut bool,
    ) -> Option<String> {
        let language = own.map_or(&Language::PlainValue, |pattern| &pattern.language);
        let mut exact: Vec<Language> = Vec::new();
        let mut matching: Vec<&Pattern> = Vec::new();
        let mut first = None;
        for tried in 0..MAX_TRIED {
            let text = if tried == 0 && language.contains(SOME_TEXT.as_bytes()) == Ok(true) {
                SOME_TEXT.to_owned()
            } else {
                let outside = exact.iter().chain(matching.iter().map(|pattern| &pattern.language));
                let outside: Vec<Part<'_>> = outside.map(part).collect();
                match find(&[part(language), part(&Language::PlainValue)], &outside, budget) {
                    Found::Path(text) => String::from_utf8_lossy(&text).into_owned(),
                    Found::Nothing | Found::TooMuch => break,
                }
            };
            let Some(others) = self.texts.get(attribute) else { return Some(text) };
            let known = (exact.len(), matching.len());
            if others.exact.contains(text.as_str()) {
                exact.push(Language::Exact(text.as_bytes().to_vec()));
            }
            let is_other = |pattern: &&Pattern| own.is_none_or(|own| !own.is_same(pattern));
            matching.extend(others.beginnings_of(&text).filter(is_other));
            for pattern in others.patterns.iter().copied().filter(is_other) {
                match pattern.language.contains(text.as_bytes()) {
                    Ok(true) => matching.push(pattern),
                    Ok(false) => {}
                    Err(_) => *stand_for_all = false,
                }
            }
            if known == (exact.len(), matching.len()) {
                return Some(text);
            }
            first = first.or(Some(text));
        }
        *stand_for_all = false;
        first
    }

    fn sources_of(&self, further: &Further, stand_for_all: &mut bool) -> Vec<Option<IpAddr>> {
        if self.networks.is_empty() {
            return vec![None];
        }
        if further.sources.is_empty() {
            let outside = *self.outside.get_or_init(|| self.networks.outside());
            *stand_for_all &= outside.is_some();
            // Without an address nobody gets in where routes ask for it.
            return vec![outside.or(Some(networks::SOME_ADDRESS))];
        }
        let mut sources = Vec::new();
        for network in further.sources.iter().take(MAX_VALUES + 1) {
            let inside = self.networks.inside(network);
            *stand_for_all &= inside.is_some();
            sources.push(inside.or_else(|| networks::first(network)));
        }
        sources
    }
}

impl<'p> Texts<'p> {
    fn add(&mut self, pattern: &'p Pattern) {
        if let Some(text) = pattern.exact() {
            self.exact.insert(text);
        } else if let Some(text) = pattern.beginning() {
            self.beginnings.insert(text, pattern);
        } else if self.known.insert((pattern.kind, &pattern.text)) {
            self.patterns.push(pattern);
        }
    }

    /// The patterns with which `text` begins.
    fn beginnings_of(&self, text: &str) -> impl Iterator<Item = &'p Pattern> {
        let beginnings = (1..=text.len()).filter_map(|end| text.get(..end));
        beginnings.filter_map(|beginning| self.beginnings.get(beginning).copied())
    }
}

fn part(language: &Language) -> Part<'_> {
    Part { language, case: PathCase::Sensitive }
}

fn with_each(all: &[Values], attribute: &Attribute, texts: &[Option<String>]) -> Vec<Values> {
    let with = |values: &Values, text: &Option<String>| {
        let mut values = values.clone();
        values.texts.extend(text.iter().map(|text| (attribute.clone(), text.clone())));
        values
    };
    let each = all.iter().flat_map(|values| texts.iter().map(move |text| with(values, text)));
    each.take(MAX_VALUES + 1).collect()
}
