//! The audit record: one JSON object for one decision.
//!
//! What the fields are called says [`crate::policy::RecordField`], what each holds `record`, and where each format puts it
//! `format`: a new field does not compile until all three know of it.

pub mod answer;
mod certificate;
pub mod delivery;
mod format;
mod line;
pub mod otlp;
mod privacy;
mod record;
mod recorder;
mod sampling;
mod source;
mod text;
mod value;

pub use format::MAX_LINE_BYTES;
pub use record::{About, Phase, Record};
pub use recorder::Recorder;
pub use sampling::is_recorded;
pub use source::{SOURCE_SCHEMA, SourceRecord};

use crate::metrics::Outcome;
use crate::policy::Decision;

/// The schema that records name in their first field.
pub const SCHEMA: &str = "mtls-policy.audit/1";

/// Keys under which the decision is left in Envoy's filter state, where an access log finds each as `wasm.KEY`.
pub mod filter_state {
    /// `permit`, `deny` or `shadow_deny`.
    pub const DECISION: &str = "mtls_decision";
    /// The reason code of a denial.
    pub const REASON: &str = "mtls_reason";
    /// The name of the route.
    pub const ROUTE: &str = "mtls_route";
    /// The whole record, where the policy says so.
    pub const RECORD: &str = "mtls_record";
}

/// The value of [`filter_state::DECISION`] for `decision`.
pub fn decision_word(decision: &Decision) -> &'static str {
    Outcome::of(decision).word()
}
