//! SPIFFE IDs (SPIFFE-ID specification section 2, X509-SVID specification section 2) and patterns for them.

use std::fmt;

use thiserror::Error;

use super::names::Names;
use super::pattern::PatternError;
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

    /// The trust domain: what stands between `spiffe://` and the path.
    pub fn trust_domain(&self) -> &str {
        let rest = self.text.strip_prefix(SCHEME).unwrap_or_default();
        rest.split_once('/').map_or(rest, |(domain, _)| domain)
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

    /// Whether the certificate's SPIFFE ID matches. One that is invalid cannot be told.
    pub fn matches(&self, identity: &SpiffeIdentity) -> Truth {
        match identity {
            SpiffeIdentity::None => Truth::No,
            SpiffeIdentity::Id(id) => wildcard_matches(&self.text, id.as_str()).into(),
            SpiffeIdentity::Invalid(_) => Truth::CannotTell,
        }
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
    let fits_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_mark(byte);
    if !(1..=MAX_TRUST_DOMAIN_BYTES).contains(&trust_domain.len()) || !trust_domain.bytes().all(fits_domain) {
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

fn is_segment(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b'-' | b'_')
}
