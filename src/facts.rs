//! What a decision may ask about a request and its connection.

use thiserror::Error;

use crate::policy::Host;

/// Answers the questions of a decision, each when it is asked, so that nothing is read that the policy does not ask for.
///
/// Implementations answer the same question in the same way for as long as one request is decided.
pub trait Facts {
    /// The request's headers and pseudo-headers.
    fn headers(&self) -> Result<&Headers, FactError>;

    /// SHA-256 of the certificate that the client presented, as hex text; `None` if it presented none.
    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// The certificate that the client presented, as PEM text; `None` where the proxy cannot tell it.
    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// Whether the proxy verified the certificate in this very handshake; `None` where it cannot tell.
    fn certificate_valid(&self) -> Result<Option<bool>, FactError>;

    /// The server name (SNI) of the TLS handshake; `None` without one.
    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// How the client is connected.
    fn transport(&self) -> Result<Transport, FactError>;

    /// Address and port of the connection's other end, never of a header; `None` where the proxy does not tell it.
    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError>;
}

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS.
    Plaintext,
    /// With TLS.
    Tls,
}

/// The proxy did not answer a question, or not in the form that it documents.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the proxy did not answer for `{fact}`: {why}")]
pub struct FactError {
    /// What was asked for.
    pub fact: &'static str,
    /// What went wrong.
    pub why: String,
}

/// The headers of a request in the order received, pseudo-headers included; names in lower case, values any bytes.
#[derive(Debug, Default)]
pub struct Headers(Vec<(String, Vec<u8>)>);

/// The header that Envoy forwards client certificates in.
pub const XFCC: &str = "x-forwarded-client-cert";

impl Headers {
    /// Takes the pairs as the proxy gives them.
    pub fn new(pairs: Vec<(String, Vec<u8>)>) -> Self {
        Self(pairs)
    }

    /// Every value of the header `name`, which is in lower case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// The first value of a header, or of a pseudo-header, which can only have one.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// The names of all headers, one for each value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// What a request says it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTarget<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The host, in the form in which hosts compare.
    pub host: Host,
    /// The path with its query; `None` for `CONNECT` without a path and for `OPTIONS *`.
    pub path: Option<&'a [u8]>,
}

impl<'a> RequestTarget<'a> {
    /// Reads method, host and path.
    ///
    /// # Errors
    /// A sentence that says what is wrong, where the request cannot be one (RFC 9110, sections 7.2 and 9.1).
    pub fn read(headers: &'a Headers) -> Result<Self, String> {
        let method = headers
            .first(":method")
            .and_then(|method| std::str::from_utf8(method).ok())
            .filter(|method| is_token(method))
            .ok_or("the method is not a token")?;
        let authority = headers.first(":authority").ok_or("the request names no host")?;
        let host = Host::from_authority(authority).map_err(|why| format!("the host is malformed: {why}"))?;
        let path = match (method, headers.first(":path")) {
            ("CONNECT", None) | ("OPTIONS", Some(b"*")) => None,
            (_, Some(path)) => Some(path),
            (_, None) => return Err("the request has no path".to_owned()),
        };
        Ok(Self { method, host, path })
    }
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
