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
        // Where templates part from the path's own branch. Without templates nothing is allocated, 2,000 instructions less a request.
        let mut branches = Vec::new();
        let mut next = Some((self, path.split(|byte| *byte == b'/').skip(1)));
        while let Some((mut tree, mut segments)) = next {
            loop {
                found.extend(Some(&tree.prefix).filter(|set| !set.is_empty()));
                let Some(segment) = segments.next() else {
                    found.extend(Some(&tree.whole).filter(|set| !set.is_empty()));
                    break;
                };
                if let Some(any) = tree.any.as_deref()
                    && !segment.is_empty()
                {
                    branches.push((any, segments.clone()));
                }
                match tree.literal.get(segment) {
                    Some(below) => tree = below,
                    None => break,
                }
            }
            next = branches.pop();
        }
    }
}
