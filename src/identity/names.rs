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

    /// For names of which not even the list can be read: one that is unreadable.
    pub(crate) fn unreadable() -> Names<T> {
        Names { values: Vec::new(), malformed: 1 }
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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn names(values: &[Option<u8>]) -> Names<u8> {
        let mut names = Names::new();
        values.iter().for_each(|value| names.push(*value));
        names
    }

    #[test]
    fn a_match_wins_over_an_unreadable_name_and_that_over_a_miss() {
        let is_one = |value: &u8| Truth::from(*value == 1);
        for (values, expected) in [
            (&[][..], Truth::No),
            (&[Some(2)], Truth::No),
            (&[Some(2), Some(1)], Truth::Yes),
            (&[None], Truth::CannotTell),
            (&[None, Some(2)], Truth::CannotTell),
            (&[None, Some(1)], Truth::Yes),
        ] {
            assert_eq!(names(values).any(is_one), expected, "{values:?}");
        }
    }

    #[test]
    fn unreadable_names_are_counted() {
        let names = names(&[None, Some(1), None]);
        assert_eq!(
            (names.values(), names.malformed(), names.len(), names.is_empty()),
            (&[1][..], 2, 3, false)
        );
    }
}
