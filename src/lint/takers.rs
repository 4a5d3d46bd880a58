//! Which route takes a request first, at one reading of its path: an index, for lints ask this for every route.

use std::collections::{HashMap, HashSet};

use super::language::{Language, TooLarge};
use super::request::Kind;
use super::view::View;
use crate::policy::{Host, HostPattern, PathCase};

/// Methods that a request may have as well as any other, those first that people know.
const METHODS: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "PROPFIND", "SEARCH", "ANY-OTHER"];

/// The routes by host and path.
#[derive(Debug)]
pub(super) struct Takers<'p> {
    view: &'p View<'p>,
    /// One index for each case in which the policy reads paths.
    by_case: Vec<(PathCase, ByHost<'p>)>,
    /// Methods that some route names.
    methods: HashSet<&'p str>,
}

/// Routes by the host that they name: a host, a suffix with its leading dot, or nothing for every host.
type ByHost<'p> = HashMap<&'p str, ByPath<'p>>;

#[derive(Debug, Default)]
struct ByPath<'p> {
    exact: HashMap<&'p [u8], Vec<usize>>,
    prefix: HashMap<&'p [u8], Vec<usize>>,
    /// Routes without a path, and those of expressions.
    others: Vec<usize>,
}

impl<'p> Takers<'p> {
    pub(super) fn new(view: &'p View<'p>) -> Self {
        let by_case = view.cases().iter().map(|case| (*case, index(view, *case))).collect();
        let methods =
            view.routes.iter().flat_map(|route| route.scope.methods.iter().map(String::as_str)).collect();
        Self { view, by_case, methods }
    }

    /// The first route that takes a request of this kind at `path`, read in `case`.
    ///
    /// # Errors
    /// [`TooLarge`] where an expression that may take it is.
    pub(super) fn first(&self, kind: &Kind, path: &[u8], case: PathCase) -> Result<Option<usize>, TooLarge> {
        let folded;
        let path = match case {
            PathCase::Sensitive => path,
            PathCase::Insensitive => {
                folded = path.to_ascii_lowercase();
                &folded
            }
        };
        let mut first = None;
        let tables = self.by_case.iter().filter(|(of, _)| *of == case);
        for table in tables.flat_map(|(_, hosts)| host_keys(&kind.host).filter_map(|key| hosts.get(key))) {
            let prefixes = borders(path).filter_map(|prefix| table.prefix.get(prefix));
            for routes in prefixes.chain(table.exact.get(path)) {
                let earlier =
                    routes.iter().copied().take_while(|route| first.is_none_or(|first| *route < first));
                first = earlier.into_iter().find(|route| self.takes_method(*route, kind)).or(first);
            }
            for route in table.others.iter().copied() {
                if first.is_some_and(|first| route > first) {
                    break;
                }
                if self.takes_method(route, kind) && self.language(route, case).contains(path)? {
                    first = Some(route);
                    break;
                }
            }
        }
        Ok(first)
    }

    /// Requests that stand for all of these hosts and methods: if a route is first for any request, it is for one of
    /// these kinds, as each is taken by as few other routes as can be. A host that no route names by itself is taken
    /// only by those that take all hosts beside it.
    pub(super) fn kinds(&self, hosts: &[HostPattern], methods: &[String]) -> Vec<Kind> {
        let hosts: Vec<Host> = if hosts.is_empty() {
            self.unnamed_host("").into_iter().collect()
        } else {
            let host = |pattern: &HostPattern| match pattern {
                HostPattern::Exact(host) => Some(host.clone()),
                HostPattern::Below(suffix) => self.unnamed_host(suffix),
            };
            hosts.iter().filter_map(host).collect()
        };
        let methods = if methods.is_empty() { vec![self.unnamed_method()] } else { methods.to_vec() };
        let kinds = hosts.iter().flat_map(|host| {
            methods.iter().map(|method| Kind { host: host.clone(), method: method.clone() })
        });
        kinds.collect()
    }

    fn language(&self, route: usize, case: PathCase) -> &'p Language {
        self.view.routes.get(route).map_or(&Language::Any, |route| route.scope.part(case).language)
    }

    fn takes_method(&self, route: usize, kind: &Kind) -> bool {
        self.view
            .routes
            .get(route)
            .is_some_and(|route| route.scope.methods.is_empty() || route.scope.methods.contains(&kind.method))
    }

    /// A host below `suffix`, or any, that only routes name which name all of these.
    fn unnamed_host(&self, suffix: &str) -> Option<Host> {
        let is_named = |host: &Host| {
            let keys: Vec<&str> =
                host_keys(host).filter(|key| !key.is_empty() && !suffix.ends_with(key)).collect();
            self.by_case.iter().any(|(_, hosts)| keys.iter().any(|key| hosts.contains_key(key)))
        };
        let ending = if suffix.is_empty() { ".example" } else { suffix };
        let names = (1..).map(|number| format!("any-{number}{suffix}"));
        let names = std::iter::once(format!("any{ending}")).chain(names);
        // No key names more than one of these.
        let keys = self.by_case.first().map_or(0, |(_, hosts)| hosts.len());
        let hosts = names.take(keys + 1);
        hosts.filter_map(|name| Host::from_name(name.as_bytes()).ok()).find(|host| !is_named(host))
    }

    fn unnamed_method(&self) -> String {
        let known = METHODS.iter().copied().find(|method| !self.methods.contains(method)).map(str::to_owned);
        let others = (1_usize..).map(|number| format!("ANY-OTHER-{number}"));
        known
            .or_else(|| {
                others.take(self.methods.len() + 1).find(|method| !self.methods.contains(method.as_str()))
            })
            .unwrap_or_default()
    }
}

fn index<'p>(view: &'p View<'p>, case: PathCase) -> ByHost<'p> {
    let mut hosts = ByHost::new();
    for (at, route) in view.routes.iter().enumerate() {
        let every = [""];
        let named: Vec<&str> = route.scope.hosts.iter().map(host_key).collect();
        for key in if named.is_empty() { every.as_slice() } else { named.as_slice() } {
            let table = hosts.entry(key).or_default();
            let list = match route.scope.part(case).language {
                Language::Exact(text) => table.exact.entry(text).or_default(),
                Language::Prefix(text) => table.prefix.entry(text).or_default(),
                Language::Any | Language::Expression(_) | Language::Plain | Language::Reading => {
                    &mut table.others
                }
            };
            list.push(at);
        }
    }
    hosts
}

fn host_key(pattern: &HostPattern) -> &str {
    match pattern {
        HostPattern::Exact(host) => host.as_str(),
        HostPattern::Below(suffix) => suffix,
    }
}

/// What routes that take `host` may name.
fn host_keys(host: &Host) -> impl Iterator<Item = &str> {
    let host = host.as_str();
    let suffixes = host.match_indices('.').filter(|(at, _)| *at > 0).filter_map(|(at, _)| host.get(at..));
    ["", host].into_iter().chain(suffixes)
}

/// What prefixes that hold `path` may be.
fn borders(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.chain([path.len()]).filter_map(|end| path.get(..end))
}
