//! Finds the records in files of lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use mtls_policy::audit::SCHEMA;
use serde::Deserialize;
use serde_json::Value;

use super::record::Record;
use crate::cli::input;

/// Longest line that is read, in bytes. A record has some ten kilobytes at most; an export holds hundreds of them in one line.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Deepest that wrapped lines are looked into: a log's JSON around a log's line around a record.
const MAX_WRAPPINGS: usize = 3;

/// What lines were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    /// Records.
    pub(crate) records: u64,
    /// Lines without one.
    pub(crate) other_lines: u64,
    /// Lines that should hold one, and cannot be read.
    pub(crate) unreadable: u64,
    /// Lines that are too long.
    pub(crate) too_long: u64,
    /// Lines with a record by the names of ECS or OCSF.
    pub(crate) other_formats: u64,
}

impl Counts {
    /// What was passed over, for people; `None` if nothing was.
    pub(crate) fn skipped(&self) -> Option<String> {
        let kinds = [
            (self.other_lines, "without a record"),
            (self.unreadable, "with a record that cannot be read"),
            (self.too_long, "too long"),
            (self.other_formats, "in the format `ecs` or `ocsf`, which cannot be read here"),
        ];
        let kinds: Vec<String> = kinds
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", super::counted(count, "line")))
            .collect();
        (!kinds.is_empty()).then(|| format!("skipped {}", kinds.join(", ")))
    }
}

/// Calls `visit` with each record of the files, one after the other; `-` is the standard input. What is in memory is one line.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn each_record(files: &[PathBuf], mut visit: impl FnMut(Record)) -> Result<Counts, String> {
    let mut counts = Counts::default();
    for file in files {
        each_line(file, &mut counts, &mut visit)
            .map_err(|error| format!("{}: cannot be read: {error}", input::name(file)))?;
    }
    Ok(counts)
}

fn each_line(path: &Path, counts: &mut Counts, visit: &mut impl FnMut(Record)) -> io::Result<()> {
    if path == Path::new("-") {
        return in_lines(io::stdin().lock(), counts, visit);
    }
    in_lines(BufReader::with_capacity(256 * 1024, File::open(path)?), counts, visit)
}

fn in_lines(mut reader: impl BufRead, counts: &mut Counts, visit: &mut impl FnMut(Record)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if read > MAX_LINE_BYTES && !line.ends_with(b"\n") {
            counts.too_long += 1;
            skip_line(&mut reader)?;
            continue;
        }
        in_line(&line, counts, visit);
    }
}

/// The rest of a line, piece by piece.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let length = piece.len();
        reader.consume(end.map_or(length, |end| end + 1));
        if end.is_some() {
            return Ok(());
        }
    }
}

fn in_line(line: &[u8], counts: &mut Counts, visit: &mut impl FnMut(Record)) {
    let text = String::from_utf8_lossy(line);
    let found = |counts: &Counts| counts.records + counts.unreadable + counts.other_formats;
    let before = found(counts);
    in_text(text.trim(), MAX_WRAPPINGS, counts, visit);
    if found(counts) == before && !text.trim().is_empty() {
        counts.other_lines += 1;
    }
}

/// Looks for records in a line, or in a text that a line wraps.
fn in_text(text: &str, wrappings: usize, counts: &mut Counts, visit: &mut impl FnMut(Record)) {
    let Some(json) = json_in(text) else { return };
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        Some(Err(_)) | None => {
            if json.contains(SCHEMA) {
                counts.unreadable += 1;
            }
            return;
        }
    };
    in_value(value, wrappings, counts, visit);
}

fn in_value(value: Value, wrappings: usize, counts: &mut Counts, visit: &mut impl FnMut(Record)) {
    if value.get("schema").and_then(Value::as_str) == Some(SCHEMA) {
        match Record::deserialize(value) {
            Ok(record) => {
                counts.records += 1;
                visit(record);
            }
            Err(_) => counts.unreadable += 1,
        }
        return;
    }
    if is_of_another_format(&value) {
        counts.other_formats += 1;
        return;
    }
    let Some(less) = wrappings.checked_sub(1) else { return };
    // What Docker, Istio and others make of a line of a log; and an access log with the record in it.
    for key in ["log", "msg", "message", "textPayload", "mtls_record", "wasm.mtls_record"] {
        if let Some(text) = value.get(key).and_then(Value::as_str) {
            in_text(text.trim(), less, counts, visit);
        }
    }
    // OTLP in JSON, as collectors write it to files.
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    for resource in list(&value, "resourceLogs") {
        for scope in list(&resource, "scopeLogs") {
            for log in list(&scope, "logRecords") {
                let body = log.get("body").and_then(|body| body.get("stringValue")).and_then(Value::as_str);
                if let Some(body) = body {
                    in_text(body.trim(), less, counts, visit);
                }
            }
        }
    }
}

/// Whether it is a record by the names of ECS or OCSF: neither has places for all that is asked for here.
fn is_of_another_format(value: &Value) -> bool {
    let ours = |at: &str| value.pointer(at).is_some_and(Value::is_object);
    ours("/mtls_policy") && value.pointer("/ecs/version").is_some()
        || ours("/unmapped") && value.pointer("/class_uid").is_some()
}

/// The JSON in a line: the whole of it, or what follows the prefix of Envoy's log.
///
/// Clients write texts into other lines of a log, their paths into that of an access log above all: a record counts only where it
/// begins the line, or after words that Envoy itself wrote and no text of a client can come before, for it would stand in quotes.
fn json_in(text: &str) -> Option<&str> {
    /// What Envoy writes before what a plugin says.
    const MARK: &str = "wasm log";
    if text.starts_with('{') {
        return Some(text);
    }
    let at = text.find('{')?;
    let (prefix, json) = (text.get(..at)?, text.get(at..)?);
    let is_plain = !prefix.contains('"') && prefix.trim_end().ends_with([':', 'g']);
    (is_plain && prefix.contains(MARK)).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Counts, Vec<String>) {
        let (mut counts, mut ids) = (Counts::default(), Vec::new());
        in_lines(text.as_bytes(), &mut counts, &mut |record: Record| ids.extend(record.id)).unwrap();
        (counts, ids)
    }

    const RECORD: &str = r#"{"schema":"mtls-policy.audit/1","id":"a-0"}"#;

    #[test]
    fn a_record_is_found_alone_behind_the_prefix_of_a_log_and_in_what_wraps_it() {
        let quoted = serde_json::to_string(&format!("[1][wasm] wasm log mtls: {RECORD}")).unwrap();
        for line in [
            RECORD.to_owned(),
            format!(
                "[2026-11-21 20:00:00.000][12][warning][wasm] [source/extensions/common/wasm/context.cc:1198] wasm log mtls: {RECORD}"
            ),
            format!("2026-11-21T20:00:00.000Z stderr F [x][12][warning][wasm] [a.cc:1] wasm log: {RECORD}"),
            format!(
                "2026-11-21T20:00:00Z\twarning\tenvoy wasm a.cc:1198\twasm log mtls: {RECORD}\tthread=21"
            ),
            format!(r#"{{"log":{quoted},"stream":"stderr"}}"#),
            format!(r#"{{"status":200,"mtls_record":{}}}"#, serde_json::to_string(RECORD).unwrap()),
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":{}}}}}]}}]}}]}}"#,
                serde_json::to_string(RECORD).unwrap()
            ),
        ] {
            let (counts, ids) = found(&line);
            assert_eq!(
                (counts.records, counts.other_lines, ids.as_slice()),
                (1, 0, &["a-0".to_owned()][..]),
                "{line}"
            );
        }
    }

    #[test]
    fn what_a_client_wrote_into_a_line_is_no_record() {
        for line in [
            format!(r#"[2026-11-21T20:00:00Z] "GET /wasm log: {RECORD} HTTP/1.1" 403"#),
            format!("GET /{RECORD}"),
            format!(r#"{{"path":{}}}"#, serde_json::to_string(RECORD).unwrap()),
            "nothing".to_owned(),
            r#"{"schema":"mtls-policy.audit.source/1"}"#.to_owned(),
        ] {
            let (counts, ids) = found(&line);
            assert_eq!((counts.records, counts.other_lines, ids.len()), (0, 1, 0), "{line}");
        }
    }

    #[test]
    fn records_of_other_formats_are_counted_as_such() {
        let ecs =
            r#"{"@timestamp":"2026-11-21T20:00:00Z","ecs":{"version":"8.17.0"},"mtls_policy":{"id":"a-0"}}"#;
        let ocsf = r#"{"class_uid":4002,"unmapped":{"id":"a-0"}}"#;
        let others = r#"{"@timestamp":"2026-11-21T20:00:00Z","ecs":{"version":"8.17.0"}}"#;
        let (counts, ids) = found(&format!("{ecs}\n{ocsf}\n{others}\n"));
        assert_eq!((counts.other_formats, counts.other_lines, ids.len()), (2, 1, 0));
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_the_rest_is_read() {
        let cut = RECORD.strip_suffix('}').unwrap();
        let wrong = r#"{"schema":"mtls-policy.audit/1","certificate":7}"#;
        let long = format!("{}\n", "x".repeat(MAX_LINE_BYTES + 10));
        let (counts, ids) = found(&format!("{cut}\n{wrong}\n\n{long}{RECORD}\n"));
        let wanted = Counts { records: 1, other_lines: 0, unreadable: 2, too_long: 1, other_formats: 0 };
        assert_eq!((counts, ids.len()), (wanted, 1));
        assert_eq!(
            counts.skipped().unwrap(),
            "skipped 2 lines with a record that cannot be read, 1 line too long"
        );
    }
}
