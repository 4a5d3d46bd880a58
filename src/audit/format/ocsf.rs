//! The names of the Open Cybersecurity Schema Framework, version 1.3; what it has no names for stands in `unmapped`.
//!
//! A record is an event of the class HTTP Activity (4002) with the profile Security Control: the class that holds a request, its
//! connection, its certificate and, by the profile, what a control did. Authorize Session (3003) is about privileges that a session
//! gets when it is opened, API Activity (6003) about the operations of an API, which the filter does not know, and Web Resource
//! Access Activity (6004) is deprecated in favour of this one.

use super::{Fate, Form, Made, path_alone, port, query_alone, text_behind, without_port};
use crate::audit::record::Record;
use crate::audit::value::Value;
use crate::policy::RecordField as Field;

/// HTTP Activity.
const CLASS: i64 = 4002;

pub(super) fn places(field: Field) -> &'static [(&'static str, Form)] {
    match field {
        Field::Schema => &[
            ("unmapped.schema", Form::Same),
            ("category_uid", Form::Number(4)),
            ("class_uid", Form::Number(CLASS)),
            ("metadata.version", Form::Text("1.3.0")),
            ("metadata.product.name", Form::Text("mtls-policy")),
            ("metadata.product.vendor_name", Form::Text("mtls-policy")),
            ("metadata.product.version", Form::Text(env!("CARGO_PKG_VERSION"))),
            ("metadata.profiles", Form::Texts(&["security_control"])),
        ],
        Field::Time => &[("time", Form::Made(|record| milliseconds(record, Field::Time)))],
        Field::Vm => &[("unmapped.vm", Form::Same)],
        Field::Sequence => &[("metadata.sequence", Form::Same)],
        Field::Id => &[("metadata.uid", Form::Same)],
        Field::Phase => &[("unmapped.phase", Form::Same)],
        Field::Decision => &[
            ("unmapped.decision", Form::Same),
            ("action_id", Form::Made(action)),
            ("disposition_id", Form::Made(disposition)),
            ("severity_id", Form::Made(severity)),
            ("status_id", Form::Made(status)),
        ],
        Field::Client => &[("unmapped.client", Form::Same)],
        Field::Mode => &[("unmapped.mode", Form::Same)],
        Field::Reason => &[("status_code", Form::Same)],
        Field::Detail => &[("status_detail", Form::Same)],
        Field::Route => &[("firewall_rule.name", Form::Same)],
        Field::Rule => &[("firewall_rule.condition", Form::Same)],
        Field::Policy => &[("policy.uid", Form::Same)],
        Field::Method => &[
            ("http_request.http_method", Form::Same),
            ("activity_id", Form::Made(|record| Some(Made::Number(activity(record))))),
            ("type_uid", Form::Made(|record| Some(Made::Number(CLASS * 100 + activity(record))))),
        ],
        Field::Host => &[
            ("unmapped.request.host", Form::Same),
            ("dst_endpoint.hostname", Form::Made(|record| without_port(record, Field::Host))),
            ("http_request.url.hostname", Form::Made(|record| without_port(record, Field::Host))),
            ("http_request.url.port", Form::Made(|record| port(record, Field::Host))),
        ],
        Field::Path => &[
            ("http_request.url.path", Form::Made(hashed_or_path)),
            ("http_request.url.query_string", Form::Made(query_alone)),
        ],
        Field::Protocol => &[
            ("unmapped.request.protocol", Form::Same),
            ("http_request.version", Form::Made(|record| text_behind(record, Field::Protocol, "HTTP/"))),
        ],
        Field::RequestId => &[("http_request.uid", Form::Same)],
        Field::Traceparent => &[("unmapped.request.traceparent", Form::Same)],
        Field::Source => &[
            ("unmapped.source", Form::Same),
            ("src_endpoint.ip", Form::Made(|record| without_port(record, Field::Source))),
            ("src_endpoint.port", Form::Made(|record| port(record, Field::Source))),
        ],
        Field::TlsVersion => &[
            ("unmapped.tls.version", Form::Same),
            ("tls.version", Form::Made(|record| text_behind(record, Field::TlsVersion, "TLSv"))),
        ],
        Field::ServerName => &[("tls.sni", Form::Same)],
        Field::Cipher => &[("tls.cipher", Form::Same)],
        Field::Sha256 => &[("tls.certificate.fingerprints", Form::Made(fingerprints))],
        Field::SpkiSha256 => &[("unmapped.certificate.spki_sha256", Form::Same)],
        Field::Serial => &[("tls.certificate.serial_number", Form::Same)],
        Field::Subject => &[("tls.certificate.subject", Form::Same)],
        Field::Issuer => &[("tls.certificate.issuer", Form::Same)],
        Field::NotBefore => {
            &[("tls.certificate.created_time", Form::Made(|record| milliseconds(record, Field::NotBefore)))]
        }
        Field::NotAfter => {
            &[("tls.certificate.expiration_time", Form::Made(|record| milliseconds(record, Field::NotAfter)))]
        }
        // Names of all kinds are one list there, each with its kind.
        Field::Dns => &[("tls.certificate.sans", Form::Made(alternative_names))],
        Field::Uri | Field::Email | Field::Ip | Field::Upn => &[],
        Field::PublicKey => &[("unmapped.certificate.public_key", Form::Same)],
        Field::SignatureAlgorithm => &[("unmapped.certificate.signature_algorithm", Form::Same)],
        Field::KeyUsage => &[("unmapped.certificate.key_usage", Form::Same)],
        Field::ExtendedKeyUsage => &[("unmapped.certificate.extended_key_usage", Form::Same)],
        Field::NamesOmitted => &[("unmapped.certificate.names_omitted", Form::Same)],
        Field::Der => &[("unmapped.certificate.der", Form::Same)],
        Field::VerifiedBy => &[("unmapped.verification.by", Form::Same)],
        Field::Bundle => &[("unmapped.verification.bundle", Form::Same)],
        Field::Anchor => &[("unmapped.verification.anchor_sha256", Form::Same)],
        Field::RevocationStatus => &[("unmapped.revocation.status", Form::Same)],
        Field::RevocationWhy => &[("unmapped.revocation.why", Form::Same)],
        Field::RevocationMethod => &[("unmapped.revocation.method", Form::Same)],
        Field::RevocationSource => &[("unmapped.revocation.source", Form::Same)],
        Field::RevocationReason => &[("unmapped.revocation.reason", Form::Same)],
        Field::RevokedSince => &[("unmapped.revocation.since", Form::Same)],
        Field::ThisUpdate => &[("unmapped.revocation.this_update", Form::Same)],
        Field::NextUpdate => &[("unmapped.revocation.next_update", Form::Same)],
        // `duration` is in milliseconds, most of which would be none.
        Field::Duration => &[("unmapped.duration_us", Form::Same)],
    }
}

fn milliseconds(record: &Record, field: Field) -> Option<Made> {
    let Value::Time(time) = record.value(field) else { return None };
    Some(Made::Number(i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?))
}

/// Allowed or Denied.
fn action(record: &Record) -> Option<Made> {
    Some(Made::Number(match Fate::of(record) {
        Fate::Permitted | Fate::Shadowed => 1,
        Fate::Denied => 2,
    }))
}

/// Allowed, Blocked, or Logged, which is no more than that.
fn disposition(record: &Record) -> Option<Made> {
    Some(Made::Number(match Fate::of(record) {
        Fate::Permitted => 1,
        Fate::Denied => 2,
        Fate::Shadowed => 17,
    }))
}

/// Informational or Low: a denial is what the policy is for, and one alone is no incident.
fn severity(record: &Record) -> Option<Made> {
    Some(Made::Number(match Fate::of(record) {
        Fate::Permitted => 1,
        Fate::Denied | Fate::Shadowed => 2,
    }))
}

/// Success or Failure of the request.
fn status(record: &Record) -> Option<Made> {
    Some(Made::Number(match Fate::of(record) {
        Fate::Permitted | Fate::Shadowed => 1,
        Fate::Denied => 2,
    }))
}

/// The method, where it has a number; Unknown where it is not known, else Other.
fn activity(record: &Record) -> i64 {
    match record.value(Field::Method).plain() {
        None => 0,
        Some("CONNECT") => 1,
        Some("DELETE") => 2,
        Some("GET") => 3,
        Some("HEAD") => 4,
        Some("OPTIONS") => 5,
        Some("POST") => 6,
        Some("PUT") => 7,
        Some("TRACE") => 8,
        Some(_) => 99,
    }
}

fn hashed_or_path(record: &Record) -> Option<Made> {
    if let Value::Hash(hash) = record.value(Field::Path) {
        return Some(Made::Text(hash.clone()));
    }
    path_alone(record)
}

fn fingerprints(record: &Record) -> Option<Made> {
    let value = record.value(Field::Sha256);
    // SHA-256; of a digest that is hashed itself the algorithm is another.
    let (algorithm, digest) = match (value.plain(), value) {
        (Some(digest), _) => (3, digest.to_owned()),
        (None, Value::Hash(hash)) => (99, hash.clone()),
        (None, _) => return None,
    };
    let members = vec![("algorithm_id", Made::Number(algorithm)), ("value", Made::Text(digest))];
    Some(Made::Objects(vec![members]))
}

fn alternative_names(record: &Record) -> Option<Made> {
    let kinds = [
        (Field::Dns, "DNS"),
        (Field::Uri, "URI"),
        (Field::Email, "RFC822"),
        (Field::Ip, "IP"),
        (Field::Upn, "UPN"),
    ];
    let of_kind = |(field, kind): &(Field, &'static str)| -> Vec<Vec<(&'static str, Made)>> {
        let names = record.value(*field).entries().into_iter();
        names
            .map(|name| vec![("name", Made::Text(name.to_owned())), ("type", Made::Text((*kind).to_owned()))])
            .collect()
    };
    let names: Vec<_> = kinds.iter().flat_map(of_kind).collect();
    (!names.is_empty()).then_some(Made::Objects(names))
}
