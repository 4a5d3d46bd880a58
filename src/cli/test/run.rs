//! Runs the tests of one file.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use mtls_policy::Engine;
use mtls_policy::outcome::{Outcome, Reply};
use mtls_policy::policy::trace::Step;
use mtls_policy::policy::{Client, Decision, Policy};
use serde::Serialize;
use time::OffsetDateTime;

use super::coverage::{Coverage, Gap};
use super::file::{CertificateSource, Expectation, PeerCertificate, Test, TestFile, Verdict};
use crate::cli::offline::{
    self, Certificate, Connection, DECISION_ID, OneOrMany, Situation, Target, certificates, parse_time,
};

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
    let bench = Bench { folder, certificates: &file.certificates, now };
    let mut names = HashSet::new();
    if let Some(test) = file.tests.iter().find(|test| !names.insert(test.name.as_str())) {
        return Err(place(format!("two tests are named `{}`", test.name)));
    }
    let mut coverage = Coverage::of(engine.policy());
    let mut tests = Vec::new();
    for test in file.tests.iter().filter(|test| filter.is_none_or(|filter| test.name.contains(filter))) {
        let failed = |why: String| place(format!("test `{}`: {why}", test.name));
        tests.push(bench.run(&engine, test, &mut coverage).map_err(failed)?);
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
    certificates: &'a BTreeMap<String, CertificateSource>,
    now: OffsetDateTime,
}

impl Bench<'_> {
    fn run(&self, engine: &Engine, test: &Test, coverage: &mut Coverage) -> Result<TestResult, String> {
        let now = test.time.as_deref().map_or(Ok(self.now), parse_time)?;
        let situation = self.situation(test, now)?;
        let mut trace = Vec::new();
        let decision = engine.decide_traced(&situation, Some(now), &mut trace);
        coverage.add(&decision, &trace);
        let outcome = Outcome::of(&decision, engine.policy(), offline::headers_of(&situation), DECISION_ID);
        let differences = differences(&test.expect, &decision, &outcome);
        if differences.is_empty() {
            trace.clear();
        }
        Ok(TestResult { name: test.name.clone(), differences, trace })
    }

    fn situation(&self, test: &Test, now: OffsetDateTime) -> Result<Situation, String> {
        let Test { peer, request, .. } = test;
        let target: Target = request.line.parse()?;
        let mut connection = Connection::to(&target);
        connection.source.clone_from(&peer.source);
        connection.forwarded_source.clone_from(&peer.forwarded_source);
        connection.token.clone_from(&peer.token);
        connection.chosen.clone_from(&test.envoy);
        match &mut connection.transport {
            Some(tls) => {
                tls.version.clone_from(&peer.tls_version);
                tls.cipher.clone_from(&peer.cipher);
                if let Some(name) = &peer.sni {
                    tls.server_name.clone_from(name);
                }
                if let Some(certificate) = &peer.certificate {
                    let der = self.certificate(certificate, now)?;
                    let valid = peer.verified.attribute();
                    tls.certificate = Some(Certificate { valid, ..Certificate::verified(der) });
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
        Ok(Situation::new(&target, headers(&request.headers), connection))
    }

    fn certificate(&self, certificate: &PeerCertificate, now: OffsetDateTime) -> Result<Vec<u8>, String> {
        let (name, source) = match certificate {
            PeerCertificate::Given(source) => ("client", source),
            PeerCertificate::Named(name) => {
                let known = || self.certificates.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let unknown = || format!("unknown certificate `{name}`; known: {}", known());
                (name.as_str(), self.certificates.get(name).ok_or_else(unknown)?)
            }
        };
        match source {
            CertificateSource::Minted(fields) => fields.mint(name, now),
            CertificateSource::File(path) => {
                let leaf = certificates::read(&self.folder.join(path))?.into_iter().next();
                leaf.ok_or_else(|| format!("{}: it holds no certificate", path.display()))
            }
        }
    }
}

fn headers(headers: &BTreeMap<String, OneOrMany<String>>) -> Vec<(String, Vec<u8>)> {
    let pairs = headers.iter().flat_map(|(name, values)| {
        // Envoy hands header names over in lower case.
        values.as_slice().iter().map(move |value| (name.to_ascii_lowercase(), value.clone().into_bytes()))
    });
    pairs.collect()
}

fn differences(expected: &Expectation, decision: &Decision, outcome: &Outcome) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: Option<&str>, got: Option<&str>| {
        if expected != got {
            let word = |value: Option<&str>| value.unwrap_or("none").to_owned();
            differences.push(format!("expected {what} {}, got {}", word(expected), word(got)));
        }
    };
    let (verdict, reason, client) = match decision.verdict() {
        Ok(permit) => (Verdict::Permit, None, Some(client_word(permit.client()))),
        Err(denial) => (Verdict::Deny, Some(denial.reason().code()), None),
    };
    compare("decision", Some(verdict_word(expected.decision)), Some(verdict_word(verdict)));
    let mode = Some(decision.mode().as_str());
    let status = status(outcome).map(|status| status.to_string());
    let expected_status = expected.status.map(|status| status.to_string());
    for (what, expected, got) in [
        ("reason", expected.reason.as_deref(), reason),
        ("route", expected.route.as_deref(), decision.route().map(|route| route.name())),
        ("mode", expected.mode.as_deref(), mode),
        ("client", expected.client.as_deref(), client),
        ("status", expected_status.as_deref(), status.as_deref()),
    ] {
        // What is not said may be anything.
        if expected.is_some() {
            compare(what, expected, got);
        }
    }
    for (name, value) in &expected.upstream {
        compare(
            &format!("header `{name}` to the upstream"),
            value.as_deref(),
            upstream_header(outcome, name),
        );
    }
    differences
}

/// The HTTP status of the answer; `None` for a request that passes or is answered in gRPC.
fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Reply(Reply::Http { status, .. }) => Some(*status),
        Outcome::Reply(Reply::Grpc { .. }) | Outcome::Pass(_) => None,
    }
}

fn upstream_header<'a>(outcome: &'a Outcome, name: &str) -> Option<&'a str> {
    match outcome {
        Outcome::Pass(changes) => {
            let named = changes.set.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.as_ref())
        }
        Outcome::Reply(_) => None,
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Permit => "permit",
        Verdict::Deny => "deny",
    }
}

fn client_word(client: Client) -> &'static str {
    match client {
        Client::Verified => "verified",
        Client::Anonymous => "anonymous",
    }
}
