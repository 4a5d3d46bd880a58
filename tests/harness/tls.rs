//! TLS as a test's client speaks it: any certificate, any SNI, and only the one server that was started.

use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};

/// A certificate with its key, sent to every server that asks, whatever CAs it names and however odd it is.
#[derive(Debug)]
pub struct Presented(Arc<CertifiedKey>);

impl Presented {
    /// `chain` is DER, leaf first; `key` is PKCS #8 DER.
    pub fn new(chain: Vec<Vec<u8>>, key: Vec<u8>) -> Arc<Presented> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let key = provider().key_provider.load_private_key(key).expect("a private key");
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Arc::new(Presented(Arc::new(CertifiedKey::new(chain, key))))
    }
}

impl ResolvesClientCert for Presented {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Presents no certificate, and keeps what the server says when it asks for one.
#[derive(Debug, Default)]
pub struct Listening(Mutex<Option<Vec<Vec<u8>>>>);

impl Listening {
    /// The names of the CAs (DER) that the server said it takes; `None` if it asked for no certificate.
    pub fn ca_names(&self) -> Option<Vec<Vec<u8>>> {
        self.0.lock().unwrap().clone()
    }
}

impl ResolvesClientCert for Listening {
    fn resolve(&self, names: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().unwrap() = Some(names.iter().map(|name| name.to_vec()).collect());
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Believes one server certificate, whatever name was asked for.
#[derive(Debug)]
pub struct Pinned {
    certificate: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    /// `certificate` is DER.
    pub fn new(certificate: &[u8]) -> Arc<Pinned> {
        let algorithms = provider().signature_verification_algorithms;
        Arc::new(Pinned { certificate: certificate.to_vec(), algorithms })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if certificate.as_ref() == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A configuration for one server. Connections resume each other's sessions where they share `resumption`, `server`
/// and `presented`.
/// `fragments` is the length of a TLS record, where it is not the longest.
pub fn configuration(
    server: &Arc<Pinned>,
    presented: Option<Arc<dyn ResolvesClientCert>>,
    versions: &[&'static SupportedProtocolVersion],
    resumption: Resumption,
    fragments: Option<usize>,
    alpn: &[&[u8]],
) -> Arc<ClientConfig> {
    let server: Arc<Pinned> = Arc::clone(server);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(server);
    let mut configuration = match presented {
        Some(presented) => builder.with_client_cert_resolver(presented),
        None => builder.with_no_client_auth(),
    };
    configuration.resumption = resumption;
    configuration.max_fragment_size = fragments;
    configuration.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(configuration)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
