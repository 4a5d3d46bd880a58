//! What is asked of a server of lists.

/// What a server said of a list, for the next request to name (RFC 9110 section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<Box<str>>,
    /// `Last-Modified`.
    pub last_modified: Option<Box<str>>,
}

/// The longest validator that is remembered, in bytes; those of servers have less than 100.
const MAX_VALIDATOR_BYTES: usize = 256;

impl Validators {
    /// Those among the headers of a response; the name of a header is in lower case.
    pub fn of<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Validators {
        let mut validators = Validators::default();
        for (name, value) in headers {
            match name {
                "etag" => validators.etag = text(value),
                "last-modified" => validators.last_modified = text(value),
                _ => {}
            }
        }
        validators
    }

    /// The headers that ask for the list only if it has changed (RFC 9110 section 13.1).
    pub fn conditions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let etag = self.etag.as_deref().map(|etag| ("if-none-match", etag));
        let last_modified = self.last_modified.as_deref().map(|date| ("if-modified-since", date));
        etag.into_iter().chain(last_modified)
    }
}

/// What can be sent back as it came.
fn text(value: &[u8]) -> Option<Box<str>> {
    let fits = !value.is_empty() && value.len() <= MAX_VALIDATOR_BYTES;
    let text = std::str::from_utf8(value).ok().filter(|text| fits && !text.contains(char::is_control))?;
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn validators_are_sent_back_as_they_came() {
        let headers: [(&str, &[u8]); 3] =
            [("date", b"x"), ("etag", b"W/\"a\""), ("last-modified", b"Sat, 21 Nov 2026 10:00:00 GMT")];
        let validators = Validators::of(headers.into_iter());
        assert_eq!(
            validators.conditions().collect::<Vec<_>>(),
            [("if-none-match", "W/\"a\""), ("if-modified-since", "Sat, 21 Nov 2026 10:00:00 GMT")]
        );
    }

    #[test]
    fn validators_that_cannot_be_sent_back_are_forgotten() {
        let long = vec![b'a'; MAX_VALIDATOR_BYTES + 1];
        for value in [&b""[..], b"a\nb", b"\xff", &long] {
            assert_eq!(Validators::of([("etag", value)].into_iter()), Validators::default(), "{value:?}");
        }
    }
}
