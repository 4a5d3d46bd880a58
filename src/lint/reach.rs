//! Whether some request reaches a route, past all those before it.
//!
//! A path is proposed, the index is asked who takes it, and where that is another route, its paths are left out and the
//! search goes on: so only those routes are compared that are in the way, and what is left in the end is a path that
//! reaches the route, or the routes that leave it none.

use super::further::Further;
use super::language::{ANY_SEGMENT, Language, is_below};
use super::request::{Kind, Line, Request};
use super::search::{Budget, Found, Part, find};
use super::takers::{Asked, Goal, Takers};
use super::view::{Scope, View};
use super::witness::{Named, Witnesses};
use crate::Engine;
use crate::policy::{HostPattern, PathCase};

/// Most routes that are compared with one. A route that needs more to hide it is not hidden by mistake.
const MAX_IN_THE_WAY: usize = 64;

/// Most paths with several readings that are tried before the answer is left open.
const MAX_TRIED: usize = 32;

/// Most requests that are guessed for one route.
const MAX_GUESSED: usize = 8;

/// Methods of requests that may have no path.
const WITHOUT_PATH: &[&str] = &["CONNECT", "OPTIONS"];

/// A segment that no route names, if luck will have it.
const SOME_SEGMENT: &[u8] = b"any";

/// Requests that stand for all of a route, on certain hosts and with certain methods.
#[derive(Debug)]
pub(super) struct Kinds<'p> {
    lines: Vec<Line>,
    pub(super) kinds: Vec<Kind>,
    /// `None` of no route.
    further: Option<&'p Further>,
    /// Whether they do stand for all. If not, only [`Self::of_all`] tells that there is no request.
    pub(super) stand_for_all: bool,
}

impl Kinds<'_> {
    /// The route's requests as such, whatever else they have.
    pub(super) fn of_all(&self, route: usize) -> impl Iterator<Item = Goal<'_>> {
        let goal = move |line, further| Goal { route, line, further: Asked::AllOf(further) };
        self.lines.iter().filter_map(move |line| Some(goal(line, self.further?)))
    }
}

impl Kind {
    pub(super) fn goal(&self, route: usize) -> Goal<'_> {
        Goal { route, line: &self.line, further: Asked::Having(&self.values) }
    }
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
    named: Named<'p>,
    engine: &'p Engine,
    pub(super) budget: Budget,
}

impl<'p> Reach<'p> {
    pub(super) fn new(view: &'p View<'p>, engine: &'p Engine) -> Self {
        Self { view, takers: Takers::new(view), named: Named::new(view), engine, budget: Budget::new() }
    }

    /// Requests of `route` for these hosts and methods that are taken by as few other routes as can be.
    pub(super) fn kinds(&self, route: usize, hosts: &[HostPattern], methods: &[String]) -> Kinds<'p> {
        let lines = self.takers.lines(hosts, methods);
        let further = self.view.routes.get(route).map(|route| &route.scope.further);
        let Witnesses { values, stand_for_all } =
            further.map_or_else(Witnesses::default, |further| self.named.witnesses(further, &self.budget));
        let kinds = lines
            .iter()
            .flat_map(|line| values.iter().map(|values| Kind { line: line.clone(), values: values.clone() }));
        // Without a host that stands for all there is nothing to go by.
        let stand_for_all = stand_for_all && !lines.is_empty();
        Kinds { kinds: kinds.collect(), lines, further, stand_for_all }
    }

    /// A request of one of `kinds` that the engine gives to `route`, with a path in all of `within`.
    ///
    /// First what comes to mind, which costs least; then among the paths of one reading, for which the index and the engine agree. If none of those does it, among
    /// all texts that a reading can be: if even there is none, then no request is, for the engine selects a route only
    /// if every reading does. What remains is given to the engine as it stands.
    pub(super) fn request_for(
        &self,
        route: usize,
        kinds: &Kinds<'_>,
        within: &[Part<'_>],
    ) -> Reached<Request> {
        if let Some(request) = self.guess_for(route, kinds, within) {
            return Reached::By(request);
        }
        let mut in_the_way = Vec::new();
        let mut undecided = !kinds.stand_for_all;
        for kind in &kinds.kinds {
            match self.path_for(&[kind.goal(route)], within, &[], &Language::Plain) {
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
        for kind in &kinds.kinds {
            match self.ambiguous_request_for(route, kind, within) {
                Reached::By(request) => return Reached::By(request),
                Reached::Never(routes) => in_the_way.extend(routes),
                Reached::Undecided => undecided = true,
            }
        }
        if undecided {
            return if kinds.stand_for_all {
                Reached::Undecided
            } else {
                self.whether_never(route, kinds, within)
            };
        }
        in_the_way.sort_unstable();
        in_the_way.dedup();
        Reached::Never(in_the_way)
    }

    fn guess_for(&self, route: usize, kinds: &Kinds<'_>, within: &[Part<'_>]) -> Option<Request> {
        let own = self.view.routes.get(route)?.scope.part(PathCase::Sensitive);
        let parts: Vec<Part<'_>> = [own].into_iter().chain(within.iter().copied()).collect();
        let mut paths = match own.language {
            Language::Expression(expression) => expression.sample().into_iter().collect(),
            Language::Any
            | Language::Exact(_)
            | Language::Prefix(_)
            | Language::Template(_)
            | Language::Begins(_)
            | Language::Plain
            | Language::Reading
            | Language::PlainValue => guesses(&parts),
        };
        paths.retain(|path| within.iter().all(|part| part.contains(path) == Ok(true)));
        let requests = kinds.kinds.iter().flat_map(|kind| {
            paths.iter().map(|path| Request { kind: kind.clone(), path: Some(path.clone()) })
        });
        let mut requests = requests.take(MAX_GUESSED);
        requests.find(|request| self.selects(route, request))
    }

    /// Whether other routes take all that `route` would take, whatever else its requests have.
    fn whether_never(&self, route: usize, kinds: &Kinds<'_>, within: &[Part<'_>]) -> Reached<Request> {
        let mut in_the_way = Vec::new();
        if kinds.lines.is_empty() {
            return Reached::Undecided;
        }
        for goal in kinds.of_all(route) {
            match self.path_for(&[goal], within, &[], &Language::Reading) {
                Reached::Never(routes) => in_the_way.extend(routes),
                Reached::By(_) | Reached::Undecided => return Reached::Undecided,
            }
        }
        in_the_way.sort_unstable();
        in_the_way.dedup();
        Reached::Never(in_the_way)
    }

    fn ambiguous_request_for(&self, route: usize, kind: &Kind, within: &[Part<'_>]) -> Reached<Request> {
        let mut tried: Vec<Language> = Vec::new();
        for _ in 0..MAX_TRIED {
            let not: Vec<Part<'_>> =
                tried.iter().map(|language| Part { language, case: PathCase::Sensitive }).collect();
            match self.path_for(&[kind.goal(route)], within, &not, &Language::Reading) {
                Reached::By(path) => {
                    let request = Request { kind: kind.clone(), path: Some(path.clone()) };
                    if self.selects(route, &request) {
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
    ) -> Reached<Request> {
        let never = || Reached::Never(Vec::new());
        let takes_none = self.view.routes.get(route).is_some_and(|route| route.scope.path.is_none());
        if scope.path.is_some() || !takes_none {
            return never();
        }
        let methods: Vec<String> = WITHOUT_PATH
            .iter()
            .filter(|method| methods.is_empty() || methods.iter().any(|own| own == *method))
            .map(|method| (*method).to_owned())
            .collect();
        if methods.is_empty() {
            return never();
        }
        let kinds = self.kinds(route, hosts, &methods);
        let mut requests = kinds.kinds.iter().map(|kind| Request { kind: kind.clone(), path: None });
        if let Some(request) = requests.find(|request| self.selects(route, request)) {
            return Reached::By(request);
        }
        let are_taken =
            || kinds.of_all(route).all(|goal| self.takers.is_taken_without_path(goal) == Ok(true));
        if kinds.stand_for_all || !kinds.lines.is_empty() && are_taken() {
            never()
        } else {
            Reached::Undecided
        }
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
                let first = self.takers.first(*goal, path, *case).ok()?;
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
            Language::Exact(text) | Language::Prefix(text) | Language::Template(text)
                if text.len() > longest.len() =>
            {
                longest = text;
            }
            // An automaton has better ideas.
            Language::Expression(_) => return Vec::new(),
            Language::Exact(_)
            | Language::Prefix(_)
            | Language::Template(_)
            | Language::Begins(_)
            | Language::Any
            | Language::Plain
            | Language::Reading
            | Language::PlainValue => {}
        }
    }
    let mut itself = Vec::with_capacity(longest.len());
    for byte in longest {
        if *byte == ANY_SEGMENT { itself.extend_from_slice(SOME_SEGMENT) } else { itself.push(*byte) }
    }
    let below = [&itself, b"/".as_slice(), SOME_SEGMENT].concat();
    if itself.is_empty() {
        itself.push(b'/');
    }
    vec![itself, below]
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
        (
            Language::Prefix(prefix),
            Language::Exact(text) | Language::Prefix(text) | Language::Template(text),
        ) => outer.case == inner.case && is_below(text, prefix),
        (Language::Template(outer_text), Language::Template(text)) => {
            outer.case == inner.case && outer_text == text
        }
        _ => false,
    }
}
