//! Chains that the filter verifies itself, by the trust bundles of the route that a request selects.

mod bombs;
mod ends;
mod rotation;
mod routes;
mod trust_domains;
mod untrusted;

use serde_json::{Value, json};

use crate::common::{PKI, route, with};
use crate::harness::mint::Ca;
use crate::harness::{Listener, Setup, Version};

/// A policy of these bundles and routes, which leaves verification to the filter.
pub(crate) fn policy(bundles: &Value, routes: &[Value]) -> Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": "plugin" },
        "trust_bundles": bundles,
        "routes": routes,
    })
}

/// A bundle of these anchors.
pub(crate) fn bundle(anchors: &[&Ca]) -> Value {
    json!({ "anchors_pem": anchors.iter().map(|ca| ca.pem()).collect::<Vec<_>>() })
}

/// A route for everything below `/NAME`, open to all whom a bundle vouches for.
pub(crate) fn trusting(name: &str, bundle: impl Into<Value>) -> Value {
    with(route(name), json!({ "allow": "any_verified", "trust": bundle.into() }))
}

/// A listener that lets every certificate through the handshake, as good as it may be, and resumes sessions.
pub(crate) fn lax() -> Listener {
    Listener::tls("https").accept_untrusted().resumption()
}

/// Envoy of a version with that listener.
pub(crate) fn setup(version: Version, policy: Value) -> Setup {
    Setup::new(&PKI).version(version).policy(policy).listener(lax())
}
