//! The key usage of a certificate (`keyUsage`, RFC 5280 section 4.2.1.3).

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
    fn what_is_no_string_of_bits_is_refused() {
        for extension in
            [&[][..], &[3, 0], &[3, 1, 3], &[3, 2, 8, 0x80], &[4, 2, 7, 0x80], &[3, 2, 7, 0x80, 0]]
        {
            assert_eq!(KeyUsage::of(Some(extension)), Err(NotDer), "{extension:?}");
        }
    }
}
