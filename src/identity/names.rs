//! All the names of one kind that a certificate holds.

use super::truth::Truth;

/// The names of one kind, and how many of that kind could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names<T> {
    values: Vec<T>,
    malformed: usize,
}

impl<T> Names<T> {
    /// No names yet.
    pub(crate) fn new() -> Names<T> {
        Names { values: Vec::new(), malformed: 0 }
    }

    /// Adds a name, or counts it where it could not be read.
    pub(crate) fn push(&mut self, name: Option<T>) {
        match name {
            Some(name) => self.values.push(name),
            None => self.malformed += 1,
        }
    }

    /// The names that could be read, in the certificate's order.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// How many names of this kind could not be read: NUL, control or non-ASCII bytes, empty, not of the kind's form.
    pub fn malformed(&self) -> usize {
        self.malformed
    }

    /// How many names of this kind there are, readable or not.
    pub fn len(&self) -> usize {
        self.values.len() + self.malformed
    }

    /// Whether the certificate holds no name of this kind at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `Yes` if any name matches; else `CannotTell` if one could not be read; else `No`.
    pub fn any(&self, matches: impl Fn(&T) -> Truth) -> Truth {
        let unreadable = if self.malformed > 0 { Truth::CannotTell } else { Truth::No };
        Truth::any(self.values.iter().map(matches).chain([unreadable]))
    }
}
