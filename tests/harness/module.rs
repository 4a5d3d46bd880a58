//! The filter module, built from this tree when it is missing or older than its sources, and a filter that traps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use super::workspace::{lock, root, target};

/// `MTLS_POLICY_WASM`, or the release module of this tree.
pub fn module() -> &'static Path {
    static MODULE: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("MTLS_POLICY_WASM") {
        Some(path) => PathBuf::from(path),
        None => built(),
    });
    &MODULE
}

/// A filter that traps on bytes that are no text (`tests/trapping/filter.rs`), to show that a trap does not go unseen.
///
/// It has a target directory of its own, so that nothing of it can be taken for the filter.
pub fn trapping_module() -> PathBuf {
    let folder = target().join("trapping");
    let _lock = lock("trapping");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--example",
            "trapping_filter",
            "--target",
            "wasm32-wasip1",
            "--target-dir",
        ])
        .arg(&folder)
        .current_dir(root())
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the trapping filter does not build");
    folder.join("wasm32-wasip1/debug/examples/trapping_filter.wasm")
}

fn built() -> PathBuf {
    let module = target().join("mtls_policy.wasm");
    let _lock = lock("module");
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let manifests = ["Cargo.toml", "Cargo.lock"].map(|name| modified(&root().join(name)));
    let sources = newest(&root().join("src")).into_iter().chain(manifests.into_iter().flatten()).max();
    if modified(&module).is_some_and(|module| sources.is_some_and(|sources| module >= sources)) {
        return module;
    }
    let status = Command::new("make")
        .args(["--silent", "module"])
        .env("CARGO_TARGET_DIR", target())
        .current_dir(root())
        .status()
        .expect("make starts");
    assert!(status.success(), "the filter module does not build: run `make module`");
    module
}

fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?;
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            if entry.file_type().ok()?.is_dir() {
                newest(&entry.path())
            } else {
                entry.metadata().ok()?.modified().ok()
            }
        })
        .max()
}
