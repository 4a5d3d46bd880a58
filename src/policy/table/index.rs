//! Finds the routes that may match a request without looking at each.
//!
//! For every kind of condition the index knows which routes hold it of the request at hand; what remains is in all of
//! these. It may leave a route that does not match, for the route itself is asked in the end, and leaves out none that does.

use std::collections::HashMap;
use std::net::IpAddr;

use super::path_tree::PathTree;
use super::route_set::{Candidates, RouteSet};
use crate::policy::header::{ValuePattern, Wanted};
use crate::policy::host::{Host, HostPattern};
use crate::policy::network::Network;
use crate::policy::path::{PathCase, PathPattern};
use crate::policy::request_match::{MetadataCondition, Request};
use crate::policy::route::Route;
use crate::policy::route_metadata::Entry;
use crate::sorted::sorted;

/// Most headers, and most entries of metadata, by which routes are told apart here: those that the most routes name.
/// Policies that serve many tenants have one or two.
const MAX_NAMES: usize = 4;

/// Routes by the conditions that a request is asked for.
#[derive(Debug)]
pub(super) struct Index {
    hosts: HostIndex,
    methods: TextIndex,
    paths: PathIndex,
    /// Only where the policy reads paths without case as well.
    folded_paths: Option<PathIndex>,
    headers: Vec<(String, TextIndex)>,
    envoy_routes: TextIndex,
    envoy_clusters: TextIndex,
    route_metadata: Vec<((String, String), TextIndex)>,
    sources: NetworkIndex,
}

impl Index {
    pub(super) fn new(routes: &[impl AsRef<Route>], path_case: PathCase) -> Self {
        let all = || routes.iter().map(|route| &route.as_ref().matches).enumerate();
        let headers =
            all().flat_map(|(_, matches)| &matches.headers).map(|header| ("", header.name.as_str()));
        let entries = all().flat_map(|(_, matches)| &matches.route_metadata).map(metadata_name);
        let paths =
            |case| PathIndex::new(all().map(|(position, matches)| (position, matches.path.as_ref())), case);
        let mut index = Self {
            hosts: HostIndex::default(),
            methods: TextIndex::default(),
            paths: paths(PathCase::Sensitive),
            folded_paths: (path_case == PathCase::Insensitive).then(|| paths(PathCase::Insensitive)),
            headers: most_named(headers).into_iter().map(|(_, name)| (name, TextIndex::default())).collect(),
            envoy_routes: TextIndex::default(),
            envoy_clusters: TextIndex::default(),
            route_metadata: most_named(entries)
                .into_iter()
                .map(|name| (name, TextIndex::default()))
                .collect(),
            sources: NetworkIndex::default(),
        };
        for (position, matches) in all() {
            index.hosts.push(&matches.hosts, position);
            index.methods.push(Some(&matches.methods), position);
            index.envoy_routes.push(Some(&matches.envoy_routes), position);
            index.envoy_clusters.push(Some(&matches.envoy_clusters), position);
            index.sources.push(&matches.sources, position);
            for (name, values) in &mut index.headers {
                match matches.headers.iter().find(|header| header.name == *name).map(|header| &header.wanted)
                {
                    None => values.push(Some(&[]), position),
                    Some(Wanted::Present | Wanted::Absent) => values.push(None, position),
                    Some(Wanted::Value(patterns)) => {
                        let exact = patterns.iter().map(|pattern| match pattern {
                            ValuePattern::Exact(text) => Some(text.clone()),
                            ValuePattern::Pattern(_) => None,
                        });
                        values.push(exact.collect::<Option<Vec<_>>>().as_deref(), position);
                    }
                }
            }
            for ((namespace, key), values) in &mut index.route_metadata {
                let wanted = matches
                    .route_metadata
                    .iter()
                    .find(|wanted| metadata_name(wanted) == (namespace.as_str(), key.as_str()));
                values.push(Some(wanted.map_or(&[], |wanted| &wanted.values)), position);
            }
        }
        index
    }

    /// The routes that may match a request whose path is read as `path`; `None` where it has none.
    pub(super) fn candidates<'t>(
        &'t self,
        request: &Request<'_>,
        path: Option<&[u8]>,
        case: PathCase,
    ) -> Candidates<'t> {
        let mut candidates = Candidates::default();
        let paths = match case {
            PathCase::Sensitive => &self.paths,
            PathCase::Insensitive => self.folded_paths.as_ref().unwrap_or(&self.paths),
        };
        candidates.narrow(paths.find(path));
        if self.hosts.tells_apart() {
            candidates.narrow(self.hosts.find(request.host));
        }
        self.methods.narrow(&mut candidates, || Some([request.method.as_bytes()]));
        for (name, values) in &self.headers {
            let header = request.header(name);
            values.narrow(&mut candidates, || header.values().map(|values| values.iter().map(Vec::as_slice)));
        }
        candidates
    }

    /// Leaves out the routes that do not match by what has been asked so far.
    pub(super) fn narrow_by_answers<'t>(
        &'t self,
        request: &Request<'_>,
        used: &mut UsedAnswers,
        candidates: &mut Candidates<'t>,
    ) {
        if let Some(name) = request.known_envoy_route()
            && !std::mem::replace(&mut used.envoy_route, true)
        {
            self.envoy_routes.narrow(candidates, || Some(name));
        }
        if let Some(name) = request.known_envoy_cluster()
            && !std::mem::replace(&mut used.envoy_cluster, true)
        {
            self.envoy_clusters.narrow(candidates, || Some(name));
        }
        if let Some(metadata) = request.known_route_metadata()
            && !std::mem::replace(&mut used.route_metadata, true)
        {
            for ((namespace, key), values) in &self.route_metadata {
                values.narrow(candidates, || match metadata.entry(namespace, key) {
                    Entry::Text(text) => Some(Some(text.as_bytes())),
                    Entry::Absent => Some(None),
                    // An error, if a route comes to ask for it.
                    Entry::NoText => None,
                });
            }
        }
        if let Some(source) = request.known_source()
            && !std::mem::replace(&mut used.source, true)
        {
            candidates.narrow(self.sources.find(source));
        }
    }
}

/// Answers by which candidates were narrowed.
#[derive(Debug, Default)]
pub(super) struct UsedAnswers {
    envoy_route: bool,
    envoy_cluster: bool,
    route_metadata: bool,
    source: bool,
}

fn metadata_name(condition: &MetadataCondition) -> (&str, &str) {
    (&condition.namespace, &condition.key)
}

/// The names that occur most often, the same ones in whatever order they are counted.
fn most_named<'r>(names: impl Iterator<Item = (&'r str, &'r str)>) -> Vec<(String, String)> {
    let names = sorted(names.collect());
    let counts = names.chunk_by(PartialEq::eq).filter_map(|same| Some((same.len(), *same.first()?)));
    let most = sorted(counts.collect()).into_iter().rev().take(MAX_NAMES);
    most.map(|(_, (namespace, key))| (namespace.to_owned(), key.to_owned())).collect()
}

type ByText = HashMap<Vec<u8>, RouteSet>;

/// Routes by texts of which one must be that of the request.
#[derive(Debug, Default)]
struct TextIndex {
    by_text: ByText,
    /// Routes of which it is not known here which texts they match.
    others: RouteSet,
    /// Routes that match whatever the text is.
    indifferent: RouteSet,
}

impl TextIndex {
    /// Adds a route with these texts; none at all where it is indifferent, and `None` where they are not known.
    fn push(&mut self, texts: Option<&[String]>, position: usize) {
        match texts {
            None => self.others.push(position),
            Some([]) => self.indifferent.push(position),
            Some(texts) => {
                for text in texts {
                    self.by_text.entry(text.as_bytes().to_vec()).or_default().push(position);
                }
            }
        }
    }

    /// Leaves only routes that match one of `texts`; all, where these are not known.
    fn narrow<'t, 'x, T: IntoIterator<Item = &'x [u8]>>(
        &'t self,
        candidates: &mut Candidates<'t>,
        texts: impl FnOnce() -> Option<T>,
    ) {
        if self.by_text.is_empty() {
            return;
        }
        if let Some(texts) = texts() {
            let found = texts.into_iter().filter_map(|text| self.by_text.get(text));
            candidates.narrow([&self.indifferent, &self.others].into_iter().chain(found).collect());
        }
    }
}

/// Routes by host.
#[derive(Debug, Default)]
struct HostIndex {
    exact: ByText,
    /// By suffix, without the dot in front.
    below: ByText,
    any: RouteSet,
}

impl HostIndex {
    fn push(&mut self, patterns: &[HostPattern], position: usize) {
        if patterns.is_empty() {
            self.any.push(position);
        }
        for pattern in patterns {
            let (map, text) = match pattern {
                HostPattern::Exact(host) => (&mut self.exact, host.as_str()),
                HostPattern::Below(suffix) => (&mut self.below, suffix.trim_start_matches('.')),
            };
            map.entry(text.as_bytes().to_vec()).or_default().push(position);
        }
    }

    fn tells_apart(&self) -> bool {
        !self.exact.is_empty() || !self.below.is_empty()
    }

    fn find(&self, host: &Host) -> Vec<&RouteSet> {
        let host = host.as_str();
        let mut found = Vec::with_capacity(4);
        found.push(&self.any);
        found.extend(self.exact.get(host.as_bytes()));
        if !self.below.is_empty() {
            let suffixes = host.match_indices('.').filter_map(|(dot, _)| host.get(dot + 1..));
            found.extend(suffixes.filter_map(|suffix| self.below.get(suffix.as_bytes())));
        }
        found
    }
}

/// Routes by path, in one case.
#[derive(Debug, Default)]
struct PathIndex {
    tree: PathTree,
    /// Routes with an expression, whether or not it matches.
    expressions: RouteSet,
    any: RouteSet,
}

impl PathIndex {
    fn new<'r>(paths: impl Iterator<Item = (usize, Option<&'r PathPattern>)>, case: PathCase) -> Self {
        let mut index = Self::default();
        for (position, path) in paths {
            match path {
                None => index.any.push(position),
                Some(PathPattern::Expression(_)) => index.expressions.push(position),
                Some(
                    pattern @ (PathPattern::Exact(_) | PathPattern::Prefix(_) | PathPattern::Template(_)),
                ) => index.tree.push(pattern, case, position),
            }
        }
        index
    }

    fn find(&self, path: Option<&[u8]>) -> Vec<&RouteSet> {
        // More are seldom found.
        let mut found = Vec::with_capacity(4);
        found.push(&self.any);
        if let Some(path) = path {
            found.push(&self.expressions);
            self.tree.find(path, &mut found);
        }
        found
    }
}

/// Routes by the network that the client is in.
#[derive(Debug, Default)]
struct NetworkIndex {
    /// For every version of IP and length of prefix that occurs, some 30 at most in practice, the networks by their octets.
    by_shape: Vec<((bool, u8), ByText)>,
    any: RouteSet,
}

impl NetworkIndex {
    fn push(&mut self, networks: &[Network], position: usize) {
        if networks.is_empty() {
            self.any.push(position);
        }
        for network in networks {
            let shape = network.shape();
            let map = match self.by_shape.iter().position(|(known, _)| *known == shape) {
                Some(at) => self.by_shape.get_mut(at),
                None => {
                    self.by_shape.push((shape, ByText::new()));
                    self.by_shape.last_mut()
                }
            };
            if let Some((_, map)) = map {
                map.entry(network.octets()).or_default().push(position);
            }
        }
    }

    fn find(&self, source: IpAddr) -> Vec<&RouteSet> {
        let shapes = self.by_shape.iter().filter(|((is_ipv4, _), _)| *is_ipv4 == source.is_ipv4());
        let found =
            shapes.filter_map(|((_, prefix), map)| map.get(&Network::around(source, *prefix).octets()));
        [&self.any].into_iter().chain(found).collect()
    }
}
