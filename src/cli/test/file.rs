//! A file of policy tests, as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::offline::mint::Description;
use crate::cli::offline::{Chosen, OneOrMany, Token};

/// Tests of one policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    /// Where the JSON Schema of such files is; for editors.
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    /// The policy, relative to the file.
    #[serde(default = "default_policy")]
    pub(super) policy: PathBuf,
    /// When the requests are made: RFC 3339; by default the present.
    pub(super) time: Option<String>,
    /// Certificates by name, for use in `peer`.
    #[serde(default)]
    pub(super) certificates: BTreeMap<String, CertificateSource>,
    pub(super) tests: Vec<Test>,
}

fn default_policy() -> PathBuf {
    PathBuf::from("policy.json")
}

/// Where a certificate comes from.
#[derive(Debug, Clone)]
pub(super) enum CertificateSource {
    /// A PEM or DER file, relative to the file of tests.
    File(PathBuf),
    /// Minted with these fields.
    Minted(Box<Description>),
}

impl<'de> Deserialize<'de> for CertificateSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InFile {
            file: PathBuf,
        }
        let value = Value::deserialize(deserializer)?;
        if value.get("file").is_some() {
            return InFile::deserialize(value)
                .map(|InFile { file }| Self::File(file))
                .map_err(D::Error::custom);
        }
        Description::deserialize(value).map(|fields| Self::Minted(Box::new(fields))).map_err(D::Error::custom)
    }
}

/// One test: who asks for what, and what should come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    pub(super) name: String,
    #[serde(default)]
    pub(super) peer: Peer,
    pub(super) request: Request,
    /// What Envoy's own router chose.
    #[serde(default)]
    pub(super) envoy: Chosen,
    pub(super) expect: Expectation,
    /// RFC 3339; by default the file's.
    pub(super) time: Option<String>,
}

/// Who asks. A string is the name of a certificate, which stands for its verified holder on TLS.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) certificate: Option<PeerCertificate>,
    /// What Envoy says of the certificate: `null` for an Envoy that cannot tell.
    pub(super) verified: Verified,
    /// The server name of the handshake; by default the host of the request.
    pub(super) sni: Option<Option<String>>,
    /// As Envoy writes it; by default `TLSv1.3`.
    pub(super) tls_version: Option<String>,
    /// As Envoy writes it.
    pub(super) cipher: Option<String>,
    /// Address of the connection's other end, with a port or without.
    pub(super) source: Option<String>,
    /// What Envoy takes for the client's address, out of headers.
    pub(super) forwarded_source: Option<String>,
    /// Claims of a token that Envoy verified.
    pub(super) token: Option<Token>,
}

/// What Envoy says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Verified {
    #[default]
    Yes,
    No,
    CannotTell,
}

impl Verified {
    /// As Envoy's attribute has it.
    pub(super) fn attribute(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No => Some(false),
            Self::CannotTell => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum PeerCertificate {
    Named(String),
    Given(CertificateSource),
}

impl<'de> Deserialize<'de> for PeerCertificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Value::String(name) = value {
            return Ok(Self::Named(name));
        }
        CertificateSource::deserialize(value).map(Self::Given).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Peer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            certificate: Option<PeerCertificate>,
            #[serde(default, deserialize_with = "present")]
            verified: Option<Option<bool>>,
            #[serde(default, deserialize_with = "present")]
            sni: Option<Option<String>>,
            tls_version: Option<String>,
            cipher: Option<String>,
            source: Option<String>,
            token: Option<Token>,
            forwarded_source: Option<String>,
        }
        let value = Value::deserialize(deserializer)?;
        if let Value::String(name) = value {
            return Ok(Self { certificate: Some(PeerCertificate::Named(name)), ..Self::default() });
        }
        let Fields { certificate, verified, sni, tls_version, cipher, source, forwarded_source, token } =
            Fields::deserialize(value).map_err(D::Error::custom)?;
        let verified = match verified {
            None | Some(Some(true)) => Verified::Yes,
            Some(Some(false)) => Verified::No,
            Some(None) => Verified::CannotTell,
        };
        Ok(Self { certificate, verified, sni, tls_version, cipher, source, forwarded_source, token })
    }
}

/// Tells `null` from a field that is not there.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What is asked for. A string such as `GET https://host/path` is method and URL.
#[derive(Debug)]
pub(super) struct Request {
    /// `METHOD URL`; `http://` is a connection without TLS.
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, OneOrMany<String>>,
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(default = "get")]
            method: String,
            url: String,
            #[serde(default)]
            headers: BTreeMap<String, OneOrMany<String>>,
        }
        fn get() -> String {
            "GET".to_owned()
        }
        let value = Value::deserialize(deserializer)?;
        if let Value::String(line) = value {
            return Ok(Self { line, headers: BTreeMap::new() });
        }
        let Fields { method, url, headers } = Fields::deserialize(value).map_err(D::Error::custom)?;
        Ok(Self { line: format!("{method} {url}"), headers })
    }
}

/// What should come of a request. What is left out may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expectation {
    pub(super) decision: Verdict,
    pub(super) reason: Option<String>,
    pub(super) route: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) client: Option<String>,
    pub(super) status: Option<u16>,
    /// Headers that the upstream gets by the policy; `null` for one that is not set.
    pub(super) upstream: BTreeMap<String, Option<String>>,
}

/// Whether a request may pass by the policy's rules, shadowed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Permit,
    Deny,
}

/// A string is `permit`, or the reason code of a denial.
impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            decision: Verdict,
            reason: Option<String>,
            route: Option<String>,
            mode: Option<String>,
            client: Option<String>,
            status: Option<u16>,
            #[serde(default)]
            upstream: BTreeMap<String, Option<String>>,
        }
        let value = Value::deserialize(deserializer)?;
        let expectation = if let Value::String(word) = value {
            let (decision, reason) = match word.as_str() {
                "permit" => (Verdict::Permit, None),
                "deny" => (Verdict::Deny, None),
                _ => (Verdict::Deny, Some(word)),
            };
            Self {
                decision,
                reason,
                route: None,
                mode: None,
                client: None,
                status: None,
                upstream: BTreeMap::new(),
            }
        } else {
            let Fields { decision, reason, route, mode, client, status, upstream } =
                Fields::deserialize(value).map_err(D::Error::custom)?;
            Self { decision, reason, route, mode, client, status, upstream }
        };
        expectation.check().map_err(D::Error::custom)?;
        Ok(expectation)
    }
}

impl Expectation {
    /// An expectation that nothing can meet is a mistake of its author.
    fn check(&self) -> Result<(), String> {
        let known = |what: &str, word: &Option<String>, words: &[&str]| match word {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(format!("unknown {what} `{word}`, expected one of {}", words.join(", ")))
            }
            Some(_) | None => Ok(()),
        };
        let reasons = mtls_policy::policy::Reason::ALL.map(|reason| reason.code());
        known("reason", &self.reason, &reasons)?;
        known("mode", &self.mode, &["enforce", "shadow"])?;
        known("client", &self.client, &["verified", "anonymous"])?;
        match (self.decision, &self.reason, &self.client) {
            (Verdict::Permit, Some(_), _) => Err("a permit has no reason".to_owned()),
            (Verdict::Deny, _, Some(_)) => Err("`client` is known of permits only".to_owned()),
            (Verdict::Permit | Verdict::Deny, _, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TestFile, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn expectation(text: &str) -> Result<Expectation, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_short_forms_mean_what_the_long_ones_say() {
        for (short, long) in [
            (r#""permit""#, r#"{"decision": "permit"}"#),
            (r#""deny""#, r#"{"decision": "deny"}"#),
            (r#""no_certificate""#, r#"{"decision": "deny", "reason": "no_certificate"}"#),
        ] {
            assert_eq!(expectation(short), expectation(long), "{short}");
            assert!(expectation(short).is_ok(), "{short}");
        }
    }

    #[test]
    fn an_expectation_that_nothing_can_meet_is_an_error() {
        for (text, part) in [
            (r#""no_certifcate""#, "unknown reason `no_certifcate`"),
            (r#"{"decision": "permit", "reason": "expired"}"#, "a permit has no reason"),
            (r#"{"decision": "deny", "client": "verified"}"#, "`client` is known of permits only"),
            (r#"{"decision": "deny", "mode": "shadowed"}"#, "unknown mode `shadowed`"),
            (r#"{"decision": "deny", "rout": "a"}"#, "unknown field `rout`"),
            (r#"{}"#, "missing field `decision`"),
        ] {
            let error = expectation(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn an_unknown_field_is_an_error_that_names_it_wherever_it_stands() {
        for text in [
            r#"{"tests": [], "certs": {}}"#,
            r#"{"tests": [], "certificates": {"a": {"certs": "x"}}}"#,
            r#"{"tests": [], "certificates": {"a": {"file": "x", "certs": "x"}}}"#,
            r#"{"tests": [{"name": "a", "request": {"url": "a", "certs": 1}, "expect": "permit"}]}"#,
            r#"{"tests": [{"name": "a", "request": "GET a", "expect": "permit", "peer": {"certs": 1}}]}"#,
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains("unknown field `certs`"), "{text}: {error}");
        }
    }

    #[test]
    fn no_server_name_is_another_thing_than_the_default_one() {
        let peer = |text: &str| serde_json::from_str::<Peer>(text).unwrap();
        assert_eq!(peer("{}").sni, None);
        assert_eq!(peer(r#"{"sni": null}"#).sni, Some(None));
        assert_eq!(peer(r#"{"sni": "a"}"#).sni, Some(Some("a".to_owned())));
        assert_eq!(peer("{}").verified, Verified::Yes);
        assert_eq!(peer(r#"{"verified": null}"#).verified, Verified::CannotTell);
    }
}
