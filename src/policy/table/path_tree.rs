//! Exact paths, prefixes and templates by their segments.

use std::collections::HashMap;

use super::route_set::RouteSet;
use crate::policy::path::{PathCase, PathPattern, Segment};

/// The routes below one sequence of segments.
#[derive(Debug, Default)]
pub(super) struct PathTree {
    /// Routes whose path ends here.
    whole: RouteSet,
    /// Routes whose prefix ends here.
    prefix: RouteSet,
    literal: HashMap<Vec<u8>, PathTree>,
    any: Option<Box<PathTree>>,
}

impl PathTree {
    /// Adds a route; one with an expression is in no tree.
    pub(super) fn push(&mut self, pattern: &PathPattern, case: PathCase, position: usize) {
        match pattern {
            PathPattern::Exact(path) => {
                path.split('/')
                    .skip(1)
                    .fold(self, |tree, text| tree.literal(text, case))
                    .whole
                    .push(position);
            }
            PathPattern::Prefix(path) => {
                path.split('/')
                    .skip(1)
                    .fold(self, |tree, text| tree.literal(text, case))
                    .prefix
                    .push(position);
            }
            PathPattern::Template(segments) => {
                let end = segments.iter().fold(self, |tree, segment| match segment {
                    Segment::Literal(text) => tree.literal(text, case),
                    Segment::Any => tree.any.get_or_insert_default(),
                });
                end.whole.push(position);
            }
            PathPattern::Expression(_) => {}
        }
    }

    fn literal(&mut self, text: &str, case: PathCase) -> &mut Self {
        let key = match case {
            PathCase::Sensitive => text.to_owned(),
            PathCase::Insensitive => text.to_ascii_lowercase(),
        };
        self.literal.entry(key.into_bytes()).or_default()
    }

    /// Adds to `found` the sets of the routes that match `path`; without case, `path` must be in lower case.
    ///
    /// A path walks as many branches as there are templates that its segments agree with so far.
    pub(super) fn find<'t>(&'t self, path: &[u8], found: &mut Vec<&'t RouteSet>) {
        let mut here = vec![self];
        let mut segments = path.split(|byte| *byte == b'/').skip(1);
        loop {
            found.extend(here.iter().map(|tree| &tree.prefix).filter(|set| !set.is_empty()));
            let Some(segment) = segments.next() else { break };
            let below = |tree: &&'t Self| {
                let any = if segment.is_empty() { None } else { tree.any.as_deref() };
                [tree.literal.get(segment), any]
            };
            here = here.iter().flat_map(below).flatten().collect();
            if here.is_empty() {
                return;
            }
        }
        found.extend(here.iter().map(|tree| &tree.whole).filter(|set| !set.is_empty()));
    }
}
