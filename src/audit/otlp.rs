//! Audit records as OpenTelemetry log records: the JSON of OTLP/HTTP.
//!
//! The body of a log record is the audit record's line as it is, as a string: nothing of it is lost or renamed on the way, whoever
//! reads records from Envoy's log reads these too, and it is written once. What collectors route and filter by stands beside it
//! as attributes.
//!
//! Written by hand: it is a handful of members whose shape is fixed (opentelemetry-proto, `logs.proto`, as the OTLP specification,
//! section "JSON Protobuf Encoding", writes it: names in lower camel case, 64-bit integers as decimal strings, trace and span ids in
//! hex, enumerations as numbers).

use std::rc::Rc;

use time::OffsetDateTime;

use crate::cert::Fingerprint;

/// The content type of a request.
pub const CONTENT_TYPE: &str = "application/json";

/// The name of the event that every log record is.
const EVENT_NAME: &str = "mtls_policy.decision";

/// What a batch begins and ends with, and what stands between the records of a resource and before the next, in bytes, about.
const FRAME_BYTES: usize = 256;

/// Who a log record comes from, as JSON: one VM and the policy that it decides by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource(Rc<str>);

impl Resource {
    /// A VM, by the number that its decisions bear, with its policy.
    pub fn new(vm: u64, policy: Fingerprint) -> Resource {
        let mut json = String::with_capacity(FRAME_BYTES);
        json.push_str("{\"attributes\":[");
        push_attribute(&mut json, "service.name", env!("CARGO_PKG_NAME"));
        json.push(',');
        push_attribute(&mut json, "service.version", env!("CARGO_PKG_VERSION"));
        json.push(',');
        push_attribute(&mut json, "service.instance.id", &format!("{vm:016x}"));
        json.push(',');
        push_attribute(&mut json, "mtls_policy.policy", &policy.to_string());
        json.push_str("]}");
        Resource(json.into())
    }
}

/// How much a log record wants to be looked at (OpenTelemetry's `SeverityNumber`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A permit.
    Info,
    /// A denial, enforced or not.
    Warn,
}

impl Severity {
    fn number_and_text(self) -> (&'static str, &'static str) {
        match self {
            Self::Info => ("9", "INFO"),
            Self::Warn => ("13", "WARN"),
        }
    }
}

/// One audit record on its way.
#[derive(Debug)]
pub struct LogRecord<'a> {
    /// When it was decided.
    pub time: Option<OffsetDateTime>,
    /// How much it wants to be looked at.
    pub severity: Severity,
    /// The record's line.
    pub line: &'a str,
    /// What collectors route by; none is written for `None`.
    pub attributes: &'a [(&'static str, Option<&'a str>)],
    /// The request's header `traceparent`.
    pub traceparent: Option<&'a [u8]>,
}

impl LogRecord<'_> {
    /// The log record as JSON.
    pub fn to_json(&self) -> String {
        // A line is full of quotes, each of which becomes two bytes.
        let mut json = String::with_capacity(self.line.len() + self.line.len() / 4 + 512);
        json.push('{');
        let nanos = self.time.and_then(|time| u64::try_from(time.unix_timestamp_nanos()).ok());
        if let Some(nanos) = nanos {
            let nanos = nanos.to_string();
            // It is observed where it happens.
            for name in ["\"timeUnixNano\":\"", "\"observedTimeUnixNano\":\""] {
                json.push_str(name);
                json.push_str(&nanos);
                json.push_str("\",");
            }
        }
        let (number, text) = self.severity.number_and_text();
        json.push_str("\"severityNumber\":");
        json.push_str(number);
        json.push_str(",\"severityText\":\"");
        json.push_str(text);
        json.push_str("\",\"eventName\":\"");
        json.push_str(EVENT_NAME);
        json.push_str("\",\"body\":{\"stringValue\":");
        push_string(&mut json, self.line);
        json.push_str("},\"attributes\":[");
        let known = self.attributes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        for (number, (name, value)) in known.enumerate() {
            if number > 0 {
                json.push(',');
            }
            push_attribute(&mut json, name, value);
        }
        json.push(']');
        if let Some(trace) = self.traceparent.and_then(TraceParent::parse) {
            json.push_str(",\"traceId\":\"");
            json.push_str(trace.trace_id);
            json.push_str("\",\"spanId\":\"");
            json.push_str(trace.span_id);
            json.push_str("\",\"flags\":");
            json.push_str(&trace.flags.to_string());
        }
        json.push('}');
        json
    }
}

/// The body of a request with these log records, as [`LogRecord::to_json`] made them, each with its resource. Neighbours of one
/// resource share its mention.
pub fn request_body<'a>(records: impl Iterator<Item = (&'a Resource, &'a str)> + Clone) -> String {
    let length: usize = records.clone().map(|(_, json)| json.len() + 1).sum();
    let mut body = String::with_capacity(length + 2 * FRAME_BYTES);
    body.push_str("{\"resourceLogs\":[");
    let mut last: Option<&Resource> = None;
    for (resource, json) in records {
        match last {
            Some(last) if last == resource => body.push(','),
            Some(_) => {
                body.push_str(RESOURCE_END);
                body.push(',');
                begin_resource(&mut body, resource);
            }
            None => begin_resource(&mut body, resource),
        }
        last = Some(resource);
        body.push_str(json);
    }
    if last.is_some() {
        body.push_str(RESOURCE_END);
    }
    body.push_str("]}");
    body
}

const RESOURCE_END: &str = "]}]}";

fn begin_resource(body: &mut String, resource: &Resource) {
    body.push_str("{\"resource\":");
    body.push_str(&resource.0);
    body.push_str(",\"scopeLogs\":[{\"scope\":{\"name\":");
    push_string(body, concat!(env!("CARGO_PKG_NAME"), ".audit"));
    body.push_str(",\"version\":");
    push_string(body, env!("CARGO_PKG_VERSION"));
    body.push_str("},\"logRecords\":[");
}

fn push_attribute(json: &mut String, name: &str, value: &str) {
    json.push_str("{\"key\":");
    push_string(json, name);
    json.push_str(",\"value\":{\"stringValue\":");
    push_string(json, value);
    json.push_str("}}");
}

/// Writes a JSON string in ASCII, whatever it holds.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    // Whole runs at once: almost all that is to be escaped is quotes.
    while let Some(at) = rest.find(|letter| !is_plain(letter)) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        json.push_str(plain);
        let mut letters = special.chars();
        if let Some(letter) = letters.next() {
            push_escaped(json, letter);
        }
        rest = letters.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

fn is_plain(letter: char) -> bool {
    matches!(letter, ' '..='~') && letter != '"' && letter != '\\'
}

fn push_escaped(json: &mut String, letter: char) {
    if matches!(letter, '"' | '\\') {
        json.push('\\');
        json.push(letter);
        return;
    }
    for unit in letter.encode_utf16(&mut [0; 2]) {
        json.push_str("\\u");
        for shift in [12, 8, 4, 0] {
            json.push(char::from_digit(u32::from(*unit >> shift) & 0xf, 16).unwrap_or('0'));
        }
    }
}

/// What the header `traceparent` says (W3C Trace Context, section 3.2).
#[derive(Debug, PartialEq, Eq)]
struct TraceParent<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    flags: u8,
}

impl<'a> TraceParent<'a> {
    /// `None` for what a vendor must take for no header at all. It is the client's word: nothing but hex leaves this.
    fn parse(value: &'a [u8]) -> Option<TraceParent<'a>> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next()?;
            let is_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
            (part.len() == digits && part.bytes().all(is_hex)).then_some(part)
        };
        let (version, trace_id, span_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
        // Later versions may add parts, version 00 has no more.
        let is_known = match version {
            "ff" => false,
            "00" => parts.next().is_none(),
            _ => true,
        };
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (is_known && !is_zero(trace_id) && !is_zero(span_id)).then_some(TraceParent {
            trace_id,
            span_id,
            flags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn record(line: &str) -> LogRecord<'_> {
        LogRecord { time: None, severity: Severity::Info, line, attributes: &[], traceparent: None }
    }

    fn read(json: &str) -> Value {
        assert!(json.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{json}");
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_log_record_holds_the_line_and_what_collectors_route_by() {
        let line = r#"{"schema":"mtls-policy.audit/1","detail":"a \"b\" \\ c"}"#;
        let time = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_789).ok();
        let record = LogRecord {
            time,
            severity: Severity::Warn,
            line,
            attributes: &[
                ("mtls_policy.decision", Some("deny")),
                ("mtls_policy.reason", None),
                ("x", Some("y")),
            ],
            traceparent: Some(TRACEPARENT.as_bytes()),
        };
        assert_eq!(
            read(&record.to_json()),
            json!({
                "timeUnixNano": "1800000000123456789",
                "observedTimeUnixNano": "1800000000123456789",
                "severityNumber": 13,
                "severityText": "WARN",
                "eventName": "mtls_policy.decision",
                "body": { "stringValue": line },
                "attributes": [
                    { "key": "mtls_policy.decision", "value": { "stringValue": "deny" } },
                    { "key": "x", "value": { "stringValue": "y" } },
                ],
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "b7ad6b7169203331",
                "flags": 1,
            })
        );
    }

    #[test]
    fn without_a_time_and_a_trace_their_members_are_left_out() {
        assert_eq!(
            read(&record("{}").to_json()),
            json!({
                "severityNumber": 9,
                "severityText": "INFO",
                "eventName": "mtls_policy.decision",
                "body": { "stringValue": "{}" },
                "attributes": [],
            })
        );
    }

    #[test]
    fn any_text_comes_out_as_it_went_in() {
        for hostile in
            ["", "\"", "\\", "a\n\r\0\u{1f}\u{7f}\u{85}\u{2028}\u{202e}\"\\\u{1f600}é", "}]}", "\\\""]
        {
            let read = read(&record(hostile).to_json());
            assert_eq!(read["body"]["stringValue"], hostile);
        }
    }

    #[test]
    fn a_request_mentions_a_resource_once_for_its_neighbouring_records() {
        let first = Resource::new(0x1f, Fingerprint::of(b"a"));
        let second = Resource::new(0x20, Fingerprint::of(b"b"));
        let json: Vec<String> = ["1", "2", "3"].map(|line| record(line).to_json()).into();
        let body = request_body([(&first, &*json[0]), (&first, &*json[1]), (&second, &*json[2])].into_iter());
        let body = read(&body);
        let resources = body["resourceLogs"].as_array().unwrap();
        let lines = |resource: &Value| -> Vec<String> {
            let records = resource["scopeLogs"][0]["logRecords"].as_array().unwrap();
            records.iter().map(|record| record["body"]["stringValue"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(resources.iter().map(lines).collect::<Vec<_>>(), [vec!["1", "2"], vec!["3"]]);
        assert_eq!(
            resources[0]["resource"]["attributes"],
            json!([
                { "key": "service.name", "value": { "stringValue": "mtls-policy" } },
                { "key": "service.version", "value": { "stringValue": env!("CARGO_PKG_VERSION") } },
                { "key": "service.instance.id", "value": { "stringValue": "000000000000001f" } },
                { "key": "mtls_policy.policy", "value": { "stringValue": Fingerprint::of(b"a").to_string() } },
            ])
        );
        assert_eq!(resources[0]["scopeLogs"][0]["scope"]["name"], "mtls-policy.audit");
        assert_eq!(read(&request_body(std::iter::empty())), json!({ "resourceLogs": [] }));
    }

    #[test]
    fn a_traceparent_is_read_as_the_recommendation_says() {
        let parse = |text: &str| TraceParent::parse(text.as_bytes()).map(|trace| trace.flags);
        assert_eq!(parse(TRACEPARENT), Some(1));
        assert_eq!(parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff"), Some(255));
        // A later version may say more.
        assert_eq!(parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what"), Some(0));
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1\"",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(TraceParent::parse(b"00-\xff"), None);
    }
}
