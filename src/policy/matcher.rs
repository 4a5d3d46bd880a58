//! Predicates over an identity, and how they combine.

use std::sync::Arc;

use crate::identity::{
    AttributePattern, DnsPattern, EmailPattern, FingerprintPattern, Identity, SerialPattern, SpiffePattern,
    Truth, UriPattern,
};

/// One predicate over an identity.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Any(Vec<Matcher>),
    All(Vec<Matcher>),
    Not(Box<Matcher>),
    Identity(Arc<NamedIdentity>),
    SpiffeId(SpiffePattern),
    Dns(DnsPattern),
    Uri(UriPattern),
    Email(EmailPattern),
    Subject(AttributePattern),
    Issuer(AttributePattern),
    Serial(SerialPattern),
    Sha256(FingerprintPattern),
    SpkiSha256(FingerprintPattern),
}

/// An entry of the policy's `identities`.
#[derive(Debug)]
pub(crate) struct NamedIdentity {
    name: String,
    matcher: Matcher,
    extent: Extent,
}

impl NamedIdentity {
    pub(super) fn new(name: String, matcher: Matcher) -> Self {
        let extent = matcher.extent();
        Self { name, matcher, extent }
    }
}

/// How far a matcher extends, the identities that it refers to included each time they are referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Matchers one inside the other.
    pub(super) depth: usize,
    /// Matchers that one evaluation may come to.
    pub(super) matchers: usize,
}

impl Matcher {
    /// Holds when any of `matchers` does; of one, that one.
    pub(super) fn any(matchers: Vec<Matcher>) -> Self {
        Self::only(matchers).unwrap_or_else(Self::Any)
    }

    /// Holds when all of `matchers` do; of one, that one.
    pub(super) fn all(matchers: Vec<Matcher>) -> Self {
        Self::only(matchers).unwrap_or_else(Self::All)
    }

    fn only(mut matchers: Vec<Matcher>) -> Result<Self, Vec<Matcher>> {
        match matchers.pop() {
            Some(only) if matchers.is_empty() => Ok(only),
            last => {
                matchers.extend(last);
                Err(matchers)
            }
        }
    }

    /// Whether `identity` matches, as far as its certificate lets that be told.
    pub(crate) fn matches(&self, identity: &Identity) -> Truth {
        match self {
            Self::Any(matchers) => Truth::any(matchers.iter().map(|matcher| matcher.matches(identity))),
            Self::All(matchers) => Truth::all(matchers.iter().map(|matcher| matcher.matches(identity))),
            Self::Not(matcher) => matcher.matches(identity).not(),
            Self::Identity(named) => named.matcher.matches(identity),
            Self::SpiffeId(pattern) => pattern.matches(identity.spiffe()),
            Self::Dns(pattern) => pattern.matches(identity.dns()),
            Self::Uri(pattern) => pattern.matches(identity.uri()),
            Self::Email(pattern) => pattern.matches(identity.email()),
            Self::Subject(pattern) => pattern.matches(identity.subject()),
            Self::Issuer(pattern) => pattern.matches(identity.issuer()),
            Self::Serial(pattern) => pattern.matches(identity.serial()),
            Self::Sha256(pattern) => pattern.matches(&identity.fingerprint()),
            Self::SpkiSha256(pattern) => pattern.matches(&identity.spki_fingerprint()),
        }
    }

    pub(super) fn extent(&self) -> Extent {
        if let Self::Identity(named) = self {
            return Extent::around([named.extent]);
        }
        Extent::around(self.inner().iter().map(Self::extent))
    }

    /// The named identities that stand in this matcher, not counting those inside other named ones.
    pub(super) fn identity_names(&self) -> Vec<&str> {
        if let Self::Identity(named) = self {
            return vec![&named.name];
        }
        self.inner().iter().flat_map(Self::identity_names).collect()
    }

    /// The matchers that stand in this one, not counting those inside named identities.
    fn inner(&self) -> &[Matcher] {
        match self {
            Self::Any(matchers) | Self::All(matchers) => matchers,
            Self::Not(matcher) => std::slice::from_ref(matcher),
            Self::Identity(_)
            | Self::SpiffeId(_)
            | Self::Dns(_)
            | Self::Uri(_)
            | Self::Email(_)
            | Self::Subject(_)
            | Self::Issuer(_)
            | Self::Serial(_)
            | Self::Sha256(_)
            | Self::SpkiSha256(_) => &[],
        }
    }
}

impl Extent {
    fn around(inner: impl IntoIterator<Item = Extent>) -> Self {
        inner.into_iter().fold(Self { depth: 1, matchers: 1 }, |outer, inner| Self {
            depth: outer.depth.max(inner.depth.saturating_add(1)),
            matchers: outer.matchers.saturating_add(inner.matchers),
        })
    }
}
