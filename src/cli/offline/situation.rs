//! One request and its connection, described instead of seen.

use std::net::{IpAddr, SocketAddr};

use mtls_policy::cert::Fingerprint;
use mtls_policy::facts::{FactError, Facts};
use mtls_policy::request::Headers;
use mtls_policy::token::DEFAULT_METADATA;
use mtls_policy::token::{Claim, ClaimPath};
use pem_rfc7468::LineEnding;
use serde_json::{Map, Value};

use super::chosen::Chosen;
use super::target::{Scheme, Target};

/// The version of connections that name no other, as Envoy writes it.
const DEFAULT_TLS_VERSION: &str = "TLSv1.3";

/// Answers the engine's questions from a description.
#[derive(Debug)]
pub(crate) struct Situation {
    headers: Headers,
    connection: Connection,
}

/// The connection that a request comes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// `None` without TLS.
    pub(crate) transport: Option<Tls>,
    /// Address, with a port or without.
    pub(crate) source: Option<String>,
    /// What the proxy takes for the client's address, out of headers.
    pub(crate) forwarded_source: Option<String>,
    /// A token that came with the request and that the proxy verified.
    pub(crate) token: Option<Token>,
    pub(crate) chosen: Chosen,
}

/// A token that the proxy verified.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// The key of the metadata under which the proxy left the claims.
    pub(crate) metadata: String,
    pub(crate) claims: Map<String, Value>,
}

/// The key that policies mean that name none.
pub(crate) fn default_metadata() -> String {
    DEFAULT_METADATA.to_owned()
}

/// What TLS told the proxy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    pub(crate) server_name: Option<String>,
    /// As Envoy writes it; `None` is TLS 1.3.
    pub(crate) version: Option<String>,
    /// As Envoy writes it; `None` where the listener does not tell it.
    pub(crate) cipher: Option<String>,
    pub(crate) certificate: Option<Certificate>,
}

/// A certificate that a client presented.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) digest: Fingerprint,
    /// `None` where only a header tells it.
    pub(crate) der: Option<Vec<u8>>,
    /// What Envoy's `connection.peer_certificate_valid` says; `None` where that Envoy lacks it.
    pub(crate) valid: Option<bool>,
}

impl Certificate {
    /// One that Envoy verified in this handshake.
    pub(crate) fn verified(der: Vec<u8>) -> Self {
        Self { digest: Fingerprint::of(&der), der: Some(der), valid: Some(true) }
    }
}

impl Connection {
    /// A TLS connection whose client named the host of its request, or one without TLS.
    pub(crate) fn to(target: &Target) -> Self {
        let transport = match target.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(Tls { server_name: server_name(&target.authority), ..Tls::default() }),
        };
        Self { transport, ..Self::default() }
    }
}

/// What an honest client names in the handshake for a request to `authority`: no address (RFC 6066, section 3).
fn server_name(authority: &str) -> Option<String> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    let is_address = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    (!is_address && !host.is_empty()).then(|| host.trim_end_matches('.').to_owned())
}

impl Situation {
    /// A request for `target` with further `headers`, on `connection`.
    pub(crate) fn new(target: &Target, headers: Vec<(String, Vec<u8>)>, connection: Connection) -> Self {
        let pseudo =
            [(":method", &target.method), (":authority", &target.authority), (":path", &target.path)];
        Self::from_parts(pseudo.map(|(name, value)| (name, Some(value.clone()))), headers, connection)
    }

    /// A request of these pseudo-headers, of which any may be missing, and further `headers`.
    pub(crate) fn from_parts(
        pseudo: [(&str, Option<String>); 3],
        headers: Vec<(String, Vec<u8>)>,
        connection: Connection,
    ) -> Self {
        let pseudo = pseudo
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value.into_bytes())));
        Self { headers: Headers::new(pseudo.chain(headers).collect()), connection }
    }

    fn certificate(&self) -> Option<&Certificate> {
        self.connection.transport.as_ref()?.certificate.as_ref()
    }
}

impl Facts for Situation {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.headers)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.certificate().map(|certificate| certificate.digest.to_string().into_bytes()))
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        let Some(der) = self.certificate().and_then(|certificate| certificate.der.as_ref()) else {
            return Ok(None);
        };
        let pem = pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, der);
        let failed = |error| FactError { fact: "certificate", why: format!("{error}") };
        pem.map(|pem| Some(pem.into_bytes())).map_err(failed)
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        Ok(self.certificate().and_then(|certificate| certificate.valid))
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        let tls = self.connection.transport.as_ref();
        Ok(tls.and_then(|tls| tls.server_name.clone()).map(String::into_bytes))
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        let version = |tls: &Tls| tls.version.as_deref().unwrap_or(DEFAULT_TLS_VERSION).as_bytes().to_vec();
        Ok(self.connection.transport.as_ref().map(version))
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        let tls = self.connection.transport.as_ref();
        Ok(tls.and_then(|tls| tls.cipher.clone()).map(String::into_bytes))
    }

    fn claim(&self, metadata: &str, path: &ClaimPath) -> Result<Claim, FactError> {
        let token = self.connection.token.as_ref().filter(|token| token.metadata == metadata);
        Ok(token.map_or(Claim::Missing, |token| Claim::of_token(&token.claims, path)))
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.connection.source.as_deref().map(with_port))
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.connection.forwarded_source.as_deref().map(with_port))
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.connection.chosen.route.clone().map(String::into_bytes))
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.connection.chosen.cluster.clone().map(String::into_bytes))
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.connection.chosen.metadata())
    }
}

/// An address as the proxy writes it, which always has a port; people leave it out. What is no address stays as it is.
fn with_port(address: &str) -> Vec<u8> {
    match address.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, 0).to_string().into_bytes(),
        Err(_) => address.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_whether_it_is_written_or_not() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1:443", "192.0.2.1:443"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("pipe", "pipe"),
        ] {
            assert_eq!(String::from_utf8(with_port(text)).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn an_honest_client_names_the_host_and_never_an_address() {
        for (authority, expected) in [
            ("a.example", Some("a.example")),
            ("a.example:8443", Some("a.example")),
            ("a.example.", Some("a.example")),
            ("192.0.2.1", None),
            ("192.0.2.1:8443", None),
            ("[2001:db8::1]:8443", None),
        ] {
            assert_eq!(server_name(authority).as_deref(), expected, "{authority}");
        }
    }
}
