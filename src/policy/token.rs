//! What a route demands of the token that a request brings beside the client's certificate.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::cert::Fingerprint;
use crate::identity::TextPattern;
use crate::token::{Claim, ClaimPath, ClaimValue};

/// Demands on a token that the proxy has verified.
#[derive(Debug)]
pub(crate) struct TokenDemands {
    /// The key of the metadata of `jwt_authn` under which the claims are.
    pub(crate) metadata: String,
    pub(crate) claims: Vec<ClaimDemand>,
    pub(crate) binding: Binding,
}

/// Whether the token must be bound to the client's certificate (RFC 8705 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    ToCertificate,
    NotDemanded,
}

/// A claim, and what it may be.
#[derive(Debug)]
pub(crate) struct ClaimDemand {
    pub(crate) path: ClaimPath,
    pub(crate) any_of: Vec<ClaimPattern>,
}

/// What a claim is compared with.
#[derive(Debug)]
pub(crate) enum ClaimPattern {
    /// The whole text, or a part of it.
    Text(TextPattern),
    /// One of the words between spaces, as a `scope` is written (RFC 6749 section 3.3).
    Word(String),
    Number(f64),
    Boolean(bool),
}

impl ClaimDemand {
    /// Whether the claim is what it may be; of an array, whether any entry is.
    pub(crate) fn holds(&self, claim: &Claim) -> bool {
        claim.values().iter().any(|value| self.any_of.iter().any(|pattern| pattern.matches(value)))
    }
}

impl ClaimPattern {
    fn matches(&self, value: &ClaimValue) -> bool {
        match self {
            Self::Text(pattern) => value.text().is_some_and(|text| pattern.matches(text)),
            Self::Word(word) => value.text().is_some_and(|text| text.split(' ').any(|part| part == word)),
            Self::Number(number) => value.is_number(*number),
            Self::Boolean(boolean) => value.is_boolean(*boolean),
        }
    }
}

/// Whether a claim is the digest of this certificate: SHA-256 in base64url without padding (RFC 8705 section 3.1).
pub(crate) fn names_certificate(claim: &Claim, certificate: Fingerprint) -> bool {
    match claim {
        Claim::One(value) => value.text() == Some(digest_as_written(certificate).as_str()),
        Claim::Missing | Claim::Many(_) | Claim::Unreadable => false,
    }
}

fn digest_as_written(certificate: Fingerprint) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(certificate.as_bytes())
}
