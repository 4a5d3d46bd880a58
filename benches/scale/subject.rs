//! An Envoy that is measured: the shipped listener, which answers every request itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::mint::Minted;
use crate::harness::{Envoy, Listener, Pki, Setup};
use crate::load::{self, Kind, Protocol, Target};
use crate::process;
use crate::rules::HOST;

/// The most that Envoy may take until it answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// A running Envoy, and how it came up.
pub(crate) struct Subject {
    pub(crate) envoy: Envoy,
    /// From the start of the process until it says that it is ready.
    pub(crate) ready: Duration,
    /// From the start of the process until a worker gave the first answer that is wanted.
    pub(crate) answered: Duration,
    /// The time on processors that it took until then: what a machine that does nothing else needs at most.
    pub(crate) spent: Duration,
}

/// The shipped listener, which answers by itself and writes no access log: a service behind it would cost all the same.
pub(crate) fn listener() -> Listener {
    Listener::tls("https").patch_manager(|manager| {
        manager.as_object_mut().unwrap().remove("access_log");
        manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
            { "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "ok\n" } } }
        ]);
    })
}

/// The same without the filter.
pub(crate) fn bare() -> Listener {
    listener().patch_manager(|manager| {
        let filters = manager["http_filters"].as_array_mut().unwrap();
        filters.retain(|filter| filter["name"] != "mtls_policy");
    })
}

/// An Envoy of one worker with this listener.
pub(crate) fn setup(pki: &Pki, listener: Listener) -> Setup {
    Setup::new(pki).workers(1).log_level("warning").listener(listener)
}

impl Subject {
    /// Starts it, and asks on new connections until the answer has this status.
    pub(crate) async fn start(setup: Setup, client: &Minted, path: &str, status: u16) -> Subject {
        let began = Instant::now();
        let envoy = Envoy::start(setup).await;
        let ready = began.elapsed();
        let (client, url) = (envoy.client().presents(client), url(path));
        loop {
            let reply = client.try_send(crate::harness::get(&url)).await;
            if reply.as_ref().is_ok_and(|reply| reply.status == status) {
                let answered = began.elapsed();
                let spent = process::cpu(envoy.process());
                return Subject { envoy, ready, answered, spent };
            }
            assert!(began.elapsed() < ANSWER_LIMIT, "{reply:?}\n{}", envoy.log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Its resident memory, in MiB.
    pub(crate) fn memory(&self) -> f64 {
        process::resident(self.envoy.process()) as f64 / f64::from(1 << 20)
    }

    /// Its time on processors so far.
    pub(crate) fn cpu(&self) -> Duration {
        process::cpu(self.envoy.process())
    }

    /// Its time on processors for each of so many requests, in microseconds.
    pub(crate) fn cpu_of_requests(&self, target: &Target, requests: u64) -> f64 {
        let before = self.cpu();
        load::send(target, Protocol::Http1, Kind::Crowd, requests);
        (self.cpu() - before).as_secs_f64() * 1e6 / requests as f64
    }

    /// What the load generator is to ask of it; files with the certificates go into `folder`.
    pub(crate) fn target(&self, pki: &Pki, client: &Minted, path: &str, folder: &Path) -> Target {
        let file = |what: &str, pem: String| -> PathBuf {
            let path = folder.join(format!("{}-{what}.pem", self.envoy.process()));
            std::fs::write(&path, pem).expect("a file for the load generator");
            path
        };
        let tls = [
            file("certificate", client.pem()),
            file("key", client.key_pem()),
            file("server-ca", pki.server_ca.pem()),
        ];
        Target { address: self.envoy.address(), path: path.to_owned(), tls: Some(tls), status: 200 }
    }
}

/// The URL of a path on the host of all policies.
pub(crate) fn url(path: &str) -> String {
    format!("https://{HOST}{path}")
}

/// A policy of these members beside `version`, whose decisions leave no record.
pub(crate) fn policy(members: Value) -> Value {
    let mut policy = json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "defaults": { "audit": { "allowed_ratio": 0.0, "denied_ratio": 0.0 } },
    });
    policy.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    policy
}

/// In milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
