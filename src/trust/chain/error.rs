//! Why no chain leads from a certificate to an anchor.

use std::fmt::{self, Write as _};

use thiserror::Error;

use super::super::AuthorityError;
use crate::identity::pattern::shown;
use crate::identity::{DistinguishedName, KeyProblem};

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Nobody in the bundle, nor anybody that chains to one in it, signed it.
    #[error("no chain leads from it to an anchor")]
    UnknownIssuer,
    /// The issuer of it, or of an authority above it, is not at hand.
    #[error("`{name}`, who issued it or an issuer of it, is neither in the bundle nor was presented", name = shown(name))]
    NobodyNamed {
        /// The issuer's name.
        name: String,
    },
    /// A certificate of the chain, or the clock, is out of its time.
    #[error("a certificate of its chain is expired or not yet valid")]
    NotValid,
    /// An authority whose time is over or has not come.
    #[error("`{subject}`, which might have issued it or an issuer of it, is expired or not yet valid", subject = shown(subject))]
    AuthorityNotValid {
        /// Its subject.
        subject: String,
    },
    /// An authority that must not be one.
    #[error("`{subject}` may issue no certificates: {why}", subject = shown(subject))]
    Authority {
        /// Its subject.
        subject: String,
        /// Why not.
        why: AuthorityFault,
    },
    /// The certificate is a CA's (RFC 5280 section 4.2.1.9).
    #[error("it is a CA's certificate, and not a client's")]
    CaAsLeaf,
    /// It is not a CA's, and has what only CAs' have (RFC 5280 sections 4.2.1.3, 4.2.1.10).
    #[error("it is not a CA's certificate, and holds {0}")]
    LeafAsCa(&'static str),
    /// A certificate in the chain that is not a CA's.
    #[error("a certificate of its chain is not a CA's")]
    NotACa,
    /// A name that a CA above may not certify (RFC 5280 section 4.2.1.10), or of a kind for which that cannot be told.
    #[error(
        "a CA of its chain may not certify its names, or constrains names of a kind that is not followed here"
    )]
    NameConstraints,
    /// A critical extension that is not known (RFC 5280 section 4.2).
    #[error("a certificate of its chain holds a critical extension that is not followed here")]
    CriticalExtension,
    /// A signature that is wrong, or by an algorithm that is not believed.
    #[error("a signature in its chain is wrong, or not of a kind that is believed")]
    Signature,
    /// More intermediates than an authority allows (RFC 5280 section 4.2.1.9).
    #[error("its chain is longer than a CA of it allows")]
    PathLength,
    /// More intermediates than the bundle allows.
    #[error("its chain has more than `{limit}` intermediates")]
    TooLong {
        /// How many there may be.
        limit: u8,
    },
    /// An authority that is good for other purposes only.
    #[error("`{subject}` is a CA for other purposes", subject = shown(subject))]
    Purpose {
        /// Its subject.
        subject: String,
    },
    /// Not a certificate of version 3 whose fields can be read.
    #[error("a certificate of its chain is not of X.509 version 3, or cannot be read")]
    Unreadable,
    /// It would have cost more than any honest chain does.
    #[error("finding its chain takes more work than is spent on one")]
    TooMuchWork,
}

/// Why an authority may issue nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorityFault {
    /// RFC 5280 section 4.2.1.9.
    #[error("it is not a CA's certificate")]
    NotACa,
    /// RFC 5280 section 4.2.1.3.
    #[error("its key usage lacks `keyCertSign`")]
    KeyUsage,
    /// RFC 5280 section 4.1.2.6: the subject of a CA is not empty.
    #[error("it has no subject")]
    NoSubject,
    /// A key that is too weak, or of no known kind.
    #[error("{0}")]
    Key(KeyProblem),
    /// An RSA key that is too short for a CA.
    #[error("its RSA key has `{bits}` bits, and that of a CA must have 2048")]
    ShortKey {
        /// Bits of the modulus.
        bits: u32,
    },
    /// RFC 5280 section 4.2.
    #[error("it holds a critical extension that is not known")]
    CriticalExtension,
    /// RFC 5280 section 4.2.1.10.
    #[error("its name constraints cannot be read, or say nothing")]
    NameConstraints,
    /// RFC 5280 section 4.2.1.11.
    #[error("it constrains certificate policies, which are not followed here")]
    PolicyConstraints,
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(AuthorityError),
}

/// The most bytes of a name that an error holds; fewer of them are shown.
const MAX_NAME_BYTES: usize = 512;

/// A name for an error, cut: a client may present names of 64 KiB, and one error for each bundle.
pub(super) fn told(name: &DistinguishedName) -> String {
    let mut told = Cut(String::new());
    // What is left out is why it stops.
    let _cut = write!(told, "{name}");
    told.0
}

/// Text that ends where it is long enough.
struct Cut(String);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = MAX_NAME_BYTES.saturating_sub(self.0.len());
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(text.get(..text.floor_char_boundary(left)).unwrap_or_default());
        Err(fmt::Error)
    }
}

impl ChainError {
    /// What an error of webpki means here.
    #[expect(clippy::wildcard_enum_match_arm, reason = "webpki's list may grow")]
    pub(super) fn of(error: &webpki::Error) -> ChainError {
        use webpki::Error;
        match error {
            Error::CertExpired { .. } | Error::CertNotValidYet { .. } => ChainError::NotValid,
            Error::CaUsedAsEndEntity => ChainError::CaAsLeaf,
            Error::EndEntityUsedAsCa => ChainError::NotACa,
            Error::NameConstraintViolation => ChainError::NameConstraints,
            Error::UnsupportedCriticalExtension => ChainError::CriticalExtension,
            Error::PathLenConstraintViolated => ChainError::PathLength,
            Error::MaximumPathDepthExceeded => ChainError::TooLong { limit: super::MAX_INTERMEDIATES },
            Error::InvalidSignatureForPublicKey
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => ChainError::Signature,
            Error::MaximumSignatureChecksExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumNameConstraintComparisonsExceeded => ChainError::TooMuchWork,
            Error::UnknownIssuer => ChainError::UnknownIssuer,
            // The rest are forms that webpki does not read.
            _ => ChainError::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{CN, UTF8, attribute, der};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_long_name_is_told_in_part() {
        let name = |text: &str| {
            let name = der(0x30, &[&der(0x31, &[&attribute(CN, &der(UTF8, &[text.as_bytes()]))])]);
            told(&DistinguishedName::parse_der(&name).unwrap())
        };
        assert_eq!(name("Acme Root"), "CN=Acme Root");
        assert!((500..=MAX_NAME_BYTES).contains(&name(&"a".repeat(60_000)).len()));
        assert!((500..=MAX_NAME_BYTES).contains(&name(&"ﬃ".repeat(19_000)).len()));
    }
}
