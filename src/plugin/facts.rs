//! Answers the questions of a decision from Envoy's attributes, each asked at most once.

use std::cell::OnceCell;

use super::host;
use crate::facts::{FactError, Facts, Transport};
use crate::request::Headers;

/// Where the shipped Envoy configuration leaves the address of the connection's other end. `source.address` would
/// follow `x-forwarded-for`, which clients write.
const SOURCE_FILTER_STATE: &str = "mtls_policy.source";

type Answer<T> = OnceCell<Result<T, FactError>>;

/// One request, as Envoy knows it.
#[derive(Default)]
pub(super) struct RequestFacts {
    headers: Answer<Headers>,
    server_name: Answer<Option<Vec<u8>>>,
}

impl RequestFacts {
    /// The headers, if they could be read.
    pub(super) fn readable_headers(&self) -> Option<&Headers> {
        self.headers().ok()
    }
}

impl Facts for RequestFacts {
    fn headers(&self) -> Result<&Headers, FactError> {
        self.headers.get_or_init(host::request_headers).as_ref().map_err(Clone::clone)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("certificate digest", &["connection", "sha256_peer_certificate_digest"])
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("certificate", &["connection", "peer_certificate"])
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        host::boolean("certificate validity", &["connection", "peer_certificate_valid"])
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.server_name
            .get_or_init(|| host::attribute("server name", &["connection", "requested_server_name"]))
            .clone()
    }

    fn transport(&self) -> Result<Transport, FactError> {
        let version = host::attribute("TLS version", &["connection", "tls_version"])?;
        Ok(if version.is_some() { Transport::Tls } else { Transport::Plaintext })
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        host::attribute("source address", &["filter_state", SOURCE_FILTER_STATE])
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
