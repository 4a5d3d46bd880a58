//! Why bytes are no list that can be used.

use std::borrow::Cow;

use thiserror::Error;

use super::{MAX_CERTIFICATE_ISSUERS, MAX_LIST_BYTES};
use crate::cert::der::NotDer;
use crate::cert::signature::SignatureError;
use crate::revocation::{Unknown, Why};

/// Why bytes are no list that can be used. The messages go on where "the list cannot be used: " ends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadError {
    /// Longer than [`MAX_LIST_BYTES`].
    #[error("it is `{bytes}` bytes long, and at most `{MAX_LIST_BYTES}` are looked at")]
    TooLong {
        /// Its length in bytes, as it arrived.
        bytes: usize,
    },
    /// Something else: an HTML page, a certificate, nothing.
    #[error("it is no list: neither DER nor PEM with a block `X509 CRL`")]
    NotAList,
    /// It begins as a list does, and ends too early.
    #[error("it is cut short")]
    Truncated,
    /// What is between the lines of a PEM block is no base64.
    #[error("its PEM holds what is no base64")]
    Pem,
    /// A PEM text with more than one list, of which nobody says which is meant.
    #[error("it holds more than one list")]
    SeveralLists,
    /// A field that RFC 5280 section 5 does not allow to be so, or bytes that belong to no field.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    /// RFC 5280 section 5.2.3: every list has a number.
    #[error("it has no CRL number; OpenSSL writes one if the CA's configuration names a file `crlnumber`")]
    NoNumber,
    /// An extension that is critical, and not known here: the list means something else than it seems to.
    #[error("{place} holds the critical extension `{oid}`, which is not supported")]
    UnsupportedExtension {
        /// Where it is.
        place: Place,
        /// Its object identifier.
        oid: String,
    },
    /// It names more issuers than [`MAX_CERTIFICATE_ISSUERS`].
    #[error("its entries are of more than `{MAX_CERTIFICATE_ISSUERS}` issuers")]
    TooManyIssuers,
    /// One serial number stands in it many times, or those that do not differ in what they are told apart by.
    #[error("too many of its entries are alike")]
    Skewed,
    /// No authority of the bundle has the name of its issuer.
    #[error("no authority of the trust bundle has the name of its issuer, `{issuer}`")]
    SignerUnknown {
        /// The name.
        issuer: String,
    },
    /// RFC 5280 section 6.3.3 (f): a key usage that does not hold `cRLSign`.
    #[error("its issuer's certificate does not hold the key usage `cRLSign`")]
    SignerMayNotSign,
    /// Its signature is wrong, or cannot be checked.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Where an extension is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Place {
    /// In the list.
    #[error("it")]
    List,
    /// In one of its entries.
    #[error("one of its entries")]
    Entry,
}

impl LoadError {
    /// The stable code of the status of certificates that the list would be about.
    pub fn why(&self) -> Why {
        match self {
            Self::TooLong { .. }
            | Self::NotAList
            | Self::Truncated
            | Self::Pem
            | Self::SeveralLists
            | Self::Malformed(_)
            | Self::NoNumber
            | Self::UnsupportedExtension { .. }
            | Self::TooManyIssuers
            | Self::Skewed
            | Self::Signature(SignatureError::Algorithm) => Why::Unusable,
            Self::SignerUnknown { .. }
            | Self::SignerMayNotSign
            | Self::Signature(SignatureError::Key | SignatureError::Wrong) => Why::BadSignature,
        }
    }
}

/// As a status.
impl From<&LoadError> for Unknown {
    fn from(error: &LoadError) -> Unknown {
        Unknown::new(error.why(), Cow::Owned(error.to_string()))
    }
}

/// Says which field is malformed.
pub(super) trait InField<T> {
    fn in_field(self, field: &'static str) -> Result<T, LoadError>;
}

impl<T> InField<T> for Result<T, NotDer> {
    fn in_field(self, field: &'static str) -> Result<T, LoadError> {
        self.map_err(|NotDer| LoadError::Malformed(field))
    }
}
