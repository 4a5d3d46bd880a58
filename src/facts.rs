//! What a decision may ask about a request and its connection.

use thiserror::Error;

use crate::request::Headers;
use crate::token::{Claim, ClaimPath};

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

    /// The version of TLS, as Envoy writes it: `TLSv1.3`; `None` without TLS.
    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// The cipher suite, as Envoy writes it: `ECDHE-ECDSA-AES128-GCM-SHA256`, `TLS_AES_128_GCM_SHA256`; `None` where the
    /// proxy does not tell it.
    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// A claim of a token that the proxy verified and left in its metadata under this key.
    fn claim(&self, metadata: &str, path: &ClaimPath) -> Result<Claim, FactError>;

    /// How the client is connected.
    fn transport(&self) -> Result<Transport, FactError> {
        Ok(if self.tls_version()?.is_some() { Transport::Tls } else { Transport::Plaintext })
    }

    /// Address and port of the connection's other end, never of a header; `None` where the proxy does not tell it.
    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// Address and port of what the proxy takes for the client, by its configuration out of `x-forwarded-for`; `None`
    /// where it does not tell it.
    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// The name of the route that the proxy chose; `None` if it has none, or none was chosen.
    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// The name of the upstream cluster that the proxy chose; `None` if none was chosen.
    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// The metadata of the route that the proxy chose, as a serialized `envoy.config.core.v3.Metadata`; `None` if there
    /// are none.
    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError>;
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
