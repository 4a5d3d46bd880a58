//! A text that an expression matches, read off its syntax: cheaper than its automaton, and mostly good enough to try.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Most bytes of a sample; paths that people write are shorter.
const MAX_BYTES: usize = 512;

/// Characters that are good to read, and then any that a path can hold.
const READABLE: &[u8] = b"a0/-_.A~!$&'()*+,=:@";

/// A short text that the expression matches, unless it looks around itself; `None` where none was found.
pub(super) fn sample(expression: &str) -> Option<Vec<u8>> {
    let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    let mut text = Vec::new();
    write(&parser.parse(expression).ok()?, &mut text)?;
    Some(text)
}

fn write(syntax: &Hir, text: &mut Vec<u8>) -> Option<()> {
    match syntax.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
        HirKind::Class(class) => text.push(one_of(class)?),
        HirKind::Repetition(repetition) => {
            let before = text.len();
            for _ in 0..repetition.min {
                write(&repetition.sub, text)?;
                // What writes nothing goes on doing so.
                if text.len() == before {
                    break;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, text))?,
        HirKind::Alternation(parts) => write(parts.first()?, text)?,
    }
    (text.len() <= MAX_BYTES).then_some(())
}

fn one_of(class: &Class) -> Option<u8> {
    let holds = |byte: &u8| match class {
        Class::Bytes(class) => class.iter().any(|range| (range.start()..=range.end()).contains(byte)),
        Class::Unicode(class) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&char::from(*byte)))
        }
    };
    READABLE.iter().copied().chain(b'!'..=b'~').find(holds)
}

#[cfg(test)]
mod tests {
    use super::super::expression::Expression;
    use super::super::language::Language;
    use super::*;
    use crate::policy::PathCase;

    #[test]
    fn a_sample_is_matched_and_short() {
        for (expression, wanted) in [
            ("/v[0-9]+/.*", "/v0/"),
            ("/(?:users|groups)/[^/]+(/.*)?", "/users/a"),
            (r"/[^a]{3}\.x?", "/000."),
            ("/[B-Z]", "/B"),
            ("", ""),
        ] {
            assert_eq!(sample(expression).unwrap(), wanted.as_bytes(), "{expression}");
            let language = Language::Expression(Box::new(Expression::new(expression, PathCase::Sensitive)));
            assert_eq!(language.contains(wanted.as_bytes()), Ok(true), "{expression}");
        }
    }

    #[test]
    fn a_sample_that_would_be_long_or_no_text_is_none() {
        assert_eq!(sample("/a{513}"), None);
        assert_eq!(sample("/(a{100}){100}"), None);
        assert_eq!(sample(r"/\x00"), Some(b"/\0".to_vec()));
        assert_eq!(sample(r"/[\x00-\x1f]"), None);
    }
}
