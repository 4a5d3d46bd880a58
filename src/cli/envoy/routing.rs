//! Envoy's own routes, as far as the policy goes by them.

use std::collections::{BTreeMap, BTreeSet};

use mtls_policy::policy::{Policy, Route};

use super::Scene;
use super::bootstrap::Typed;
use super::document::At;
use super::finding::{Findings, Id};

/// What a tree of matchers compares.
const HEADER_INPUT: &str = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
/// What becomes of it depends on the route of the policy.
const XFCC: &str = "x-forwarded-client-cert";

pub(super) fn check(scene: &Scene<'_, '_>, findings: &mut Findings) {
    // Routes that come from elsewhere have a note of their own.
    let Some(routes) = scene.manager.at.get("route_config").filter(|routes| routes.get("vhds").is_none())
    else {
        return;
    };
    let envoys = EnvoyRoutes::read(scene, &routes);
    for policy in scene.policies {
        for route in policy.routes().iter() {
            check_names(&envoys, route, &routes, findings);
            check_metadata(&envoys, route, &routes, findings);
        }
        if policy.routes().iter().any(goes_by_envoys_choice) {
            check_headers(policy, &routes, findings);
        }
    }
}

/// What Envoy can choose.
struct EnvoyRoutes<'d> {
    names: BTreeSet<&'d str>,
    /// The entries of the metadata of all routes, by namespace and key.
    metadata: BTreeMap<(&'d str, &'d str), Vec<At<'d>>>,
    /// `None` where requests choose the cluster, or an extension does.
    clusters: Option<BTreeSet<&'d str>>,
}

impl<'d> EnvoyRoutes<'d> {
    fn read(scene: &Scene<'_, 'd>, configuration: &At<'d>) -> Self {
        let mut routes = Vec::new();
        collect_routes(configuration, &mut routes);
        let open = ["cluster_header", "cluster_specifier_plugin", "inline_cluster_specifier_plugin"];
        let is_open = open.iter().any(|field| !configuration.everywhere(field).is_empty());
        let clusters = scene.chain.clusters();
        let mut metadata: BTreeMap<(&str, &str), Vec<At<'d>>> = BTreeMap::new();
        for namespaces in routes.iter().filter_map(|route| route.follow(&["metadata", "filter_metadata"])) {
            for (namespace, entries) in namespaces.entries() {
                for (key, entry) in entries.entries() {
                    metadata.entry((namespace, key)).or_default().push(entry);
                }
            }
        }
        Self {
            names: routes.iter().filter_map(|route| route.text_of("name")).collect(),
            metadata,
            clusters: (!is_open).then(|| clusters.iter().filter_map(At::text).collect()),
        }
    }
}

/// Wherever they stand: in a virtual host, or in a tree of matchers.
fn collect_routes<'d>(at: &At<'d>, routes: &mut Vec<At<'d>>) {
    let acts = ["route", "redirect", "direct_response", "non_forwarding_action", "filter_action"];
    if at.get("match").is_some() && acts.iter().any(|act| at.get(act).is_some()) {
        routes.push(at.clone());
        return;
    }
    for below in at.children() {
        collect_routes(&below, routes);
    }
}

fn goes_by_envoys_choice(route: &Route) -> bool {
    !route.envoy_routes().is_empty()
        || !route.envoy_clusters().is_empty()
        || route.envoy_metadata().next().is_some()
}

fn check_names(envoys: &EnvoyRoutes<'_>, route: &Route, at: &At<'_>, findings: &mut Findings) {
    let is_missing = |wanted: &[String], known: &BTreeSet<&str>| {
        !wanted.is_empty() && !wanted.iter().any(|name| known.contains(name.as_str()))
    };
    if is_missing(route.envoy_routes(), &envoys.names) {
        findings.warning(
            Id::UnknownEnvoyRoute,
            at,
            format!(
                "the policy's route `{}` is never chosen here: no route of Envoy has the `name` {}",
                route.name(),
                listed(route.envoy_routes())
            ),
            "give Envoy's route the `name` that the policy names as `envoy_route`",
        );
    }
    if envoys.clusters.as_ref().is_some_and(|known| is_missing(route.envoy_clusters(), known)) {
        findings.warning(
            Id::UnknownEnvoyCluster,
            at,
            format!(
                "the policy's route `{}` is never chosen here: no route of Envoy sends to the cluster {}",
                route.name(),
                listed(route.envoy_clusters())
            ),
            "let the policy name as `envoy_cluster` what Envoy's routes name as `cluster`",
        );
    }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
    names.join(" or ")
}

fn check_metadata(envoys: &EnvoyRoutes<'_>, route: &Route, at: &At<'_>, findings: &mut Findings) {
    for (namespace, key) in route.envoy_metadata() {
        let entries = envoys.metadata.get(&(namespace, key)).map(Vec::as_slice).unwrap_or_default();
        let shown = format!("{}.{}", namespace.escape_debug(), key.escape_debug());
        if entries.is_empty() {
            findings.warning(
                Id::UnknownRouteMetadata,
                at,
                format!(
                    "the policy's route `{}` is never chosen here: no route of Envoy has the metadata `{shown}`",
                    route.name()
                ),
                "give Envoy's route the `metadata` that the policy names as `route_metadata`",
            );
        }
        for entry in entries.iter().filter(|entry| entry.text().is_none()) {
            findings.error(
                Id::RouteMetadataForm,
                entry,
                format!(
                    "the policy compares the metadata `{shown}`, and this is no text: its requests answer 500"
                ),
                "write it as text, in quotes",
            );
        }
    }
}

/// Headers by which Envoy chooses, and which the filter sets or removes.
fn check_headers(policy: &Policy, routes: &At<'_>, findings: &mut Findings) {
    let mut headers = Vec::new();
    collect_headers(routes, &mut headers);
    for header in headers {
        let Some(name) = header.text() else { continue };
        if policy.own_headers().contains(name) || name.replace('_', "-").eq_ignore_ascii_case(XFCC) {
            findings.warning(
                Id::RouteByHeader,
                &header,
                format!(
                    "Envoy chooses by `{}`, which the filter sets or removes: it chooses anew then, and not what the \
                     policy has looked at",
                    name.escape_debug()
                ),
                "choose by something else, or let the policy do without `envoy_route`, `envoy_cluster` and \
                 `route_metadata`",
            );
        }
    }
}

fn collect_headers<'d>(at: &At<'d>, headers: &mut Vec<At<'d>>) {
    let conditions = at.get("match").map(|condition| condition.list("headers")).unwrap_or_default();
    headers.extend(conditions.iter().filter_map(|header| header.get("name")));
    headers.extend(at.get("cluster_header"));
    headers.extend(at.get("weighted_clusters").and_then(|weighted| weighted.get("header_name")));
    if let Some(input) = Typed::read(at).filter(|input| input.type_name == HEADER_INPUT) {
        headers.extend(input.at.get("header_name"));
    }
    for (field, below) in at.entries() {
        // Configurations of filters choose no route.
        if !["typed_per_filter_config", "typedPerFilterConfig"].contains(&field) {
            collect_headers(&below, headers);
        }
    }
    for item in at.items() {
        collect_headers(&item, headers);
    }
}
