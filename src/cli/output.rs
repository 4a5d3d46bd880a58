//! What commands write: the standard output, and errors.

use std::fmt::Display;
use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use super::Exit;

/// How a command reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; in colour on a terminal.
    Human,
    /// For programs: one JSON document.
    Json,
}

/// Prints what a command found, which ends as `exit` says; or in [`Exit::Usage`] if it could not be written, for half a
/// report on a full disk must not look like a whole one.
pub(crate) fn print(text: impl AsRef<[u8]>, exit: Exit) -> Exit {
    let mut out = anstream::stdout();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Ok(()) => exit,
        // A reader that has gone away, as `head` does, has seen what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => fail(format_args!("the output cannot be written: {error}")),
    }
}

/// Says why a command could not be carried out.
pub(crate) fn fail(error: impl Display) -> Exit {
    // There is nobody left to tell if this fails.
    let _ = writeln!(anstream::stderr(), "error: {error}");
    Exit::Usage
}

/// One JSON document, as [`Format::Json`] prints it.
pub(crate) fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).map(|text| text + "\n").unwrap_or_default()
}
