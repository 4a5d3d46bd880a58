//! Chains of certificates: whether one leads from a client's certificate to an anchor of a trust bundle.
//!
//! Paths are built and validated by `rustls-webpki` (RFC 5280 section 6: names, signatures, validity, `cA`, path lengths, name
//! constraints), which every rustls client of the web stands on; its signatures are checked by [`crate::cert::signature`]. What
//! webpki leaves out, and whoever takes names from certificates needs, is in `profile`; what it refuses to judge of name
//! constraints, in `constraints` and `shown`; what a chain may cost, in `budget`.
//!
//! What neither can judge is refused: names that are written differently in a certificate and in its issuer's, constraints on
//! user principal names and other rare kinds of names, policy constraints, versions before 3 below the anchor, more than six
//! intermediates.

mod algorithms;
mod budget;
mod candidates;
mod constraints;
mod error;
mod profile;
mod shown;
mod span;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, VerifiedPath};

pub use self::budget::Budget;
use self::candidates::Candidates;
pub use self::candidates::{MAX_PRESENTED, Presented};
pub use self::error::{AuthorityFault, ChainError};
pub use self::span::Span;
use super::{Authorities, Authority};
use crate::cert::{Certificate, Fingerprint};
use crate::identity::{Identity, KeyPurposePattern};

/// The most intermediates between a certificate and its anchor: webpki's own limit. Chains have one or two.
pub const MAX_INTERMEDIATES: u8 = 6;

/// A chain that was verified. Only [`verify`] makes one.
#[derive(Debug, Clone)]
pub struct Chain {
    leaf: Fingerprint,
    authorities: Vec<Arc<Authority>>,
}

impl Chain {
    /// SHA-256 of the certificate that the chain is of.
    pub fn leaf(&self) -> Fingerprint {
        self.leaf
    }

    /// Those above the leaf: first its issuer, last the anchor. Never empty.
    pub fn authorities(&self) -> &[Arc<Authority>] {
        &self.authorities
    }
}

/// What a chain must be beside valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    /// The most intermediates between leaf and anchor.
    pub max_intermediates: u8,
    /// One of these all certificates must be good for, the leaf's and those of CAs, as far as they say what they are good for;
    /// `None` is anything. A leaf that is good for none of them is not refused for that here.
    pub purposes: Option<Vec<KeyPurposePattern>>,
}

impl Default for Demands {
    /// Anything, in as many steps as are followed at all.
    fn default() -> Demands {
        Demands { max_intermediates: MAX_INTERMEDIATES, purposes: None }
    }
}

/// What came of a chain.
#[derive(Debug)]
pub struct Outcome {
    /// The chain, or why there is none.
    pub verdict: Result<Chain, ChainError>,
    /// For how long the outcome is the same: until the validity of any certificate that was looked at begins or ends.
    pub span: Span,
}

/// Verifies that a chain leads from a certificate, whose names have been read, to an anchor of `bundle`, at `now`.
///
/// `presented` is what the client sent beside its leaf, in any order: it may hold steps of the chain, and proves nothing by
/// itself. What is done is taken out of `budget`. Both may serve several bundles.
pub fn verify(
    leaf: &Certificate,
    identity: &Identity,
    presented: &Presented<'_>,
    bundle: &Authorities,
    demands: &Demands,
    now: OffsetDateTime,
    budget: &Budget,
) -> Outcome {
    let mut span = Span::ALWAYS;
    span.narrow(identity.validity(), now);
    let verdict = candidates(leaf, identity, presented, bundle, budget).and_then(|candidates| {
        for authority in candidates.authorities() {
            span.narrow(authority.validity(), now);
        }
        find(leaf, identity, &candidates, demands, now, budget)
    });
    Outcome { verdict, span }
}

fn candidates(
    leaf: &Certificate,
    identity: &Identity,
    presented: &Presented<'_>,
    bundle: &Authorities,
    budget: &Budget,
) -> Result<Candidates, ChainError> {
    if identity.fingerprint() != leaf.fingerprint() {
        return Err(ChainError::Unreadable);
    }
    if budget.is_spent() {
        return Err(ChainError::TooMuchWork);
    }
    profile::leaf(identity)?;
    let fields = leaf.fields().map_err(|_| ChainError::Unreadable)?;
    Ok(Candidates::gather(fields.issuer, presented, bundle))
}

fn find(
    leaf: &Certificate,
    identity: &Identity,
    candidates: &Candidates,
    demands: &Demands,
    now: OffsetDateTime,
    budget: &Budget,
) -> Result<Chain, ChainError> {
    let der = CertificateDer::from(leaf.der());
    let end_entity = EndEntityCert::try_from(&der).map_err(|error| ChainError::of(&error))?;
    profile::pay_for_names(leaf, candidates, budget)?;
    let anchors = candidates.anchors(now);
    let intermediates = candidates.intermediates();
    let originals = candidates.originals();
    let algorithms = algorithms::metered(budget, &originals);
    let algorithms = algorithms.each_ref().map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm);
    let found: RefCell<Result<Vec<_>, _>> = RefCell::new(Err(None));
    let accept = |path: &VerifiedPath<'_>| {
        let above = candidates.on(path, &anchors).ok_or(webpki::Error::UnknownIssuer)?;
        match profile::chain(leaf, identity, &above, demands, budget) {
            Ok(()) => {
                let authorities = above.iter().map(|candidate| Arc::clone(&candidate.authority));
                *found.borrow_mut() = Ok(authorities.collect());
                Ok(())
            }
            Err(error) => {
                *found.borrow_mut() = Err(Some(error));
                // webpki looks for another path.
                Err(webpki::Error::UnknownIssuer)
            }
        }
    };
    let time = unix_time(now)?;
    let verified = end_entity.verify_for_usage(
        &algorithms,
        anchors.as_slice(),
        &intermediates,
        time,
        budget,
        None,
        Some(&accept),
    );
    match (verified, found.into_inner()) {
        (Ok(_), Ok(authorities)) => Ok(Chain { leaf: leaf.fingerprint(), authorities }),
        (Ok(_), Err(refused)) => Err(refused.unwrap_or(ChainError::UnknownIssuer)),
        (Err(_), _) if budget.is_spent() => Err(ChainError::TooMuchWork),
        (Err(error), found) => {
            let error = ChainError::of(&error);
            let refused = found.err().flatten().or_else(|| candidates.problem(now));
            // What was refused here says more.
            let vague = matches!(error, ChainError::UnknownIssuer | ChainError::NotValid);
            Err(refused.filter(|_| vague).unwrap_or(error))
        }
    }
}

fn unix_time(now: OffsetDateTime) -> Result<UnixTime, ChainError> {
    // Nobody had certificates before 1970.
    let seconds = u64::try_from(now.unix_timestamp()).map_err(|_| ChainError::NotValid)?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests;
