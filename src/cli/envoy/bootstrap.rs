//! What the checks look at in an Envoy bootstrap: listeners, their filter chains, connection managers and filters.

use super::document::At;

const TLS: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const QUIC: &str = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport";
const TLS_INSPECTOR: &str = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TCP_PROXY: &str = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
/// What Istio sends in place of a message that it has no Go type for.
const TYPED_STRUCTS: [&str; 2] = ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"];
/// Wraps a filter so that it runs where a matcher says.
const WITH_MATCHER: &str = "envoy.extensions.common.matching.v3.ExtensionWithMatcher";

/// A message in an `Any`.
#[derive(Debug, Clone)]
pub(super) struct Typed<'d> {
    /// The full name of its type, without the host before it.
    pub(super) type_name: &'d str,
    pub(super) at: At<'d>,
}

impl<'d> Typed<'d> {
    /// The message in an `Any`; of a message in a `TypedStruct`, that message.
    pub(super) fn read(any: &At<'d>) -> Option<Self> {
        let type_name = last_segment(any.text_of("@type")?);
        if TYPED_STRUCTS.contains(&type_name) {
            let at = any.get("value").unwrap_or_else(|| any.clone());
            return Some(Self { type_name: last_segment(any.text_of("type_url")?), at });
        }
        Some(Self { type_name, at: any.clone() })
    }

    /// The `typed_config` of an extension.
    pub(super) fn config_of(extension: &At<'d>) -> Option<Self> {
        Self::read(&extension.get("typed_config")?)
    }
}

fn last_segment(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// A listener of the bootstrap.
#[derive(Debug)]
pub(super) struct Listener<'d> {
    pub(super) at: At<'d>,
    pub(super) name: String,
    pub(super) server_name: Inspection,
    pub(super) chains: Vec<FilterChain<'d>>,
}

/// Whether a listener reads the server name of the TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inspection {
    /// A listener filter does.
    Configured,
    /// A listener filter comes from elsewhere, and may do it.
    Discovered,
    Missing,
}

/// A filter chain of a listener.
#[derive(Debug)]
pub(super) struct FilterChain<'d> {
    pub(super) at: At<'d>,
    pub(super) kind: ChainKind,
    pub(super) transport: Transport<'d>,
    pub(super) network_filters: Vec<At<'d>>,
    pub(super) manager: Option<ConnectionManager<'d>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChainKind {
    /// One of `filter_chains`.
    Listed,
    /// The `default_filter_chain`, which has what no other has.
    Default,
}

/// What a filter chain makes of bytes.
#[derive(Debug)]
pub(super) enum Transport<'d> {
    Plaintext,
    /// TLS over TCP; with the `DownstreamTlsContext`.
    Tls(At<'d>),
    /// QUIC, which tells the server name by itself; with the `DownstreamTlsContext`.
    Quic(At<'d>),
    Unknown(At<'d>),
}

/// An HTTP connection manager.
#[derive(Debug)]
pub(super) struct ConnectionManager<'d> {
    /// Its configuration.
    pub(super) at: At<'d>,
    pub(super) filters: Vec<HttpFilter<'d>>,
    /// Upgrades with filters of their own.
    pub(super) upgrades: Vec<Upgrade<'d>>,
}

/// A filter chain for one kind of upgrade.
#[derive(Debug)]
pub(super) struct Upgrade<'d> {
    pub(super) at: At<'d>,
    pub(super) filters: Vec<HttpFilter<'d>>,
}

/// An HTTP filter.
#[derive(Debug, Clone)]
pub(super) struct HttpFilter<'d> {
    pub(super) at: At<'d>,
    pub(super) name: &'d str,
    pub(super) config: Option<Typed<'d>>,
    /// Where its configuration comes from elsewhere.
    pub(super) discovery: Option<At<'d>>,
    /// The matcher that chooses when it runs.
    pub(super) matcher: Option<At<'d>>,
}

/// Reads the listeners of a bootstrap.
pub(super) fn listeners<'d>(bootstrap: &At<'d>) -> Vec<Listener<'d>> {
    let resources = bootstrap.get("static_resources");
    resources.map(|at| at.list("listeners")).unwrap_or_default().into_iter().map(listener).collect()
}

/// The secret of this name among the static ones.
pub(super) fn static_secret<'d>(bootstrap: &At<'d>, name: &str) -> Option<At<'d>> {
    let secrets = bootstrap.get("static_resources")?.list("secrets");
    secrets.into_iter().find(|secret| secret.text_of("name") == Some(name))
}

fn listener(at: At<'_>) -> Listener<'_> {
    let name = at.text_of("name").unwrap_or("(unnamed)").escape_debug().to_string();
    let default = at.get("default_filter_chain").map(|at| chain(at, ChainKind::Default));
    let chains: Vec<FilterChain<'_>> =
        at.list("filter_chains").into_iter().map(|at| chain(at, ChainKind::Listed)).chain(default).collect();
    Listener { server_name: inspection(&at), at, name, chains }
}

impl<'d> FilterChain<'d> {
    /// The clusters that its routes, or its TCP proxy, send to.
    pub(super) fn clusters(&self) -> Vec<At<'d>> {
        let mut clusters = Vec::new();
        if let Some(routes) = self.manager.as_ref().and_then(|manager| manager.at.get("route_config")) {
            collect_clusters(&routes, &mut clusters);
        }
        let proxies = self.network_filters.iter().filter_map(Typed::config_of);
        for proxy in proxies.filter(|config| config.type_name == TCP_PROXY) {
            collect_clusters(&proxy.at, &mut clusters);
        }
        clusters
    }
}

/// Wherever they stand: weighted, in a tree of matchers, or as what requests are mirrored to.
fn collect_clusters<'d>(at: &At<'d>, clusters: &mut Vec<At<'d>>) {
    clusters.extend(at.get("cluster").filter(|cluster| cluster.text().is_some()));
    if let Some(weighted) = at.get("weighted_clusters") {
        clusters.extend(weighted.list("clusters").iter().filter_map(|cluster| cluster.get("name")));
    }
    for below in at.children() {
        collect_clusters(&below, clusters);
    }
}

fn inspection(listener: &At<'_>) -> Inspection {
    let filters = listener.list("listener_filters");
    let is_inspector = |filter: &At<'_>| {
        Typed::config_of(filter).is_some_and(|config| config.type_name == TLS_INSPECTOR)
            || filter.text_of("name") == Some("envoy.filters.listener.tls_inspector")
    };
    if filters.iter().any(is_inspector) {
        return Inspection::Configured;
    }
    if filters.iter().any(|filter| filter.get("config_discovery").is_some()) {
        return Inspection::Discovered;
    }
    Inspection::Missing
}

fn chain(at: At<'_>, kind: ChainKind) -> FilterChain<'_> {
    let network_filters = at.list("filters");
    let manager = network_filters
        .iter()
        .filter_map(Typed::config_of)
        .find(|config| config.type_name == CONNECTION_MANAGER)
        .map(|config| manager(config.at));
    FilterChain { transport: transport(&at), at, kind, network_filters, manager }
}

fn transport<'d>(chain: &At<'d>) -> Transport<'d> {
    let Some(socket) = chain.get("transport_socket") else { return Transport::Plaintext };
    match Typed::config_of(&socket) {
        Some(config) if config.type_name == TLS => Transport::Tls(config.at),
        Some(config) if config.type_name == QUIC => match config.at.get("downstream_tls_context") {
            Some(context) => Transport::Quic(context),
            None => Transport::Unknown(socket),
        },
        Some(config) if config.type_name.ends_with(".RawBuffer") => Transport::Plaintext,
        _other => Transport::Unknown(socket),
    }
}

fn manager(at: At<'_>) -> ConnectionManager<'_> {
    let filters = at.list("http_filters").into_iter().map(filter).collect();
    let upgrades = at
        .list("upgrade_configs")
        .into_iter()
        .map(|at| Upgrade { filters: at.list("filters").into_iter().map(filter).collect(), at })
        .filter(|upgrade| !upgrade.filters.is_empty())
        .collect();
    ConnectionManager { at, filters, upgrades }
}

fn filter(at: At<'_>) -> HttpFilter<'_> {
    let name = at.text_of("name").unwrap_or_default();
    let discovery = at.get("config_discovery");
    let given = at.get("typed_config").or_else(|| discovery.as_ref()?.get("default_config"));
    let mut config = given.as_ref().and_then(Typed::read);
    let mut matcher = None;
    if let Some(wrapped) = config.as_ref().filter(|config| config.type_name == WITH_MATCHER) {
        matcher = wrapped.at.get("xds_matcher").or_else(|| wrapped.at.get("matcher"));
        config = wrapped.at.get("extension_config").as_ref().and_then(Typed::config_of);
    }
    HttpFilter { at, name, config, discovery, matcher }
}
