//! Hosts in every spelling, against routes that name few hosts and many. The hosts that a route names are protected,
//! the rest is open.

use serde_json::json;

use super::{Target, policy};

/// As a domain name holds `münchen.example` (RFC 5891).
const INTERNATIONAL: &str = "xn--mnchen-3ya.example";

async fn start(hosts: &[String]) -> Target {
    let mut policy = policy();
    policy["routes"][1]["match"] = json!({ "hosts": hosts });
    // These clients say what they like in the handshake.
    policy["routes"][1]["tls"] = json!({ "sni": "ignore" });
    Target::start(|setup| setup.policy(policy)).await
}

async fn assert_all(target: &Target, hosts: &[&str], expected: &str) {
    for host in hosts {
        let request = format!("GET /open HTTP/1.1\r\nhost: {host}\r\n\r\n");
        target.strike_each([(request.as_bytes(), expected)]).await;
    }
}

#[tokio::test]
async fn no_spelling_of_a_protected_host_passes_however_many_hosts_the_route_names() {
    let named = || ["api.acme.example", INTERNATIONAL].map(str::to_owned);
    let others = |count: usize| (0..count).map(|number| format!("h{number}.acme.example"));
    for hosts in [
        named().to_vec(),
        named().into_iter().chain(others(150)).collect(),
        others(150).chain(named()).collect(),
        others(5000).chain(named()).collect(),
    ] {
        let target = start(&hosts).await;
        let protected = [
            "api.acme.example",
            "API.Acme.EXAMPLE",
            "api.acme.example.",
            "api.acme.example:8443",
            "Api.ACME.example.:443",
            "api.acme.example:",
            INTERNATIONAL,
            "XN--MNCHEN-3YA.Example.:8443",
        ];
        assert_all(&target, &protected, "no_certificate 403").await;
        let none = [
            "alice@api.acme.example",
            "alice:secret@api.acme.example:8443",
            "api.acme.example..",
            "api.acme.example,pay.acme.example",
            "api%2eacme.example",
            "m%C3%BCnchen.example",
            "",
        ];
        assert_all(&target, &none, "invalid_request 400").await;
        assert_all(&target, &["m\u{fc}nchen.example"], "envoy 400").await;
        let near_misses =
            ["xapi.acme.example", "api.acme.example.evil.example", "acme.example", "xn--mnchen-3yb.example"];
        assert_all(&target, &near_misses, "permit open 200").await;
    }
}
