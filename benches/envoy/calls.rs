//! What filters call for a request, by Envoy's own log: only filters that make the same calls are held against each other.

use std::time::{Duration, Instant};

use crate::contestants::{Contestant, Filter, Way};
use crate::harness::Envoy;
use crate::race;
use crate::rules::HOST;

const LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// What Envoy logs when the filter is done with the headers of a request.
const DONE: &str = "[host<-vm] proxy_on_request_headers return";

/// The calls for a warm request, in order.
pub(crate) type Calls = Vec<String>;

/// The calls of each; `None` where there is no such filter, or no warm request. Panics if a filter that makes calls in vain makes those
/// of none of ours: it stands for a filter that is no more.
pub(crate) async fn of(contestants: &[Contestant]) -> Vec<Option<Calls>> {
    let mut all = Vec::new();
    for contestant in contestants {
        let has = contestant.filter != Filter::Other && contestant.way == Way::Straight;
        all.push(if has { Some(made(contestant).await) } else { None });
    }
    let with = |filter| contestants.iter().zip(&all).filter(move |(known, _)| known.filter == filter);
    for (vain, calls) in with(Filter::Vain) {
        let ours: Vec<&Option<Calls>> = with(Filter::Ours).map(|(_, calls)| calls).collect();
        assert!(
            ours.is_empty() || ours.contains(&calls),
            "`{}` makes calls that ours does not make; its list in `benches/envoy/` must be changed.\nit: {calls:?}\nours: {ours:#?}",
            vain.name
        );
    }
    all
}

/// The calls for a request: of some in a row those of the one with the fewest, for now and then something else is seen to.
async fn made(contestant: &Contestant) -> Calls {
    let loud = Contestant {
        setup: contestant.setup.clone().log_level("trace").log_file(None),
        ..contestant.clone()
    };
    let (envoy, _) = race::started(&loud).await;
    let client = envoy.client().presents(&contestant.client);
    let url = format!("https://{HOST}{}", contestant.path);
    let mut fewest: Option<Calls> = None;
    for _ in 0..4 {
        let before = requests(&envoy);
        assert_eq!(client.get(&url).await.status, contestant.status, "{}", contestant.name);
        let deadline = Instant::now() + LIMIT;
        while requests(&envoy) == before {
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

fn requests(envoy: &Envoy) -> usize {
    envoy.log().matches(DONE).count()
}

fn last(log: &str) -> Calls {
    let (_, last) = log.rsplit_once("[host->vm] proxy_on_request_headers(").expect("a request");
    let (last, _) = last.split_once(DONE).expect("its end");
    let calls = last.lines().filter_map(|line| line.split_once("[vm->host] env.proxy_"));
    calls.filter_map(|(_, call)| call.split_once('(')).map(|(name, _)| name.to_owned()).collect()
}
