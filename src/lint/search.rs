//! Looks for a path that is in some sets and in none of others, by walking their automata side by side.

use std::cell::Cell;
use std::collections::HashSet;

use super::language::{DEAD, Language, State, TooLarge};
use crate::policy::PathCase;

/// Most combinations of states that one search visits. Sets that people write need a few hundred; two expressions with
/// counted repetitions, some thousands.
const MAX_COMBINATIONS: usize = 20_000;

/// Most steps of automata that all searches of one policy take: some seconds' worth.
const MAX_STEPS: u64 = 100_000_000;

/// A set of paths, and how it reads them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) language: &'a Language,
    /// Without case, the automaton sees every path in lower case.
    pub(super) case: PathCase,
}

impl Part<'_> {
    /// Whether `path` is in the set.
    ///
    /// # Errors
    /// [`TooLarge`] where that cannot be told.
    pub(super) fn contains(self, path: &[u8]) -> Result<bool, TooLarge> {
        match self.case {
            PathCase::Sensitive => self.language.contains(path),
            PathCase::Insensitive => self.language.contains(&path.to_ascii_lowercase()),
        }
    }

    /// Whether the set is known to hold one path.
    pub(super) fn is_one_path(self) -> bool {
        match (self.language, self.case) {
            (Language::Exact(_), PathCase::Sensitive) => true,
            (Language::Exact(_), PathCase::Insensitive) => false,
            (
                Language::Any
                | Language::Prefix(_)
                | Language::Template(_)
                | Language::Begins(_)
                | Language::Expression(_)
                | Language::Plain
                | Language::Reading
                | Language::PlainValue,
                _,
            ) => false,
        }
    }

    fn next(self, state: State, byte: u8) -> State {
        self.language.next(state, self.seen(byte))
    }

    fn class(self, byte: u8) -> u16 {
        self.language.class(self.seen(byte))
    }

    fn seen(self, byte: u8) -> u8 {
        match self.case {
            PathCase::Sensitive => byte,
            PathCase::Insensitive => byte.to_ascii_lowercase(),
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A shortest path that is in the sets.
    Path(Vec<u8>),
    /// There is none.
    Nothing,
    /// Beyond a limit.
    TooMuch,
}

/// What is left of the work that one policy may cost.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Cell::new(MAX_STEPS))
    }

    fn spend(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps as u64);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// A path in all of `inside` and in none of `outside`.
pub(super) fn find(inside: &[Part<'_>], outside: &[Part<'_>], budget: &Budget) -> Found {
    Search::new(inside, outside).map_or(Found::TooMuch, |search| search.run(budget))
}

struct Search<'a> {
    parts: Vec<Part<'a>>,
    /// So many of the parts, from the first on, must hold the path; the others must not.
    inside: usize,
    start: Box<[State]>,
    /// One of the bytes of each class.
    alphabet: Vec<u8>,
}

impl<'a> Search<'a> {
    fn new(inside: &[Part<'a>], outside: &[Part<'a>]) -> Result<Self, TooLarge> {
        let parts: Vec<Part<'a>> = inside.iter().chain(outside).copied().collect();
        let start = parts.iter().map(|part| part.language.start()).collect::<Result<_, _>>()?;
        Ok(Self { alphabet: alphabet(&parts), inside: inside.len(), start, parts })
    }

    /// Breadth first, so that what is found is short.
    fn run(&self, budget: &Budget) -> Found {
        let mut visited = vec![Visit { states: self.start.clone(), from: None }];
        let mut known = HashSet::from([self.start.clone()]);
        let mut at = 0;
        while let Some(Visit { states, .. }) = visited.get(at) {
            let states = states.clone();
            if self.accepts(&states) {
                return Found::Path(path_to(&visited, at));
            }
            if !budget.spend(self.alphabet.len() * self.parts.len()) {
                return Found::TooMuch;
            }
            for byte in &self.alphabet {
                let next: Box<[State]> =
                    self.parts.iter().zip(&states).map(|(part, state)| part.next(*state, *byte)).collect();
                if next.iter().take(self.inside).any(|state| *state == DEAD) {
                    continue;
                }
                if known.insert(next.clone()) {
                    visited.push(Visit { states: next, from: Some((at, *byte)) });
                }
            }
            if visited.len() > MAX_COMBINATIONS {
                return Found::TooMuch;
            }
            at += 1;
        }
        Found::Nothing
    }

    fn accepts(&self, states: &[State]) -> bool {
        self.parts
            .iter()
            .zip(states)
            .enumerate()
            .all(|(index, (part, state))| part.language.accepts(*state) == (index < self.inside))
    }
}

/// A combination of states, and the one before it with the byte between them.
struct Visit {
    states: Box<[State]>,
    from: Option<(usize, u8)>,
}

fn path_to(visited: &[Visit], end: usize) -> Vec<u8> {
    let mut path = Vec::new();
    let mut at = end;
    while let Some(Visit { from: Some((from, byte)), .. }) = visited.get(at) {
        path.push(*byte);
        at = *from;
    }
    path.reverse();
    path
}

/// One byte of each class, those first that are good to read.
fn alphabet(parts: &[Part<'_>]) -> Vec<u8> {
    let readable = (b'a'..=b'z').chain(*b"/-_.0123456789").chain(b'A'..=b'Z').chain(b'!'..=b'~');
    let mut seen = HashSet::new();
    readable
        .chain(0..=u8::MAX)
        .filter(|byte| {
            let classes: Vec<u16> = parts.iter().map(|part| part.class(*byte)).collect();
            seen.insert(classes)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::expression::Expression;
    use super::*;

    fn expression(text: &str) -> Language {
        Language::Expression(Box::new(Expression::new(text, PathCase::Sensitive)))
    }

    fn search(inside: &[&Language], outside: &[&Language]) -> Found {
        find(&sensitive(inside), &sensitive(outside), &Budget::new())
    }

    fn sensitive<'a>(languages: &[&'a Language]) -> Vec<Part<'a>> {
        languages.iter().map(|language| Part { language, case: PathCase::Sensitive }).collect()
    }

    fn prefix(text: &str) -> Language {
        Language::Prefix(text.as_bytes().to_vec())
    }

    #[test]
    fn what_is_left_of_a_prefix_is_found_and_shortest() {
        let (a, b) = (prefix("/a"), prefix("/a/b"));
        assert_eq!(search(&[&Language::Plain, &a], &[]), Found::Path(b"/a".to_vec()));
        assert_eq!(search(&[&a, &b], &[]), Found::Path(b"/a/b".to_vec()));
        assert_eq!(search(&[&b], &[&a]), Found::Nothing);
        let exact = Language::Exact(b"/a".to_vec());
        assert_eq!(search(&[&Language::Plain, &a], &[&exact]), Found::Path(b"/a/".to_vec()));
    }

    #[test]
    fn expressions_are_compared_exactly() {
        let (all, digits, odd) =
            (expression("/v[0-9]+"), expression("/v(?:[0-4]|[5-9])*"), expression("/v[1-9]+"));
        assert_eq!(search(&[&all], &[&digits]), Found::Nothing);
        assert_eq!(search(&[&all], &[&odd]), Found::Path(b"/v0".to_vec()));
        assert_eq!(search(&[&all, &odd], &[&digits]), Found::Nothing);
    }

    #[test]
    fn without_case_a_part_sees_lower_case() {
        let upper = Language::Exact(b"/A".to_vec());
        let lower = Language::Exact(b"/a".to_vec());
        let folded = Part { language: &lower, case: PathCase::Insensitive };
        let upper = Part { language: &upper, case: PathCase::Sensitive };
        assert_eq!(find(&[upper, folded], &[], &Budget::new()), Found::Path(b"/A".to_vec()));
        assert_eq!(find(&[upper], &[folded], &Budget::new()), Found::Nothing);
    }

    #[test]
    fn plain_paths_hold_no_escape_no_parameter_and_no_empty_or_dot_segment() {
        for (path, plain) in [
            ("/", true),
            ("/a/.well-known/x.y/..z/", true),
            ("/...", true),
            ("", false),
            ("a", false),
            ("/a//b", false),
            ("/a/./b", false),
            ("/a/..", false),
            ("/.", false),
            ("/%41", false),
            ("/a;b", false),
            ("/a b", false),
        ] {
            assert_eq!(Language::Plain.contains(path.as_bytes()), Ok(plain), "{path}");
        }
    }

    #[test]
    fn a_search_that_takes_too_much_says_so() {
        let (one, two) = (expression("/(?:a|b)*a(?:a|b){9}"), expression("/(?:a|b)*b(?:a|b){11}"));
        let beyond = expression("/(?:a|b)*a(?:a|b){13}c");
        assert_eq!(search(&[&one, &beyond], &[&two]), Found::TooMuch);
    }
}
