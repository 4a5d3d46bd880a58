//! What the filter costs, beside what else one could do: real Envoys side by side, in turns (`make bench`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a step that fails ends the benchmark, and the clock is the real one"
)]

mod calls;
mod contestants;
mod figures;
mod fleet;
#[path = "../../tests/harness/mod.rs"]
mod harness;
mod load;
mod process;
mod race;
mod report;
mod rules;

use contestants::{Contestant, Field};
use harness::{Answer, Envoy, Pki, Server};
use race::Size;
use report::Report;
use time::{Duration, OffsetDateTime};

const HOUR: Duration = Duration::HOUR;
/// A load average with which nothing can be measured.
const BUSY: f64 = 0.5;

#[tokio::main]
async fn main() {
    // The harness panics where a test would fail; a person wants the sentence only.
    std::panic::set_hook(Box::new(|panic| {
        anstream::eprintln!("bench: {}", panic.payload_as_str().unwrap_or("it went wrong"));
    }));
    let busy = report::load_average();
    if busy > BUSY {
        anstream::eprintln!("the load average of this machine is {busy}: what follows tells little");
    }
    let size = Size {
        rounds: from_environment("ROUNDS", 9) as usize,
        requests: from_environment("REQUESTS", 20_000),
        single: from_environment("SINGLE_REQUESTS", 4_000),
    };
    let folder = harness::target().join("bench");
    let pki = Pki::new();
    let files = tempfile::tempdir().expect("a folder for keys");
    let lists = Server::start();
    let now = OffsetDateTime::now_utc();
    let list = pki.ca.crl().this_update(now - HOUR).next_update(now + HOUR * 24).numbered(1_000_000);
    lists.answer("/large.crl", Answer::body(list.der()));
    let service = Envoy::start(contestants::agreeing(&pki)).await;
    let field =
        Field { pki: &pki, filters: folder.clone(), lists: lists.port(), service: service.address().port() };
    let contestants = chosen(field.all());
    let calls = calls::of(&contestants).await;
    let beside = |name: &str| (name == "ext_authz").then(|| service.process());
    let figures = race::run(&contestants, &pki, files.path(), size, beside).await;
    let report = Report::new(&contestants, &figures, &calls, size, busy);
    let tables = report.write(&folder);
    anstream::println!("\n{tables}");
    if from_environment("PUBLISH", 0) == 1 {
        report.publish(harness::root());
    }
    anstream::eprintln!("more in {}", folder.display());
}

/// Those that `ONLY` names, apart by commas, and those that they are held against; all of them if it names none.
fn chosen(all: Vec<Contestant>) -> Vec<Contestant> {
    let only = std::env::var("ONLY").unwrap_or_default();
    if only.is_empty() {
        return all;
    }
    let mut wanted: Vec<&str> = only.split(',').collect();
    if let Some(unknown) = wanted.iter().find(|name| all.iter().all(|known| known.name != **name)) {
        panic!(
            "`ONLY` names `{unknown}`, and there are {}",
            all.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
        );
    }
    let over: Vec<&str> =
        all.iter().filter(|known| wanted.contains(&known.name)).filter_map(|known| known.over).collect();
    wanted.extend(over);
    all.into_iter().filter(|contestant| wanted.contains(&contestant.name)).collect()
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => {
            text.parse().unwrap_or_else(|_| panic!("`{name}` is no number: `{text}`"))
        }
        _ => otherwise,
    }
}
