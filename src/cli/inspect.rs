//! `mtlsctl inspect`: what does the engine see in a certificate?

use std::path::PathBuf;

use clap::Args;
use mtls_policy::cert::{Certificate, Fingerprint, forwarded, xfcc};
use mtls_policy::identity::{Identity, Names, SpiffeIdentity};
use serde::Serialize;

use super::offline::certificates;
use super::output::Format;
use super::{Exit, input, output, trace};

/// Show what the engine sees in a certificate, or in an `x-forwarded-client-cert` value.
///
/// Each line is named as the matcher that compares it. Exits with 0 if everything can be read, with 1 if a certificate is one
/// that the filter would refuse as malformed, and with 2 if the input holds none.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Certificates, PEM or DER; `-` is the standard input.
    #[arg(required_unless_present = "xfcc", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A value of `x-forwarded-client-cert`, as Envoy writes it.
    #[arg(long, value_name = "VALUE", conflicts_with = "files")]
    xfcc: Option<String>,

    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// One certificate and where it was found.
#[derive(Debug, Serialize)]
struct Inspected {
    source: String,
    /// Why the filter would refuse it.
    error: Option<String>,
    fields: Vec<Field>,
}

/// What one matcher would see.
#[derive(Debug, Serialize)]
struct Field {
    name: &'static str,
    values: Vec<String>,
    /// Values of this kind that cannot be read.
    #[serde(skip_serializing_if = "is_zero")]
    malformed: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Inspect {
    pub(super) fn run(&self) -> Exit {
        let found = match &self.xfcc {
            Some(value) => in_header(value),
            None => self.in_files(),
        };
        let inspected = match found {
            Ok(inspected) => inspected,
            Err(error) => return output::fail(error),
        };
        let text = match self.format {
            Format::Human => inspected.iter().map(Inspected::human).collect::<Vec<_>>().join("\n"),
            Format::Json => output::json(&inspected),
        };
        let good = inspected.iter().all(|certificate| certificate.error.is_none());
        output::print(text, if good { Exit::Good } else { Exit::Errors })
    }

    fn in_files(&self) -> Result<Vec<Inspected>, String> {
        let mut inspected = Vec::new();
        for path in &self.files {
            let name = input::name(path);
            let bytes = input::read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
            let found = certificates::parse(&bytes).map_err(|why| format!("{name}: {why}"))?;
            let count = found.len();
            for (index, der) in found.into_iter().enumerate() {
                let source =
                    if count == 1 { name.clone() } else { format!("{name}, certificate {}", index + 1) };
                inspected.push(Inspected::of(source, der));
            }
        }
        Ok(inspected)
    }
}

fn in_header(value: &str) -> Result<Vec<Inspected>, String> {
    let elements = xfcc::parse(value.as_bytes()).map_err(|error| format!("the XFCC value: {error}"))?;
    let last = elements.last().ok_or("the XFCC value holds no element")?;
    let hash = last.hash.as_ref().and_then(|hash| Fingerprint::from_hex(hash));
    let hash = hash.ok_or("the XFCC value: its last element has no `Hash` of 64 hexadecimal digits")?;
    let source = "the last element of the XFCC value".to_owned();
    Ok(vec![match forwarded::from_xfcc(&[value.as_bytes()], hash) {
        Ok(certificate) => Inspected::of(source, certificate.der().to_vec()),
        Err(error) => Inspected { source, error: Some(error.to_string()), fields: Vec::new() },
    }])
}

impl Inspected {
    fn of(source: String, der: Vec<u8>) -> Self {
        let certificate = match Certificate::from_der(der) {
            Ok(certificate) => certificate,
            Err(error) => return Self { source, error: Some(error.to_string()), fields: Vec::new() },
        };
        match Identity::of(&certificate) {
            Ok(identity) => Self { source, error: None, fields: fields(&identity) },
            Err(error) => {
                let digest = one("sha256", certificate.fingerprint());
                Self { source, error: Some(error.to_string()), fields: vec![digest] }
            }
        }
    }

    fn human(&self) -> String {
        let mut page = format!("{}\n", self.source);
        for Field { name, values, malformed } in &self.fields {
            let mut label = *name;
            for value in values {
                page.push_str(&format!("  {label:<20} {}\n", trace::shown(value)));
                label = "";
            }
            if *malformed > 0 {
                page.push_str(&format!("  {label:<20} ({malformed} that cannot be read)\n"));
            }
        }
        if let Some(error) = &self.error {
            page.push_str(&format!("  the filter refuses it: {error}\n"));
        }
        page
    }
}

fn fields(identity: &Identity) -> Vec<Field> {
    let validity = identity.validity();
    let mut fields = vec![
        one("subject", identity.subject()),
        one("issuer", identity.issuer()),
        one("serial", identity.serial()),
        one("validity", validity),
        spiffe(identity.spiffe()),
        names("dns", identity.dns()),
        names("uri", identity.uri()),
        names("email", identity.email()),
        names("ip", identity.ip()),
        names("upn", identity.upn()),
        listed("other_name", identity.other_names(), |name| {
            format!("{} = {}", name.kind(), hex::encode(name.value()))
        }),
        names("extended_key_usage", identity.key_purposes()),
        listed("policy_oid", identity.policies(), |policy| policy.oid().to_string()),
        one("sha256", identity.fingerprint()),
        one("spki_sha256", identity.spki_fingerprint()),
    ];
    fields.retain(|field| field.malformed > 0 || field.values.iter().any(|value| !value.is_empty()));
    fields
}

fn one(name: &'static str, value: impl ToString) -> Field {
    Field { name, values: vec![value.to_string()], malformed: 0 }
}

fn names<T: ToString>(name: &'static str, names: &Names<T>) -> Field {
    listed(name, names, ToString::to_string)
}

fn listed<T>(name: &'static str, names: &Names<T>, text: impl Fn(&T) -> String) -> Field {
    Field { name, values: names.values().iter().map(text).collect(), malformed: names.malformed() }
}

fn spiffe(identity: &SpiffeIdentity) -> Field {
    one(
        "spiffe_id",
        match identity {
            SpiffeIdentity::None => String::new(),
            SpiffeIdentity::Id(id) => id.to_string(),
            SpiffeIdentity::Invalid(problem) => format!("(none that is valid: {problem})"),
        },
    )
}
