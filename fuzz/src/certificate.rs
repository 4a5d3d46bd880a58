//! Certificates: everything that the engine reads in one.

use std::sync::LazyLock;

use mtls_policy::Engine;
use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;
use mtls_policy::policy::Policy;

use crate::request::Request;

/// Asks every kind of matcher.
static POLICY: &str = include_str!("../policies/every-matcher.json");

static ENGINE_POLICY: LazyLock<Vec<u8>> = LazyLock::new(|| POLICY.as_bytes().to_vec());

/// Reads `data` as a certificate, and decides a request of its holder by a policy that asks for everything in it.
pub fn run(data: &[u8]) {
    let read = Certificate::from_der(data.to_vec());
    let identity = read.as_ref().ok().map(Identity::of);
    let policy = Policy::from_json(&ENGINE_POLICY);
    let engine = Engine::new(policy.unwrap_or_else(|_| panic!("the policy of this target has errors")));
    let request = Request::get("/").presenting(data);
    let decision = request.decide(&engine);
    if !matches!(identity, Some(Ok(_))) {
        assert!(decision.verdict().is_err(), "a permit for a certificate that cannot be read");
    }
    request.check(&engine, &decision);
}
