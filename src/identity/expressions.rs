//! Regular expressions for a whole text.
//!
//! An automaton reads each byte of a text once, however many expressions there are. It is built while texts are read, within a
//! bound of memory: when that is full it forgets what it has built and goes on. A text that makes it forget at each byte costs what
//! the expressions would cost without it, and the answer is the same.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, Config, DFA, OverlappingState};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::{Input, MatchError, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use thiserror::Error;

use super::text::Case;

/// What an expression is compiled between, so that it matches the whole text.
const ANCHORS: (&str, &str) = (r"\A(?:", r")\z");

/// Expressions, each of which sees bytes: `.` is one byte.
#[derive(Debug)]
pub(crate) struct ExpressionSet {
    automaton: DFA,
    /// What was built so far; `None` before the first text.
    built: Mutex<Option<Cache>>,
}

/// What a set may take, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest set once compiled.
    pub(crate) compiled: usize,
    /// What may be remembered of texts; for the largest sets it is more, in proportion to their size.
    pub(crate) memory: usize,
}

/// Why expressions make no set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ExpressionError {
    /// What the regex library says, on one line.
    #[error("{0}")]
    Invalid(String),
    /// They compile to more than [`Limits::compiled`].
    #[error("too large")]
    TooLarge,
}

impl ExpressionSet {
    /// A set of `expressions`, of which each must compile by itself.
    pub(crate) fn new<'e>(
        expressions: impl IntoIterator<Item = &'e str>,
        case: Case,
        limits: Limits,
    ) -> Result<Self, ExpressionError> {
        let whole = expressions.into_iter().map(|text| whole(text, case));
        let whole = whole.collect::<Result<Vec<Hir>, _>>()?;
        let compiled = NFA::compiler()
            .configure(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(limits.compiled)),
            )
            .build_many_from_hir(&whole)
            .map_err(|error| match error.size_limit() {
                Some(_) => ExpressionError::TooLarge,
                None => ExpressionError::Invalid(error.to_string()),
            })?;
        // By default it never gives up, and there is no byte that it cannot read.
        let config = Config::new()
            .match_kind(MatchKind::All)
            .cache_capacity(limits.memory)
            .skip_cache_capacity_check(true);
        let automaton = DFA::builder()
            .configure(config)
            .build_from_nfa(compiled)
            .map_err(|error| ExpressionError::Invalid(error.to_string()))?;
        Ok(Self { automaton, built: Mutex::default() })
    }

    /// Calls `found` with the place of each expression that matches the whole of `text`.
    ///
    /// # Errors
    /// The library's word that it cannot tell, which it has no reason to give.
    pub(crate) fn matching(&self, text: &[u8], mut found: impl FnMut(usize)) -> Result<(), MatchError> {
        let mut built = self.built.lock().unwrap_or_else(|poisoned| {
            // Nobody knows how far it had come.
            let mut built = PoisonError::into_inner(poisoned);
            *built = None;
            built
        });
        let built = built.get_or_insert_with(|| self.automaton.create_cache());
        let input = Input::new(text);
        let mut state = OverlappingState::start();
        loop {
            self.automaton.try_search_overlapping_fwd(built, &input, &mut state)?;
            match state.get_match() {
                Some(end) => found(end.pattern().as_usize()),
                None => return Ok(()),
            }
        }
    }
}

/// Matches what `text` matches as a whole.
fn whole(text: &str, case: Case) -> Result<Hir, ExpressionError> {
    // By itself first: `a)|(?:b` would be two alternatives of which neither is anchored at both ends.
    parse(text, case)?;
    let (start, end) = ANCHORS;
    parse(&format!("{start}{text}{end}"), case)
}

fn parse(text: &str, case: Case) -> Result<Hir, ExpressionError> {
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(case == Case::Ignored)
        .build()
        .parse(text)
        .map_err(|error| ExpressionError::Invalid(fault(&error)))
}

/// What is wrong, without the drawing of the expression over several lines, which is 10 KB of the module.
fn fault(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        // The library may come to know others.
        _ => "it cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn set(expressions: &[&str], memory: usize) -> Result<ExpressionSet, ExpressionError> {
        let limits = Limits { compiled: 16 * 1024, memory };
        ExpressionSet::new(expressions.iter().copied(), Case::Sensitive, limits)
    }

    fn matching(set: &ExpressionSet, text: &str) -> Vec<usize> {
        let mut places = Vec::new();
        set.matching(text.as_bytes(), |place| places.push(place)).unwrap();
        places.sort_unstable();
        places
    }

    #[test]
    fn every_expression_that_matches_the_whole_text_is_found() {
        let set = set(&["a+", "a|b", "", "(?s).*", "aa$"], 1024 * 1024).unwrap();
        for (text, places) in
            [("a", &[0, 1, 3][..]), ("aa", &[0, 3, 4]), ("", &[2, 3]), ("aab", &[3]), ("aa\n", &[3])]
        {
            assert_eq!(matching(&set, text), places, "{}", text.escape_debug());
        }
    }

    #[test]
    fn one_bad_expression_or_too_many_large_ones_make_no_set() {
        assert!(matches!(set(&["a", "a)|(?:b"], 1024), Err(ExpressionError::Invalid(_))));
        assert!(set(&["[a-z]{100}", "[a-z]{100}"], 1024).is_ok());
        assert!(matches!(set(&["[a-z]{100}"; 40], 1024), Err(ExpressionError::TooLarge)));
    }

    /// One of the last 13 bytes decides, so that nearly every byte leads to where the automaton has not been.
    #[test]
    fn what_is_forgotten_for_want_of_memory_changes_no_answer() {
        let mut text: Vec<u8> = Vec::new();
        for number in 0..200_u32 {
            // Knuth's multiplicative hash.
            let bits = number.wrapping_mul(2_654_435_761);
            text.extend((0..24).map(|bit| if bits >> (31 - bit) & 1 == 0 { b'a' } else { b'b' }));
        }
        let [small, large] =
            [0, 16 * 1024 * 1024].map(|memory| set(&["[ab]*a[ab]{12}", "[ab]*b[ab]{12}"], memory).unwrap());
        let mut seen = [0; 2];
        for end in (text.len() - 50)..text.len() {
            let text = &text[..end];
            let place = usize::from(text[end - 13] == b'b');
            seen[place] += 1;
            for set in [&small, &large] {
                let mut places = Vec::new();
                set.matching(text, |place| places.push(place)).unwrap();
                assert_eq!(places, [place], "{end}");
            }
        }
        assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
        let clears = |set: &ExpressionSet| set.built.lock().unwrap().as_ref().map_or(0, Cache::clear_count);
        assert!(clears(&small) > 1000 && clears(&large) == 0, "{} {}", clears(&small), clears(&large));
    }
}
