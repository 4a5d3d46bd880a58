//! Why an attempt to fetch a list brought none.

use thiserror::Error;

use crate::cert::signature::SignatureError;
use crate::revocation::Why;
use crate::revocation::crl::{LoadError, MAX_LIST_BYTES, NotNewer};

/// Why an attempt to fetch a list brought none that takes the place of the one in force.
#[derive(Debug, Error)]
pub enum FetchFailure {
    /// The proxy did not send the request.
    #[error("the proxy has no such cluster, or no host of it takes requests")]
    NotSent,
    /// No response came.
    #[error("no response: the connection failed, the time-out passed, or it is larger than the proxy takes")]
    NoResponse,
    /// A response other than 200, or 304 where that was asked for.
    #[error("the response has the status {0}")]
    Status(u16),
    /// More than [`MAX_LIST_BYTES`].
    #[error("the response has {0} bytes, and at most {MAX_LIST_BYTES} are taken")]
    TooLarge(usize),
    /// No list, or none that can be used, or none that an authority signed.
    #[error("{0}")]
    Load(#[from] LoadError),
    /// A list that is not newer than the one in force.
    #[error("{0}")]
    NotNewer(#[from] NotNewer),
    /// A list whose time has not begun.
    #[error("its time has not begun")]
    Future,
}

impl FetchFailure {
    /// The stable word for it in records and counters.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::NoResponse => "no_response",
            Self::Status(_) => "status",
            Self::TooLarge(_) => "too_large",
            Self::Load(error) => load_word(error),
            Self::NotNewer(_) => "not_newer",
            Self::Future => "future",
        }
    }

    /// Why the status of a certificate cannot be told, where no list of the source is in force.
    pub fn why(&self) -> Why {
        match self {
            Self::NotSent | Self::NoResponse | Self::Status(_) => Why::Unavailable,
            Self::TooLarge(_) | Self::NotNewer(_) => Why::Unusable,
            Self::Load(error) => error.why(),
            Self::Future => Why::Future,
        }
    }
}

fn load_word(error: &LoadError) -> &'static str {
    match error {
        LoadError::TooLong { .. } => "too_large",
        LoadError::NotAList => "not_a_list",
        LoadError::Truncated => "truncated",
        LoadError::Pem | LoadError::SeveralLists | LoadError::Malformed(_) | LoadError::Skewed => "malformed",
        LoadError::NoNumber => "no_number",
        LoadError::UnsupportedExtension { .. } | LoadError::TooManyIssuers => "unsupported",
        LoadError::SignerUnknown { .. } => "unknown_signer",
        LoadError::SignerMayNotSign => "signer_may_not_sign",
        LoadError::Signature(SignatureError::Algorithm) => "unsupported",
        LoadError::Signature(SignatureError::Key | SignatureError::Wrong) => "bad_signature",
    }
}
