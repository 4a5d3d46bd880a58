//! What a record holds of a decision.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;

use super::certificate::{self, Listed};
use super::privacy::Privacy;
use super::text::Text;
use super::value::Value;
use super::{SCHEMA, format};
use crate::facts::{FactError, Facts};
use crate::identity::Identity;
use crate::policy::{
    Decision, DecisionId, Format, Policy, Query, RecordField as Field, TrustBundle, without_query,
};
use crate::revocation::{Judgement, Method, Status, Why};

/// What a record is about.
#[derive(Debug)]
pub struct About<'a, F> {
    /// The decision.
    pub decision: &'a Decision,
    /// What it was made on. A fact that cannot be read leaves its field empty, and one that the policy leaves out is not asked.
    pub facts: &'a F,
    /// By which policy.
    pub policy: &'a Policy,
    /// How it is called.
    pub id: DecisionId,
    /// When the client is judged.
    pub phase: Phase,
    /// When it was made.
    pub now: Option<OffsetDateTime>,
    /// How long it took.
    pub took: Option<Duration>,
}

/// When a client is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// When its request comes.
    Request,
    /// While the stream is open that an earlier decision let begin.
    Stream,
}

/// One decision, as it is recorded.
#[derive(Debug)]
pub struct Record {
    /// In the order of [`Field::ALL`].
    values: Vec<Value>,
}

impl Record {
    /// The record called `sequence`, with the certificate itself, in DER, where it is to hold it.
    pub(super) fn new(about: &About<'_, impl Facts>, sequence: u64, certificate: Option<&[u8]>) -> Self {
        let privacy = Privacy::new(about.policy.audit());
        let listed = about.decision.identity().map(|identity| Listed::new(identity, &privacy));
        let mut own = Own { sequence, certificate, listed };
        let value = |field: &Field| {
            if !privacy.holds(*field) {
                return Value::Nothing;
            }
            privacy.applied(*field, value(about, &mut own, *field))
        };
        Self { values: Field::ALL.iter().map(value).collect() }
    }

    pub(super) fn value(&self, field: Field) -> &Value {
        self.values.get(field as usize).unwrap_or(&Value::Nothing)
    }

    /// The record as one line of JSON in `format`, in ASCII whatever the certificate and the request hold, and of no more than
    /// [`MAX_LINE_BYTES`](super::MAX_LINE_BYTES).
    pub fn to_line(&self, format: Format) -> String {
        format::to_line(self, format)
    }

    /// The text of a field that holds one; `None` where it holds none, a list or a hash.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.value(field).plain()
    }
}

/// What a record knows beside its decision.
struct Own<'a> {
    sequence: u64,
    certificate: Option<&'a [u8]>,
    listed: Option<Listed>,
}

fn value(about: &About<'_, impl Facts>, own: &mut Own<'_>, field: Field) -> Value {
    let decision = about.decision;
    let denial = || decision.verdict().err();
    let judged = |value: fn(&Judgement) -> Value| decision.revocation().map(value).into();
    let identified = |value: fn(&Identity) -> Value| decision.identity().map(value).into();
    match field {
        Field::Schema => Value::Word(SCHEMA),
        Field::Time => about.now.map(Value::Time).into(),
        Field::Vm => Value::Text(Text::display(format_args!("{:016x}", about.id.vm))),
        Field::Sequence => Value::Number(own.sequence),
        Field::Id => Value::Text(Text::display(about.id)),
        Field::Phase => match about.phase {
            Phase::Request => Value::Nothing,
            Phase::Stream => Value::Word("stream"),
        },
        Field::Decision => Value::Word(if decision.verdict().is_ok() { "permit" } else { "deny" }),
        Field::Client => decision.verdict().ok().map(|permit| Value::Word(permit.client().as_str())).into(),
        Field::Mode => Value::Word(decision.mode().as_str()),
        Field::Reason => denial().map(|denial| Value::Word(denial.reason().code())).into(),
        Field::Detail => denial().map(|denial| Value::Text(Text::new(denial.detail()))).into(),
        Field::Route => decision.route().map(|route| Value::Text(Text::new(route.name()))).into(),
        Field::Rule => decision.rule().map(|rule| Value::Text(Text::new(&rule))).into(),
        Field::Policy => Value::Text(Text::display(about.policy.digest())),
        Field::Method => header(about.facts, ":method"),
        Field::Host => header(about.facts, ":authority"),
        Field::Path => first_header(about.facts, ":path", |path| match about.policy.audit().query() {
            Query::Omit => Text::from_bytes(without_query(path)),
            Query::Include => Text::from_bytes(path),
        }),
        Field::Protocol => fact(about.facts.protocol()),
        Field::RequestId => header(about.facts, "x-request-id"),
        Field::Traceparent => header(about.facts, "traceparent"),
        Field::Source => fact(about.facts.source_address()),
        Field::TlsVersion => fact(about.facts.tls_version()),
        Field::ServerName => fact(about.facts.server_name()),
        Field::Cipher => fact(about.facts.cipher()),
        Field::Sha256 => identified(|identity| Value::Text(Text::display(identity.fingerprint()))),
        Field::SpkiSha256 => identified(|identity| Value::Text(Text::display(identity.spki_fingerprint()))),
        Field::Serial => identified(|identity| Value::Text(Text::display(identity.serial()))),
        Field::Subject => identified(|identity| Value::Text(Text::display(identity.subject()))),
        Field::Issuer => identified(|identity| Value::Text(Text::display(identity.issuer()))),
        Field::NotBefore => identified(|identity| Value::Time(identity.validity().not_before)),
        Field::NotAfter => identified(|identity| Value::Time(identity.validity().not_after)),
        Field::Dns | Field::Uri | Field::Email | Field::Ip | Field::Upn => {
            own.listed.as_mut().map(|listed| listed.take(field)).into()
        }
        Field::NamesOmitted => own.listed.as_ref().map(Listed::omitted).into(),
        Field::Der => own.certificate.map(|der| Value::Base64(BASE64_STANDARD.encode(der))).into(),
        Field::PublicKey => identified(certificate::public_key),
        Field::SignatureAlgorithm => identified(certificate::signature_algorithm),
        Field::KeyUsage => identified(certificate::key_usage),
        Field::ExtendedKeyUsage => identified(certificate::extended_key_usage),
        Field::VerifiedBy => decision.verifier().map(|verifier| Value::Word(verifier.as_str())).into(),
        Field::Bundle => {
            let bundle = decision.bundle().and_then(|at| about.policy.trust_bundles().get(at));
            bundle.map(|bundle| Value::Text(Text::new(TrustBundle::name(bundle)))).into()
        }
        Field::Anchor => {
            let anchor = decision.chain().and_then(|chain| chain.authorities().last());
            anchor.map(|anchor| Value::Text(Text::display(anchor.certificate().fingerprint()))).into()
        }
        Field::RevocationStatus => judged(|judgement| {
            Value::Word(match judgement.status {
                Status::Good => "good",
                Status::Revoked(_) => "revoked",
                Status::Unknown(_) => "unknown",
            })
        }),
        Field::RevocationWhy => judged(|judgement| judgement.why().map(Why::code).map(Value::Word).into()),
        Field::RevocationMethod => {
            judged(|judgement| judgement.method.map(Method::word).map(Value::Word).into())
        }
        Field::RevocationSource => judged(|judgement| {
            judgement.source.as_deref().map(|source| Value::Text(Text::new(source))).into()
        }),
        Field::RevocationReason => judged(|judgement| match &judgement.status {
            Status::Revoked(entry) => Value::Word(entry.reason.name()),
            Status::Good | Status::Unknown(_) => Value::Nothing,
        }),
        Field::RevokedSince => judged(|judgement| match &judgement.status {
            Status::Revoked(entry) => entry.since.map(Value::Time).into(),
            Status::Good | Status::Unknown(_) => Value::Nothing,
        }),
        Field::ThisUpdate => judged(|judgement| judgement.this_update.map(Value::Time).into()),
        Field::NextUpdate => judged(|judgement| judgement.next_update.map(Value::Time).into()),
        Field::Duration => {
            let micros = about.took.and_then(|took| u64::try_from(took.as_micros()).ok());
            micros.map(Value::Number).into()
        }
    }
}

fn header(facts: &impl Facts, name: &str) -> Value {
    first_header(facts, name, Text::from_bytes)
}

fn first_header(facts: &impl Facts, name: &str, text: impl Fn(&[u8]) -> Text) -> Value {
    let headers = facts.headers().ok();
    headers.and_then(|headers| headers.first(name)).map(|value| Value::Text(text(value))).into()
}

fn fact(fact: Result<Option<Vec<u8>>, FactError>) -> Value {
    fact.ok().flatten().map(|bytes| Value::Text(Text::from_bytes(&bytes))).into()
}
