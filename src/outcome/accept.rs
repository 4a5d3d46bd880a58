//! What a client would rather read, by its header `accept` (RFC 9110, section 12.5.1).

/// The most media ranges that are looked at. Browsers send about eight; who sends more than this reads no HTML.
const MAX_RANGES: usize = 64;

const HTML: &str = "text/html";

/// Whether a client would rather read HTML than `other`, which is a type and a subtype: it names `text/html` itself,
/// for `*/*` is what programs send, and puts it before `other`, or beside an `other` that it does not name. `values` are
/// those of all headers `accept`.
pub(super) fn prefers_html<'a>(values: impl Iterator<Item = &'a [u8]>, other: &str) -> bool {
    let (mut html, mut plain) = (Preference::default(), Preference::default());
    let mut left = MAX_RANGES;
    for value in values {
        let mut rest = Some(value);
        while let Some(list) = rest {
            let (element, after) = split_outside_quotes(list, b',');
            rest = after;
            if left == 0 {
                return false;
            }
            left -= 1;
            let Some(range) = Range::parse(element) else {
                continue;
            };
            html = html.max(range.preference(HTML));
            plain = plain.max(range.preference(other));
        }
    }
    let names_html = html.precision == Precision::Exact && html.weight > 0;
    let other_is_named = plain.precision == Precision::Exact;
    names_html && (html.weight > plain.weight || html.weight == plain.weight && !other_is_named)
}

/// What the most precise range says of a media type; of several that are as precise, the one of most weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    precision: Precision,
    /// In thousandths.
    weight: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    /// No range matches.
    #[default]
    None,
    /// `*/*`.
    Any,
    /// `text/*`.
    Type,
    /// The very type.
    Exact,
}

/// A media range and its weight.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    weight: u16,
}

impl<'a> Range<'a> {
    /// `None` where it is malformed, or only meant for a type with parameters that our answers do not have.
    fn parse(element: &'a [u8]) -> Option<Self> {
        let (range, mut rest) = split_outside_quotes(element, b';');
        let (kind, subtype) = std::str::from_utf8(range).ok()?.trim_ascii().split_once('/')?;
        let mut weight = 1000;
        // No more than there are separators in the header.
        while let Some(parameters) = rest {
            let (parameter, after) = split_outside_quotes(parameters, b';');
            rest = after;
            let (name, value) = std::str::from_utf8(parameter).ok()?.trim_ascii().split_once('=')?;
            if name.eq_ignore_ascii_case("q") {
                weight = thousandths(value)?;
                // What follows the weight says nothing of the type.
                break;
            }
            let is_ours =
                name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8");
            if !is_ours {
                return None;
            }
        }
        Some(Self { kind, subtype, weight })
    }

    fn preference(&self, media_type: &str) -> Preference {
        let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        let precision = match (self.kind, self.subtype) {
            ("*", "*") => Precision::Any,
            ("*", _) => Precision::None,
            (own, "*") if own.eq_ignore_ascii_case(kind) => Precision::Type,
            (own, sub) if own.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => {
                Precision::Exact
            }
            (_, _) => Precision::None,
        };
        match precision {
            Precision::None => Preference::default(),
            Precision::Any | Precision::Type | Precision::Exact => {
                Preference { precision, weight: self.weight }
            }
        }
    }
}

/// What stands before the first separator outside of quotes, and what behind it if there is one.
fn split_outside_quotes(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let (mut quoted, mut escaped) = (false, false);
    let at = text.iter().position(|&byte| {
        let is_escaped = std::mem::take(&mut escaped);
        match byte {
            b'\\' if quoted && !is_escaped => escaped = true,
            b'"' if !is_escaped => quoted = !quoted,
            _ => {}
        }
        byte == separator && !quoted
    });
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
    }
}

/// A weight (RFC 9110, section 12.4.2): `0` or `1`, with at most three digits behind the point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{digits:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn html(accept: &str) -> bool {
        prefers_html([accept.as_bytes()].into_iter(), "text/plain")
    }

    #[test]
    fn browsers_read_html() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html, application/xhtml+xml, */*",
            "text/html",
            "TEXT/HTML",
            "text/html;charset=utf-8",
            "text/html; charset=\"UTF-8\"; q=0.4",
            "text/plain;q=0.5, text/html;q=0.501",
            "text/html;q=0.9, text/plain;q=0.1, */*",
            " text/html ; q=1.000 , */*;q=0.1",
            "text/html;q=0.5;ext=\"a,b\"",
        ] {
            assert!(html(accept), "{accept}");
        }
    }

    #[test]
    fn programs_and_those_who_would_rather_read_text_do_not() {
        for accept in [
            "",
            "*/*",
            "text/*",
            "text/plain",
            "application/json",
            "application/json, */*;q=0.9",
            "text/html;q=0",
            "text/html;q=0.0, */*",
            "text/plain, text/html",
            "text/html;q=0.5, text/plain;q=0.6",
            "text/html;q=0.5, */*",
            "text/html;q=0.5, text/*;q=0.8",
            "text/htmlx",
            "xtext/html",
            "text/html/x",
            "html",
            "text/html;level=1",
            "text/html;q=2",
            "text/html;q=0.1234",
            "text/html;q=",
            "text/html;q=-1",
            "text/html;q",
            "*/html",
            "application/x;a=\"text/html,text/html\"",
            "application/x;a=\",text/html,\\\",text/html",
        ] {
            assert!(!html(accept), "{accept}");
        }
    }

    #[test]
    fn the_range_that_fits_best_says_the_weight() {
        assert!(html("*/*;q=0.1, text/html;q=0.2"));
        assert!(html("text/html;q=0.2, */*;q=0.1"));
        assert!(!html("text/html;q=0.2, text/plain;q=0.1, text/plain;q=0.3"));
    }

    #[test]
    fn html_is_weighed_against_what_is_offered_beside_it() {
        let asked = |accept: &str| prefers_html([accept.as_bytes()].into_iter(), "application/json");
        assert!(asked("text/html, application/json;q=0.9"));
        assert!(!asked("text/html;q=0.9, application/json"));
        assert!(asked("text/html, text/plain"));
    }

    #[test]
    fn several_headers_are_one_list() {
        let values =
            |values: &[&'static str]| prefers_html(values.iter().map(|value| value.as_bytes()), "text/plain");
        assert!(values(&["application/json", "text/html"]));
        assert!(!values(&["text/html;q=0.1", "text/plain"]));
    }

    #[test]
    fn a_list_of_more_ranges_than_the_limit_asks_for_nothing() {
        let list = |count: usize| vec!["text/html"; count].join(",");
        assert!(html(&list(MAX_RANGES)));
        assert!(!html(&list(MAX_RANGES + 1)));
        assert!(!html(&",".repeat(60_000)));
        assert!(!html(&";".repeat(60_000)));
        assert!(!html(&"\"".repeat(60_001)));
    }

    #[test]
    fn bytes_that_are_no_text_ask_for_nothing() {
        assert!(!prefers_html([&b"text/html;q=0.\xff"[..], b"\xff"].into_iter(), "text/plain"));
        assert!(prefers_html([&b"\xff, text/html"[..]].into_iter(), "text/plain"));
    }
}
