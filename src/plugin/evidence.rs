//! What a plugin knows of revocation, as one decision asks for it.

use std::cell::RefCell;

use time::OffsetDateTime;

use super::guard::Guard;
use crate::cert::Fingerprint;
use crate::revocation::ocsp::Query;
use crate::revocation::{CrlSource, Evidence, Lists, Response, Unknown, Why};

/// The evidence of a plugin, and a note of what was asked for and is not there.
pub(super) struct Gathered<'a> {
    guard: &'a Guard,
    patience: Patience,
    now: Option<OffsetDateTime>,
    missing: RefCell<Missing>,
}

/// Whether the request may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It may.
    Some,
    /// It has waited, or cannot.
    None,
    /// Too many others do.
    Overloaded,
}

/// What was not there. Lists are not named: with every new list all who wait are asked again.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// The keys of queries that were not answered.
    pub(super) responses: Vec<Fingerprint>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(guard: &'a Guard, patience: Patience, now: Option<OffsetDateTime>) -> Self {
        Self { guard, patience, now, missing: RefCell::default() }
    }

    pub(super) fn into_missing(self) -> Missing {
        self.missing.into_inner()
    }
}

impl Evidence for Gathered<'_> {
    fn lists(&self, source: &CrlSource) -> Lists {
        let lists = self.guard.lists.borrow().get(source, self.now);
        match (&lists, self.patience) {
            (Lists::Loading, Patience::Overloaded) => Lists::Failed(overloaded()),
            (Lists::Loading, Patience::Some | Patience::None) | (Lists::Loaded(_) | Lists::Failed(_), _) => {
                lists
            }
        }
    }

    fn response(&self, query: &Query<'_>) -> Response {
        let Some(now) = self.now else {
            return Response::Failed(Unknown::new(Why::Unavailable, "the clock cannot be read"));
        };
        let key = query.key();
        let response = self.guard.responses.borrow_mut().get(key, query, now);
        match (&response, self.patience) {
            (Response::Pending, Patience::Overloaded) => Response::Failed(overloaded()),
            (Response::Pending, Patience::Some | Patience::None) => {
                self.missing.borrow_mut().responses.push(key);
                response
            }
            (Response::Answered(_) | Response::Failed(_), _) => response,
        }
    }

    fn may_wait(&self) -> bool {
        self.patience == Patience::Some
    }
}

fn overloaded() -> Unknown {
    Unknown::new(Why::Overloaded, "too many requests wait for evidence")
}
