//! The handle of a running Envoy.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mtls_policy::metrics::policy_in_force;
use mtls_policy::policy::Policy;
use serde_json::Value;
use tempfile::TempDir;

use super::client::{self, Client, Reply};
use super::configuration::Files;
use super::output::Output;
use super::runner::{Runner, Running};
use super::setup::Setup;
use super::workspace::run_folder;

const START_LIMIT: Duration = Duration::from_secs(60);
const WAIT_LIMIT: Duration = Duration::from_secs(30);
/// The `schema` of records of sources of lists.
const SOURCE_SCHEMA: &str = "mtls-policy.source/1";
const POLL: Duration = Duration::from_millis(10);

/// Envoy did not start, or did not like its configuration.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit status; none if it had to be stopped.
    pub status: Option<i64>,
    /// Its log.
    pub log: String,
}

/// A running Envoy; it ends when this is dropped, on a panic too.
pub struct Envoy {
    setup: Setup,
    admin: SocketAddr,
    listeners: HashMap<String, SocketAddr>,
    first: String,
    output: Output,
    generation: u64,
    // Dropped in this order: Envoy first, then the files that it reads.
    running: Box<dyn Running>,
    folder: TempDir,
}

impl Envoy {
    /// Starts Envoy and waits until it serves; panics with its log if it does not.
    pub async fn start(setup: Setup) -> Envoy {
        match Envoy::try_start(setup).await {
            Ok(envoy) => envoy,
            Err(refusal) => panic!("Envoy did not start ({:?}):\n{}", refusal.status, refusal.log),
        }
    }

    /// Starts Envoy and waits until it serves or ends.
    pub async fn try_start(setup: Setup) -> Result<Envoy, Refusal> {
        let runner = Runner::choose(setup.version);
        let folder = run_folder();
        let files = Files::new(folder.path());
        let names = files.write(&setup, &runner);
        let ports: Vec<u16> = (0..names.len()).map(|number| runner.listener_port(number as u16)).collect();
        let output = Output::default();
        let arguments = arguments(&files, &setup, "serve");
        let mut running =
            runner.launch(&arguments, folder.path(), &ports, &output).unwrap_or_else(|why| panic!("{why}"));

        let deadline = Instant::now() + START_LIMIT;
        let admin = loop {
            if let Some(status) = running.exit_status() {
                return Err(Refusal { status: Some(status), log: settled(&output).await });
            }
            if let Some(port) = running.admin()
                && let Ok(reply) = client::fetch(local(port), "/ready").await
                && reply.status == 200
            {
                break local(port);
            }
            if Instant::now() > deadline {
                return Err(Refusal { status: None, log: output.readable_log() });
            }
            tokio::time::sleep(POLL).await;
        };
        let information = client::fetch(admin, "/server_info").await.expect("server information");
        let information: Value =
            serde_json::from_slice(&information.body).expect("server information as JSON");
        // `REVISION/1.40.0/Clean/RELEASE/BoringSSL`
        let version = information["version"].as_str().and_then(|version| version.split('/').nth(1));
        runner.announce(version.unwrap_or("of unknown version"));
        let listening = client::fetch(admin, "/listeners?format=json").await.expect("listeners");
        let listening: Value = serde_json::from_slice(&listening.body).expect("listeners as JSON");
        let listeners = names
            .iter()
            .map(|name| {
                let port = bound_port(&listening, name).unwrap_or_else(|| panic!("no listener `{name}`"));
                (name.clone(), local(running.reachable(port).expect("a port that is published")))
            })
            .collect();
        let first = names.into_iter().next().expect("a listener");
        Ok(Envoy { setup, admin, listeners, first, output, generation: 1, running, folder })
    }

    /// What `envoy --mode validate` says of a set-up.
    pub async fn validate(setup: Setup) -> Result<String, Refusal> {
        let runner = Runner::choose(setup.version);
        let folder = run_folder();
        let files = Files::new(folder.path());
        files.write(&setup, &runner);
        let output = Output::default();
        let arguments = arguments(&files, &setup, "validate");
        let mut running =
            runner.launch(&arguments, folder.path(), &[], &output).unwrap_or_else(|why| panic!("{why}"));
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            match running.exit_status() {
                Some(0) => return Ok(settled(&output).await),
                Some(status) => return Err(Refusal { status: Some(status), log: settled(&output).await }),
                None => tokio::time::sleep(POLL).await,
            }
        }
        Err(Refusal { status: None, log: output.readable_log() })
    }

    /// A client of the first listener, without a certificate.
    pub fn client(&self) -> Client {
        self.client_of(&self.first)
    }

    /// A client of a listener, without a certificate.
    pub fn client_of(&self, listener: &str) -> Client {
        Client::new(self.address_of(listener), &self.setup.server_der)
    }

    /// Where the first listener is reached.
    pub fn address(&self) -> SocketAddr {
        self.address_of(&self.first)
    }

    /// Where a listener is reached.
    pub fn address_of(&self, listener: &str) -> SocketAddr {
        *self.listeners.get(listener).unwrap_or_else(|| panic!("no listener `{listener}`"))
    }

    /// Puts another policy in the place of a `discovered` one, and does not wait for Envoy to take it.
    pub fn replace_policy(&mut self, policy: impl std::fmt::Display) {
        self.generation += 1;
        self.setup.policy = Some(policy.to_string());
        let policy = self.setup.policy.as_deref();
        Files::new(self.folder.path()).write_discovered(&self.setup, policy, self.generation);
    }

    /// Waits until Envoy has taken that many policies by discovery, the first one included, and the newest is in force on every
    /// worker, which is a moment later; panics after 30 s.
    pub async fn wait_for_policy_updates(&self, number: u64) {
        self.wait_for_stat(&discovery("config_reload"), |value| value >= number).await;
        let policy = self.setup.policy.as_deref().unwrap_or_default();
        if let Ok(policy) = Policy::from_json(policy.as_bytes()) {
            // The main thread has a VM, too.
            let vms = u64::from(self.setup.concurrency) + 1;
            let in_force = format!("wasmcustom.mtls_policy.{}", policy_in_force(policy.digest()));
            self.wait_for_stat(&in_force, |number| number >= vms).await;
        }
    }

    /// Waits until Envoy has refused that many policies by discovery; panics after 30 s.
    pub async fn wait_for_policy_refusals(&self, number: u64) {
        self.wait_for_stat(&discovery("config_fail"), |value| value >= number).await;
    }

    /// The number of its process; panics where it runs in a container.
    pub fn process(&self) -> u32 {
        self.running.process().expect("Envoy as a process of this machine: set `ENVOY_RUNNER=process`")
    }

    /// Where its admin interface is reached from this machine.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The answer of the admin interface to a path.
    pub async fn admin(&self, path: &str) -> String {
        let reply = client::fetch(self.admin, path).await.unwrap_or_else(|why| panic!("admin: {why}"));
        assert_eq!(reply.status, 200, "admin `{path}`");
        String::from_utf8_lossy(&reply.body).into_owned()
    }

    /// Asks the admin interface to do something.
    pub async fn order(&self, path: &str) {
        let url = format!("http://{}{path}", self.admin);
        let reply = Client::new(self.admin, &[]).send(client::request(hyper::Method::POST, &url)).await;
        assert_eq!(reply.status, 200, "admin `{path}`");
    }

    /// Waits until Envoy has ended; panics after 30 s.
    pub async fn wait_for_end(&mut self) {
        let deadline = Instant::now() + WAIT_LIMIT;
        while self.running.exit_status().is_none() {
            assert!(Instant::now() < deadline, "Envoy runs on\n{}", self.output.readable_log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Every counter and gauge whose name contains the text, by name.
    pub async fn stats(&self, containing: &str) -> HashMap<String, u64> {
        let text = self.admin(&format!("/stats?filter={containing}")).await;
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        lines
            .filter(|(name, _)| name.contains(containing))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// A counter or gauge; 0 where Envoy has none of this name, for it makes many when they first count.
    pub async fn stat(&self, name: &str) -> u64 {
        self.stats(name).await.get(name).copied().unwrap_or(0)
    }

    /// Waits until a counter or gauge is as wanted; panics after 30 s.
    pub async fn wait_for_stat(&self, name: &str, wanted: impl Fn(u64) -> bool) -> u64 {
        let deadline = Instant::now() + WAIT_LIMIT;
        loop {
            let value = self.stat(name).await;
            if wanted(value) {
                return value;
            }
            assert!(Instant::now() < deadline, "`{name}` stays at {value}\n{}", self.output.readable_log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until counters whose names begin and end so have counted; panics after 30 s. Returns their sum.
    pub async fn wait_for_stats(&self, begin: &str, end: &str) -> u64 {
        let deadline = Instant::now() + WAIT_LIMIT;
        loop {
            let stats = self.stats(begin).await;
            let sum = stats.iter().filter(|(name, _)| name.starts_with(begin) && name.ends_with(end));
            match sum.map(|(_, count)| count).sum() {
                0 => assert!(Instant::now() < deadline, "`{begin}*{end}` stays at 0: {stats:#?}"),
                sum => return sum,
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Envoy's log so far.
    pub fn log(&self) -> String {
        self.output.log()
    }

    /// Waits until the log contains a text; panics after 30 s.
    pub async fn wait_for_log(&self, text: &str) {
        self.wait(|| self.log().contains(text).then_some(()), &format!("`{text}` in the log")).await;
    }

    /// The audit records so far.
    pub fn audit_records(&self) -> Vec<Value> {
        self.output.records()
    }

    /// The first audit record that is as wanted, waited for; panics after 30 s.
    pub async fn wait_for_record(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(|| self.output.find_record(&wanted), "an audit record").await
    }

    /// The first JSON object in the log that is as wanted, waited for; panics after 30 s.
    pub async fn wait_for_object(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(|| self.output.find_object(&wanted), "a JSON object").await
    }

    /// The record after the first `known` ones, waited for; panics after 30 s.
    pub async fn wait_for_new_record(&self, known: usize) -> Value {
        self.wait(|| self.audit_records().into_iter().nth(known), "an audit record").await
    }

    /// The audit record of the decision on a request, by the id in its reply.
    pub async fn record_of(&self, reply: &Reply) -> Value {
        let id = reply
            .decision_id()
            .unwrap_or_else(|| panic!("a reply without a decision id: {reply:?}"))
            .to_owned();
        self.wait_for_record(|record| record["id"] == id).await
    }

    /// What the log says so far of the sources of lists.
    pub fn source_records(&self) -> Vec<Value> {
        self.output.objects(SOURCE_SCHEMA)
    }

    /// The first such record that is as wanted, waited for; panics after 30 s.
    pub async fn wait_for_source_record(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(|| self.source_records().into_iter().find(&wanted), "a record of a source").await
    }

    /// The lines of the access log so far.
    pub fn access_log(&self) -> Vec<Value> {
        self.output.access()
    }

    /// The first line of the access log that is as wanted, waited for; panics after 30 s.
    pub async fn wait_for_access(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(|| self.output.find_access(&wanted), "a line of the access log").await
    }

    /// Asserts that the filter was not stopped: no trap in the log, no VM loaded anew.
    pub async fn assert_no_trap(&self) {
        let evidence = self.trap_evidence().await;
        assert!(evidence.is_empty(), "the filter trapped: {evidence:#?}\n{}", self.output.readable_log());
    }

    /// What shows that the filter was stopped: lines of the log that tell of a trap, and counters of VMs loaded anew,
    /// which move when the worker that trapped gets its next request. Empty if nothing does.
    pub async fn trap_evidence(&self) -> Vec<String> {
        let log = self.log();
        let mut evidence: Vec<String> =
            log.lines().filter(|line| line.contains("Function: proxy_")).map(str::to_owned).collect();
        let reloads = self.stats("vm_reload").await;
        let moved = reloads.iter().filter(|(_, count)| **count > 0);
        evidence.extend(moved.map(|(name, count)| format!("{name}: {count}")));
        evidence
    }

    async fn wait<T>(&self, found: impl Fn() -> Option<T>, what: &str) -> T {
        let deadline = Instant::now() + WAIT_LIMIT;
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not come within 30 s\n{}",
                self.output.readable_log()
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

fn arguments(files: &Files<'_>, setup: &Setup, mode: &str) -> Vec<String> {
    let configuration = files.configuration().display().to_string();
    let concurrency = setup.concurrency.to_string();
    let flags =
        ["-c", &configuration, "--mode", mode, "--disable-hot-restart", "--concurrency", &concurrency];
    // The access log is written within 20 ms, not 10 s.
    let logs = ["--log-level", &setup.log_level, "--file-flush-interval-msec", "20"];
    let file = setup.log_file.iter().flat_map(|path| ["--log-path", path.as_str()]);
    flags.into_iter().chain(logs).chain(file).map(str::to_owned).collect()
}

fn discovery(counter: &str) -> String {
    format!("extension_config_discovery.http_filter.mtls_policy.{counter}")
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn bound_port(listening: &Value, name: &str) -> Option<u16> {
    let statuses = listening["listener_statuses"].as_array()?;
    let status = statuses.iter().find(|status| status["name"] == name)?;
    u16::try_from(status["local_address"]["socket_address"]["port_value"].as_u64()?).ok()
}

/// The log of an Envoy that has ended: its last lines may still be on their way.
async fn settled(output: &Output) -> String {
    let mut log = output.log();
    for _ in 0..20 {
        tokio::time::sleep(POLL * 10).await;
        let now = output.log();
        if now.len() == log.len() && !now.is_empty() {
            break;
        }
        log = now;
    }
    output.readable_log()
}
