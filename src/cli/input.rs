//! Files that a command is given, and the standard input.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

/// The bytes of a file; `-` is the standard input.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return fs::read(path);
    }
    let mut document = Vec::new();
    io::stdin().lock().read_to_end(&mut document)?;
    Ok(document)
}

/// How reports name it.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}
