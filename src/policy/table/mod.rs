//! The routes of a policy, and which of them a request selects.

#[cfg(test)]
mod agreement;
mod expressions;
mod index;
mod path_tree;
mod route_set;
mod selection;

use std::cell::Cell;
use std::sync::Arc;

use self::expressions::Expressions;
use self::index::{Index, UsedAnswers};
use self::route_set::{RouteSet, place};
use self::selection::Choices;
pub(crate) use self::selection::{Ambiguity, Selection};
use super::decision::{Denial, Reason};
use super::path::{self, PathCase, PathPattern, Readings};
use super::request_match::{Matched, Request, Stop};
use super::route::Route;

/// The routes of a policy, in order.
#[derive(Debug)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    index: Index,
    /// Routes whose path is an expression.
    with_expression: RouteSet,
    expressions: Expressions,
    /// Only where paths are read without case as well.
    folded_expressions: Option<Expressions>,
}

impl RouteTable {
    pub(super) fn new(routes: Vec<Route>, path_case: PathCase) -> Self {
        let placed = routes.into_iter().enumerate();
        let routes: Vec<Arc<Route>> =
            placed.map(|(position, route)| Arc::new(Route { position, ..route })).collect();
        let each = || routes.iter().map(Arc::as_ref).enumerate();
        let mut with_expression = RouteSet::default();
        for (position, route) in each() {
            if let Some(PathPattern::Expression(_)) = route.matches.path {
                with_expression.push(position);
            }
        }
        Self {
            index: Index::new(&routes, path_case),
            with_expression,
            expressions: Expressions::new(each(), PathCase::Sensitive),
            folded_expressions: (path_case == PathCase::Insensitive)
                .then(|| Expressions::new(each(), PathCase::Insensitive)),
            routes,
        }
    }

    /// The routes, in the order in which they are tried.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.routes.iter().map(Arc::as_ref)
    }

    /// The route at this position.
    pub fn at(&self, position: usize) -> Option<&Route> {
        self.routes.get(position).map(Arc::as_ref)
    }

    /// The first route that matches, for every reading of `path`, which has no query; `None` where the request has none.
    ///
    /// # Errors
    /// The denial of a request whose path cannot be one, or of which a fact cannot be had that a route asks for.
    pub(crate) fn select(&self, request: &Request<'_>, path: Option<&[u8]>) -> Result<Selection, Denial> {
        let too_much = || Selection::Ambiguous(Ambiguity::of_too_much_work());
        let chosen = match path
            .map(path::readings)
            .transpose()
            .map_err(|why| Denial::new(Reason::InvalidRequest, why))?
        {
            None => {
                let mut choices = Choices::of(1);
                self.choose_in_case(&mut choices, request, None, PathCase::Sensitive).map(|()| choices)
            }
            Some(Readings::One(reading)) => self.choose(request, std::iter::once(reading)),
            Some(Readings::Several(readings)) => self.choose(request, readings.iter().map(Vec::as_slice)),
            Some(Readings::TooMany) => return Ok(too_much()),
        };
        match chosen {
            Ok(choices) => Ok(choices.into_selection()),
            Err(Stop::Denied(denial)) => Err(denial),
            Err(Stop::TooMuchWork) => Ok(too_much()),
        }
    }

    /// Whether the route at `position` matches where the path is read as it was sent.
    ///
    /// # Errors
    /// As for selection, and where it takes more work than one request may cost.
    pub(crate) fn matches(
        &self,
        position: usize,
        request: &Request<'_>,
        path: Option<&[u8]>,
    ) -> Result<Option<Matched<'_>>, Stop> {
        let Some(route) = self.routes.get(position) else { return Ok(None) };
        let place = place(position);
        let expression = || {
            let path = path.unwrap_or_default();
            let bits = self.expressions.matching(place.number, path, |bytes| request.spend(bytes))?;
            Ok(bits.ok_or(Stop::TooMuchWork)? & place.bits != 0)
        };
        route.matches.matches(request, path, PathCase::Sensitive, expression).map(Some)
    }

    /// What each reading selects.
    fn choose<'p>(
        &self,
        request: &Request<'_>,
        readings: impl ExactSizeIterator<Item = &'p [u8]>,
    ) -> Result<Choices, Stop> {
        let mut choices = Choices::of(readings.len());
        for reading in readings {
            self.choose_in_case(&mut choices, request, Some(reading), PathCase::Sensitive)?;
            if self.folded_expressions.is_some() {
                let folded = path::without_case(reading);
                self.choose_in_case(&mut choices, request, Some(&folded), PathCase::Insensitive)?;
            }
        }
        Ok(choices)
    }

    /// Adds the first route that matches, and before it those of which cannot be told whether they do.
    fn choose_in_case(
        &self,
        choices: &mut Choices,
        request: &Request<'_>,
        path: Option<&[u8]>,
        case: PathCase,
    ) -> Result<(), Stop> {
        let expressions = match case {
            PathCase::Sensitive => &self.expressions,
            PathCase::Insensitive => self.folded_expressions.as_ref().unwrap_or(&self.expressions),
        };
        let mut candidates = self.index.candidates(request, path, case);
        let mut used = UsedAnswers::default();
        let blocks = self.routes.len().div_ceil(64);
        let mut next = 0;
        while let Some(block) = candidates.from(next, blocks) {
            let mut bits = block.bits;
            let with_expression = path.map_or(0, |_| self.with_expression.bits(block.number));
            // Asked when the first route of the block comes up that has one.
            let matching: Cell<Option<u64>> = Cell::new(None);
            while bits != 0 {
                let bit = bits & bits.wrapping_neg();
                if bit & with_expression != 0 && matching.get().is_none() {
                    let spend = |bytes| request.spend(bytes);
                    let found = expressions.matching(block.number, path.unwrap_or_default(), spend)?;
                    let found = found.ok_or(Stop::TooMuchWork)?;
                    matching.set(Some(found));
                    bits &= !with_expression | found;
                    continue;
                }
                bits &= !bit;
                let position = block.number * 64 + bit.trailing_zeros() as usize;
                let Some(route) = self.routes.get(position) else { break };
                let expression = || Ok(matching.get().is_some_and(|matching| matching & bit != 0));
                match route.matches.matches(request, path, case, expression)? {
                    Matched::Yes => {
                        choices.add(route);
                        return Ok(());
                    }
                    Matched::CannotTell(header) => choices.add_doubtful(route, header),
                    Matched::No(_) => {}
                }
            }
            self.index.narrow_by_answers(request, &mut used, &mut candidates);
            next = block.number + 1;
        }
        choices.add_none();
        Ok(())
    }
}
