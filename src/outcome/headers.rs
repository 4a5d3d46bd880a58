//! The headers that the upstream gets.

use std::borrow::Cow;

use super::forward;
use crate::policy::{CLIENT_VERIFY, Client, Decision, DecisionId, Policy, Verification, XfccUse};
use crate::request::{Headers, XFCC, compare_names};

/// Changes to the headers of a request, removals first.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Names of headers to remove, as the client sent them.
    pub remove: Vec<String>,
    /// Headers to set, no name twice.
    pub set: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

impl HeaderChanges {
    pub(super) fn new(decision: &Decision, policy: &Policy, headers: &Headers, id: DecisionId) -> Self {
        let own = policy.own_headers();
        let mut remove: Vec<String> = headers
            .names()
            .filter(|name| own.contains(name) || is_other_xfcc(name))
            .map(str::to_owned)
            .collect();
        let mut set = Vec::new();
        let (verify, xfcc) = match decision.verdict().map(|permit| permit.client()) {
            Ok(client) => {
                let xfcc = decision.route().map_or(XfccUse::Remove, |route| route.forward().xfcc());
                match client {
                    Client::Verified => {
                        set = forward::headers(decision, headers, id);
                        ("SUCCESS", xfcc)
                    }
                    Client::Unverified => {
                        set = forward::digests(decision, id);
                        // Envoy's own header holds names.
                        ("UNVERIFIED", XfccUse::Remove)
                    }
                    Client::Anonymous => match policy.verification() {
                        Verification::Envoy(_) => ("NONE", xfcc),
                        // It holds names that nobody may have verified.
                        Verification::Plugin => ("NONE", XfccUse::Remove),
                    },
                }
            }
            // Only a permit says anything of the client: a shadowed denial passes as if it were anonymous, and an
            // upstream that goes by Envoy's own header must not grant what the policy denied.
            Err(_) => ("NONE", XfccUse::Remove),
        };
        match xfcc {
            XfccUse::Keep => {}
            XfccUse::Remove => {
                remove.extend(headers.names().filter(|name| *name == XFCC).map(str::to_owned));
            }
        }
        set.push((Cow::Borrowed(CLIENT_VERIFY), Cow::Borrowed(verify)));
        Self { remove, set }
    }
}

/// Those of the names of a request's trailers that must not reach the upstream, for some servers merge trailers into
/// headers: what the policy may set, and Envoy's own header, which no trailer is.
pub fn trailers_to_remove<'a>(policy: &Policy, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let own = policy.own_headers();
    names.filter(|name| own.contains(name) || is_xfcc(name)).map(str::to_owned).collect()
}

/// Whether some server reads `name` as Envoy's own header, which Envoy does not: it lets what a client sends pass.
fn is_other_xfcc(name: &str) -> bool {
    name.len() == XFCC.len() && name != XFCC && is_xfcc(name)
}

fn is_xfcc(name: &str) -> bool {
    compare_names(name, XFCC).is_eq()
}
