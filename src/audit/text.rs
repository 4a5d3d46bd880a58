//! Text of bounded length.

use std::fmt::{self, Write as _};

/// Longest text of a client that a record repeats, in bytes; what is cut ends in `…`.
pub(super) const MAX_TEXT_BYTES: usize = 256;

/// Text of bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn new(text: &str) -> Self {
        Self::written(|bounded| bounded.write_str(text))
    }

    /// Bytes that are not UTF-8 become U+FFFD.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        // What lies beyond the limit is not converted first.
        let kept = bytes.get(..bytes.len().min(MAX_TEXT_BYTES + 4)).unwrap_or_default();
        Self::new(&String::from_utf8_lossy(kept))
    }

    pub(super) fn display(value: impl fmt::Display) -> Self {
        Self::written(|bounded| write!(bounded, "{value}"))
    }

    fn written(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Self {
        let mut text = Bounded(String::new());
        // `Bounded` stops the writer with an error when it is full.
        if write(&mut text).is_err() {
            text.0.push('…');
        }
        Self(text.0)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TEXT_BYTES.saturating_sub(self.0.len());
        let kept = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        self.0.push_str(kept);
        if kept.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(Text::from_bytes(b"a\xff\xc0b").as_str(), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn long_text_is_cut_on_a_character_and_marked() {
        let cut = Text::new(&"é".repeat(40_000)).0;
        assert_eq!(cut.len(), MAX_TEXT_BYTES + '…'.len_utf8());
        assert!(cut.ends_with("é…"));
        let whole = "é".repeat(MAX_TEXT_BYTES / 2);
        assert_eq!(Text::new(&whole).0, whole);
    }
}
