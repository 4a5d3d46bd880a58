//! Reads typed pieces out of the spanned tree and collects what is wrong on the way.
//!
//! Every reader answers `None` after it has noted a problem, so that compilation goes on and finds the rest. None is inlined:
//! they are called in a hundred places and once for each policy, and the copies would be a good part of the module.

use crate::policy::error::PolicyErrorKind;
use crate::policy::location::Span;
use crate::policy::source::{Member, Node, Value};

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(PolicyErrorKind, Span)>);

impl Problems {
    /// Notes a problem; answers `None` so that a reader can end with it.
    pub(super) fn add<T>(&mut self, span: Span, kind: PolicyErrorKind) -> Option<T> {
        self.note(span, kind);
        None
    }

    /// Off the way: there are hundreds of places from which a problem is noted, and the module has its size to keep.
    #[cold]
    #[inline(never)]
    fn note(&mut self, span: Span, kind: PolicyErrorKind) {
        self.0.push((kind, span));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_inner(self) -> Vec<(PolicyErrorKind, Span)> {
        self.0
    }

    /// The value, or a noted problem at `span`.
    pub(super) fn keep<T, E: Into<PolicyErrorKind>>(
        &mut self,
        span: Span,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.note(span, error.into())).ok()
    }
}

/// The keys that an object may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// Keys that mean something.
    pub(super) known: &'static [&'static str],
}

impl Keys {
    pub(super) const fn of(known: &'static [&'static str]) -> Self {
        Self { known }
    }
}

/// An object whose keys have been checked: none unknown, none twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'n> {
    members: &'n [Member],
    /// The opening brace, where a missing key is reported.
    pub(super) brace: Span,
}

impl<'n> Object<'n> {
    /// Opens `node` as an object with `keys`.
    #[inline(never)]
    pub(super) fn open(node: &'n Node, keys: Keys, problems: &mut Problems) -> Option<Self> {
        let object = Self::open_map(node, problems)?;
        for member in object.members {
            let key = member.key.as_str();
            if !keys.known.contains(&key) {
                let kind = PolicyErrorKind::UnknownKey { key: key.to_owned(), known: keys.known };
                problems.add::<()>(member.key_span, kind);
            }
        }
        Some(object)
    }

    /// Opens `node` as an object with keys of the author's choice.
    #[inline(never)]
    pub(super) fn open_map(node: &'n Node, problems: &mut Problems) -> Option<Self> {
        let Value::Object(members) = &node.value else {
            return wrong_type(node, "an object", problems);
        };
        let mut seen = std::collections::HashSet::with_capacity(members.len());
        for member in members {
            if !seen.insert(member.key.as_str()) {
                problems
                    .add::<()>(member.key_span, PolicyErrorKind::DuplicateKey { key: member.key.clone() });
            }
        }
        let brace = Span { start: node.span.start, end: node.span.start + 1 };
        Some(Self { members, brace })
    }

    pub(super) fn members(&self) -> &'n [Member] {
        self.members
    }

    #[inline(never)]
    pub(super) fn member(&self, key: &str) -> Option<&'n Member> {
        self.members.iter().find(|member| member.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.member(key).map(|member| &member.value)
    }

    /// The value of a key that must be there.
    #[inline(never)]
    pub(super) fn require(
        &self,
        key: &'static str,
        help: Option<&'static str>,
        problems: &mut Problems,
    ) -> Option<&'n Node> {
        match self.get(key) {
            Some(node) => Some(node),
            None => problems.add(self.brace, PolicyErrorKind::MissingKey { key, help }),
        }
    }
}

pub(super) fn wrong_type<T>(node: &Node, expected: &'static str, problems: &mut Problems) -> Option<T> {
    problems.add(node.span, PolicyErrorKind::WrongType { expected, found: node.kind() })
}

/// For an object that holds no key or several where one is meant.
pub(super) fn not_one<T>(
    object: &Object<'_>,
    node: &Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let found = if object.members().is_empty() { "none" } else { "several" };
    problems.add(node.span, PolicyErrorKind::WrongType { expected, found })
}

#[inline(never)]
pub(super) fn string<'n>(node: &'n Node, problems: &mut Problems) -> Option<&'n str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            wrong_type(node, "a string", problems)
        }
    }
}

#[inline(never)]
pub(super) fn boolean(node: &Node, problems: &mut Problems) -> Option<bool> {
    match node.value {
        Value::Bool(value) => Some(value),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            wrong_type(node, "true or false", problems)
        }
    }
}

/// One of a fixed set of words.
pub(super) fn word<T: Clone>(
    node: &Node,
    known: &'static [&'static str],
    values: &[T],
    problems: &mut Problems,
) -> Option<T> {
    word_at(node, known, problems).and_then(|at| values.get(at)).cloned()
}

#[inline(never)]
fn word_at(node: &Node, known: &'static [&'static str], problems: &mut Problems) -> Option<usize> {
    let text = string(node, problems)?;
    let found = known.iter().position(|name| *name == text);
    found.or_else(|| problems.add(node.span, PolicyErrorKind::UnknownValue { value: text.to_owned(), known }))
}

/// A whole number; a `Struct` gives every number as a double, so `403` and `403.0` are one.
#[inline(never)]
pub(super) fn whole_number(node: &Node, min: u32, max: u32, problems: &mut Problems) -> Option<u32> {
    let Value::Number(value) = node.value else {
        return wrong_type(node, "a number", problems);
    };
    if value.fract() == 0.0 && value >= f64::from(min) && value <= f64::from(max) {
        // In range and whole: the conversion is exact.
        return Some(value as u32);
    }
    problems.add(node.span, PolicyErrorKind::OutOfRange { value, min, max })
}

/// The entries of an array that holds at least one.
#[inline(never)]
pub(super) fn entries<'n>(node: &'n Node, what: &'static str, problems: &mut Problems) -> Option<&'n [Node]> {
    match &node.value {
        Value::Array(entries) if entries.is_empty() => {
            problems.add(node.span, PolicyErrorKind::EmptyList { what, help: None })
        }
        Value::Array(entries) => Some(entries),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            wrong_type(node, "an array", problems)
        }
    }
}

/// The entries of an array, or the value itself where one is written without brackets.
#[inline(never)]
pub(super) fn one_or_many<'n>(
    node: &'n Node,
    what: &'static str,
    problems: &mut Problems,
) -> Option<&'n [Node]> {
    match &node.value {
        Value::Array(_) => entries(node, what, problems),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Some(std::slice::from_ref(node))
        }
    }
}

/// `Some` only if every entry is there: a list with a faulty entry is no list. Each is looked at all the same, for what is wrong with
/// it.
pub(super) fn all_or_none<T>(values: impl IntoIterator<Item = Option<T>>) -> Option<Vec<T>> {
    let (mut found, mut is_whole) = (Vec::new(), true);
    for value in values {
        match value {
            Some(value) => found.push(value),
            None => is_whole = false,
        }
    }
    is_whole.then_some(found)
}

/// Texts that each parse to something; at least one.
pub(super) fn list<T>(
    node: &Node,
    what: &'static str,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, PolicyErrorKind>,
) -> Option<Vec<T>> {
    let values = entries(node, what, problems)?.iter().map(|entry| {
        let text = string(entry, problems)?;
        problems.keep(entry.span, parse(text))
    });
    all_or_none(values)
}
