//! What a request asks of Envoy: each question costs more than most of what the filter does itself, so their number is fixed. A warm request
//! makes six calls, and nine with a record.

use serde_json::json;

use crate::common::{BILLING, PKI, ask, at, policy, route, with};
use crate::harness::{Client, Envoy, Setup, Version};

/// The filter's calls to Envoy for the last request in a log at the level `trace`, in order.
fn calls(log: &str) -> Vec<&str> {
    let (_, last) = log.rsplit_once("[host->vm] proxy_on_request_headers(").unwrap();
    let (last, _) = last.split_once("[host<-vm] proxy_on_request_headers return").unwrap();
    let calls = last.lines().filter_map(|line| line.split_once("[vm->host] env.proxy_"));
    calls.filter_map(|(_, call)| call.split_once('(')).map(|(name, _)| name).collect()
}

/// The calls for a request to this path, warm: of some in a row those of the one with the fewest, for once a second Envoy is asked for the
/// level of its log.
async fn fewest(envoy: &Envoy, client: &Client, path: &str) -> Vec<String> {
    let mut fewest: Option<Vec<String>> = None;
    for _ in 0..4 {
        let asked = ask(client, &at(path)).await;
        envoy.wait_for_access(|access| access["path"] == asked.path.as_str()).await;
        let log = envoy.log();
        let calls: Vec<String> = calls(&log).into_iter().map(str::to_owned).collect();
        if fewest.as_ref().is_none_or(|fewest| calls.len() < fewest.len()) {
            fewest = Some(calls);
        }
    }
    fewest.unwrap()
}

#[tokio::test]
async fn a_warm_request_makes_no_more_calls_than_it_must() {
    let any = |name: &str, ratio: f64| {
        with(route(name), json!({ "allow": "any_verified", "audit": { "allowed_ratio": ratio } }))
    };
    let denied = with(route("denied"), json!({ "allow": { "dns": "nobody.acme.example" } }));
    let routes = [any("recorded", 1.0), any("unrecorded", 0.0), denied];
    let setup = Setup::new(&PKI).policy(policy(Version::Current, &routes)).log_level("trace").workers(1);
    let envoy = Envoy::start(setup).await;
    let client = envoy.client().presents(&BILLING);
    // The clock, the headers, and all that is asked of the connection; then a header for the upstream, and outcome and route for the
    // access log.
    let judged = ["get_current_time_nanoseconds", "get_header_map_pairs"];
    let facts = ["get_property"];
    let told = ["replace_header_map_value", "set_property", "set_property"];
    let unrecorded = [&judged[..], &facts, &told].concat();
    assert_eq!(fewest(&envoy, &client, "/unrecorded").await, unrecorded);
    // The clock for the time that it took, the protocol, and the line.
    let record = ["get_current_time_nanoseconds", "get_property", "log"];
    assert_eq!(fewest(&envoy, &client, "/recorded").await, [&unrecorded[..], &record].concat());
    // The reason for the access log in place of the header, and the answer.
    let denied = [&judged[..], &facts, &["set_property"; 3], &record, &["send_local_response"]].concat();
    assert_eq!(fewest(&envoy, &client, "/denied").await, denied);
}
