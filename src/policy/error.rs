//! What can be wrong with a policy document, and where.

use std::fmt;

use thiserror::Error;

use super::audit::{AuditError, Field};
use super::decision::Reason;
use super::forward::HeaderError;
use super::location::{Location, Locator, Span};
use super::method::is_method;
use super::on_deny::OnDenyError;
use super::source::{Node, number};
use super::template::TemplateError;
use super::trust_bundle::TrustBundleError;
use crate::identity::PatternError;
use crate::identity::pattern::shown;
use crate::sorted::sorted_by_key;
use crate::token::ClaimPathError;

/// Names less similar than this (Jaro-Winkler, 0 to 1) are not suggested.
const SUGGESTION_THRESHOLD: f64 = 0.8;

/// Everything that is wrong with a policy document, in the order of its text; never empty.
#[derive(Debug)]
pub struct PolicyErrors(Vec<PolicyError>);

impl PolicyErrors {
    /// Gives every problem its place in `text`; `document` is the tree, where the text could be parsed at all.
    pub(super) fn locate(
        problems: Vec<(PolicyErrorKind, Span)>,
        text: &str,
        document: Option<&Node>,
    ) -> Self {
        let problems = sorted_by_key(problems, |(_, span)| *span);
        let mut locator = Locator::new(text);
        let locate = |(kind, span): (PolicyErrorKind, Span)| PolicyError {
            kind,
            location: locator.locate(span, document),
            by_pointer: false,
        };
        Self(problems.into_iter().map(locate).collect())
    }

    /// For a document that was not text: places are told by pointer alone.
    pub(super) fn without_text(mut self) -> Self {
        for error in &mut self.0 {
            error.by_pointer = true;
        }
        self
    }

    /// The errors, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, PolicyError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a PolicyErrors {
    type Item = &'a PolicyError;
    type IntoIter = std::slice::Iter<'a, PolicyError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One thing that is wrong with a policy document. Displays as `line:column: message (at pointer)`, without line and
/// column where the document was not text.
#[derive(Debug)]
pub struct PolicyError {
    kind: PolicyErrorKind,
    location: Location,
    by_pointer: bool,
}

impl PolicyError {
    /// What is wrong.
    pub fn kind(&self) -> &PolicyErrorKind {
        &self.kind
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What to do about it, where there is something to say beyond the message.
    pub fn help(&self) -> Option<String> {
        self.kind.help()
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { line, column, pointer, .. } = &self.location;
        if !self.by_pointer {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}", self.kind)?;
        if !pointer.is_empty() {
            write!(f, " (at `{}`)", shown(pointer))?;
        }
        if let Some(help) = self.help() {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// What is wrong with a piece of a policy document.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The text is not UTF-8.
    #[error("the policy is not UTF-8 text")]
    NotUtf8,
    /// The text is longer than any policy.
    #[error("the policy is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// There is nothing in the text.
    #[error("the policy is empty")]
    Empty,
    /// The text is not JSON.
    #[error("not valid JSON: {message}")]
    Syntax {
        /// What the JSON reader says.
        message: String,
    },
    /// One object holds a key twice.
    #[error("duplicate key `{key}`", key = shown(key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key that means nothing at this place.
    #[error("unknown key `{key}`", key = shown(key))]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that mean something here.
        known: &'static [&'static str],
    },
    /// A key that must be there.
    #[error("missing key `{key}`")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// Why it must be there, or what to write.
        help: Option<&'static str>,
    },
    /// A value of another kind.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What is wanted.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A string that is none of the words that mean something here.
    #[error("unknown value `{value}`, expected one of {}", quoted_list(known), value = shown(value))]
    UnknownValue {
        /// The string.
        value: String,
        /// The words.
        known: &'static [&'static str],
    },
    /// A version of the policy language that is not this one.
    #[error(
        "policy version `{version}` is not supported: this version of mtls-policy reads `{supported}`",
        version = number(*version)
    )]
    UnsupportedVersion {
        /// The version there.
        version: f64,
        /// The version that can be read.
        supported: u32,
    },
    /// A number out of its range.
    #[error("`{value}` is not a whole number between {min} and {max}", value = number(*value))]
    OutOfRange {
        /// The number.
        value: f64,
        /// Least value.
        min: u32,
        /// Greatest value.
        max: u32,
    },
    /// A number that is no share.
    #[error("`{value}` is not a number from 0 to 1", value = number(*value))]
    NotARatio {
        /// The number.
        value: f64,
    },
    /// An array or object that holds nothing where that has no meaning.
    #[error("{what} must not be empty")]
    EmptyList {
        /// The array or object.
        what: &'static str,
        /// What to write instead.
        help: Option<&'static str>,
    },
    /// A text longer than is allowed at its place.
    #[error("text of {length} bytes is longer than the {limit} allowed here")]
    TooLong {
        /// Bytes there.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A name that cannot be used in records and labels.
    #[error("`{name}` is not a name: use 1 to 64 letters, digits, `.`, `_` and `-`", name = shown(name))]
    BadName {
        /// The name.
        name: String,
    },
    /// Two routes of one name.
    #[error("duplicate route name `{name}`")]
    DuplicateRoute {
        /// The name.
        name: String,
    },
    /// A reference to an identity that is not in `identities`.
    #[error("unknown identity `{name}`", name = shown(name))]
    UnknownIdentity {
        /// The name referred to.
        name: String,
        /// The defined name that is closest, if any is close.
        suggestion: Option<String>,
    },
    /// A name in `trust` that is not in `trust_bundles`.
    #[error("unknown trust bundle `{name}`", name = shown(name))]
    UnknownTrustBundle {
        /// The name referred to.
        name: String,
        /// The defined name that is closest, if any is close.
        suggestion: Option<String>,
    },
    /// What only a filter can do that verifies certificates itself.
    #[error("`{feature}` needs `\"verified_by\": \"plugin\"`")]
    NeedsPlugin {
        /// What it is.
        feature: &'static str,
    },
    /// A matcher that asks an unverified certificate for what it need not be honest about.
    #[error("`{matcher}` proves nothing about an unverified certificate", matcher = shown(matcher))]
    ProvesNothing {
        /// The matcher, as policies write it.
        matcher: String,
    },
    /// An identity that refers to itself.
    #[error("identity `{name}` refers to itself", name = shown(name))]
    CyclicIdentity {
        /// The name.
        name: String,
    },
    /// Matchers inside matchers, or identities inside identities, beyond the limit.
    #[error("matchers are nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Matchers that come to more than the limit when the identities that they refer to are counted.
    #[error("this comes to more than {limit} matchers, the identities that it refers to included")]
    TooManyMatchers {
        /// The limit.
        limit: usize,
    },
    /// A pattern over a name in a certificate.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A host that no request can name.
    #[error("`{host}` is not a host: {why}", host = shown(host))]
    BadHost {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A path that no request can name without being ambiguous.
    #[error("`{path}` is not a plain path: {why}", path = shown(path))]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A template that no path matches.
    #[error("`{template}` is not a path template: {why}", template = shown(template))]
    BadTemplate {
        /// The template.
        template: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header that a route cannot name.
    #[error("`{name}` is not a header to match: {why}", name = shown(name))]
    BadHeader {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// Text that is no network.
    #[error("`{network}` is not a network: {why}", network = shown(network))]
    BadNetwork {
        /// The text.
        network: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A method that no request can have.
    #[error("`{method}` is not a method in capital letters", method = shown(method))]
    BadMethod {
        /// The method.
        method: String,
    },
    /// A cipher suite that Envoy cannot negotiate.
    #[error("`{cipher}` is no cipher suite that Envoy has for clients with certificates", cipher = shown(cipher))]
    BadCipher {
        /// The name.
        cipher: String,
        /// The name that is closest, if any is close.
        suggestion: Option<&'static str>,
    },
    /// What names no claim of a token.
    #[error("`{path}` names no claim: {why}", path = shown(path))]
    BadClaim {
        /// The text.
        path: String,
        /// What is wrong with it.
        why: ClaimPathError,
    },
    /// Text that no claim is compared with.
    #[error("`{text}` can be no text of a claim here: {why}", text = shown(text))]
    BadClaimText {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `deny` without `allow` where a certificate is optional.
    #[error(
        "`deny` without `allow` on an `optional` route: a denied client would come without its certificate"
    )]
    DenyWithoutAllow,
    /// A demand on certificates where certificates are ignored.
    #[error("`{key}` has no effect on a route with `\"client_certificate\": \"ignored\"`")]
    NoEffect {
        /// The key.
        key: &'static str,
    },
    /// A key that means nothing beside, or without, others.
    #[error("`{key}` has no effect here: {why}")]
    Ineffective {
        /// The key.
        key: String,
        /// What takes its effect.
        why: &'static str,
    },
    /// A reason that no denial has.
    #[error("unknown reason `{code}`", code = shown(code))]
    UnknownReason {
        /// The code.
        code: String,
    },
    /// A text with fields.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A header for the upstream.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// An answer to denied requests.
    #[error(transparent)]
    OnDeny(#[from] OnDenyError),
    /// What is said of audit records.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// An entry of a trust bundle, or what a route wants of them.
    #[error(transparent)]
    TrustBundle(#[from] TrustBundleError),
}

impl PolicyErrorKind {
    /// A short stable name for machines, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge { .. } => "too_large",
            Self::Empty => "empty",
            Self::Syntax { .. } => "syntax",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::UnknownKey { .. } => "unknown_key",
            Self::MissingKey { .. } => "missing_key",
            Self::WrongType { .. } => "wrong_type",
            Self::UnknownValue { .. } => "unknown_value",
            Self::UnsupportedVersion { .. } => "unsupported_version",
            Self::OutOfRange { .. } | Self::NotARatio { .. } => "out_of_range",
            Self::EmptyList { .. } => "empty_list",
            Self::TooLong { .. } => "too_long",
            Self::BadName { .. } => "bad_name",
            Self::DuplicateRoute { .. } => "duplicate_route",
            Self::UnknownIdentity { .. } => "unknown_identity",
            Self::UnknownTrustBundle { .. } => "unknown_trust_bundle",
            Self::NeedsPlugin { .. } => "needs_plugin",
            Self::ProvesNothing { .. } => "proves_nothing",
            Self::CyclicIdentity { .. } => "cyclic_identity",
            Self::TooDeep { .. } => "too_deep",
            Self::TooManyMatchers { .. } => "too_many_matchers",
            Self::Pattern(_) => "bad_pattern",
            Self::BadHost { .. } => "bad_host",
            Self::BadPath { .. } => "bad_path",
            Self::BadTemplate { .. } => "bad_template",
            Self::BadHeader { .. } => "bad_header",
            Self::BadNetwork { .. } => "bad_network",
            Self::BadMethod { .. } => "bad_method",
            Self::BadCipher { .. } => "bad_cipher",
            Self::BadClaim { .. } | Self::BadClaimText { .. } => "bad_claim",
            Self::DenyWithoutAllow => "deny_without_allow",
            Self::NoEffect { .. } | Self::Ineffective { .. } => "no_effect",
            Self::UnknownReason { .. } => "unknown_reason",
            Self::Template(_) | Self::OnDeny(OnDenyError::Template(_)) => "bad_template",
            Self::Header(_) => "bad_header",
            Self::OnDeny(_) => "bad_on_deny",
            Self::Audit(_) => "bad_audit",
            Self::TrustBundle(error) => error.code(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, known } => Some(match closest(key, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known here: {}", quoted_list(known)),
            }),
            Self::UnknownValue { value, known } => {
                closest(value, known.iter().copied()).map(|name| format!("did you mean `{name}`?"))
            }
            Self::Pattern(PatternError::KeyPurpose { text, known }) => {
                closest(text, known.iter().copied()).map(|name| format!("did you mean `{name}`?"))
            }
            Self::NeedsPlugin { .. } => Some(
                "`peer_certificate` says that Envoy verifies, by one list of CAs for the whole listener"
                    .to_owned(),
            ),
            Self::ProvesNothing { .. } => Some(
                "anybody can mint one with any names; only `sha256` and `spki_sha256` tell it from others"
                    .to_owned(),
            ),
            Self::UnknownIdentity { suggestion, .. } | Self::UnknownTrustBundle { suggestion, .. } => {
                suggestion.as_ref().map(|name| format!("did you mean `{}`?", shown(name)))
            }
            Self::UnknownReason { code } => {
                Some(match closest(code, Reason::ALL.iter().map(|reason| reason.code())) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "records and the language reference list them".to_owned(),
                })
            }
            Self::Template(error) | Self::OnDeny(OnDenyError::Template(error)) => error.help(),
            Self::BadCipher { suggestion, .. } => suggestion.map(|name| format!("did you mean `{name}`?")),
            Self::MissingKey { help, .. } | Self::EmptyList { help, .. } => help.map(str::to_owned),
            Self::BadMethod { method } => {
                let upper = method.to_ascii_uppercase();
                (upper != *method && is_method(&upper))
                    .then(|| format!("methods compare with case; did you mean `{upper}`?"))
            }
            Self::Audit(AuditError::UnknownField { name }) => {
                let known = Field::ALL.iter().flat_map(|field| [field.group(), Some(field.name())]).flatten();
                Some(match closest(name, known) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "the schema of records lists them: `mtlsctl schema record`".to_owned(),
                })
            }
            Self::NotUtf8
            | Self::TooLarge { .. }
            | Self::Empty
            | Self::Syntax { .. }
            | Self::DuplicateKey { .. }
            | Self::WrongType { .. }
            | Self::UnsupportedVersion { .. }
            | Self::OutOfRange { .. }
            | Self::NotARatio { .. }
            | Self::TooLong { .. }
            | Self::BadName { .. }
            | Self::DuplicateRoute { .. }
            | Self::CyclicIdentity { .. }
            | Self::TooDeep { .. }
            | Self::TooManyMatchers { .. }
            | Self::Pattern(_)
            | Self::BadHost { .. }
            | Self::BadPath { .. }
            | Self::BadClaim { .. }
            | Self::BadClaimText { .. }
            | Self::BadTemplate { .. }
            | Self::BadHeader { .. }
            | Self::BadNetwork { .. }
            | Self::DenyWithoutAllow
            | Self::NoEffect { .. }
            | Self::Ineffective { .. }
            | Self::Header(_)
            | Self::OnDeny(_)
            | Self::Audit(_)
            | Self::TrustBundle(_) => None,
        }
    }
}

/// The one of `known` that `word` was most likely meant to be; `None` where none is close.
pub fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_THRESHOLD)
        // Of equals the first in the alphabet, whatever order they come in.
        .max_by(|(left, left_name), (right, right_name)| {
            left.total_cmp(right).then_with(|| right_name.cmp(left_name))
        })
        .map(|(_, name)| name)
}

fn quoted_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
