//! One request as a proxy would tell it, and what must hold of every decision on one.

use std::cell::Cell;

use mtls_policy::audit::{About, MAX_LINE_BYTES, Phase, Recorder};
use mtls_policy::cert::Fingerprint;
use mtls_policy::facts::{FactError, Facts};
use mtls_policy::outcome::{Outcome, Reply};
use mtls_policy::policy::trace::Step;
use mtls_policy::policy::{Client, Decision, DecisionId};
use mtls_policy::request::Headers;
use mtls_policy::revocation::NoEvidence;
use mtls_policy::token::{Claim, ClaimPath};
use mtls_policy::{Engine, policy};
use time::OffsetDateTime;

/// 2030-01-01T00:00:00Z, within the time of the seeds.
const NOW: i64 = 1_893_456_000;

const ID: DecisionId = DecisionId { vm: 1, sequence: 2 };

/// A request and its connection.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) headers: Headers,
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) pem: Option<Vec<u8>>,
    pub(crate) valid: Option<bool>,
    pub(crate) server_name: Option<Vec<u8>>,
    pub(crate) tls_version: Option<Vec<u8>>,
    pub(crate) cipher: Option<Vec<u8>>,
    pub(crate) source: Option<Vec<u8>>,
    pub(crate) envoy_route: Option<Vec<u8>>,
    pub(crate) route_metadata: Option<Vec<u8>>,
    pub(crate) claims: serde_json::Map<String, serde_json::Value>,
    /// Which question is not answered, counted from the first that is asked.
    pub(crate) failing: Option<usize>,
    pub(crate) asked: Cell<usize>,
}

impl Request {
    /// `GET` of a path over TLS, without a certificate.
    pub(crate) fn get(path: &str) -> Self {
        Self::get_bytes(path.as_bytes().to_vec())
    }

    pub(crate) fn get_bytes(path: Vec<u8>) -> Self {
        let pair = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let authority = b"acme.example";
        Self {
            headers: Headers::new(vec![
                pair(":method", b"GET"),
                pair(":authority", authority),
                pair(":path", &path),
            ]),
            server_name: Some(authority.to_vec()),
            tls_version: Some(b"TLSv1.3".to_vec()),
            ..Self::default()
        }
    }

    /// The same from the holder of a certificate that was verified.
    pub(crate) fn presenting(self, der: &[u8]) -> Self {
        Self {
            digest: Some(Fingerprint::of(der).to_string().into_bytes()),
            pem: Some(pem(der).into_bytes()),
            valid: Some(true),
            ..self
        }
    }

    pub(crate) fn decide(&self, engine: &Engine) -> Decision {
        self.asked.set(0);
        engine.decide(self, &NoEvidence, OffsetDateTime::from_unix_timestamp(NOW).ok()).decided()
    }

    /// What must hold of any decision on this request.
    pub(crate) fn check(&self, engine: &Engine, decision: &Decision) {
        let policy = engine.policy();
        if let Ok(permit) = decision.verdict()
            && permit.client() == Client::Verified
        {
            assert_eq!(self.valid, Some(true), "a certificate that was not verified");
            assert!(self.digest.is_some(), "a client without a certificate");
        }
        let about =
            About { decision, facts: self, policy, id: ID, phase: Phase::Request, now: None, took: None };
        let line = Recorder::default().record(&about).to_line(policy.audit().format());
        assert!(line.is_ascii() && !line.bytes().any(|byte| byte.is_ascii_control()), "{line:?}");
        assert!(line.len() <= MAX_LINE_BYTES, "a record of {} bytes", line.len());
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "no JSON: {line}");
        match Outcome::of(decision, policy, Some(&self.headers), ID) {
            Outcome::Pass(changes) => {
                assert!(decision.enforced_denial().is_none(), "a denied request passes");
                for name in self.headers.names().filter(|name| policy.own_headers().contains(name)) {
                    assert!(changes.remove.iter().any(|removed| removed == name), "{name} is the client's");
                }
                for (name, value) in &changes.set {
                    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value:?}");
                }
                let verify = changes.set.iter().filter(|(name, _)| name == policy::CLIENT_VERIFY);
                let verified = decision.verdict().is_ok_and(|permit| permit.client() == Client::Verified);
                let expected = if verified { "SUCCESS" } else { "NONE" };
                assert_eq!(verify.map(|(_, value)| value.as_ref()).collect::<Vec<_>>(), [expected]);
                assert!(verified || changes.set.len() == 1, "an identity of nobody: {:?}", changes.set);
            }
            Outcome::Reply(Reply::Http { status, headers, .. }) => {
                assert!(decision.enforced_denial().is_some(), "a permitted request is refused");
                assert!(matches!(status, 300..=599), "status {status}");
                for (name, value) in &headers {
                    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value:?}");
                }
            }
            Outcome::Reply(Reply::Grpc { message, .. }) => {
                assert!(decision.enforced_denial().is_some(), "a permitted request is refused");
                assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{message:?}");
            }
        }
        self.check_trace(engine, decision);
    }

    /// The decision that is explained is the decision that is made, and the same again.
    fn check_trace(&self, engine: &Engine, decision: &Decision) {
        self.asked.set(0);
        let mut steps: Vec<Step> = Vec::new();
        let now = OffsetDateTime::from_unix_timestamp(NOW).ok();
        let again = engine.decide_traced(self, &NoEvidence, now, &mut steps).decided();
        let word = |decision: &Decision| {
            let reason = decision.verdict().err().map(|denial| denial.reason());
            (reason, decision.route().map(|route| route.name().to_owned()), decision.mode())
        };
        assert_eq!(word(decision), word(&again), "{steps:?}");
    }

    fn answer<T>(&self, answer: T) -> Result<T, FactError> {
        let number = self.asked.get();
        self.asked.set(number + 1);
        if self.failing == Some(number) {
            return Err(FactError { fact: "something", why: "status 10".to_owned() });
        }
        Ok(answer)
    }
}

fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----");
    for (index, chunk) in der.chunks(3).enumerate() {
        if index % 16 == 0 {
            text.push('\n');
        }
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = usize::try_from(bits >> (18 - 6 * place) & 0x3f).unwrap_or_default();
            text.push(if place <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text + "\n-----END CERTIFICATE-----\n"
}

impl Facts for Request {
    fn headers(&self) -> Result<&Headers, FactError> {
        // Without headers there is no request; a failure here is asked for by a number of its own.
        Ok(&self.headers)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.digest.clone())
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.pem.clone())
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        self.answer(self.valid)
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(None)
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.server_name.clone())
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.tls_version.clone())
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.cipher.clone())
    }

    fn claim(&self, _metadata: &str, path: &ClaimPath) -> Result<Claim, FactError> {
        self.answer(Claim::of_token(&self.claims, path))
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.source.clone())
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.source.clone())
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.envoy_route.clone())
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.envoy_route.clone())
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.answer(self.route_metadata.clone())
    }
}
