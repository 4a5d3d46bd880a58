//! How it grows, on real Envoys: with routes, identities, revoked certificates, certificates in use, and workers (`make bench-scale`).
//!
//! Names of curves as arguments choose some of them; without any, all are drawn. Everything happens on this machine: what sends requests
//! takes its share of the processors.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    dead_code,
    reason = "a step that fails ends the benchmark, the clock is the real one, and parts are shared with another benchmark"
)]

mod certificates;
mod chart;
mod curve;
#[path = "../envoy/figures.rs"]
mod figures;
#[path = "../../tests/harness/mod.rs"]
mod harness;
mod lists;
#[path = "../envoy/load.rs"]
mod load;
mod policies;
#[path = "../envoy/process.rs"]
mod process;
mod publisher;
#[path = "../envoy/rules.rs"]
mod rules;
mod subject;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;

use curve::Curve;

/// Names of curves, in the order in which they are drawn: first the one of this process's own memory, while it holds nothing else.
const CURVES: [&str; 6] = ["engine", "routes", "identities", "lists", "certificates", "workers"];

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// How often each Envoy is started.
    pub(crate) starts: usize,
    /// How often each is asked.
    pub(crate) rounds: usize,
    /// With so many requests each time.
    pub(crate) requests: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !CURVES.contains(&name.as_str())) {
        eprintln!("there is no curve `{unknown}`; there are {}", CURVES.join(", "));
        return ExitCode::FAILURE;
    }
    let number = |name: &str, usual: usize| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .filter(|number| *number > 0)
            .unwrap_or(usual)
    };
    let size = Size {
        starts: number("STARTS", 3),
        rounds: number("ROUNDS", 5),
        requests: number("REQUESTS", 4_000) as u64,
    };
    let folder = harness::target().join("bench/scale");
    std::fs::create_dir_all(&folder).expect("the folder for results");
    for name in
        CURVES.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name))
    {
        eprintln!("{name}");
        let curve = match name {
            "routes" => policies::routes(size).await,
            "identities" => policies::identities(size).await,
            "lists" => lists::curve(size).await,
            "certificates" => certificates::on_envoy(size).await,
            "engine" => certificates::in_engine(),
            "workers" => workers::curve(size).await,
            other => panic!("`{other}` is not drawn"),
        };
        println!("{}", tell(&curve, folder.join(name)));
    }
    ExitCode::SUCCESS
}

/// Writes JSON and chart; answers the table.
fn tell(curve: &Curve, file: PathBuf) -> String {
    let json = serde_json::to_string_pretty(curve).expect("JSON");
    std::fs::write(file.with_extension("json"), json).expect("a file for JSON");
    std::fs::write(file.with_extension("svg"), chart::svg(curve)).expect("a file for the chart");
    let written = file.with_extension("{json,svg}");
    format!("{}\n{}\n", curve.table(), written.display())
}
