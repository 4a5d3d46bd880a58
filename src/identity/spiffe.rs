//! SPIFFE IDs (SPIFFE-ID specification section 2, X509-SVID specification section 2) and patterns for them.

use std::fmt;

use thiserror::Error;

use super::names::Names;
use super::pattern::PatternError;
use super::text::quoted;
use super::truth::Truth;
use super::uri::Uri;
use super::wildcard::wildcard_matches;

/// The longest SPIFFE ID in bytes (SPIFFE-ID section 2.3).
pub const MAX_SPIFFE_ID_BYTES: usize = 2048;
/// The longest trust domain in bytes (SPIFFE-ID section 2.1).
const MAX_TRUST_DOMAIN_BYTES: usize = 255;

const SCHEME: &str = "spiffe://";

/// A workload's SPIFFE ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: String,
}

/// Why text is no SPIFFE ID of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum SpiffeProblem {
    /// The scheme is not `spiffe://`, in lower case.
    #[error("it does not begin with `spiffe://`")]
    Scheme,
    /// Longer than [`MAX_SPIFFE_ID_BYTES`].
    #[error("it is longer than `{MAX_SPIFFE_ID_BYTES}` bytes")]
    TooLong,
    /// The trust domain is empty, too long or holds other characters: a port, user information, a wildcard.
    #[error("its trust domain is not made of `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most")]
    TrustDomain,
    /// Nothing follows the trust domain: that is a CA's ID, which a leaf must not have (X509-SVID section 2).
    #[error("it has no path after the trust domain")]
    NoPath,
    /// A segment is empty, which a slash at the end makes too.
    #[error("its path has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("its path has a segment `.` or `..`")]
    DotSegment,
    /// A segment holds other characters: a query, a fragment, percent-encoding.
    #[error("its path holds other characters than letters, digits, `.`, `-` and `_`")]
    PathCharacter,
    /// The certificate holds further URIs (X509-SVID section 2: exactly one).
    #[error("the certificate holds more than one URI")]
    SeveralUris,
    /// A URI in the certificate cannot be read, and may be one.
    #[error("the certificate holds a URI that cannot be read")]
    UnreadableUri,
}

impl SpiffeId {
    /// Reads a SPIFFE ID with a path, as a workload's is.
    pub fn parse(text: &str) -> Result<SpiffeId, SpiffeProblem> {
        check(text, is_segment)?;
        Ok(SpiffeId { text: text.to_owned() })
    }

    /// The whole ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands between the scheme and the path.
    pub fn trust_domain(&self) -> &str {
        let rest = self.text.strip_prefix(SCHEME).unwrap_or_default();
        rest.split_once('/').map_or(rest, |(trust_domain, _)| trust_domain)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// What a certificate says of its holder's SPIFFE ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpiffeIdentity {
    /// It holds no SPIFFE URI.
    None,
    /// It holds this one, and no other URI.
    Id(SpiffeId),
    /// It holds a SPIFFE URI, or what may be one, that breaks the specifications.
    Invalid(SpiffeProblem),
}

impl SpiffeIdentity {
    /// Reads it from all the URIs of a certificate.
    pub(crate) fn of(uris: &Names<Uri>) -> SpiffeIdentity {
        // The scheme of a URI has no case, so that `SPIFFE:` is an invalid SPIFFE ID and not some other URI.
        let is_spiffe = |uri: &&Uri| {
            let scheme = uri.as_str().split_once(':').map(|(scheme, _)| scheme);
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe"))
        };
        if uris.malformed() > 0 {
            return SpiffeIdentity::Invalid(SpiffeProblem::UnreadableUri);
        }
        let Some(uri) = uris.values().iter().find(is_spiffe) else {
            return SpiffeIdentity::None;
        };
        if uris.len() > 1 {
            return SpiffeIdentity::Invalid(SpiffeProblem::SeveralUris);
        }
        match SpiffeId::parse(uri.as_str()) {
            Ok(id) => SpiffeIdentity::Id(id),
            Err(problem) => SpiffeIdentity::Invalid(problem),
        }
    }
}

/// A pattern for SPIFFE IDs: an ID in which a segment of the path may be `*`, which is exactly one segment, and the
/// last may be `**`, which is any number of segments, none included. The trust domain has no wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpiffePattern {
    text: String,
}

impl SpiffePattern {
    /// Reads a pattern. A `*` beside other characters and a `**` that is not last are refused.
    pub fn parse(text: &str) -> Result<SpiffePattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let refuse = |problem: String| PatternError::Spiffe { text: text.to_owned(), problem };
        check(text, |segment| matches!(segment, "*" | "**") || segment.contains('*') || is_segment(segment))
            .map_err(|problem| refuse(problem.to_string()))?;
        let mut segments = text.split('/').peekable();
        while let Some(segment) = segments.next() {
            if segment == "**" && segments.peek().is_some() {
                return Err(refuse("`**` must be the last segment".to_owned()));
            }
            if segment.contains('*') && !matches!(segment, "*" | "**") {
                return Err(refuse("a wildcard must be a whole segment, `*` or `**`".to_owned()));
            }
        }
        Ok(SpiffePattern { text: text.to_owned() })
    }

    /// The only SPIFFE ID that matches; `None` of a pattern with wildcards.
    pub(crate) fn only(&self) -> Option<&str> {
        (!self.text.contains('*')).then_some(self.text.as_str())
    }

    /// Whether the certificate's SPIFFE ID matches. One that is invalid cannot be told.
    pub fn matches(&self, identity: &SpiffeIdentity) -> Truth {
        match identity {
            SpiffeIdentity::None => Truth::No,
            SpiffeIdentity::Id(id) => match self.only() {
                Some(only) => (only == id.as_str()).into(),
                None => wildcard_matches(&self.text, id.as_str()).into(),
            },
            SpiffeIdentity::Invalid(_) => Truth::CannotTell,
        }
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for SpiffePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(&self.text).fmt(out)
    }
}

fn check(text: &str, fits: impl Fn(&str) -> bool) -> Result<(), SpiffeProblem> {
    let rest = text.strip_prefix(SCHEME).ok_or(SpiffeProblem::Scheme)?;
    if text.len() > MAX_SPIFFE_ID_BYTES {
        return Err(SpiffeProblem::TooLong);
    }
    let (trust_domain, path) = match rest.split_once('/') {
        Some((trust_domain, path)) => (trust_domain, Some(path)),
        None => (rest, None),
    };
    if !is_trust_domain(trust_domain) {
        return Err(SpiffeProblem::TrustDomain);
    }
    for segment in path.ok_or(SpiffeProblem::NoPath)?.split('/') {
        match segment {
            "" => return Err(SpiffeProblem::EmptySegment),
            "." | ".." => return Err(SpiffeProblem::DotSegment),
            _ if !fits(segment) => return Err(SpiffeProblem::PathCharacter),
            _ => {}
        }
    }
    Ok(())
}

/// SPIFFE-ID section 2.1: no port, no user information, lower case.
pub(super) fn is_trust_domain(text: &str) -> bool {
    (1..=MAX_TRUST_DOMAIN_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_mark(byte))
}

fn is_segment(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn identity(uris: &[&[u8]]) -> SpiffeIdentity {
        let mut names = Names::new();
        uris.iter().for_each(|uri| names.push(Uri::from_bytes(uri)));
        SpiffeIdentity::of(&names)
    }

    fn matches(pattern: &str, id: &str) -> Truth {
        SpiffePattern::parse(pattern).unwrap().matches(&identity(&[id.as_bytes()]))
    }

    #[test]
    fn an_id_is_read() {
        let id = SpiffeId::parse("spiffe://acme.example/ns/Prod/sa/billing_2.x-y").unwrap();
        assert_eq!(id.as_str(), "spiffe://acme.example/ns/Prod/sa/billing_2.x-y");
        assert_eq!(id.trust_domain(), "acme.example");
    }

    #[test]
    fn what_breaks_the_specification_is_refused_with_the_reason() {
        for (text, problem) in [
            ("", SpiffeProblem::Scheme),
            ("https://acme.example/a", SpiffeProblem::Scheme),
            ("SPIFFE://acme.example/a", SpiffeProblem::Scheme),
            ("spiffe:/acme.example/a", SpiffeProblem::Scheme),
            ("spiffe://", SpiffeProblem::TrustDomain),
            ("spiffe:///a", SpiffeProblem::TrustDomain),
            ("spiffe://Acme.example/a", SpiffeProblem::TrustDomain),
            ("spiffe://acme.example:443/a", SpiffeProblem::TrustDomain),
            ("spiffe://user@acme.example/a", SpiffeProblem::TrustDomain),
            ("spiffe://acme.example?x/a", SpiffeProblem::TrustDomain),
            ("spiffe://*/a", SpiffeProblem::TrustDomain),
            ("spiffe://acme.example", SpiffeProblem::NoPath),
            ("spiffe://acme.example/", SpiffeProblem::EmptySegment),
            ("spiffe://acme.example/a/", SpiffeProblem::EmptySegment),
            ("spiffe://acme.example//a", SpiffeProblem::EmptySegment),
            ("spiffe://acme.example/./a", SpiffeProblem::DotSegment),
            ("spiffe://acme.example/a/..", SpiffeProblem::DotSegment),
            ("spiffe://acme.example/a?b", SpiffeProblem::PathCharacter),
            ("spiffe://acme.example/a#b", SpiffeProblem::PathCharacter),
            ("spiffe://acme.example/a%2fb", SpiffeProblem::PathCharacter),
            ("spiffe://acme.example/*", SpiffeProblem::PathCharacter),
            ("spiffe://x/a;Subject=\"CN=admin\"", SpiffeProblem::PathCharacter),
            ("spiffe://acme.example/é", SpiffeProblem::PathCharacter),
        ] {
            assert_eq!(SpiffeId::parse(text), Err(problem), "{text}");
        }
        assert!(SpiffeId::parse("spiffe://acme.example/...").is_ok(), "three dots are a name");
    }

    #[test]
    fn ids_at_the_limits_are_read_and_longer_ones_not() {
        let id = |length: usize| format!("spiffe://a/{}", "b".repeat(length - 11));
        assert!(SpiffeId::parse(&id(MAX_SPIFFE_ID_BYTES)).is_ok());
        assert_eq!(SpiffeId::parse(&id(MAX_SPIFFE_ID_BYTES + 1)), Err(SpiffeProblem::TooLong));
        assert!(SpiffeId::parse(&format!("spiffe://{}/a", "b".repeat(255))).is_ok());
        assert_eq!(
            SpiffeId::parse(&format!("spiffe://{}/a", "b".repeat(256))),
            Err(SpiffeProblem::TrustDomain)
        );
    }

    #[test]
    fn a_certificate_has_one_id_or_none_or_an_invalid_one() {
        let id = || SpiffeIdentity::Id(SpiffeId::parse("spiffe://a/b").unwrap());
        let invalid = SpiffeIdentity::Invalid;
        for (uris, expected) in [
            (&[][..], SpiffeIdentity::None),
            (&[&b"https://a/b"[..]], SpiffeIdentity::None),
            (&[b"https://a/b", b"urn:a"], SpiffeIdentity::None),
            (&[b"spiffex://a/b"], SpiffeIdentity::None),
            (&[b"spiffe://a/b"], id()),
            (&[b"spiffe://a/b", b"spiffe://a/b"], invalid(SpiffeProblem::SeveralUris)),
            (&[b"https://a/b", b"spiffe://a/b"], invalid(SpiffeProblem::SeveralUris)),
            (&[b"spiffe://a/b", b"\0"], invalid(SpiffeProblem::UnreadableUri)),
            (&[b"spiffe://a/b\0"], invalid(SpiffeProblem::UnreadableUri)),
            (&[b"Spiffe://a/b"], invalid(SpiffeProblem::Scheme)),
            (&[b"spiffe:a"], invalid(SpiffeProblem::Scheme)),
            (&[b"spiffe://a"], invalid(SpiffeProblem::NoPath)),
        ] {
            assert_eq!(identity(uris), expected, "{uris:?}");
        }
    }

    #[test]
    fn a_pattern_without_wildcards_matches_its_id_only() {
        let pattern = "spiffe://acme.example/ns/prod";
        assert_eq!(matches(pattern, pattern), Truth::Yes);
        for miss in [
            "spiffe://acme.example/ns/prod2",
            "spiffe://acme.example/ns/Prod",
            "spiffe://acme.example/ns",
            "spiffe://acme.example/ns/prod/x",
            "spiffe://acme.example.evil/ns/prod",
            "https://acme.example/ns/prod",
        ] {
            assert_eq!(matches(pattern, miss), Truth::No, "{miss}");
        }
    }

    #[test]
    fn a_star_is_one_segment_and_two_are_any_number_at_the_end() {
        assert_eq!(matches("spiffe://a/ns/*/sa/billing", "spiffe://a/ns/prod/sa/billing"), Truth::Yes);
        assert_eq!(matches("spiffe://a/ns/*/sa/billing", "spiffe://a/ns/prod/x/sa/billing"), Truth::No);
        assert_eq!(matches("spiffe://a/ns/*", "spiffe://a/ns"), Truth::No);
        for hit in ["spiffe://a/ns", "spiffe://a/ns/x", "spiffe://a/ns/x/y"] {
            assert_eq!(matches("spiffe://a/ns/**", hit), Truth::Yes, "{hit}");
        }
        for miss in ["spiffe://a/nsx", "spiffe://a/x/ns", "spiffe://ab/ns/x"] {
            assert_eq!(matches("spiffe://a/ns/**", miss), Truth::No, "{miss}");
        }
        assert_eq!(matches("spiffe://a/**", "spiffe://a/x"), Truth::Yes);
    }

    #[test]
    fn an_invalid_id_cannot_be_told_even_where_its_text_would_match() {
        for id in
            ["spiffe://a/ns/x/", "spiffe://a/ns//x", "spiffe://a/ns/../x", "SPIFFE://a/ns/x", "spiffe://a"]
        {
            assert_eq!(matches("spiffe://a/**", id), Truth::CannotTell, "{id}");
        }
    }

    #[test]
    fn patterns_that_could_mean_more_than_they_say_are_refused_in_words() {
        for (text, problem) in [
            ("spiffe://*/a", SpiffeProblem::TrustDomain.to_string()),
            ("spiffe://*.acme.example/a", SpiffeProblem::TrustDomain.to_string()),
            ("spiffe://a", SpiffeProblem::NoPath.to_string()),
            ("spiffe://a/", SpiffeProblem::EmptySegment.to_string()),
            ("spiffe://a/**/b", "`**` must be the last segment".to_owned()),
            ("spiffe://a/b*", "a wildcard must be a whole segment, `*` or `**`".to_owned()),
            ("spiffe://a/***", "a wildcard must be a whole segment, `*` or `**`".to_owned()),
            ("a/*", SpiffeProblem::Scheme.to_string()),
        ] {
            let error = SpiffePattern::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is no SPIFFE ID: {problem}"));
        }
        assert_eq!(SpiffePattern::parse(""), Err(PatternError::Empty));
    }
}
