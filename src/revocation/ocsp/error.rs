//! Why a response is no answer.

use thiserror::Error;

use crate::cert::der::NotDer;
use crate::cert::signature::SignatureError;
use crate::revocation::{Unknown, Why};

/// Why a response is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OcspError {
    /// Longer than [`MAX_RESPONSE_BYTES`](super::MAX_RESPONSE_BYTES).
    #[error("the response is too long")]
    TooLong,
    /// No `OCSPResponse` in DER to its last byte (RFC 6960 section 4.2.1).
    #[error("the response cannot be read")]
    Malformed,
    /// Of another type than `id-pkix-ocsp-basic`.
    #[error("the response is of an unknown type")]
    UnknownType,
    /// More than [`MAX_ANSWERS`](super::MAX_ANSWERS) or [`MAX_CERTIFICATES`](super::MAX_CERTIFICATES).
    #[error("the response holds too many answers or certificates")]
    TooMany,
    /// An extension that must be understood and is not.
    #[error("the response holds a critical extension that is not known")]
    CriticalExtension,
    /// The responder asks to try later.
    #[error("the responder asks to try later")]
    TryLater,
    /// The responder calls the question malformed.
    #[error("the responder calls the request malformed")]
    MalformedRequest,
    /// The responder has an internal error.
    #[error("the responder has an internal error")]
    InternalError,
    /// The responder wants signed questions.
    #[error("the responder wants signed requests")]
    SignatureRequired,
    /// The responder does not answer us, or not about this certificate (RFC 5019 section 2.2.3).
    #[error("the responder does not answer: unauthorized")]
    Unauthorized,
    /// It answers another question.
    #[error("the response is not about the certificate")]
    NotAsked,
    /// It says more than one thing of the certificate.
    #[error("the response answers more than once")]
    Twice,
    /// It comes without the nonce of the question, which must be there.
    #[error("the response comes without the nonce of the request")]
    NoNonce,
    /// It comes with another nonce.
    #[error("the response comes with another nonce than the request")]
    OtherNonce,
    /// It ends before it begins.
    #[error("the response's nextUpdate is before its thisUpdate")]
    Dates,
    /// Neither the issuer nor a certificate that came along is the one that it names as its signer.
    #[error("the response names a signer that is not the issuer, and of whom no certificate came along")]
    UnknownSigner,
    /// Its signature is not believed.
    #[error("of the response, {0}")]
    Signature(SignatureError),
    /// The signer's certificate was not issued by the certificate's own issuer.
    #[error("the signer's certificate was not issued by the issuer")]
    SignerNotIssued,
    /// The signer's certificate is not one for signing responses.
    #[error("the signer's certificate is not for OCSP signing")]
    SignerPurpose,
    /// The signer's certificate is not valid now.
    #[error("the signer's certificate is not valid now")]
    SignerNotValid,
}

impl OcspError {
    /// The stable code.
    pub fn why(self) -> Why {
        match self {
            OcspError::TooLong
            | OcspError::Malformed
            | OcspError::UnknownType
            | OcspError::TooMany
            | OcspError::CriticalExtension
            | OcspError::NotAsked
            | OcspError::Twice
            | OcspError::NoNonce
            | OcspError::OtherNonce
            | OcspError::Dates
            | OcspError::Signature(SignatureError::Algorithm) => Why::Unusable,
            OcspError::TryLater => Why::TryLater,
            OcspError::MalformedRequest
            | OcspError::InternalError
            | OcspError::SignatureRequired
            | OcspError::Unauthorized => Why::Refused,
            OcspError::UnknownSigner
            | OcspError::Signature(SignatureError::Key | SignatureError::Wrong)
            | OcspError::SignerNotIssued
            | OcspError::SignerPurpose
            | OcspError::SignerNotValid => Why::BadSignature,
        }
    }
}

impl From<NotDer> for OcspError {
    fn from(_: NotDer) -> OcspError {
        OcspError::Malformed
    }
}

impl From<OcspError> for Unknown {
    fn from(error: OcspError) -> Unknown {
        Unknown::new(error.why(), error.to_string())
    }
}
