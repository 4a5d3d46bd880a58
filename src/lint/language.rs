//! Sets of paths, each as an automaton that reads a path byte by byte.

use super::expression::Expression;

/// A state of one automaton.
pub(super) type State = u32;

/// Nothing that follows leads to a match.
pub(super) const DEAD: State = State::MAX;

/// The automaton of an expression is too large to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A set of paths.
#[derive(Debug)]
pub(super) enum Language {
    /// Every path.
    Any,
    /// One path.
    Exact(Vec<u8>),
    /// A path, held without trailing slash, and all paths below it.
    Prefix(Vec<u8>),
    /// A template, `{` in it for each segment that is not named: no text of a policy's paths holds that.
    Template(Vec<u8>),
    /// Whatever begins so.
    Begins(Vec<u8>),
    /// What an expression matches as a whole.
    Expression(Box<Expression>),
    /// Paths that can be read in one way only: no escape, no parameter, no backslash, no empty and no dot segment.
    Plain,
    /// Whatever a reading of a path can be: text that begins with `/`.
    Reading,
    /// Values of a header that can be read in one way only: no comma, no space at an end.
    PlainValue,
}

/// What stands for a segment in a template.
pub(super) const ANY_SEGMENT: u8 = b'{';

impl Language {
    /// The state before the first byte.
    ///
    /// # Errors
    /// [`TooLarge`]; after a start all else is good.
    pub(super) fn start(&self) -> Result<State, TooLarge> {
        match self {
            Self::Any
            | Self::Exact(_)
            | Self::Prefix(_)
            | Self::Template(_)
            | Self::Begins(_)
            | Self::Plain
            | Self::Reading
            | Self::PlainValue => Ok(0),
            Self::Expression(expression) => expression.start(),
        }
    }

    pub(super) fn next(&self, state: State, byte: u8) -> State {
        if state == DEAD {
            return DEAD;
        }
        match self {
            Self::Any => 0,
            Self::Exact(text) => follow(text, state, byte),
            Self::Prefix(text) => match (state as usize).cmp(&text.len()) {
                std::cmp::Ordering::Less => follow(text, state, byte),
                std::cmp::Ordering::Equal if byte == b'/' => state + 1,
                std::cmp::Ordering::Equal => DEAD,
                std::cmp::Ordering::Greater => state,
            },
            Self::Template(text) => template_next(text, state, byte),
            Self::Begins(text) if state as usize == text.len() => state,
            Self::Begins(text) => follow(text, state, byte),
            Self::Expression(expression) => expression.next(state, byte),
            Self::Plain => plain_next(state, byte),
            Self::Reading => match state {
                0 if byte == b'/' => 1,
                0 => DEAD,
                _ => state,
            },
            Self::PlainValue => match byte {
                b' ' if state != 0 => BEHIND_SPACE,
                b',' => DEAD,
                _ if byte.is_ascii_graphic() => BEHIND_CHARACTER,
                _ => DEAD,
            },
        }
    }

    /// Whether a text that ends in `state` is in the set.
    pub(super) fn accepts(&self, state: State) -> bool {
        state != DEAD
            && match self {
                Self::Any => true,
                Self::Exact(text) | Self::Begins(text) => state as usize == text.len(),
                Self::Prefix(text) => state as usize >= text.len(),
                // The end, or in a segment of any text that is the last.
                Self::Template(text) => (state as usize).div_ceil(2) == text.len(),
                Self::Expression(expression) => expression.accepts(state),
                Self::Plain => matches!(state, AFTER_SLASH | IN_SEGMENT),
                Self::Reading => state == 1,
                Self::PlainValue => state == BEHIND_CHARACTER,
            }
    }

    /// Whether `text` is in the set.
    pub(super) fn contains(&self, text: &[u8]) -> Result<bool, TooLarge> {
        match self {
            Self::Any => Ok(true),
            Self::Exact(exact) => Ok(exact == text),
            Self::Prefix(prefix) => Ok(is_below(text, prefix)),
            Self::Begins(beginning) => Ok(text.starts_with(beginning)),
            Self::Expression(expression) if !text.starts_with(expression.literal()) => Ok(false),
            Self::Template(_) | Self::Expression(_) | Self::Plain | Self::Reading | Self::PlainValue => {
                let mut state = self.start()?;
                for byte in text {
                    state = self.next(state, *byte);
                    if state == DEAD {
                        return Ok(false);
                    }
                }
                Ok(self.accepts(state))
            }
        }
    }

    /// A number for each byte; bytes of one number lead to the same states everywhere.
    pub(super) fn class(&self, byte: u8) -> u16 {
        match self {
            Self::Any => 0,
            Self::Exact(text) | Self::Begins(text) => {
                if text.contains(&byte) {
                    u16::from(byte) + 1
                } else {
                    0
                }
            }
            Self::Prefix(text) | Self::Template(text) => {
                if byte == b'/' || text.contains(&byte) {
                    u16::from(byte) + 1
                } else {
                    0
                }
            }
            Self::Expression(expression) => expression.class(byte),
            Self::Plain => match byte {
                b'/' | b'.' => u16::from(byte),
                _ => u16::from(is_plain_byte(byte)),
            },
            Self::Reading => u16::from(byte == b'/'),
            Self::PlainValue => match byte {
                b' ' => 2,
                _ => u16::from(byte.is_ascii_graphic() && byte != b','),
            },
        }
    }

    /// Text with which every path in the set begins.
    pub(super) fn beginning(&self) -> &[u8] {
        match self {
            Self::Any | Self::PlainValue => b"",
            Self::Template(text) => literal_beginning(text),
            Self::Exact(text) | Self::Prefix(text) | Self::Begins(text) => text,
            Self::Expression(expression) => expression.literal(),
            Self::Plain | Self::Reading => b"/",
        }
    }

    /// Whether the set is known to hold every path, by its form.
    pub(super) fn is_everything(&self) -> bool {
        match self {
            Self::Any | Self::Reading => true,
            Self::Prefix(text) | Self::Begins(text) => text.is_empty(),
            Self::Exact(_) | Self::Template(_) | Self::Expression(_) | Self::Plain | Self::PlainValue => {
                false
            }
        }
    }

    /// Whether no path is in both sets, as far as that shows without automata.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        let (left, right) = (self.beginning(), other.beginning());
        !left.starts_with(right) && !right.starts_with(left) || !self.may_meet(other) || !other.may_meet(self)
    }

    fn may_meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(text), Self::Exact(path)) => text == path,
            (Self::Prefix(outer), Self::Exact(path)) => is_below(path, outer),
            (Self::Prefix(outer), Self::Prefix(inner)) => is_below(inner, outer) || is_below(outer, inner),
            (Self::Template(_), Self::Exact(path)) => self.contains(path) != Ok(false),
            _ => true,
        }
    }
}

const AFTER_SLASH: State = 1;
const AFTER_DOT: State = 2;
const AFTER_DOTS: State = 3;
const IN_SEGMENT: State = 4;

fn plain_next(state: State, byte: u8) -> State {
    match (state, byte) {
        (0 | IN_SEGMENT, b'/') => AFTER_SLASH,
        (0, _) | (_, b'/') => DEAD,
        (AFTER_SLASH, b'.') => AFTER_DOT,
        (AFTER_DOT, b'.') => AFTER_DOTS,
        _ if is_plain_byte(byte) => IN_SEGMENT,
        _ => DEAD,
    }
}

fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b';' | b'?' | b'#')
}

const BEHIND_CHARACTER: State = 1;
const BEHIND_SPACE: State = 2;

/// An even state stands before a byte of the template, an odd one in the segment of any text that stands at its half.
fn template_next(text: &[u8], state: State, byte: u8) -> State {
    let at = state as usize / 2;
    match (text.get(at), state % 2) {
        (Some(&ANY_SEGMENT), _) if byte != b'/' => state | 1,
        (Some(&ANY_SEGMENT), 1) if text.get(at + 1) == Some(&b'/') => state + 3,
        (Some(&wanted), 0) if wanted == byte && wanted != ANY_SEGMENT => state + 2,
        _ => DEAD,
    }
}

fn literal_beginning(template: &[u8]) -> &[u8] {
    template.split(|byte| *byte == ANY_SEGMENT).next().unwrap_or_default()
}

fn follow(text: &[u8], state: State, byte: u8) -> State {
    if text.get(state as usize) == Some(&byte) { state + 1 } else { DEAD }
}

/// Whether `path` is `prefix` or below it.
pub(super) fn is_below(path: &[u8], prefix: &[u8]) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}
