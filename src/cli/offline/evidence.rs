//! What is known of revocation without a proxy: lists and responses from files, or a status that a test assumes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mtls_policy::policy::Policy;
use mtls_policy::revocation::crl::Load;
use mtls_policy::revocation::ocsp::{self, Query};
use mtls_policy::revocation::{AssumedBundles, CrlSource, Evidence, Lists, Response, Status, Unknown, Why};
use time::OffsetDateTime;

use crate::cli::trust_bundle;

/// Lists and responses that somebody has at hand.
#[derive(Debug)]
pub(crate) struct Offline {
    lists: Vec<(Arc<CrlSource>, Lists)>,
    response: Option<Vec<u8>>,
    assumed: Option<Status>,
    assumed_bundles: Option<AssumedBundles>,
    now: OffsetDateTime,
}

impl Offline {
    /// Nothing is known yet; responses are read at `now`.
    pub(crate) fn at(now: OffsetDateTime) -> Self {
        Self { lists: Vec::new(), response: None, assumed: None, assumed_bundles: None, now }
    }

    /// Takes a list, DER or PEM, as if a source of the trust bundle `name` had brought it: each the next source, and the last
    /// one what is left. One that cannot be used is what the filter would have, too: a source that failed.
    ///
    /// # Errors
    /// Where the policy has no such bundle, or it fetches nothing, or the file cannot be read.
    pub(crate) fn add_list(&mut self, policy: &Policy, name: &str, path: &Path) -> Result<(), String> {
        let bundle = trust_bundle::named(policy, name)?;
        let fetched = &bundle.revocation().fetched;
        let source = fetched
            .iter()
            .find(|source| self.lists.iter().all(|(known, _)| known != *source))
            .or_else(|| fetched.last())
            .ok_or_else(|| {
                format!("the trust bundle `{name}` fetches no list, which `{}` could be", path.display())
            })?;
        let authorities = bundle.authorities().iter().map(Arc::clone).collect();
        let brought = match Load::new(read(path)?, authorities).finish() {
            Ok(mut loaded) => {
                loaded.head.source = Arc::clone(&source.url);
                Lists::Loaded(vec![Arc::new(loaded.into_list())])
            }
            Err(error) => Lists::Failed(Unknown::new(error.why(), format!("{}: {error}", path.display()))),
        };
        self.lists.push((Arc::clone(source), brought));
        Ok(())
    }

    /// Takes the response of every responder, in DER.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn add_response(&mut self, path: &Path) -> Result<(), String> {
        self.response = Some(read(path)?);
        Ok(())
    }

    /// Whatever lists and responders say of a certificate, it is this.
    pub(crate) fn assume(&mut self, status: Status) {
        self.assumed = Some(status);
    }

    /// Whatever chain a certificate has, these trust bundles vouch for it.
    pub(crate) fn assume_bundles(&mut self, bundles: AssumedBundles) {
        self.assumed_bundles = Some(bundles);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))
}

impl Evidence for Offline {
    fn lists(&self, source: &CrlSource) -> Lists {
        let brought = || self.lists.iter().filter(|(known, _)| **known == *source).map(|(_, lists)| lists);
        let mut loaded = Vec::new();
        for lists in brought() {
            if let Lists::Loaded(lists) = lists {
                loaded.extend(lists.iter().map(Arc::clone));
            }
        }
        match brought().next() {
            None => Lists::Failed(Unknown::new(Why::Missing, format!("no list of {} was given", source.url))),
            Some(failed) if loaded.is_empty() => failed.clone(),
            Some(_) => Lists::Loaded(loaded),
        }
    }

    fn response(&self, query: &Query<'_>) -> Response {
        let Some(response) = &self.response else {
            let detail = format!("no response of {} was given", query.responder.url);
            return Response::Failed(Unknown::new(Why::Missing, detail));
        };
        match ocsp::read(response, query, None, self.now) {
            Ok(answer) => Response::Answered(Arc::new(answer)),
            Err(error) => Response::Failed(error.into()),
        }
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn assumed(&self) -> Option<Status> {
        self.assumed.clone()
    }

    fn assumed_bundles(&self) -> Option<AssumedBundles> {
        self.assumed_bundles.clone()
    }
}
