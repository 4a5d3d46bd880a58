//! What a route wants to know of revocation, and what it does where that cannot be told.

use std::time::Duration;

use crate::revocation::Method;

/// The rule `revocation` of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRules {
    /// How the status is found out, in this order: the first that can tell decides. Not empty, none twice.
    pub methods: Vec<Method>,
    /// Of which certificates it is found out.
    pub scope: Scope,
    /// What happens to a certificate whose status none can tell.
    pub on_unknown: OnUnknown,
    /// How long after its `nextUpdate` a list or response is still believed.
    pub stale_grace: Duration,
    /// What happens while a source has not been fetched for the first time.
    pub while_loading: WhileLoading,
}

/// Of which certificates it is found out whether they were revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of the client's own.
    Leaf,
    /// Of the client's own and of every intermediate up to the anchor.
    Chain,
}

/// What happens to a certificate whose status cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// Its holder is denied.
    Deny,
    /// It is taken as good.
    Allow,
}

/// What happens to a certificate while a list that may name it has not come for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileLoading {
    /// The request waits for so long, and then it is [`OnUnknown`] that says what happens.
    Wait(Duration),
    /// Its holder is denied.
    Deny,
    /// It is taken as good.
    Allow,
}
