//! `mtlsctl explain`: what is decided of one request, and why?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use mtls_policy::Engine;
use mtls_policy::cert::{Fingerprint, xfcc};
use mtls_policy::outcome::{Outcome, Reply};
use mtls_policy::policy::trace::Step;
use mtls_policy::policy::{Decision, Policy};
use mtls_policy::request::XFCC;
use mtls_policy::token::DEFAULT_METADATA;
use serde::Serialize;
use time::OffsetDateTime;

use super::findings_report::{FileReport, human};
use super::offline::{
    Certificate, Connection, DECISION_ID, Offline, Situation, Target, Token, certificates, forward,
    headers_of, parse_time,
};
use super::output::Format;
use super::{Exit, input, output, trace};

/// Explain what a policy decides of one request, step by step.
///
/// Options are named as curl's are. Exits with 0 if the request is permitted, with 1 if it is denied, and with 2 if the
/// policy has errors or a file cannot be read.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("certificate").args(["cert", "xfcc"]))]
pub(super) struct Explain {
    /// The policy; `-` is the standard input.
    policy: PathBuf,

    /// `https://host/path`, read as it stands; `http://` is a connection without TLS.
    url: String,

    /// The method.
    #[arg(long = "request", short = 'X', value_name = "METHOD", default_value = "GET")]
    method: String,

    /// A header of the request, as `name: value`; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "HEADER", value_parser = header)]
    headers: Vec<(String, Vec<u8>)>,

    /// What the client presents, PEM or DER: of several certificates the first is its own, and the others come beside it, which
    /// matters where the filter verifies.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The client's certificate as Envoy forwarded it: a value of `x-forwarded-client-cert`, of which the last element
    /// counts.
    #[arg(long, value_name = "VALUE")]
    xfcc: Option<String>,

    /// Envoy did not verify the certificate in this handshake: it is not trusted, or the session was resumed. A filter that
    /// verifies does not ask.
    #[arg(long, requires = "certificate")]
    unverified: bool,

    /// The server name of the TLS handshake; by default the host. Empty: the client named none.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,

    /// The version of TLS, as Envoy writes it; by default `TLSv1.3`.
    #[arg(long, value_name = "VERSION")]
    tls_version: Option<String>,

    /// The cipher suite, as Envoy writes it.
    #[arg(long, value_name = "NAME")]
    cipher: Option<String>,

    /// The claims of a token that Envoy verified: a JSON object.
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,

    /// The key of the metadata under which Envoy left the claims.
    #[arg(long, value_name = "KEY", default_value = DEFAULT_METADATA, requires = "claims")]
    token_metadata: String,

    /// The address of the connection's other end.
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,

    /// What Envoy takes for the client's address, out of headers.
    #[arg(long, value_name = "ADDRESS")]
    forwarded_source: Option<String>,

    /// A revocation list, DER or PEM, as if a source of that trust bundle had brought it; may be given several times.
    #[arg(long = "crl", value_name = "BUNDLE=FILE", value_parser = list)]
    crls: Vec<(String, PathBuf)>,

    /// What an OCSP responder says when it is asked, in DER.
    #[arg(long, value_name = "FILE")]
    ocsp: Option<PathBuf>,

    /// The name of the route that Envoy's own router chose.
    #[arg(long, value_name = "NAME")]
    envoy_route: Option<String>,

    /// The cluster that Envoy's own router chose.
    #[arg(long, value_name = "NAME")]
    envoy_cluster: Option<String>,

    /// Say also why this route of the policy is not the request's.
    #[arg(long, value_name = "ROUTE")]
    why_not: Option<String>,

    /// When: RFC 3339, such as `2026-01-01T00:00:00Z`; by default now.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<OffsetDateTime>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

impl Explain {
    pub(super) fn run(&self) -> Exit {
        let policy = match self.policy() {
            Ok(policy) => policy,
            Err(page) => {
                let _ = anstream::stderr().write_all(page.as_bytes());
                return Exit::Usage;
            }
        };
        let situation = match self.situation(&policy) {
            Ok(situation) => situation,
            Err(error) => return output::fail(error),
        };
        let engine = Engine::new(policy);
        let now = self.at.unwrap_or_else(OffsetDateTime::now_utc);
        let evidence = match self.evidence(engine.policy(), now) {
            Ok(evidence) => evidence,
            Err(error) => return output::fail(error),
        };
        let mut steps = Vec::new();
        let decision = engine.decide_traced(&situation, &evidence, Some(now), &mut steps).decided();
        let outcome = Outcome::of(&decision, engine.policy(), headers_of(&situation), DECISION_ID);
        let why_not = match self.why_not.as_deref().map(|name| why_not(&engine, &situation, name)).transpose()
        {
            Ok(why_not) => why_not,
            Err(error) => return output::fail(error),
        };
        let explanation = Explanation::new(&decision, &outcome, steps, why_not);
        let text = match self.format {
            Format::Human => explanation.human(),
            Format::Json => explanation.json(),
        };
        output::print(text, if decision.verdict().is_ok() { Exit::Good } else { Exit::Errors })
    }

    fn policy(&self) -> Result<Policy, String> {
        let name = input::name(&self.policy);
        match input::read(&self.policy) {
            Ok(document) => Policy::from_json(&document)
                .map_err(|errors| human(&[FileReport::checked(name, &document, Err(errors))])),
            Err(error) => Err(human(&[FileReport::unreadable(name, &error)])),
        }
    }

    fn evidence(&self, policy: &Policy, now: OffsetDateTime) -> Result<Offline, String> {
        let mut evidence = Offline::at(now);
        for (bundle, file) in &self.crls {
            evidence.add_list(policy, bundle, file)?;
        }
        if let Some(file) = &self.ocsp {
            evidence.add_response(file)?;
        }
        Ok(evidence)
    }

    fn situation(&self, policy: &Policy) -> Result<Situation, String> {
        let target = Target::from_url(&self.method, &self.url)?;
        let mut headers = self.headers.clone();
        let mut connection = Connection::to(&target);
        connection.source.clone_from(&self.source);
        connection.forwarded_source.clone_from(&self.forwarded_source);
        connection.chosen.route.clone_from(&self.envoy_route);
        connection.chosen.cluster.clone_from(&self.envoy_cluster);
        if let Some(path) = &self.claims {
            connection.token =
                Some(Token { metadata: self.token_metadata.clone(), claims: claims_in(path)? });
        }
        let valid = Some(!self.unverified);
        let certificate = match (&self.cert, &self.xfcc) {
            (Some(path), _) => {
                let (leaf, others) = certificates::presented(path)?;
                forward(policy, &leaf, &others, &mut headers)?;
                Some(Certificate { valid, ..Certificate::verified(leaf) })
            }
            (None, Some(value)) => {
                headers.push((XFCC.to_owned(), value.clone().into_bytes()));
                Some(Certificate { digest: digest_in(value)?, der: None, valid })
            }
            (None, None) => None,
        };
        match &mut connection.transport {
            Some(tls) => {
                tls.certificate = certificate;
                tls.version.clone_from(&self.tls_version);
                tls.cipher.clone_from(&self.cipher);
                if let Some(name) = &self.sni {
                    tls.server_name = Some(name.clone()).filter(|name| !name.is_empty());
                }
            }
            None if certificate.is_some() || self.sni.is_some() => {
                return Err("a certificate or server name without TLS: write `https://`".to_owned());
            }
            None if self.tls_version.is_some() || self.cipher.is_some() => {
                return Err("a version or cipher suite of TLS without TLS: write `https://`".to_owned());
            }
            None => {}
        }
        Ok(Situation::new(&target, headers, connection))
    }
}

/// Why the request does not select the route `name`, if it does not.
fn why_not(engine: &Engine, situation: &Situation, name: &str) -> Result<String, String> {
    let routes = engine.policy().routes();
    let position = routes.iter().position(|route| route.name() == name);
    let position = position.ok_or_else(|| format!("the policy has no route `{name}`"))?;
    match engine.mismatch(situation, position) {
        Ok(None) => Ok(format!("route `{name}` matches; the first that does is taken")),
        Ok(Some(why)) => Ok(format!("route `{name}` does not match: {why}")),
        Err(denial) => Ok(format!("route `{name}` cannot be told: {}", denial.detail())),
    }
}

fn claims_in(path: &Path) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let name = input::name(path);
    let document = input::read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    serde_json::from_slice(&document).map_err(|error| format!("{name}: no JSON object of claims: {error}"))
}

/// What Envoy's own attribute would say on the connection on which Envoy wrote this header.
fn digest_in(value: &str) -> Result<Fingerprint, String> {
    let elements = xfcc::parse(value.as_bytes()).map_err(|error| format!("the XFCC value: {error}"))?;
    let hash = elements.last().and_then(|element| element.hash.as_ref());
    hash.and_then(|hash| Fingerprint::from_hex(hash))
        .ok_or_else(|| "the XFCC value: its last element has no `Hash` of 64 hexadecimal digits".to_owned())
}

fn list(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((bundle, file)) if !bundle.is_empty() && !file.is_empty() => {
            Ok((bundle.to_owned(), file.into()))
        }
        Some(_) | None => Err("write `BUNDLE=FILE`".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, Vec<u8>), String> {
    let (name, value) = text.split_once(':').ok_or("write `name: value`")?;
    if name.is_empty() {
        return Err("write `name: value`".to_owned());
    }
    // Envoy hands header names over in lower case.
    Ok((name.trim().to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
}

/// A decision and how it came about.
#[derive(Debug, Serialize)]
struct Explanation {
    decision: &'static str,
    mode: &'static str,
    reason: Option<&'static str>,
    detail: Option<String>,
    route: Option<String>,
    /// What becomes of the request.
    outcome: String,
    /// Headers that the upstream gets by the policy.
    upstream: BTreeMap<String, String>,
    /// Names of the client's headers that it does not get.
    removed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
    steps: Vec<Step>,
}

impl Explanation {
    fn new(decision: &Decision, outcome: &Outcome, steps: Vec<Step>, why_not: Option<String>) -> Self {
        let denial = decision.verdict().err();
        let (upstream, removed) = match outcome {
            Outcome::Pass(changes) => {
                let set = changes.set.iter().map(|(name, value)| (name.to_string(), value.to_string()));
                (set.collect(), changes.remove.clone())
            }
            Outcome::Reply(_) => (BTreeMap::new(), Vec::new()),
        };
        let outcome = match outcome {
            Outcome::Pass(_) => "it goes to the upstream".to_owned(),
            Outcome::Reply(Reply::Http { status, .. }) => format!("it is answered with status {status}"),
            Outcome::Reply(Reply::Grpc { status, .. }) => {
                format!("it is answered with gRPC status {status:?}")
            }
        };
        Self {
            decision: if denial.is_some() { "deny" } else { "permit" },
            mode: decision.mode().as_str(),
            reason: denial.map(|denial| denial.reason().code()),
            detail: denial.map(|denial| denial.detail().to_owned()),
            route: decision.route().map(|route| route.name().to_owned()),
            outcome,
            upstream,
            removed,
            why_not,
            steps,
        }
    }

    fn human(&self) -> String {
        let mut page = trace::text(&self.steps, "");
        let reason = self.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        let route = self.route.as_ref().map(|route| format!(" by route `{route}`")).unwrap_or_default();
        let _ = writeln!(page, "\n{}{reason}{route} ({})", self.decision, self.mode);
        if let Some(detail) = &self.detail {
            let _ = writeln!(page, "  because {}", trace::shown(detail));
        }
        let _ = writeln!(page, "  {}", self.outcome);
        for (name, value) in &self.upstream {
            let _ = writeln!(page, "    {name}: {value}");
        }
        for name in &self.removed {
            let _ = writeln!(page, "    without the client's {}", trace::shown(name));
        }
        if let Some(why_not) = &self.why_not {
            let _ = writeln!(page, "  {}", trace::shown(why_not));
        }
        page
    }

    fn json(&self) -> String {
        output::json(self)
    }
}
