//! The clusters through which the filter fetches lists, asks responders and sends audit records.

use super::Scene;
use super::document::At;
use super::finding::{Findings, Id};

pub(super) fn check(scene: &Scene<'_, '_>, findings: &mut Findings) {
    let resources = scene.bootstrap.get("static_resources");
    let clusters = resources.map(|resources| resources.list("clusters")).unwrap_or_default();
    let discovered = scene.bootstrap.get("dynamic_resources").and_then(|at| at.get("cds_config"));
    let sources = scene.policies.iter().flat_map(|policy| policy.called_clusters());
    let collectors = scene.policies.iter().filter_map(|policy| policy.collector());
    let called =
        sources.map(|called| (called, Use::Source)).chain(collectors.map(|called| (called, Use::Collector)));
    for ((name, url), used) in called {
        match clusters.iter().find(|cluster| cluster.text_of("name") == Some(name)) {
            Some(cluster) => check_transport(cluster, name, url, used, findings),
            None => check_absence(scene, discovered.as_ref(), name, url, used, findings),
        }
    }
}

/// What the filter does with a cluster.
#[derive(Clone, Copy)]
enum Use {
    /// It asks for lists or responses.
    Source,
    /// It sends audit records.
    Collector,
}

impl Use {
    fn said(self) -> &'static str {
        match self {
            Self::Source => "fetches",
            Self::Collector => "sends audit records to",
        }
    }
}

fn check_absence(
    scene: &Scene<'_, '_>,
    discovered: Option<&At<'_>>,
    name: &str,
    url: &str,
    used: Use,
    findings: &mut Findings,
) {
    let message = format!(
        "the policy {} `{}` through cluster `{}`, which is not here",
        used.said(),
        url.escape_debug(),
        name.escape_debug()
    );
    let help = "add the cluster to `static_resources.clusters`, or name another in the policy";
    match discovered {
        Some(at) => findings.warning(Id::UnknownSourceCluster, at, message, help),
        None => findings.error(Id::UnknownSourceCluster, &scene.manager.at, message, help),
    }
}

/// The scheme of the URL is a word in the request; whether there is TLS says the cluster.
fn check_transport(cluster: &At<'_>, name: &str, url: &str, used: Use, findings: &mut Findings) {
    let has_socket =
        ["transport_socket", "transport_socket_matches"].iter().any(|key| cluster.get(key).is_some());
    if url.starts_with("https://") && !has_socket {
        let message = format!(
            "the policy {} `{}` through cluster `{}`, which has no TLS: it is asked in plain text",
            used.said(),
            url.escape_debug(),
            name.escape_debug()
        );
        let help = match used {
            Use::Source => {
                "give the cluster a `transport_socket`; lists and answers are signed, so that `http` will do, too"
            }
            Use::Collector => {
                "give the cluster a `transport_socket`: records name clients, and headers may hold a credential"
            }
        };
        findings.warning(Id::SourceWithoutTls, cluster, message, help);
    }
}
