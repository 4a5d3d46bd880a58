//! Cases as they are read: an object for each line.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use thiserror::Error;

use super::answer::{Finding, Verdict};

/// Keys that say something about a case and ask for nothing. So do those that begin with `expect`.
const DESCRIPTIVE: [&str; 9] =
    ["id", "op", "tags", "note", "comment", "description", "source", "dialect", "elements"];

/// One case.
pub(super) struct Case(Map<String, Value>);

/// Why a case has no verdict of its own.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("the line is no JSON object: {0}")]
    NotAnObject(#[from] serde_json::Error),
    #[error("the line is too long")]
    TooLong,
    #[error("`{0}` is missing, or is no text")]
    NoText(&'static str),
    #[error("`{0}` is not base64")]
    NotBase64(&'static str),
    #[error("`{0}` is not hexadecimal")]
    NotHexadecimal(&'static str),
    #[error("`{0}`: {1}")]
    Malformed(&'static str, String),
    #[error("the operation `{0}` is not known")]
    UnknownOperation(String),
    #[error("the operation does not know `{0}`")]
    UnknownOption(String),
}

impl Case {
    pub(super) fn read(line: &[u8]) -> Result<Case, Refusal> {
        Ok(Case(serde_json::from_slice(line)?))
    }

    /// The `id`, whatever it is; `null` where there is none.
    pub(super) fn id(&self) -> Value {
        self.0.get("id").cloned().unwrap_or_default()
    }

    pub(super) fn operation(&self) -> Result<&str, Refusal> {
        self.text("op")
    }

    /// The values of these keys, which must be there and be text. Nothing else may be asked for.
    pub(super) fn texts<const N: usize>(&self, keys: [&'static str; N]) -> Result<[&str; N], Refusal> {
        self.only(&keys)?;
        let mut texts = [""; N];
        for (text, key) in texts.iter_mut().zip(keys) {
            *text = self.text(key)?;
        }
        Ok(texts)
    }

    /// The values of these keys, `null` for those that are not there. Nothing else may be asked for.
    pub(super) fn values<const N: usize>(&self, keys: [&'static str; N]) -> Result<[&Value; N], Refusal> {
        const NULL: &Value = &Value::Null;
        self.only(&keys)?;
        Ok(keys.map(|key| self.0.get(key).unwrap_or(NULL)))
    }

    /// The octets of these keys, which must be there and be base64. Nothing else may be asked for.
    pub(super) fn octets<const N: usize>(&self, keys: [&'static str; N]) -> Result<[Vec<u8>; N], Refusal> {
        self.only(&keys)?;
        self.some_octets(keys)
    }

    /// The octets of these keys, which must be there and be base64, among others.
    pub(super) fn some_octets<const N: usize>(
        &self,
        keys: [&'static str; N],
    ) -> Result<[Vec<u8>; N], Refusal> {
        let mut octets = [const { Vec::new() }; N];
        for (octets, key) in octets.iter_mut().zip(keys) {
            *octets =
                BASE64_STANDARD.decode(self.text(key)?.as_bytes()).map_err(|_| Refusal::NotBase64(key))?;
        }
        Ok(octets)
    }

    fn only(&self, keys: &[&str]) -> Result<(), Refusal> {
        let known =
            |key: &str| keys.contains(&key) || DESCRIPTIVE.contains(&key) || key.starts_with("expect");
        match self.0.iter().find(|(key, value)| !known(key) && !value.is_null()) {
            None => Ok(()),
            Some((key, _)) => Err(Refusal::UnknownOption(key.clone())),
        }
    }

    fn text(&self, key: &'static str) -> Result<&str, Refusal> {
        self.0.get(key).and_then(Value::as_str).ok_or(Refusal::NoText(key))
    }
}

impl Refusal {
    pub(super) fn malformed(key: &'static str, why: impl ToString) -> Refusal {
        Refusal::Malformed(key, why.to_string())
    }
}

impl From<Refusal> for Finding {
    fn from(refusal: Refusal) -> Finding {
        let (verdict, reason) = match refusal {
            Refusal::NotAnObject(_)
            | Refusal::TooLong
            | Refusal::NoText(_)
            | Refusal::NotBase64(_)
            | Refusal::NotHexadecimal(_)
            | Refusal::Malformed(..) => (Verdict::Error, "malformed_case"),
            Refusal::UnknownOperation(_) => (Verdict::Unsupported, "unknown_operation"),
            Refusal::UnknownOption(_) => (Verdict::Unsupported, "unknown_option"),
        };
        Finding::because(verdict, reason, refusal)
    }
}
