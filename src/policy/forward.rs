//! What the upstream is told of a client.

use thiserror::Error;

use super::template::{Piece, Template};
use crate::identity::AttributeType;
use crate::identity::pattern::shown;
use crate::request::{XFCC, canonical_name, compare_names};
use crate::sorted::sorted;

/// The header that tells the upstream whether the client's certificate was verified.
pub const CLIENT_VERIFY: &str = "x-client-verify";

/// The header that holds the client's certificate (RFC 9440, section 2.2).
pub const CLIENT_CERT: &str = "client-cert";

/// The header that holds the certificates that came behind it (RFC 9440, section 2.3).
pub const CLIENT_CERT_CHAIN: &str = "client-cert-chain";

/// What a route tells the upstream of a client whose certificate was verified and who may pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forward {
    pub(super) headers: Vec<ForwardedHeader>,
    pub(super) certificates: ForwardedCertificates,
    pub(super) xfcc: XfccUse,
}

impl Forward {
    /// Headers made of the client's identity.
    pub fn headers(&self) -> &[ForwardedHeader] {
        &self.headers
    }

    /// Which certificates go into `client-cert` and `client-cert-chain`.
    pub fn certificates(&self) -> ForwardedCertificates {
        self.certificates
    }

    /// What becomes of Envoy's own header.
    pub fn xfcc(&self) -> XfccUse {
        self.xfcc
    }
}

/// A header made of the client's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedHeader {
    pub(super) name: HeaderName,
    pub(super) value: Template<Field>,
}

impl ForwardedHeader {
    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name.0
    }

    /// The value.
    pub fn value(&self) -> &Template<Field> {
        &self.value
    }

    /// Whether it tells of a certificate no more than which it is, so that it is true of one that nobody verified.
    pub fn holds_only_digests(&self) -> bool {
        self.value.pieces().iter().all(|piece| match piece {
            Piece::Text(_) => true,
            Piece::Field(field) => field.is_digest(),
        })
    }
}

/// Which certificates the upstream gets (RFC 9440). The chain never goes without the leaf (section 2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedCertificates {
    /// None.
    #[default]
    None,
    /// The client's own.
    Leaf,
    /// The client's own, and those that it presented behind it.
    LeafAndChain,
}

/// What becomes of `x-forwarded-client-cert` where a request passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum XfccUse {
    /// It stays as Envoy wrote it.
    #[default]
    Keep,
    /// The upstream does not get it.
    Remove,
}

/// What a template of a header can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The SPIFFE ID.
    SpiffeId,
    /// The trust domain of the SPIFFE ID.
    SpiffeTrustDomain,
    /// The whole subject, as RFC 4514 writes it.
    Subject,
    /// The whole issuer, as RFC 4514 writes it.
    Issuer,
    /// One attribute of the subject.
    SubjectAttribute(AttributeType),
    /// One attribute of the issuer.
    IssuerAttribute(AttributeType),
    /// The serial number, in hexadecimal digits.
    Serial,
    /// SHA-256 of the certificate, in hexadecimal digits.
    Sha256,
    /// SHA-256 of the public key, in hexadecimal digits.
    SpkiSha256,
    /// The DNS names.
    Dns,
    /// The URIs.
    Uri,
    /// The email addresses.
    Email,
    /// The IP addresses.
    Ip,
    /// The user principal names.
    Upn,
    /// When the certificate's time begins (RFC 3339).
    NotBefore,
    /// When the certificate's time ends (RFC 3339).
    NotAfter,
    /// The name of the route.
    Route,
    /// The id of the decision, as the record has it.
    DecisionId,
}

impl Field {
    /// Whether it is true of a certificate whatever the certificate says.
    fn is_digest(&self) -> bool {
        match self {
            Field::Sha256 | Field::SpkiSha256 | Field::Route | Field::DecisionId => true,
            Field::SpiffeId
            | Field::SpiffeTrustDomain
            | Field::Subject
            | Field::Issuer
            | Field::SubjectAttribute(_)
            | Field::IssuerAttribute(_)
            | Field::Serial
            | Field::Dns
            | Field::Uri
            | Field::Email
            | Field::Ip
            | Field::Upn
            | Field::NotBefore
            | Field::NotAfter => false,
        }
    }
}

/// A name that the filter may set in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(String);

/// Why a header cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// No name of a header, or one that must not be set.
    #[error("the header `{name}` cannot be set: {why}", name = shown(name))]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More headers than one request may cost.
    #[error("`{count}` headers are more than the `{limit}` that a route may set")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Two headers of one name, or of names that some servers take for one.
    #[error("the header `{name}` is set twice: servers read letters of either case, and `_` and `-`, alike", name = shown(name))]
    Repeated {
        /// The second one.
        name: String,
    },
    /// Text that no value of a header should hold.
    #[error("the value `{value}` is not of visible ASCII, with spaces inside only", value = shown(value))]
    Value {
        /// The text.
        value: String,
    },
    /// A value that says nothing of the client.
    #[error("the value `{value}` names no field of the identity, such as `{{spiffe_id}}`", value = shown(value))]
    NoField {
        /// The text.
        value: String,
    },
}

/// Names that have a meaning to Envoy or HTTP itself, so that setting them would do more than tell an identity, and
/// stripping them would break requests. In canonical form.
const RESERVED: [(&[&str], &str); 5] = [
    (&["host", "content-length", "content-type", "content-encoding", "expect"], "it belongs to the request"),
    (
        // RFC 9110, section 7.6.1.
        &["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
        "it belongs to the connection",
    ),
    (
        &["authorization", "proxy-authorization", "cookie"],
        "it is the client's, and what the client sends in it would be removed from every request",
    ),
    (
        &[
            XFCC,
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "forwarded",
            "x-request-id",
        ],
        "it is Envoy's",
    ),
    (
        &[CLIENT_VERIFY, CLIENT_CERT, CLIENT_CERT_CHAIN],
        "the filter sets it itself: `x-client-verify` always, the others by `client_cert` and `client_cert_chain`",
    ),
];

impl HeaderName {
    /// Takes a token (RFC 9110, section 5.1) of at most 64 bytes that has no meaning to Envoy or HTTP, in either case.
    pub(super) fn parse(text: &str) -> Result<Self, HeaderError> {
        /// Longer than any that is in use, and short enough to be compared on every request.
        const MAX_NAME_BYTES: usize = 64;
        let refuse = |why| Err(HeaderError::Name { name: text.to_owned(), why });
        if text.starts_with(':') {
            return refuse("pseudo-headers say what is asked for");
        }
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return refuse("a name has 1 to 64 characters");
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return refuse("use letters, digits, `-` and `_`");
        }
        let canonical = canonical(text);
        if canonical.starts_with("x-envoy-") {
            return refuse("Envoy obeys it");
        }
        match RESERVED.iter().find(|(names, _)| names.contains(&canonical.as_str())) {
            Some((_, why)) => refuse(why),
            None => Ok(Self(text.to_ascii_lowercase())),
        }
    }

    /// The form in which names compare.
    pub(super) fn canonical(&self) -> String {
        canonical(&self.0)
    }
}

fn canonical(name: &str) -> String {
    canonical_name(name).map(char::from).collect()
}

/// The headers that a policy may set on any of its routes. What a client sends by one of these names, in any spelling,
/// never reaches the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnHeaders {
    /// Canonical, in order.
    names: Vec<String>,
    /// Which lengths they have, as bits: a name of another length is none of them, which spares most headers of a request the search,
    /// and a request 4,000 instructions.
    lengths: u64,
}

impl OwnHeaders {
    /// Those of all of `forwards`, and the one that is set always.
    pub(super) fn of<'f>(forwards: impl Iterator<Item = &'f Forward>) -> Self {
        let mut names = vec![CLIENT_VERIFY.to_owned()];
        for forward in forwards {
            names.extend(forward.headers.iter().map(|header| header.name.canonical()));
            match forward.certificates {
                ForwardedCertificates::None => {}
                // The two go together: a chain that a client wrote beside a leaf that the filter wrote would be
                // believed.
                ForwardedCertificates::Leaf | ForwardedCertificates::LeafAndChain => {
                    names.extend([CLIENT_CERT.to_owned(), CLIENT_CERT_CHAIN.to_owned()]);
                }
            }
        }
        let mut names = sorted(names);
        names.dedup();
        let lengths = names.iter().fold(0, |lengths, name| lengths | length_bit(name));
        Self { names, lengths }
    }

    /// Whether `name` is, or some server may read it as, one of these.
    pub fn contains(&self, name: &str) -> bool {
        self.lengths & length_bit(name) != 0
            && self.names.binary_search_by(|own| compare_names(name, own).reverse()).is_ok()
    }
}

/// The bit of a name's length, which is that of its canonical form; those that are too long share one.
fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}
