//! Starts all contestants, and lets them take turns.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::contestants::{Contestant, Way};
use crate::figures::{Figures, Run};
use crate::fleet;
use crate::harness::{Envoy, Pki};
use crate::load::{self, Kind, Protocol, Target};
use crate::process;
use crate::rules::HOST;

/// How often each is started.
const STARTS: usize = 3;
/// A filter may fetch and index a large list before it lets anyone in.
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);
const IDLE: Duration = Duration::from_millis(250);

/// How much is asked.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rounds: usize,
    /// For each contestant, round and protocol, eight at a time: what processors are charged for.
    pub(crate) requests: u64,
    /// The same, one at a time, and again through to a service: what latencies are taken from.
    pub(crate) single: u64,
}

/// A contestant that is up.
struct Runner {
    name: &'static str,
    envoy: Envoy,
    /// What requests go through.
    _front: Option<Envoy>,
    protocols: &'static [Protocol],
    /// The process of what it asks for each request.
    beside: Option<u32>,
    target: Target,
    figures: Figures,
}

/// Lets them run; the figures come in their order.
pub(crate) async fn run(
    contestants: &[Contestant],
    pki: &Pki,
    folder: &Path,
    size: Size,
    beside: impl Fn(&str) -> Option<u32>,
) -> Vec<Figures> {
    let mut figures: Vec<Figures> = contestants.iter().map(|_| Figures::default()).collect();
    let mut envoys = Vec::new();
    for start in 0..STARTS {
        for (contestant, figures) in contestants.iter().zip(&mut figures) {
            let (envoy, took) = started(contestant).await;
            figures.start.push(took.as_secs_f64() * 1e3);
            figures.start_cpu.push(process::cpu(envoy.process()).as_secs_f64() * 1e3);
            if start + 1 == STARTS {
                envoys.push(envoy);
            }
        }
    }
    let mut runners = Vec::new();
    for ((contestant, envoy), figures) in contestants.iter().zip(envoys).zip(figures) {
        let runner = runner(contestant, envoy, figures, beside(contestant.name), pki, folder).await;
        let requests = if contestant.way == Way::Straight { size.requests } else { fleet::SIZE as u64 };
        for protocol in runner.protocols {
            load::send(&runner.target, *protocol, Kind::Crowd, requests);
        }
        settle(runner.envoy.process()).await;
        runners.push(runner);
    }
    for round in 0..size.rounds {
        anstream::eprintln!("round {} of {}", round + 1, size.rounds);
        for turn in 0..runners.len() {
            // Each round begins with another, so that nobody always follows the same one.
            let turn = (round + turn) % runners.len();
            runners[turn].take_turn(size);
        }
    }
    for (runner, contestant) in runners.iter().zip(contestants) {
        runner.envoy.assert_no_trap().await;
        if contestant.way == Way::Fleet {
            assert_forgets(&runner.envoy).await;
        }
    }
    runners.into_iter().map(|runner| runner.figures).collect()
}

impl Runner {
    fn take_turn(&mut self, size: Size) {
        let envoy = self.envoy.process();
        for protocol in self.protocols.iter().copied() {
            let beside = self.beside.map(process::cpu);
            let before = process::cpu(envoy);
            load::send(&self.target, protocol, Kind::Crowd, size.requests);
            let each = |spent: Duration| spent.as_secs_f64() * 1e6 / size.requests as f64;
            let cpu = each(process::cpu(envoy) - before);
            let beside = beside.zip(self.beside).map(|(before, id)| each(process::cpu(id) - before));
            let single = load::send(&self.target, protocol, Kind::Single, size.single);
            let through = load::send(&self.target, protocol, Kind::Through, size.single);
            anstream::eprintln!(
                "  {:>12} {:8} {cpu:6.1} us of CPU, p50 {:.0} us, through {:.0} us",
                self.name,
                protocol.name(),
                single.p50,
                through.p50
            );
            let run = Run { cpu, beside, single, through };
            self.figures.runs.entry(protocol).or_default().push(run);
        }
        self.figures.resident.push(process::resident(envoy) as f64 / f64::from(1 << 20));
    }
}

/// Starts it, and says how long it took until the first request was answered as it must be.
pub(crate) async fn started(contestant: &Contestant) -> (Envoy, Duration) {
    let began = Instant::now();
    let envoy = Envoy::start(contestant.setup.clone()).await;
    let client = envoy.client().presents(&contestant.client);
    let url = format!("https://{HOST}{}", contestant.path);
    loop {
        let reply = client.get(&url).await;
        if reply.status == contestant.status {
            return (envoy, began.elapsed());
        }
        assert!(began.elapsed() < START_LIMIT, "{}: {reply:?}\n{}", contestant.name, envoy.log());
        tokio::time::sleep(POLL).await;
    }
}

/// Sees that next to no certificate was known when it came.
async fn assert_forgets(envoy: &Envoy) {
    let lookups = envoy.stats("cache_lookups.cache.identity").await;
    let count = |result: &str| {
        let counts = lookups.iter().filter(|(name, _)| name.ends_with(result));
        counts.map(|(_, count)| *count).sum::<u64>()
    };
    let (hits, misses) = (count("result.hit"), count("result.miss"));
    assert!(
        hits * 20 < misses,
        "certificates that are new each time were known {hits} times, and {misses} times not"
    );
}

/// Waits until a process has next to nothing left to do of what its start and its first requests began.
async fn settle(process: u32) {
    let began = Instant::now();
    loop {
        let before = process::cpu(process);
        tokio::time::sleep(IDLE).await;
        if process::cpu(process) - before < IDLE / 50 || began.elapsed() > START_LIMIT {
            return;
        }
    }
}

/// Brings requests to it.
async fn runner(
    contestant: &Contestant,
    envoy: Envoy,
    figures: Figures,
    beside: Option<u32>,
    pki: &Pki,
    folder: &Path,
) -> Runner {
    let front = match contestant.way {
        Way::Straight => None,
        Way::Fleet => Some(fleet::of_many(pki, envoy.address(), contestant)),
        Way::Clones => Some(fleet::of_one(pki, envoy.address(), contestant)),
    };
    let front = match front {
        Some(setup) => Some(Envoy::start(setup).await),
        None => None,
    };
    let target = Target {
        address: front.as_ref().unwrap_or(&envoy).address(),
        path: contestant.path.clone(),
        tls: front.is_none().then(|| files(contestant, pki, folder)),
        status: contestant.status,
    };
    let protocols: &[Protocol] = if front.is_none() { &Protocol::ALL } else { &[Protocol::Http1] };
    Runner { name: contestant.name, envoy, _front: front, protocols, beside, target, figures }
}

/// The client's certificate, its key, and the CA of the server.
fn files(contestant: &Contestant, pki: &Pki, folder: &Path) -> [PathBuf; 3] {
    let file = |what: &str, pem: String| {
        let path = folder.join(format!("{}-{what}.pem", contestant.name));
        std::fs::write(&path, pem).expect("a file for `oha`");
        path
    };
    let client = &contestant.client;
    [file("certificate", client.pem()), file("key", client.key_pem()), file("server-ca", pki.server_ca.pem())]
}
