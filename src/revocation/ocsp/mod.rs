//! OCSP (RFC 6960, with RFC 5019 and RFC 9654): questions about single certificates, and checked answers.
//!
//! [`Query::request`] makes the question that somebody sends, [`read`] checks what comes back, and [`judge`] says what the
//! answer is worth at a given time. What is certain to hold for as long as the answer is kept is checked once, by `read`: who
//! signed it, and which certificate it is about.
//!
//! - Certificates are named by SHA-1 digests of their issuer's name and key (RFC 6960 section 4.1.1), for these are what every
//!   responder knows: RFC 5019 section 2.1.1 lets no other be used, and those that hand out prepared responses have none
//!   for others. No security rests on them: what counts is that the response is signed by the issuer's own key, or for it. An
//!   answer may name its certificate by SHA-256 as well.
//! - A response is signed by the issuer itself, or by a responder whose certificate that very issuer signed and which names
//!   the purpose `OCSPSigning` (RFC 6960 section 4.2.2.2). No other certificate of a trust bundle may sign one.
//! - An answer without `nextUpdate` is believed for [`WITHOUT_NEXT_UPDATE`] only; RFC 5019 section 4 would refuse it.
//! - A responder's own certificate is not asked about, whether it says `id-pkix-ocsp-nocheck` or not (RFC 6960 section
//!   4.2.2.2.1 leaves that to the client): to ask the responder about itself proves nothing. It is believed while it is valid,
//!   so that issuers do well to make such certificates short-lived.

mod certificate_id;
mod error;
mod judge;
mod kept;
mod read;
mod request;
mod response;
mod signer;
#[cfg(test)]
mod situation;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

pub use self::error::OcspError;
pub use self::judge::{WITHOUT_NEXT_UPDATE, judge};
pub use self::kept::Kept;
pub use self::read::read;
pub use self::request::HttpRequest;
pub use self::response::{MAX_ANSWERS, MAX_CERTIFICATES, MAX_RESPONSE_BYTES};
use super::Status;
use crate::trust::Authority;

/// How many octets nonces have (RFC 9654 section 2.1: clients must send 32).
pub const NONCE_BYTES: usize = 32;

/// Whom to ask about the certificates of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Responder {
    /// The cluster of the proxy.
    pub cluster: Box<str>,
    /// Where it is: an absolute URL. Never one that a certificate names.
    pub url: Arc<str>,
    /// How long one question may take.
    pub timeout: Duration,
    /// GET (RFC 5019 section 5) or POST.
    pub get: bool,
    /// Whether questions carry a nonce (RFC 9654), and what that means for answers without one.
    pub nonce: Nonce,
}

/// What is asked of a responder about nonces (RFC 9654).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Nonce {
    /// None is sent, so that answers can come from caches.
    #[default]
    Off,
    /// One is sent; an answer may come without, and one that comes with another is refused.
    Optional,
    /// One is sent, and must come back.
    Required,
}

/// A question about one certificate.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Whom to ask.
    pub responder: &'a Arc<Responder>,
    /// Who issued the certificate.
    pub issuer: &'a Arc<Authority>,
    /// Its serial number: the contents of the DER INTEGER.
    pub serial: &'a [u8],
}

/// An answer, checked but for its dates against now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the responder says: good, revoked, or unknown to it.
    pub status: Status,
    /// When the status was known to be right.
    pub this_update: OffsetDateTime,
    /// When newer information is due; `None` where the responder always has some.
    pub next_update: Option<OffsetDateTime>,
    /// When the response was signed.
    pub produced_at: OffsetDateTime,
    /// When the certificate of the responder that signed it ends; `None` where the issuer itself signed it.
    pub signer_until: Option<OffsetDateTime>,
}
