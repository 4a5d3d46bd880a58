//! A real Prometheus, as a process, and `promtool`: from `PATH`, or where `make prometheus` has put them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client;
use super::command::run;
use super::process::SUPERVISOR;
use super::workspace::{root, run_folder, target};

const START_LIMIT: Duration = Duration::from_secs(30);
const RUN_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Runs `promtool` in the folder of the shipped rules.
pub fn promtool(arguments: &[&str]) -> Result<String, String> {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| match argument.ends_with(".yaml") {
            true => root().join("envoy/observability").join(argument).display().to_string(),
            false => (*argument).to_owned(),
        })
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(RUN_LIMIT, &program("promtool"), &arguments)
}

/// A Prometheus that scrapes one Envoy; it ends when this is dropped.
pub struct Prometheus {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it with these rules. It scrapes the admin interface at `envoy` twice a second, and evaluates as often.
    pub fn start(envoy: SocketAddr, rules: &Value) -> Prometheus {
        let folder = run_folder();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let configuration = json!({
            "global": { "scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms" },
            "rule_files": [file("rules.json")],
            "scrape_configs": [{
                "job_name": "envoy",
                "metrics_path": "/stats/prometheus",
                "static_configs": [{ "targets": [envoy.to_string()] }],
            }],
        });
        // JSON is YAML.
        fs::write(file("rules.json"), rules.to_string()).unwrap();
        fs::write(file("prometheus.yml"), configuration.to_string()).unwrap();
        let mut process = Command::new("sh")
            .args([
                "-c",
                SUPERVISOR,
                "prometheus",
                &program("prometheus"),
                "--web.listen-address=127.0.0.1:0",
            ])
            .arg(format!("--config.file={}", file("prometheus.yml")))
            .arg(format!("--storage.tsdb.path={}", file("data")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let stderr = process.stderr.take().expect("its log");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            let (mut line, mut log) = (String::new(), String::new());
            let mut address = None;
            // `msg="Listening on" address=127.0.0.1:33923`, then `msg="Server is ready to receive web requests."`
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line.contains("\"Listening on\"") {
                    address = line.split("address=").nth(1).and_then(|rest| rest.trim().parse().ok());
                }
                log.push_str(&line);
                if line.contains("Server is ready") {
                    break;
                }
                line.clear();
            }
            let _ = sender.send(address.ok_or(log));
            let _ = lines.read_to_end(&mut Vec::new());
        });
        let address = receiver.recv_timeout(START_LIMIT).expect("Prometheus is ready in time");
        let address = address.unwrap_or_else(|log| panic!("Prometheus did not start:\n{log}"));
        Prometheus { process, address, _folder: folder }
    }

    /// What its API answers to a path.
    pub async fn api(&self, path: &str) -> Value {
        let path = format!("/api/v1/{path}");
        let reply = client::fetch(self.address, &path).await.unwrap_or_else(|why| panic!("`{path}`: {why}"));
        let answer: Value = serde_json::from_slice(&reply.body).expect("an answer as JSON");
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }

    /// Waits until its API answers a path as wanted; panics after that time.
    pub async fn wait_for<T>(&self, path: &str, limit: Duration, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + limit;
        loop {
            let answer = self.api(path).await;
            if let Some(found) = wanted(&answer) {
                return found;
            }
            assert!(Instant::now() < deadline, "`{path}` stays at {answer:#}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The labels of every alert that fires.
    pub async fn firing(&self) -> Vec<Value> {
        let alerts = self.api("alerts").await;
        let alerts = alerts["alerts"].as_array().unwrap();
        alerts
            .iter()
            .filter(|alert| alert["state"] == "firing")
            .map(|alert| alert["labels"].clone())
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn program(name: &str) -> String {
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    let fetched: PathBuf = target().join("tools/prometheus/usr/bin").join(name);
    match (on_path, fetched.is_file()) {
        (true, _) => name.to_owned(),
        (false, true) => Path::display(&fetched).to_string(),
        (false, false) => panic!("there is no `{name}`: install Prometheus, or run `make prometheus`"),
    }
}
