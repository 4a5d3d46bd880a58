//! How denied requests are answered.

/// How a denied request is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnDeny {
    pub(super) status: Option<u16>,
    pub(super) body: Option<String>,
}

impl OnDeny {
    /// HTTP status of denials that the client's identity is the reason of, 400 to 599; `None` leaves it to the reason.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Body of the answer; `{decision_id}` in it stands for the decision's id.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }
}
