//! Where a trust bundle has its revocation data from.

use std::sync::Arc;
use std::time::Duration;

use super::DenyList;
use super::crl::List;
use super::ocsp::Responder;

/// The revocation data of one trust bundle.
#[derive(Debug, Default)]
pub struct Sources {
    /// What the policy itself calls revoked.
    pub denied: DenyList,
    /// Lists that stand in the policy.
    pub lists: Vec<Arc<List>>,
    /// Lists that are fetched.
    pub fetched: Vec<Arc<CrlSource>>,
    /// Whom to ask about single certificates.
    pub responder: Option<Arc<Responder>>,
}

/// A list that is fetched over HTTP, through a cluster of the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CrlSource {
    /// The cluster of the proxy.
    pub cluster: Box<str>,
    /// Where the list is: an absolute `http` or `https` URL, of which the cluster decides what is connected to.
    pub url: Arc<str>,
    /// How often it is asked for.
    pub refresh: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
}
