//! Requests as Envoy describes them, engines of small policies, and decisions in a word.

use std::cell::{OnceCell, RefCell};

use mtls_policy::facts::{FactError, Facts};
use mtls_policy::policy::{Client, Decision, DecisionId, Format, Mode, Policy};
use mtls_policy::request::{Headers, XFCC};
use mtls_policy::revocation::NoEvidence;
use mtls_policy::token::{Claim, ClaimPath};
use mtls_policy::{Engine, audit, outcome};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::mint::{Ca, Leaf, Minted};

#[cfg(not(target_arch = "wasm32"))]
static SCHEMA: std::sync::LazyLock<crate::schema::Schema> =
    std::sync::LazyLock::new(|| crate::schema::Schema::new(crate::schema::POLICY));

#[cfg(not(target_arch = "wasm32"))]
static RECORD: std::sync::LazyLock<crate::schema::Schema> =
    std::sync::LazyLock::new(|| crate::schema::Schema::new(crate::schema::RECORD));

/// The host of requests that name no other.
pub(crate) const HOST: &str = "pay.acme.example";

/// 2026-01-01T00:00:00Z, the time of decisions that name no other.
pub(crate) const NOW: i64 = 1_767_225_600;

pub(crate) const ID: DecisionId = DecisionId { vm: 0xfeed, sequence: 7 };

/// A question of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Headers,
    Digest,
    Pem,
    Valid,
    Protocol,
    ServerName,
    TlsVersion,
    Cipher,
    Claim,
    Source,
    Forwarded,
    EnvoyRoute,
    EnvoyCluster,
    Metadata,
}

/// One request and its connection.
#[derive(Default)]
pub(crate) struct Situation {
    pairs: Vec<(String, Vec<u8>)>,
    headers: OnceCell<Headers>,
    digest: Option<Vec<u8>>,
    pem: Option<Vec<u8>>,
    valid: Option<bool>,
    protocol: Option<Vec<u8>>,
    server_name: Option<Vec<u8>>,
    tls_version: Option<Vec<u8>>,
    cipher: Option<Vec<u8>>,
    token: Option<(String, Map<String, Value>)>,
    source: Option<Vec<u8>>,
    forwarded: Option<Vec<u8>>,
    envoy_route: Option<Vec<u8>>,
    envoy_cluster: Option<Vec<u8>>,
    metadata: Option<Vec<u8>>,
    failing: Vec<Question>,
    asked: RefCell<Vec<Question>>,
}

impl Situation {
    /// `GET path` for [`HOST`] over TLS with that server name, without a certificate.
    pub(crate) fn get(path: &str) -> Self {
        Self::request("GET", path)
    }

    pub(crate) fn request(method: &str, path: &str) -> Self {
        Self::default()
            .header(":method", method.as_bytes())
            .header(":path", path.as_bytes())
            .header(":authority", HOST.as_bytes())
            .server_name(HOST.as_bytes())
            .tls_version(b"TLSv1.3")
    }

    /// Another host, and the server name that an honest client sends for it.
    pub(crate) fn host(self, host: &str) -> Self {
        self.authority(host.as_bytes()).server_name(host.as_bytes())
    }

    /// Another `:authority`; the server name stays.
    pub(crate) fn authority(self, authority: &[u8]) -> Self {
        self.without_header(":authority").header(":authority", authority)
    }

    pub(crate) fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.pairs.push((name.to_owned(), value.to_vec()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.pairs.retain(|(key, _)| key != name);
        self
    }

    pub(crate) fn protocol(mut self, protocol: &[u8]) -> Self {
        self.protocol = Some(protocol.to_vec());
        self
    }

    pub(crate) fn server_name(mut self, name: &[u8]) -> Self {
        self.server_name = Some(name.to_vec());
        self
    }

    pub(crate) fn no_server_name(mut self) -> Self {
        self.server_name = None;
        self
    }

    /// Without TLS: no certificate and no server name, whatever the headers say.
    pub(crate) fn plaintext(mut self) -> Self {
        self.tls_version = None;
        self.server_name = None;
        self
    }

    pub(crate) fn tls_version(mut self, version: &[u8]) -> Self {
        self.tls_version = Some(version.to_vec());
        self
    }

    pub(crate) fn cipher(mut self, cipher: &[u8]) -> Self {
        self.cipher = Some(cipher.to_vec());
        self
    }

    /// A token of these claims that Envoy verified.
    pub(crate) fn token(self, claims: Value) -> Self {
        self.token_under("payload", claims)
    }

    pub(crate) fn token_under(mut self, metadata: &str, claims: Value) -> Self {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        self.token = Some((metadata.to_owned(), claims));
        self
    }

    /// A certificate that Envoy verified, as 1.40 gives it: by attributes.
    pub(crate) fn certificate(self, minted: &Minted) -> Self {
        self.digest(minted.hex_digest().as_bytes()).pem(minted.pem().as_bytes()).valid(Some(true))
    }

    /// A certificate as Envoy 1.37 gives it: a digest and a header, and no word on validity.
    pub(crate) fn certificate_in_header(self, minted: &Minted) -> Self {
        let header = minted.xfcc_element();
        self.digest(minted.hex_digest().as_bytes()).header(XFCC, header.as_bytes())
    }

    pub(crate) fn digest(mut self, digest: &[u8]) -> Self {
        self.digest = Some(digest.to_vec());
        self
    }

    pub(crate) fn pem(mut self, pem: &[u8]) -> Self {
        self.pem = Some(pem.to_vec());
        self
    }

    pub(crate) fn valid(mut self, valid: Option<bool>) -> Self {
        self.valid = valid;
        self
    }

    pub(crate) fn source(mut self, source: &[u8]) -> Self {
        self.source = Some(source.to_vec());
        self
    }

    /// The address that Envoy takes for the client's.
    pub(crate) fn forwarded(mut self, address: &[u8]) -> Self {
        self.forwarded = Some(address.to_vec());
        self
    }

    pub(crate) fn envoy_route(mut self, name: &[u8]) -> Self {
        self.envoy_route = Some(name.to_vec());
        self
    }

    pub(crate) fn envoy_cluster(mut self, name: &[u8]) -> Self {
        self.envoy_cluster = Some(name.to_vec());
        self
    }

    /// The metadata of Envoy's route, serialized.
    pub(crate) fn route_metadata(mut self, bytes: &[u8]) -> Self {
        self.metadata = Some(bytes.to_vec());
        self
    }

    /// Envoy gives an error instead of an answer.
    pub(crate) fn failing(mut self, question: Question) -> Self {
        self.failing.push(question);
        self
    }

    /// What was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.borrow().clone()
    }

    fn answer<T>(&self, question: Question, answer: T) -> Result<T, FactError> {
        self.asked.borrow_mut().push(question);
        if self.failing.contains(&question) {
            return Err(FactError { fact: "something", why: "status 2".to_owned() });
        }
        Ok(answer)
    }
}

impl Facts for Situation {
    fn headers(&self) -> Result<&Headers, FactError> {
        self.answer(Question::Headers, self.headers.get_or_init(|| Headers::new(self.pairs.clone())))
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Digest, self.digest.clone())
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Pem, self.pem.clone())
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        self.answer(Question::Valid, self.valid)
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Protocol, self.protocol.clone())
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::ServerName, self.server_name.clone())
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::TlsVersion, self.tls_version.clone())
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Cipher, self.cipher.clone())
    }

    fn claim(&self, metadata: &str, path: &ClaimPath) -> Result<Claim, FactError> {
        let token = self.token.as_ref().filter(|(key, _)| key == metadata);
        let claim = token.map_or(Claim::Missing, |(_, claims)| Claim::of_token(claims, path));
        self.answer(Question::Claim, claim)
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Source, self.source.clone())
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Forwarded, self.forwarded.clone())
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::EnvoyRoute, self.envoy_route.clone())
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::EnvoyCluster, self.envoy_cluster.clone())
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(Question::Metadata, self.metadata.clone())
    }
}

/// A leaf of the CA that the listener trusts.
pub(crate) fn leaf(name: &str) -> Leaf {
    Ca::new("Acme Issuing").leaf(name)
}

/// A policy of these routes, on a listener that resumes no sessions.
pub(crate) fn routes(routes: Value) -> Engine {
    document(json!({ "routes": routes }))
}

/// A policy of one route for every path, with these members.
pub(crate) fn route(members: Value) -> Engine {
    routes(json!([one_route(members)]))
}

pub(crate) fn one_route(members: Value) -> Value {
    merged(json!({ "name": "only", "match": { "path": { "prefix": "/" } } }), members)
}

/// A policy of these members; version and `peer_certificate` are there unless given. An editor finds no fault with it.
pub(crate) fn document(members: Value) -> Engine {
    let verified_by = json!({ "verified_by": { "envoy": { "resumption": "disabled" } } });
    let document = merged(json!({ "version": 1, "peer_certificate": verified_by }), members);
    #[cfg(not(target_arch = "wasm32"))]
    assert_eq!(SCHEMA.fault(&document), None, "{document}");
    let document = document.to_string();
    match Policy::from_json(document.as_bytes()) {
        Ok(policy) => Engine::new(policy),
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{document}\n{}", errors.join("\n"))
        }
    }
}

/// One required route for every path that lets in whom `allow` says.
pub(crate) fn allow(allow: Value) -> Engine {
    route(json!({ "client_certificate": "required", "allow": allow }))
}

/// One required route for every path that lets in all but whom `deny` says.
pub(crate) fn deny(deny: Value) -> Engine {
    route(json!({ "client_certificate": "required", "allow": "any_verified", "deny": deny }))
}

fn merged(mut base: Value, members: Value) -> Value {
    let (Value::Object(into), Value::Object(from)) = (&mut base, members) else { panic!("no objects") };
    into.extend(from);
    base
}

/// The time so many seconds after 1970.
pub(crate) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

pub(crate) fn decide(engine: &Engine, situation: &Situation) -> Decision {
    decide_at(engine, situation, Some(at(NOW)))
}

/// Decides where nothing is known of revocation.
pub(crate) fn decide_at(engine: &Engine, situation: &Situation, now: Option<OffsetDateTime>) -> Decision {
    engine.decide(situation, &NoEvidence, now).decided()
}

/// `verified` or `anonymous` for a permit, the reason for a denial, `shadow` before one that is not enforced.
pub(crate) fn word(decision: &Decision) -> String {
    match decision.verdict() {
        Ok(permit) => match permit.client() {
            Client::Verified => "verified".to_owned(),
            Client::Unverified => "unverified".to_owned(),
            Client::Anonymous => "anonymous".to_owned(),
        },
        Err(denial) => match decision.mode() {
            Mode::Enforce => denial.reason().to_string(),
            Mode::Shadow => format!("shadow {}", denial.reason()),
        },
    }
}

/// What the engine decides of the request now, in a word.
pub(crate) fn verdict(engine: &Engine, situation: &Situation) -> String {
    word(&decide(engine, situation))
}

/// The verdict on a holder of `minted` who asks for `/`.
pub(crate) fn verdict_on(engine: &Engine, minted: &Minted) -> String {
    verdict(engine, &Situation::get("/").certificate(minted))
}

/// The name of the route that is found, or the reason of the denial where none is.
pub(crate) fn route_found(engine: &Engine, situation: &Situation) -> String {
    let decision = decide(engine, situation);
    decision.route().map_or_else(|| word(&decision), |route| route.name().to_owned())
}

/// What happens to the request.
pub(crate) fn outcome(engine: &Engine, situation: &Situation) -> outcome::Outcome {
    let decision = decide(engine, situation);
    outcome::Outcome::of(&decision, engine.policy(), situation.headers().ok(), ID)
}

/// Status, headers and body of the answer to an HTTP request that is denied.
pub(crate) fn answer(engine: &Engine, situation: &Situation) -> Answer {
    match outcome(engine, situation) {
        outcome::Outcome::Reply(outcome::Reply::Http { status, headers, body }) => {
            let headers = headers.into_iter().map(|(name, value)| (name, value.into_owned())).collect();
            Answer { status, headers, body }
        }
        other @ (outcome::Outcome::Reply(outcome::Reply::Grpc { .. }) | outcome::Outcome::Pass(_)) => {
            panic!("{other:?}")
        }
    }
}

/// An answer over HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, which must not be there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| *key == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{self:?}");
        value
    }
}

/// The audit record's line.
pub(crate) fn line(engine: &Engine, situation: &Situation) -> String {
    line_of(engine, situation, &decide(engine, situation))
}

/// The line about a decision: short enough, in ASCII, and as the schema of records says.
pub(crate) fn line_of(engine: &Engine, situation: &Situation, decision: &Decision) -> String {
    let line = audit::Recorder::default()
        .record(&about(engine, situation, decision))
        .to_line(engine.policy().audit().format());
    assert!(line.len() <= audit::MAX_LINE_BYTES, "{}", line.len());
    assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
    #[cfg(not(target_arch = "wasm32"))]
    if engine.policy().audit().format() == Format::MtlsPolicy {
        assert_eq!(RECORD.fault(&serde_json::from_str(&line).unwrap()), None, "{line}");
    }
    line
}

/// What a record is made of that is asked for now.
pub(crate) fn about<'a>(
    engine: &'a Engine,
    situation: &'a Situation,
    decision: &'a Decision,
) -> audit::About<'a, Situation> {
    audit::About {
        decision,
        facts: situation,
        policy: engine.policy(),
        id: ID,
        phase: audit::Phase::Request,
        now: Some(at(NOW)),
        took: Some(std::time::Duration::from_micros(1_234)),
    }
}

/// The audit record.
pub(crate) fn record(engine: &Engine, situation: &Situation) -> Value {
    serde_json::from_str(&line(engine, situation)).unwrap()
}
