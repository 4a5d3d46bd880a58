//! Sets of routes, and what is in all of several unions of them.

/// Positions of routes, kept as the bits of those blocks of 64 that hold any: as small as a list where it is thin, and
/// as fast as a bitmap where it is thick.
#[derive(Debug, Default)]
pub(super) struct RouteSet(Vec<Block>);

/// 64 routes that follow each other, and which of them are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) number: usize,
    /// The least significant is the first route.
    pub(super) bits: u64,
}

/// Where a route stands: its block, and its bit in it.
pub(super) fn place(position: usize) -> Block {
    Block { number: position / 64, bits: 1 << (position % 64) }
}

impl RouteSet {
    /// Adds a route that stands behind, or is, the last one added.
    pub(super) fn push(&mut self, position: usize) {
        let place = place(position);
        match self.0.last_mut() {
            Some(last) if last.number == place.number => last.bits |= place.bits,
            Some(_) | None => self.0.push(place),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bits of this very block.
    pub(super) fn bits(&self, number: usize) -> u64 {
        self.from(number).filter(|block| block.number == number).map_or(0, |block| block.bits)
    }

    /// The first block that holds any, from `number` on.
    fn from(&self, number: usize) -> Option<Block> {
        self.0.get(self.0.partition_point(|block| block.number < number)).copied()
    }
}

/// Routes that are in some set of every union.
#[derive(Debug, Default)]
pub(super) struct Candidates<'t>(Vec<Vec<&'t RouteSet>>);

impl<'t> Candidates<'t> {
    /// Leaves only routes that are in one of `sets`.
    pub(super) fn narrow(&mut self, sets: Vec<&'t RouteSet>) {
        self.0.push(sets);
    }

    /// The first block that holds a candidate, from `number` on; blocks end at `end`.
    pub(super) fn from(&self, mut number: usize, end: usize) -> Option<Block> {
        'blocks: while number < end {
            let mut bits = u64::MAX;
            for union in &self.0 {
                let blocks = || union.iter().filter_map(|set| set.from(number));
                let first = blocks().map(|block| block.number).min()?;
                if first > number {
                    number = first;
                    continue 'blocks;
                }
                bits &=
                    blocks().filter(|block| block.number == number).fold(0, |bits, block| bits | block.bits);
            }
            if bits != 0 {
                return Some(Block { number, bits });
            }
            number += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn set(positions: &[usize]) -> RouteSet {
        let mut set = RouteSet::default();
        positions.iter().for_each(|position| set.push(*position));
        set
    }

    fn all(unions: &[&[&RouteSet]], end: usize) -> Vec<usize> {
        let candidates = Candidates(unions.iter().map(|union| union.to_vec()).collect());
        let (mut found, mut number) = (Vec::new(), 0);
        while let Some(block) = candidates.from(number, end) {
            found.extend((0..64).filter(|bit| block.bits >> bit & 1 == 1).map(|bit| block.number * 64 + bit));
            number = block.number + 1;
        }
        found
    }

    #[test]
    fn candidates_are_in_every_union_and_in_order() {
        let (a, b, c) = (set(&[0, 63, 64, 700, 9_999]), set(&[63, 65, 701, 9_999]), set(&[1, 64, 9_999]));
        assert_eq!(all(&[&[&a]], 200), [0, 63, 64, 700, 9_999]);
        assert_eq!(all(&[&[&a], &[&b]], 200), [63, 9_999]);
        assert_eq!(all(&[&[&a], &[&b, &c]], 200), [63, 64, 9_999]);
        assert_eq!(all(&[&[&a], &[&b], &[&c]], 200), [9_999]);
        assert_eq!(all(&[&[&a], &[&RouteSet::default()]], 200), [0; 0]);
        assert_eq!(all(&[&[&a], &[]], 200), [0; 0]);
    }

    #[test]
    fn without_a_union_every_route_is_a_candidate() {
        assert_eq!(all(&[], 2).len(), 128);
    }

    #[test]
    fn bits_are_those_of_the_block() {
        let set = set(&[64, 66, 66, 300]);
        assert_eq!((set.bits(0), set.bits(1), set.bits(2), set.bits(4)), (0, 0b101, 0, 1 << 44));
    }
}
