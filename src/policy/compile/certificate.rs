//! Compiles `certificate`: what a route demands of a certificate beside the names in it.

use time::Duration;

use super::reader::{Keys, Object, Problems, all_or_none, boolean, one_or_many, string, whole_number, word};
use crate::identity::public_key::{MAX_RSA_BITS, MIN_RSA_BITS};
use crate::identity::{KeyPurposePattern, KeyType, MAX_NAMES, SignatureAlgorithm};
use crate::policy::certificate_demands::{
    Acceptance, CertificateDemands, DEFAULT_MIN_RSA_BITS, PurposeDemand,
};
use crate::policy::error::PolicyErrorKind;
use crate::policy::source::{Node, Value};

const CERTIFICATE_KEYS: Keys = Keys::of(&[
    "min_rsa_bits",
    "key_types",
    "signature_algorithms",
    "max_lifetime_days",
    "min_remaining_hours",
    "forbid_wildcard_names",
    "max_dns_names",
    "forbid_self_signed",
    "extended_key_usage",
]);
const PURPOSE_KEYS: Keys = Keys::of(&["if_present"]);

/// Longest time that a demand can name: a hundred years, beyond which nobody means anything.
const MAX_DAYS: u32 = 36_525;

pub(super) fn certificate(node: &Node, problems: &mut Problems) -> Option<CertificateDemands> {
    let object = Object::open(node, CERTIFICATE_KEYS, problems)?;
    let min_rsa_bits = match object.get("min_rsa_bits") {
        Some(node) => whole_number(node, MIN_RSA_BITS, MAX_RSA_BITS, problems),
        None => Some(DEFAULT_MIN_RSA_BITS),
    };
    let key_types = optional(object.get("key_types"), |node| {
        words(node, "`key_types`", &KeyType::NAMES, &KeyType::ALL, problems)
    });
    let signature_algorithms = optional(object.get("signature_algorithms"), |node| {
        let what = "`signature_algorithms`";
        words(node, what, &SignatureAlgorithm::NAMES, &SignatureAlgorithm::ALL, problems)
    });
    let max_lifetime = optional(object.get("max_lifetime_days"), |node| {
        whole_number(node, 1, MAX_DAYS, problems).map(|days| Duration::days(days.into()))
    });
    let min_remaining = optional(object.get("min_remaining_hours"), |node| {
        whole_number(node, 1, MAX_DAYS * 24, problems).map(|hours| Duration::hours(hours.into()))
    });
    let max_dns_names = optional(object.get("max_dns_names"), |node| {
        whole_number(node, 0, u32::try_from(MAX_NAMES).unwrap_or(u32::MAX), problems)
    });
    let wildcard_names = acceptance(object.get("forbid_wildcard_names"), problems);
    let self_signed = acceptance(object.get("forbid_self_signed"), problems);
    let key_purpose = match object.get("extended_key_usage") {
        Some(node) => purpose_demand(node, problems),
        None => Some(PurposeDemand::default()),
    };
    Some(CertificateDemands {
        min_rsa_bits: min_rsa_bits?,
        key_types: key_types?,
        signature_algorithms: signature_algorithms?,
        max_lifetime: max_lifetime?,
        min_remaining: min_remaining?,
        max_dns_names: max_dns_names?,
        wildcard_names: wildcard_names?,
        self_signed: self_signed?,
        key_purpose: key_purpose?,
    })
}

fn optional<'n, T>(node: Option<&'n Node>, read: impl FnOnce(&'n Node) -> Option<T>) -> Option<Option<T>> {
    match node {
        Some(node) => read(node).map(Some),
        None => Some(None),
    }
}

/// One word or several, of a fixed set.
fn words<T: Clone>(
    node: &Node,
    what: &'static str,
    known: &'static [&'static str],
    values: &[T],
    problems: &mut Problems,
) -> Option<Vec<T>> {
    let words = one_or_many(node, what, problems)?;
    all_or_none(words.iter().map(|entry| word(entry, known, values, problems)))
}

fn acceptance(node: Option<&Node>, problems: &mut Problems) -> Option<Acceptance> {
    match node.map(|node| boolean(node, problems)) {
        None | Some(Some(false)) => Some(Acceptance::Accepted),
        Some(Some(true)) => Some(Acceptance::Forbidden),
        Some(None) => None,
    }
}

/// `"any"`, purposes that must be named, or `{"if_present": purposes}`.
fn purpose_demand(node: &Node, problems: &mut Problems) -> Option<PurposeDemand> {
    match &node.value {
        Value::String(text) if text == "any" => Some(PurposeDemand::Any),
        Value::Object(_) => {
            let object = Object::open(node, PURPOSE_KEYS, problems)?;
            let node = object.require(
                "if_present",
                Some("to demand a purpose, name it without braces"),
                problems,
            )?;
            purposes(node, problems).map(PurposeDemand::IfPresent)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            purposes(node, problems).map(PurposeDemand::Required)
        }
    }
}

fn purposes(node: &Node, problems: &mut Problems) -> Option<Vec<KeyPurposePattern>> {
    let entries = one_or_many(node, "`extended_key_usage`", problems)?;
    let purpose = |entry: &Node| {
        let text = string(entry, problems)?;
        problems.keep(entry.span, KeyPurposePattern::parse(text).map_err(PolicyErrorKind::from))
    };
    all_or_none(entries.iter().map(purpose))
}
