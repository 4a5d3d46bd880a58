//! The record of a source of lists: one JSON object for each attempt that brought something new, or failed.

use serde::Serialize;
use time::OffsetDateTime;

use super::{Text, rfc3339, to_line};
use crate::revocation::CrlSource;
use crate::revocation::crl::Head;

/// The schema that these records name in their first field.
pub const SOURCE_SCHEMA: &str = "mtls-policy.source/1";

/// What became of an attempt to fetch a list.
#[derive(Debug, Serialize)]
pub struct SourceRecord<'a> {
    schema: &'static str,
    time: Option<String>,
    source: Text,
    cluster: &'a str,
    result: &'static str,
    detail: Option<Text>,
    /// The list in force after the attempt.
    list: Option<ListFields>,
}

#[derive(Debug, Serialize)]
struct ListFields {
    issuer: Text,
    number: String,
    this_update: Option<String>,
    next_update: Option<String>,
    entries: u32,
}

impl<'a> SourceRecord<'a> {
    /// Records an attempt that ended at `now`. `result` is a stable word, `detail` is for people, and `list` is in force after it.
    pub fn new(
        source: &'a CrlSource,
        result: &'static str,
        detail: Option<&str>,
        list: Option<&Head>,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            schema: SOURCE_SCHEMA,
            time: rfc3339(now),
            source: Text::new(&source.url),
            cluster: &source.cluster,
            result,
            detail: detail.map(Text::new),
            list: list.map(|head| ListFields {
                issuer: Text::display(head.issuer.name()),
                number: base16ct::lower::encode_string(head.number.octets()),
                this_update: rfc3339(head.this_update),
                next_update: rfc3339(head.next_update),
                entries: head.entries,
            }),
        }
    }

    /// The record as one line of JSON, in ASCII.
    pub fn to_line(&self) -> String {
        to_line(self).unwrap_or_else(|| format!("{{\"schema\":\"{SOURCE_SCHEMA}\"}}"))
    }
}
