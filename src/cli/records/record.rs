//! An audit record, as it was written.

use std::fmt;

use mtls_policy::cert::Fingerprint;
use mtls_policy::identity::recorded::Recorded;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where a list ends that may go on: records list no more of one kind.
const MAX_LISTED: usize = 16;

/// What ends a text that was cut.
const CUT: char = '…';

/// What begins a text that was hashed.
const HASHED: &str = "hmac-sha256:";

/// A record of schema `mtls-policy.audit/1`. Fields that later versions add are passed over; one that is not there is as one that is
/// `null`: it is not known.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    #[serde(deserialize_with = "time")]
    pub(crate) time: Option<OffsetDateTime>,
    pub(crate) vm: Option<String>,
    pub(crate) sequence: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) decision: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) request: Request,
    pub(crate) source: Field,
    pub(crate) tls: Option<Tls>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) verification: Option<Verification>,
    pub(crate) revocation: Option<Revocation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    pub(crate) method: Field,
    pub(crate) host: Field,
    pub(crate) path: Field,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tls {
    pub(crate) version: Field,
    pub(crate) sni: Field,
    pub(crate) cipher: Field,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Certificate {
    pub(crate) sha256: Field,
    pub(crate) spki_sha256: Field,
    pub(crate) serial: Field,
    pub(crate) subject: Field,
    pub(crate) issuer: Field,
    #[serde(deserialize_with = "time")]
    pub(crate) not_before: Option<OffsetDateTime>,
    #[serde(deserialize_with = "time")]
    pub(crate) not_after: Option<OffsetDateTime>,
    pub(crate) dns: Option<Vec<Field>>,
    pub(crate) uri: Option<Vec<Field>>,
    pub(crate) email: Option<Vec<Field>>,
    pub(crate) ip: Option<Vec<Field>>,
    pub(crate) upn: Option<Vec<Field>>,
    pub(crate) public_key: Field,
    pub(crate) signature_algorithm: Field,
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) key_usage: Option<Vec<Field>>,
    pub(crate) extended_key_usage: Option<Vec<Field>>,
    pub(crate) names_omitted: Option<u64>,
    pub(crate) der: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Verification {
    pub(crate) by: Option<String>,
    pub(crate) bundle: Option<String>,
    pub(crate) anchor_sha256: Field,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Revocation {
    pub(crate) status: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) reason: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(crate) since: Option<OffsetDateTime>,
    #[serde(deserialize_with = "time")]
    pub(crate) next_update: Option<OffsetDateTime>,
}

/// A text of a record, as far as it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Field {
    /// The whole of it.
    Whole(String),
    /// Its beginning.
    Cut(String),
    /// A keyed digest of it.
    Hashed(String),
    /// Nothing: it was not known, or left out.
    #[default]
    Missing,
}

impl Field {
    /// The text, if it is whole.
    pub(crate) fn whole(&self) -> Option<&str> {
        match self {
            Self::Whole(text) => Some(text),
            Self::Cut(_) | Self::Hashed(_) | Self::Missing => None,
        }
    }

    /// What is there, for people.
    pub(crate) fn shown(&self) -> Option<&str> {
        match self {
            Self::Whole(text) | Self::Cut(text) | Self::Hashed(text) => Some(text),
            Self::Missing => None,
        }
    }

    /// Why it is not whole.
    pub(crate) fn lack(&self) -> &'static str {
        match self {
            Self::Whole(_) => "is there",
            Self::Cut(_) => "was cut",
            Self::Hashed(_) => "was hashed",
            Self::Missing => "is not recorded",
        }
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<String>::deserialize(deserializer)? {
            None => Self::Missing,
            Some(text) if text.starts_with(HASHED) => Self::Hashed(text),
            Some(text) if text.ends_with(CUT) => Self::Cut(text),
            Some(text) => Self::Whole(text),
        })
    }
}

/// A list, or the only one of it.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Field>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<Field>),
        One(String),
    }
    Ok(Option::<OneOrMany>::deserialize(deserializer)?.map(|listed| match listed {
        OneOrMany::Many(listed) => listed,
        OneOrMany::One(text) => vec![Field::Whole(text)],
    }))
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    // A time that is none is not known.
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()))
}

/// What a recorded decision let happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    Permit,
    Deny,
    ShadowDeny,
    Unknown,
}

impl Record {
    /// `permit (verified)`, `deny no_route`, `shadow_deny expired`: what happened to the request, and on what ground.
    pub(crate) fn outcome(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "unknown".to_owned());
        match self.came() {
            Came::Permit => format!("permit ({})", part(&self.client)),
            Came::Deny => format!("deny {}", part(&self.reason)),
            Came::ShadowDeny => format!("shadow_deny {}", part(&self.reason)),
            Came::Unknown => "unknown".to_owned(),
        }
    }

    /// What the decision let happen.
    pub(crate) fn came(&self) -> Came {
        match (self.decision.as_deref(), self.mode.as_deref()) {
            (Some("permit"), _) => Came::Permit,
            (Some("deny"), Some("shadow")) => Came::ShadowDeny,
            (Some("deny"), _) => Came::Deny,
            (_, _) => Came::Unknown,
        }
    }

    /// Who it was: the SPIFFE ID, else the subject, else another name, else the certificate's digest.
    pub(crate) fn who(&self) -> String {
        let Some(certificate) = &self.certificate else {
            // Where it was not looked at, there may have been one.
            let is_none = self.reason.as_deref() == Some("no_certificate");
            return if is_none { "(no certificate)" } else { "(not known)" }.to_owned();
        };
        let shown = |field: &Field| field.shown().filter(|text| !text.is_empty()).map(str::to_owned);
        let first = |names: &Option<Vec<Field>>| names.iter().flatten().find_map(&shown);
        let spiffe =
            certificate.uri.iter().flatten().find_map(|name| {
                name.shown().filter(|text| text.starts_with("spiffe://")).map(str::to_owned)
            });
        spiffe
            .or_else(|| shown(&certificate.subject))
            .or_else(|| first(&certificate.uri))
            .or_else(|| first(&certificate.dns))
            .or_else(|| first(&certificate.email))
            .or_else(|| shown(&certificate.sha256).map(|digest| format!("sha256 {digest}")))
            .unwrap_or_else(|| "(not recorded)".to_owned())
    }
}

impl Certificate {
    /// SHA-256 of it, where the record tells it.
    pub(crate) fn digest(&self) -> Option<Fingerprint> {
        self.sha256.whole().and_then(|digest| Fingerprint::from_hex(digest.as_bytes()))
    }

    /// What is recorded of it, in the form in which an identity is made of it.
    pub(crate) fn recorded(&self, sha256: Fingerprint) -> Recorded {
        let whole = |field: &Field| field.whole().map(str::to_owned);
        let list = |names: &Option<Vec<Field>>| {
            names.as_ref().map(|names| names.iter().map(whole).collect::<Vec<_>>())
        };
        let key_usage =
            list(&self.key_usage).and_then(|names| names.into_iter().collect::<Option<Vec<String>>>());
        Recorded {
            sha256,
            spki_sha256: self.spki_sha256.whole().and_then(|digest| Fingerprint::from_hex(digest.as_bytes())),
            serial: whole(&self.serial),
            subject: whole(&self.subject),
            issuer: whole(&self.issuer),
            validity: self.not_before.zip(self.not_after),
            dns: list(&self.dns),
            uri: list(&self.uri),
            email: list(&self.email),
            ip: list(&self.ip),
            upn: list(&self.upn),
            // A record that does not say it may hold less than it shows.
            names_omitted: self.names_omitted != Some(0),
            public_key: whole(&self.public_key),
            signature_algorithm: whole(&self.signature_algorithm),
            key_usage,
            extended_key_usage: list(&self.extended_key_usage).filter(|purposes| purposes.len() < MAX_LISTED),
        }
    }
}

/// `2026-01-01T00:00:00Z`, or `unknown`.
pub(crate) struct Shown(pub(crate) Option<OffsetDateTime>);

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.and_then(|time| time.format(&Rfc3339).ok()) {
            Some(text) => out.write_str(&text),
            None => out.write_str("unknown"),
        }
    }
}
