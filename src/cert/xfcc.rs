//! The grammar of `x-forwarded-client-cert`, as Envoy writes it and stricter than others read it.
//!
//! Elements are joined by `,`, pairs by `;`, without spaces and without a separator at the end. Keys have no case.
//! A value in quotes may hold the separators, and `\"` and `\\` for `"` and `\`. Envoy quotes neither `By` nor `URI`
//! nor `DNS`, so that a name in a certificate can look like further pairs and elements: nothing that this module
//! reads says who a client is. [`super::forwarded`] takes a certificate from it, and only one bound by its digest.

use std::borrow::Cow;

use thiserror::Error;

/// The longest header value, in bytes. Envoy takes 60 KiB of headers by default from a client, and may be told to take
/// more. What it adds itself holds the certificate, the chain and the names: 64 KiB of DER are about 100 KiB here.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// The most elements: each is a proxy that the request came through.
pub const MAX_ELEMENTS: usize = 64;

/// The most pairs in all elements: there is one for each URI and DNS name of a certificate.
pub const MAX_PAIRS: usize = 8192;

/// One element: what one proxy says of its client. Values are unescaped, and empty ones of `By`, `URI` and `DNS`
/// left out, for Envoy writes `URI=` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// The URIs of the proxy's own certificate.
    pub by: Vec<Cow<'a, [u8]>>,
    /// SHA-256 of the client's certificate in hexadecimal digits.
    pub hash: Option<Cow<'a, [u8]>>,
    /// The client's certificate: PEM with Envoy's escapes.
    pub cert: Option<Cow<'a, [u8]>>,
    /// What the client presented, leaf first: PEM with Envoy's escapes.
    pub chain: Option<Cow<'a, [u8]>>,
    /// The subject of the client's certificate.
    pub subject: Option<Cow<'a, [u8]>>,
    /// The URIs of the client's certificate.
    pub uri: Vec<Cow<'a, [u8]>>,
    /// The DNS names of the client's certificate.
    pub dns: Vec<Cow<'a, [u8]>>,
}

/// Why a header value breaks the grammar. Positions are bytes from the value's beginning, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum XfccError {
    /// Longer than [`MAX_HEADER_BYTES`].
    #[error("the header is longer than `{MAX_HEADER_BYTES}` bytes")]
    TooLong,
    /// More than [`MAX_ELEMENTS`].
    #[error("the header holds more than `{MAX_ELEMENTS}` elements")]
    TooManyElements,
    /// More than [`MAX_PAIRS`].
    #[error("the header holds more than `{MAX_PAIRS}` pairs")]
    TooManyPairs,
    /// Something without a `=`, or nothing, where a pair should be.
    #[error("no pair of a key and a value at byte `{at}`")]
    NoPair {
        /// Where the pair should begin.
        at: usize,
    },
    /// A key that Envoy does not write.
    #[error("an unknown key at byte `{at}`")]
    UnknownKey {
        /// Where the key begins.
        at: usize,
    },
    /// A second `Hash`, `Cert`, `Chain` or `Subject` in one element.
    #[error("`{key}` at byte `{at}` repeats one in the same element")]
    Repeated {
        /// The key.
        key: &'static str,
        /// Where the second one begins.
        at: usize,
    },
    /// A quote that does not end.
    #[error("the quote at byte `{at}` is not closed")]
    OpenQuote {
        /// Where it begins.
        at: usize,
    },
    /// A quote inside of a value, or something between a closing quote and the next separator.
    #[error("a quote is out of place in the value at byte `{at}`")]
    StrayQuote {
        /// Where the value begins.
        at: usize,
    },
}

/// Reads a header value; an empty one has no elements.
pub fn parse(header: &[u8]) -> Result<Vec<Element<'_>>, XfccError> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(XfccError::TooLong);
    }
    if header.is_empty() {
        return Ok(Vec::new());
    }
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut at = 0;
    for _ in 0..MAX_PAIRS {
        let pair = read_pair(header, at)?;
        element.add(&pair)?;
        match header.get(pair.end) {
            Some(b';') => {}
            // Only a comma and the end remain: what else follows a value is refused by `read_pair`.
            Some(_) | None => elements.push(std::mem::take(&mut element)),
        }
        if pair.end >= header.len() {
            return Ok(elements);
        }
        if elements.len() >= MAX_ELEMENTS {
            return Err(XfccError::TooManyElements);
        }
        at = pair.end + 1;
    }
    Err(XfccError::TooManyPairs)
}

struct Pair<'a> {
    key: &'a [u8],
    value: Cow<'a, [u8]>,
    start: usize,
    /// Where the separator after the value is, or the end.
    end: usize,
}

fn read_pair(header: &[u8], start: usize) -> Result<Pair<'_>, XfccError> {
    let rest = header.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| matches!(byte, b'=' | b';' | b',' | b'"'))
        .filter(|&length| length > 0 && rest.get(length) == Some(&b'='))
        .ok_or(XfccError::NoPair { at: start })?;
    let key = rest.get(..length).unwrap_or_default();
    let at = start + length + 1;
    let rest = header.get(at..).unwrap_or_default();
    let (value, length) = match rest.split_first() {
        Some((b'"', quoted)) => read_quoted(quoted, at)?,
        Some(_) | None => read_plain(rest, at)?,
    };
    let end = at + length;
    match header.get(end) {
        None | Some(b';' | b',') => Ok(Pair { key, value, start, end }),
        Some(_) => Err(XfccError::StrayQuote { at }),
    }
}

/// A value without quotes, and its length.
fn read_plain(rest: &[u8], at: usize) -> Result<(Cow<'_, [u8]>, usize), XfccError> {
    let length = rest.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(rest.len());
    let value = rest.get(..length).unwrap_or_default();
    if value.contains(&b'"') {
        return Err(XfccError::StrayQuote { at });
    }
    Ok((Cow::Borrowed(value), length))
}

/// A value after its opening quote, and its length with both quotes.
fn read_quoted(quoted: &[u8], at: usize) -> Result<(Cow<'_, [u8]>, usize), XfccError> {
    let mut escaped = false;
    let mut escapes = false;
    let length = quoted
        .iter()
        .position(|&byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            escapes |= escaped;
            closes
        })
        .ok_or(XfccError::OpenQuote { at })?;
    let value = quoted.get(..length).unwrap_or_default();
    let value = if escapes { Cow::Owned(unescape(value)) } else { Cow::Borrowed(value) };
    Ok((value, length + 2))
}

/// `\"` is `"` and `\\` is `\`. Any other backslash is itself: it belongs to the RFC 2253 text of a `Subject`.
fn unescape(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next_if(|next| matches!(next, b'"' | b'\\')) } else { None };
        plain.push(escaped.unwrap_or(byte));
    }
    plain
}

impl<'a> Element<'a> {
    fn add(&mut self, pair: &Pair<'a>) -> Result<(), XfccError> {
        let at = pair.start;
        let is = |key: &str| pair.key.eq_ignore_ascii_case(key.as_bytes());
        if let Some(values) = [("By", &mut self.by), ("URI", &mut self.uri), ("DNS", &mut self.dns)]
            .into_iter()
            .find_map(|(key, values)| is(key).then_some(values))
        {
            if !pair.value.is_empty() {
                values.push(pair.value.clone());
            }
            return Ok(());
        }
        let (key, value) = [
            ("Hash", &mut self.hash),
            ("Cert", &mut self.cert),
            ("Chain", &mut self.chain),
            ("Subject", &mut self.subject),
        ]
        .into_iter()
        .find(|(key, _)| is(key))
        .ok_or(XfccError::UnknownKey { at })?;
        match value {
            Some(_) => Err(XfccError::Repeated { key, at }),
            None => {
                *value = Some(pair.value.clone());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn text(value: &Option<Cow<'_, [u8]>>) -> String {
        String::from_utf8(value.as_deref().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn all_keys_of_an_element_are_read_in_any_case() {
        let header = br#"by=spiffe://a/b;HASH=ab;Cert="c";cHaIn="d";subject="CN=e";uri=f;Uri=g;DNS=h;dns=i"#;
        let elements = parse(header).unwrap();
        let [element] = elements.as_slice() else { panic!("{elements:?}") };
        assert_eq!(element.by, [&b"spiffe://a/b"[..]]);
        assert_eq!(
            (text(&element.hash), text(&element.cert), text(&element.chain)),
            ("ab".into(), "c".into(), "d".into())
        );
        assert_eq!(text(&element.subject), "CN=e");
        assert_eq!(element.uri, [&b"f"[..], b"g"]);
        assert_eq!(element.dns, [&b"h"[..], b"i"]);
    }

    #[test]
    fn separators_in_quotes_part_nothing_and_outside_they_do() {
        assert_eq!(parse(br#"Subject="a,b;c=d""#).unwrap().len(), 1);
        assert_eq!(text(&parse(br#"Subject="a,b;c=d""#).unwrap()[0].subject), "a,b;c=d");
        assert_eq!(parse(b"URI=a,URI=b").unwrap().len(), 2);
        assert_eq!(parse(b"URI=a,b"), Err(XfccError::NoPair { at: 6 }));
    }

    #[test]
    fn quotes_and_backslashes_are_unescaped_once_and_other_escapes_kept() {
        let parsed = |header: &'static [u8]| text(&parse(header).unwrap()[0].subject);
        assert_eq!(
            parsed(br#"Subject="CN=\",URI=spiffe://admin;Subject=\"""#),
            r#"CN=",URI=spiffe://admin;Subject=""#
        );
        assert_eq!(parsed(br#"Subject="a\\""#), r"a\");
        assert_eq!(parsed(br#"Subject="a\\\"b""#), r#"a\"b"#);
        assert_eq!(parsed(br#"Subject="a\,b\\,c""#), r"a\,b\,c");
        assert_eq!(parsed(br#"Subject="a\C3\A9""#), r"a\C3\A9");
    }

    #[test]
    fn an_escaped_quote_does_not_close() {
        assert_eq!(parse(br#"Subject="a\""#), Err(XfccError::OpenQuote { at: 8 }));
        assert_eq!(parse(br#"Subject="a\\"b"#), Err(XfccError::StrayQuote { at: 8 }));
    }

    #[test]
    fn empty_names_are_left_out_and_empty_digests_kept() {
        let elements = parse(b"By=;Hash=;URI=;DNS=").unwrap();
        assert_eq!(elements, [Element { hash: Some(Cow::Borrowed(b"")), ..Element::default() }]);
    }

    #[test]
    fn an_empty_header_has_no_elements_and_an_empty_element_is_refused() {
        assert_eq!(parse(b""), Ok(Vec::new()));
        for (header, at) in
            [(&b","[..], 0), (b";", 0), (b"URI=a,", 6), (b"URI=a;", 6), (b"URI=a,,URI=b", 6), (b"=a", 0)]
        {
            assert_eq!(parse(header), Err(XfccError::NoPair { at }), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn what_envoy_never_writes_is_refused() {
        for (header, expected) in [
            (&b"SAN=a"[..], XfccError::UnknownKey { at: 0 }),
            (b"URI=a, URI=b", XfccError::UnknownKey { at: 6 }),
            (b"URI =a", XfccError::UnknownKey { at: 0 }),
            (b"\"URI\"=a", XfccError::NoPair { at: 0 }),
            (b"Hash", XfccError::NoPair { at: 0 }),
            (b"URI=a\"b", XfccError::StrayQuote { at: 4 }),
            (b"URI= \"b\"", XfccError::StrayQuote { at: 4 }),
            (b"URI=\"a\"b", XfccError::StrayQuote { at: 4 }),
            (b"URI=\"a\"\"b\"", XfccError::StrayQuote { at: 4 }),
            (b"URI=\"a", XfccError::OpenQuote { at: 4 }),
            (b"URI=\"", XfccError::OpenQuote { at: 4 }),
        ] {
            assert_eq!(parse(header), Err(expected), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn single_values_may_stand_once_in_each_element() {
        assert_eq!(parse(b"Hash=a,Hash=b").map(|elements| elements.len()), Ok(2));
        for key in ["Hash", "Cert", "Chain", "Subject"] {
            let header = format!("{key}=a;URI=b;{}=c", key.to_lowercase());
            let at = key.len() + 9;
            assert_eq!(parse(header.as_bytes()), Err(XfccError::Repeated { key, at }), "{key}");
        }
    }

    #[test]
    fn a_quote_left_open_by_a_client_swallows_nothing() {
        // What a client sent, and what Envoy appends to it.
        let header = br#"Subject=",Hash=ab;Cert="c""#;
        assert_eq!(parse(header), Err(XfccError::StrayQuote { at: 8 }));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_kept() {
        assert_eq!(parse(b"DNS=\xff").unwrap()[0].dns, [&b"\xff"[..]]);
    }

    #[test]
    fn each_limit_is_kept_and_reached() {
        let pairs = |count: usize| vec!["DNS=a"; count].join(";").into_bytes();
        assert_eq!(parse(&pairs(MAX_PAIRS)).map(|elements| elements.len()), Ok(1));
        assert_eq!(parse(&pairs(MAX_PAIRS + 1)), Err(XfccError::TooManyPairs));
        let elements = |count: usize| vec!["DNS=a"; count].join(",").into_bytes();
        assert_eq!(parse(&elements(MAX_ELEMENTS)).map(|elements| elements.len()), Ok(MAX_ELEMENTS));
        assert_eq!(parse(&elements(MAX_ELEMENTS + 1)), Err(XfccError::TooManyElements));
        let long = |length: usize| [b"URI=".to_vec(), vec![b'a'; length - 4]].concat();
        assert!(parse(&long(MAX_HEADER_BYTES)).is_ok());
        assert_eq!(parse(&long(MAX_HEADER_BYTES + 1)), Err(XfccError::TooLong));
    }
}
