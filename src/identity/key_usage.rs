//! The key usage of a certificate (`keyUsage`, RFC 5280 section 4.2.1.3).

use super::Identity;
use crate::cert::der::{self, BIT_STRING, NotDer};

/// The keyUsage extension, 2.5.29.15.
pub(crate) const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];

/// Whether the key may sign a TLS handshake, as every client's does (RFC 8446 section 4.4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUsage {
    /// The certificate does not say what its key is for.
    Unrestricted,
    /// It names `digitalSignature`.
    DigitalSignature,
    /// It names other uses only, as those of CAs do.
    Other,
}

impl KeyUsage {
    /// Reads the value of the extension, where there is one.
    pub(crate) fn of(extension: Option<&[u8]>) -> Result<KeyUsage, NotDer> {
        let Some(extension) = extension else { return Ok(KeyUsage::Unrestricted) };
        match der::only(BIT_STRING, extension)? {
            // The bits are counted from the left, and `digitalSignature` is the first.
            [0..8, bits, ..] if bits & 0x80 != 0 => Ok(KeyUsage::DigitalSignature),
            [0..8, _, ..] | [0] => Ok(KeyUsage::Other),
            _ => Err(NotDer),
        }
    }
}

/// Every use that a certificate names for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsages(u16);

impl KeyUsages {
    /// The names of the bits, the first at the left.
    const NAMES: [&'static str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];

    /// Those of a certificate; `None` where it does not say what its key is for.
    pub fn of(identity: &Identity) -> Option<KeyUsages> {
        let extension = identity.extensions().find(&KEY_USAGE)?;
        let (first, second) = match der::only(BIT_STRING, extension.value) {
            Ok([_, first, second, ..]) => (*first, *second),
            Ok([_, first]) => (*first, 0),
            Ok([_] | []) | Err(NotDer) => (0, 0),
        };
        Some(KeyUsages(u16::from_be_bytes([first, second])))
    }

    /// Their names, in the order of RFC 5280.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let named = (0_u32..).zip(KeyUsages::NAMES);
        named.filter(move |(bit, _)| self.0 << bit & 0x8000 != 0).map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_first_bit_is_the_one_that_signs() {
        for (extension, expected) in [
            (None, KeyUsage::Unrestricted),
            (Some(&[3, 2, 7, 0x80][..]), KeyUsage::DigitalSignature),
            (Some(&[3, 2, 5, 0xa0]), KeyUsage::DigitalSignature),
            (Some(&[3, 2, 5, 0x20]), KeyUsage::Other),
            // keyCertSign and cRLSign, decipherOnly, none.
            (Some(&[3, 2, 1, 0x06]), KeyUsage::Other),
            (Some(&[3, 3, 7, 0x00, 0x80]), KeyUsage::Other),
            (Some(&[3, 1, 0]), KeyUsage::Other),
        ] {
            assert_eq!(KeyUsage::of(extension), Ok(expected), "{extension:?}");
        }
    }

    #[test]
    fn every_use_has_its_name() {
        for (bits, names) in [
            (0x8000, &["digitalSignature"][..]),
            (0xa000, &["digitalSignature", "keyEncipherment"]),
            (0x0600, &["keyCertSign", "cRLSign"]),
            (0x0080, &["decipherOnly"]),
            (0x007f, &[]),
        ] {
            assert_eq!(KeyUsages(bits).names().collect::<Vec<_>>(), names, "{bits:x}");
        }
    }

    #[test]
    fn what_is_no_string_of_bits_is_refused() {
        for extension in
            [&[][..], &[3, 0], &[3, 1, 3], &[3, 2, 8, 0x80], &[4, 2, 7, 0x80], &[3, 2, 7, 0x80, 0]]
        {
            assert_eq!(KeyUsage::of(Some(extension)), Err(NotDer), "{extension:?}");
        }
    }
}
