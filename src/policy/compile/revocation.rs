//! Compiles `revocation`: whether a route wants to know that a certificate was revoked, and by whom.

use std::time::Duration;

use super::reader::{Keys, Object, Problems, all_or_none, entries, whole_number, word, wrong_type};
use super::trust::Trust;
use crate::policy::revocation::{OnUnknown, RevocationRules, Scope, WhileLoading};
use crate::policy::source::{Member, Node, Value};
use crate::policy::trust_bundle::TrustBundleError;
use crate::revocation::Method;

const REVOCATION_KEYS: Keys =
    Keys::of(&["check", "scope", "on_unknown", "stale_grace_seconds", "while_loading"]);
const WHILE_LOADING_KEYS: Keys = Keys::of(&["wait_ms"]);
const METHODS: &[&str] = &["deny_list", "crl", "ocsp"];

/// Longest time that a list is believed after its end, in seconds: thirty days, after which it is another list.
const MAX_GRACE_SECONDS: u32 = 30 * 86_400;

/// Longest time that a request waits for a list, in milliseconds: Envoy's own time for a request is 15 seconds.
const MAX_WAIT_MS: u32 = 60_000;

/// How long a request waits for a list where the policy does not say, in milliseconds.
const DEFAULT_WAIT_MS: u32 = 5_000;

/// Which ways to find out about revocation the trust bundles of the policy have anything for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Available {
    pub(super) deny_list: bool,
    pub(super) crl: bool,
    pub(super) ocsp: bool,
}

pub(super) fn revocation(
    node: &Node,
    available: Available,
    trust: &Trust<'_>,
    problems: &mut Problems,
) -> Option<RevocationRules> {
    let object = Object::open(node, REVOCATION_KEYS, problems)?;
    let help = Some("say how it is found out: `\"check\": [\"crl\"]`, `[\"ocsp\"]` or both in their order");
    let methods = object.require("check", help, problems).and_then(|node| methods(node, available, problems));
    let scope = object.member("scope").map_or(Some(Scope::Leaf), |member| scope(member, trust, problems));
    let on_unknown = object.get("on_unknown").map_or(Some(OnUnknown::Deny), |node| {
        word(node, &["deny", "allow"], &[OnUnknown::Deny, OnUnknown::Allow], problems)
    });
    let grace = object
        .get("stale_grace_seconds")
        .map_or(Some(0), |node| whole_number(node, 0, MAX_GRACE_SECONDS, problems));
    let while_loading = match object.get("while_loading") {
        Some(node) => while_loading(node, problems),
        None => Some(wait(DEFAULT_WAIT_MS)),
    };
    Some(RevocationRules {
        methods: methods?,
        scope: scope?,
        on_unknown: on_unknown?,
        stale_grace: Duration::from_secs(grace?.into()),
        while_loading: while_loading?,
    })
}

fn methods(node: &Node, available: Available, problems: &mut Problems) -> Option<Vec<Method>> {
    let mut seen = Vec::new();
    let methods = entries(node, "`check`", problems)?.iter().map(|entry| {
        let method = word(entry, METHODS, &Method::ALL, problems)?;
        if seen.contains(&method) {
            let error = TrustBundleError::RepeatedMethod { method: method.word() };
            return problems.add(entry.span, error.into());
        }
        seen.push(method);
        let (is_there, key) = match method {
            Method::DenyList => (available.deny_list, "revoked"),
            Method::Crl => (available.crl, "crls"),
            Method::Ocsp => (available.ocsp, "ocsp"),
        };
        if is_there {
            return Some(method);
        }
        problems.add(entry.span, TrustBundleError::NoSource { method: method.word(), key }.into())
    });
    all_or_none(methods)
}

/// Of a chain that Envoy verified the filter knows the leaf alone.
fn scope(member: &Member, trust: &Trust<'_>, problems: &mut Problems) -> Option<Scope> {
    let scope = word(&member.value, &["leaf", "chain"], &[Scope::Leaf, Scope::Chain], problems)?;
    match scope {
        Scope::Leaf => {}
        Scope::Chain => trust.needs_plugin(member, "\"scope\": \"chain\"", problems)?,
    }
    Some(scope)
}

fn while_loading(node: &Node, problems: &mut Problems) -> Option<WhileLoading> {
    match &node.value {
        Value::String(_) => {
            word(node, &["deny", "allow"], &[WhileLoading::Deny, WhileLoading::Allow], problems)
        }
        Value::Object(_) => {
            let object = Object::open(node, WHILE_LOADING_KEYS, problems)?;
            let milliseconds = object.require("wait_ms", None, problems)?;
            whole_number(milliseconds, 1, MAX_WAIT_MS, problems).map(wait)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            wrong_type(node, "`deny`, `allow` or {\"wait_ms\": 5000}", problems)
        }
    }
}

fn wait(milliseconds: u32) -> WhileLoading {
    WhileLoading::Wait(Duration::from_millis(milliseconds.into()))
}
