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

    /// Called before a route's condition looks at headers beside the pseudo-headers, for those who do not have them all.
    fn before_headers(&self) {}

    /// SHA-256 of the certificate that the client presented, as hex text; `None` if it presented none.
    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// The certificate that the client presented, as PEM text; `None` where the proxy cannot tell it.
    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError>;

    /// Whether the proxy verified the certificate in this very handshake; `None` where it cannot tell.
    fn certificate_valid(&self) -> Result<Option<bool>, FactError>;

    /// The version of HTTP, as Envoy writes it: `HTTP/1.1`, `HTTP/2`; `None` where the proxy does not tell it.
    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError>;

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

/// What a listener tells of a connection in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Address and port of the other end.
    pub source: Option<Vec<u8>>,
    /// What it tells of TLS; `None` where there was no handshake.
    pub tls: Option<TlsFacts>,
}

/// What a listener tells of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version: `TLSv1.3`.
    pub version: Vec<u8>,
    /// The cipher suite.
    pub cipher: Option<Vec<u8>>,
    /// The server name (SNI).
    pub server_name: Option<Vec<u8>>,
}

impl Connection {
    /// Reads a line that Envoy formatted after the handshake:
    /// `%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%REQUESTED_SERVER_NAME%`.
    /// The server name, which is the client's to choose, comes last, so that nothing in it can be taken for another field. Envoy
    /// writes `-` for what there is not.
    ///
    /// # Errors
    /// [`FactError`] where the line has another form: then the listener tells something else than the filter would take it for.
    pub fn read(line: &[u8]) -> Result<Self, FactError> {
        let mut fields = line.splitn(4, |byte| *byte == b'|').map(|field| match field {
            b"-" | b"" => None,
            _ => Some(field.to_vec()),
        });
        match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(source), Some(version), Some(cipher), Some(server_name)) => {
                Ok(Self { source, tls: version.map(|version| TlsFacts { version, cipher, server_name }) })
            }
            _ => Err(FactError {
                fact: "connection",
                why: "`mtls_policy.connection` has not the form that `envoy/envoy.yaml` gives it".to_owned(),
            }),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Address, and version, suite and server name of TLS.
    type Read = (Option<String>, Option<[Option<String>; 3]>);

    fn read(line: &str) -> Option<Read> {
        let Connection { source, tls } = Connection::read(line.as_bytes()).ok()?;
        let text = |field: Vec<u8>| String::from_utf8(field).unwrap();
        let tls = tls.map(|tls| [Some(tls.version), tls.cipher, tls.server_name].map(|fact| fact.map(text)));
        Some((source.map(text), tls))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_connection_is_read_field_by_field() {
        let tls = [some("TLSv1.3"), some("TLS_AES_128_GCM_SHA256"), some("pay.acme.example")];
        let line = "10.0.0.7:4711|TLSv1.3|TLS_AES_128_GCM_SHA256|pay.acme.example";
        assert_eq!(read(line), Some((some("10.0.0.7:4711"), Some(tls))));
        let tls = [some("TLSv1.2"), some("ECDHE-RSA-AES128-GCM-SHA256"), None];
        let line = "[2001:db8::7]:4711|TLSv1.2|ECDHE-RSA-AES128-GCM-SHA256|-";
        assert_eq!(read(line), Some((some("[2001:db8::7]:4711"), Some(tls))));
    }

    #[test]
    fn a_connection_without_a_handshake_tells_nothing_of_tls() {
        assert_eq!(read("10.0.0.7:4711|-|-|-"), Some((some("10.0.0.7:4711"), None)));
        assert_eq!(read("-|-|-|pay.acme.example"), Some((None, None)));
    }

    #[test]
    fn what_a_client_puts_into_the_server_name_is_no_other_field() {
        let tls = [some("TLSv1.2"), some("X"), some("a|TLSv1.3|b")];
        assert_eq!(read("10.0.0.7:1|TLSv1.2|X|a|TLSv1.3|b"), Some((some("10.0.0.7:1"), Some(tls))));
    }

    #[test]
    fn a_line_of_another_form_is_none() {
        for other in ["", "10.0.0.7:1", "10.0.0.7:1|TLSv1.3", "10.0.0.7:1|TLSv1.3|X"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
