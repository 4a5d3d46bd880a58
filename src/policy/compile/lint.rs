//! Checks `lint`: the findings of `mtlsctl check` that the author has looked at. It changes nothing that the filter does.

use super::reader::{Keys, Object, Problems, all_or_none, string};
use crate::policy::error::PolicyErrorKind;
use crate::policy::lint::Lint;
use crate::policy::source::{Member, Node};

const LINT_KEYS: Keys = Keys::of(&["allow"]);
const ALLOW_KEYS: Keys = Keys::of(Lint::IDS);

/// Ids of lints, each with the reason why what it finds is meant.
pub(super) fn lint(node: &Node, problems: &mut Problems) -> Option<()> {
    let object = Object::open(node, LINT_KEYS, problems)?;
    let allow = object.require("allow", Some("write `\"allow\": {\"ID\": \"why\"}`"), problems)?;
    let allow = Object::open(allow, ALLOW_KEYS, problems)?;
    let reasons = allow.members().iter().map(|Member { value, .. }| {
        if string(value, problems)?.trim().is_empty() {
            let help = Some("say why what the lint finds is meant");
            return problems.add(value.span, PolicyErrorKind::EmptyList { what: "the reason", help });
        }
        Some(())
    });
    all_or_none(reasons).map(|_| ())
}
