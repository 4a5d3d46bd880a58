//! The names of the Elastic Common Schema, version 8.17; what it has no names for stands in `mtls_policy`.

use super::{Fate, Form, Made, path_alone, port, query_alone, text, text_behind, without_port};
use crate::audit::record::Record;
use crate::audit::value::Value;
use crate::policy::RecordField as Field;

pub(super) fn places(field: Field) -> &'static [(&'static str, Form)] {
    match field {
        Field::Schema => &[
            ("mtls_policy.schema", Form::Same),
            ("ecs.version", Form::Text("8.17.0")),
            ("event.kind", Form::Text("event")),
            ("event.category", Form::Texts(&["network"])),
            ("event.module", Form::Text("mtls_policy")),
            ("event.dataset", Form::Text("mtls_policy.audit")),
        ],
        Field::Time => &[("@timestamp", Form::Same)],
        Field::Vm => &[("mtls_policy.vm", Form::Same)],
        Field::Sequence => &[("event.sequence", Form::Same)],
        Field::Id => &[("event.id", Form::Same)],
        Field::Phase => &[("mtls_policy.phase", Form::Same)],
        Field::Decision => &[
            ("event.action", Form::Made(|record| Some(Made::Text(Fate::of(record).word().to_owned())))),
            ("event.outcome", Form::Made(outcome)),
            ("event.type", Form::Made(kind)),
        ],
        Field::Client => &[("mtls_policy.client", Form::Same)],
        Field::Mode => &[("mtls_policy.mode", Form::Same)],
        Field::Reason => &[("event.reason", Form::Same)],
        Field::Detail => &[("message", Form::Same)],
        Field::Route => &[("mtls_policy.route", Form::Same)],
        Field::Rule => &[("mtls_policy.rule", Form::Same)],
        Field::Policy => &[("mtls_policy.policy", Form::Same)],
        Field::Method => &[("http.request.method", Form::Same)],
        Field::Host => &[
            ("mtls_policy.request.host", Form::Same),
            ("url.domain", Form::Made(|record| without_port(record, Field::Host))),
            ("url.port", Form::Made(|record| port(record, Field::Host))),
        ],
        Field::Path => &[
            ("url.original", Form::Same),
            ("url.path", Form::Made(path_alone)),
            ("url.query", Form::Made(query_alone)),
        ],
        Field::Protocol => &[
            ("mtls_policy.request.protocol", Form::Same),
            ("http.version", Form::Made(|record| text_behind(record, Field::Protocol, "HTTP/"))),
        ],
        Field::RequestId => &[("http.request.id", Form::Same)],
        Field::Traceparent => &[
            ("mtls_policy.request.traceparent", Form::Same),
            ("trace.id", Form::Made(|record| part_of_trace(record, 1, 32))),
            ("span.id", Form::Made(|record| part_of_trace(record, 2, 16))),
        ],
        Field::Source => &[
            ("source.address", Form::Same),
            ("source.ip", Form::Made(source_ip)),
            ("source.port", Form::Made(|record| port(record, Field::Source))),
        ],
        Field::TlsVersion => &[
            ("mtls_policy.tls.version", Form::Same),
            ("tls.version", Form::Made(|record| text_behind(record, Field::TlsVersion, "TLSv"))),
        ],
        Field::ServerName => &[("tls.client.server_name", Form::Same)],
        Field::Cipher => &[("tls.cipher", Form::Same)],
        // Digests of certificates stand in capital letters there.
        Field::Sha256 => &[("tls.client.hash.sha256", Form::Made(|record| upper(record, Field::Sha256)))],
        Field::SpkiSha256 => &[("mtls_policy.certificate.spki_sha256", Form::Same)],
        Field::Serial => {
            &[("tls.client.x509.serial_number", Form::Made(|record| upper(record, Field::Serial)))]
        }
        Field::Subject => &[("tls.client.x509.subject.distinguished_name", Form::Same)],
        Field::Issuer => &[("tls.client.x509.issuer.distinguished_name", Form::Same)],
        Field::NotBefore => &[("tls.client.x509.not_before", Form::Same)],
        Field::NotAfter => &[("tls.client.x509.not_after", Form::Same)],
        // Names of all these kinds are one list there.
        Field::Dns => &[("tls.client.x509.alternative_names", Form::Made(alternative_names))],
        Field::Uri | Field::Email | Field::Ip => &[],
        Field::Upn => &[("mtls_policy.certificate.upn", Form::Same)],
        Field::PublicKey => &[("tls.client.x509.public_key_algorithm", Form::Same)],
        Field::SignatureAlgorithm => &[("tls.client.x509.signature_algorithm", Form::Same)],
        Field::KeyUsage => &[("mtls_policy.certificate.key_usage", Form::Same)],
        Field::ExtendedKeyUsage => &[("mtls_policy.certificate.extended_key_usage", Form::Same)],
        Field::NamesOmitted => &[("mtls_policy.certificate.names_omitted", Form::Same)],
        Field::Der => &[("tls.client.certificate", Form::Same)],
        Field::VerifiedBy => &[("mtls_policy.verification.by", Form::Same)],
        Field::Bundle => &[("mtls_policy.verification.bundle", Form::Same)],
        Field::Anchor => &[("mtls_policy.verification.anchor_sha256", Form::Same)],
        Field::RevocationStatus => &[("mtls_policy.revocation.status", Form::Same)],
        Field::RevocationWhy => &[("mtls_policy.revocation.why", Form::Same)],
        Field::RevocationMethod => &[("mtls_policy.revocation.method", Form::Same)],
        Field::RevocationSource => &[("mtls_policy.revocation.source", Form::Same)],
        Field::RevocationReason => &[("mtls_policy.revocation.reason", Form::Same)],
        Field::RevokedSince => &[("mtls_policy.revocation.since", Form::Same)],
        Field::ThisUpdate => &[("mtls_policy.revocation.this_update", Form::Same)],
        Field::NextUpdate => &[("mtls_policy.revocation.next_update", Form::Same)],
        // In nanoseconds there.
        Field::Duration => &[("event.duration", Form::Made(nanoseconds))],
    }
}

/// Whether the request passed.
fn outcome(record: &Record) -> Option<Made> {
    let word = match Fate::of(record) {
        Fate::Permitted | Fate::Shadowed => "success",
        Fate::Denied => "failure",
    };
    Some(Made::Text(word.to_owned()))
}

fn kind(record: &Record) -> Option<Made> {
    let word = match Fate::of(record) {
        Fate::Permitted | Fate::Shadowed => "allowed",
        Fate::Denied => "denied",
    };
    Some(Made::Texts(vec!["access".to_owned(), word.to_owned()]))
}

/// The part of `00-TRACE-SPAN-FLAGS` (W3C Trace Context) at a position, where it is so many hex digits.
fn part_of_trace(record: &Record, at: usize, digits: usize) -> Option<Made> {
    let part = record.value(Field::Traceparent).plain()?.split('-').nth(at)?;
    let is_id = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| Made::Text(part.to_owned()))
}

/// Of what is no address nothing, for an index refuses it.
fn source_ip(record: &Record) -> Option<Made> {
    let Made::Text(text) = without_port(record, Field::Source)? else { return None };
    text.parse::<std::net::IpAddr>().is_ok().then_some(Made::Text(text))
}

/// A hash in place of the text stays as it is.
fn upper(record: &Record, field: Field) -> Option<Made> {
    if let Value::Hash(hash) = record.value(field) {
        return Some(Made::Text(hash.clone()));
    }
    let Made::Text(text) = text(record, field)? else { return None };
    Some(Made::Text(text.to_ascii_uppercase()))
}

fn alternative_names(record: &Record) -> Option<Made> {
    let fields = [Field::Dns, Field::Uri, Field::Email, Field::Ip];
    let names = fields.iter().flat_map(|field| record.value(*field).entries());
    let names: Vec<String> = names.map(str::to_owned).collect();
    (!names.is_empty()).then_some(Made::Texts(names))
}

fn nanoseconds(record: &Record) -> Option<Made> {
    let Value::Number(micros) = record.value(Field::Duration) else { return None };
    Some(Made::Number(i64::try_from(micros.checked_mul(1_000)?).ok()?))
}
