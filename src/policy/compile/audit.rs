//! Compiles `audit`: of the policy, and of routes and `defaults`.

use std::time::Duration;

use super::reader::{Keys, Object, Problems, all_or_none, entries, string, whole_number, word, wrong_type};
use super::trust_bundle::server;
use crate::policy::audit::{
    AccessLog, Audit, AuditError, Certificates, EnvoyLog, Field, FieldSet, Format, Hashed, OnOverflow, Otlp,
    Query, Sampling, Secret, Standing,
};
use crate::policy::error::PolicyErrorKind;
use crate::policy::ratio::Ratio;
use crate::policy::source::{Member, Node, Value};

const AUDIT_KEYS: Keys = Keys::of(&[
    "format",
    "envoy_log",
    "access_log",
    "otlp",
    "on_overflow",
    "query",
    "omit",
    "hash",
    "certificates",
]);
const OTLP_KEYS: Keys = Keys::of(&[
    "cluster",
    "url",
    "timeout_ms",
    "max_batch_records",
    "max_delay_ms",
    "max_queue_records",
    "headers",
]);
const HASH_KEYS: Keys = Keys::of(&["fields", "key"]);
const SAMPLING_KEYS: Keys = Keys::of(&["allowed_ratio", "denied_ratio"]);

/// How long a collector may take where the policy does not say: it is asked from ticks, and no request waits for it.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(5_000);

/// The most records in one request to a collector: some megabytes of ordinary ones, which is what collectors take.
const MAX_BATCH: u32 = 4_096;

/// The most records that wait. Of ordinary ones these are about 100 MB in each worker.
const MAX_QUEUE: u32 = 65_536;

/// The longest time that a record may wait for others, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;

/// The most headers of a request to a collector: what authenticates it, and names a tenant.
const MAX_HEADERS: usize = 16;

/// The longest name or value of such a header, in bytes. Tokens are some thousand bytes.
const MAX_HEADER_BYTES: usize = 4_096;

/// The least length of a key that hashes fields, in bytes: 128 bits of hex would be twice that.
const MIN_KEY_BYTES: usize = 16;

/// The greatest, so that it stays a key.
const MAX_KEY_BYTES: usize = 256;

/// The block `audit` of the policy.
pub(super) fn audit(node: &Node, problems: &mut Problems) -> Option<Audit> {
    let object = Object::open(node, AUDIT_KEYS, problems)?;
    let format = object.get("format").map_or(Some(Format::default()), |node| {
        let values = [Format::MtlsPolicy, Format::Ecs, Format::Ocsf];
        word(node, &["mtls-policy", "ecs", "ocsf"], &values, problems)
    });
    let envoy_log = object.get("envoy_log").map_or(Some(EnvoyLog::default()), |node| {
        word(node, &["write", "none"], &[EnvoyLog::Write, EnvoyLog::None], problems)
    });
    let access_log = object.get("access_log").map_or(Some(AccessLog::default()), |node| {
        let values = [AccessLog::Outcome, AccessLog::Record, AccessLog::None];
        word(node, &["outcome", "record", "none"], &values, problems)
    });
    let on_overflow = object.member("on_overflow").map_or(Some(OnOverflow::default()), |member| {
        if object.get("otlp").is_none() {
            let (key, why) = (member.key.clone(), "records wait for nothing without `otlp`");
            problems.add::<()>(member.key_span, PolicyErrorKind::Ineffective { key, why });
        }
        word(&member.value, &["drop", "deny"], &[OnOverflow::Drop, OnOverflow::Deny], problems)
    });
    let otlp = match object.get("otlp") {
        Some(node) => otlp(node, on_overflow.unwrap_or_default(), problems).map(Some),
        None => Some(None),
    };
    let query = object.get("query").map_or(Some(Query::default()), |node| {
        word(node, &["omit", "include"], &[Query::Omit, Query::Include], problems)
    });
    let omitted = object
        .get("omit")
        .map_or(Some(FieldSet::default()), |node| fields(node, "`omit`", omitted, problems));
    let hashed = match object.get("hash") {
        Some(node) => hashed(node, omitted.unwrap_or_default(), problems).map(Some),
        None => Some(None),
    };
    let certificates = object.get("certificates").map_or(Some(Certificates::default()), |node| {
        let values = [Certificates::Never, Certificates::Once];
        let certificates = word(node, &["never", "once"], &values, problems)?;
        let kept_out = omitted.unwrap_or_default().and(
            hashed.as_ref().and_then(Option::as_ref).map_or(FieldSet::default(), |hashed| hashed.fields),
        );
        match (certificates, kept_out.iter().find(|field| is_in_certificate(*field))) {
            (Certificates::Once, Some(field)) => {
                problems.keep(node.span, Err(AuditError::InCertificate { field: field.name() }))
            }
            (Certificates::Once | Certificates::Never, _) => Some(certificates),
        }
    });
    Some(Audit {
        format: format?,
        envoy_log: envoy_log?,
        access_log: access_log?,
        otlp: otlp?,
        query: query?,
        omitted: omitted?,
        hashed: hashed?,
        certificates: certificates?,
    })
}

/// Whether who has the certificate has the field.
fn is_in_certificate(field: Field) -> bool {
    field.group() == Field::Der.group() && !matches!(field, Field::NamesOmitted)
}

fn otlp(node: &Node, on_overflow: OnOverflow, problems: &mut Problems) -> Option<Otlp> {
    let object = Object::open(node, OTLP_KEYS, problems)?;
    let (cluster, url, timeout) = server(&object, problems);
    let timeout = if object.get("timeout_ms").is_some() { timeout } else { Some(DEFAULT_TIMEOUT) };
    let mut number = |key, max, default| {
        object.get(key).map_or(Some(default), |node| whole_number(node, 1, max, problems))
    };
    let max_batch = number("max_batch_records", MAX_BATCH, 256);
    let max_delay = number("max_delay_ms", MAX_DELAY_MS, 1_000);
    let max_queue = number("max_queue_records", MAX_QUEUE, 4_096);
    if let (Some(batch), Some(queue)) = (max_batch, max_queue)
        && batch > queue
    {
        problems.add::<()>(object.brace, AuditError::BatchAboveQueue { batch, queue }.into());
    }
    let headers = object.get("headers").map_or(Some(Vec::new()), |node| headers(node, problems));
    Some(Otlp {
        cluster: cluster?,
        url: url?,
        timeout: timeout?,
        max_batch: max_batch? as usize,
        max_delay: Duration::from_millis(max_delay?.into()),
        max_queue: max_queue? as usize,
        headers: headers?,
        on_overflow,
    })
}

fn headers(node: &Node, problems: &mut Problems) -> Option<Vec<(Box<str>, Secret)>> {
    let object = Object::open_map(node, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`headers`", help: None });
    }
    let refuse = |name: &str, why| AuditError::BadHeader { name: name.to_owned(), why };
    if object.members().len() > MAX_HEADERS {
        return problems.add(node.span, refuse("headers", "there are more than 16").into());
    }
    let header = |Member { key, key_span, value }: &Member| {
        let name = header_name(key).map_err(|why| refuse(key, why));
        let name = problems.keep(*key_span, name);
        let text = string(value, problems)?;
        let is_text = text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.len() <= MAX_HEADER_BYTES;
        let value_is = if is_text && !text.is_empty() && text.trim() == text {
            Ok(Secret::new(text))
        } else {
            // Not the value itself: it may be a credential.
            Err(refuse(
                key,
                "its value must be 1 to 4096 visible ASCII characters, with spaces only between them",
            ))
        };
        Some((name?, problems.keep(value.span, value_is)?))
    };
    all_or_none(object.members().iter().map(header))
}

/// A name in lower case (RFC 9110 section 5.6.2), as HTTP/2 has them, and none that the request has already.
fn header_name(name: &str) -> Result<Box<str>, &'static str> {
    let is_token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 256 || !name.bytes().all(is_token) {
        return Err("write its name in lower case");
    }
    if matches!(
        name,
        "host" | "content-type" | "content-length" | "transfer-encoding" | "connection" | "te" | "upgrade"
    ) {
        return Err("the request has it already, or cannot");
    }
    Ok(name.into())
}

fn hashed(node: &Node, omitted: FieldSet, problems: &mut Problems) -> Option<Hashed> {
    let object = Object::open(node, HASH_KEYS, problems)?;
    let fields = object
        .require("fields", None, problems)
        .and_then(|node| fields(node, "`fields`", |name, meant| hashable(name, meant, omitted), problems));
    let help = Some("a hash of an address or a name without a key is guessed");
    let key = object.require("key", help, problems).and_then(|node| {
        let key = string(node, problems)?;
        let length = key.len();
        if length > MAX_KEY_BYTES {
            return problems.add(node.span, PolicyErrorKind::TooLong { length, limit: MAX_KEY_BYTES });
        }
        if length < MIN_KEY_BYTES {
            return problems.keep(node.span, Err(AuditError::ShortKey { length, least: MIN_KEY_BYTES }));
        }
        Some(Secret::new(key))
    });
    Some(Hashed { fields: fields?, key: key? })
}

/// The fields that a list of names means, of which `check` takes each.
fn fields(
    node: &Node,
    what: &'static str,
    check: impl Fn(&str, FieldSet) -> Result<(), AuditError>,
    problems: &mut Problems,
) -> Option<FieldSet> {
    let mut all = FieldSet::default();
    let named = entries(node, what, problems)?.iter().map(|entry| {
        let name = string(entry, problems)?;
        let meant = Field::named(name);
        let checked = if meant.is_empty() {
            Err(AuditError::UnknownField { name: name.to_owned() })
        } else if let Some(field) = meant.iter().find(|field| all.contains(*field)) {
            Err(AuditError::Repeated { field: field.name() })
        } else {
            check(name, meant)
        };
        all = all.and(meant);
        problems.keep(entry.span, checked)
    });
    all_or_none(named).map(|_: Vec<()>| all)
}

fn omitted(_: &str, meant: FieldSet) -> Result<(), AuditError> {
    match meant.iter().find(|field| field.standing() == Standing::Fixed) {
        Some(field) => Err(AuditError::Fixed { field: field.name() }),
        None => Ok(()),
    }
}

fn hashable(name: &str, meant: FieldSet, omitted: FieldSet) -> Result<(), AuditError> {
    if meant.iter().any(|field| field.name() != name) {
        return Err(AuditError::GroupToHash { name: name.to_owned() });
    }
    if meant.iter().any(|field| field.standing() != Standing::Personal) {
        return Err(AuditError::NothingToHash { field: name.to_owned() });
    }
    match meant.iter().find(|field| omitted.contains(*field)) {
        Some(field) => Err(AuditError::Omitted { field: field.name() }),
        None => Ok(()),
    }
}

/// The block `audit` of a route or of `defaults`.
pub(super) fn sampling(node: &Node, problems: &mut Problems) -> Option<Sampling> {
    let object = Object::open(node, SAMPLING_KEYS, problems)?;
    let allowed = object.get("allowed_ratio").map_or(Some(Ratio::ALL), |node| ratio(node, problems));
    let denied = object.get("denied_ratio").map_or(Some(Ratio::ALL), |node| ratio(node, problems));
    Some(Sampling { allowed: allowed?, denied: denied? })
}

/// A share of requests, from 0 to 1.
pub(super) fn ratio(node: &Node, problems: &mut Problems) -> Option<Ratio> {
    let Value::Number(value) = node.value else {
        return wrong_type(node, "a number from 0 to 1", problems);
    };
    Ratio::new(value).or_else(|| problems.add(node.span, PolicyErrorKind::NotARatio { value }))
}
