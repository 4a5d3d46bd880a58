//! What a route demands of the TLS connection.

use std::fmt;

use super::error::{PolicyErrorKind, closest};
use super::host::HostPattern;

/// Demands on the TLS connection of a route that looks at certificates.
#[derive(Debug, Clone)]
pub(crate) struct TlsDemands {
    pub(crate) server_name: ServerNameRule,
    /// `None` is any.
    pub(crate) min_version: Option<TlsVersion>,
    /// `None` is any.
    pub(crate) ciphers: Option<Vec<CipherSuite>>,
}

impl Default for TlsDemands {
    fn default() -> Self {
        Self { server_name: ServerNameRule::Match, min_version: None, ciphers: None }
    }
}

/// How the server name of the TLS handshake (SNI) and the request's host must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerNameRule {
    /// They must be the same.
    Match,
    /// The server name does not matter.
    Ignore,
    /// The server name must be one of these.
    OneOf(Vec<HostPattern>),
}

/// A version of TLS, older ones less than newer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl TlsVersion {
    /// The version as Envoy writes it.
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"TLSv1" => Some(Self::Tls10),
            b"TLSv1.1" => Some(Self::Tls11),
            b"TLSv1.2" => Some(Self::Tls12),
            b"TLSv1.3" => Some(Self::Tls13),
            _ => None,
        }
    }
}

/// As Envoy writes it.
impl fmt::Display for TlsVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tls10 => "TLSv1",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

/// The cipher suites of BoringSSL in which a client can have a certificate: the name in Envoy's words (OpenSSL's before TLS
/// 1.3), and in the registry of IANA.
const CIPHER_SUITES: [(&str, &str); 17] = [
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    ("ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    ("ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    ("ECDHE-RSA-AES256-SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    ("AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    ("AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"),
    ("AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
];

/// A cipher suite that Envoy can negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CipherSuite(&'static str);

impl CipherSuite {
    /// Reads a name of Envoy's or of IANA's.
    pub(super) fn parse(text: &str) -> Result<Self, PolicyErrorKind> {
        let known = CIPHER_SUITES.iter().find(|(envoys, iana)| *envoys == text || *iana == text);
        known.map(|(envoys, _)| Self(envoys)).ok_or_else(|| {
            let names = CIPHER_SUITES.iter().flat_map(|(envoys, iana)| [*envoys, *iana]);
            PolicyErrorKind::BadCipher { cipher: text.to_owned(), suggestion: closest(text, names) }
        })
    }

    /// Whether this is the one that Envoy names so.
    pub(crate) fn is(self, name: &[u8]) -> bool {
        self.0.as_bytes() == name
    }
}

/// As Envoy writes it.
impl fmt::Display for CipherSuite {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}
