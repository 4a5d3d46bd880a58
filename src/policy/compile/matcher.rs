//! Compiles `allow`, `deny` and `identities`.

use std::collections::HashMap;
use std::sync::Arc;

use super::reader::{Keys, Object, Problems, all_or_none, entries, one_or_many, string, wrong_type};
use super::value;
use crate::identity::{
    AttributePattern, AttributeType, CertificatePolicyPattern, DnsPattern, EmailPattern, FingerprintPattern,
    IpPattern, KeyPurposePattern, PatternError, SerialPattern, SpiffePattern, TextKind, TrustDomainPattern,
    UpnPattern, UriPattern,
};
use crate::policy::error::{PolicyErrorKind, closest};
use crate::policy::location::Span;
use crate::policy::matcher::{Matcher, NamedIdentity};
use crate::policy::source::{Member, Node, Value};

/// How deep matchers may be nested, counted through the identities that they refer to: evaluation recurses
/// this deep on a stack of one MiB.
const MAX_DEPTH: usize = 32;

/// How many matchers one evaluation may come to, counted likewise: identities that refer to each other twice double
/// with each step. A list of 100,000 serials is far below, and a million are evaluated in a few milliseconds.
const MAX_MATCHERS: usize = 1_000_000;

pub(super) const MATCHER_KEYS: Keys = Keys::of(&[
    "any",
    "all",
    "not",
    "identity",
    "spiffe_id",
    "spiffe_trust_domain",
    "dns",
    "uri",
    "email",
    "ip",
    "upn",
    "other_name",
    "subject",
    "issuer",
    "serial",
    "sha256",
    "spki_sha256",
    "extended_key_usage",
    "policy_oid",
    "extension",
]);

/// Compiles matchers, and each named identity once, when it is first referred to.
pub(super) struct MatcherCompiler<'n> {
    identities: HashMap<&'n str, Entry<'n>>,
    /// How deep the matcher is that is being compiled.
    depth: usize,
}

enum Entry<'n> {
    NotYet(&'n Node),
    InProgress,
    Done(Option<Arc<NamedIdentity>>),
}

impl<'n> MatcherCompiler<'n> {
    /// Compiles every identity of `identities`, so that the faults of those that no route uses are found as well.
    pub(super) fn new(identities: Option<&'n Node>, problems: &mut Problems) -> Self {
        let members =
            identities.and_then(|node| Object::open_map(node, problems)).map_or(&[][..], |map| map.members());
        let mut compiler = Self { identities: HashMap::with_capacity(members.len()), depth: 0 };
        for Member { key, key_span, value } in members {
            if !super::route::is_name(key) {
                problems.add::<()>(*key_span, PolicyErrorKind::BadName { name: key.clone() });
            }
            compiler.identities.entry(key).or_insert(Entry::NotYet(value));
        }
        for Member { key, key_span, .. } in members {
            compiler.resolve(key, *key_span, problems);
        }
        compiler
    }

    /// A matcher object, or an array of which any entry may hold.
    pub(super) fn matcher(&mut self, node: &'n Node, problems: &mut Problems) -> Option<Matcher> {
        if self.depth >= MAX_DEPTH {
            return problems.add(node.span, PolicyErrorKind::TooDeep { limit: MAX_DEPTH });
        }
        self.depth += 1;
        let matcher = match &node.value {
            Value::Array(_) => self.list(node, "a list of matchers", problems).map(Matcher::any),
            Value::Object(_) => self.object(node, problems),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                wrong_type(node, "a matcher: an object such as {\"dns\": \"a.example\"}", problems)
            }
        };
        self.depth -= 1;
        let extent = matcher.as_ref().map(Matcher::extent)?;
        if extent.depth > MAX_DEPTH {
            return problems.add(node.span, PolicyErrorKind::TooDeep { limit: MAX_DEPTH });
        }
        if extent.matchers > MAX_MATCHERS {
            return problems.add(node.span, PolicyErrorKind::TooManyMatchers { limit: MAX_MATCHERS });
        }
        matcher
    }

    fn list(&mut self, node: &'n Node, what: &'static str, problems: &mut Problems) -> Option<Vec<Matcher>> {
        let matchers = entries(node, what, problems)?.iter().map(|entry| self.matcher(entry, problems));
        all_or_none(matchers)
    }

    fn object(&mut self, node: &'n Node, problems: &mut Problems) -> Option<Matcher> {
        let object = Object::open(node, MATCHER_KEYS, problems)?;
        if object.members().is_empty() {
            return problems.add(node.span, PolicyErrorKind::EmptyList { what: "a matcher", help: None });
        }
        let parts = object.members().iter().map(|member| self.key(member, problems));
        all_or_none(parts).map(Matcher::all)
    }

    fn key(&mut self, member: &'n Member, problems: &mut Problems) -> Option<Matcher> {
        let node = &member.value;
        match member.key.as_str() {
            "any" => self.list(node, "`any`", problems).map(Matcher::any),
            "all" => self.list(node, "`all`", problems).map(Matcher::all),
            "not" => self.matcher(node, problems).map(|inner| Matcher::Not(Box::new(inner))),
            "identity" => each(node, "`identity`", problems, |name, problems| {
                let text = string(name, problems)?;
                self.resolve(text, name.span, problems).map(Matcher::Identity)
            }),
            "spiffe_id" => texts(node, "`spiffe_id`", problems, SpiffePattern::parse, Matcher::SpiffeId),
            "spiffe_trust_domain" => texts(
                node,
                "`spiffe_trust_domain`",
                problems,
                TrustDomainPattern::parse,
                Matcher::SpiffeTrustDomain,
            ),
            "dns" => texts(node, "`dns`", problems, DnsPattern::parse, Matcher::Dns),
            "serial" => texts(node, "`serial`", problems, SerialPattern::parse, Matcher::Serial),
            "sha256" => texts(node, "`sha256`", problems, FingerprintPattern::sha256, Matcher::Sha256),
            "spki_sha256" => {
                texts(node, "`spki_sha256`", problems, FingerprintPattern::spki_sha256, Matcher::SpkiSha256)
            }
            "uri" => text_patterns(node, "`uri`", problems, UriPattern::new, Matcher::Uri),
            "email" => text_patterns(node, "`email`", problems, EmailPattern::new, Matcher::Email),
            "ip" => texts(node, "`ip`", problems, IpPattern::parse, Matcher::Ip),
            "upn" => text_patterns(node, "`upn`", problems, UpnPattern::new, Matcher::Upn),
            "other_name" => each(node, "`other_name`", problems, value::other_name),
            "subject" => attributes(node, "`subject`", problems, Matcher::Subject),
            "issuer" => attributes(node, "`issuer`", problems, Matcher::Issuer),
            "extended_key_usage" => texts(
                node,
                "`extended_key_usage`",
                problems,
                KeyPurposePattern::parse,
                Matcher::ExtendedKeyUsage,
            ),
            "policy_oid" => {
                texts(node, "`policy_oid`", problems, CertificatePolicyPattern::parse, Matcher::PolicyOid)
            }
            "extension" => each(node, "`extension`", problems, value::extension),
            // Reported when the object was opened.
            _ => None,
        }
    }

    fn resolve(&mut self, name: &str, span: Span, problems: &mut Problems) -> Option<Arc<NamedIdentity>> {
        let Some((key, entry)) = self.identities.get_key_value(name) else {
            let suggestion = closest(name, self.identities.keys().copied()).map(str::to_owned);
            return problems
                .add(span, PolicyErrorKind::UnknownIdentity { name: name.to_owned(), suggestion });
        };
        let key = *key;
        let node = match entry {
            Entry::Done(identity) => return identity.clone(),
            Entry::InProgress => {
                return problems.add(span, PolicyErrorKind::CyclicIdentity { name: name.to_owned() });
            }
            Entry::NotYet(node) => *node,
        };
        self.identities.insert(key, Entry::InProgress);
        let identity =
            self.matcher(node, problems).map(|matcher| Arc::new(NamedIdentity::new(key.to_owned(), matcher)));
        self.identities.insert(key, Entry::Done(identity.clone()));
        identity
    }
}

/// A value, or an array of which any entry may hold.
fn each<'n>(
    node: &'n Node,
    what: &'static str,
    problems: &mut Problems,
    mut compile: impl FnMut(&'n Node, &mut Problems) -> Option<Matcher>,
) -> Option<Matcher> {
    let matchers = one_or_many(node, what, problems)?.iter().map(|entry| compile(entry, problems));
    all_or_none(matchers).map(Matcher::any)
}

fn texts<P>(
    node: &Node,
    what: &'static str,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<P, PatternError>,
    matcher: impl Fn(P) -> Matcher,
) -> Option<Matcher> {
    each(node, what, problems, |entry, problems| {
        let text = string(entry, problems)?;
        problems.keep(entry.span, parse(text)).map(&matcher)
    })
}

fn text_patterns<P>(
    node: &Node,
    what: &'static str,
    problems: &mut Problems,
    parse: impl Fn(TextKind, &str) -> Result<P, PatternError>,
    matcher: impl Fn(P) -> Matcher,
) -> Option<Matcher> {
    each(node, what, problems, |entry, problems| value::text(entry, problems, &parse).map(&matcher))
}

/// Attributes of a distinguished name, all of which must match.
fn attributes(
    node: &Node,
    what: &'static str,
    problems: &mut Problems,
    matcher: impl Fn(AttributePattern) -> Matcher,
) -> Option<Matcher> {
    let object = Object::open_map(node, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what, help: None });
    }
    let parts = object.members().iter().map(|Member { key, key_span, value }| {
        let attribute = problems.keep(*key_span, AttributeType::parse(key))?;
        let parse = |kind, text: &str| AttributePattern::new(attribute.clone(), kind, text);
        text_patterns(value, what, problems, parse, &matcher)
    });
    all_or_none(parts).map(Matcher::all)
}
