//! The client certificate in the forms in which Envoy forwards it.
//!
//! Whatever the form, the certificate counts only when its SHA-256 digest is the one that Envoy itself computed on
//! the connection. The bytes must be as Envoy writes them, to the last one.

use pem_rfc7468::LineEnding;
use thiserror::Error;

use super::xfcc::{self, XfccError};
use super::{Certificate, CertificateError, Fingerprint, MAX_CERTIFICATE_BYTES};

/// The longest PEM: base64 makes four bytes of three and adds a line end to each 64; twice is always enough.
const MAX_PEM_BYTES: usize = 2 * MAX_CERTIFICATE_BYTES;

const LABEL: &str = "CERTIFICATE";

/// Why what Envoy forwarded gives no certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ForwardedError {
    /// Nothing was forwarded.
    #[error("no certificate was forwarded")]
    Absent,
    /// What was forwarded as the certificate is none.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// What was forwarded is not bound to the connection.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// Why what was forwarded cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The header breaks its grammar.
    #[error("`x-forwarded-client-cert` cannot be read: {0}")]
    Header(XfccError),
    /// `Cert` holds an escape that Envoy does not write, or a character that Envoy escapes.
    #[error("`Cert` of `x-forwarded-client-cert` is not escaped as Envoy does it")]
    Escapes,
    /// Not exactly one PEM block `CERTIFICATE` in lines of 64 characters.
    #[error("the certificate is not one block of PEM as Envoy writes it")]
    Pem,
    /// The PEM holds no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Why what was forwarded is not known to be the certificate of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The request holds the header more than once.
    #[error("the request holds `{count}` headers `x-forwarded-client-cert`")]
    SeveralHeaders {
        /// How many.
        count: usize,
    },
    /// A pair of the header that must stand alone does not.
    #[error("`{key}` stands more than once in an element of `x-forwarded-client-cert`")]
    RepeatedPair {
        /// The pair's key.
        key: &'static str,
    },
    /// The last element lacks what a certificate needs.
    #[error("the last element of `x-forwarded-client-cert` holds no `{key}`")]
    NoPair {
        /// The missing pair's key.
        key: &'static str,
    },
    /// `Hash` is not the digest of the connection.
    #[error("`Hash` of `x-forwarded-client-cert` is not the digest of the connection's certificate")]
    Hash,
    /// The certificate is not the one of the connection.
    #[error("the certificate has digest `{forwarded}`, and the connection's has `{connection}`")]
    Digest {
        /// Of the certificate that was forwarded.
        forwarded: Fingerprint,
        /// Of the connection, as Envoy says.
        connection: Fingerprint,
    },
}

/// Takes the certificate from the value of Envoy's attribute `connection.peer_certificate`, which is PEM.
pub fn from_attribute(pem: &[u8], connection: Fingerprint) -> Result<Certificate, ForwardedError> {
    if pem.is_empty() {
        return Err(ForwardedError::Absent);
    }
    bound(certificate_of_pem(pem)?, connection)
}

/// Takes the certificate from the values of *all* headers `x-forwarded-client-cert` of a request: there must be one
/// header, and its last element is the one that this Envoy wrote.
pub fn from_xfcc(values: &[&[u8]], connection: Fingerprint) -> Result<Certificate, ForwardedError> {
    let header = match values {
        [] => return Err(ForwardedError::Absent),
        [header] => header,
        _ => return Err(Mismatch::SeveralHeaders { count: values.len() }.into()),
    };
    let elements = xfcc::parse(header).map_err(unreadable)?;
    let element = elements.last();
    let hash = element.and_then(|element| element.hash.as_deref()).ok_or(Mismatch::NoPair { key: "Hash" })?;
    let cert = element.and_then(|element| element.cert.as_deref()).ok_or(Mismatch::NoPair { key: "Cert" })?;
    if Fingerprint::from_hex(hash) != Some(connection) {
        return Err(Mismatch::Hash.into());
    }
    bound(certificate_of_pem(&undo_escapes(cert)?)?, connection)
}

/// A pair that repeats is what a name in the certificate with `;Hash=` in it makes: the header is readable, and does
/// not say which certificate it is about.
fn unreadable(error: XfccError) -> ForwardedError {
    if let XfccError::Repeated { key, .. } = error {
        Mismatch::RepeatedPair { key }.into()
    } else {
        Malformed::Header(error).into()
    }
}

fn bound(certificate: Certificate, connection: Fingerprint) -> Result<Certificate, ForwardedError> {
    let forwarded = certificate.fingerprint();
    if forwarded == connection {
        Ok(certificate)
    } else {
        Err(Mismatch::Digest { forwarded, connection }.into())
    }
}

/// Exactly one block: writing it anew must give the very input, which leaves no room for text around it, a second
/// block, other line ends or base64 that decodes alike.
fn certificate_of_pem(pem: &[u8]) -> Result<Certificate, Malformed> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(Malformed::Pem);
    }
    let (label, der) = pem_rfc7468::decode_vec(pem).map_err(|_| Malformed::Pem)?;
    let again = pem_rfc7468::encode_string(LABEL, LineEnding::LF, &der).map_err(|_| Malformed::Pem)?;
    if label != LABEL || again.as_bytes() != pem {
        return Err(Malformed::Pem);
    }
    Ok(Certificate::from_der(der)?)
}

/// Undoes the five replacements that Envoy makes. What Envoy replaces must not stand there unreplaced, so that
/// there is one way to write each text; `+` in particular never means a space.
fn undo_escapes(escaped: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let decoded = match byte {
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>().ok_or(Malformed::Escapes)?;
                rest = after;
                match digits {
                    b"0A" => b'\n',
                    b"20" => b' ',
                    b"2B" => b'+',
                    b"2F" => b'/',
                    b"3D" => b'=',
                    _ => return Err(Malformed::Escapes),
                }
            }
            b'\n' | b' ' | b'+' | b'/' | b'=' => return Err(Malformed::Escapes),
            other => other,
        };
        plain.push(decoded);
    }
    Ok(plain)
}
