//! The standard output.

use std::io::{self, Write as _};

use clap::ValueEnum;

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
        Err(error) => {
            // There is nobody left to tell if this fails.
            let _ = writeln!(anstream::stderr(), "error: the output cannot be written: {error}");
            Exit::Usage
        }
    }
}
