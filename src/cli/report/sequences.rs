//! The numbers of the records of one VM, and which of them are missing.

use std::collections::BTreeMap;

/// Most runs of numbers that are kept: records come almost in their order. Beyond, gaps are closed and not counted.
const MAX_RUNS: usize = 4096;

/// The numbers that were seen, as runs without gaps.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequences {
    /// The last number of each run by its first.
    runs: BTreeMap<u64, u64>,
    /// Numbers that were seen twice.
    pub(super) repeated: u64,
}

impl Sequences {
    /// Takes a number.
    pub(super) fn add(&mut self, number: u64) {
        let before = self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= number) {
            self.repeated += 1;
            return;
        }
        let after = number.checked_add(1).and_then(|next| self.runs.remove(&next));
        let last = after.unwrap_or(number);
        match before.filter(|(_, end)| end.checked_add(1) == Some(number)) {
            Some((first, _)) => self.runs.insert(first, last),
            None => self.runs.insert(number, last),
        };
        if self.runs.len() > MAX_RUNS
            && let (Some((first, _)), Some((_, last))) = (self.runs.pop_first(), self.runs.pop_first())
        {
            self.runs.insert(first, last);
        }
    }

    /// The first number that was seen, and the last.
    pub(super) fn ends(&self) -> Option<(u64, u64)> {
        Some((*self.runs.first_key_value()?.0, *self.runs.last_key_value()?.1))
    }

    /// The numbers between the first and the last that were not seen, as runs.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (u64, u64)> {
        let nexts = self.runs.keys().skip(1);
        self.runs.values().zip(nexts).map(|(last, next)| (last.saturating_add(1), next.saturating_sub(1)))
    }

    /// How many were not seen.
    pub(super) fn missing(&self) -> u64 {
        self.gaps().map(|(first, last)| last - first + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u64]) -> Sequences {
        let mut sequences = Sequences::default();
        numbers.iter().for_each(|number| sequences.add(*number));
        sequences
    }

    #[test]
    fn a_gap_is_found_in_whatever_order_numbers_come() {
        for numbers in [&[0, 1, 2, 5, 6, 9][..], &[9, 6, 5, 2, 1, 0], &[5, 0, 9, 2, 6, 1]] {
            let sequences = of(numbers);
            assert_eq!(sequences.gaps().collect::<Vec<_>>(), [(3, 4), (7, 8)], "{numbers:?}");
            assert_eq!((sequences.missing(), sequences.ends()), (4, Some((0, 9))));
        }
        assert_eq!(of(&[3, 4, 5]).missing(), 0);
        assert_eq!(of(&[u64::MAX, 0]).missing(), u64::MAX - 1);
        assert_eq!(of(&[]).ends(), None);
    }

    #[test]
    fn a_number_that_comes_again_is_counted() {
        let sequences = of(&[1, 2, 2, 1, 3]);
        assert_eq!((sequences.repeated, sequences.missing()), (2, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let sequences = of(&(0..MAX_RUNS as u64 + 10).map(|number| number * 2).collect::<Vec<_>>());
        assert_eq!(sequences.runs.len(), MAX_RUNS);
    }
}
