//! Sees that `calls.txt` lists what the filter calls, by Envoy's own log: else it would be held against another filter.

use std::time::{Duration, Instant};

use crate::contestants::Contestant;
use crate::harness::Envoy;
use crate::rules::HOST;

const LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// What Envoy logs when the filter is done with the headers of a request.
const DONE: &str = "[host<-vm] proxy_on_request_headers return";

/// Panics if the filter that makes our calls in vain makes others than ours does for a warm request.
pub(crate) async fn check(all: &[Contestant]) {
    let made = async |name: &str| {
        let contestant = all.iter().find(|contestant| contestant.name == name).expect("a contestant");
        made(contestant).await
    };
    let (ours, vain) = (made("ours").await, made("calls").await);
    assert_eq!(ours, vain, "`benches/envoy/calls.txt` (right) does not list what the filter calls (left)");
}

/// The calls of the filter for a request, in order: of some in a row those of the one with the fewest, for now and then something
/// else is seen to.
async fn made(contestant: &Contestant) -> Vec<String> {
    let envoy = Envoy::start(contestant.setup.clone().log_level("trace")).await;
    let client = envoy.client().presents(&contestant.client);
    let url = format!("https://{HOST}{}", contestant.path);
    let mut fewest: Option<Vec<String>> = None;
    for number in 1..=4 {
        assert_eq!(client.get(&url).await.status, contestant.status, "{}", contestant.name);
        let deadline = Instant::now() + LIMIT;
        while envoy.log().matches(DONE).count() < number {
            assert!(Instant::now() < deadline, "{}: no calls in Envoy's log", contestant.name);
            tokio::time::sleep(POLL).await;
        }
        let calls = last(&envoy.log());
        if fewest.as_ref().is_none_or(|fewest| calls.len() < fewest.len()) {
            fewest = Some(calls);
        }
    }
    fewest.unwrap_or_default()
}

fn last(log: &str) -> Vec<String> {
    let (_, last) = log.rsplit_once("[host->vm] proxy_on_request_headers(").expect("a request");
    let (last, _) = last.split_once(DONE).expect("its end");
    let calls = last.lines().filter_map(|line| line.split_once("[vm->host] env.proxy_"));
    calls.filter_map(|(_, call)| call.split_once('(')).map(|(name, _)| name.to_owned()).collect()
}
