//! The record of a source of lists: one JSON object for each attempt that brought something new, or failed.

use time::OffsetDateTime;

use super::line::Line;
use super::text::Text;
use super::value::Value;
use crate::revocation::CrlSource;
use crate::revocation::crl::Head;

/// The schema that these records name in their first field.
pub const SOURCE_SCHEMA: &str = "mtls-policy.source/1";

/// What became of an attempt to fetch a list.
#[derive(Debug)]
pub struct SourceRecord<'a> {
    source: &'a CrlSource,
    result: &'static str,
    detail: Option<&'a str>,
    list: Option<&'a Head>,
    now: OffsetDateTime,
}

impl<'a> SourceRecord<'a> {
    /// Records an attempt that ended at `now`. `result` is a stable word, `detail` is for people, and `list` is in force after it.
    pub fn new(
        source: &'a CrlSource,
        result: &'static str,
        detail: Option<&'a str>,
        list: Option<&'a Head>,
        now: OffsetDateTime,
    ) -> Self {
        Self { source, result, detail, list, now }
    }

    /// The record as one line of JSON, in ASCII.
    pub fn to_line(&self) -> String {
        let mut line = Line::new();
        line.open();
        write(&mut line, "schema", Value::Word(SOURCE_SCHEMA));
        write(&mut line, "time", Value::Time(self.now));
        write(&mut line, "source", Value::Text(Text::new(&self.source.url)));
        // Of bounded length by the policy's own rules.
        line.key("cluster");
        line.string(&self.source.cluster);
        write(&mut line, "result", Value::Word(self.result));
        write(&mut line, "detail", self.detail.map(|detail| Value::Text(Text::new(detail))).into());
        line.key("list");
        match self.list {
            None => line.null(),
            Some(head) => {
                line.open();
                write(&mut line, "issuer", Value::Text(Text::display(head.issuer.name())));
                line.key("number");
                line.string(&hex::encode(head.number.octets()));
                write(&mut line, "this_update", Value::Time(head.this_update));
                write(&mut line, "next_update", Value::Time(head.next_update));
                write(&mut line, "entries", Value::Number(head.entries.into()));
                line.close();
            }
        }
        line.close();
        line.finish()
    }
}

fn write(line: &mut Line, key: &'static str, value: Value) {
    line.key(key);
    value.write(line);
}
