//! Requests that stand for many, and what the engine says of them.

use std::fmt;

use crate::Engine;
use crate::facts::{FactError, Facts};
use crate::policy::Host;
use crate::request::Headers;
use crate::token::{Claim, ClaimPath};

/// Host and method of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) host: Host,
    pub(super) method: String,
}

/// A request without a certificate. Displays as `GET https://host/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) kind: Kind,
    /// `None` as in `CONNECT` without a path and in `OPTIONS *`.
    pub(super) path: Option<Vec<u8>>,
}

impl Request {
    /// The route that the engine selects for it, by name.
    pub(super) fn route_selected(&self, engine: &Engine) -> Option<String> {
        let decision = engine.decide(&Alone(self.headers()), None);
        decision.route().map(|route| route.name().to_owned())
    }

    fn headers(&self) -> Headers {
        let mut pairs = vec![
            (":method".to_owned(), self.kind.method.as_bytes().to_vec()),
            (":authority".to_owned(), self.authority().into_bytes()),
        ];
        match &self.path {
            Some(path) => pairs.push((":path".to_owned(), path.clone())),
            None if self.kind.method == "OPTIONS" => pairs.push((":path".to_owned(), b"*".to_vec())),
            None => {}
        }
        Headers::new(pairs)
    }

    fn authority(&self) -> String {
        let host = self.kind.host.as_str();
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, authority) = (&self.kind.method, self.authority());
        match &self.path {
            Some(path) => write!(f, "{method} https://{authority}{}", String::from_utf8_lossy(path)),
            None if method == "OPTIONS" => write!(f, "OPTIONS * of {authority}"),
            None => write!(f, "{method} {authority}"),
        }
    }
}

/// A request and nothing else: no certificate, no TLS.
struct Alone(Headers);

impl Facts for Alone {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.0)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        Ok(None)
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn claim(&self, _metadata: &str, _path: &ClaimPath) -> Result<Claim, FactError> {
        Ok(Claim::Missing)
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
}
