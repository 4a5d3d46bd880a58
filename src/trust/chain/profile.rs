//! What webpki leaves out, of single certificates and of whole chains.

use std::sync::Arc;

use super::Demands;
use super::error::{AuthorityFault, ChainError};
use crate::cert::der::{self, NotDer, Reader, SEQUENCE};
use crate::identity::{DistinguishedName, Extensions, Identity, PublicKey, Truth};
use crate::trust::extensions::{KEY_USAGE, KeyUses, NAME_CONSTRAINTS};
use crate::trust::{Authorities, Authority, Standing};

/// Bits that the modulus of a CA's RSA key must have: below, NIST SP 800-131A forbids them.
const MIN_RSA_BITS: u32 = 2048;

/// Whether a client's certificate holds nothing that only CAs' may hold (RFC 5280 sections 4.2.1.3 and 4.2.1.10).
pub(super) fn leaf(identity: &Identity) -> Result<(), ChainError> {
    let extensions = identity.extensions();
    if extensions.find(NAME_CONSTRAINTS).is_some() {
        return Err(ChainError::LeafAsCa("name constraints"));
    }
    let uses = KeyUses::of(extensions.find(KEY_USAGE).map(|extension| extension.value));
    if uses.map_err(|NotDer| ChainError::Unreadable)?.state(KeyUses::SIGN_CERTIFICATES) {
        return Err(ChainError::LeafAsCa("a key usage of `keyCertSign`"));
    }
    Ok(())
}

/// Whether an anchor may issue certificates. The policy vouches for the rest of it.
pub(super) fn anchor(anchor: &Authority, bundle: &Authorities) -> Result<(), ChainError> {
    let fault = if !bundle.may_issue(anchor) {
        Some(AuthorityFault::KeyUsage)
    } else if anchor.has_unknown_critical_extension() {
        Some(AuthorityFault::CriticalExtension)
    } else {
        None
    };
    named(anchor, fault.map_or_else(|| key(anchor), Err))
}

/// Whether an intermediate may issue certificates.
pub(super) fn intermediate(authority: &Authority) -> Result<(), ChainError> {
    let fault = match authority.standing() {
        Standing::EndEntity | Standing::Unstated => Some(AuthorityFault::NotACa),
        Standing::Ca { .. } if !authority.may_sign_certificates() => Some(AuthorityFault::KeyUsage),
        Standing::Ca { .. } if authority.has_unknown_critical_extension() => {
            Some(AuthorityFault::CriticalExtension)
        }
        // Policies are followed nowhere, so that nobody could tell whether what it demands is met. Some CAs do not mark the
        // extension critical, as they must (RFC 5280 section 4.2.1.11).
        Standing::Ca { .. } if authority.constrains_policies() => Some(AuthorityFault::PolicyConstraints),
        Standing::Ca { .. } => None,
    };
    named(authority, fault.map_or_else(|| key(authority), Err))
}

/// Whether name and key are a CA's.
fn key(authority: &Authority) -> Result<(), AuthorityFault> {
    if authority.subject().is_empty() {
        return Err(AuthorityFault::NoSubject);
    }
    match PublicKey::of(authority.spki()) {
        Ok(PublicKey::Rsa { bits }) if bits < MIN_RSA_BITS => Err(AuthorityFault::ShortKey { bits }),
        Ok(_) => Ok(()),
        Err(problem) => Err(AuthorityFault::Key(problem)),
    }
}

fn named(authority: &Authority, result: Result<(), AuthorityFault>) -> Result<(), ChainError> {
    result.map_err(|why| ChainError::Authority { subject: authority.subject().to_string(), why })
}

/// What is asked of a whole chain: those above the leaf, the anchor last.
pub(super) fn chain(
    identity: &Identity,
    chain: &[Arc<Authority>],
    demands: &Demands,
) -> Result<(), ChainError> {
    // As for path lengths (RFC 5280 section 4.2.1.9), a CA's certificate for another key of its own does not count.
    let intermediates = chain.iter().rev().skip(1).filter(|authority| !authority.is_self_issued()).count();
    if intermediates > usize::from(demands.max_intermediates) {
        return Err(ChainError::TooLong { limit: demands.max_intermediates });
    }
    if let Some(other) = chain.iter().find(|authority| !serves(authority, demands)) {
        return Err(ChainError::Purpose { subject: other.subject().to_string() });
    }
    // RFC 5280 section 4.2.1.10: constraints on email addresses are about those in subjects, too, which webpki does not see.
    for (at, authority) in chain.iter().enumerate() {
        if constrains_email(authority).map_err(|NotDer| ChainError::NameConstraints)? {
            let below = chain.iter().take(at).map(|authority| authority.subject());
            if below.chain([identity.subject()]).any(holds_email) {
                return Err(ChainError::NameConstraints);
            }
        }
    }
    Ok(())
}

/// Whether a CA's certificate is for what is demanded, where it says what it is for.
fn serves(authority: &Authority, demands: &Demands) -> bool {
    let Some(wanted) = &demands.purposes else { return true };
    let purposes = authority.purposes();
    match Truth::any(wanted.iter().map(|pattern| pattern.matches(purposes))) {
        Truth::Yes => true,
        // It does not say, or names `anyExtendedKeyUsage` (RFC 5280 section 4.2.1.12).
        Truth::No => purposes.is_empty(),
        Truth::CannotTell => purposes.malformed() == 0,
    }
}

/// Whether its name constraints hold a subtree of email addresses.
fn constrains_email(authority: &Authority) -> Result<bool, NotDer> {
    const EMAIL: u8 = 0x81;
    let extensions = Extensions::new(authority.certificate().extension_list().map_err(|_| NotDer)?);
    let Some(constraints) = extensions.find(NAME_CONSTRAINTS) else { return Ok(false) };
    let mut kinds = Reader::new(der::only(SEQUENCE, constraints.value)?);
    // Permitted, then excluded; as long as the certificate, which is bounded.
    while let Some(subtrees) = kinds.next()? {
        let mut subtrees = Reader::new(subtrees.contents);
        while let Some(subtree) = subtrees.next()? {
            if Reader::new(subtree.contents).next()?.is_some_and(|base| base.tag == EMAIL) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn holds_email(name: &DistinguishedName) -> bool {
    name.relative_names().iter().flatten().any(|attribute| attribute.kind().is_email_address())
}
