//! What a decision does to a request: change its headers and let it pass, or answer it.

mod accept;
mod forward;
mod headers;
mod reply;

pub use headers::{HeaderChanges, trailers_to_remove};
pub use reply::{GrpcStatus, Reply};

use crate::policy::{Decision, DecisionId, Policy, Route};
use crate::request::Headers;

/// The header of an answer that names the decision.
pub const DECISION_ID: &str = "x-mtls-decision-id";

/// What happens to a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes to the upstream, with these changes to its headers.
    Pass(HeaderChanges),
    /// It is answered.
    Reply(Reply),
}

impl Outcome {
    /// What `decision` by `policy` does to the request with `headers`; `None` where they could not be read.
    pub fn of(decision: &Decision, policy: &Policy, headers: Option<&Headers>, id: DecisionId) -> Self {
        match (decision.enforced_denial(), headers) {
            (Some(denial), _) => {
                let on_deny = decision.route().map_or(policy.on_deny(), Route::on_deny);
                Self::Reply(Reply::to(denial, on_deny, headers, id))
            }
            (None, Some(headers)) => Self::Pass(HeaderChanges::new(decision, policy, headers, id)),
            // A decision that lets pass has read the headers; were it otherwise, nothing may pass unstripped.
            (None, None) => Self::Reply(Reply::refusal(500, id)),
        }
    }
}
