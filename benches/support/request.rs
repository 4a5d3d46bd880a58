//! Requests as Envoy describes them, in memory.

use mtls_policy::facts::{FactError, Facts};
use mtls_policy::request::{Headers, XFCC};
use mtls_policy::token::{Claim, ClaimPath};

use super::mint::{Ca, Minted, xfcc_chain};

/// The host of requests that name no other.
const HOST: &str = "pay.acme.example";

/// One request and its connection.
pub(crate) struct Request {
    headers: Headers,
    server_name: Vec<u8>,
    digest: Option<Vec<u8>>,
    pem: Option<Vec<u8>>,
}

impl Request {
    /// `GET path` for [`HOST`], with headers such as browsers and libraries send.
    pub(crate) fn get(path: &str) -> Request {
        Request::of(HOST, path, Vec::new())
    }

    /// The same for another host.
    pub(crate) fn host(host: &str, path: &str) -> Request {
        Request::of(host, path, Vec::new())
    }

    /// The same by a client that presents a certificate and one CA behind it, as Envoy forwards them.
    pub(crate) fn with_chain(path: &str, minted: &Minted, issuer: &Ca) -> Request {
        let chain = xfcc_chain(&[minted.pem(), issuer.pem()]);
        let value = format!("{};{chain}", minted.xfcc_element());
        Request::of(HOST, path, vec![(XFCC.to_owned(), value.into_bytes())]).presenting(minted)
    }

    fn of(host: &str, path: &str, more: Vec<(String, Vec<u8>)>) -> Request {
        let usual = [
            (":authority", host),
            (":path", path),
            (":method", "GET"),
            (":scheme", "https"),
            ("user-agent", "curl/8.14.1"),
            ("accept", "application/json"),
            ("accept-encoding", "gzip, br"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "2f0c1f6e-7a53-4c0e-9f0b-6d7d0b7a7a11"),
        ];
        let usual = usual.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        Request {
            headers: Headers::new(usual.chain(more).collect()),
            server_name: host.as_bytes().to_vec(),
            digest: None,
            pem: None,
        }
    }

    /// Its headers, pseudo-headers included.
    pub(crate) fn all_headers(&self) -> &Headers {
        &self.headers
    }

    /// With a certificate that Envoy verified.
    pub(crate) fn presenting(mut self, minted: &Minted) -> Request {
        self.digest = Some(minted.hex_digest().into_bytes());
        self.pem = Some(minted.pem().into_bytes());
        self
    }
}

impl Facts for Request {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.headers)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.digest.clone())
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.pem.clone())
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        Ok(self.digest.is_some().then_some(true))
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(b"HTTP/2".to_vec()))
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(self.server_name.clone()))
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(b"TLSv1.3".to_vec()))
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(b"TLS_AES_128_GCM_SHA256".to_vec()))
    }

    fn claim(&self, _metadata: &str, _path: &ClaimPath) -> Result<Claim, FactError> {
        Ok(Claim::Missing)
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(b"10.0.0.7:4711".to_vec()))
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
