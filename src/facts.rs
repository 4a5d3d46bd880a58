//! What a decision may ask about a request and its connection.

use std::ops::Range;

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
    line: Vec<u8>,
    digest: Field,
    valid: Option<bool>,
    version: Field,
    cipher: Field,
    source: Field,
    server_name: Field,
}

/// Where a field stands in the line; `None` where it tells nothing.
type Field = Option<Range<usize>>;

/// What a listener tells of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateFacts<'l> {
    /// SHA-256 of it, as hex text.
    pub digest: &'l [u8],
    /// Whether Envoy verified it in this very handshake; `None` where the line does not tell.
    pub valid: Option<bool>,
}

/// What a listener tells of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFacts<'l> {
    /// The version: `TLSv1.3`.
    pub version: &'l [u8],
    /// The cipher suite.
    pub cipher: &'l [u8],
    /// The server name (SNI).
    pub server_name: Option<&'l [u8]>,
}

/// What a line begins with that has the form which is read here.
const FORM: &[u8] = b"1";

impl Connection {
    /// Reads a line that Envoy formatted after the handshake, or for a connection without TLS, here in two:
    /// `1|%DOWNSTREAM_PEER_FINGERPRINT_256%|%CEL(connection.peer_certificate_valid)%|%DOWNSTREAM_TLS_VERSION%|`
    /// `%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%|%REQUESTED_SERVER_NAME%`.
    ///
    /// What others than Envoy may have a say in comes last: an address may be the path of a socket, and the server name is the client's to
    /// choose. So nothing in them can be taken for a field that tells of the certificate. Envoy writes `-` for what there is not, and
    /// versions before 1.39 for the validity.
    ///
    /// # Errors
    /// [`FactError`] where the line has another form: then the listener tells something else than the filter would take it for.
    pub fn read(line: Vec<u8>) -> Result<Self, FactError> {
        let mut begin = 0;
        let mut next = || {
            let rest = line.get(begin..).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'|').ok_or_else(other_form)?;
            let field = begin..begin + length;
            begin = field.end + 1;
            Ok(field)
        };
        let [form, digest, valid] = [next()?, next()?, next()?];
        let [version, cipher, source] = [next()?, next()?, next()?];
        let server_name = begin..line.len();
        let text = |field: &Range<usize>| line.get(field.clone()).unwrap_or_default();
        if text(&form) != FORM {
            return Err(other_form());
        }
        let valid = match text(&valid) {
            b"true" => Some(true),
            b"false" => Some(false),
            b"-" | b"" => None,
            _ => return Err(other_form()),
        };
        let told = |field: Range<usize>| (!matches!(text(&field), b"-" | b"")).then_some(field);
        let (digest, version, cipher) = (told(digest), told(version), told(cipher));
        if digest.is_some() && (version.is_none() || cipher.is_none()) {
            return Err(other_form());
        }
        let (source, server_name) = (told(source), told(server_name));
        Ok(Self { digest, valid, version, cipher, source, server_name, line })
    }

    /// The client's certificate; `None` where the line tells of none, of which Envoy's attributes have the last word.
    pub fn certificate(&self) -> Option<CertificateFacts<'_>> {
        Some(CertificateFacts { digest: self.text(&self.digest)?, valid: self.valid })
    }

    /// TLS; `None` where there was no handshake when the line was written, with the same exception.
    pub fn tls(&self) -> Option<TlsFacts<'_>> {
        // Before the handshake there is a version, which need not come to be the connection's, and no suite.
        let (version, cipher) = self.text(&self.version).zip(self.text(&self.cipher))?;
        Some(TlsFacts { version, cipher, server_name: self.text(&self.server_name) })
    }

    /// Address and port of the other end.
    pub fn source(&self) -> Option<&[u8]> {
        self.text(&self.source)
    }

    fn text(&self, field: &Field) -> Option<&[u8]> {
        self.line.get(field.clone()?)
    }
}

fn other_form() -> FactError {
    FactError {
        fact: "connection",
        why: "`mtls_policy.connection` has not the form that `envoy/envoy.yaml` gives it".to_owned(),
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

    fn read(line: &str) -> Option<Connection> {
        Connection::read(line.as_bytes().to_vec()).ok()
    }

    fn certificate(digest: &str, valid: Option<bool>) -> Option<CertificateFacts<'_>> {
        Some(CertificateFacts { digest: digest.as_bytes(), valid })
    }

    fn tls<'t>(version: &'t str, cipher: &'t str, server_name: Option<&'t str>) -> Option<TlsFacts<'t>> {
        let server_name = server_name.map(str::as_bytes);
        Some(TlsFacts { version: version.as_bytes(), cipher: cipher.as_bytes(), server_name })
    }

    #[test]
    fn a_connection_is_read_field_by_field() {
        let told = read("1|5a5a|true|TLSv1.3|TLS_AES_128_GCM_SHA256|10.0.0.7:4711|pay.acme.example").unwrap();
        assert_eq!(told.certificate(), certificate("5a5a", Some(true)));
        assert_eq!(told.tls(), tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", Some("pay.acme.example")));
        assert_eq!(told.source(), Some(&b"10.0.0.7:4711"[..]));
        let told = read("1|5a5a|false|TLSv1.2|ECDHE-RSA-AES128-GCM-SHA256|[2001:db8::7]:4711|-").unwrap();
        assert_eq!(told.certificate(), certificate("5a5a", Some(false)));
        assert_eq!(told.tls(), tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", None));
        assert_eq!(told.source(), Some(&b"[2001:db8::7]:4711"[..]));
    }

    #[test]
    fn an_envoy_that_cannot_tell_the_validity_tells_the_certificate_without_it() {
        let told = read("1|5a5a|-|TLSv1.3|X|10.0.0.7:1|a").unwrap();
        assert_eq!(told.certificate(), certificate("5a5a", None));
    }

    #[test]
    fn a_line_without_a_digest_tells_nothing_of_a_certificate_not_even_that_there_is_none() {
        for valid in ["true", "false", "-"] {
            let told = read(&format!("1|-|{valid}|TLSv1.3|X|10.0.0.7:1|a")).unwrap();
            assert_eq!((told.certificate(), told.tls()), (None, tls("TLSv1.3", "X", Some("a"))), "{valid}");
        }
    }

    #[test]
    fn a_connection_without_a_handshake_tells_nothing_of_tls() {
        for (line, source) in [
            ("1|-|false|-|-|10.0.0.7:4711|-", Some(&b"10.0.0.7:4711"[..])),
            ("1|-|-|-|-|-|pay.acme.example", None),
            ("1||||||", None),
            // Of a line that is written before the handshake.
            ("1|-|false|TLSv1.2|-|10.0.0.7:4711|pay.acme.example", Some(&b"10.0.0.7:4711"[..])),
        ] {
            let told = read(line).unwrap();
            assert_eq!((told.certificate(), told.tls(), told.source()), (None, None, source), "{line}");
        }
    }

    #[test]
    fn what_a_client_puts_into_the_server_name_is_no_other_field() {
        let told = read("1|-|false|TLSv1.2|X|10.0.0.7:1|a|5a5a|true|TLSv1.3|b").unwrap();
        assert_eq!(told.tls(), tls("TLSv1.2", "X", Some("a|5a5a|true|TLSv1.3|b")));
        assert_eq!((told.certificate(), told.source()), (None, Some(&b"10.0.0.7:1"[..])));
    }

    #[test]
    fn what_a_client_puts_into_the_path_of_its_socket_tells_nothing_of_its_certificate() {
        let told = read("1|5a5a|false|TLSv1.2|X|/tmp/1|6b6b|true|TLSv1.3|Y|a").unwrap();
        assert_eq!(told.certificate(), certificate("5a5a", Some(false)));
        assert_eq!(told.tls(), tls("TLSv1.2", "X", Some("6b6b|true|TLSv1.3|Y|a")));
    }

    #[test]
    fn a_line_of_another_form_is_none() {
        for other in [
            "",
            "1",
            "1|5a5a|true|TLSv1.3|X|10.0.0.7:1",
            // Of another form, or none.
            "2|5a5a|true|TLSv1.3|X|10.0.0.7:1|a",
            "|5a5a|true|TLSv1.3|X|10.0.0.7:1|a",
            "11|5a5a|true|TLSv1.3|X|10.0.0.7:1|a",
            "5a5a|true|TLSv1.3|X|10.0.0.7:1|a",
            "10.0.0.7:1|TLSv1.3|X|a",
            "10.0.0.7:1|TLSv1.3|X|a|b|c|d",
            // No validity.
            "1|5a5a|1|TLSv1.3|X|10.0.0.7:1|a",
            "1|5a5a|True|TLSv1.3|X|10.0.0.7:1|a",
            "1|5a5a|true |TLSv1.3|X|10.0.0.7:1|a",
            "1|-|yes|TLSv1.3|X|10.0.0.7:1|a",
            // A certificate without a handshake.
            "1|5a5a|true|-|-|10.0.0.7:1|a",
            "1|5a5a|true|TLSv1.2|-|10.0.0.7:1|a",
            "1|5a5a|true|-|X|10.0.0.7:1|a",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
