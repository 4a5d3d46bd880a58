//! Methods, as requests and policies name them.

/// Whether `text` is a method that a route can name: a token (RFC 9110, section 5.6.2) without small letters. Methods
/// have case (section 9.1), but servers exist that take `post` for `POST`.
pub fn is_method(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| is_token_byte(byte) && !byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn tokens_in_capital_letters_are_methods_and_others_are_not() {
        for method in ["GET", "POST", "M-SEARCH", "VERSION_CONTROL", "X1"] {
            assert!(is_method(method), "{method}");
        }
        for text in ["", "get", "Post", "GE T", "GET/", "G\u{c9}T", "GET\0"] {
            assert!(!is_method(text), "{text}");
        }
    }
}
