//! Every way in which a proxy or a backend may read a path.
//!
//! A policy is only as good as its agreement with the server behind it about which resource a path names.
//! Instead of guessing one normal form, a path is read in all the ways in use, and the route table is asked
//! for each: where two readings select different routes, nobody can know which rule was meant.

use std::collections::BTreeSet;

/// Longest path (without query) that is read, in bytes. Envoy's own limit on all headers is 60 KiB.
const MAX_PATH_BYTES: usize = 8 * 1024;

/// Most readings of one path that are followed. Ordinary paths have one, hostile ones of the known
/// attacks fewer than twenty.
const MAX_READINGS: usize = 64;

/// Most bytes of all readings together, so that a long hostile path costs a worker little: a long honest one, an
/// object's key of 1,024 bytes with each of them escaped, has three readings of 3,072 bytes at most.
const MAX_READING_BYTES: usize = 24 * 1024;

/// How often a path is percent-decoded: once by a proxy, once more by a backend that is handed its result.
const MAX_DECODINGS: u8 = 2;

/// Whether paths that differ in case only are one path to the server behind the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathCase {
    /// `/Admin` and `/admin` are two paths.
    Sensitive,
    /// A path is also read without case.
    Insensitive,
}

/// The readings of one request path, without its query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readings<'a> {
    /// The path can be read in one way only.
    One(&'a [u8]),
    /// The path can be read in several ways, the way it was sent among them.
    Several(BTreeSet<Vec<u8>>),
    /// The path has more readings than are followed.
    TooMany,
}

/// Why a path is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No path, or one that does not begin with `/`.
    #[error("the path does not begin with `/`")]
    NotAbsolute,
    /// Longer than `MAX_PATH_BYTES`.
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// NUL, another control byte, or one that is not ASCII, as sent or after decoding a control byte.
    #[error("the path holds a control byte or one that is not ASCII")]
    ForbiddenByte,
    /// A `#`: fragments are never sent.
    #[error("the path holds a fragment")]
    Fragment,
    /// An escape that only some servers decode, and to what others would never take it for.
    #[error(
        "the path holds an escape that servers decode differently: `%u`, or UTF-8 longer than it need be"
    )]
    OddEscape,
}

/// Cuts the query off a `:path`.
pub(crate) fn without_query(path: &[u8]) -> &[u8] {
    path.iter().position(|byte| *byte == b'?').and_then(|query| path.get(..query)).unwrap_or(path)
}

/// Refuses what must be nowhere in a `:path`, its query included.
///
/// # Errors
/// [`PathError::ForbiddenByte`] for control bytes, [`PathError::Fragment`] for a `#`.
pub(crate) fn check(path_and_query: &[u8]) -> Result<(), PathError> {
    let mut has_fragment = false;
    for byte in path_and_query {
        if byte.is_ascii_control() {
            return Err(PathError::ForbiddenByte);
        }
        has_fragment |= *byte == b'#';
    }
    if has_fragment { Err(PathError::Fragment) } else { Ok(()) }
}

/// Reads `path`, which has no query, in every way.
///
/// # Errors
/// [`PathError`] where the path cannot be one, however it is read.
pub(crate) fn readings(path: &[u8]) -> Result<Readings<'_>, PathError> {
    if path.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(PathError::TooLong);
    }
    // RFC 3986, section 3.3: a path is ASCII; what is not must be percent-encoded.
    if !path.is_ascii() {
        return Err(PathError::ForbiddenByte);
    }
    check(path)?;
    if !may_be_ambiguous(path) {
        return Ok(Readings::One(path));
    }
    every_reading(path)
}

/// A path without `%`, `\`, `;`, `//` and `/.` has one reading.
fn may_be_ambiguous(path: &[u8]) -> bool {
    let mut before = b' ';
    path.iter().any(|byte| {
        let after_slash = std::mem::replace(&mut before, *byte) == b'/';
        matches!(byte, b'%' | b'\\' | b';') || after_slash && matches!(byte, b'/' | b'.')
    })
}

/// Applies every transformation to every reading until no new reading appears.
fn every_reading(path: &[u8]) -> Result<Readings<'static>, PathError> {
    // A reading reached with fewer decodings may still be decoded: both count as what is found.
    let mut found: BTreeSet<(Vec<u8>, u8)> = BTreeSet::new();
    let mut waiting = vec![(path.to_vec(), 0)];
    let mut bytes = 0;
    while let Some((reading, decodings)) = waiting.pop() {
        if found.contains(&(reading.clone(), decodings)) {
            continue;
        }
        bytes += reading.len();
        if found.len() >= MAX_READINGS * usize::from(MAX_DECODINGS + 1) || bytes > MAX_READING_BYTES {
            return Ok(Readings::TooMany);
        }
        for transform in [slashes_from_backslashes, merge_slashes, remove_dot_segments, strip_parameters] {
            waiting.push((transform(&reading), decodings));
        }
        if decodings > 0 {
            // What decodes a path and parses it again ends it at a `?` or `#` that was encoded.
            waiting.push((cut_at_delimiter(&reading), decodings));
        }
        if decodings < MAX_DECODINGS {
            let decoded = percent_decode(&reading, |_| true);
            if decoded.iter().any(u8::is_ascii_control) {
                return Err(PathError::ForbiddenByte);
            }
            if has_odd_escape(&reading) || has_overlong_utf8(&decoded) {
                return Err(PathError::OddEscape);
            }
            waiting.push((decoded, decodings + 1));
            // As URL parsers do it, which take `%2e` for a dot and leave `%2f` alone.
            waiting.push((percent_decode(&reading, |byte| !is_delimiter(byte)), decodings + 1));
            // As proxies do it that keep encoded slashes and nothing else.
            waiting.push((percent_decode(&reading, |byte| !matches!(byte, b'/' | b'\\')), decodings + 1));
        }
        found.insert((reading, decodings));
    }
    // Not collected: that sorts, and they are sorted already.
    let mut readings: BTreeSet<Vec<u8>> = BTreeSet::new();
    readings.extend(found.into_iter().map(|(reading, _)| reading));
    Ok(if readings.len() > MAX_READINGS { Readings::TooMany } else { Readings::Several(readings) })
}

/// `path` without case, as servers fold it that know Unicode: two letters outside of ASCII, the Kelvin sign and the long s,
/// fold into it.
pub(crate) fn without_case(path: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        let (letter, after) = if let Some(after) = rest.strip_prefix("\u{212a}".as_bytes()) {
            (b'k', after)
        } else if let Some(after) = rest.strip_prefix("\u{17f}".as_bytes()) {
            (b's', after)
        } else {
            (byte.to_ascii_lowercase(), tail)
        };
        folded.push(letter);
        rest = after;
    }
    folded
}

fn slashes_from_backslashes(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || merged.last() != Some(&b'/') {
            merged.push(*byte);
        }
    }
    merged
}

/// RFC 3986, section 5.2.4, on a path that begins with `/`.
fn remove_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    kept.iter().flat_map(|segment| [b"/".as_slice(), segment]).flatten().copied().collect()
}

/// Removes `;name=value` from every segment, as servlet containers do (RFC 3986, section 3.3, last paragraph).
fn strip_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|byte| *byte == b'/');
    let stripped: Vec<&[u8]> =
        segments.map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default()).collect();
    stripped.join(&b'/')
}

fn cut_at_delimiter(path: &[u8]) -> Vec<u8> {
    path.iter().take_while(|byte| !matches!(byte, b'?' | b'#')).copied().collect()
}

/// What parts a path, and what would begin an escape.
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b';' | b'?' | b'#' | b'%')
}

/// Decodes each `%` and two hex digits that stand for a byte to be decoded; other text stays, as lenient servers leave it.
fn percent_decode(path: &[u8], decodes: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        match (byte, escaped_byte(tail)) {
            (b'%', Some(value)) if decodes(value) => {
                decoded.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*byte);
                rest = tail;
            }
        }
    }
    decoded
}

/// `%uXXXX`, which is no percent-encoding, and which some servers decode.
fn has_odd_escape(path: &[u8]) -> bool {
    path.windows(3).any(|text| matches!(text, [b'%', b'u' | b'U', digit] if digit.is_ascii_hexdigit()))
}

/// UTF-8 in more bytes than needed (RFC 3629, section 3), which lenient decoders take for a dot or a slash.
fn has_overlong_utf8(bytes: &[u8]) -> bool {
    bytes
        .windows(2)
        .any(|pair| matches!(pair, [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]))
}

fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| digits.get(index).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn several(path: &str) -> Vec<String> {
        match readings(path.as_bytes()) {
            Ok(Readings::Several(readings)) => {
                readings.into_iter().map(|reading| String::from_utf8_lossy(&reading).into_owned()).collect()
            }
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn plain_paths_have_one_reading() {
        for path in ["/", "/v1/payments", "/a.b/c..d", "/a:b@c", "/~user/", "/a,b=c"] {
            assert_eq!(readings(path.as_bytes()), Ok(Readings::One(path.as_bytes())), "{path}");
        }
    }

    #[test]
    fn disguises_of_admin_are_read_as_admin() {
        for path in [
            "//admin",
            "/./admin",
            "/x/../admin",
            "/x/%2e%2e/admin",
            "/x/%2E./admin",
            "/%61dmin",
            "/%2561dmin",
            "/\\admin",
            "/%5cadmin",
            "/x\\..\\admin",
            "/x%5c..%5cadmin",
            "/x/..;/admin",
            "/x/..;a=b/admin",
            "/;/admin",
            "/admin;jsessionid=1",
            "/%2fadmin",
            "/x%2f..%2fadmin",
            "/x/%252e%252e/admin",
            "/x//../../admin",
            "/admin%3Fx",
            "/admin%23x",
            "/../../admin",
            "/.//admin",
            "/x/..%3b/admin",
            "/%61dmin/..%2fadmin/..%2fadmin",
        ] {
            let found = several(path);
            assert!(found.iter().any(|reading| reading == "/admin"), "{path}: {found:?}");
            assert!(found.iter().any(|reading| reading == path), "{path}: {found:?}");
        }
    }

    #[test]
    fn lookalikes_of_admin_are_not_read_as_admin() {
        for path in ["/admin%2fx", "/x%2Fadmin", "/admin;/x", "/adm%69n2", "/x/.admin", "/%2561dmin2"] {
            assert!(!several(path).iter().any(|reading| reading == "/admin"), "{path}");
        }
        // Decoded three times: more often than any pair of proxy and backend decodes.
        assert!(!several("/%252561dmin").iter().any(|reading| reading == "/admin"));
    }

    #[test]
    fn a_dot_segment_that_url_parsers_decode_beside_a_slash_that_they_leave_is_read_their_way() {
        for path in [
            "/x/%2e%2e/admin/%2e%2e%2fz",
            "/x/%2e%2e/admin/..%2fz",
            "/x/.%2e/admin%2f..%2fz",
            "/x/%252e%252e/admin/%252e%252e%252fz",
        ] {
            let found = several(path);
            let below_admin =
                |reading: &String| reading.starts_with("/admin/") || reading.starts_with("/admin%2f");
            assert!(found.iter().any(below_admin), "{path}: {found:?}");
        }
    }

    #[test]
    fn escapes_that_servers_decode_differently_are_refused() {
        for path in
            ["/%u002e%u002e/admin", "/x/%c0%ae%c0%ae/admin", "/x%c0%afadmin", "/%e0%80%af", "/%25c0%25af"]
        {
            assert_eq!(readings(path.as_bytes()), Err(PathError::OddEscape), "{path}");
        }
        for path in ["/%c3%a9", "/%e2%82%ac", "/%f0%9f%98%80", "/%user"] {
            assert!(readings(path.as_bytes()).is_ok(), "{path}");
        }
    }

    #[test]
    fn an_escape_that_is_none_stays_as_it_is() {
        assert_eq!(several("/100%"), ["/100%"]);
        assert_eq!(several("/%zz"), ["/%zz"]);
        assert_eq!(several("/%4"), ["/%4"]);
    }

    #[test]
    fn control_bytes_are_refused_as_sent_and_decoded() {
        for path in ["/a\0", "/a\x7f", "/a\x1fb", "/a%00b", "/a%0a", "/a%2500", "/a%7F", "/caf\u{e9}"] {
            assert_eq!(readings(path.as_bytes()), Err(PathError::ForbiddenByte), "{path:?}");
        }
        assert!(readings(b"/caf%C3%A9").is_ok(), "encoded text that is not ASCII is no control byte");
    }

    #[test]
    fn what_is_no_absolute_path_is_refused() {
        for path in ["", "*", "admin", "http://a/b"] {
            assert_eq!(readings(path.as_bytes()), Err(PathError::NotAbsolute), "{path}");
        }
        assert_eq!(readings(b"/a#b"), Err(PathError::Fragment));
        let long = vec![b'/'; MAX_PATH_BYTES + 1];
        assert_eq!(readings(&long), Err(PathError::TooLong));
    }

    #[test]
    fn a_path_built_to_have_many_readings_ends_the_search() {
        let path = "/%3b%253b%3f/%2e%2e%2e%2e%253b%252f%5c%2f%3f%3f;a//x;..%2523%5c%2523y%252e";
        assert_eq!(readings(path.as_bytes()), Ok(Readings::TooMany));
        let long = format!("/{}", "%61".repeat(MAX_PATH_BYTES / 3 - 1));
        assert_eq!(several(&long).len(), 2, "a long path with two readings is no such path");
    }

    #[test]
    fn the_query_is_not_part_of_the_path() {
        assert_eq!(without_query(b"/a?b=/../admin"), b"/a");
        assert_eq!(without_query(b"/a"), b"/a");
    }

    #[test]
    fn control_bytes_and_fragments_are_refused_in_queries_too() {
        assert_eq!(check(b"/a?b\x01"), Err(PathError::ForbiddenByte));
        assert_eq!(check(b"/a?b#c"), Err(PathError::Fragment));
        assert_eq!(check(b"/a?b=%01%23&c=\xc3\xa9"), Ok(()));
    }
}
