//! A route that is enforced for some clients and not yet for the others.

use serde_json::json;

use crate::common::{PKI, Shared, ask, at, both, policy, route, service, with};
use crate::harness::mint::Minted;
use crate::harness::{Envoy, Listener, Setup, Version};

static HALF: Shared = Shared::new(|| {
    let half = json!({ "allow": { "dns": "nobody.acme.example" }, "enforce_ratio": 0.5 });
    Setup::new(&PKI)
        .policy(policy(Version::Current, &[with(route("half"), half)]))
        .listener(Listener::tls("https"))
        .listener(Listener::tls("lax").accept_untrusted())
});

/// The first client in whose record the mode is this one.
async fn client_in(envoy: &Envoy, mode: &str) -> (String, Minted) {
    for number in 0..32 {
        let name = format!("client-{number}");
        let minted = service(&PKI.ca, &name);
        let asked = ask(&envoy.client().presents(&minted), &at("/half")).await;
        if asked.record(envoy).await["mode"] == mode {
            return (name, minted);
        }
    }
    panic!("of 32 clients none is in {mode}");
}

#[tokio::test]
async fn a_client_in_the_share_is_denied_and_one_outside_of_it_passes_as_anonymous() {
    let envoy = HALF.envoy().await;
    let ((_, inside), (_, outside)) = (client_in(&envoy, "enforce").await, client_in(&envoy, "shadow").await);
    for client in both(envoy.client().presents(&inside)) {
        let asked = ask(&client, &at("/half")).await;
        assert_eq!(asked.assert_denied(&envoy, 403, "identity_not_allowed").await["mode"], "enforce");
    }
    for client in both(envoy.client().presents(&outside)) {
        let asked = ask(&client, &at("/half")).await;
        assert_eq!(asked.assert_shadowed(&envoy, "identity_not_allowed").await["route"], "half");
    }
}

#[tokio::test]
async fn whoever_is_not_verified_is_denied_under_any_name() {
    let envoy = HALF.envoy().await;
    let (outside, _) = client_in(&envoy, "shadow").await;
    for client in both(envoy.client()) {
        ask(&client, &at("/half")).await.assert_denied(&envoy, 403, "no_certificate").await;
    }
    let forged = service(&PKI.stranger, &outside);
    for client in both(envoy.client_of("lax").presents(&forged)) {
        ask(&client, &at("/half")).await.assert_denied(&envoy, 403, "untrusted").await;
    }
}
