//! Compiles `defaults` and `routes`.

use std::collections::HashSet;
use std::sync::Arc;

use super::audit::sampling;
use super::certificate::certificate;
use super::demands::client_certificate;
use super::forward::{check_ignored, check_unverified, forward};
use super::lint::lint;
use super::matcher::MatcherCompiler;
use super::on_deny::{Denied, on_deny};
use super::reader::{Keys, Object, Problems, all_or_none, entries, string, word};
use super::request_match::{MATCH_ALL_HELP, request_match};
use super::revocation::{Available, revocation};
use super::share::share;
use super::tls::tls;
use super::trust::Trust;
use crate::policy::audit::Sampling;
use crate::policy::certificate_demands::CertificateDemands;
use crate::policy::decision::Mode;
use crate::policy::error::PolicyErrorKind;
use crate::policy::forward::Forward;
use crate::policy::on_deny::OnDeny;
use crate::policy::revocation::RevocationRules;
use crate::policy::route::{ClientCertificate, Route};
use crate::policy::share::Share;
use crate::policy::source::Node;
use crate::policy::tls::TlsDemands;

/// Longest name of a route or identity, in characters: names go into every record.
const MAX_NAME_CHARS: usize = 64;

const DEFAULTS_KEYS: Keys = Keys::of(&[
    "mode",
    "enforce_ratio",
    "certificate",
    "tls",
    "trust",
    "revocation",
    "forward",
    "on_deny",
    "audit",
]);
const ROUTE_KEYS: Keys = Keys::of(&[
    "name",
    "match",
    "client_certificate",
    "allow",
    "deny",
    "certificate",
    "tls",
    "token",
    "trust",
    "revocation",
    "forward",
    "on_deny",
    "mode",
    "enforce_ratio",
    "audit",
    "lint",
]);

/// What routes inherit that do not say otherwise.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) mode: Mode,
    pub(super) share: Share,
    pub(super) certificate: Arc<CertificateDemands>,
    pub(super) tls: Arc<TlsDemands>,
    /// The positions of the bundles that vouch for clients; `None` where the policy does not say, or Envoy vouches.
    pub(super) trust: Option<Vec<usize>>,
    pub(super) revocation: Option<Arc<RevocationRules>>,
    /// What the trust bundles have, of which a route's own `revocation` can make use.
    pub(super) available: Available,
    pub(super) forward: Arc<Forward>,
    pub(super) on_deny: Arc<OnDeny>,
    pub(super) sampling: Sampling,
}

impl Defaults {
    /// Those of a policy that says nothing, with such trust bundles.
    pub(super) fn built_in(available: Available) -> Self {
        Self { available, ..Self::default() }
    }
}

pub(super) fn defaults(
    node: &Node,
    available: Available,
    trust: &Trust<'_>,
    problems: &mut Problems,
) -> Option<Defaults> {
    let object = Object::open(node, DEFAULTS_KEYS, problems)?;
    let mode = object.get("mode").map_or(Some(Mode::default()), |node| mode(node, problems));
    let share = share(&object, Share::default(), mode, None, problems);
    let certificate = object
        .get("certificate")
        .map_or(Some(CertificateDemands::default()), |node| certificate(node, problems));
    let tls = object.get("tls").map_or(Some(TlsDemands::default()), |node| tls(node, problems));
    let bundles = match object.member("trust") {
        Some(member) => trust.bundles(member, problems).map(Some),
        None => Some(None),
    };
    let revocation = match object.get("revocation") {
        Some(node) => revocation(node, available, trust, problems).map(|rules| Some(Arc::new(rules))),
        None => Some(None),
    };
    let forward = object.get("forward").map_or(Some(Forward::default()), |node| forward(node, problems));
    let on_deny = object
        .get("on_deny")
        .map_or(Some(OnDeny::default()), |node| on_deny(node, Denied::Anywhere, problems));
    let sampling = object.get("audit").map_or(Some(Sampling::default()), |node| sampling(node, problems));
    Some(Defaults {
        mode: mode?,
        share: share?,
        certificate: Arc::new(certificate?),
        tls: Arc::new(tls?),
        trust: bundles?,
        revocation: revocation?,
        available,
        forward: Arc::new(forward?),
        on_deny: Arc::new(on_deny?),
        sampling: sampling?,
    })
}

pub(super) fn routes<'n>(
    node: &'n Node,
    defaults: &Defaults,
    trust: &Trust<'_>,
    matchers: &mut MatcherCompiler<'n>,
    problems: &mut Problems,
) -> Option<Vec<Route>> {
    let mut names = HashSet::new();
    let entries = entries(node, "`routes`", problems)?;
    let routes = entries.iter().map(|entry| route(entry, defaults, trust, matchers, &mut names, problems));
    all_or_none(routes)
}

fn route<'n>(
    node: &'n Node,
    defaults: &Defaults,
    trust: &Trust<'_>,
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
    let client_certificate = client_certificate(&object, defaults, trust, matchers, problems);
    let mode = object.get("mode").map_or(Some(defaults.mode), |node| mode(node, problems));
    let share = share(&object, defaults.share, mode, client_certificate.as_ref(), problems);
    let forward = match object.get("forward") {
        Some(node) => {
            if let Some(ClientCertificate::Ignored) = client_certificate {
                check_ignored(node, problems);
            }
            let forward = forward(node, problems);
            if let (Some(ClientCertificate::Unverified(_)), Some(forward)) = (&client_certificate, &forward) {
                check_unverified(node, forward, problems);
            }
            forward.map(Arc::new)
        }
        None => Some(Arc::clone(&defaults.forward)),
    };
    let on_deny = match object.get("on_deny") {
        Some(node) => on_deny(node, Denied::OnRoute, problems).map(Arc::new),
        None => Some(Arc::clone(&defaults.on_deny)),
    };
    let sampling = object.get("audit").map_or(Some(defaults.sampling), |node| sampling(node, problems));
    if let Some(node) = object.get("lint") {
        lint(node, problems)?;
    }
    Some(Route {
        position: 0,
        name: name?,
        matches: matches?,
        client_certificate: client_certificate?,
        mode: mode?,
        share: share?,
        forward: forward?,
        on_deny: on_deny?,
        sampling: sampling?,
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
