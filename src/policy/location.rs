//! Places in a policy document.

use super::source::Node;

/// Longest piece of the document that an error repeats, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// A range of bytes in the policy text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn from_range(range: jsonc_parser::common::Range) -> Self {
        Self { start: range.start, end: range.end }
    }

    pub(crate) fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A place in a policy document.
#[derive(Debug, Clone)]
pub struct Location {
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// The offending bytes of the text.
    pub bytes: std::ops::Range<usize>,
    /// JSON Pointer (RFC 6901) of the offending key or value; empty for the whole document.
    pub pointer: String,
    /// The offending text, cut to one line of bounded length.
    pub text: String,
}

/// Goes through a text once and tells places in it, which come in order: a policy of 10,000 routes may have a fault
/// in each.
#[derive(Debug)]
pub(crate) struct Locator<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Locator<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, column: 1 }
    }

    /// The place of `span`, which begins no earlier than the span before; `document` is the tree, where there is one.
    pub(crate) fn locate(&mut self, span: Span, document: Option<&Node>) -> Location {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end.max(start));
        self.advance(start);
        let quoted = self.text.get(start..end).unwrap_or_default();
        Location {
            line: self.line,
            column: self.column,
            bytes: start..end,
            pointer: document.map(|document| document.pointer_to(span)).unwrap_or_default(),
            text: quoted.lines().next().unwrap_or_default().chars().take(MAX_QUOTED_CHARS).collect(),
        }
    }

    fn advance(&mut self, to: usize) {
        let passed = self.text.get(self.at..to).unwrap_or_default();
        match passed.rsplit_once('\n') {
            Some((before, rest)) => {
                self.line += before.matches('\n').count() + 1;
                self.column = rest.chars().count() + 1;
            }
            None => self.column += passed.chars().count(),
        }
        self.at = to;
    }
}
