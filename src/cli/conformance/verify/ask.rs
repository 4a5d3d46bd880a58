//! What a case asks for, read whole: what is not known is asked for in vain.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use super::super::case::{Case, Refusal};
use super::super::decision::time_of;

/// One case.
pub(super) struct Ask {
    pub(super) anchors: Vec<String>,
    pub(super) intermediates: Vec<String>,
    pub(super) leaf: String,
    pub(super) lists: Vec<String>,
    pub(super) responses: Vec<Vec<u8>>,
    pub(super) now: OffsetDateTime,
    pub(super) purposes: Vec<String>,
    pub(super) purpose_mode: PurposeMode,
    pub(super) key_usage: Vec<String>,
    pub(super) names: Vec<Name>,
    pub(super) names_match: NamesMatch,
    pub(super) max_depth: Option<u8>,
    pub(super) revocation: Revocation,
}

/// When the leaf must name one of the purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PurposeMode {
    /// Where it names any.
    #[default]
    IfPresent,
    /// Always.
    Required,
    /// Always, and so must every CA that names any.
    Strict,
}

/// A name that the leaf must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub(super) kind: NameKind,
    pub(super) value: Option<String>,
    pub(super) regex: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NameKind {
    Dns,
    Ip,
    Email,
    Uri,
    Upn,
    Subject,
    Issuer,
    SpkiSha256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NamesMatch {
    #[default]
    Any,
    All,
    /// All of them, and no others of the kinds that are named.
    ExactSet,
}

/// What is demanded to be known of revocation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Revocation {
    pub(super) mode: RevocationMode,
    pub(super) scope: Scope,
    pub(super) unknown: Verdict,
    /// Of lists and responses whose time is over.
    pub(super) expired: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RevocationMode {
    #[default]
    Off,
    Crl,
    Ocsp,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    Leaf,
    /// Every certificate but the anchor.
    #[default]
    Chain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    #[default]
    Deny,
    Allow,
}

/// Certificate policies (RFC 5280 section 6.1.1 (c) to (g)), which are followed nowhere: only what demands nothing is known.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Policies {
    initial: Option<Vec<String>>,
    explicit: bool,
    inhibit_mapping: bool,
    inhibit_any: bool,
}

const ANY_POLICY: &str = "2.5.29.32.0";

impl Ask {
    pub(super) fn read(case: &Case) -> Result<Ask, Refusal> {
        let values = case.values([
            "anchors_pem",
            "intermediates_pem",
            "leaf_pem",
            "crls_pem",
            "ocsp_der_b64",
            "time",
            "eku",
            "eku_mode",
            "key_usage",
            "names",
            "names_match",
            "max_depth",
            "revocation",
            "policies",
        ])?;
        let [anchors, intermediates, leaf, lists, responses, time, purposes, ..] = values;
        let [.., purpose_mode, key_usage, names, names_match, max_depth, revocation, policies] = values;
        no_policies(&option("policies", policies)?)?;
        let leaf = leaf.as_str().ok_or(Refusal::NoText("leaf_pem"))?;
        let responses: Vec<String> = given("ocsp_der_b64", responses)?;
        let responses = responses.iter().map(|text| BASE64_STANDARD.decode(text.as_bytes()));
        let responses =
            responses.collect::<Result<_, _>>().map_err(|_| Refusal::NotBase64("ocsp_der_b64"))?;
        Ok(Ask {
            anchors: given("anchors_pem", anchors)?,
            intermediates: given("intermediates_pem", intermediates)?,
            leaf: leaf.to_owned(),
            lists: given("crls_pem", lists)?,
            responses,
            now: time_of(time)?,
            purposes: given("eku", purposes)?,
            purpose_mode: option("eku_mode", purpose_mode)?,
            key_usage: given("key_usage", key_usage)?,
            names: option("names", names)?,
            names_match: option("names_match", names_match)?,
            max_depth: given("max_depth", max_depth)?,
            revocation: option("revocation", revocation)?,
        })
    }
}

/// What there is to read; nothing where it is `null`.
fn given<T: DeserializeOwned + Default>(key: &'static str, value: &Value) -> Result<T, Refusal> {
    let read = if value.is_null() { Ok(T::default()) } else { T::deserialize(value) };
    read.map_err(|error| Refusal::malformed(key, error))
}

/// As [`given`], of what is chosen among words that may not all be known.
fn option<T: DeserializeOwned + Default>(key: &'static str, value: &Value) -> Result<T, Refusal> {
    let read = if value.is_null() { Ok(T::default()) } else { T::deserialize(value) };
    read.map_err(|error| Refusal::UnknownOption(format!("{key}: {error}")))
}

fn no_policies(policies: &Policies) -> Result<(), Refusal> {
    let Policies { initial, explicit, inhibit_mapping, inhibit_any } = policies;
    let any = initial.as_ref().is_none_or(|initial| initial.iter().any(|policy| policy == ANY_POLICY));
    if any && !explicit && !inhibit_mapping && !inhibit_any {
        Ok(())
    } else {
        Err(Refusal::UnknownOption("policies".to_owned()))
    }
}
