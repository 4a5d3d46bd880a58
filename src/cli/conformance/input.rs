//! Lines from files or the standard input, unpacked where they are gzipped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// The longest line that is read, in bytes. The longest case of the known suites has 200 KB; one with a policy of
/// 10,000 routes in it has some megabytes.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// The first octet of gzip (RFC 1952 section 2.3.1), with which no JSON begins.
const GZIP: u8 = 0x1f;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Vec<u8>),
    /// Longer than [`MAX_LINE_BYTES`]: what it says is skipped.
    TooLong,
}

/// The lines of all sources, one source after the other.
pub(super) struct Lines {
    sources: std::vec::IntoIter<Source>,
    current: Option<(Source, Box<dyn BufRead + Send>)>,
}

enum Source {
    Stdin,
    File(PathBuf),
}

impl Lines {
    /// The lines of these files; of the standard input if there is none.
    pub(super) fn new(files: Vec<PathBuf>) -> Lines {
        let sources = if files.is_empty() {
            vec![Source::Stdin]
        } else {
            files.into_iter().map(Source::File).collect()
        };
        Lines { sources: sources.into_iter(), current: None }
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some((source, reader)) = &mut self.current
                && let Some(line) = read_line(reader).map_err(|error| source.blame(&error))?
            {
                return Ok(Some(line));
            }
            let Some(source) = self.sources.next() else {
                return Ok(None);
            };
            let reader = source.open().map_err(|error| source.blame(&error))?;
            self.current = Some((source, reader));
        }
    }
}

/// Ends after the first error.
impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        let line = self.next_line();
        if line.is_err() {
            self.current = None;
            self.sources = Vec::new().into_iter();
        }
        line.transpose()
    }
}

impl Source {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        let mut packed: Box<dyn BufRead + Send> = match self {
            Source::Stdin => Box::new(BufReader::new(io::stdin())),
            Source::File(path) => Box::new(BufReader::new(File::open(path)?)),
        };
        if packed.fill_buf()?.first() == Some(&GZIP) {
            return Ok(Box::new(BufReader::new(MultiGzDecoder::new(packed))));
        }
        Ok(packed)
    }

    fn blame(&self, error: &io::Error) -> io::Error {
        let name = match self {
            Source::Stdin => Path::new("<stdin>"),
            Source::File(path) => path,
        };
        io::Error::new(error.kind(), format!("{} cannot be read: {error}", name.display()))
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    // One more, for the line's end.
    let mut limited = reader.by_ref().take(MAX_LINE_BYTES + 1);
    if limited.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() || limited.limit() > 0 {
        return Ok(Some(Line::Whole(line)));
    }
    reader.skip_until(b'\n')?;
    Ok(Some(Line::TooLong))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut text: &[u8]) -> Vec<Line> {
        std::iter::from_fn(|| read_line(&mut text).unwrap()).collect()
    }

    fn whole(line: &[u8]) -> Line {
        Line::Whole(line.to_vec())
    }

    #[test]
    fn the_last_line_needs_no_end_and_an_empty_one_is_a_line() {
        assert_eq!(lines(b"a\n\nb"), [whole(b"a"), whole(b""), whole(b"b")]);
        assert_eq!(lines(b"a\n"), [whole(b"a")]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_up_to_the_limit_is_read_and_a_longer_one_is_skipped() {
        let long = vec![b'a'; MAX_LINE_BYTES as usize];
        assert_eq!(lines(&[&long[..], b"\nb"].concat()), [whole(&long), whole(b"b")]);
        assert_eq!(lines(&long), [whole(&long)]);
        assert_eq!(lines(&[&long[..], b"a\nb"].concat()), [Line::TooLong, whole(b"b")]);
        assert_eq!(lines(&[&long[..], b"a"].concat()), [Line::TooLong]);
    }
}
