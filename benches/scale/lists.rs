//! Revocation lists that grow: ours, fetched over HTTP, against Envoy's own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::Size;
use crate::curve::{Curve, count};
use crate::harness::mint::{Ca, Minted};
use crate::harness::{Client, Connection, Pki, Setup};
use crate::publisher::Publisher;
use crate::subject::{Subject, bare, listener, ms, policy, setup, url};

const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// The status of clients that were revoked; others that are denied get 403.
const REVOKED: u16 = 410;
/// A list is in force long before.
const LOAD_LIMIT: Duration = Duration::from_secs(60);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);
/// After this, what loading needed and no longer does has been given back.
const SETTLED: Duration = Duration::from_secs(2);

const READY: (&str, &str) = ("start until ready", "ms");
const IN_FORCE: (&str, &str) = ("arrival until in force", "ms");
const WAIT: (&str, &str) = ("longest wait of another request meanwhile", "ms");
const MEMORY: (&str, &str) = ("resident memory", "MiB");
const GROWTH: (&str, &str) = ("of it for the list", "MiB");

/// By the number of entries.
pub(crate) async fn curve(size: Size) -> Curve {
    let pki = Pki::new();
    let folder = tempfile::tempdir().expect("a folder for lists");
    let gone = pki.ca.leaf("gone").mint();
    let client = pki.ca.leaf("client").mint();
    let mut curve = Curve::new("Entries of a revocation list", "entries");
    for entries in SIZES {
        let (mut ours, mut envoys) = (Vec::new(), Vec::new());
        let file = folder.path().join("list.crl");
        let list = pki.ca.crl().numbered(entries).revoke(&gone);
        let der = list.der();
        std::fs::write(&file, list.pem()).expect("a file for the list");
        for _ in 0..size.starts {
            ours.push(fetched(&pki, &der, &gone, &client).await);
            envoys.push(native(&pki, &file, &gone, &client).await);
        }
        eprintln!("  {}: in force after {:.0} ms", count(u64::from(entries)), ours[0].in_force);
        let each = |loads: &[Load], figure: fn(&Load) -> f64| loads.iter().map(figure).collect::<Vec<f64>>();
        let at = u64::from(entries);
        for (who, loads) in [("ours", &ours), ("Envoy's own", &envoys)] {
            curve.add(READY, who, at, each(loads, |load| load.ready));
            curve.add(MEMORY, who, at, each(loads, |load| load.memory));
            curve.add(GROWTH, who, at, each(loads, |load| load.growth));
        }
        curve.add(IN_FORCE, "ours", at, each(&ours, |load| load.in_force));
        curve.add(WAIT, "ours", at, each(&ours, |load| load.wait));
    }
    curve
}

/// What came of one list, in milliseconds and MiB.
struct Load {
    ready: f64,
    in_force: f64,
    wait: f64,
    memory: f64,
    growth: f64,
}

/// A policy whose guarded paths ask the list of the cluster `crl`, and whose others do not.
pub(crate) fn guarded(ca: &Ca, refresh_seconds: u32) -> serde_json::Value {
    let source = json!({
        "cluster": "crl",
        "url": "http://crl.acme.example/corp.crl",
        "refresh_seconds": refresh_seconds,
        "timeout_ms": 30_000,
    });
    let route = |name: &str| {
        json!({
            "name": name,
            "match": { "path": { "prefix": format!("/{name}") } },
            "client_certificate": "required",
            "allow": "any_verified",
        })
    };
    let mut guarded = route("guarded");
    guarded["revocation"] = json!({ "check": ["crl"], "while_loading": "deny" });
    guarded["on_deny"] = json!({ "reasons": { "revoked": { "status": REVOKED } } });
    policy(json!({
        "trust_bundles": { "corp": { "anchors_pem": [ca.pem()], "crls": [source] } },
        "routes": [guarded, route("open")],
    }))
}

/// With a cluster from which the list is fetched; Envoy takes responses of any length.
pub(crate) fn with_lists(setup: Setup, publisher: &Publisher) -> Setup {
    setup.cluster("crl", publisher.port()).patch(|whole| {
        whole["layered_runtime"] = json!({
            "layers": [{ "name": "lists", "static_layer": { "http.async_response_buffer_limit": 1 << 30 } }],
        });
    })
}

/// Of the filter, which fetches it.
async fn fetched(pki: &Pki, der: &[u8], gone: &Minted, client: &Minted) -> Load {
    let policy = guarded(&pki.ca, 3600);
    let nobody = Publisher::start(pki.ca.crl().der()).await;
    let without = with_lists(setup(pki, listener()), &nobody).policy(&policy);
    let empty = settled(Subject::start(without, client, "/guarded", 200).await).await;
    let publisher = Publisher::start(der.to_vec()).await;
    let setup = with_lists(setup(pki, listener()), &publisher).policy(&policy);
    let began = Instant::now();
    let subject = Subject::start(setup, client, "/open", 200).await;
    let others = Others::start(subject.envoy.client().presents(client));
    let mut probe = subject.envoy.client().presents(gone).connect(&url("/")).await;
    while probe.get(&url("/guarded")).await.status != REVOKED {
        assert!(began.elapsed() < LOAD_LIMIT, "the list does not get into force\n{}", subject.envoy.log());
        tokio::time::sleep(PAUSE).await;
    }
    let revoked = Instant::now();
    let written = publisher.written().expect("a list that was sent");
    let wait = others.end().await;
    tokio::time::sleep(SETTLED).await;
    subject.envoy.assert_no_trap().await;
    Load {
        ready: ms(subject.ready),
        in_force: ms(revoked.saturating_duration_since(written)),
        wait: ms(wait),
        memory: subject.memory(),
        growth: subject.memory() - empty,
    }
}

/// Of Envoy's own TLS context.
async fn native(pki: &Pki, file: &Path, gone: &Minted, client: &Minted) -> Load {
    let empty = settled(Subject::start(setup(pki, bare()), client, "/open", 200).await).await;
    let path = file.display().to_string();
    let listener = bare().patch_tls(move |tls| {
        tls["common_tls_context"]["validation_context"]["crl"] = json!({ "filename": path });
    });
    let subject = Subject::start(setup(pki, listener), client, "/open", 200).await;
    let refused = subject.envoy.client().presents(gone).try_send(crate::harness::get(&url("/open"))).await;
    assert!(refused.is_err(), "Envoy lets in who was revoked");
    tokio::time::sleep(SETTLED).await;
    Load {
        ready: ms(subject.ready),
        in_force: 0.0,
        wait: 0.0,
        memory: subject.memory(),
        growth: subject.memory() - empty,
    }
}

/// The memory of an Envoy that has nothing to do; it ends.
async fn settled(subject: Subject) -> f64 {
    tokio::time::sleep(SETTLED).await;
    subject.memory()
}

/// A client that asks for a path without revocation all the while.
struct Others {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Duration>,
}

impl Others {
    fn start(client: Client) -> Others {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let asking = tokio::spawn(async move {
            let mut connection: Connection = client.connect(&url("/")).await;
            let mut longest = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(connection.get(&url("/open")).await.status, 200);
                longest = longest.max(began.elapsed());
                tokio::time::sleep(PAUSE).await;
            }
            longest
        });
        Others { stop, asking }
    }

    /// How long its longest request took.
    async fn end(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.await.expect("every request succeeds")
    }
}
