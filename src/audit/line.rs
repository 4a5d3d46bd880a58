//! JSON in one line of ASCII, whatever it holds.

use std::fmt::Write as _;

/// JSON as it is written: the caller opens, names and closes in the right order.
pub(super) struct Line {
    text: String,
    /// Nothing stands in the innermost object or array yet.
    is_first: bool,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(1024), is_first: true }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// The name of the next member: one of ours, in which there is nothing to escape.
    pub(super) fn key(&mut self, key: &'static str) {
        self.separate();
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
        // Its value stands right behind.
        self.is_first = true;
    }

    pub(super) fn open(&mut self) {
        self.begin('{');
    }

    pub(super) fn close(&mut self) {
        self.end('}');
    }

    pub(super) fn open_list(&mut self) {
        self.begin('[');
    }

    pub(super) fn close_list(&mut self) {
        self.end(']');
    }

    pub(super) fn null(&mut self) {
        self.separate();
        self.text.push_str("null");
    }

    pub(super) fn number(&mut self, number: i64) {
        self.separate();
        // Writing text to memory does not fail.
        let _ = write!(self.text, "{number}");
    }

    pub(super) fn string(&mut self, text: &str) {
        self.separate();
        self.quoted(text);
    }

    fn begin(&mut self, brace: char) {
        self.separate();
        self.text.push(brace);
        self.is_first = true;
    }

    fn end(&mut self, brace: char) {
        self.text.push(brace);
        self.is_first = false;
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.text.push(',');
        }
    }

    /// Everything that is not ASCII as `\u` escapes: no U+2028 that some reader takes for a line's end, no text that runs from
    /// right to left, no C1 control that a terminal obeys.
    ///
    /// What needs no escape goes in one piece: a record takes half the instructions that it takes letter by letter.
    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        let mut rest = text;
        loop {
            let plain = rest.bytes().take_while(|byte| is_plain(*byte)).count();
            let (plain, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            self.text.push_str(plain);
            let mut letters = behind.chars();
            let Some(letter) = letters.next() else { break };
            self.escaped(letter);
            rest = letters.as_str();
        }
        self.text.push('"');
    }

    fn escaped(&mut self, letter: char) {
        if let '"' | '\\' = letter {
            self.text.extend(['\\', letter]);
            return;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let digits = [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(*unit >> shift & 0xf), 16));
            self.text.push_str("\\u");
            self.text.extend(digits.into_iter().flatten());
        }
    }
}

/// Whether an octet stands for itself in a string.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn text_is_one_line_of_ascii_whatever_it_holds() {
        let hostile = "a\n\r\0\u{7f}\u{85}\u{2028}\u{2029}\u{202e}\"\\\u{1f600}é";
        let mut line = Line::new();
        line.string(hostile);
        let line = line.finish();
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }

    #[test]
    fn members_and_entries_are_separated() {
        let mut line = Line::new();
        line.open();
        line.key("a");
        line.open();
        line.close();
        line.key("b");
        line.open_list();
        line.string("x");
        line.number(-7);
        line.null();
        line.open();
        line.key("c");
        line.number(1);
        line.close();
        line.close_list();
        line.key("d");
        line.open_list();
        line.close_list();
        line.close();
        assert_eq!(line.finish(), r#"{"a":{},"b":["x",-7,null,{"c":1}],"d":[]}"#);
    }
}
