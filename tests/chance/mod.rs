//! Numbers that look random and are the same each time.

/// Xorshift64* (Vigna, 2016), from a seed that is not 0.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The next number, less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}
