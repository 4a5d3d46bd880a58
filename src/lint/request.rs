//! Requests that stand for many, and what the engine says of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use prost::Message;
use prost_types::{Struct, Value, value};

use super::further::{Attribute, Values};
use crate::Engine;
use crate::facts::{FactError, Facts};
use crate::policy::Host;
use crate::request::Headers;
use crate::revocation::NoEvidence;
use crate::token::{Claim, ClaimPath};

/// The port that a client comes from, which nobody asks for.
const SOME_PORT: u16 = 50_000;

/// Host and method of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) host: Host,
    pub(super) method: String,
}

/// A request but for its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) line: Line,
    pub(super) values: Values,
}

/// A request without a certificate. Displays in backticks, as in "`GET https://host/path` with `x-role: admin`".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) kind: Kind,
    /// `None` as in `CONNECT` without a path and in `OPTIONS *`.
    pub(super) path: Option<Vec<u8>>,
}

impl Request {
    /// The route that the engine selects for it, by name.
    pub(super) fn route_selected(&self, engine: &Engine) -> Option<String> {
        let decision = engine
            .decide(&Alone { headers: self.headers(), values: &self.kind.values }, &NoEvidence, None)
            .decided();
        decision.route().map(|route| route.name().to_owned())
    }

    fn headers(&self) -> Headers {
        let mut pairs = vec![
            (":method".to_owned(), self.kind.line.method.as_bytes().to_vec()),
            (":authority".to_owned(), self.authority().into_bytes()),
        ];
        match &self.path {
            Some(path) => pairs.push((":path".to_owned(), path.clone())),
            None if self.kind.line.method == "OPTIONS" => pairs.push((":path".to_owned(), b"*".to_vec())),
            None => {}
        }
        for (attribute, text) in &self.kind.values.texts {
            if let Attribute::Header(name) = attribute {
                pairs.push((name.clone(), text.clone().into_bytes()));
            }
        }
        Headers::new(pairs)
    }

    fn authority(&self) -> String {
        let host = self.kind.line.host.as_str();
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, authority) = (&self.kind.line.method, self.authority());
        match &self.path {
            Some(path) => write!(f, "`{method} https://{authority}{}`", String::from_utf8_lossy(path)),
            None if method == "OPTIONS" => write!(f, "`OPTIONS * of {authority}`"),
            None => write!(f, "`{method} {authority}`"),
        }?;
        write!(f, "{}", self.kind.values)
    }
}

/// A request and nothing else: no certificate, no TLS.
struct Alone<'v> {
    headers: Headers,
    values: &'v Values,
}

impl Alone<'_> {
    fn text(&self, attribute: &Attribute) -> Option<Vec<u8>> {
        self.values.get(attribute).map(|text| text.as_bytes().to_vec())
    }

    /// With a port, as Envoy writes it.
    fn source(&self) -> Option<Vec<u8>> {
        self.values.source.map(|address| SocketAddr::new(address, SOME_PORT).to_string().into_bytes())
    }
}

impl Facts for Alone<'_> {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.headers)
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

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
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
        Ok(self.source())
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.source())
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.text(&Attribute::EnvoyRoute))
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.text(&Attribute::EnvoyCluster))
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(metadata(self.values))
    }
}

/// `envoy.config.core.v3.Metadata`.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

/// The metadata of Envoy's route, as Envoy gives them; `None` without any.
fn metadata(values: &Values) -> Option<Vec<u8>> {
    let mut metadata = Metadata::default();
    for (attribute, text) in &values.texts {
        if let Attribute::Metadata { namespace, key } = attribute {
            let value = Value { kind: Some(value::Kind::StringValue(text.clone())) };
            metadata.filter_metadata.entry(namespace.clone()).or_default().fields.insert(key.clone(), value);
        }
    }
    (!metadata.filter_metadata.is_empty()).then(|| metadata.encode_to_vec())
}
