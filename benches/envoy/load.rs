//! Requests by `oha`, and what it says of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::rules::HOST;

/// How requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub(crate) const ALL: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
        }
    }

    /// Eight requests at a time: eight connections, or two with four streams each.
    fn crowd(self) -> &'static [&'static str] {
        match self {
            Protocol::Http1 => &["-c", "8"],
            Protocol::Http2 => &["--http2", "-c", "2", "-p", "4"],
        }
    }

    /// One request at a time.
    fn single(self) -> &'static [&'static str] {
        match self {
            Protocol::Http1 => &["-c", "1"],
            Protocol::Http2 => &["--http2", "-c", "1", "-p", "1"],
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Many requests at a time, which Envoy answers.
    Crowd,
    /// One at a time, which Envoy answers.
    Single,
    /// One at a time, which a service behind Envoy answers.
    Through,
}

/// The header of requests that a service behind Envoy answers.
pub(crate) const THROUGH: &str = "x-through";

/// Who asks whom for what.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    /// Files of the client's certificate, its key, and the CA of the server; none for plaintext.
    pub(crate) tls: Option<[PathBuf; 3]>,
    pub(crate) status: u16,
}

/// How long requests took, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    latency_percentiles: BTreeMap<String, f64>,
    status_code_distribution: BTreeMap<String, u64>,
    error_distribution: BTreeMap<String, u64>,
}

/// Sends so many requests, and sees that each is answered as it must be.
pub(crate) fn send(target: &Target, protocol: Protocol, kind: Kind, requests: u64) -> Latency {
    let (scheme, port) = if target.tls.is_some() { ("https", 443) } else { ("http", 80) };
    let oha = std::env::var_os("OHA").expect("`OHA` names the load generator, as `make bench` has it");
    let mut command = Command::new(oha);
    command.args(["--no-tui", "--no-pre-lookup", "--worker-threads", "1", "--output-format", "json"]);
    command.args(match kind {
        Kind::Crowd => protocol.crowd(),
        Kind::Single | Kind::Through => protocol.single(),
    });
    if kind == Kind::Through {
        command.args(["-H", &format!("{THROUGH}: 1")]);
    }
    command.args(["-n", &requests.to_string()]);
    // The one name goes to the one address: no resolver is asked.
    command
        .args(["--connect-to", &format!("{HOST}:{port}:{}:{}", target.address.ip(), target.address.port())]);
    for (flag, file) in ["--cert", "--key", "--cacert"].iter().zip(target.tls.iter().flatten()) {
        command.arg(flag).arg(file);
    }
    let output = command.arg(format!("{scheme}://{HOST}{}", target.path)).output().expect("`oha` runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`oha` ended with {}: {complaint}", output.status);
    let said: Said = serde_json::from_slice(&output.stdout).expect("JSON of `oha`");
    let expected = BTreeMap::from([(target.status.to_string(), requests)]);
    assert_eq!(said.status_code_distribution, expected, "{:?}", said.error_distribution);
    // In seconds.
    let at = |percentile: &str| said.latency_percentiles[percentile] * 1e6;
    Latency { p50: at("p50"), p99: at("p99") }
}
