//! Whether a certificate may stand in a trust bundle.

use thiserror::Error;

use super::{Authority, Standing};

/// Why a certificate has no place in a trust bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unfit {
    /// RFC 5280 section 4.2.1.9.
    #[error("it is no CA's: no basic constraints in it say that it is one")]
    NotACa,
    /// Of version 1 or 2, and below another.
    #[error("it holds no extensions, which would say that it is a CA's, and is no root")]
    Unstated,
    /// RFC 5280 section 4.2.
    #[error("it holds a critical extension that is not known")]
    CriticalExtension,
    /// RFC 5280 section 4.2.1.3.
    #[error("its key usage lets it sign neither certificates nor lists nor OCSP responses")]
    SignsNothing,
}

impl Authority {
    /// Whether it may be an anchor. An anchor is trusted because somebody names it. It must be a CA's all the same, so that a leaf
    /// pasted by mistake is none: by its basic constraints or, of version 1, which has no extensions, by having issued itself.
    ///
    /// # Errors
    /// Where it may not.
    pub fn fit_as_anchor(&self) -> Result<(), Unfit> {
        match self.standing() {
            Standing::Ca { .. } => Ok(()),
            Standing::Unstated if self.subject_digest() == self.issuer_digest() => Ok(()),
            Standing::Unstated => Err(Unfit::Unstated),
            Standing::EndEntity => Err(Unfit::NotACa),
        }
    }

    /// Whether it may be an intermediate: a CA's, or another's that a CA lets sign lists or OCSP responses in its place.
    ///
    /// # Errors
    /// Where it may not.
    pub fn fit_as_intermediate(&self) -> Result<(), Unfit> {
        if self.has_unknown_critical_extension() {
            return Err(Unfit::CriticalExtension);
        }
        let signs_status = self.may_sign_lists() || self.may_sign_responses();
        match self.standing() {
            Standing::Ca { .. } if self.may_sign_certificates() || signs_status => Ok(()),
            Standing::Ca { .. } => Err(Unfit::SignsNothing),
            Standing::Unstated => Err(Unfit::Unstated),
            Standing::EndEntity if signs_status => Ok(()),
            Standing::EndEntity => Err(Unfit::NotACa),
        }
    }
}
