//! Compiles `on_deny`: how denied requests are answered.

use super::reader::{Keys, Object, Problems, string, whole_number};
use crate::policy::error::PolicyErrorKind;
use crate::policy::on_deny::OnDeny;
use crate::policy::source::Node;

/// Longest body of a denial, in bytes: it is copied for each denied request.
const MAX_BODY_BYTES: usize = 64 * 1024;

const ON_DENY_KEYS: Keys =
    Keys { known: &["status", "body"], unsupported: &["content_type", "reasons", "redirect", "html"] };

pub(super) fn on_deny(node: &Node, problems: &mut Problems) -> Option<OnDeny> {
    let object = Object::open(node, ON_DENY_KEYS, problems)?;
    let status = match object.get("status") {
        Some(node) => whole_number(node, 400, 599, problems).map(|status| u16::try_from(status).ok()),
        None => Some(None),
    };
    let body = match object.get("body") {
        Some(node) => string(node, problems).and_then(|text| {
            if text.len() > MAX_BODY_BYTES {
                let kind = PolicyErrorKind::TooLong { length: text.len(), limit: MAX_BODY_BYTES };
                return problems.add(node.span, kind);
            }
            Some(Some(text.to_owned()))
        }),
        None => Some(None),
    };
    Some(OnDeny { status: status?, body: body? })
}
