//! Predicates over an identity, and how they combine.

use std::fmt;
use std::sync::Arc;

use super::any_of::{AnyOf, Key};
use super::trace::{Stage, Step, Trace};
use crate::identity::text::quoted;
use crate::identity::{
    AttributePattern, CertificatePolicyPattern, DnsPattern, EmailPattern, ExtensionPattern,
    FingerprintPattern, Identity, IpPattern, KeyPurposePattern, OtherNamePattern, SerialPattern,
    SpiffePattern, TrustDomainPattern, Truth, UpnPattern, UriPattern,
};

/// One predicate over an identity.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Any(AnyOf),
    All(Vec<Matcher>),
    Not(Box<Matcher>),
    Identity(Arc<NamedIdentity>),
    SpiffeId(SpiffePattern),
    SpiffeTrustDomain(TrustDomainPattern),
    Dns(DnsPattern),
    Uri(UriPattern),
    Email(EmailPattern),
    Ip(IpPattern),
    Upn(UpnPattern),
    OtherName(OtherNamePattern),
    Subject(AttributePattern),
    Issuer(AttributePattern),
    Serial(SerialPattern),
    Sha256(FingerprintPattern),
    SpkiSha256(FingerprintPattern),
    ExtendedKeyUsage(KeyPurposePattern),
    PolicyOid(CertificatePolicyPattern),
    Extension(ExtensionPattern),
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

/// Where the steps of a matcher stand in a trace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) stage: Stage,
    pub(super) depth: usize,
}

impl Place {
    fn inner(self) -> Self {
        Self { depth: self.depth + 1, ..self }
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
        Self::only(matchers).unwrap_or_else(|matchers| Self::Any(AnyOf::new(matchers)))
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

    /// Whether `identity` matches, as far as its certificate lets that be told. Notes a step for this matcher and for
    /// each that is asked in it.
    pub(super) fn evaluate(&self, identity: &Identity, place: Place, trace: &mut impl Trace) -> Truth {
        let (mark, is_read) = (trace.mark(), trace.is_read());
        let mut inner = |matcher: &Self| matcher.evaluate(identity, place.inner(), &mut *trace);
        let truth = match self {
            // Who reads a trace wants to see every one that was asked.
            Self::Any(any) if is_read => Truth::any(any.matchers().iter().map(inner)),
            Self::Any(any) => any.holds(identity, inner),
            Self::All(matchers) => Truth::all(matchers.iter().map(inner)),
            Self::Not(matcher) => inner(matcher).not(),
            Self::Identity(named) => inner(&named.matcher),
            Self::SpiffeId(pattern) => pattern.matches(identity.spiffe()),
            Self::SpiffeTrustDomain(pattern) => pattern.matches(identity.spiffe()),
            Self::Dns(pattern) => pattern.matches(identity.dns()),
            Self::Uri(pattern) => pattern.matches(identity.uri()),
            Self::Email(pattern) => pattern.matches(identity.email()),
            Self::Ip(pattern) => pattern.matches(identity.ip()),
            Self::Upn(pattern) => pattern.matches(identity.upn()),
            Self::OtherName(pattern) => pattern.matches(identity.other_names()),
            Self::Subject(pattern) => pattern.matches(identity.subject()),
            Self::Issuer(pattern) => pattern.matches(identity.issuer()),
            Self::Serial(pattern) => pattern.matches(identity.serial()),
            Self::Sha256(pattern) => pattern.matches(&identity.fingerprint()),
            Self::SpkiSha256(pattern) => pattern.matches(&identity.spki_fingerprint()),
            Self::ExtendedKeyUsage(pattern) => pattern.matches(identity.key_purposes()),
            Self::PolicyOid(pattern) => pattern.matches(identity.policies()),
            Self::Extension(pattern) => pattern.matches(identity.extensions()),
        };
        trace.note_at(mark, || Step::new(place.stage, truth.into(), self.title()).at_depth(place.depth));
        truth
    }

    /// What a step says of this matcher: those inside it have steps of their own.
    pub(super) fn title(&self) -> String {
        if let Self::Any(any) = self {
            format!("any of {}", any.matchers().len())
        } else if let Self::All(matchers) = self {
            format!("all of {}", matchers.len())
        } else if let Self::Not(_) = self {
            "not".to_owned()
        } else {
            self.to_string()
        }
    }

    /// The matchers that ask something of a certificate themselves, those inside named identities included.
    pub(super) fn leaves(&self) -> Vec<&Matcher> {
        if let Self::Identity(named) = self {
            return named.matcher.leaves();
        }
        match self.inner() {
            [] => vec![self],
            inner => inner.iter().flat_map(Self::leaves).collect(),
        }
    }

    /// The first matcher in this one that asks for more than which certificate, or which key, it is; or for it not to be one.
    pub(super) fn beside_digests(&self) -> Option<&Matcher> {
        if let Self::Identity(named) = self {
            return named.matcher.beside_digests();
        }
        if let Self::Sha256(_) | Self::SpkiSha256(_) = self {
            return None;
        }
        match self.inner() {
            inner @ [_, ..] if !matches!(self, Self::Not(_)) => inner.iter().find_map(Self::beside_digests),
            _ => Some(self),
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
        self.first_identity_names(usize::MAX)
    }

    /// So many of them at most.
    pub(super) fn first_identity_names(&self, most: usize) -> Vec<&str> {
        let mut names = Vec::new();
        self.add_identity_names(most, &mut names);
        names
    }

    fn add_identity_names<'m>(&'m self, most: usize, names: &mut Vec<&'m str>) {
        if let Self::Identity(named) = self {
            names.push(&named.name);
            return;
        }
        if let Self::Any(any) = self
            && !any.names_identities()
        {
            return;
        }
        for inner in self.inner() {
            if names.len() >= most {
                return;
            }
            inner.add_identity_names(most, names);
        }
    }

    /// The name of the identity that this matcher refers to.
    pub(super) fn named(&self) -> Option<&str> {
        if let Self::Identity(named) = self { Some(&named.name) } else { None }
    }

    /// Whether it holds where what stands in it does not.
    pub(super) fn is_not(&self) -> bool {
        matches!(self, Self::Not(_))
    }

    /// What a certificate must hold for this matcher to answer anything but `No`, where that is one thing.
    pub(super) fn key(&self) -> Option<Key<'_>> {
        match self {
            Self::SpiffeId(pattern) => pattern.only().map(Key::SpiffeId),
            Self::Dns(pattern) => Some(Key::Dns(pattern.key())),
            Self::Serial(pattern) => Some(Key::Serial(pattern.octets())),
            Self::Sha256(pattern) => Some(Key::Sha256(pattern.digest())),
            Self::SpkiSha256(pattern) => Some(Key::SpkiSha256(pattern.digest())),
            Self::Identity(named) => named.matcher.key(),
            // One that answers `No` is enough for all to.
            Self::All(matchers) => matchers.iter().filter_map(Self::key).min_by_key(Key::kind),
            Self::Any(_)
            | Self::Not(_)
            | Self::SpiffeTrustDomain(_)
            | Self::Uri(_)
            | Self::Email(_)
            | Self::Ip(_)
            | Self::Upn(_)
            | Self::OtherName(_)
            | Self::Subject(_)
            | Self::Issuer(_)
            | Self::ExtendedKeyUsage(_)
            | Self::PolicyOid(_)
            | Self::Extension(_) => None,
        }
    }

    /// The matchers that stand in this one and may answer anything but `No`, and maybe others.
    pub(super) fn candidates(&self, identity: &Identity) -> Vec<&Matcher> {
        if let Self::Any(any) = self { any.candidates(identity) } else { self.inner().iter().collect() }
    }

    /// The matchers that stand in this one, not counting those inside named identities.
    pub(super) fn inner(&self) -> &[Matcher] {
        match self {
            Self::Any(any) => any.matchers(),
            Self::All(matchers) => matchers,
            Self::Not(matcher) => std::slice::from_ref(matcher),
            Self::Identity(_)
            | Self::SpiffeId(_)
            | Self::SpiffeTrustDomain(_)
            | Self::Dns(_)
            | Self::Uri(_)
            | Self::Email(_)
            | Self::Ip(_)
            | Self::Upn(_)
            | Self::OtherName(_)
            | Self::Subject(_)
            | Self::Issuer(_)
            | Self::Serial(_)
            | Self::Sha256(_)
            | Self::SpkiSha256(_)
            | Self::ExtendedKeyUsage(_)
            | Self::PolicyOid(_)
            | Self::Extension(_) => &[],
        }
    }
}

/// As a policy writes it, in JSON: several keys in one object as `all`, an array of values as `any`.
impl fmt::Display for Matcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(any) => write_list(out, "any", any.matchers()),
            Self::All(matchers) => write_list(out, "all", matchers),
            Self::Not(matcher) => write_member(out, "not", matcher),
            Self::Identity(named) => write_member(out, "identity", quoted(&named.name)),
            Self::SpiffeId(pattern) => write_member(out, "spiffe_id", pattern),
            Self::SpiffeTrustDomain(pattern) => write_member(out, "spiffe_trust_domain", pattern),
            Self::Dns(pattern) => write_member(out, "dns", pattern),
            Self::Uri(pattern) => write_member(out, "uri", pattern),
            Self::Email(pattern) => write_member(out, "email", pattern),
            Self::Ip(pattern) => write_member(out, "ip", pattern),
            Self::Upn(pattern) => write_member(out, "upn", pattern),
            Self::OtherName(pattern) => write_member(out, "other_name", pattern),
            Self::Subject(pattern) => write_member(out, "subject", pattern),
            Self::Issuer(pattern) => write_member(out, "issuer", pattern),
            Self::Serial(pattern) => write_member(out, "serial", pattern),
            Self::Sha256(pattern) => write_member(out, "sha256", pattern),
            Self::SpkiSha256(pattern) => write_member(out, "spki_sha256", pattern),
            Self::ExtendedKeyUsage(pattern) => write_member(out, "extended_key_usage", pattern),
            Self::PolicyOid(pattern) => write_member(out, "policy_oid", pattern),
            Self::Extension(pattern) => write_member(out, "extension", pattern),
        }
    }
}

fn write_member(out: &mut fmt::Formatter<'_>, key: &str, value: impl fmt::Display) -> fmt::Result {
    write!(out, r#"{{"{key}": {value}}}"#)
}

fn write_list(out: &mut fmt::Formatter<'_>, key: &str, matchers: &[Matcher]) -> fmt::Result {
    write!(out, r#"{{"{key}": ["#)?;
    for (at, matcher) in matchers.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        write!(out, "{separator}{matcher}")?;
    }
    out.write_str("]}")
}

impl Extent {
    fn around(inner: impl IntoIterator<Item = Extent>) -> Self {
        inner.into_iter().fold(Self { depth: 1, matchers: 1 }, |outer, inner| Self {
            depth: outer.depth.max(inner.depth.saturating_add(1)),
            matchers: outer.matchers.saturating_add(inner.matchers),
        })
    }
}
