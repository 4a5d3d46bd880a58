//! What the upstream is told of a verified client: values that hold what the certificate says and nothing that it
//! could smuggle in.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cert::Certificate;
use crate::cert::forwarded::chain_from_xfcc;
use crate::identity::{AttributeType, AttributeValue, DistinguishedName, Identity, Names, SpiffeIdentity};
use crate::policy::{
    CLIENT_CERT, CLIENT_CERT_CHAIN, Decision, DecisionId, Field, ForwardedCertificates, ForwardedHeader,
    Piece, Route, Template,
};
use crate::request::{Headers, XFCC};

/// The longest value of a header made by a template, in bytes: nginx and Apache take no longer one.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// The longest value of `client-cert` and of `client-cert-chain`, in bytes: a certificate of 1,000 names, or a chain of
/// ten ordinary ones, fits; and both leave room in the 60 KiB that Envoy takes by default.
const MAX_CERTIFICATES_BYTES: usize = 24 * 1024;

/// The headers that the route of `decision` forwards of a client who was verified and may pass. One that cannot be made
/// whole is not among them.
pub(super) fn headers(
    decision: &Decision,
    headers: &Headers,
    id: DecisionId,
) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let (Some(route), Some(identity)) = (decision.route(), decision.identity()) else {
        return Vec::new();
    };
    let mut made = Source { identity, route, id }.headers(|_| true);
    let with_chain = match route.forward().certificates() {
        ForwardedCertificates::None => return made,
        ForwardedCertificates::Leaf => false,
        ForwardedCertificates::LeafAndChain => true,
    };
    if let Some(leaf) = decision.certificate().and_then(|leaf| byte_sequences(std::slice::from_ref(leaf))) {
        made.push((Cow::Borrowed(CLIENT_CERT), Cow::Owned(leaf)));
        // RFC 9440, section 2.3: never without the leaf.
        if with_chain && let Some(chain) = chain(headers, identity) {
            made.push((Cow::Borrowed(CLIENT_CERT_CHAIN), Cow::Owned(chain)));
        }
    }
    made
}

/// The headers that the route of `decision` forwards of a client whose certificate nobody verified: those that are made of
/// digests, for everything else in it may be made up.
pub(super) fn digests(decision: &Decision, id: DecisionId) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    match (decision.route(), decision.identity()) {
        (Some(route), Some(identity)) => {
            Source { identity, route, id }.headers(ForwardedHeader::holds_only_digests)
        }
        (Some(_) | None, _) => Vec::new(),
    }
}

/// What the client presented behind its leaf, if it presented anything.
fn chain(headers: &Headers, identity: &Identity) -> Option<String> {
    let values: Vec<&[u8]> = headers.values(XFCC).collect();
    let chain = chain_from_xfcc(&values, identity.fingerprint()).ok()?;
    let (_leaf, rest) = chain.split_first()?;
    byte_sequences(rest)
}

/// A list of byte sequences, which for one certificate is that alone (RFC 9440, section 2.1; RFC 9651, section 3.3.5). A
/// list of none is not sent (RFC 9651, section 3.1).
fn byte_sequences(certificates: &[Certificate]) -> Option<String> {
    let sequence = |certificate: &Certificate| format!(":{}:", BASE64_STANDARD.encode(certificate.der()));
    let value = certificates.iter().map(sequence).collect::<Vec<_>>().join(", ");
    (!value.is_empty() && value.len() <= MAX_CERTIFICATES_BYTES).then_some(value)
}

/// Where fields come from.
struct Source<'a> {
    identity: &'a Identity,
    route: &'a Route,
    id: DecisionId,
}

/// There is no value: the certificate lacks it, or it cannot be read, or it is too long.
struct NoValue;

impl From<fmt::Error> for NoValue {
    fn from(_: fmt::Error) -> Self {
        Self
    }
}

impl Source<'_> {
    fn headers(
        &self,
        wanted: impl Fn(&ForwardedHeader) -> bool,
    ) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
        let headers = self.route.forward().headers().iter().filter(|header| wanted(header));
        let made = headers.filter_map(|header| {
            let value = self.value(header.value())?;
            Some((Cow::Owned(header.name().to_owned()), Cow::Owned(value)))
        });
        made.collect()
    }

    fn value(&self, template: &Template<Field>) -> Option<String> {
        let mut value = Value(String::new());
        let written = template.pieces().iter().try_for_each(|piece| match piece {
            Piece::Text(text) => Ok(value.push(text)?),
            Piece::Field(field) => self.write(field, &mut value),
        });
        written.is_ok().then_some(value.0)
    }

    fn write(&self, field: &Field, value: &mut Value) -> Result<(), NoValue> {
        let identity = self.identity;
        match field {
            Field::SpiffeId => value.one(spiffe_id(identity)?),
            Field::SpiffeTrustDomain => {
                let rest = spiffe_id(identity)?.strip_prefix("spiffe://").ok_or(NoValue)?;
                value.one(rest.split('/').next().ok_or(NoValue)?)
            }
            Field::Subject => value.one(readable(identity.subject())?),
            Field::Issuer => value.one(readable(identity.issuer())?),
            Field::SubjectAttribute(kind) => attribute(identity.subject(), kind, value),
            Field::IssuerAttribute(kind) => attribute(identity.issuer(), kind, value),
            Field::Serial => match identity.serial().octets() {
                Some(_) => value.one(identity.serial()),
                None => Err(NoValue),
            },
            Field::Sha256 => value.one(identity.fingerprint()),
            Field::SpkiSha256 => value.one(identity.spki_fingerprint()),
            Field::Dns => names(identity.dns(), value),
            Field::Uri => names(identity.uri(), value),
            Field::Email => names(identity.email(), value),
            Field::Ip => names(identity.ip(), value),
            Field::Upn => names(identity.upn(), value),
            Field::NotBefore => value.one(rfc3339(identity.validity().not_before)?),
            Field::NotAfter => value.one(rfc3339(identity.validity().not_after)?),
            Field::Route => value.one(self.route.name()),
            Field::DecisionId => value.one(self.id),
        }
    }
}

fn spiffe_id(identity: &Identity) -> Result<&str, NoValue> {
    match identity.spiffe() {
        SpiffeIdentity::Id(id) => Ok(id.as_str()),
        SpiffeIdentity::None | SpiffeIdentity::Invalid(_) => Err(NoValue),
    }
}

/// A name that is not empty and of which every attribute is text.
fn readable(name: &DistinguishedName) -> Result<&DistinguishedName, NoValue> {
    let mut attributes = name.relative_names().iter().flatten();
    let is_text = attributes.all(|attribute| match attribute.value() {
        AttributeValue::Text(_) => true,
        AttributeValue::Malformed(_) => false,
    });
    if is_text && !name.is_empty() { Ok(name) } else { Err(NoValue) }
}

/// Every value of an attribute that names hold several times, such as `OU`; of any other the only one, for which of two
/// is meant?
fn attribute(name: &DistinguishedName, kind: &AttributeType, value: &mut Value) -> Result<(), NoValue> {
    if !kind.may_repeat() && name.values(kind).count() > 1 {
        return Err(NoValue);
    }
    value.several(name.values(kind).map(|found| match found {
        AttributeValue::Text(text) => Some(text),
        AttributeValue::Malformed(_) => None,
    }))
}

/// Every name of a kind, of which each must be readable.
fn names<T: fmt::Display>(names: &Names<T>, value: &mut Value) -> Result<(), NoValue> {
    if names.malformed() > 0 {
        return Err(NoValue);
    }
    value.several(names.values().iter().map(Some))
}

fn rfc3339(time: OffsetDateTime) -> Result<String, NoValue> {
    time.format(&Rfc3339).map_err(|_| NoValue)
}

/// A value of bounded length.
struct Value(String);

impl Value {
    /// Adds text as it is.
    fn push(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_VALUE_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }

    /// Adds a text of the certificate, which must not be empty.
    fn one(&mut self, text: impl fmt::Display) -> Result<(), NoValue> {
        let before = self.0.len();
        write!(Encoded(self), "{text}")?;
        if self.0.len() > before { Ok(()) } else { Err(NoValue) }
    }

    /// Adds at least one text, with commas between them.
    fn several<T: fmt::Display>(&mut self, texts: impl Iterator<Item = Option<T>>) -> Result<(), NoValue> {
        let mut is_first = true;
        for text in texts {
            if !is_first {
                self.push(",")?;
            }
            is_first = false;
            self.one(text.ok_or(NoValue)?)?;
        }
        if is_first { Err(NoValue) } else { Ok(()) }
    }
}

/// Adds text with everything percent-encoded that could end a value, part it or turn into something else: all but
/// visible ASCII, and of that what has a meaning in lists, parameters and quoted strings (RFC 9110, section 5.6), and the
/// percent sign. A SPIFFE ID, a host's name and a digest stay as they are.
struct Encoded<'v>(&'v mut Value);

impl fmt::Write for Encoded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte.is_ascii_graphic() && !matches!(byte, b'%' | b',' | b';' | b'"' | b'\\') {
                self.0.push(char::from(byte).encode_utf8(&mut [0; 4]))?;
            } else {
                self.0.push(&format!("%{byte:02X}"))?;
            }
        }
        Ok(())
    }
}
