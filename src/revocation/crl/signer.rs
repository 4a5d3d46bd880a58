//! Which authorities may have signed a list.

use std::sync::Arc;

use super::error::LoadError;
use super::outline::Outline;
use crate::identity::NameDigest;
use crate::trust::Authority;

/// The longest name of an issuer that is told, in characters. Whoever answers in a server's place can write any.
const MAX_SHOWN_CHARACTERS: usize = 256;

/// The most keys that a list's signature is checked with. A CA that changes its key has two of one name for a while.
pub const MAX_SIGNERS: usize = 4;

/// The authorities with the name of the list's issuer that may sign lists; where the list says which key signed it, and some
/// have that key identifier, only those. One for each key, at least one, at most [`MAX_SIGNERS`].
///
/// A key identifier only helps to find the key (RFC 5280 section 5.2.1): that of no authority does not make a list wrong that
/// an authority of the right name has signed.
pub(super) fn of(
    outline: &Outline,
    authorities: &[Arc<Authority>],
) -> Result<Vec<Arc<Authority>>, LoadError> {
    let issuer = outline.issuer.name();
    // Digests: nobody has signed the list so far, and to compare a long name with that of each authority takes long.
    let digest = NameDigest::of(issuer);
    let is_issuer = |authority: &&Arc<Authority>| digest.is_some() && authority.subject_digest() == digest;
    let mut signers: Vec<&Arc<Authority>> = authorities.iter().filter(is_issuer).collect();
    if signers.is_empty() {
        let issuer = issuer.to_string().chars().take(MAX_SHOWN_CHARACTERS).collect();
        return Err(LoadError::SignerUnknown { issuer });
    }
    if let Some(named) = outline.extensions.authority_key_id.as_deref() {
        let is_named = |authority: &Arc<Authority>| authority.key_identifier() == Some(named);
        if signers.iter().any(|signer| is_named(signer)) {
            signers.retain(|signer| is_named(signer));
        }
    }
    signers.retain(|signer| signer.may_sign_lists());
    if signers.is_empty() {
        return Err(LoadError::SignerMayNotSign);
    }
    let mut keys: Vec<Arc<Authority>> = Vec::new();
    for signer in signers {
        let known = keys.iter().any(|key| key.spki_fingerprint() == signer.spki_fingerprint());
        if !known && keys.len() < MAX_SIGNERS {
            keys.push(Arc::clone(signer));
        }
    }
    Ok(keys)
}
