//! What a decision comes to, as it is counted.

use crate::policy::{Client, Decision, Reason};

/// What became of a request, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It may pass; counted with what that rests on.
    Permit(Client),
    /// It was denied.
    Deny(Reason),
    /// It would have been denied, and has passed.
    ShadowDeny(Reason),
}

impl Outcome {
    /// Of a decision.
    pub fn of(decision: &Decision) -> Self {
        match (decision.verdict(), decision.enforced_denial()) {
            (Ok(permit), _) => Self::Permit(permit.client()),
            (Err(_), Some(denial)) => Self::Deny(denial.reason()),
            (Err(denial), None) => Self::ShadowDeny(denial.reason()),
        }
    }

    /// The word for it in names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit(_) => "permit",
            Self::Deny(_) => "deny",
            Self::ShadowDeny(_) => "shadow_deny",
        }
    }

    /// The reason's code; of a permit what is known of the client.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Permit(client) => client.as_str(),
            Self::Deny(reason) | Self::ShadowDeny(reason) => reason.code(),
        }
    }
}
