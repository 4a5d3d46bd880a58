//! Whether some request reaches a route, past all those before it.
//!
//! A path is proposed, the index is asked who takes it, and where that is another route, its paths are left out and the
//! search goes on: so only those routes are compared that are in the way, and what is left in the end is a path that
//! reaches the route, or the routes that leave it none.

use super::language::{Language, is_below};
use super::request::{Kind, Request};
use super::search::{Budget, Found, Part, find};
use super::takers::Takers;
use super::view::{Scope, View};
use crate::Engine;
use crate::policy::{HostPattern, PathCase};

/// Most routes that are compared with one. A route that needs more to hide it is not hidden by mistake.
const MAX_IN_THE_WAY: usize = 64;

/// Most paths with several readings that are tried before the answer is left open.
const MAX_TRIED: usize = 32;

/// Methods of requests that may have no path.
const WITHOUT_PATH: &[&str] = &["CONNECT", "OPTIONS"];

/// A segment that no route names, if luck will have it.
const SOME_SEGMENT: &[u8] = b"any";

/// A route, and the request that is to reach it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal<'k> {
    pub(super) route: usize,
    pub(super) kind: &'k Kind,
}

/// Whether routes can be reached.
#[derive(Debug)]
pub(super) enum Reached<T> {
    /// Yes, so.
    By(T),
    /// No: these routes take all that it would take, in order.
    Never(Vec<usize>),
    /// It takes more work to tell than one check may cost.
    Undecided,
}

/// Answers questions about one policy.
pub(super) struct Reach<'p> {
    pub(super) view: &'p View<'p>,
    pub(super) takers: Takers<'p>,
    engine: &'p Engine,
    pub(super) budget: Budget,
}

impl<'p> Reach<'p> {
    pub(super) fn new(view: &'p View<'p>, engine: &'p Engine) -> Self {
        Self { view, takers: Takers::new(view), engine, budget: Budget::new() }
    }

    /// A request of one of `kinds` that the engine gives to `route`, with a path in all of `within`.
    ///
    /// First among the paths of one reading, for which the index and the engine agree. If none of those does it, among
    /// all texts that a reading can be: if even there is none, then no request is, for the engine selects a route only
    /// if every reading does. What remains is given to the engine as it stands.
    pub(super) fn request_for(&self, route: usize, kinds: &[Kind], within: &[Part<'_>]) -> Reached<Request> {
        let mut in_the_way = Vec::new();
        // Without a kind that stands for all there is nothing to go by.
        let mut undecided = kinds.is_empty();
        for kind in kinds {
            match self.path_for(&[Goal { route, kind }], within, &[], &Language::Plain) {
                Reached::By(path) => {
                    let request = Request { kind: kind.clone(), path: Some(path) };
                    if self.selects(route, &request) {
                        return Reached::By(request);
                    }
                    undecided = true;
                }
                Reached::Never(routes) => in_the_way.extend(routes),
                Reached::Undecided => undecided = true,
            }
        }
        for kind in kinds {
            match self.ambiguous_request_for(Goal { route, kind }, within) {
                Reached::By(request) => return Reached::By(request),
                Reached::Never(routes) => in_the_way.extend(routes),
                Reached::Undecided => undecided = true,
            }
        }
        if undecided {
            return Reached::Undecided;
        }
        in_the_way.sort_unstable();
        in_the_way.dedup();
        Reached::Never(in_the_way)
    }

    fn ambiguous_request_for(&self, goal: Goal<'_>, within: &[Part<'_>]) -> Reached<Request> {
        let mut tried: Vec<Language> = Vec::new();
        for _ in 0..MAX_TRIED {
            let not: Vec<Part<'_>> =
                tried.iter().map(|language| Part { language, case: PathCase::Sensitive }).collect();
            match self.path_for(&[goal], within, &not, &Language::Reading) {
                Reached::By(path) => {
                    let request = Request { kind: goal.kind.clone(), path: Some(path.clone()) };
                    if self.selects(goal.route, &request) {
                        return Reached::By(request);
                    }
                    tried.push(Language::Exact(path));
                }
                Reached::Never(routes) if tried.is_empty() => return Reached::Never(routes),
                // The paths that were tried might be readings of one that was not.
                Reached::Never(_) | Reached::Undecided => return Reached::Undecided,
            }
        }
        Reached::Undecided
    }

    /// A request of `scope` without a path, for one of these hosts and methods, that the engine gives to `route`.
    pub(super) fn request_without_path(
        &self,
        route: usize,
        scope: &Scope,
        hosts: &[HostPattern],
        methods: &[String],
    ) -> Option<Request> {
        let takes_none = self.view.routes.get(route).is_some_and(|route| route.scope.path.is_none());
        if scope.path.is_some() || !takes_none {
            return None;
        }
        let methods: Vec<String> = WITHOUT_PATH
            .iter()
            .filter(|method| methods.is_empty() || methods.iter().any(|own| own == *method))
            .map(|method| (*method).to_owned())
            .collect();
        if methods.is_empty() {
            return None;
        }
        let kinds = self.takers.kinds(hosts, &methods).into_iter();
        let mut requests = kinds.map(|kind| Request { kind, path: None });
        requests.find(|request| self.selects(route, request))
    }

    /// Whether the engine itself gives `request` to `route`.
    pub(super) fn selects(&self, route: usize, request: &Request) -> bool {
        let name = request.route_selected(self.engine);
        self.view.routes.get(route).is_some_and(|route| name.as_deref() == Some(route.name()))
    }

    /// A path at which each goal's route is the first to take the goal's request, in `universe`, in all of `within` and
    /// in none of `not`.
    pub(super) fn path_for(
        &self,
        goals: &[Goal<'_>],
        within: &[Part<'_>],
        not: &[Part<'_>],
        universe: &Language,
    ) -> Reached<Vec<u8>> {
        let mut inside: Vec<Part<'_>> = Vec::new();
        for goal in goals {
            let Some(route) = self.view.routes.get(goal.route) else { return Reached::Undecided };
            inside.extend(self.view.cases().iter().map(|case| route.scope.part(*case)));
        }
        inside.extend(within);
        inside.push(Part { language: universe, case: PathCase::Sensitive });
        if apart(&inside) {
            return Reached::Never(Vec::new());
        }
        let mut outside = not.to_vec();
        let mut in_the_way: Vec<usize> = Vec::new();
        for path in guesses(&inside) {
            match self.is_inside(&path, &inside, &outside) {
                Some(true) => {}
                Some(false) => continue,
                None => return Reached::Undecided,
            }
            let Some(others) = self.others_at(goals, &path) else { return Reached::Undecided };
            if others.is_empty() {
                return Reached::By(path);
            }
            let only = inside.iter().any(|part| part.is_one_path());
            let parts = self.parts(&others);
            let hidden = only || parts.iter().any(|part| inside.iter().any(|inner| hides(part, inner)));
            in_the_way.extend(others.iter().map(|(route, _)| *route));
            if hidden {
                return Reached::Never(in_the_way);
            }
            outside.extend(parts);
        }
        while in_the_way.len() < MAX_IN_THE_WAY {
            let path = match find(&inside, &outside, &self.budget) {
                Found::Path(path) => path,
                Found::Nothing => return Reached::Never(in_the_way),
                Found::TooMuch => return Reached::Undecided,
            };
            let Some(others) = self.others_at(goals, &path) else { return Reached::Undecided };
            if others.is_empty() {
                return Reached::By(path);
            }
            in_the_way.extend(others.iter().map(|(route, _)| *route));
            outside.extend(self.parts(&others));
        }
        Reached::Undecided
    }

    /// The routes that take a goal's request at `path` before the goal's own; `None` if that cannot be told.
    fn others_at(&self, goals: &[Goal<'_>], path: &[u8]) -> Option<Vec<(usize, PathCase)>> {
        let mut others = Vec::new();
        for goal in goals {
            for case in self.view.cases() {
                let first = self.takers.first(goal.kind, path, *case).ok()?;
                if first != Some(goal.route) {
                    others.push((first?, *case));
                }
            }
        }
        Some(others)
    }

    fn parts(&self, routes: &[(usize, PathCase)]) -> Vec<Part<'p>> {
        let part = |(route, case): &(usize, PathCase)| {
            self.view.routes.get(*route).map(|route| route.scope.part(*case))
        };
        routes.iter().filter_map(part).collect()
    }

    fn is_inside(&self, path: &[u8], inside: &[Part<'_>], outside: &[Part<'_>]) -> Option<bool> {
        for part in inside {
            if !part.contains(path).ok()? {
                return Some(false);
            }
        }
        for part in outside {
            if part.contains(path).ok()? {
                return Some(false);
            }
        }
        Some(true)
    }
}

/// Paths that are likely to be in all of the sets: the longest literal, and a path below it.
fn guesses(inside: &[Part<'_>]) -> Vec<Vec<u8>> {
    let mut longest: &[u8] = b"";
    for part in inside.iter().filter(|part| part.case == PathCase::Sensitive) {
        match part.language {
            Language::Exact(text) | Language::Prefix(text) if text.len() > longest.len() => longest = text,
            // An automaton has better ideas.
            Language::Expression(_) => return Vec::new(),
            Language::Exact(_)
            | Language::Prefix(_)
            | Language::Any
            | Language::Plain
            | Language::Reading => {}
        }
    }
    let itself = if longest.is_empty() { b"/".to_vec() } else { longest.to_vec() };
    vec![itself, [longest, b"/", SOME_SEGMENT].concat()]
}

/// Whether no path can be in all of the sets, as far as that shows without automata.
fn apart(inside: &[Part<'_>]) -> bool {
    inside.iter().enumerate().any(|(at, left)| {
        inside
            .iter()
            .skip(at + 1)
            .any(|right| left.case == right.case && left.language.is_apart_from(right.language))
    })
}

/// Whether `outer` holds every path of `inner`, as far as that shows without automata.
fn hides(outer: &Part<'_>, inner: &Part<'_>) -> bool {
    if outer.language.is_everything() {
        return true;
    }
    match (outer.language, inner.language) {
        (Language::Prefix(prefix), Language::Exact(text) | Language::Prefix(text)) => {
            outer.case == inner.case && is_below(text, prefix)
        }
        _ => false,
    }
}
