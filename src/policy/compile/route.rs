//! Compiles `defaults` and `routes`.

use std::collections::HashSet;

use super::demands::client_certificate;
use super::matcher::MatcherCompiler;
use super::on_deny::on_deny;
use super::reader::{Keys, Object, Problems, all_or_none, entries, string, word};
use super::request_match::{MATCH_ALL_HELP, request_match};
use super::tls::tls;
use crate::policy::decision::Mode;
use crate::policy::error::PolicyErrorKind;
use crate::policy::on_deny::OnDeny;
use crate::policy::route::{Route, ServerNameRule};
use crate::policy::source::Node;

/// Longest name of a route or identity, in characters: names go into every record.
const MAX_NAME_CHARS: usize = 64;

const DEFAULTS_KEYS: Keys =
    Keys { known: &["mode", "on_deny", "tls"], unsupported: &["revocation", "audit"] };
const ROUTE_KEYS: Keys = Keys {
    known: &["name", "match", "client_certificate", "allow", "deny", "tls", "on_deny", "mode"],
    unsupported: &["trust", "certificate", "revocation", "token", "forward", "audit", "enforce_ratio"],
};

/// What routes inherit that do not say otherwise.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) mode: Mode,
    pub(super) on_deny: OnDeny,
    pub(super) server_name: Option<ServerNameRule>,
}

pub(super) fn defaults(node: &Node, problems: &mut Problems) -> Option<Defaults> {
    let object = Object::open(node, DEFAULTS_KEYS, problems)?;
    let mode = object.get("mode").map_or(Some(Mode::default()), |node| mode(node, problems));
    let on_deny = object.get("on_deny").map_or(Some(OnDeny::default()), |node| on_deny(node, problems));
    let server_name = match object.get("tls") {
        Some(node) => tls(node, problems).map(Some),
        None => Some(None),
    };
    Some(Defaults { mode: mode?, on_deny: on_deny?, server_name: server_name? })
}

pub(super) fn routes<'n>(
    node: &'n Node,
    defaults: &Defaults,
    matchers: &mut MatcherCompiler<'n>,
    problems: &mut Problems,
) -> Option<Vec<Route>> {
    let mut names = HashSet::new();
    let entries = entries(node, "`routes`", problems)?;
    let routes = entries.iter().map(|entry| route(entry, defaults, matchers, &mut names, problems)).collect();
    all_or_none(routes)
}

fn route<'n>(
    node: &'n Node,
    defaults: &Defaults,
    matchers: &mut MatcherCompiler<'n>,
    names: &mut HashSet<&'n str>,
    problems: &mut Problems,
) -> Option<Route> {
    let object = Object::open(node, ROUTE_KEYS, problems)?;
    let name = object.require("name", Some("records and reports name routes"), problems).and_then(|node| {
        let name = string(node, problems)?;
        if !is_name(name) {
            return problems.add(node.span, PolicyErrorKind::BadName { name: name.to_owned() });
        }
        if !names.insert(name) {
            return problems.add(node.span, PolicyErrorKind::DuplicateRoute { name: name.to_owned() });
        }
        Some(name.to_owned())
    });
    let matches = object
        .require("match", Some(MATCH_ALL_HELP), problems)
        .and_then(|node| request_match(node, problems));
    let client_certificate = client_certificate(&object, defaults, matchers, problems);
    let mode = object.get("mode").map_or(Some(defaults.mode), |node| mode(node, problems));
    let on_deny =
        object.get("on_deny").map_or_else(|| Some(defaults.on_deny.clone()), |node| on_deny(node, problems));
    Some(Route {
        name: name?,
        matches: matches?,
        client_certificate: client_certificate?,
        mode: mode?,
        on_deny: on_deny?,
    })
}

/// Whether `name` can be the name of a route or identity.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn mode(node: &Node, problems: &mut Problems) -> Option<Mode> {
    word(node, &["enforce", "shadow"], &[Mode::Enforce, Mode::Shadow], problems)
}
