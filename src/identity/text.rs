//! Patterns for text: the whole of it, its beginning, its end, or a regular expression.

use regex::bytes::{Regex, RegexBuilder};

use super::pattern::PatternError;

/// The largest compiled regular expression, in bytes. A policy may hold thousands, and every worker holds them all.
pub const MAX_REGEX_BYTES: usize = 64 * 1024;

/// How a pattern's text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// With the whole text.
    Exact,
    /// With its beginning.
    Prefix,
    /// With its end.
    Suffix,
    /// As a regular expression for the whole text. It is ASCII and sees bytes: `.` is one byte.
    Regex,
}

/// Whether letters of different case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    /// `A` is not `a`.
    Sensitive,
    /// `A` is `a`; of ASCII letters only.
    Ignored,
}

/// A pattern for text.
#[derive(Debug, Clone)]
pub struct TextPattern {
    rule: Rule,
    case: Case,
}

#[derive(Debug, Clone)]
enum Rule {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Regex(Regex),
}

impl TextPattern {
    /// A pattern of any kind. Empty text is refused, and so is a regular expression that is not ASCII, does not
    /// compile by itself, or compiles to more than [`MAX_REGEX_BYTES`].
    pub fn new(kind: TextKind, text: &str, case: Case) -> Result<TextPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let rule = match kind {
            TextKind::Exact => Rule::Exact(text.to_owned()),
            TextKind::Prefix => Rule::Prefix(text.to_owned()),
            TextKind::Suffix => Rule::Suffix(text.to_owned()),
            TextKind::Regex => Rule::Regex(compile(text, case)?),
        };
        Ok(TextPattern { rule, case })
    }

    /// Matches this very text.
    pub fn exact(text: &str) -> Result<TextPattern, PatternError> {
        TextPattern::new(TextKind::Exact, text, Case::Sensitive)
    }

    /// Matches what begins so.
    pub fn prefix(text: &str) -> Result<TextPattern, PatternError> {
        TextPattern::new(TextKind::Prefix, text, Case::Sensitive)
    }

    /// Matches what ends so.
    pub fn suffix(text: &str) -> Result<TextPattern, PatternError> {
        TextPattern::new(TextKind::Suffix, text, Case::Sensitive)
    }

    /// Matches what the regular expression matches as a whole.
    pub fn regex(text: &str) -> Result<TextPattern, PatternError> {
        TextPattern::new(TextKind::Regex, text, Case::Sensitive)
    }

    /// Whether `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_bytes(text.as_bytes())
    }

    /// Whether `text`, in whatever encoding, matches.
    pub fn matches_bytes(&self, text: &[u8]) -> bool {
        match &self.rule {
            Rule::Exact(wanted) => self.same(text, wanted),
            Rule::Prefix(wanted) => text.get(..wanted.len()).is_some_and(|start| self.same(start, wanted)),
            Rule::Suffix(wanted) => text
                .len()
                .checked_sub(wanted.len())
                .and_then(|at| text.get(at..))
                .is_some_and(|end| self.same(end, wanted)),
            Rule::Regex(regex) => regex.is_match(text),
        }
    }

    fn same(&self, text: &[u8], wanted: &str) -> bool {
        match self.case {
            Case::Sensitive => text == wanted.as_bytes(),
            Case::Ignored => text.eq_ignore_ascii_case(wanted.as_bytes()),
        }
    }
}

fn compile(text: &str, case: Case) -> Result<Regex, PatternError> {
    if !text.is_ascii() {
        return Err(PatternError::NotAscii { text: text.to_owned(), kind: "a regular expression here" });
    }
    // By itself first: `a)|(?:b` would be two alternatives of which neither is anchored at both ends.
    build(text, text, case)?;
    build(&format!(r"\A(?:{text})\z"), text, case)
}

fn build(expression: &str, text: &str, case: Case) -> Result<Regex, PatternError> {
    RegexBuilder::new(expression)
        .unicode(false)
        .case_insensitive(case == Case::Ignored)
        .size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| {
            let text = text.to_owned();
            if matches!(error, regex::Error::CompiledTooBig(_)) {
                PatternError::RegexTooLarge { text }
            } else {
                PatternError::Regex { text, problem: last_line(&error.to_string()) }
            }
        })
}

/// The regex library draws the expression over several lines; the last one says what is wrong.
fn last_line(message: &str) -> String {
    let line = message.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
