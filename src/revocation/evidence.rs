//! What a decision may ask about revocation beside the policy.

use std::sync::Arc;

use super::crl::List;
use super::ocsp;
use super::{CrlSource, Status, Unknown, Why};

/// Answers what has been fetched so far. Asking has no effect on the answer; whoever answers may take it as the wish to have it.
pub trait Evidence {
    /// The lists that a source has brought, of those that the policy's authorities signed.
    fn lists(&self, source: &CrlSource) -> Lists;

    /// What the responder says of a certificate.
    fn response(&self, query: &ocsp::Query<'_>) -> Response;

    /// Whether the request may be asked about again later; if not, what is not known now is unknown.
    fn may_wait(&self) -> bool;

    /// What lists and responders are taken to say, whatever they say: for tests of policies, whose certificates no CA issued.
    fn assumed(&self) -> Option<Status> {
        None
    }

    /// The trust bundles that are taken to vouch for every certificate, in place of a chain: for the same tests.
    fn assumed_bundles(&self) -> Option<AssumedBundles> {
        None
    }
}

/// Which trust bundles vouch for a certificate, without a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssumedBundles {
    /// Whichever a route names.
    Any,
    /// The one of this name.
    Named(String),
    /// None.
    None,
}

impl AssumedBundles {
    /// Whether one of them has this name.
    pub fn contain(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(known) => known == name,
            Self::None => false,
        }
    }
}

/// What a source of lists has brought.
#[derive(Debug, Clone)]
pub enum Lists {
    /// These lists, checked: what they say is what an authority signed.
    Loaded(Vec<Arc<List>>),
    /// Nothing yet; it is being fetched.
    Loading,
    /// Nothing so far, and the last attempt failed.
    Failed(Unknown),
}

/// What a responder has answered.
#[derive(Debug, Clone)]
pub enum Response {
    /// This, checked but for its dates.
    Answered(Arc<ocsp::Answer>),
    /// Nothing yet; it has been asked, or will be.
    Pending,
    /// Nothing that can be used.
    Failed(Unknown),
}

/// Nothing was fetched, and nothing will be.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvidence;

impl Evidence for NoEvidence {
    fn lists(&self, _source: &CrlSource) -> Lists {
        Lists::Failed(Unknown::new(Why::Missing, "the list was not given"))
    }

    fn response(&self, _query: &ocsp::Query<'_>) -> Response {
        Response::Failed(Unknown::new(Why::Missing, "no response was given"))
    }

    fn may_wait(&self) -> bool {
        false
    }
}
