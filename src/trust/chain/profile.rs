//! What webpki leaves out, of single certificates and of whole chains.

use std::sync::Arc;

use super::Demands;
use super::budget::Budget;
use super::candidates::{Candidate, Candidates};
use super::constraints::{self, Constraints, Held};
use super::error::{AuthorityFault, ChainError, told};
use crate::cert::Certificate;
use crate::cert::der::NotDer;
use crate::identity::{Identity, KeyPurpose, KeyPurposePattern, Names, PublicKey, Truth};
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
    result.map_err(|why| ChainError::Authority { subject: told(authority.subject()), why })
}

/// What an authority says of names, as far as webpki does not know them.
pub(super) fn constraints(authority: &Authority) -> Result<Option<Constraints>, ChainError> {
    let read = Constraints::of(authority.certificate());
    read.or_else(|NotDer| named(authority, Err(AuthorityFault::NameConstraints)).map(|()| None))
}

/// How many alternative names an authority holds.
pub(super) fn alt_names(authority: &Authority) -> Result<usize, ChainError> {
    constraints::alt_names(authority.certificate()).map_err(|NotDer| ChainError::Unreadable)
}

/// How many comparisons of names by webpki cost as much as the unit of work, a tenth of a millisecond in V8.
const WEBPKI_COMPARISONS_PER_WORK: usize = 500;

/// Pays for what webpki compares of names. webpki itself stops too late, after a quarter of a million of comparisons.
///
/// # Errors
/// Where there is not enough left.
pub(super) fn pay_for_names(
    leaf: &Certificate,
    candidates: &Candidates,
    budget: &Budget,
) -> Result<(), ChainError> {
    let alt_names = constraints::alt_names(leaf).map_err(|NotDer| ChainError::Unreadable)?;
    pay(candidates.comparisons(alt_names) / WEBPKI_COMPARISONS_PER_WORK, budget)
}

fn pay(work: usize, budget: &Budget) -> Result<(), ChainError> {
    let work = u32::try_from(work).unwrap_or(u32::MAX - 1);
    if budget.take_work(work) { Ok(()) } else { Err(ChainError::TooMuchWork) }
}

/// What is asked of a whole chain: those above the leaf, the anchor last. The work is taken from `budget`.
pub(super) fn chain(
    leaf: &Certificate,
    identity: &Identity,
    chain: &[&Candidate],
    demands: &Demands,
    budget: &Budget,
) -> Result<(), ChainError> {
    let above = || chain.iter().map(|candidate| &candidate.authority);
    // As for path lengths (RFC 5280 section 4.2.1.9), a CA's certificate for another key of its own does not count.
    let intermediates = above().rev().skip(1).filter(|authority| !authority.is_self_issued()).count();
    if intermediates > usize::from(demands.max_intermediates) {
        return Err(ChainError::TooLong { limit: demands.max_intermediates });
    }
    // webpki does not look at the anchor's, which the policy vouches for: whoever limits a root means it all the same.
    if let Some(Standing::Ca { path_length: Some(most) }) =
        above().next_back().map(|anchor| anchor.standing())
        && u32::try_from(intermediates).is_ok_and(|intermediates| intermediates > most)
    {
        return Err(ChainError::PathLength);
    }
    check_purposes(identity, above, demands)?;
    check_names(leaf, identity, chain, budget)
}

/// How many comparisons of names cost as much as the unit of work, a tenth of a millisecond in V8: the dearest, of directory
/// names, take two microseconds.
const COMPARISONS_PER_WORK: usize = 50;

/// Whether each CA lets those below it hold their names. A CA's certificate for another key of its own holds the CA's, which need
/// not be among those that it constrains others to (RFC 5280 section 6.1.3 (b) and (c)).
fn check_names(
    leaf: &Certificate,
    identity: &Identity,
    chain: &[&Candidate],
    budget: &Budget,
) -> Result<(), ChainError> {
    let unreadable = |NotDer| ChainError::Unreadable;
    for (at, candidate) in chain.iter().enumerate() {
        // What webpki follows alone was followed, and names need not be read for it.
        let constraints = candidate.constraints.as_ref().filter(|constraints| !constraints.are_webpkis());
        let Some(constraints) = constraints else { continue };
        let below = chain.iter().take(at).map(|candidate| &candidate.authority);
        let below = below.filter(|authority| !authority.is_self_issued());
        let below = below.map(|authority| (authority.certificate(), authority.subject()));
        for (certificate, subject) in below.chain([(leaf, identity.subject())]) {
            let held = Held::of(certificate, subject).map_err(unreadable)?;
            pay(constraints.comparisons(&held) / COMPARISONS_PER_WORK, budget)?;
            if !constraints.permit(&held) {
                return Err(ChainError::NameConstraints);
            }
        }
    }
    Ok(())
}

/// Whether there is a purpose among those that are demanded that the leaf and every CA are for, as far as they say what they are
/// for: a CA that may sign code must not make clients where both may come. What the leaf must say is not looked at here.
fn check_purposes<'a, A: Iterator<Item = &'a Arc<Authority>>>(
    identity: &Identity,
    above: impl Fn() -> A,
    demands: &Demands,
) -> Result<(), ChainError> {
    let Some(wanted) = &demands.purposes else { return Ok(()) };
    let of_leaf: Vec<_> = wanted.iter().filter(|pattern| serves(identity.key_purposes(), pattern)).collect();
    // A leaf for nothing of that is refused for itself.
    let common = if of_leaf.is_empty() { wanted.iter().collect() } else { of_leaf };
    let mut other = None;
    for pattern in common {
        match above().find(|authority| !serves(authority.purposes(), pattern)) {
            None => return Ok(()),
            Some(authority) => other = other.or(Some(authority)),
        }
    }
    other.map_or(Ok(()), |other| Err(ChainError::Purpose { subject: told(other.subject()) }))
}

/// Whether a certificate of these purposes is for another.
fn serves(purposes: &Names<KeyPurpose>, wanted: &KeyPurposePattern) -> bool {
    match wanted.matches(purposes) {
        Truth::Yes => true,
        // It does not say, or names `anyExtendedKeyUsage` (RFC 5280 section 4.2.1.12).
        Truth::No => purposes.is_empty(),
        Truth::CannotTell => purposes.malformed() == 0,
    }
}
