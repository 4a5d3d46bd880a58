//! What routes ask beyond host, method and path: of headers, of what Envoy chose, and of where the client is.

use std::fmt;
use std::net::IpAddr;

use super::expression::Expression;
use super::language::{Language, TooLarge};
use super::networks;
use super::tree;
use crate::identity::TextKind;
use crate::policy::{Network, Node, PathCase, Value};

/// Something that a request has one text of, or none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Attribute {
    /// In lower case.
    Header(String),
    EnvoyRoute,
    EnvoyCluster,
    Metadata {
        namespace: String,
        key: String,
    },
}

/// What is asked of an attribute.
#[derive(Debug)]
pub(super) enum Wanted {
    Present,
    Absent,
    /// That any of these matches.
    OneOf(Vec<Pattern>),
}

/// Texts as a route names them.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) kind: TextKind,
    pub(super) text: String,
    pub(super) language: Language,
}

/// The conditions of one route, all of which must hold.
#[derive(Debug, Default)]
pub(super) struct Further {
    pub(super) texts: Vec<(Attribute, Wanted)>,
    /// Empty for every network.
    pub(super) sources: Vec<Network>,
}

/// What one request has; it lacks every attribute that is not named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) texts: Vec<(Attribute, String)>,
    pub(super) source: Option<IpAddr>,
}

impl Values {
    pub(super) fn get(&self, attribute: &Attribute) -> Option<&str> {
        self.texts.iter().find(|(name, _)| name == attribute).map(|(_, text)| text.as_str())
    }
}

impl Attribute {
    /// Whether the client says what it is.
    pub(super) fn is_said_by_client(&self) -> bool {
        match self {
            Self::Header(_) => true,
            Self::EnvoyRoute | Self::EnvoyCluster | Self::Metadata { .. } => false,
        }
    }
}

/// With ` with`, ` on` or the like in front, to go on after a request.
impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (attribute, text) in &self.texts {
            match attribute {
                Attribute::Header(name) => write!(f, " with `{name}: {text}`")?,
                Attribute::EnvoyRoute => write!(f, " on Envoy's route `{text}`")?,
                Attribute::EnvoyCluster => write!(f, " for Envoy's cluster `{text}`")?,
                Attribute::Metadata { namespace, key } => {
                    write!(f, " on a route of Envoy with `{namespace}.{key}` = `{text}`")?;
                }
            }
        }
        self.source.map_or(Ok(()), |source| write!(f, " from `{source}`"))
    }
}

impl Further {
    /// Of a `match`.
    pub(super) fn of(node: &Node) -> Self {
        let members = |key| tree::get(node, key).into_iter().flat_map(tree::members);
        let mut texts = Vec::new();
        for (name, _, value) in members("headers") {
            texts.push((Attribute::Header(name.to_ascii_lowercase()), Wanted::of(value)));
        }
        for (key, attribute) in
            [("envoy_route", Attribute::EnvoyRoute), ("envoy_cluster", Attribute::EnvoyCluster)]
        {
            texts.extend(tree::get(node, key).map(|value| (attribute, Wanted::of(value))));
        }
        for (namespace, _, entries) in members("route_metadata") {
            texts.extend(tree::members(entries).map(|(key, _, value)| {
                let (namespace, key) = (namespace.to_owned(), key.to_owned());
                (Attribute::Metadata { namespace, key }, Wanted::of(value))
            }));
        }
        let sources = tree::list(node, "source").iter().filter_map(tree::text);
        Self { texts, sources: sources.filter_map(|text| Network::parse(text).ok()).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.sources.is_empty()
    }

    pub(super) fn get(&self, attribute: &Attribute) -> Option<&Wanted> {
        self.texts.iter().find(|(name, _)| name == attribute).map(|(_, wanted)| wanted)
    }

    /// Whether they hold of a request.
    ///
    /// # Errors
    /// [`TooLarge`] where an expression is.
    pub(super) fn hold_of(&self, values: &Values) -> Result<bool, TooLarge> {
        let is_from = |source| self.sources.iter().any(|network| network.contains(source));
        if !self.sources.is_empty() && !values.source.is_some_and(is_from) {
            return Ok(false);
        }
        for (attribute, wanted) in &self.texts {
            if !wanted.holds_of(values.get(attribute))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every request of which `others` hold is one of these too, as far as that shows by their form. Where a
    /// header can be read in several ways `others` hold only of a request that these hold of in each.
    pub(super) fn follow_from(&self, others: &Self) -> bool {
        self.texts
            .iter()
            .all(|(name, wanted)| others.get(name).is_some_and(|other| wanted.follows_from(other)))
            && self.sources_follow_from(others)
    }

    /// Whether what the operator decides, and not the client by its headers, tells requests of these from all others.
    pub(super) fn restrict_by_operator(&self, others: &Self) -> bool {
        !self.sources_follow_from(others)
            || self.texts.iter().any(|(name, wanted)| {
                !name.is_said_by_client() && !others.get(name).is_some_and(|other| wanted.follows_from(other))
            })
    }

    /// Whether headers that clients write tell requests of these from all others.
    pub(super) fn restrict_by_header(&self, others: &Self) -> bool {
        self.texts.iter().any(|(name, wanted)| {
            name.is_said_by_client() && !others.get(name).is_some_and(|other| wanted.follows_from(other))
        })
    }

    /// Whether the operator keeps requests of these and of `others` apart.
    pub(super) fn are_apart_from(&self, others: &Self) -> bool {
        let apart = |(name, wanted): &(Attribute, Wanted)| {
            !name.is_said_by_client() && others.get(name).is_some_and(|other| wanted.is_apart_from(other))
        };
        let meet = |our: &Network| others.sources.iter().any(|their| networks::meet(our, their));
        self.texts.iter().any(apart)
            || !self.sources.is_empty() && !others.sources.is_empty() && !self.sources.iter().any(meet)
    }

    fn sources_follow_from(&self, others: &Self) -> bool {
        let is_inside = |inner: &Network| self.sources.iter().any(|outer| networks::holds(outer, inner));
        self.sources.is_empty() || !others.sources.is_empty() && others.sources.iter().all(is_inside)
    }
}

impl Wanted {
    fn of(node: &Node) -> Self {
        match tree::get(node, "present").map(|present| &present.value) {
            Some(Value::Bool(false)) => Self::Absent,
            Some(_) => Self::Present,
            None => Self::OneOf(tree::entries(node).iter().map(Pattern::of).collect()),
        }
    }

    /// The texts, where each is named.
    pub(super) fn exact(&self) -> Option<Vec<&str>> {
        match self {
            Self::Present | Self::Absent => None,
            Self::OneOf(patterns) => patterns.iter().map(Pattern::exact).collect(),
        }
    }

    fn holds_of(&self, text: Option<&str>) -> Result<bool, TooLarge> {
        match (self, text) {
            (Self::Present, text) => Ok(text.is_some()),
            (Self::Absent, text) => Ok(text.is_none()),
            (Self::OneOf(_), None) => Ok(false),
            (Self::OneOf(patterns), Some(text)) => {
                for pattern in patterns {
                    if pattern.language.contains(text.as_bytes())? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn follows_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present, Self::Present | Self::OneOf(_)) | (Self::Absent, Self::Absent) => true,
            (Self::OneOf(ours), Self::OneOf(theirs)) => {
                theirs.iter().all(|their| ours.iter().any(|our| our.holds(their)))
            }
            (Self::Present | Self::Absent | Self::OneOf(_), _) => false,
        }
    }

    /// As far as texts are named.
    fn is_apart_from(&self, other: &Self) -> bool {
        let differ = |our: &Pattern, their: &Pattern| {
            our.exact().zip(their.exact()).is_some_and(|(our, their)| our != their)
        };
        match (self, other) {
            (Self::OneOf(ours), Self::OneOf(theirs)) => {
                ours.iter().all(|our| theirs.iter().all(|their| differ(our, their)))
            }
            (Self::Present | Self::Absent | Self::OneOf(_), _) => false,
        }
    }
}

impl Pattern {
    fn of(node: &Node) -> Self {
        let (kind, text) = match tree::text(node) {
            Some(text) => ("exact", text),
            None => tree::members(node)
                .next()
                .and_then(|(key, _, value)| Some((key, tree::text(value)?)))
                .unwrap_or_default(),
        };
        let expression =
            |text: &str| Language::Expression(Box::new(Expression::new(text, PathCase::Sensitive)));
        let (kind, language) = match kind {
            "prefix" => (TextKind::Prefix, Language::Begins(text.as_bytes().to_vec())),
            // Whatever bytes there are.
            "suffix" => (TextKind::Suffix, expression(&format!("(?s:.)*{}", regex_syntax::escape(text)))),
            "regex" => (TextKind::Regex, expression(text)),
            _ => (TextKind::Exact, Language::Exact(text.as_bytes().to_vec())),
        };
        Self { kind, text: text.to_owned(), language }
    }

    /// The only text, where it is one.
    pub(super) fn exact(&self) -> Option<&str> {
        (self.kind == TextKind::Exact).then_some(&self.text)
    }

    /// What every text begins with, where nothing else is asked.
    pub(super) fn beginning(&self) -> Option<&str> {
        (self.kind == TextKind::Prefix).then_some(&self.text)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.text) == (other.kind, &other.text)
    }

    /// Whether every text of `inner` is one of these, as far as that shows by their form.
    fn holds(&self, inner: &Self) -> bool {
        match (self.exact(), inner.exact()) {
            (_, Some(text)) => self.language.contains(text.as_bytes()) == Ok(true),
            (None, None) => self.is_same(inner),
            (Some(_), None) => false,
        }
    }
}
