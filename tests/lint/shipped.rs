//! What we ship: nothing is found in it that its author has not spoken about.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mtls_policy::lint;
use mtls_policy::policy::Lint;

use crate::now;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn assert_clean(name: &str, document: &str) {
    let (_, findings) = lint::check(document.as_bytes(), &BTreeSet::new(), now()).unwrap();
    let messages: Vec<&str> = findings.iter().map(lint::Finding::message).collect();
    assert!(messages.is_empty(), "{name}: {messages:#?}");
}

fn policies(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_policy = path.extension().is_some_and(|extension| extension == "json")
            && fs::read_to_string(&path).unwrap().contains("\"verified_by\"");
        if path.is_dir() {
            policies(&path, found);
        } else if is_policy {
            found.push(path);
        }
    }
}

#[test]
fn the_example_policies_are_clean() {
    let mut found = Vec::new();
    policies(&root().join("policies"), &mut found);
    assert!(found.len() >= 4, "{found:?}");
    for path in found {
        assert_clean(&path.display().to_string(), &fs::read_to_string(&path).unwrap());
    }
}

#[test]
fn the_policies_in_the_documentation_are_clean() {
    let mut count = 0;
    for file in ["README.md", "src/policy/README.md"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for block in text.split("```json\n").skip(1) {
            let document = block.split("```").next().unwrap();
            if document.contains("\"version\"") {
                assert_clean(file, document);
                count += 1;
            }
        }
    }
    assert!(count >= 1);
}

#[test]
fn every_lint_is_in_the_documentation() {
    let text = fs::read_to_string(root().join("src/policy/README.md")).unwrap();
    for id in Lint::IDS {
        assert!(text.contains(&format!("\n| `{id}` | ")), "{id}");
    }
}
