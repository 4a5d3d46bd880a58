//! What people read who made a typical mistake: each policy in `mistakes/` beside what `mtlsctl check --deny-warnings` says of it.
//!
//! `UPDATE_SNAPSHOTS=1` writes what it says now; read the difference before it is committed.

use std::fs;
use std::path::Path;

use crate::{mtlsctl, stdout};

#[test]
fn typical_mistakes_are_told_in_words_that_help() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mtlsctl/mistakes");
    let mut policies: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    policies.sort();
    assert!(policies.len() >= 20, "{policies:?}");
    let mut different = Vec::new();
    for policy in policies {
        let output =
            mtlsctl().current_dir(&folder).args(["check", "--deny-warnings", &policy]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{policy} is a mistake");
        let said = stdout(&output);
        let snapshot = folder.join(policy.replace(".json", ".txt"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&snapshot, said).unwrap();
        } else if fs::read_to_string(&snapshot).unwrap_or_default() != said {
            different.push(format!("{policy}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "not what the snapshots say:\n{}", different.join("\n"));
}
