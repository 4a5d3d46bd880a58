//! What a test says of revocation, as it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mtls_policy::policy::Policy;
use mtls_policy::revocation::{Entry, EntryReason, Status, Unknown, Why};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use time::OffsetDateTime;

use crate::cli::offline::{Offline, OneOrMany};

/// What is known of the client's certificate beside the policy.
#[derive(Debug, Clone)]
pub(super) enum Revocation {
    /// What lists and responders say.
    Said(Status),
    /// What they have brought.
    Brought(Brought),
}

/// Files, relative to that of the tests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Brought {
    /// Lists by the trust bundle whose source brings them.
    #[serde(default)]
    crls: BTreeMap<String, OneOrMany<PathBuf>>,
    ocsp: Option<PathBuf>,
}

impl Revocation {
    /// What the engine is told.
    ///
    /// # Errors
    /// Where a file cannot be read, or is none of the policy's.
    pub(super) fn evidence(
        this: Option<&Self>,
        policy: &Policy,
        folder: &Path,
        now: OffsetDateTime,
    ) -> Result<Offline, String> {
        let mut evidence = Offline::at(now);
        match this {
            None => {}
            Some(Self::Said(status)) => evidence.assume(status.clone()),
            Some(Self::Brought(Brought { crls, ocsp })) => {
                for (bundle, files) in crls {
                    for file in files.as_slice() {
                        evidence.add_list(policy, bundle, &folder.join(file))?;
                    }
                }
                if let Some(file) = ocsp {
                    evidence.add_response(&folder.join(file))?;
                }
            }
        }
        Ok(evidence)
    }
}

impl<'de> Deserialize<'de> for Revocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let Value::String(word) = value else {
            return Brought::deserialize(value).map(Self::Brought).map_err(D::Error::custom);
        };
        status(&word).map(Self::Said).ok_or_else(|| {
            let known: Vec<&str> = ["good", "revoked"].into_iter().chain(Why::ALL.map(Why::code)).collect();
            D::Error::custom(format!("unknown status `{word}`; known: {}", known.join(", ")))
        })
    }
}

/// `good`, `revoked`, or why it cannot be told.
fn status(word: &str) -> Option<Status> {
    match word {
        "good" => Some(Status::Good),
        "revoked" => Some(Status::Revoked(Entry { since: None, reason: EntryReason::Unspecified })),
        code => {
            let why = Why::ALL.into_iter().find(|why| why.code() == code)?;
            Some(Status::Unknown(Unknown::new(why, "as the test has it")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<Status> {
        match serde_json::from_str(text) {
            Ok(Revocation::Said(status)) => Some(status),
            Ok(Revocation::Brought(_)) | Err(_) => None,
        }
    }

    #[test]
    fn a_word_is_a_status() {
        assert_eq!(said(r#""good""#), Some(Status::Good));
        assert!(matches!(said(r#""revoked""#), Some(Status::Revoked(_))));
        for why in Why::ALL {
            let status = said(&format!("\"{}\"", why.code()));
            assert!(matches!(status, Some(Status::Unknown(unknown)) if unknown.why == why), "{why:?}");
        }
        for other in [r#""unknown""#, r#""Good""#, r#""""#, "true", "[]"] {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
