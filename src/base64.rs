//! Base64 (RFC 4648 section 4) that has one text for each octet string.

use data_encoding::BASE64;

/// The octets that `text` stands for; `None` where it is not exactly what writing them gives: letters of another alphabet, line ends,
/// padding that is missing, too long or not at the end, or bits behind the last octet.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    // The library also takes several texts behind one another, each with its padding.
    let inner = text.get(..text.len().saturating_sub(2)).unwrap_or_default();
    if inner.contains(&b'=') {
        return None;
    }
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_was_written_is_read() {
        for length in 0..70u8 {
            let octets: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37)).collect();
            assert_eq!(decode(BASE64.encode(&octets).as_bytes()), Some(octets));
        }
    }

    #[test]
    fn no_other_text_is_read() {
        for other in [
            "AA", "AA=", "A===", "AAA", "AB==", "AAB=", "AA==AAAA", "AA==AA==", "AAA=AAAA", "=AAA", "A=AA",
            "AA=A", "AA==\n", "AAAA\n", " AAAA", "AA-_", "AAAA=", "AAAA====", "====",
        ] {
            assert_eq!(decode(other.as_bytes()), None, "{other:?}");
        }
    }
}
