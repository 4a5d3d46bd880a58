//! Paths as routes name them.

use super::PathCase;

/// A path as a route names it.
#[derive(Debug)]
pub(in crate::policy) enum PathPattern {
    /// This path.
    Exact(String),
    /// The path and what is below it, on segment borders; held without trailing slash.
    Prefix(String),
    /// Whole paths, segment by segment.
    Template(Vec<Segment>),
    /// Whole paths that a regular expression matches; held as written.
    Expression(String),
}

/// What a template says of one segment of a path.
#[derive(Debug)]
pub(in crate::policy) enum Segment {
    /// It is this.
    Literal(String),
    /// It is there and not empty.
    Any,
}

impl PathPattern {
    /// Whether `path` matches; `expression` tells whether the pattern's own expression does, and is asked only of one.
    pub(in crate::policy) fn matches<E>(
        &self,
        path: &[u8],
        case: PathCase,
        expression: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        match self {
            Self::Exact(wanted) => Ok(case.same(path, wanted)),
            Self::Prefix(wanted) => {
                let (start, rest) = path.split_at_checked(wanted.len()).unwrap_or_default();
                Ok((rest.is_empty() || rest.first() == Some(&b'/')) && case.same(start, wanted))
            }
            Self::Template(wanted) => {
                let Some(path) = path.strip_prefix(b"/") else { return Ok(false) };
                let mut segments = path.split(|byte| *byte == b'/');
                let each = wanted
                    .iter()
                    .all(|wanted| segments.next().is_some_and(|segment| wanted.matches(segment, case)));
                Ok(each && segments.next().is_none())
            }
            Self::Expression(_) => expression(),
        }
    }
}

impl Segment {
    fn matches(&self, segment: &[u8], case: PathCase) -> bool {
        match self {
            Self::Literal(wanted) => case.same(segment, wanted),
            Self::Any => !segment.is_empty(),
        }
    }
}

impl PathCase {
    fn same(self, text: &[u8], wanted: &str) -> bool {
        match self {
            Self::Sensitive => text == wanted.as_bytes(),
            Self::Insensitive => text.eq_ignore_ascii_case(wanted.as_bytes()),
        }
    }
}
