//! Patterns for text: the whole of it, its beginning, its end, or a regular expression.

use std::fmt;
use std::sync::Arc;

use super::expressions::{ExpressionError, ExpressionSet, Limits};
use super::pattern::PatternError;

/// The largest compiled regular expression, in bytes. A policy may hold thousands, and every worker holds them all;
/// and a client chooses the text, of which each byte costs the more the larger the expression is.
pub const MAX_REGEX_BYTES: usize = 16 * 1024;

/// Bytes that each regular expression may use to remember what it found out about texts; hostile texts fill them.
const MAX_REGEX_MEMORY: usize = 2 * 1024 * 1024;

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
    Regex { text: String, expression: Arc<ExpressionSet> },
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
            TextKind::Regex => {
                Rule::Regex { text: text.to_owned(), expression: Arc::new(compile(text, case)?) }
            }
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
            Rule::Regex { expression, .. } => {
                let mut matches = false;
                expression.matching(text, |_| matches = true).is_ok() && matches
            }
        }
    }

    fn same(&self, text: &[u8], wanted: &str) -> bool {
        match self.case {
            Case::Sensitive => text == wanted.as_bytes(),
            Case::Ignored => text.eq_ignore_ascii_case(wanted.as_bytes()),
        }
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for TextPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Exact(text) => quoted(text).fmt(out),
            Rule::Prefix(text) => write!(out, r#"{{"prefix": {}}}"#, quoted(text)),
            Rule::Suffix(text) => write!(out, r#"{{"suffix": {}}}"#, quoted(text)),
            Rule::Regex { text, .. } => write!(out, r#"{{"regex": {}}}"#, quoted(text)),
        }
    }
}

/// The text as a JSON string.
pub(crate) fn quoted(text: &str) -> impl fmt::Display {
    serde_json::Value::from(text)
}

fn compile(text: &str, case: Case) -> Result<ExpressionSet, PatternError> {
    if !text.is_ascii() {
        return Err(PatternError::NotAscii { text: text.to_owned() });
    }
    if turns_on_unicode(text) {
        let problem = "the flag `u` is not to be had".to_owned();
        return Err(PatternError::Regex { text: text.to_owned(), problem });
    }
    let limits = Limits { compiled: MAX_REGEX_BYTES, memory: MAX_REGEX_MEMORY };
    ExpressionSet::new([text], case, limits).map_err(|error| {
        let text = text.to_owned();
        match error {
            ExpressionError::TooLarge => PatternError::RegexTooLarge { text },
            ExpressionError::Invalid(problem) => PatternError::Regex { text, problem },
        }
    })
}

/// Whether a group such as `(?u)` or `(?iu:...)` is in the expression: without tables it means what it should in some
/// expressions and is refused in others.
fn turns_on_unicode(text: &str) -> bool {
    // An escaped parenthesis opens no group.
    let text = text.replace(r"\\", "").replace(r"\(", "");
    text.split("(?").skip(1).any(|group| {
        let flags = group.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
        let end = group.bytes().find(|byte| !byte.is_ascii_alphabetic() && *byte != b'-');
        matches!(end, Some(b':' | b')')) && flags.into_iter().any(|flag| flag == b'u')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn each_kind_matches_its_part_and_not_its_near_miss() {
        for (kind, pattern, hit, misses) in [
            (TextKind::Exact, "abc", "abc", &["ab", "abcd", "xabc", "Abc", ""][..]),
            (TextKind::Prefix, "ab", "abc", &["a", "xab", "Abc", ""]),
            (TextKind::Suffix, "bc", "abc", &["c", "bcx", "abC", ""]),
            (TextKind::Regex, "a.c", "abc", &["xabc", "abcx", "ac", "abc\n", "\nabc", "aBC"]),
        ] {
            let pattern = TextPattern::new(kind, pattern, Case::Sensitive).unwrap();
            assert!(pattern.matches(hit), "{kind:?} {hit}");
            for miss in misses {
                assert!(!pattern.matches(miss), "{kind:?} {}", miss.escape_debug());
            }
        }
    }

    #[test]
    fn each_kind_is_written_as_a_policy_writes_it() {
        for (kind, text, written) in [
            (TextKind::Exact, r#"a"\é"#, r#""a\"\\é""#),
            (TextKind::Prefix, "a", r#"{"prefix": "a"}"#),
            (TextKind::Suffix, "a", r#"{"suffix": "a"}"#),
            (TextKind::Regex, r"\A(?:a)\z|b\.c", r#"{"regex": "\\A(?:a)\\z|b\\.c"}"#),
        ] {
            let pattern = TextPattern::new(kind, text, Case::Ignored).unwrap();
            assert_eq!(pattern.to_string(), written);
        }
    }

    #[test]
    fn letters_match_in_either_case_only_where_asked_for() {
        for (kind, pattern) in [
            (TextKind::Exact, "aBc"),
            (TextKind::Prefix, "aB"),
            (TextKind::Suffix, "Bc"),
            (TextKind::Regex, "aB."),
        ] {
            assert!(TextPattern::new(kind, pattern, Case::Ignored).unwrap().matches("AbC"), "{kind:?}");
            assert!(!TextPattern::new(kind, pattern, Case::Sensitive).unwrap().matches("AbC"), "{kind:?}");
        }
    }

    #[test]
    fn every_alternative_of_a_regular_expression_is_anchored() {
        let pattern = TextPattern::regex("a|b").unwrap();
        assert!(pattern.matches("a") && pattern.matches("b"));
        assert!(!pattern.matches("ax") && !pattern.matches("xb"));
        let pattern = TextPattern::regex("(?m)^a$").unwrap();
        assert!(pattern.matches("a") && !pattern.matches("a\nb"));
    }

    #[test]
    fn an_expression_that_closes_the_anchors_group_is_refused() {
        for text in ["a)|(?:b", "(?x)a#", "(", "*a", "[", r"\p{Greek}"] {
            let result = TextPattern::regex(text);
            assert!(matches!(result, Err(PatternError::Regex { .. })), "{text}: {result:?}");
        }
    }

    #[test]
    fn an_expression_never_turns_on_unicode() {
        for text in ["(?u)a", "(?iu:a)", "a(?-u)b", r"\\\\(?u)"] {
            assert!(TextPattern::regex(text).is_err(), "{text}");
        }
        for (text, hit) in
            [(r"a\(?u", "au"), (r"(?P<u>a)", "a"), ("(?i)U", "u"), ("(?:u)", "u"), ("(?i:u)", "U")]
        {
            assert!(TextPattern::regex(text).unwrap().matches(hit), "{text}");
        }
    }

    #[test]
    fn a_bad_expression_says_what_is_wrong_on_one_line() {
        let message = TextPattern::regex("a(b").unwrap_err().to_string();
        assert_eq!(message, "`a(b` is no regular expression: unclosed group");
    }

    #[test]
    fn an_expression_that_compiles_too_large_is_refused() {
        let text = "(?:[a-z]{100}){100}";
        assert_eq!(
            TextPattern::regex(text).unwrap_err(),
            PatternError::RegexTooLarge { text: text.to_owned() }
        );
        assert!(TextPattern::regex("[a-z]{1,100}").is_ok());
    }

    #[test]
    fn an_expression_that_is_not_ascii_is_refused_and_other_text_is_not() {
        let message = TextPattern::regex("é").unwrap_err().to_string();
        assert_eq!(
            message,
            "`é` holds characters that are not ASCII, which a regular expression here must not"
        );
        assert!(TextPattern::exact("é").unwrap().matches("é"));
    }

    #[test]
    fn empty_text_is_refused() {
        for kind in [TextKind::Exact, TextKind::Prefix, TextKind::Suffix, TextKind::Regex] {
            assert_eq!(
                TextPattern::new(kind, "", Case::Sensitive).unwrap_err(),
                PatternError::Empty,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn text_is_never_cut_inside_of_a_character() {
        let (prefix, suffix) = (TextPattern::prefix("a").unwrap(), TextPattern::suffix("b").unwrap());
        assert!(!prefix.matches("é") && !suffix.matches("é"));
        assert!(prefix.matches("aé") && suffix.matches("éb"));
    }
}
