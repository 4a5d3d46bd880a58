//! The number of a list (RFC 5280 section 5.2.3).

use std::cmp::Ordering;

use crate::cert::der::{self, INTEGER, NotDer};

/// The most octets of a list's number (RFC 5280 section 5.2.3).
pub const MAX_CRL_NUMBER_OCTETS: usize = 20;

/// The number of a list: a whole number that is not negative, of at most [`MAX_CRL_NUMBER_OCTETS`] octets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CrlNumber(Box<[u8]>);

impl CrlNumber {
    /// Takes a number from its octets, the highest first.
    pub fn new(octets: &[u8]) -> Option<CrlNumber> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let octets = octets.get(zeros..)?;
        (octets.len() <= MAX_CRL_NUMBER_OCTETS).then(|| CrlNumber(octets.into()))
    }

    /// Reads the DER of the INTEGER.
    pub(crate) fn parse(value: &[u8]) -> Result<CrlNumber, NotDer> {
        match der::only(INTEGER, value)? {
            [] => Err(NotDer),
            [0x00, next, ..] if next & 0x80 == 0 => Err(NotDer),
            [first, ..] if first & 0x80 != 0 => Err(NotDer),
            octets if octets.len() > MAX_CRL_NUMBER_OCTETS => Err(NotDer),
            octets => CrlNumber::new(octets).ok_or(NotDer),
        }
    }

    /// Its octets, the highest first, which is not zero; none for zero.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &CrlNumber) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &CrlNumber) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
