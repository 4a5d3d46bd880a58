//! Who may sign a response, and whether they did (RFC 6960 section 4.2.2.2).

use time::OffsetDateTime;

use super::certificate_id::sha1;
use super::error::OcspError;
use super::response::{ResponderId, Response};
use crate::cert::{Certificate, signature};
use crate::identity::{DistinguishedName, NameDigest};
use crate::trust::Authority;

/// Most certificates of one responder that are tried: signatures take milliseconds, and whoever answers could send many of no use.
/// A responder that renews its certificate may send the old one, too.
const MAX_DELEGATES: usize = 2;

impl ResponderId<'_> {
    /// Whether it is the holder of this certificate.
    fn names(self, signer: &Authority) -> bool {
        match self {
            ResponderId::Name(name) if name == signer.subject_der() => true,
            ResponderId::Name(name) => {
                let digest = DistinguishedName::parse_der(name).ok().and_then(|name| NameDigest::of(&name));
                digest.is_some() && digest == signer.subject_digest()
            }
            ResponderId::Key(hash) => hash == sha1(signer.key_bits()),
        }
    }
}

/// Checks that a response about certificates of `issuer` is signed by whom it may be signed by, and tells when the
/// certificate of the one ends; `None` for the issuer itself.
pub(super) fn check(
    response: &Response<'_>,
    issuer: &Authority,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, OcspError> {
    let mut error = None;
    if response.signer.names(issuer) {
        match verify(response, issuer) {
            Ok(()) => return Ok(None),
            Err(problem) => error = Some(problem),
        }
    }
    // At most `MAX_CERTIFICATES`. Those that cannot be read are nobody's.
    let delegates = response.certificates.iter().filter_map(|der| {
        let certificate = Certificate::from_der(der.to_vec()).ok()?;
        Authority::of(certificate).ok().filter(|delegate| response.signer.names(delegate))
    });
    for delegate in delegates.take(MAX_DELEGATES) {
        match check_delegate(&delegate, issuer, now).and_then(|()| verify(response, &delegate)) {
            Ok(()) => return Ok(Some(delegate.validity().not_after)),
            Err(problem) => {
                error.get_or_insert(problem);
            }
        }
    }
    Err(error.unwrap_or(OcspError::UnknownSigner))
}

/// Whether `issuer` lets this one sign responses about its certificates.
fn check_delegate(delegate: &Authority, issuer: &Authority, now: OffsetDateTime) -> Result<(), OcspError> {
    if delegate.issuer_digest().is_none() || delegate.issuer_digest() != issuer.subject_digest() {
        return Err(OcspError::SignerNotIssued);
    }
    if !delegate.may_sign_responses() || delegate.has_unknown_critical_extension() {
        return Err(OcspError::SignerPurpose);
    }
    if !delegate.is_valid_at(now) {
        return Err(OcspError::SignerNotValid);
    }
    issuer.signed(delegate.certificate()).map_err(|_| OcspError::SignerNotIssued)
}

fn verify(response: &Response<'_>, signer: &Authority) -> Result<(), OcspError> {
    let signed = response.signed;
    signature::verify(signer.spki(), signed.algorithm, signed.message, signed.signature)
        .map_err(OcspError::Signature)
}
