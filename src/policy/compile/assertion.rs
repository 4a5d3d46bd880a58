//! Compiles `assert`.

use super::reader::{Keys, Object, Problems, all_or_none, entries, one_or_many, string, word};
use super::request_match::conditions;
use super::route::is_name;
use crate::policy::assertion::{Assertion, Trait};
use crate::policy::decision::Mode;
use crate::policy::error::PolicyErrorKind;
use crate::policy::source::Node;

const ASSERTION_KEYS: Keys = Keys::of(&["name", "hosts", "path", "methods", "never", "always"]);
const NEVER_KEYS: Keys = Keys::of(&["client_certificate", "mode", "allow"]);
const ALWAYS_KEYS: Keys = Keys::of(&["client_certificate", "mode"]);
const CLIENT_CERTIFICATE: &[&str] = &["required", "optional", "unverified", "ignored"];
const MODE: &[&str] = &["enforce", "shadow"];

pub(super) fn assertions(node: &Node, problems: &mut Problems) -> Option<Vec<Assertion>> {
    let assertions = entries(node, "`assert`", problems)?.iter().map(|entry| assertion(entry, problems));
    all_or_none(assertions)
}

fn assertion(node: &Node, problems: &mut Problems) -> Option<Assertion> {
    let object = Object::open(node, ASSERTION_KEYS, problems)?;
    let name = match object.get("name") {
        Some(node) => string(node, problems).and_then(|name| {
            if is_name(name) {
                Some(Some(name.to_owned()))
            } else {
                problems.add(node.span, PolicyErrorKind::BadName { name: name.to_owned() })
            }
        }),
        None => Some(None),
    };
    let scope = conditions(&object, problems);
    if object.member("never").is_none() && object.member("always").is_none() {
        let help =
            Some("say what must `never`, or must `always`, be true of the routes that take these requests");
        return problems.add(object.brace, PolicyErrorKind::MissingKey { key: "never", help });
    }
    let never = groups(object.get("never"), NEVER_KEYS, problems);
    let always = groups(object.get("always"), ALWAYS_KEYS, problems);
    scope?;
    Some(Assertion { name: name?, never: never?.into_iter().flatten().collect(), always: always? })
}

/// The traits that each key of an object names; none without an object.
fn groups(node: Option<&Node>, keys: Keys, problems: &mut Problems) -> Option<Vec<Vec<Trait>>> {
    let Some(node) = node else { return Some(Vec::new()) };
    let object = Object::open(node, keys, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "a demand", help: None });
    }
    let groups = object.members().iter().map(|member| {
        let values = one_or_many(&member.value, "a list of values", problems)?;
        let traits = values.iter().map(|value| match member.key.as_str() {
            "client_certificate" => {
                word(value, CLIENT_CERTIFICATE, CLIENT_CERTIFICATE, problems).map(Trait::ClientCertificate)
            }
            "mode" => word(value, MODE, &[Mode::Enforce, Mode::Shadow], problems).map(Trait::Mode),
            "allow" => word(value, &["any_verified"], &[Trait::LetsAnyoneIn], problems),
            // Reported when the object was opened.
            _ => None,
        });
        all_or_none(traits)
    });
    all_or_none(groups)
}
