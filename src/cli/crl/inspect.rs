//! `mtlsctl crl inspect`: what does the engine make of a revocation list?

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mtls_policy::cert::Certificate;
use mtls_policy::revocation::crl::{
    CrlNumber, DistributionPointName, EntriesOf, GeneralName, Holders, IssuingDistributionPoint, ListedEntry,
    Load, LoadError, Unverified,
};
use mtls_policy::trust::Authority;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::offline::{certificates, parse_time};
use crate::cli::output::Format;
use crate::cli::{Exit, input, output, trace};

/// Show what the engine sees in a revocation list, and whether the filter would use it.
///
/// Exits with 0 if it would, with 1 if it would refuse the list or if the list is not current, and with 2 if the file holds no
/// list. Without `--issuer` nothing is known of the signature.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A list, PEM or DER; `-` is the standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Certificates that may have signed the list, PEM or DER; may be given several times.
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,

    /// Show so many of the entries.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    entries: usize,

    /// When: RFC 3339, such as `2026-01-01T00:00:00Z`; by default now.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<OffsetDateTime>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Inspected {
    source: String,
    /// Why the filter would refuse it.
    error: Option<String>,
    /// Whether its signature is good; `None` where nobody says who may have signed it, or the list is not even well-formed.
    signature: Option<bool>,
    /// Whether its time has begun and is not over.
    current: Option<bool>,
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Field {
    name: &'static str,
    values: Vec<String>,
}

impl Inspect {
    pub(super) fn run(&self) -> Exit {
        let inspected = match self.inspect() {
            Ok(inspected) => inspected,
            Err(error) => return output::fail(error),
        };
        let text = match self.format {
            Format::Human => inspected.human(),
            Format::Json => output::json(&inspected),
        };
        let good = inspected.error.is_none() && inspected.current == Some(true);
        output::print(text, if good { Exit::Good } else { Exit::Errors })
    }

    fn inspect(&self) -> Result<Inspected, String> {
        let source = input::name(&self.file);
        let bytes = input::read(&self.file).map_err(|error| format!("{source}: cannot be read: {error}"))?;
        let authorities = self.authorities()?;
        let list = match Unverified::read(bytes.clone(), self.entries) {
            Ok(list) => list,
            Err(error @ LoadError::NotAList) => return Err(format!("{source}: {error}")),
            Err(error) => {
                let error = Some(error.to_string());
                return Ok(Inspected { source, error, signature: None, current: None, fields: Vec::new() });
            }
        };
        let now = self.at.unwrap_or_else(OffsetDateTime::now_utc);
        let fields = fields(&list, now);
        let current = Some(list.this_update() <= now && now <= list.next_update());
        let unverified = authorities.is_empty();
        let problem = (!unverified).then(|| Load::new(bytes, authorities).finish().err());
        Ok(Inspected {
            source,
            error: problem.as_ref().and_then(Option::as_ref).map(LoadError::to_string),
            signature: problem.map(|problem| problem.is_none()),
            current,
            fields,
        })
    }

    fn authorities(&self) -> Result<Vec<Arc<Authority>>, String> {
        let mut authorities = Vec::new();
        for path in &self.issuer {
            for der in certificates::read(path)? {
                let certificate = Certificate::from_der(der);
                let certificate = certificate.map_err(|error| format!("{}: {error}", path.display()))?;
                let authority = Authority::of(certificate);
                authorities
                    .push(Arc::new(authority.map_err(|error| format!("{}: {error}", path.display()))?));
            }
        }
        Ok(authorities)
    }
}

impl Inspected {
    fn human(&self) -> String {
        let mut page = format!("{}\n", self.source);
        for Field { name, values } in &self.fields {
            let mut label = *name;
            for value in values {
                page.push_str(&format!("  {label:<20} {}\n", trace::shown(value)));
                label = "";
            }
        }
        page.push_str(&match (&self.error, self.signature) {
            (Some(error), _) => format!("  the filter refuses it: {}\n", trace::shown(error)),
            (None, Some(_)) => "  the filter can use it: its signature is good\n".to_owned(),
            (None, None) => {
                "  the filter can read it; whose signature it bears, `--issuer` would tell\n".to_owned()
            }
        });
        page
    }
}

fn fields(list: &Unverified, now: OffsetDateTime) -> Vec<Field> {
    let current = if now < list.this_update() {
        "no: its time has not begun"
    } else if now > list.next_update() {
        "no: a newer one is due"
    } else {
        "yes"
    };
    let mut fields = vec![
        one("issuer", list.issuer().name()),
        one("authority_key_id", hex(list.authority_key_id().unwrap_or_default())),
        one("number", decimal(list.number())),
        one("delta_base", list.delta_base().map(decimal).unwrap_or_default()),
        one("this_update", time(list.this_update())),
        one("next_update", time(list.next_update())),
        one("current", current),
        Field { name: "scope", values: scope(list.scope()) },
        one("entries", list.entries()),
        Field { name: "certificate_issuer", values: certificate_issuers(list) },
        Field {
            name: "entry",
            values: list.first_entries().iter().map(|entry| shown(entry, list)).collect(),
        },
        one(
            "signature_algorithm",
            match list.signature_algorithm() {
                Ok(algorithm) => algorithm.to_string(),
                Err(problem) => format!("(none that is believed: {problem})"),
            },
        ),
        one("sha256", list.fingerprint()),
    ];
    fields.retain(|field| field.values.iter().any(|value| !value.is_empty()));
    fields
}

fn one(name: &'static str, value: impl ToString) -> Field {
    Field { name, values: vec![value.to_string()] }
}

fn hex(octets: &[u8]) -> String {
    hex::encode(octets)
}

fn time(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// In decimal digits, however long it is.
fn decimal(number: &CrlNumber) -> String {
    let mut digits = vec![0u8];
    for octet in number.octets() {
        let mut carry = u32::from(*octet);
        for digit in &mut digits {
            carry += u32::from(*digit) * 256;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

fn scope(scope: Option<&IssuingDistributionPoint>) -> Vec<String> {
    let Some(scope) = scope else { return vec!["every certificate of its issuer".to_owned()] };
    let mut lines = Vec::new();
    match scope.point() {
        None => {}
        Some(DistributionPointName::Full(names)) => {
            lines.extend(names.iter().map(|name| format!("distribution point {}", name_text(name))));
        }
        Some(DistributionPointName::RelativeToIssuer(relative)) => {
            lines.push(format!("distribution point below its issuer: {}", hex(relative)));
        }
    }
    match scope.holders() {
        Holders::All => {}
        Holders::Users => lines.push("only certificates of end entities".to_owned()),
        Holders::Cas => lines.push("only certificates of CAs".to_owned()),
        Holders::Attributes => {
            lines.push("only attribute certificates, which the filter has no use for".to_owned())
        }
    }
    if let Some(reasons) = scope.only_reasons() {
        lines.push(format!("only some reasons: {}", reasons.names().collect::<Vec<_>>().join(", ")));
    }
    match scope.entries_of() {
        EntriesOf::Issuer => {}
        EntriesOf::AnyIssuer => lines.push("indirect: also certificates of other issuers".to_owned()),
    }
    lines
}

fn name_text(name: &GeneralName) -> String {
    match name {
        GeneralName::Uri(uri) => String::from_utf8_lossy(uri).into_owned(),
        GeneralName::Directory(name) => name.name().to_string(),
        GeneralName::Other(der) => format!("#{}", hex(der)),
    }
}

fn names_text(names: &[GeneralName]) -> String {
    names.iter().map(name_text).collect::<Vec<_>>().join(", ")
}

/// Of an indirect list; elsewhere it is the list's issuer.
fn certificate_issuers(list: &Unverified) -> Vec<String> {
    match list.certificate_issuers() {
        [_] => Vec::new(),
        issuers => issuers.iter().map(|names| names_text(names)).collect(),
    }
}

fn shown(listed: &ListedEntry, list: &Unverified) -> String {
    let since = listed.entry.since.map(time).unwrap_or_default();
    let mut text = format!("{} {since} {}", hex(&listed.serial), listed.entry.reason.name());
    if listed.issuer > 0
        && let Some(names) = list.certificate_issuers().get(usize::from(listed.issuer))
    {
        text.push_str(&format!(" of {}", names_text(names)));
    }
    text
}
