//! The routes of a policy as the lints see them: what each takes, and where it is written.

use super::expression::Expression;
use super::further::Further;
use super::language::{ANY_SEGMENT, Language};
use super::search::Part;
use super::tree;
use crate::policy::{ClientCertificate, HostPattern, Node, PathCase, Policy, Route, Span};

/// A policy and its tree.
#[derive(Debug)]
pub(super) struct View<'p> {
    pub(super) policy: &'p Policy,
    pub(super) tree: &'p Node,
    pub(super) routes: Vec<RouteView<'p>>,
}

/// One route.
#[derive(Debug)]
pub(super) struct RouteView<'p> {
    pub(super) route: &'p Route,
    pub(super) node: &'p Node,
    pub(super) scope: Scope,
}

/// The requests that a route or an assertion is about.
#[derive(Debug)]
pub(super) struct Scope {
    /// Empty for every host.
    pub(super) hosts: Vec<HostPattern>,
    /// Empty for every method.
    pub(super) methods: Vec<String>,
    /// `None` also takes requests without a path.
    pub(super) path: Option<PathSet>,
    pub(super) further: Further,
}

/// The paths of a scope, as written and, for paths in lower case, without case.
#[derive(Debug)]
pub(super) struct PathSet {
    as_written: Language,
    folded: Language,
}

impl<'p> View<'p> {
    pub(super) fn new(policy: &'p Policy, tree: &'p Node) -> Self {
        let nodes = tree::list(tree, "routes");
        let routes = policy.routes().iter().zip(nodes).map(|(route, node)| RouteView {
            route,
            node,
            scope: tree::get(node, "match").map_or_else(Scope::everything, Scope::of),
        });
        Self { policy, tree, routes: routes.collect() }
    }

    /// The cases in which the policy reads every path.
    pub(super) fn cases(&self) -> &'static [PathCase] {
        match tree::get(self.tree, "path_case").and_then(tree::text) {
            Some("insensitive") => &[PathCase::Sensitive, PathCase::Insensitive],
            Some(_) | None => &[PathCase::Sensitive],
        }
    }
}

impl RouteView<'_> {
    pub(super) fn name(&self) -> &str {
        self.route.name()
    }

    /// Where the name is written, which is where the route is pointed at.
    pub(super) fn place(&self) -> Span {
        tree::get(self.node, "name").map_or(self.node.span, |name| name.span)
    }

    /// Whether a client may come without a certificate, and with nothing in its place.
    pub(super) fn is_open(&self) -> bool {
        match self.route.client_certificate() {
            ClientCertificate::Ignored => true,
            ClientCertificate::Optional(rules) => rules.token.is_none(),
            ClientCertificate::Required(_) | ClientCertificate::Unverified(_) => false,
        }
    }

    /// Whether a client must present a certificate.
    pub(super) fn is_guarded(&self) -> bool {
        match self.route.client_certificate() {
            ClientCertificate::Required(_) | ClientCertificate::Unverified(_) => true,
            ClientCertificate::Ignored | ClientCertificate::Optional(_) => false,
        }
    }

    /// Whether certificates are not looked at.
    pub(super) fn ignores(&self) -> bool {
        match self.route.client_certificate() {
            ClientCertificate::Ignored => true,
            ClientCertificate::Optional(_)
            | ClientCertificate::Unverified(_)
            | ClientCertificate::Required(_) => false,
        }
    }
}

impl Scope {
    fn everything() -> Self {
        Self { hosts: Vec::new(), methods: Vec::new(), path: None, further: Further::default() }
    }

    /// Of a `match`, or of an assertion, which has no further conditions.
    pub(super) fn of(node: &Node) -> Self {
        let texts = |key| tree::list(node, key).iter().filter_map(tree::text);
        Self {
            hosts: texts("hosts").filter_map(|text| HostPattern::parse(text).ok()).collect(),
            methods: texts("methods").map(str::to_owned).collect(),
            path: tree::get(node, "path").map(PathSet::of),
            further: Further::of(node),
        }
    }

    /// The paths, read in `case`.
    pub(super) fn part(&self, case: PathCase) -> Part<'_> {
        let language = match (&self.path, case) {
            (None, _) => &Language::Any,
            (Some(path), PathCase::Sensitive) => &path.as_written,
            (Some(path), PathCase::Insensitive) => &path.folded,
        };
        Part { language, case }
    }

    /// The paths as they are written.
    pub(super) fn language(&self) -> &Language {
        self.part(PathCase::Sensitive).language
    }

    /// The requests of both scopes as far as hosts and methods go; `None` where there are none.
    pub(super) fn kinds_of_both(&self, other: &Self) -> Option<(Vec<HostPattern>, Vec<String>)> {
        let hosts = match (self.hosts.as_slice(), other.hosts.as_slice()) {
            ([], hosts) | (hosts, []) => hosts.to_vec(),
            (ours, theirs) => {
                let both = ours.iter().flat_map(|our| theirs.iter().filter_map(|their| both(our, their)));
                let both: Vec<HostPattern> = both.cloned().collect();
                if both.is_empty() {
                    return None;
                }
                both
            }
        };
        let methods = match (self.methods.as_slice(), other.methods.as_slice()) {
            ([], methods) | (methods, []) => methods.to_vec(),
            (ours, theirs) => {
                let both: Vec<String> =
                    ours.iter().filter(|method| theirs.contains(method)).cloned().collect();
                if both.is_empty() {
                    return None;
                }
                both
            }
        };
        Some((hosts, methods))
    }

    /// Whether some host is in both scopes.
    pub(super) fn shares_a_host(&self, other: &Self) -> bool {
        self.hosts.is_empty()
            || other.hosts.is_empty()
            || self.hosts.iter().any(|our| other.hosts.iter().any(|their| both(our, their).is_some()))
    }

    /// Whether this scope takes every request of `other` as far as its path lets it.
    pub(super) fn takes_every_kind_of(&self, other: &Self) -> bool {
        let hosts = self.hosts.is_empty()
            || !other.hosts.is_empty()
                && other.hosts.iter().all(|their| self.hosts.iter().any(|our| holds(our, their)));
        let methods = self.methods.is_empty()
            || !other.methods.is_empty() && other.methods.iter().all(|method| self.methods.contains(method));
        hosts && methods && self.further.follow_from(&other.further)
    }
}

impl PathSet {
    fn of(node: &Node) -> Self {
        let (kind, text) = match tree::text(node) {
            Some(text) => ("exact", text),
            None => tree::members(node)
                .next()
                .and_then(|(key, _, value)| Some((key, tree::text(value)?)))
                .unwrap_or_default(),
        };
        let folded = text.to_ascii_lowercase();
        match kind {
            "exact" => Self {
                as_written: Language::Exact(text.as_bytes().to_vec()),
                folded: Language::Exact(folded.into_bytes()),
            },
            "template" => {
                let template = |text: &str| Language::Template(without_names(text).into_bytes());
                Self { as_written: template(text), folded: template(&folded) }
            }
            "prefix" => {
                let prefix =
                    |text: &str| Language::Prefix(text.strip_suffix('/').unwrap_or(text).as_bytes().to_vec());
                Self { as_written: prefix(text), folded: prefix(&folded) }
            }
            _ => {
                let expression = |case| Language::Expression(Box::new(Expression::new(text, case)));
                Self {
                    as_written: expression(PathCase::Sensitive),
                    folded: expression(PathCase::Insensitive),
                }
            }
        }
    }
}

/// A template in which every segment in braces is one character.
fn without_names(template: &str) -> String {
    let segment = |segment: &str| {
        if segment.starts_with('{') { char::from(ANY_SEGMENT).to_string() } else { segment.to_owned() }
    };
    template.split('/').map(segment).collect::<Vec<String>>().join("/")
}

/// The narrower of two patterns of which one holds the other; `None` if they have no host in common.
fn both<'h>(left: &'h HostPattern, right: &'h HostPattern) -> Option<&'h HostPattern> {
    if holds(left, right) {
        Some(right)
    } else if holds(right, left) {
        Some(left)
    } else {
        None
    }
}

/// Whether every host that `inner` names is named by `outer`.
fn holds(outer: &HostPattern, inner: &HostPattern) -> bool {
    match (outer, inner) {
        (_, HostPattern::Exact(host)) => outer.matches(host),
        (HostPattern::Exact(_), HostPattern::Below(_)) => false,
        (HostPattern::Below(outer), HostPattern::Below(inner)) => inner.ends_with(outer.as_str()),
    }
}
