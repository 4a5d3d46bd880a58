//! What lets revoked clients in, and lists that nobody renews or asks for.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::finding::Findings;
use super::tree;
use super::view::{RouteView, View};
use crate::policy::{
    Lint, Node, OnUnknown, Policy, RevocationRules, TrustBundle, Verification, WhileLoading,
};
use crate::revocation::Method;

/// How long a list is believed after its end without a word about it: lists are renewed each day to each week.
const USUAL_GRACE: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// How long before its end a list in the policy is reported.
const NOTICE: Duration = Duration::days(7);

pub(super) fn check(view: &View<'_>, now: OffsetDateTime, findings: &mut Findings) {
    let mut inherited = None;
    for (index, route) in view.routes.iter().enumerate() {
        let Some(rules) = route.route.revocation() else { continue };
        match tree::get(route.node, "revocation") {
            Some(node) => check_rules(node, rules, Some((index, route)), findings),
            None => inherited = Some(rules),
        }
    }
    let defaults = tree::get(view.tree, "defaults").and_then(|defaults| tree::get(defaults, "revocation"));
    if let (Some(node), Some(rules)) = (defaults, inherited) {
        check_rules(node, rules, None, findings);
    }
    check_use(view, findings);
    for bundle in view.policy.trust_bundles() {
        check_lists(view, bundle, now, findings);
    }
}

/// What is said at `node`: of one route, or of those that inherit it.
fn check_rules(
    node: &Node,
    rules: &RevocationRules,
    route: Option<(usize, &RouteView<'_>)>,
    findings: &mut Findings,
) {
    let who = route.map_or("by default".to_owned(), |(_, route)| format!("on route `{}`", route.name()));
    let at = |key: &str| tree::get(node, key).map_or(node.span, |value| value.span);
    let index = route.map(|(index, _)| index);
    if rules.on_unknown == OnUnknown::Allow {
        let message = format!("a client gets in {who} of whom it cannot be told whether it was revoked");
        let help = "say `deny`; against lists that come late, `stale_grace_seconds` is the narrower way";
        findings.lint(Lint::UnknownAllowed, at("on_unknown"), index, message, help);
    }
    if rules.while_loading == WhileLoading::Allow {
        let message = format!("until a list has come for the first time, revoked clients get in {who}");
        let help = "let requests wait: `{\"wait_ms\": 5000}`";
        findings.lint(Lint::LoadingAllowed, at("while_loading"), index, message, help);
    }
    if rules.stale_grace > USUAL_GRACE {
        let days = rules.stale_grace.as_secs() / 86_400;
        let message = format!("lists are believed {who} for {days} days after their end");
        let help = "a week is enough to mend what renews them";
        findings.lint(Lint::LongGrace, at("stale_grace_seconds"), index, message, help);
    }
}

/// Of all bundles: where Envoy verifies, each route that looks at revocation looks into all of them, and else into those that it
/// trusts.
fn check_use(view: &View<'_>, findings: &mut Findings) {
    let rules: Vec<&RevocationRules> =
        view.routes.iter().filter_map(|route| route.route.revocation()).collect();
    let bundles = tree::get(view.tree, "trust_bundles").into_iter().flat_map(tree::members);
    for (name, span, bundle) in bundles {
        let (is_used, help) = match view.policy.verification() {
            Verification::Envoy(_) => {
                (!rules.is_empty(), "say `revocation` in `defaults` or in routes, or remove the bundle")
            }
            Verification::Plugin => (
                takes_part(view.policy, name),
                "name it in `trust`, of `defaults` or of routes, or remove it",
            ),
        };
        if !is_used {
            let message = format!("no route makes use of trust bundle `{name}`");
            findings.lint(Lint::UnusedBundle, span, None, message, help);
            continue;
        }
        for (method, key) in [(Method::Crl, "crls"), (Method::Ocsp, "ocsp")] {
            let given = tree::members(bundle).find(|(given, _, _)| *given == key);
            let is_used = rules.iter().any(|rules| rules.methods.contains(&method));
            if let Some((_, span, _)) = given.filter(|_| !is_used) {
                let message = format!("no route makes use of `{key}` of trust bundle `{name}`");
                let help = format!("name `{}` in `check`, or remove it", method.word());
                findings.lint(Lint::UnusedBundle, span, None, message, &help);
            }
        }
    }
}

/// Whether a bundle has a say in who is trusted: for a route, or by keeping others from vouching for its trust domain.
fn takes_part(policy: &Policy, name: &str) -> bool {
    let keeps = policy.trust_bundles().iter().filter(|bundle| bundle.trust_domain().is_some());
    policy.trusted_bundles().into_iter().chain(keeps).any(|bundle| bundle.name() == name)
}

fn check_lists(view: &View<'_>, bundle: &TrustBundle, now: OffsetDateTime, findings: &mut Findings) {
    let node = tree::get(view.tree, "trust_bundles").and_then(|bundles| tree::get(bundles, bundle.name()));
    let written = node.map(|node| tree::list(node, "crls")).unwrap_or_default();
    let mut lists = bundle.revocation().lists.iter();
    for entry in written {
        let is_here = |key: &str| key == "pem" || key == "der_base64";
        let Some((_, span, _)) = tree::members(entry).find(|(key, _, _)| is_here(key)) else { continue };
        let Some(head) = lists.next().map(|list| list.head()) else { return };
        let end = head.next_update;
        if end - now > NOTICE {
            continue;
        }
        let ends = if end <= now { "ended" } else { "ends" };
        let at = end.format(&Rfc3339).unwrap_or_default();
        let message = format!("this list of trust bundle `{}` {ends} at {at}", bundle.name());
        let help = "put the next one in its place, or let the filter fetch it by `cluster` and `url`";
        findings.lint(Lint::ExpiringList, span, None, message, help);
    }
}
