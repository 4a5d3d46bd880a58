//! What a field holds.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::line::Line;
use super::text::Text;

/// What a field holds; every text in it is bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Not known, or left out.
    Nothing,
    /// A word of this filter.
    Word(&'static str),
    Text(Text),
    Texts(Vec<Text>),
    Number(u64),
    Time(OffsetDateTime),
    /// A hash in place of what is known.
    Hash(String),
    /// A hash for each entry of a list.
    Hashes(Vec<String>),
    /// Octets in base64, of which the caller has seen that they are not too many.
    Base64(String),
}

impl Value {
    /// Its text, where it is a text as it came: no hash, no list, no number.
    pub(super) fn plain(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Text(text) => Some(text.as_str()),
            Self::Base64(text) => Some(text),
            Self::Nothing
            | Self::Texts(_)
            | Self::Number(_)
            | Self::Time(_)
            | Self::Hash(_)
            | Self::Hashes(_) => None,
        }
    }

    /// The entries of a list, hashed ones too.
    pub(super) fn entries(&self) -> Vec<&str> {
        match self {
            Self::Texts(texts) => texts.iter().map(Text::as_str).collect(),
            Self::Hashes(hashes) => hashes.iter().map(String::as_str).collect(),
            Self::Nothing
            | Self::Word(_)
            | Self::Text(_)
            | Self::Number(_)
            | Self::Time(_)
            | Self::Hash(_)
            | Self::Base64(_) => Vec::new(),
        }
    }

    pub(super) fn write(&self, line: &mut Line) {
        match self {
            Self::Nothing => line.null(),
            Self::Word(text) => line.string(text),
            Self::Text(text) => line.string(text.as_str()),
            Self::Hash(text) | Self::Base64(text) => line.string(text),
            // A few thousand years from now at most.
            Self::Number(number) => line.number(i64::try_from(*number).unwrap_or(i64::MAX)),
            Self::Time(time) => match rfc3339(*time) {
                Some(time) => line.string(&time),
                None => line.null(),
            },
            Self::Texts(_) | Self::Hashes(_) => {
                line.open_list();
                for entry in self.entries() {
                    line.string(entry);
                }
                line.close_list();
            }
        }
    }
}

impl From<Option<Value>> for Value {
    fn from(value: Option<Value>) -> Self {
        value.unwrap_or(Self::Nothing)
    }
}

pub(super) fn rfc3339(time: OffsetDateTime) -> Option<String> {
    time.format(&Rfc3339).ok()
}
