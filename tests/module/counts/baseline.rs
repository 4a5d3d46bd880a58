//! What was committed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::host::Used;

/// More than this part of a count is worth a word.
const TOLERANCE: f64 = 0.05;

/// Set to rewrite what was committed.
const ACCEPT: &str = "MTLS_POLICY_COUNTS";

/// Holds what situations use against what was committed, or commits it.
pub(super) fn hold(used: Vec<(String, Used)>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/module/counts.json");
    let now: Vec<(String, BTreeMap<String, u64>)> =
        used.iter().map(|(name, used)| (name.clone(), counts(used))).collect();
    if std::env::var(ACCEPT).is_ok_and(|word| word == "accept") {
        return write(&file, &now);
    }
    let committed = read(&file);
    let (mut worse, mut better, mut table) = (0, 0, String::new());
    for (name, counts) in &now {
        let before = committed.get(name).cloned().unwrap_or_default();
        let kinds: Vec<&String> =
            counts.keys().chain(before.keys().filter(|kind| !counts.contains_key(*kind))).collect();
        for kind in kinds {
            let (before, now) = (before.get(kind).copied(), counts.get(kind).copied().unwrap_or_default());
            let change = match before {
                Some(before) => (now as f64 - before as f64) / before as f64,
                None => f64::INFINITY,
            };
            if change.abs() > TOLERANCE {
                let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
                let _ = writeln!(
                    table,
                    "{name:<50} {kind:<30} {before:>12} {now:>12} {:>+8.1} %",
                    100.0 * change
                );
                if change > 0.0 { worse += 1 } else { better += 1 }
            }
        }
    }
    let gone = committed.keys().filter(|name| now.iter().all(|(known, _)| known != *name)).count();
    let head =
        format!("{:<50} {:<30} {:>12} {:>12} {:>10}\n", "situation", "count", "committed", "now", "change");
    assert!(
        worse == 0 && gone == 0,
        "{head}{table}{worse} counts have grown by more than {:.0} %, {gone} situations are gone. \
         Where that is meant, `make counts` commits them.",
        100.0 * TOLERANCE
    );
    if better > 0 {
        println!(
            "{head}{table}{better} counts are better than what was committed: please commit them, by `make counts`"
        );
    }
}

/// What is counted of a situation, by name.
fn counts(used: &Used) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::from([
        ("instructions".to_owned(), used.instructions),
        ("allocations".to_owned(), used.allocations),
    ]);
    for call in &used.calls {
        *counts.entry(format!("calls of {call}")).or_default() += 1;
    }
    counts
}

fn read(file: &PathBuf) -> BTreeMap<String, BTreeMap<String, u64>> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("`{}`: {error}", file.display()));
    serde_json::from_str(&text).expect("counts by situation")
}

/// One line for each situation, so that changes can be read.
fn write(file: &PathBuf, counts: &[(String, BTreeMap<String, u64>)]) {
    let lines: Vec<String> = counts
        .iter()
        .map(|(name, counts)| {
            let counts: Map<String, Value> =
                counts.iter().map(|(kind, count)| (kind.clone(), json!(count))).collect();
            format!("  {}: {}", json!(name), Value::Object(counts))
        })
        .collect();
    fs::write(file, format!("{{\n{}\n}}\n", lines.join(",\n"))).expect("a file that can be written");
}
