//! Audit records as they are found in files: one a line, with a log's prefix or without, or in exports of OpenTelemetry.

mod lines;
mod record;

pub(crate) use lines::{Counts, each_record};
pub(crate) use record::{Came, Field, Record, Shown, Tls};

/// How many there are, for people.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A text of a client for people: what would move a terminal's cursor, turn the direction of writing or not show is escaped, and
/// what is long is cut.
pub(crate) fn plain(text: &str) -> String {
    /// Longest text in a table, in characters: records hold 256 bytes.
    const MAX_CHARS: usize = 120;
    let hides = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e01ef}')
    };
    let mut plain = String::new();
    for letter in text.chars().take(MAX_CHARS) {
        if hides(letter) {
            plain.extend(letter.escape_unicode());
        } else {
            plain.push(letter);
        }
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        plain.push('…');
    }
    plain
}

/// Rows below a head, each column as wide as its widest cell; the last is left as it is. Cells hold plain text.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(at, title)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain([title.chars().count()]).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::from(" ");
        for (cell, width) in cells.zip(&widths) {
            line.push_str(&format!(" {cell:<width$} "));
        }
        line.trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_clients_neither_move_a_cursor_nor_turn_around() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\n\u{9b}é"), "a\\u{1b}[2J\\u{202e}b\\u{a}\\u{9b}é");
        assert_eq!(plain(&"x".repeat(500)).chars().count(), 121);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |one: &str, two: &str| vec![one.to_owned(), two.to_owned()];
        assert_eq!(table(&["a", "b"], &[row("1", "x"), row("222", "y")]), "  a    b\n  1    x\n  222  y\n");
    }
}
