//! The command `mtlsctl`, as people and scripts call it.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where what it stands on does not hold"
)]

mod chains;
mod check;
mod conformance;
mod crl;
mod crl_check;
mod demands;
mod envoy;
mod expectations;
mod explain;
mod inspect;
#[path = "../mint/mod.rs"]
mod mint;
mod mistakes;
mod ocsp;
#[path = "../schema/places.rs"]
mod places;
mod policy_tests;
mod records;
mod replay;
mod report;
mod revocation;
#[path = "../schema/mod.rs"]
mod schema;
mod schemas;
mod usage;
mod verify;
mod vouched;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use tempfile::TempDir;

fn mtlsctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtlsctl"));
    // What a developer's shell or a CI sets must not matter.
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CI", "TERM"] {
        command.env_remove(variable);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    mtlsctl().args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn run_on_stdin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = mtlsctl()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Both at once: a command that answers line by line waits until its answers are read. It may end before it has read
    // all.
    thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Files of these names and contents.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}
