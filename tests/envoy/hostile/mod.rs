//! Requests and certificates that are malformed get what they deserve, are recorded, and stop nothing: after each of
//! them a good request succeeds and there is no trace of a trap.

mod certificates;
mod chains;
mod headers;
mod hosts;
mod http2;
mod kinds;
mod names;
mod paths;
mod records;
mod targets;
mod traps;
mod xfcc;

use std::cell::Cell;
use std::time::Duration;

use crate::harness::{Client, Envoy, Listener, Pki, RawReply, Setup};
use serde_json::{Value, json};

const HOST: &str = "pay.acme.example";
const GOOD: &str = "https://pay.acme.example/good";
const BILLING: &str = "spiffe://acme.example/ns/prod/sa/billing";

/// More than any record of a decision takes, in bytes: every text in it is cut.
const MAX_RECORD_BYTES: usize = 16 * 1024;

/// The good request, one protected path, and the rest open.
fn policy() -> Value {
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "routes": [
            {
                "name": "good",
                "match": { "path": "/good" },
                "client_certificate": "required",
                "allow": { "spiffe_id": BILLING },
            },
            {
                "name": "admin",
                "match": { "path": { "prefix": "/admin" } },
                "client_certificate": "required",
                "allow": { "spiffe_id": BILLING },
            },
            { "name": "open", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" },
        ],
    })
}

/// An Envoy that is attacked.
struct Target {
    envoy: Envoy,
    pki: Pki,
    good: Client,
    log_read: Cell<usize>,
}

impl Target {
    /// Envoy with one worker, so that the good request meets the VM that the hostile one met.
    async fn start(change: impl FnOnce(Setup) -> Setup) -> Target {
        let pki = Pki::new();
        let envoy = Envoy::start(change(Setup::new(&pki).policy(policy())).workers(1)).await;
        let billing = pki.ca.leaf("billing").spiffe(BILLING).mint();
        let good = envoy.client().presents(&billing);
        Target { envoy, pki, good, log_read: Cell::new(0) }
    }

    /// As `start`, with a listener that leaves paths as they came.
    async fn start_with_paths_untouched() -> Target {
        Target::start(|setup| setup.listener(Listener::tls("https").paths_untouched())).await
    }

    /// Waits for a hostile request, and checks that the filter still stands. Returns what came of it, and its record
    /// if it met the filter.
    async fn strike<T>(&self, what: &str, attack: impl Future<Output = T>) -> (T, Option<Value>) {
        let known = self.envoy.audit_records().len();
        let came = attack.await;
        let good = self.good.get(GOOD).await;
        assert_eq!(good.status, 200, "the good request after {what}: {good:?}");
        let is_good = |record: &Value| record["route"] == "good" && record["decision"] == "permit";
        let records = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                let new: Vec<Value> = self.envoy.audit_records().into_iter().skip(known).collect();
                if let Some(end) = new.iter().position(is_good) {
                    break new[..end].to_vec();
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no record of the good request after {what}"));
        assert!(records.len() <= 1, "{what} left several records: {records:?}");
        let evidence = self.envoy.trap_evidence().await;
        assert!(evidence.is_empty(), "{what} stopped the filter: {evidence:#?}");
        self.check_new_lines(what);
        (came, records.into_iter().next())
    }

    /// Sends a request as bytes without a certificate; returns in a word what came of it.
    async fn strike_raw(&self, what: &str, request: &[u8]) -> String {
        let client = self.envoy.client();
        let (reply, record) = self.strike(what, client.raw(HOST, request)).await;
        let reply = reply.ok().filter(|reply| reply.status.is_some());
        if let (Some(reply), Some(record)) = (&reply, &record) {
            check_reply(what, reply, record);
        }
        verdict(reply.and_then(|reply| reply.status), record.as_ref())
    }

    /// Sends requests one after another and compares what came of each; tells of every difference.
    async fn strike_each<'a>(&self, cases: impl IntoIterator<Item = (&'a [u8], &'a str)>) {
        let mut wrong = Vec::new();
        for (request, expected) in cases {
            let what: String = request.escape_ascii().to_string().chars().take(200).collect();
            let found = self.strike_raw(&what, request).await;
            if found != expected {
                wrong.push(format!("{what}: {found}, expected {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Records are lines of bounded length, in ASCII, whatever is in them.
    fn check_new_lines(&self, what: &str) {
        let log = self.envoy.log();
        let new = &log[self.log_read.replace(log.len())..];
        for line in new.lines().filter(|line| line.contains("mtls-policy.audit/1")) {
            assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{what}: {line}");
            assert!(line.len() <= MAX_RECORD_BYTES, "{what} left a record of {} bytes", line.len());
            let record = line.find('{').map(|start| serde_json::from_str::<Value>(&line[start..]));
            assert!(matches!(record, Some(Ok(_))), "{what} left no whole record: {line}");
        }
    }
}

/// A denied client learns the decision's id and nothing else.
fn check_reply(what: &str, reply: &RawReply, record: &Value) {
    let body = String::from_utf8_lossy(&reply.body);
    if record["decision"] == "deny" {
        let id = record["id"].as_str().unwrap();
        assert_eq!(reply.header("x-mtls-decision-id"), Some(id), "{what}");
        let grpc = reply.header("grpc-status").is_some();
        assert!(grpc || body == format!("access denied\ndecision id: {id}\n"), "{what}: {body}");
    } else {
        assert_eq!(reply.header("x-mtls-decision-id"), None, "{what}");
    }
}

/// `permit ROUTE STATUS` and `REASON STATUS` are the filter's; `envoy STATUS` and `no answer` came without a decision.
fn verdict(status: Option<u16>, record: Option<&Value>) -> String {
    let said = match record {
        Some(record) if record["decision"] == "permit" => {
            format!("permit {}", record["route"].as_str().unwrap())
        }
        Some(record) => record["reason"].as_str().unwrap().to_owned(),
        None if status.is_none() => return "no answer".to_owned(),
        None => "envoy".to_owned(),
    };
    match status {
        Some(status) => format!("{said} {status}"),
        None => format!("{said}, no answer"),
    }
}

/// A request to `/open` with one more line in its head.
fn with_line(line: &[u8]) -> Vec<u8> {
    [b"GET /open HTTP/1.1\r\nhost: pay.acme.example\r\n", line, b"\r\n\r\n"].concat()
}
