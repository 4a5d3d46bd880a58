//! What the filter is told of the connection: the client's address, the cipher suite, the server name.

use mtls_policy::policy::{AddressUse, CipherUse, ClientAddress, Policy};

use super::Scene;
use super::bootstrap::{HttpFilter, Transport, Typed};
use super::document::At;
use super::finding::{Findings, Id};

/// Where the filter reads the address of the connection's other end.
const SOURCE_KEY: &str = "mtls_policy.source";
/// Where the filter reads these and more, if it is there.
const CONNECTION_KEY: &str = "mtls_policy.connection";
/// In which form: with the validity of the certificate, or without it, for an Envoy that has no `%CEL%`. Then the filter asks for it.
const CONNECTION_FORMATS: [&str; 2] = [
    "1|%DOWNSTREAM_PEER_FINGERPRINT_256%|%CEL(connection.peer_certificate_valid)%|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%|%REQUESTED_SERVER_NAME%",
    "1|%DOWNSTREAM_PEER_FINGERPRINT_256%|-|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%|%REQUESTED_SERVER_NAME%",
];
const SET_FILTER_STATE: [&str; 2] = [
    "envoy.extensions.filters.network.set_filter_state.v3.Config",
    "envoy.extensions.filters.http.set_filter_state.v3.Config",
];
const XFF_DETECTION: &str = "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig";

pub(super) fn check(scene: &Scene<'_, '_>, before: &[HttpFilter<'_>], findings: &mut Findings) {
    let values = filter_state(scene, before);
    check_source(scene, &values, findings);
    check_connection(scene, &values, findings);
    let follows = |policy: &&Policy| match policy.client_address() {
        ClientAddress::Direct => false,
        ClientAddress::Forwarded => true,
    };
    let manager = &scene.manager.at;
    if scene.policies.iter().any(follows) {
        check_forwarded_address(manager, findings);
    }
    // Where no policy is at hand, the shipped one's choice is the one to hold to.
    if scene.policies.is_empty() || !scene.policies.iter().all(follows) {
        check_remote_address(manager, findings);
    }
}

fn check_remote_address(manager: &At<'_>, findings: &mut Findings) {
    if manager.if_true("use_remote_address").is_none() {
        findings.warning(
            Id::RemoteAddress,
            &manager.get("use_remote_address").unwrap_or_else(|| manager.clone()),
            "Envoy believes `x-forwarded-for` and `x-envoy-*` of whoever connects; the policy takes the \
             connection's own address",
            "write `use_remote_address: true`, unless only a load balancer of yours can reach the listener",
        );
    }
}

/// How the policy's `xff` comes out depends on three fields. With `use_remote_address`, N trusted hops mean the Nth
/// address from the right of the header, and none the connection's own; without, the one left of that.
fn check_forwarded_address(manager: &At<'_>, findings: &mut Findings) {
    let extensions = manager.list("original_ip_detection_extensions");
    if !extensions.is_empty() {
        for extension in extensions.iter().filter(|extension| !is_bound_to_networks(extension)) {
            findings.warning(
                Id::AddressDetection,
                extension,
                "this extension chooses the address that the policy compares (`\"client_address\": \"xff\"`), and \
                 believes whoever connects",
                "use `envoy.http.original_ip_detection.xff` with the `xff_trusted_cidrs` of your proxies, or make sure \
                 that only they can reach the listener",
            );
        }
        return;
    }
    let hops = manager.number_of("xff_num_trusted_hops");
    match manager.if_true("use_remote_address") {
        Some(at) if hops == 0 => findings.warning(
            Id::RemoteAddress,
            &at,
            "the policy says `\"client_address\": \"xff\"`, but without trusted hops Envoy takes the connection's own \
             address",
            "set `xff_num_trusted_hops` to the number of your proxies in front of this one, or let the policy say \
             `direct`",
        ),
        Some(_) => {}
        None => findings.warning(
            Id::RemoteAddress,
            &manager.get("use_remote_address").unwrap_or_else(|| manager.clone()),
            format!(
                "the policy says `\"client_address\": \"xff\"`, and Envoy takes address {} from the right of \
                 `x-forwarded-for`, which whoever connects may write",
                hops.saturating_add(1)
            ),
            "write `use_remote_address: true` and set `xff_num_trusted_hops` to the number of your proxies in front of \
             this one, and make sure that only they can reach the listener",
        ),
    }
}

/// Whether it believes the header only where it comes from networks that it names.
fn is_bound_to_networks(extension: &At<'_>) -> bool {
    Typed::config_of(extension).is_some_and(|config| {
        config.type_name == XFF_DETECTION
            && config.at.get("xff_trusted_cidrs").is_some_and(|networks| !networks.list("cidrs").is_empty())
    })
}

/// A value that is put into filter state, and when.
struct Put<'d> {
    event: &'d str,
    value: At<'d>,
}

impl<'d> Put<'d> {
    fn is_at(&self, key: &str) -> bool {
        self.value.text_of("object_key") == Some(key)
    }

    fn format(&self) -> Option<&'d str> {
        self.value.follow(&["format_string", "text_format_source", "inline_string"])?.text()
    }
}

/// What network filters, and HTTP filters before ours, put there.
fn filter_state<'d>(scene: &Scene<'_, 'd>, before: &[HttpFilter<'d>]) -> Vec<Put<'d>> {
    let network = scene.chain.network_filters.iter().filter_map(Typed::config_of);
    let http = before.iter().filter_map(|filter| filter.config.clone());
    let mut values = Vec::new();
    for config in network.chain(http).filter(|config| SET_FILTER_STATE.contains(&config.type_name)) {
        for (event, list) in config.at.entries() {
            values.extend(list.items().into_iter().map(|value| Put { event, value }));
        }
    }
    values
}

fn check_source(scene: &Scene<'_, '_>, values: &[Put<'_>], findings: &mut Findings) {
    let mut sources = values.iter().filter(|put| put.is_at(SOURCE_KEY)).peekable();
    if sources.peek().is_none() {
        let compares = |policy: &&Policy| match (policy.address_use(), policy.client_address()) {
            (AddressUse::Compared, ClientAddress::Direct) => true,
            (AddressUse::Compared, ClientAddress::Forwarded) | (AddressUse::Never, _) => false,
        };
        let help = "add the network filter `envoy.filters.network.set_filter_state` that `envoy/envoy.yaml` has, before \
                    the connection manager";
        if scene.policies.iter().any(compares) {
            findings.error(
                Id::NoSource,
                &scene.chain.at,
                "the filter does not learn the address of the connection's other end, and routes compare it: \
                 requests that could be theirs answer 500",
                help,
            );
        } else {
            findings.warning(
                Id::NoSource,
                &scene.chain.at,
                "the filter does not learn the address of the connection's other end",
                help,
            );
        }
    }
    for source in sources {
        if !source.format().is_some_and(is_direct_address) {
            findings.warning(
                Id::SourceFormat,
                &source.value,
                "what the filter takes for the address of the connection's other end may be something else",
                "write `inline_string: \"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%\"`",
            );
        }
    }
}

fn is_direct_address(format: &str) -> bool {
    ["%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"]
        .contains(&format)
}

fn check_connection(scene: &Scene<'_, '_>, values: &[Put<'_>], findings: &mut Findings) {
    // That routes demand cipher suites without TLS is an error of its own.
    let is_plaintext = matches!(scene.chain.transport, Transport::Plaintext);
    let mut told = values.iter().filter(|put| put.is_at(CONNECTION_KEY)).peekable();
    if told.peek().is_none()
        && !is_plaintext
        && scene.policies.iter().any(|policy| policy.cipher_use() == CipherUse::Compared)
    {
        findings.error(
            Id::NoCipher,
            &scene.chain.at,
            "the filter does not learn the cipher suite, and routes that demand `ciphers` answer 500",
            "let `envoy.filters.network.set_filter_state` set `mtls_policy.connection` under \
             `on_downstream_tls_handshake`, as `envoy/envoy.yaml` does",
        );
    }
    // Envoy writes it on connections without TLS, too.
    for put in told {
        // Before the handshake there is nothing to tell.
        let in_time = !["on_new_connection", "onNewConnection"].contains(&put.event);
        if !in_time || !put.format().is_some_and(|format| CONNECTION_FORMATS.contains(&format)) {
            findings.error(
                Id::ConnectionFormat,
                &put.value,
                "what the filter takes for the client's certificate, its validity, TLS version, cipher suite, address and \
                 server name may be something else, or is refused as such",
                "write the `inline_string` that `envoy/envoy.yaml` has, under `on_downstream_tls_handshake`",
            );
        }
    }
}
