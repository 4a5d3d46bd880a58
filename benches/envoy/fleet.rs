//! A fleet of clients: an Envoy that nobody measures takes requests, and passes each on by another of its many connections. The load
//! generator itself has one certificate.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::contestants::{self, Contestant, ROUTES};
use crate::harness::mint::Minted;
use crate::harness::{Listener, Pki, Setup};
use crate::rules::{self, HOST};

/// Connections: more than there is room for certificates in what the filter remembers of them, so that each is forgotten before its
/// next turn.
pub(crate) const SIZE: usize = 8_000;

/// A certificate for each connection, all of the same service.
pub(crate) fn of_many(pki: &Pki, address: SocketAddr, contestant: &Contestant) -> Setup {
    let sockets = (0..SIZE).map(|number| {
        let client = rules::replica(&pki.ca, ROUTES, &contestant.client.key, number);
        json!({ "name": number.to_string(), "match": { "number": number }, "transport_socket": socket(&client) })
    });
    front(pki, address, json!({ "transport_socket_matches": sockets.collect::<Vec<Value>>() }))
}

/// One for all connections.
pub(crate) fn of_one(pki: &Pki, address: SocketAddr, contestant: &Contestant) -> Setup {
    front(pki, address, json!({ "transport_socket": socket(&contestant.client) }))
}

fn socket(client: &Minted) -> Value {
    let certificate = json!({
        "certificate_chain": { "inline_string": client.pem() },
        "private_key": { "inline_string": client.key_pem() },
    });
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": HOST,
            "common_tls_context": { "tls_certificates": [certificate] },
        },
    })
}

fn front(pki: &Pki, address: SocketAddr, sockets: Value) -> Setup {
    // As many addresses of this machine as connections: of endpoints with one address Envoy knows one.
    let endpoint = |number: usize| {
        let host = format!("127.1.{}.{}", number / 250, number % 250 + 1);
        let address = json!({ "socket_address": { "address": host, "port_value": address.port() } });
        json!({
            "endpoint": { "address": address },
            "metadata": { "filter_metadata": { "envoy.transport_socket_match": { "number": number } } },
        })
    };
    let endpoints: Vec<Value> = (0..SIZE).map(endpoint).collect();
    let mut cluster = json!({
        "name": "measured",
        "type": "STATIC",
        "connect_timeout": "5s",
        "lb_policy": "ROUND_ROBIN",
        "circuit_breakers": { "thresholds": [{ "max_connections": 2 * SIZE }] },
        "load_assignment": { "cluster_name": "measured", "endpoints": [{ "lb_endpoints": endpoints }] },
    });
    cluster.as_object_mut().unwrap().extend(sockets.as_object().unwrap().clone());
    let listener = Listener::plaintext("http").patch_manager(|manager| {
        contestants::answering(manager);
        contestants::with(manager, &[]);
        manager["route_config"]["virtual_hosts"][0]["routes"][0] =
            json!({ "match": { "prefix": "/" }, "route": { "cluster": "measured" } });
    });
    let setup = Setup::new(pki).workers(1).log_level("warning").listener(listener);
    setup.patch(move |whole| {
        whole["static_resources"]["clusters"].as_array_mut().unwrap().push(cluster.clone());
    })
}
