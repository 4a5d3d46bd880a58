//! A collector of OTLP logs, which takes nothing that OTLP's JSON is not.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Answer, Received, Server};

pub(super) const PATH: &str = "/v1/logs";
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A collector, and what it has taken.
pub(super) struct Collector {
    pub(super) server: Server,
    taken: Arc<Mutex<Vec<Received>>>,
}

/// One log record as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) resource: HashMap<String, String>,
    pub(super) attributes: HashMap<String, String>,
    pub(super) record: LogRecord,
    /// The audit record in it.
    pub(super) audit: Value,
}

impl Log {
    /// The VM and the number of the record in that VM.
    pub(super) fn number(&self) -> (String, u64) {
        (self.audit["vm"].as_str().unwrap().to_owned(), self.audit["sequence"].as_u64().unwrap())
    }
}

impl Collector {
    /// Starts it. It takes everything.
    pub(super) fn start() -> Collector {
        Collector::of(Server::start())
    }

    /// Starts it where another one was.
    pub(super) fn start_on(port: u16) -> Collector {
        Collector::of(Server::start_on(port))
    }

    fn of(server: Server) -> Collector {
        let collector = Collector { server, taken: Arc::default() };
        collector.take();
        collector
    }

    /// From now on takes everything.
    pub(super) fn take(&self) {
        self.take_and(|| Answer::body("{}"));
    }

    /// From now on takes everything, and answers so.
    pub(super) fn take_and(&self, answer: impl Fn() -> Answer + Send + Sync + 'static) {
        let taken = Arc::clone(&self.taken);
        let take = move |request: &Received| {
            taken.lock().unwrap().push(request.clone());
            answer()
        };
        self.server.answer(PATH, Answer::made(take));
    }

    /// From now on takes nothing, and answers so.
    pub(super) fn answer(&self, answer: Answer) {
        self.server.answer(PATH, answer);
    }

    /// The requests with what it has taken.
    pub(super) fn requests(&self) -> Vec<Received> {
        self.taken.lock().unwrap().clone()
    }

    /// What it has taken.
    pub(super) fn logs(&self) -> Vec<Log> {
        self.requests().iter().flat_map(|request| logs(&request.body)).collect()
    }

    /// Waits until it has taken so many records.
    pub(super) async fn wait_for(&self, number: usize) -> Vec<Log> {
        let deadline = Instant::now() + WAIT_LIMIT;
        loop {
            let logs = self.logs();
            if logs.len() >= number {
                return logs;
            }
            assert!(Instant::now() < deadline, "{} of {number} records came", logs.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Asserts that none came twice.
pub(super) fn assert_each_once(logs: &[Log]) {
    let distinct: HashSet<(String, u64)> = logs.iter().map(Log::number).collect();
    assert_eq!(distinct.len(), logs.len(), "some came twice");
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExportLogsServiceRequest {
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResourceLogs {
    resource: Resource,
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Resource {
    attributes: Vec<KeyValue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScopeLogs {
    scope: Scope,
    log_records: Vec<LogRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Scope {
    name: String,
    version: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LogRecord {
    pub(super) time_unix_nano: String,
    pub(super) observed_time_unix_nano: String,
    pub(super) severity_number: u32,
    pub(super) severity_text: String,
    pub(super) event_name: String,
    pub(super) body: AnyValue,
    attributes: Vec<KeyValue>,
    pub(super) trace_id: Option<String>,
    pub(super) span_id: Option<String>,
    pub(super) flags: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct KeyValue {
    key: String,
    value: AnyValue,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AnyValue {
    pub(super) string_value: String,
}

fn attributes(attributes: &[KeyValue]) -> HashMap<String, String> {
    let map: HashMap<String, String> =
        attributes.iter().map(|pair| (pair.key.clone(), pair.value.string_value.clone())).collect();
    assert_eq!(map.len(), attributes.len(), "a key stands twice: {attributes:?}");
    map
}

/// The records in a request.
pub(super) fn logs(body: &[u8]) -> Vec<Log> {
    let request: ExportLogsServiceRequest =
        serde_json::from_slice(body).unwrap_or_else(|why| panic!("{why}: {}", body.escape_ascii()));
    let mut logs = Vec::new();
    for resource_logs in request.resource_logs {
        for scope_logs in resource_logs.scope_logs {
            assert_eq!(scope_logs.scope.name, "mtls-policy.audit");
            assert!(!scope_logs.scope.version.is_empty());
            for record in scope_logs.log_records {
                let _: u64 = record.time_unix_nano.parse().expect("nanoseconds");
                let resource = attributes(&resource_logs.resource.attributes);
                let attributes = attributes(&record.attributes);
                let audit = serde_json::from_str(&record.body.string_value).expect("a record");
                logs.push(Log { resource, attributes, record, audit });
            }
        }
    }
    logs
}
