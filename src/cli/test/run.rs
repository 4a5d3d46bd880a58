//! Runs the tests of one file.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mtls_policy::Engine;
use mtls_policy::outcome::Outcome;
use mtls_policy::policy::Policy;
use mtls_policy::policy::trace::Step;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::coverage::{Coverage, Gap};
use super::file::{
    CertificateFields, CertificateSource, Peer, PeerCertificate, Request, Test, TestFile, Token,
};
use super::revocation::Revocation;
use super::verified::Vouchers;
use crate::cli::offline::{
    self, Certificate, Connection, DECISION_ID, Offline, OneOrMany, Situation, Target, certificates,
    parse_time,
};

/// Where a client is that does not say it: an address for documentation (RFC 5737), in no network that a policy means.
const DEFAULT_SOURCE: &str = "192.0.2.1";

/// What the tests of one file came to.
#[derive(Debug, Serialize)]
pub(super) struct FileResult {
    pub(super) file: PathBuf,
    pub(super) tests: Vec<TestResult>,
    /// What no test reaches.
    pub(super) gaps: Vec<Gap>,
    pub(super) routes: usize,
}

/// What one test came to.
#[derive(Debug, Serialize)]
pub(super) struct TestResult {
    pub(super) name: String,
    /// What was expected and did not come; empty for a test that passed.
    pub(super) differences: Vec<String>,
    /// Why the request was denied, for a test that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// The steps of the decision, for a test that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) trace: Vec<Step>,
}

impl TestResult {
    pub(super) fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Runs those tests of `path` whose names contain `filter`.
///
/// # Errors
/// Why they cannot be run: a file that cannot be read or is none, a policy with errors.
pub(super) fn run(path: &Path, filter: Option<&str>, now: OffsetDateTime) -> Result<FileResult, String> {
    let place = |error: String| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| place(format!("cannot be read: {error}")))?;
    let file: TestFile = serde_json::from_str(&text).map_err(|error| place(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let engine = Engine::new(policy(&folder.join(&file.policy))?);
    let now = file.time.as_deref().map_or(Ok(now), parse_time).map_err(place)?;
    let bench = Bench {
        folder,
        defaults: &file.certificate_defaults,
        certificates: &file.certificates,
        revocation: file.revocation.as_ref(),
        now,
    };
    let mut names = HashSet::new();
    if let Some(test) = file.tests.iter().find(|test| !names.insert(test.name.as_str())) {
        return Err(place(format!("two tests are named `{}`", test.name)));
    }
    let mut coverage = Coverage::of(engine.policy());
    let mut tests = Vec::new();
    for test in file.tests.iter().filter(|test| filter.is_none_or(|filter| test.name.contains(filter))) {
        let cases =
            test.peers.iter().flat_map(|peer| test.requests.iter().map(move |request| (peer, request)));
        for (peer, request) in cases {
            let failed = |why: String| place(format!("test `{}`: {why}", test.name));
            tests.push(bench.run(&engine, test, (peer, request), &mut coverage).map_err(failed)?);
        }
    }
    let routes = engine.policy().routes().iter().len();
    Ok(FileResult { file: path.to_owned(), tests, gaps: coverage.gaps(), routes })
}

fn policy(path: &Path) -> Result<Policy, String> {
    let document = fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    Policy::from_json(&document).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{}: {error}", path.display())).collect();
        lines.join("\n")
    })
}

/// What the tests of a file share.
struct Bench<'a> {
    folder: &'a Path,
    defaults: &'a CertificateFields,
    certificates: &'a BTreeMap<String, CertificateSource>,
    revocation: Option<&'a Revocation>,
    now: OffsetDateTime,
}

impl Bench<'_> {
    fn run(
        &self,
        engine: &Engine,
        test: &Test,
        (peer, request): (&Peer, &Request),
        coverage: &mut Coverage,
    ) -> Result<TestResult, String> {
        let now = test.time.as_deref().map_or(Ok(self.now), parse_time)?;
        let policy = engine.policy();
        let revocation = test.revocation.as_ref().or(self.revocation);
        let mut evidence = Revocation::evidence(revocation, policy, self.folder, now)?;
        let situation = self.situation(policy, test, (peer, request), now, &mut evidence)?;
        let mut trace = Vec::new();
        let decision = engine.decide_traced(&situation, &evidence, Some(now), &mut trace).decided();
        coverage.add(&decision, &trace);
        let headers = offline::headers_of(&situation);
        let outcome = Outcome::of(&decision, policy, headers, DECISION_ID);
        let differences = test.expect.differences(&decision, &outcome, headers);
        let mut detail = decision.verdict().err().map(|denial| denial.detail().to_owned());
        if differences.is_empty() {
            trace.clear();
            detail = None;
        }
        Ok(TestResult { name: name(test, peer, request), differences, detail, trace })
    }

    /// What the engine is asked about; who vouches for the client goes into `evidence`.
    fn situation(
        &self,
        policy: &Policy,
        test: &Test,
        (peer, request): (&Peer, &Request),
        now: OffsetDateTime,
        evidence: &mut Offline,
    ) -> Result<Situation, String> {
        let mut headers = headers(&request.headers);
        let target: Target = request.line.parse()?;
        let mut connection = Connection::to(&target);
        connection.source = Some(peer.source.clone().unwrap_or_else(|| DEFAULT_SOURCE.to_owned()));
        connection.forwarded_source.clone_from(&peer.forwarded_source);
        connection.token = peer.token.as_ref().map(|token| self.token(token, now)).transpose()?;
        connection.chosen.clone_from(&test.envoy);
        match &mut connection.transport {
            Some(tls) => {
                tls.version.clone_from(&peer.tls_version);
                tls.cipher.clone_from(&peer.cipher);
                if let Some(name) = &peer.sni {
                    tls.server_name.clone_from(name);
                }
                if let Some(certificate) = &peer.certificate {
                    let (name, source) = self.source(certificate)?;
                    let (leaf, others) = self.presented(name, source, now)?;
                    offline::forward(policy, &leaf, &others, &mut headers)?;
                    let vouchers = Vouchers::of(peer.verified.as_ref(), source, policy)?;
                    vouchers.bundles.into_iter().for_each(|bundles| evidence.assume_bundles(bundles));
                    tls.certificate =
                        Some(Certificate { valid: vouchers.envoy, ..Certificate::verified(leaf) });
                }
            }
            None if peer.certificate.is_some() || peer.sni.is_some() => {
                return Err("a certificate or server name without TLS: write `https://`".to_owned());
            }
            None if peer.tls_version.is_some() || peer.cipher.is_some() => {
                return Err("a version or cipher suite of TLS without TLS: write `https://`".to_owned());
            }
            None => {}
        }
        Ok(Situation::new(&target, headers, connection))
    }

    fn token(&self, token: &Token, now: OffsetDateTime) -> Result<offline::Token, String> {
        let mut claims = token.claims.clone();
        if let Some(certificate) = &token.bound_to {
            let (name, source) = self.source(certificate)?;
            let digest = Sha256::digest(self.presented(name, source, now)?.0);
            let confirmation = claims.entry("cnf").or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(confirmation) = confirmation else {
                return Err("the claim `cnf` of a token with `bound_to` is no object".to_owned());
            };
            confirmation.insert("x5t#S256".to_owned(), json!(BASE64_URL_SAFE_NO_PAD.encode(digest)));
        }
        Ok(offline::Token { metadata: token.metadata.clone(), claims })
    }

    /// Where a certificate comes from, and its name.
    fn source<'s>(
        &'s self,
        certificate: &'s PeerCertificate,
    ) -> Result<(&'s str, &'s CertificateSource), String> {
        match certificate {
            PeerCertificate::Given(source) => Ok(("client", source)),
            PeerCertificate::Named(name) => {
                let known = || self.certificates.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let unknown = || format!("unknown certificate `{name}`; known: {}", known());
                Ok((name, self.certificates.get(name).ok_or_else(unknown)?))
            }
        }
    }

    /// The client's certificate, and what it presents beside it.
    fn presented(
        &self,
        name: &str,
        source: &CertificateSource,
        now: OffsetDateTime,
    ) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
        match source {
            CertificateSource::Minted(fields) => {
                fields.description(self.defaults)?.mint(name, now).map(|leaf| (leaf, Vec::new()))
            }
            CertificateSource::File(path) => certificates::presented(&self.folder.join(path)),
        }
    }
}

/// The test's name, with the peer and the request where it has several.
fn name(test: &Test, peer: &Peer, request: &Request) -> String {
    let mut name = test.name.clone();
    if test.peers.len() > 1 {
        let who = match &peer.certificate {
            Some(PeerCertificate::Named(name)) => name,
            Some(PeerCertificate::Given(_)) => "a described certificate",
            None => "no certificate",
        };
        name = format!("{name}: {who}");
    }
    if test.requests.len() > 1 {
        name = format!("{name}: {}", request.line);
    }
    name
}

fn headers(headers: &BTreeMap<String, OneOrMany<String>>) -> Vec<(String, Vec<u8>)> {
    let pairs = headers.iter().flat_map(|(name, values)| {
        // Envoy hands header names over in lower case.
        values.as_slice().iter().map(move |value| (name.to_ascii_lowercase(), value.clone().into_bytes()))
    });
    pairs.collect()
}
