//! Ways around the filter: chains, upgrades and routes that do without it.

use std::collections::BTreeSet;

use super::bootstrap::{ChainKind, ConnectionManager, FilterChain, HttpFilter, Listener, Typed};
use super::document::At;
use super::finding::{Findings, Id};
use super::plugin;

const FILTER_CONFIG: &str = "envoy.config.route.v3.FilterConfig";

/// Filter chains of a listener that do without the filter, which another chain of it has.
pub(super) fn check_chains(listener: &Listener<'_>, findings: &mut Findings) {
    for chain in &listener.chains {
        if chain.manager.as_ref().is_some_and(has_filter) || only_sends_elsewhere(chain) {
            continue;
        }
        match chain.kind {
            ChainKind::Listed => findings.warning(
                Id::ChainBypass,
                &chain.at,
                "this filter chain of the listener does without the filter",
                "add the filter to it, or move the chain to a listener of its own",
            ),
            ChainKind::Default => findings.error(
                Id::DefaultChainBypass,
                &chain.at,
                "what no other filter chain matches comes through here, without the filter",
                "add the filter to it, or remove the `default_filter_chain`",
            ),
        }
    }
}

/// Listeners without the filter that reach a service which is behind it elsewhere.
pub(super) fn check_listeners(listeners: &[Listener<'_>], findings: &mut Findings) {
    let (with, without): (Vec<_>, Vec<_>) = listeners.iter().partition(|listener| holds_filter(listener));
    let guarded = with.iter().flat_map(|listener| &listener.chains);
    let guarded = guarded.filter(|chain| chain.manager.as_ref().is_some_and(has_filter));
    let guarded: BTreeSet<&str> =
        guarded.flat_map(FilterChain::clusters).filter_map(|cluster| cluster.text()).collect();
    for listener in without {
        findings.enter(&listener.name);
        for cluster in listener.chains.iter().flat_map(FilterChain::clusters) {
            if let Some(name) = cluster.text().filter(|name| guarded.contains(name)) {
                findings.warning(
                    Id::ListenerBypass,
                    &cluster,
                    format!(
                        "this listener reaches `{}` without the filter, which guards it elsewhere",
                        name.escape_debug()
                    ),
                    "add the filter to the listener, or make sure that clients cannot reach it",
                );
            }
        }
    }
}

/// Whether some requests to the listener go through the filter.
pub(super) fn holds_filter(listener: &Listener<'_>) -> bool {
    listener.chains.iter().filter_map(|chain| chain.manager.as_ref()).any(has_filter)
}

/// Whether requests, or those of some upgrade, go through the filter.
pub(super) fn has_filter(manager: &ConnectionManager<'_>) -> bool {
    let upgrades = manager.upgrades.iter().flat_map(|upgrade| &upgrade.filters);
    manager.filters.iter().chain(upgrades).any(plugin::is_ours)
}

/// Whether nothing gets through the chain: every route of it is a redirect, or an answer of Envoy's own.
fn only_sends_elsewhere(chain: &FilterChain<'_>) -> bool {
    let Some(hosts) = chain
        .manager
        .as_ref()
        .and_then(|manager| manager.at.get("route_config"))
        .filter(|routes| routes.get("vhds").is_none())
        .map(|routes| routes.list("virtual_hosts"))
    else {
        return false;
    };
    let goes_nowhere =
        |route: &At<'_>| route.get("redirect").is_some() || route.get("direct_response").is_some();
    hosts.iter().all(|host| host.list("routes").iter().all(goes_nowhere) && host.get("matcher").is_none())
}

/// Upgrades and routes of a connection manager that do without the filter.
pub(super) fn check_manager(manager: &ConnectionManager<'_>, findings: &mut Findings) {
    for upgrade in &manager.upgrades {
        if !upgrade.filters.iter().any(plugin::is_ours) {
            let kind = upgrade.at.text_of("upgrade_type").unwrap_or_default();
            findings.error(
                Id::UpgradeBypass,
                &upgrade.at,
                format!("upgrades to `{}` have filters of their own, without this one", kind.escape_debug()),
                "add the filter to them, or remove `filters`, so that upgrades go through those of requests",
            );
        }
    }
    match manager.at.get("route_config") {
        Some(routes) => check_routes(manager, &routes, findings),
        None => {
            let elsewhere = manager.at.get("rds").or_else(|| manager.at.get("scoped_routes"));
            discovered_routes(&elsewhere.unwrap_or_else(|| manager.at.clone()), findings);
        }
    }
}

fn check_routes(manager: &ConnectionManager<'_>, routes: &At<'_>, findings: &mut Findings) {
    let upgrades = manager.upgrades.iter().flat_map(|upgrade| &upgrade.filters);
    let names: Vec<&str> = manager
        .filters
        .iter()
        .chain(upgrades)
        .filter(|filter| plugin::is_ours(filter))
        .map(|filter| filter.name)
        .collect();
    check_overrides(routes, &names, findings);
    if let Some(vhds) = routes.get("vhds") {
        discovered_routes(&vhds, findings);
    }
}

/// Route configurations, virtual hosts, routes and weighted clusters have overrides, and trees of matchers hold routes.
fn check_overrides(scope: &At<'_>, names: &[&str], findings: &mut Findings) {
    for (name, any) in scope.get("typed_per_filter_config").map(|at| at.entries()).unwrap_or_default() {
        let Some(config) = Typed::read(&any) else { continue };
        if names.contains(&name)
            && config.type_name == FILTER_CONFIG
            && let Some(at) = config.at.if_true("disabled")
        {
            findings.error(
                Id::RouteBypass,
                &at,
                "requests that come this way do without the filter",
                "remove the override; for a route that is open to all, the policy says \
                 `\"client_certificate\": \"ignored\"`",
            );
        }
    }
    for below in scope.children() {
        check_overrides(&below, names, findings);
    }
}

fn discovered_routes(at: &At<'_>, findings: &mut Findings) {
    findings.note(
        Id::DiscoveredRoutes,
        at,
        "routes come from elsewhere (RDS) and were not looked at",
        "make sure by hand that none of them disables the filter",
    );
}

/// What keeps the filter, though it is there, from being asked.
pub(super) fn check_filter(filter: &HttpFilter<'_>, findings: &mut Findings) {
    if let Some(at) = filter.at.if_true("disabled") {
        findings.error(
            Id::FilterDisabled,
            &at,
            "the filter is disabled: only routes that enable it go through it",
            "remove `disabled`",
        );
    }
    if let Some(at) = filter.at.if_true("is_optional") {
        findings.warning(
            Id::FilterOptional,
            &at,
            "an Envoy that was built without WebAssembly leaves an optional filter out",
            "remove `is_optional`",
        );
    }
    if let Some(at) = &filter.matcher {
        findings.warning(
            Id::FilterConditional,
            at,
            "a matcher chooses the requests that go through the filter; it was not looked at",
            "remove the matcher: the policy says which route needs what",
        );
    }
}
