//! What a request says of itself: its headers, and what it wants.

use std::fmt;

use thiserror::Error;

use crate::policy::{Host, PathError, check_path, is_method};

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

    /// All headers, name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The names of all headers, one for each value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// The bytes by which names of headers compare. CGI (RFC 3875, section 4.1.18) and its descendants read `_`, `-` and
/// letters of either case alike, and some of them take every byte that is no letter or digit for `_`.
pub(crate) fn canonical_name(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|byte| match byte {
        // Only of pseudo-headers, which are none.
        b':' => b':',
        _ if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
        _ => b'-',
    })
}

/// How `name` compares with one that is canonical.
#[inline(never)]
pub(crate) fn compare_names(name: &str, canonical: &str) -> std::cmp::Ordering {
    canonical_name(name).cmp(canonical.bytes())
}

/// What a request says it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTarget<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The host, in the form in which hosts compare.
    pub host: Host,
    /// The path with its query; `None` for `CONNECT` without a path and for `OPTIONS *` (which Envoy 1.40 answers itself).
    pub path: Option<&'a [u8]>,
}

/// Why a request is none, or one of which servers disagree what it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// RFC 9110, section 9.1; and some servers take the method `post` for `POST`.
    #[error("the method is not a token in capital letters")]
    Method,
    /// RFC 9110, section 7.2.
    #[error("the request names no host")]
    NoHost,
    /// The host is no name and no address.
    #[error("the host is malformed: {0}")]
    Host(&'static str),
    /// Neither `CONNECT` nor `OPTIONS *`, and yet no path.
    #[error("the request has no path")]
    NoPath,
    /// The path cannot be one.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl<'a> RequestTarget<'a> {
    /// Reads method, host and path.
    ///
    /// # Errors
    /// [`TargetError`] where one of them is missing or malformed.
    pub fn read(headers: &'a Headers) -> Result<Self, TargetError> {
        let method = headers
            .first(":method")
            .and_then(|method| std::str::from_utf8(method).ok())
            .filter(|method| is_method(method))
            .ok_or(TargetError::Method)?;
        let authority = headers.first(":authority").ok_or(TargetError::NoHost)?;
        let host = Host::from_authority(authority).map_err(TargetError::Host)?;
        let path = match (method, headers.first(":path")) {
            ("CONNECT", None) | ("OPTIONS", Some(b"*")) => None,
            (_, Some(path)) => {
                check_path(path)?;
                Some(path)
            }
            (_, None) => return Err(TargetError::NoPath),
        };
        Ok(Self { method, host, path })
    }
}

impl fmt::Display for RequestTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.map(String::from_utf8_lossy).unwrap_or_default();
        write!(f, "{} {}{path}", self.method, self.host.as_str())
    }
}
