//! Shares of requests.

use std::fmt;

/// A share between nothing and all, in parts of 2^32.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u64);

impl Ratio {
    /// All of them.
    pub const ALL: Self = Self(1 << 32);

    /// None of them.
    pub const NONE: Self = Self(0);

    /// The share that `value` says; `None` unless it is a number from 0 to 1. What is more than nothing stays so.
    pub fn new(value: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&value) {
            return None;
        }
        // At most 2^32, which a double holds exactly.
        let parts = (value * 4_294_967_296.0) as u64;
        Some(Self(if value > 0.0 { parts.max(1) } else { 0 }))
    }

    /// Whether what has drawn `lot`, evenly among all numbers, is in the share.
    pub fn holds(self, lot: u32) -> bool {
        u64::from(lot) < self.0
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/2^32", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_share_is_between_nothing_and_all() {
        for value in [0.0, 1e-12, 0.25, 1.0] {
            assert!(Ratio::new(value).is_some(), "{value}");
        }
        for value in [-0.1, 1.000001, f64::NAN, f64::INFINITY] {
            assert!(Ratio::new(value).is_none(), "{value}");
        }
    }

    #[test]
    fn nothing_holds_no_lot_and_all_holds_every_one() {
        let lots = [0, 1, u32::MAX / 2, u32::MAX];
        assert!(lots.iter().all(|lot| Ratio::ALL.holds(*lot) && !Ratio::NONE.holds(*lot)));
        assert_eq!(Ratio::new(1.0), Some(Ratio::ALL));
        assert_eq!(Ratio::new(0.0), Some(Ratio::NONE));
    }

    #[test]
    fn a_quarter_holds_the_first_quarter_and_the_least_share_one_lot() {
        let quarter = Ratio::new(0.25).unwrap();
        assert!(quarter.holds((1 << 30) - 1));
        assert!(!quarter.holds(1 << 30));
        let least = Ratio::new(1e-300).unwrap();
        assert!(least.holds(0));
        assert!(!least.holds(1));
    }
}
