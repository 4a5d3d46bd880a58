//! Workers: what more of them serve and hold, and how soon all know of a new list.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::Size;
use crate::curve::Curve;
use crate::harness::mint::{Ca, Minted};
use crate::harness::{Client, Connection, Pki, get};
use crate::lists::{guarded, with_lists};
use crate::load::{self, Kind, Protocol};
use crate::publisher::Publisher;
use crate::subject::{Subject, bare, listener, ms, setup, url};

const WORKERS: [u32; 4] = [1, 2, 3, 4];
/// How many entries the lists have.
const ENTRIES: u32 = 100_000;
/// More than it takes to come to every worker, which the system chooses.
const MAX_CONNECTIONS: usize = 200;
const KNOWN_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(1);
const REVOKED: u16 = 410;

const THROUGHPUT: (&str, &str) = ("requests", "in a second");
const MEMORY: (&str, &str) = ("resident memory", "MiB");
const CPU: (&str, &str) = ("CPU of a request", "us");
const KNOWN: (&str, &str) = ("arrival of a new list until all workers know it", "ms");

/// By the number of workers.
pub(crate) async fn curve(size: Size) -> Curve {
    let pki = Pki::new();
    let folder = tempfile::tempdir().expect("a folder for keys");
    let (client, gone) = (pki.ca.leaf("client").mint(), pki.ca.leaf("gone").mint());
    let mut curve = Curve::new("Workers", "workers");
    for workers in WORKERS {
        let publisher = Publisher::start(list(&pki.ca, 1, None)).await;
        let ours =
            with_lists(setup(&pki, listener()), &publisher).policy(guarded(&pki.ca, 1)).workers(workers);
        let none = setup(&pki, bare()).workers(workers);
        for (who, setup, path) in [("ours", ours, "/guarded"), ("no filter", none, "/guarded")] {
            let subject = Subject::start(setup, &client, path, 200).await;
            let target = subject.target(&pki, &client, path, folder.path());
            let (mut served, mut cpu, mut memory) = (Vec::new(), Vec::new(), Vec::new());
            for round in 0..=size.rounds {
                let (began, before) = (Instant::now(), subject.cpu());
                tokio::task::block_in_place(|| {
                    load::send(&target, Protocol::Http1, Kind::Crowd, size.requests)
                });
                // The first round only warms.
                if round > 0 {
                    served.push(size.requests as f64 / began.elapsed().as_secs_f64());
                    cpu.push((subject.cpu() - before).as_secs_f64() * 1e6 / size.requests as f64);
                    memory.push(subject.memory());
                }
            }
            let at = u64::from(workers);
            curve.add(THROUGHPUT, who, at, served);
            curve.add(CPU, who, at, cpu);
            curve.add(MEMORY, who, at, memory);
            if who == "ours" {
                let mut known = Vec::new();
                for turn in 0..size.starts as u64 {
                    // Lists revoke the client and let go of it again, in turns.
                    known.push(ms(
                        until_known(&subject, &publisher, &pki.ca, &gone, workers, 2 + 2 * turn).await
                    ));
                }
                subject.envoy.assert_no_trap().await;
                curve.add(KNOWN, who, at, known);
            }
        }
        eprintln!("  {workers}");
    }
    curve
}

/// The list of this number, with or without one entry more.
fn list(ca: &Ca, number: u64, gone: Option<&Minted>) -> Vec<u8> {
    let now = OffsetDateTime::now_utc();
    let (from, until) = (now - time::Duration::HOUR, now + time::Duration::DAY);
    let list = ca.crl().number(number).this_update(from).next_update(until).numbered(ENTRIES);
    gone.into_iter().fold(list, |list, gone| list.revoke(gone)).der()
}

/// From the arrival of a list that revokes a client until every worker refuses it; after that a newer list lets it in again.
async fn until_known(
    subject: &Subject,
    publisher: &Publisher,
    ca: &Ca,
    gone: &Minted,
    workers: u32,
    number: u64,
) -> Duration {
    let client = subject.envoy.client().presents(gone);
    let connections = one_of_each_worker(&client, workers).await;
    publisher.replace(list(ca, number, Some(gone)));
    let asking: Vec<_> =
        connections.into_iter().map(|connection| tokio::spawn(until_refused(connection))).collect();
    let mut last = None;
    for refused in asking {
        last = last.max(Some(refused.await.expect("a client that is refused in the end")));
    }
    let written = publisher.written().expect("a list that was sent");
    publisher.replace(list(ca, number + 1, None));
    let deadline = Instant::now() + KNOWN_LIMIT;
    for _ in 0..workers * 4 {
        while client.try_send(get(&url("/guarded"))).await.is_ok_and(|reply| reply.status != 200) {
            assert!(Instant::now() < deadline, "nobody is let in again\n{}", subject.envoy.log());
            tokio::time::sleep(PAUSE).await;
        }
    }
    last.map_or(Duration::ZERO, |last: Instant| last.saturating_duration_since(written))
}

/// A connection to every worker: which one it is, tells the id of a denial.
async fn one_of_each_worker(client: &Client, workers: u32) -> Vec<Connection> {
    let (mut known, mut connections) = (HashSet::new(), Vec::new());
    for _ in 0..MAX_CONNECTIONS {
        let mut connection = client.connect(&url("/")).await;
        let reply = connection.get(&url("/nothing-is-here")).await;
        let id = reply.decision_id().expect("a request that no route takes is denied").to_owned();
        let vm = id.split('-').next().unwrap_or_default().to_owned();
        if known.insert(vm) {
            connections.push(connection);
        }
        if known.len() == workers as usize {
            return connections;
        }
    }
    panic!("only {} of {workers} workers take connections", known.len());
}

/// When a client is refused, or its connection cut.
async fn until_refused(mut connection: Connection) -> Instant {
    let deadline = Instant::now() + KNOWN_LIMIT;
    while let Ok(reply) = connection.try_send(get(&url("/guarded"))).await {
        if reply.status == REVOKED {
            break;
        }
        assert!(Instant::now() < deadline, "a client is let in although it was revoked: {reply:?}");
        tokio::time::sleep(PAUSE).await;
    }
    Instant::now()
}
