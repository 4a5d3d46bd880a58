//! Regular expressions as automata.

use std::cell::OnceCell;

use regex_automata::dfa::dense::{Builder, Config, DFA};
use regex_automata::dfa::{Automaton as _, StartKind};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use super::language::{DEAD, State, TooLarge};
use super::sample::sample;
use crate::policy::PathCase;

/// Most bytes of one expression's automaton, and most while it is made. An expression that people write comes to a
/// few KiB; one of the 16 KiB that a policy allows may have more combinations of states than there is memory.
const MAX_AUTOMATON_BYTES: usize = 4 * 1024 * 1024;

/// The texts that an expression matches as a whole. Its automaton is made when it is first needed.
pub(super) struct Expression {
    text: String,
    case: PathCase,
    literal: Vec<u8>,
    automaton: OnceCell<Option<Machine>>,
}

struct Machine {
    table: DFA<Vec<u32>>,
    start: State,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expression").field("text", &self.text).field("case", &self.case).finish()
    }
}

impl Expression {
    /// `text` is an expression that a policy may hold.
    pub(super) fn new(text: &str, case: PathCase) -> Self {
        let mut literal = literal_beginning(text).as_bytes().to_vec();
        if case == PathCase::Insensitive {
            literal = literal.to_ascii_lowercase();
        }
        Self { text: text.to_owned(), case, literal, automaton: OnceCell::new() }
    }

    /// A short text that it is likely to match.
    pub(super) fn sample(&self) -> Option<Vec<u8>> {
        sample(&self.text)
    }

    /// Text with which every match begins.
    pub(super) fn literal(&self) -> &[u8] {
        &self.literal
    }

    pub(super) fn start(&self) -> Result<State, TooLarge> {
        self.machine().map(|machine| machine.start).ok_or(TooLarge)
    }

    pub(super) fn next(&self, state: State, byte: u8) -> State {
        let (Some(Machine { table, .. }), Ok(state)) = (self.machine(), StateID::new(state as usize)) else {
            return DEAD;
        };
        let next = table.next_state(state, byte);
        if table.is_dead_state(next) { DEAD } else { next.as_u32() }
    }

    pub(super) fn accepts(&self, state: State) -> bool {
        let (Some(Machine { table, .. }), Ok(state)) = (self.machine(), StateID::new(state as usize)) else {
            return false;
        };
        table.is_match_state(table.next_eoi_state(state))
    }

    pub(super) fn class(&self, byte: u8) -> u16 {
        self.machine().map_or(0, |machine| u16::from(machine.table.byte_classes().get(byte)))
    }

    fn machine(&self) -> Option<&Machine> {
        self.automaton.get_or_init(|| Machine::new(&self.text, self.case)).as_ref()
    }
}

impl Machine {
    fn new(text: &str, case: PathCase) -> Option<Self> {
        let table = build(text, case)?;
        let start = table.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        Some(Self { start: start.as_u32(), table })
    }
}

/// As `TextPattern` compiles it: anchored at both ends, seeing bytes.
fn build(text: &str, case: PathCase) -> Option<DFA<Vec<u32>>> {
    let limit = Some(MAX_AUTOMATON_BYTES);
    Builder::new()
        .configure(
            Config::new()
                .start_kind(StartKind::Anchored)
                // Every match, not the one that a search would prefer.
                .match_kind(MatchKind::All)
                .accelerate(false)
                .dfa_size_limit(limit)
                .determinize_size_limit(limit),
        )
        .syntax(
            syntax::Config::new().unicode(false).utf8(false).case_insensitive(case == PathCase::Insensitive),
        )
        .thompson(thompson::Config::new().utf8(false))
        .build(&format!(r"\A(?:{text})\z"))
        .ok()
}

/// The plain text at the beginning of an expression, with which every match begins; empty where none is certain.
fn literal_beginning(text: &str) -> &str {
    if has_alternatives(text) {
        return "";
    }
    let end = text.find(is_special).unwrap_or(text.len());
    let literal = text.get(..end).unwrap_or_default();
    // A repetition takes the last character back, which may then be absent.
    match text.as_bytes().get(end) {
        Some(b'*' | b'?' | b'{' | b'+') => {
            literal.char_indices().next_back().and_then(|(at, _)| literal.get(..at)).unwrap_or_default()
        }
        _ => literal,
    }
}

pub(super) fn is_special(character: char) -> bool {
    r"\.+*?()|[]{}^$".contains(character)
}

/// Whether a `|` may stand outside of all groups.
fn has_alternatives(text: &str) -> bool {
    // In classes and comments a parenthesis opens no group: then any `|` may be one.
    if text.contains(['[', '#']) {
        return text.contains('|');
    }
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_what_every_match_begins_with() {
        for (text, beginning) in [
            ("/v1/x", "/v1/x"),
            ("/v1/[^/]+", "/v1/"),
            ("/v1/x?", "/v1/"),
            ("/v1/x{0,2}", "/v1/"),
            ("/a|/b", ""),
            ("/v(1|2)/x", "/v"),
            ("(?i)/x", ""),
            (r"/a\.b", "/a"),
            (r"\|/x", ""),
            ("/x[(]|z", ""),
            ("/x(?x) # (\n|z", ""),
        ] {
            let found = literal_beginning(text);
            assert_eq!(found, beginning, "{text}");
        }
    }

    #[test]
    fn an_expression_matches_wholly_in_its_case() {
        let language =
            |text, case| super::super::language::Language::Expression(Box::new(Expression::new(text, case)));
        let sensitive = language("/a.c|/x", PathCase::Sensitive);
        for (text, wanted) in
            [("/abc", true), ("/x", true), ("/Abc", false), ("/abcd", false), ("y/x", false)]
        {
            assert_eq!(sensitive.contains(text.as_bytes()), Ok(wanted), "{text}");
        }
        assert_eq!(language("/A", PathCase::Insensitive).contains(b"/a"), Ok(true));
        let blown = language("/(?:a|b)*a(?:a|b){24}", PathCase::Sensitive);
        assert_eq!(blown.contains(b"/a"), Err(TooLarge));
    }
}
