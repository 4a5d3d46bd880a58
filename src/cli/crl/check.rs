//! `mtlsctl crl check`: was a certificate revoked, as these lists say?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mtls_policy::cert::Certificate;
use mtls_policy::identity::{Identity, Serial};
use mtls_policy::revocation::crl::List;
use mtls_policy::revocation::{Judgement, Status, Why};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::pem::Pem;

use crate::cli::offline::issuers::Issuers;
use crate::cli::offline::{certificates, parse_time};
use crate::cli::output::{self, Format};
use crate::cli::{Exit, input, trace};

/// Tell whether certificates were revoked, as revocation lists say.
///
/// Issuers are the certificates of a trust bundle: those that are self-signed are its anchors, and the others count where they
/// chain to one; if none is self-signed, all are anchors. Exits with 0 if every certificate is good, with 1 if one is revoked or
/// its status cannot be told, and with 2 if a file cannot be read.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Revocation lists, PEM or DER; may be given several times.
    #[arg(long = "crl", required = true, value_name = "FILE")]
    lists: Vec<PathBuf>,

    /// Certificates of CAs and of those who sign lists, PEM or DER; may be given several times.
    #[arg(long = "issuer", required = true, value_name = "FILE")]
    issuers: Vec<PathBuf>,

    /// The time to judge at, such as `2026-01-01T00:00:00Z`; now if it is not given.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<OffsetDateTime>,

    /// How many seconds lists are believed after their nextUpdate.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    grace: u64,

    /// Certificates, PEM or DER; `-` is the standard input.
    #[arg(required = true, value_name = "CERT")]
    certificates: Vec<PathBuf>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Report {
    certificates: Vec<Checked>,
    /// What was given and is not used, and why.
    unused: Vec<Unused>,
}

#[derive(Debug, Serialize)]
struct Unused {
    source: String,
    reason: String,
}

/// What is said of one certificate.
#[derive(Debug, Serialize)]
struct Checked {
    source: String,
    subject: Option<String>,
    serial: Option<String>,
    /// `good`, `revoked` or `unknown`.
    status: &'static str,
    /// Since when it is revoked.
    since: Option<String>,
    /// Why it was revoked, or the code of why that cannot be told.
    reason: Option<&'static str>,
    detail: Option<String>,
    /// The list that says so, and its dates.
    list: Option<String>,
    this_update: Option<String>,
    next_update: Option<String>,
}

impl Check {
    pub(super) fn run(&self) -> Exit {
        let now = self.at.unwrap_or_else(OffsetDateTime::now_utc);
        let report = match self.report(now) {
            Ok(report) => report,
            Err(error) => return output::fail(error),
        };
        let text = match self.format {
            Format::Human => report.human(),
            Format::Json => output::json(&report),
        };
        let good = report.certificates.iter().all(|checked| checked.status == "good");
        output::print(text, if good { Exit::Good } else { Exit::Errors })
    }

    fn report(&self, now: OffsetDateTime) -> Result<Report, String> {
        let mut unused = Vec::new();
        let given = all_certificates(&self.issuers)?;
        let (names, ders): (Vec<String>, Vec<Vec<u8>>) = given.into_iter().unzip();
        let issuers = Issuers::of(ders).map_err(|(at, why)| match names.get(at) {
            Some(name) => format!("{name}: {why}"),
            None => why,
        })?;
        for source in issuers.refused.iter().filter_map(|at| names.get(*at)) {
            let reason = "it chains to no anchor, or may sign neither certificates nor lists";
            unused.push(Unused { source: source.clone(), reason: reason.to_owned() });
        }
        let lists = self.load(&issuers, &mut unused)?;
        let grace = Duration::from_secs(self.grace);
        let check = |(source, der)| match Certificate::from_der(der) {
            Ok(certificate) => {
                let judgement = issuers.judge(&certificate, &lists, now, grace);
                Checked::new(source, Some(&certificate), &judgement)
            }
            Err(error) => Checked::new(source, None, &Judgement::unknown(Why::Unusable, error.to_string())),
        };
        let certificates = all_certificates(&self.certificates)?.into_iter().map(check).collect();
        Ok(Report { certificates, unused })
    }

    fn load(&self, issuers: &Issuers, unused: &mut Vec<Unused>) -> Result<Vec<Arc<List>>, String> {
        let mut lists = Vec::new();
        for (source, list) in all(&self.lists, lists_in)? {
            match issuers.load(list, &source) {
                Ok(list) => lists.push(list),
                Err(error) => {
                    unused.push(Unused { source, reason: format!("the list cannot be used: {error}") })
                }
            }
        }
        Ok(lists)
    }
}

fn all_certificates(paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, String> {
    all(paths, certificates::parse)
}

/// What is in these files, each with its source.
fn all(
    paths: &[PathBuf],
    parse: impl Fn(&[u8]) -> Result<Vec<Vec<u8>>, String>,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(read(path, &parse)?);
    }
    Ok(found)
}

fn read(
    path: &Path,
    parse: impl Fn(&[u8]) -> Result<Vec<Vec<u8>>, String>,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let name = input::name(path);
    let bytes = input::read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let found = parse(&bytes).map_err(|why| format!("{name}: {why}"))?;
    let count = found.len();
    let source = |index| if count == 1 { name.clone() } else { format!("{name}, number {}", index + 1) };
    Ok(found.into_iter().enumerate().map(|(index, one)| (source(index), one)).collect())
}

/// The lists in PEM text with several of them; else what it is, one list or none.
fn lists_in(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let blocks = Pem::iter_from_buffer(bytes).filter_map(Result::ok);
    let lists: Vec<Vec<u8>> =
        blocks.filter(|block| block.label == "X509 CRL").map(|block| block.contents).collect();
    Ok(if lists.len() > 1 { lists } else { vec![bytes.to_vec()] })
}

impl Checked {
    fn new(source: String, certificate: Option<&Certificate>, judgement: &Judgement) -> Self {
        let identity = certificate.and_then(|certificate| Identity::of(certificate).ok());
        let time = |time: Option<OffsetDateTime>| time.and_then(|time| time.format(&Rfc3339).ok());
        let (status, since, reason, detail) = match &judgement.status {
            Status::Good => ("good", None, None, None),
            Status::Revoked(entry) => ("revoked", time(entry.since), Some(entry.reason.name()), None),
            Status::Unknown(unknown) => {
                ("unknown", None, Some(unknown.why.code()), Some(unknown.detail.to_string()))
            }
        };
        Self {
            source,
            subject: identity.as_ref().map(|identity| identity.subject().to_string()),
            serial: identity.as_ref().map(Identity::serial).map(Serial::to_string),
            status,
            since,
            reason,
            detail,
            list: judgement.source.as_deref().map(str::to_owned),
            this_update: time(judgement.this_update),
            next_update: time(judgement.next_update),
        }
    }

    /// `a.pem: revoked since 2026-01-01T00:00:00Z (keyCompromise)`, and the list that says so.
    fn human(&self) -> String {
        let mut line = format!("{}: {}", self.source, self.status);
        if let Some(since) = &self.since {
            line.push_str(&format!(" since {since}"));
        }
        match (self.reason, &self.detail) {
            (Some(reason), Some(detail)) => line.push_str(&format!(" ({reason}: {detail})")),
            (Some(reason), None) => line.push_str(&format!(" ({reason})")),
            (None, _) => {}
        }
        line.push('\n');
        let mut more = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                line.push_str(&format!("  {name:<12} {}\n", trace::shown(value)));
            }
        };
        more("subject", &self.subject);
        more("serial", &self.serial);
        more("list", &self.list);
        more("thisUpdate", &self.this_update);
        more("nextUpdate", &self.next_update);
        line
    }
}

impl Report {
    fn human(&self) -> String {
        let unused = self.unused.iter().map(|unused| {
            format!("warning: {} is not used: {}\n", unused.source, trace::shown(&unused.reason))
        });
        unused.chain(self.certificates.iter().map(Checked::human)).collect()
    }
}
