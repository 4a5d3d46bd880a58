//! A file of policy tests, as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::expectation::Expectation;
use super::revocation::Revocation;
use crate::cli::offline::mint::Description;
use crate::cli::offline::{Chosen, OneOrMany, default_metadata};

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
    /// Fields of every described certificate that does not say otherwise.
    #[serde(default)]
    pub(super) certificate_defaults: CertificateFields,
    /// Certificates by name, for use in `peer`.
    #[serde(default)]
    pub(super) certificates: BTreeMap<String, CertificateSource>,
    /// What is known of revocation in tests that do not say it.
    pub(super) revocation: Option<Revocation>,
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
    Minted(CertificateFields),
}

/// Fields of a certificate, each of which can be read.
#[derive(Debug, Clone, Default)]
pub(super) struct CertificateFields(Map<String, Value>);

impl CertificateFields {
    /// The whole description: these fields, and `defaults` for the others.
    pub(super) fn description(&self, defaults: &Self) -> Result<Description, String> {
        let mut fields = defaults.0.clone();
        fields.extend(self.0.clone());
        Description::deserialize(Value::Object(fields)).map_err(|error| error.to_string())
    }
}

impl<'de> Deserialize<'de> for CertificateFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Self(Map::deserialize(deserializer)?);
        fields.description(&Self::default()).map_err(D::Error::custom)?;
        Ok(fields)
    }
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
        CertificateFields::deserialize(value).map(Self::Minted).map_err(D::Error::custom)
    }
}

/// One test: who asks for what, and what should come of it. Of several peers each makes each of the requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    pub(super) name: String,
    #[serde(default = "nobody", rename = "peer", deserialize_with = "one_or_several")]
    pub(super) peers: Vec<Peer>,
    #[serde(rename = "request", deserialize_with = "one_or_several")]
    pub(super) requests: Vec<Request>,
    /// What Envoy's own router chose.
    #[serde(default)]
    pub(super) envoy: Chosen,
    /// What is known of revocation; by default the file's.
    pub(super) revocation: Option<Revocation>,
    pub(super) expect: Expectation,
    /// RFC 3339; by default the file's.
    pub(super) time: Option<String>,
}

/// A peer without a certificate.
fn nobody() -> Vec<Peer> {
    vec![Peer::default()]
}

/// A value, or an array of them. An empty one would test nothing.
fn one_or_several<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(values) if values.is_empty() => Err(D::Error::custom("an empty list tests nothing")),
        Value::Array(values) => {
            values.into_iter().map(|value| T::deserialize(value).map_err(D::Error::custom)).collect()
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            T::deserialize(value).map(|value| vec![value]).map_err(D::Error::custom)
        }
    }
}

/// Who asks. A string is the name of a certificate, which stands for its verified holder on TLS.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) certificate: Option<PeerCertificate>,
    /// Who vouches for the certificate.
    pub(super) verified: Option<Verified>,
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
    /// A token that Envoy verified.
    pub(super) token: Option<Token>,
}

/// What a token says that Envoy verified.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// The key of the metadata under which Envoy left the claims.
    #[serde(default = "default_metadata")]
    pub(super) metadata: String,
    pub(super) claims: Map<String, Value>,
    /// The certificate whose digest is the token's `cnf` claim (RFC 8705, section 3.1).
    pub(super) bound_to: Option<PeerCertificate>,
}

/// Who vouches for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verified {
    /// Envoy, or whichever trust bundle a route names.
    Yes,
    /// Nobody.
    No,
    /// The trust bundle of this name, and nobody else.
    By(String),
    /// An Envoy that cannot tell, in JSON `null`.
    CannotTell,
}

impl<'de> Deserialize<'de> for Verified {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self::CannotTell),
            Value::Bool(true) => Ok(Self::Yes),
            Value::Bool(false) => Ok(Self::No),
            Value::String(name) => Ok(Self::By(name)),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(D::Error::custom(
                "invalid type of `verified`: expected a boolean, `null` or the name of a trust bundle",
            )),
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
            verified: Option<Verified>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TestFile, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
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
        assert_eq!(peer("{}").verified, None);
        assert_eq!(peer(r#"{"verified": null}"#).verified, Some(Verified::CannotTell));
    }
}
