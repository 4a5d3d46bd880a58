//! Answers the questions of a decision from Envoy's attributes, each asked at most once.

use std::cell::OnceCell;

use super::host::{self, Metadata};
use crate::facts::{CertificateFacts, Connection, FactError, Facts, TlsFacts};
use crate::request::Headers;
use crate::token::{Claim, ClaimPath};

/// Where the shipped Envoy configuration leaves the address of the connection's other end. `source.address` would
/// follow `x-forwarded-for`, which clients write.
const SOURCE_FILTER_STATE: &str = "mtls_policy.source";

/// Where it leaves all that is asked about a connection after the handshake, so that one hostcall tells it.
const CONNECTION_FILTER_STATE: &str = "mtls_policy.connection";

/// The namespace of the metadata of Envoy's filter for tokens.
const JWT_METADATA: &str = "envoy.filters.http.jwt_authn";

type Answer<T> = OnceCell<Result<T, FactError>>;

/// One request, as Envoy knows it.
#[derive(Default)]
pub(super) struct RequestFacts {
    headers: Answer<Headers>,
    connection: Answer<Option<Connection>>,
    server_name: Answer<Option<Vec<u8>>>,
    tls_version: Answer<Option<Vec<u8>>>,
}

impl RequestFacts {
    /// The headers, if they could be read.
    pub(super) fn readable_headers(&self) -> Option<&Headers> {
        self.headers().ok()
    }

    /// What the listener tells of the connection; `None` where it does not.
    fn connection(&self) -> Result<Option<&Connection>, FactError> {
        let read = || {
            let told = host::attribute("connection", &["filter_state", CONNECTION_FILTER_STATE])?;
            told.map(Connection::read).transpose()
        };
        self.connection.get_or_init(read).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// What it tells of the client's certificate. Where it does not, which for a client without one is always so, Envoy's attributes have
    /// the last word: a line alone makes nobody anonymous.
    fn certificate(&self) -> Result<Option<CertificateFacts<'_>>, FactError> {
        Ok(self.connection()?.and_then(Connection::certificate))
    }

    /// What it tells of TLS; `None` where it does not, or there is none, of which Envoy's attributes have the last word.
    fn tls(&self) -> Result<Option<TlsFacts<'_>>, FactError> {
        Ok(self.connection()?.and_then(Connection::tls))
    }
}

impl Facts for RequestFacts {
    fn headers(&self) -> Result<&Headers, FactError> {
        self.headers.get_or_init(host::request_headers).as_ref().map_err(Clone::clone)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        match self.certificate()? {
            Some(certificate) => Ok(Some(certificate.digest.to_vec())),
            None => host::attribute("certificate digest", &["connection", "sha256_peer_certificate_digest"]),
        }
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("certificate", &["connection", "peer_certificate"])
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        match self.certificate()?.and_then(|certificate| certificate.valid) {
            Some(valid) => Ok(Some(valid)),
            None => host::boolean("certificate validity", &["connection", "peer_certificate_valid"]),
        }
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("protocol", &["request", "protocol"])
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        match self.tls()? {
            Some(tls) => Ok(tls.server_name.map(<[u8]>::to_vec)),
            None => self
                .server_name
                .get_or_init(|| host::attribute("server name", &["connection", "requested_server_name"]))
                .clone(),
        }
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        match self.tls()? {
            Some(tls) => Ok(Some(tls.version.to_vec())),
            None => self
                .tls_version
                .get_or_init(|| host::attribute("TLS version", &["connection", "tls_version"]))
                .clone(),
        }
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.tls()?.map(|tls| tls.cipher.to_vec()))
    }

    fn claim(&self, metadata: &str, path: &ClaimPath) -> Result<Claim, FactError> {
        let root = ["metadata", "filter_metadata", JWT_METADATA, metadata];
        let path: Vec<&str> = root.into_iter().chain(path.members().iter().map(String::as_str)).collect();
        match host::metadata("claim", &path)? {
            Metadata::Absent => Ok(Claim::Missing),
            Metadata::Unserializable => Ok(Claim::Unreadable),
            Metadata::Octets(octets) => Claim::of_envoy(octets, |at| {
                let number = at.to_string();
                let entry: Vec<&str> = path.iter().copied().chain([number.as_str()]).collect();
                host::attribute("claim", &entry)
            }),
        }
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        match self.connection()? {
            Some(connection) => Ok(connection.source().map(<[u8]>::to_vec)),
            None => host::attribute("source address", &["filter_state", SOURCE_FILTER_STATE]),
        }
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("client address", &["source", "address"])
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("Envoy's route", &["xds", "route_name"])
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("Envoy's cluster", &["xds", "cluster_name"])
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("metadata of Envoy's route", &["xds", "route_metadata"])
    }
}
