//! What a test expects, and how what came differs from it.

use std::collections::BTreeMap;

use mtls_policy::outcome::{Outcome, Reply};
use mtls_policy::policy::{Decision, Reason};
use mtls_policy::request::Headers;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

/// What should come of a request. What is left out may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    decision: Verdict,
    reason: Option<String>,
    route: Option<String>,
    mode: Option<String>,
    client: Option<String>,
    status: Option<u16>,
    /// Headers that the upstream gets, and `null` for those that it does not get.
    #[serde(default)]
    upstream: BTreeMap<String, Option<String>>,
    /// Headers of the answer, and `null` for those that it does not have.
    #[serde(default)]
    answer: BTreeMap<String, Option<String>>,
}

/// An expectation that can be met. A string is `permit`, `deny`, or the reason code of a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expectation(Fields);

/// Whether a request may pass by the policy's rules, shadowed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Permit,
    Deny,
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let fields = match value {
            Value::String(word) => Fields::of_word(word),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Fields::deserialize(value).map_err(D::Error::custom)?
            }
        };
        fields.check().map_err(D::Error::custom)?;
        Ok(Self(fields))
    }
}

impl Fields {
    fn of_word(word: String) -> Self {
        let (decision, reason) = match word.as_str() {
            "permit" => (Verdict::Permit, None),
            "deny" => (Verdict::Deny, None),
            _ => (Verdict::Deny, Some(word)),
        };
        let (upstream, answer) = (BTreeMap::new(), BTreeMap::new());
        Self { decision, reason, route: None, mode: None, client: None, status: None, upstream, answer }
    }

    /// An expectation that nothing can meet is a mistake of its author.
    fn check(&self) -> Result<(), String> {
        let known = |what: &str, word: &Option<String>, words: &[&str]| match word {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(format!("unknown {what} `{word}`, expected one of {}", words.join(", ")))
            }
            Some(_) | None => Ok(()),
        };
        let reasons = Reason::ALL.map(|reason| reason.code());
        known("reason", &self.reason, &reasons)?;
        known("mode", &self.mode, &["enforce", "shadow"])?;
        known("client", &self.client, &["verified", "unverified", "anonymous"])?;
        let answered = self.status.is_some() || !self.answer.is_empty();
        if answered && !self.upstream.is_empty() {
            return Err("a request that is answered reaches no `upstream`".to_owned());
        }
        match (self.decision, &self.reason, &self.client) {
            (Verdict::Permit, Some(_), _) => Err("a permit has no reason".to_owned()),
            (Verdict::Permit, _, _) if answered => {
                Err("`status` and `answer` are known of denials only".to_owned())
            }
            (Verdict::Deny, _, Some(_)) => Err("`client` is known of permits only".to_owned()),
            (Verdict::Permit | Verdict::Deny, _, _) => Ok(()),
        }
    }
}

impl Expectation {
    /// Where `decision` and the `outcome` of a request with `headers` are other than expected, in words.
    pub(super) fn differences(
        &self,
        decision: &Decision,
        outcome: &Outcome,
        headers: Option<&Headers>,
    ) -> Vec<String> {
        let expected = &self.0;
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: Option<&str>, got: Option<&str>| {
            if let Some(expected) = expected
                && got != Some(expected)
            {
                differences.push(format!("expected {what} {expected}, got {}", got.unwrap_or("none")));
            }
        };
        let (verdict, reason, client) = match decision.verdict() {
            Ok(permit) => (Verdict::Permit, None, Some(permit.client().as_str())),
            Err(denial) => (Verdict::Deny, Some(denial.reason().code()), None),
        };
        compare("decision", Some(verdict_word(expected.decision)), Some(verdict_word(verdict)));
        compare("reason", expected.reason.as_deref(), reason);
        compare("route", expected.route.as_deref(), decision.route().map(|route| route.name()));
        compare("mode", expected.mode.as_deref(), Some(decision.mode().as_str()));
        compare("client", expected.client.as_deref(), client);
        let text = |status: Option<u16>| status.map(|status| status.to_string());
        compare("status", text(expected.status).as_deref(), text(status(outcome)).as_deref());
        for (name, expected) in &expected.upstream {
            let got = upstream(&name.to_ascii_lowercase(), outcome, headers);
            differences.extend(header(&format!("header {name} for the upstream"), expected.as_deref(), got));
        }
        for (name, expected) in &expected.answer {
            let got = answer(&name.to_ascii_lowercase(), outcome);
            differences.extend(header(&format!("header {name} of the answer"), expected.as_deref(), got));
        }
        differences
    }
}

/// The HTTP status of the answer; `None` for a request that passes or is answered in gRPC.
fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Reply(Reply::Http { status, .. }) => Some(*status),
        Outcome::Reply(Reply::Grpc { .. }) | Outcome::Pass(_) => None,
    }
}

/// The values of a header that the upstream gets, with commas between several of the client's.
fn upstream(name: &str, outcome: &Outcome, headers: Option<&Headers>) -> Option<String> {
    let Outcome::Pass(changes) = outcome else { return None };
    if let Some((_, value)) = changes.set.iter().find(|(set, _)| set == name) {
        return Some(value.clone().into_owned());
    }
    if changes.remove.iter().any(|removed| removed == name) {
        return None;
    }
    let sent: Vec<_> = headers?.values(name).map(String::from_utf8_lossy).collect();
    (!sent.is_empty()).then(|| sent.join(", "))
}

fn answer(name: &str, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Reply(Reply::Http { headers, .. }) => {
            let value = headers.iter().find(|(set, _)| *set == name);
            value.map(|(_, value)| value.clone().into_owned())
        }
        Outcome::Reply(Reply::Grpc { .. }) | Outcome::Pass(_) => None,
    }
}

/// How the value of a header differs, where it does.
fn header(what: &str, expected: Option<&str>, got: Option<String>) -> Option<String> {
    let words = |value: Option<&str>| value.map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
    let differs = got.as_deref() != expected;
    differs.then(|| format!("expected {what}: {}, got {}", words(expected), words(got.as_deref())))
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Permit => "permit",
        Verdict::Deny => "deny",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (r#"{"decision": "permit", "status": 403}"#, "`status` and `answer` are known of denials only"),
            (r#"{"decision": "deny", "status": 403, "upstream": {"a": null}}"#, "reaches no `upstream`"),
        ] {
            let error = expectation(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
