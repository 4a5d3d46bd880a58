//! The audit record: one JSON object for one decision.
//!
//! Every name of a field stands here and nowhere else.

mod source;

use std::fmt::{self, Write as _};
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cert::Fingerprint;
use crate::facts::Facts;
use crate::identity::Identity;
use crate::policy::{Decision, DecisionId, without_query};
use crate::revocation::{Judgement, Method, Status, Why};

pub use source::{SOURCE_SCHEMA, SourceRecord};

/// The schema that records name in their first field.
pub const SCHEMA: &str = "mtls-policy.audit/1";

/// Longest text of a client that a record repeats, in bytes; what is cut ends in `…`.
const MAX_TEXT_BYTES: usize = 256;

/// Most names of one kind that a record lists.
const MAX_NAMES: usize = 16;

/// Keys under which the decision is left in Envoy's filter state, where an access log finds each as `wasm.KEY`.
pub mod filter_state {
    /// `permit`, `deny` or `shadow_deny`.
    pub const DECISION: &str = "mtls_decision";
    /// The reason code of a denial.
    pub const REASON: &str = "mtls_reason";
    /// The name of the route.
    pub const ROUTE: &str = "mtls_route";
}

/// One decision, as it is recorded.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    schema: &'static str,
    time: Option<String>,
    id: String,
    /// Only of streams that are open.
    phase: Option<&'static str>,
    decision: &'static str,
    /// What a permit rests on.
    client: Option<&'static str>,
    mode: &'static str,
    reason: Option<&'static str>,
    detail: Option<Text>,
    route: Option<&'a str>,
    policy: String,
    request: Request,
    source: Option<Text>,
    tls: Option<Tls>,
    certificate: Option<CertificateNames>,
    revocation: Option<Revocation>,
}

#[derive(Debug, Serialize)]
struct Request {
    method: Option<Text>,
    host: Option<Text>,
    path: Option<Text>,
}

#[derive(Debug, Serialize)]
struct Tls {
    sni: Text,
}

#[derive(Debug, Serialize)]
struct CertificateNames {
    sha256: String,
    serial: Text,
    subject: Text,
    issuer: Text,
    not_before: Option<String>,
    not_after: Option<String>,
    dns: Vec<Text>,
    uri: Vec<Text>,
    email: Vec<Text>,
    /// Names that are not listed: malformed ones and those beyond the limit.
    names_omitted: usize,
}

/// What was found out about the certificate's revocation.
#[derive(Debug, Serialize)]
struct Revocation {
    /// `good`, `revoked` or `unknown`.
    status: &'static str,
    /// Why it is unknown: the stable code.
    why: Option<&'static str>,
    method: Option<&'static str>,
    source: Option<Text>,
    /// Why the certificate was revoked, as its CA says.
    reason: Option<&'static str>,
    since: Option<String>,
    this_update: Option<String>,
    next_update: Option<String>,
}

impl Revocation {
    fn new(judgement: &Judgement) -> Self {
        let (status, entry) = match &judgement.status {
            Status::Good => ("good", None),
            Status::Revoked(entry) => ("revoked", Some(entry)),
            Status::Unknown(_) => ("unknown", None),
        };
        Self {
            status,
            why: judgement.why().map(Why::code),
            method: judgement.method.map(Method::word),
            source: judgement.source.as_deref().map(Text::new),
            reason: entry.map(|entry| entry.reason.name()),
            since: entry.and_then(|entry| entry.since).and_then(rfc3339),
            this_update: judgement.this_update.and_then(rfc3339),
            next_update: judgement.next_update.and_then(rfc3339),
        }
    }
}

impl<'a> Record<'a> {
    /// Records `decision`, made at `now` on `facts`. A fact that cannot be read leaves its field empty.
    pub fn new(
        decision: &'a Decision,
        facts: &impl Facts,
        policy: Fingerprint,
        id: DecisionId,
        now: Option<OffsetDateTime>,
    ) -> Self {
        let denial = decision.verdict().err();
        let headers = facts.headers().ok();
        let header = |name| headers.and_then(|headers| headers.first(name)).map(<[u8]>::to_vec);
        Self {
            schema: SCHEMA,
            time: now.and_then(rfc3339),
            id: id.to_string(),
            phase: None,
            decision: if denial.is_some() { "deny" } else { "permit" },
            client: decision.verdict().ok().map(|permit| permit.client().as_str()),
            mode: decision.mode().as_str(),
            reason: denial.map(|denial| denial.reason().code()),
            detail: denial.map(|denial| Text::new(denial.detail())),
            route: decision.route().map(|route| route.name()),
            policy: policy.to_string(),
            request: Request {
                method: header(":method").map(Text::from_bytes),
                host: header(":authority").map(Text::from_bytes),
                // A query may hold secrets.
                path: header(":path").map(|path| Text::from_bytes(without_query(&path).to_vec())),
            },
            source: facts.source_address().ok().flatten().map(Text::from_bytes),
            tls: facts.server_name().ok().flatten().map(|sni| Tls { sni: Text::from_bytes(sni) }),
            certificate: decision.identity().map(CertificateNames::new),
            revocation: decision.revocation().map(Revocation::new),
        }
    }

    /// The same of a later decision, about a stream that an earlier one let begin and that is still open.
    pub fn of_open_stream(self) -> Self {
        Self { phase: Some("stream"), ..self }
    }

    /// The record as one line of JSON, in ASCII whatever the certificate and the request hold.
    pub fn to_line(&self) -> String {
        // Writing text to memory does not fail; a lost record would, so say at least which.
        to_line(self).unwrap_or_else(|| format!("{{\"schema\":\"{SCHEMA}\",\"id\":\"{}\"}}", self.id))
    }
}

/// A record as one line of JSON, in ASCII whatever it holds.
fn to_line(record: &impl Serialize) -> Option<String> {
    let mut line = Vec::with_capacity(1024);
    record.serialize(&mut Serializer::with_formatter(&mut line, AsciiFormatter)).ok()?;
    String::from_utf8(line).ok()
}

/// The value of [`filter_state::DECISION`] for `decision`.
pub fn decision_word(decision: &Decision) -> &'static str {
    match (decision.verdict().is_ok(), decision.enforced_denial().is_some()) {
        (true, _) => "permit",
        (false, true) => "deny",
        (false, false) => "shadow_deny",
    }
}

impl CertificateNames {
    fn new(identity: &Identity) -> Self {
        let dns = listed(identity.dns().values().iter().map(|name| name.as_str()));
        let uri = listed(identity.uri().values().iter().map(|name| name.as_str()));
        let email = listed(identity.email().values().iter().map(|name| name.as_str()));
        let all = [identity.dns().len(), identity.uri().len(), identity.email().len()];
        let shown = [dns.len(), uri.len(), email.len()];
        Self {
            sha256: identity.fingerprint().to_string(),
            serial: Text::display(identity.serial()),
            subject: Text::display(identity.subject()),
            issuer: Text::display(identity.issuer()),
            not_before: rfc3339(identity.validity().not_before),
            not_after: rfc3339(identity.validity().not_after),
            names_omitted: all.iter().sum::<usize>().saturating_sub(shown.iter().sum()),
            dns,
            uri,
            email,
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Text> {
    names.take(MAX_NAMES).map(Text::new).collect()
}

fn rfc3339(time: OffsetDateTime) -> Option<String> {
    time.format(&Rfc3339).ok()
}

/// Text of bounded length.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Text(String);

impl Text {
    fn new(text: &str) -> Self {
        Self::display(text)
    }

    /// Bytes that are not UTF-8 become U+FFFD.
    fn from_bytes(bytes: Vec<u8>) -> Self {
        // What lies beyond the limit is not converted first.
        let kept = bytes.get(..bytes.len().min(MAX_TEXT_BYTES + 4)).unwrap_or_default();
        Self::new(&String::from_utf8_lossy(kept))
    }

    fn display(value: impl fmt::Display) -> Self {
        let mut text = Bounded(String::new());
        // `Bounded` stops the writer with an error when it is full.
        let cut = write!(text, "{value}").is_err();
        if cut {
            text.0.push('…');
        }
        Self(text.0)
    }
}

struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TEXT_BYTES.saturating_sub(self.0.len());
        let kept = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        self.0.push_str(kept);
        if kept.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Writes everything that is not ASCII as `\u` escapes: no U+2028 that some reader takes for a line's end,
/// no text that runs from right to left, no C1 control that a terminal obeys.
struct AsciiFormatter;

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\x7f') {
            return writer.write_all(fragment.as_bytes());
        }
        for letter in fragment.chars() {
            if letter.is_ascii() && letter != '\x7f' {
                writer.write_all(letter.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn json(text: Text) -> String {
        let mut line = Vec::new();
        text.serialize(&mut Serializer::with_formatter(&mut line, AsciiFormatter)).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn text_is_one_line_of_ascii_whatever_it_holds() {
        let hostile = "a\n\r\0\u{7f}\u{85}\u{2028}\u{2029}\u{202e}\"\\\u{1f600}é";
        let line = json(Text::new(hostile));
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(json(Text::from_bytes(b"a\xff\xc0b".to_vec())), r#""a\ufffd\ufffdb""#);
    }

    #[test]
    fn long_text_is_cut_on_a_character_and_marked() {
        let cut = Text::new(&"é".repeat(40_000)).0;
        assert_eq!(cut.len(), MAX_TEXT_BYTES + '…'.len_utf8());
        assert!(cut.ends_with("é…"));
        let whole = "é".repeat(MAX_TEXT_BYTES / 2);
        assert_eq!(Text::new(&whole).0, whole);
    }
}
