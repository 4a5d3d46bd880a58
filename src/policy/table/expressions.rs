//! The paths' regular expressions, those of 64 routes that follow each other in one set.
//!
//! A set looks at each byte of a path once: on 10,000 expressions it takes 20 microseconds, and single ones 6 milliseconds and
//! many times the memory.

use super::route_set::place;
use crate::identity::{Case, ExpressionSet, Limits};
use crate::policy::path::{PathCase, PathPattern};
use crate::policy::route::Route;

/// Bytes that all sets of a policy together may use to remember what they found out about paths; hostile paths fill them.
/// Each has the least at any rate that serves 64 expressions of the usual kind.
const MAX_MEMORY: usize = 16 * 1024 * 1024;
const LEAST_MEMORY: usize = 256 * 1024;
const MOST_MEMORY: usize = 2 * 1024 * 1024;

/// The expressions of all routes.
#[derive(Debug, Default)]
pub(super) struct Expressions(Vec<Group>);

/// The expressions in one block of routes.
#[derive(Debug)]
struct Group {
    block: usize,
    /// `None` could not be built; then nobody can tell what matches.
    set: Option<ExpressionSet>,
    /// The route's bit for each expression of the set.
    routes: Vec<u64>,
}

impl Expressions {
    pub(super) fn new<'r>(routes: impl Iterator<Item = (usize, &'r Route)>, case: PathCase) -> Self {
        let mut groups: Vec<(usize, Vec<(u64, &str)>)> = Vec::new();
        for (position, route) in routes {
            if let Some(PathPattern::Expression(text)) = &route.matches.path {
                let place = place(position);
                let entry = (place.bits, text.as_str());
                match groups.last_mut() {
                    Some((block, expressions)) if *block == place.number => expressions.push(entry),
                    Some(_) | None => groups.push((place.number, vec![entry])),
                }
            }
        }
        let memory = (MAX_MEMORY / groups.len().max(1)).clamp(LEAST_MEMORY, MOST_MEMORY);
        let limits = Limits { compiled: usize::MAX, memory };
        let case = match case {
            PathCase::Sensitive => Case::Sensitive,
            PathCase::Insensitive => Case::Ignored,
        };
        let build = |(block, expressions): (usize, Vec<(u64, &str)>)| {
            // Each compiles by itself: that was checked when the policy was read.
            let set = ExpressionSet::new(expressions.iter().map(|(_, text)| *text), case, limits).ok();
            Group { block, set, routes: expressions.into_iter().map(|(bit, _)| bit).collect() }
        };
        Self(groups.into_iter().map(build).collect())
    }

    /// Which routes of a block match `path`, after `spend` has been told how many bytes the expressions see; `None` where
    /// nobody can tell.
    pub(super) fn matching<E>(
        &self,
        block: usize,
        path: &[u8],
        spend: impl FnOnce(usize) -> Result<(), E>,
    ) -> Result<Option<u64>, E> {
        let found =
            self.0.binary_search_by_key(&block, |group| group.block).ok().and_then(|at| self.0.get(at));
        let Some(Group { set, routes, .. }) = found else { return Ok(Some(0)) };
        spend(path.len().saturating_mul(routes.len()))?;
        Ok(set.as_ref().and_then(|set| {
            let mut bits = 0;
            let route = |index: usize| routes.get(index).copied().unwrap_or_default();
            set.matching(path, |index| bits |= route(index)).ok()?;
            Some(bits)
        }))
    }
}
