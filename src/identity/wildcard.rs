//! Wildcards by segment, in a plain dialect that knows nothing of SPIFFE.

/// Whether `value` matches `pattern`, segment by segment between slashes: `*` is one segment that is not empty, a
/// final `**` is any number of such segments, none included; anything else is itself. One slash at the value's end
/// counts for nothing. A pattern with `*` inside of a segment, or `**` before the last one, matches nothing.
///
/// This is the dialect of Ghostunnel. What the policy accepts is narrower: see [`super::SpiffePattern`].
pub fn wildcard_matches(pattern: &str, value: &str) -> bool {
    let matches = |value: &str| segments_match(pattern, value);
    matches(value) || value.strip_suffix('/').is_some_and(matches)
}

fn segments_match(pattern: &str, value: &str) -> bool {
    let mut wanted = pattern.split('/').peekable();
    let mut segments = value.split('/');
    while let Some(want) = wanted.next() {
        if want == "**" {
            return wanted.peek().is_none() && segments.all(|segment| !segment.is_empty());
        }
        let Some(segment) = segments.next() else {
            return false;
        };
        let same = if want == "*" { !segment.is_empty() } else { !want.contains('*') && want == segment };
        if !same {
            return false;
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_star_is_one_segment() {
        for value in ["a/x/b", "a/x/b/", "a/*/b"] {
            assert!(wildcard_matches("a/*/b", value), "{value}");
        }
        for value in ["a/b", "a//b", "a/x/y/b", "a/x/bc", "xa/x/b", "a/x/b//", "a/x", "", "/"] {
            assert!(!wildcard_matches("a/*/b", value), "{value}");
        }
    }

    #[test]
    fn two_stars_at_the_end_are_any_number_of_segments() {
        for value in ["a", "a/", "a/x", "a/x/", "a/x/y"] {
            assert!(wildcard_matches("a/**", value), "{value}");
        }
        for value in ["", "ab", "ab/x", "a//", "a//x", "a/x//y", "a/x//"] {
            assert!(!wildcard_matches("a/**", value), "{value}");
        }
    }

    #[test]
    fn stars_elsewhere_match_nothing() {
        for (pattern, value) in
            [("a/**/b", "a/x/b"), ("a/x*", "a/xy"), ("a/x*", "a/x*"), ("a/***", "a/x"), ("**x", "**x")]
        {
            assert!(!wildcard_matches(pattern, value), "{pattern} {value}");
        }
    }
}
