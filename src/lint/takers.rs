//! Which route takes a request first, at one reading of its path: an index, for lints ask this for every route.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::by_path::{ByPath, keys_of_all, keys_of_values};
use super::further::{Further, Values};
use super::language::{Language, TooLarge};
use super::request::Line;
use super::view::{Scope, View};
use crate::policy::{Host, HostPattern, Network, PathCase};

/// Methods that a request may have as well as any other, those first that people know.
const METHODS: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "PROPFIND", "SEARCH", "ANY-OTHER"];

/// A route, and requests that are to reach it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal<'k> {
    pub(super) route: usize,
    pub(super) line: &'k Line,
    pub(super) further: Asked<'k>,
}

/// Which requests of a host and method are meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'k> {
    /// Those that have this.
    Having(&'k Values),
    /// Whatever meets the further conditions of the goal's route. Another route takes them only if it takes all.
    AllOf(&'k Further),
}

/// The routes by host and path.
#[derive(Debug)]
pub(super) struct Takers<'p> {
    view: &'p View<'p>,
    /// One index for each case in which the policy reads paths.
    by_case: Vec<(PathCase, ByHost<'p>)>,
    /// Methods that some route names.
    methods: HashSet<&'p str>,
    /// Versions of IP, IPv4 or not, and lengths of prefixes of the networks that routes name.
    prefixes: Vec<(bool, u8)>,
}

/// Routes by the host that they name: a host, a suffix with its leading dot, or nothing for every host.
type ByHost<'p> = HashMap<&'p str, ByPath<'p>>;

impl<'p> Takers<'p> {
    pub(super) fn new(view: &'p View<'p>) -> Self {
        let by_case = view.cases().iter().map(|case| (*case, index(view, *case))).collect();
        let scopes = || view.routes.iter().map(|route| &route.scope);
        let methods = scopes().flat_map(|scope| scope.methods.iter().map(String::as_str)).collect();
        let prefixes: BTreeSet<(bool, u8)> =
            scopes().flat_map(|scope| scope.further.sources.iter().map(Network::shape)).collect();
        Self { view, by_case, methods, prefixes: prefixes.into_iter().collect() }
    }

    /// The first route that takes the goal's requests at `path`, read in `case`.
    ///
    /// # Errors
    /// [`TooLarge`] where an expression that may take them is.
    pub(super) fn first(
        &self,
        goal: Goal<'_>,
        path: &[u8],
        case: PathCase,
    ) -> Result<Option<usize>, TooLarge> {
        let folded;
        let path = match case {
            PathCase::Sensitive => path,
            PathCase::Insensitive => {
                folded = path.to_ascii_lowercase();
                &folded
            }
        };
        let keys = match goal.further {
            Asked::Having(values) => keys_of_values(values, &self.prefixes),
            Asked::AllOf(further) => keys_of_all(further, &self.prefixes),
        };
        let mut first = None;
        let tables = self.by_case.iter().filter(|(of, _)| *of == case);
        for table in tables.flat_map(|(_, hosts)| host_keys(&goal.line.host).filter_map(|key| hosts.get(key)))
        {
            for routes in table.at(path, &keys) {
                first = self.first_of(routes, goal, first, |_| Ok(true))?;
            }
            for routes in table.anywhere(&keys) {
                first =
                    self.first_of(routes, goal, first, |route| self.language(route, case).contains(path))?;
            }
        }
        Ok(first)
    }

    /// Whether an earlier route takes the goal's requests where these have no path.
    ///
    /// # Errors
    /// As for [`Self::first`].
    pub(super) fn is_taken_without_path(&self, goal: Goal<'_>) -> Result<bool, TooLarge> {
        for (index, route) in self.view.routes.iter().enumerate().take(goal.route) {
            let hosts = &route.scope.hosts;
            let on_host = hosts.is_empty() || hosts.iter().any(|host| host.matches(&goal.line.host));
            if on_host && route.scope.path.is_none() && self.takes(index, goal)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first of `routes` before `first`, if one takes the goal's requests and meets `on_path`; else `first`.
    fn first_of(
        &self,
        routes: &[usize],
        goal: Goal<'_>,
        first: Option<usize>,
        on_path: impl Fn(usize) -> Result<bool, TooLarge>,
    ) -> Result<Option<usize>, TooLarge> {
        for route in routes.iter().copied().take_while(|route| first.is_none_or(|first| *route < first)) {
            if self.takes(route, goal)? && on_path(route)? {
                return Ok(Some(route));
            }
        }
        Ok(first)
    }

    /// Requests that stand for all of these hosts and methods: if a route is first for any request, it is for one of
    /// these kinds, as each is taken by as few other routes as can be. A host that no route names by itself is taken
    /// only by those that take all hosts beside it.
    pub(super) fn lines(&self, hosts: &[HostPattern], methods: &[String]) -> Vec<Line> {
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
        let lines = hosts.iter().flat_map(|host| {
            methods.iter().map(|method| Line { host: host.clone(), method: method.clone() })
        });
        lines.collect()
    }

    fn language(&self, route: usize, case: PathCase) -> &'p Language {
        self.view.routes.get(route).map_or(&Language::Any, |route| route.scope.part(case).language)
    }

    fn takes(&self, route: usize, goal: Goal<'_>) -> Result<bool, TooLarge> {
        let Some(route) = self.view.routes.get(route) else { return Ok(false) };
        let Scope { methods, further, .. } = &route.scope;
        if !methods.is_empty() && !methods.contains(&goal.line.method) {
            return Ok(false);
        }
        match goal.further {
            _ if further.is_empty() => Ok(true),
            Asked::Having(values) => further.hold_of(values),
            Asked::AllOf(conditions) => Ok(further.follow_from(conditions)),
        }
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
            hosts.entry(key).or_default().push(route.scope.part(case).language, &route.scope.further, at);
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
