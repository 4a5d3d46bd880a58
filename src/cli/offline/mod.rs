//! Requests and clients that no proxy has seen, described by people: what the engine asks is answered from here.

pub(crate) mod certificates;
mod chosen;
mod distinguished_name;
mod evidence;
mod forwarded;
pub(crate) mod issuers;
pub(crate) mod mint;
mod one_or_many;
mod situation;
mod target;

pub(crate) use chosen::Chosen;
pub(crate) use evidence::Offline;
pub(crate) use forwarded::forward;
pub(crate) use one_or_many::OneOrMany;
pub(crate) use situation::{Certificate, Connection, Situation, Tls, Token, default_metadata};
pub(crate) use target::Target;

use mtls_policy::facts::Facts as _;
use mtls_policy::policy::DecisionId;
use mtls_policy::request::Headers;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The id of decisions that are made offline.
pub(crate) const DECISION_ID: DecisionId = DecisionId { vm: 0, sequence: 0 };

/// The headers of a described request, which can always be read.
pub(crate) fn headers_of(situation: &Situation) -> Option<&Headers> {
    situation.headers().ok()
}

/// A time as people write it: RFC 3339, such as `2026-01-01T00:00:00Z`.
pub(crate) fn parse_time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| format!("`{text}` is not a time such as `2026-01-01T00:00:00Z`"))
}
