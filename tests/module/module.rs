//! The module that is shipped, as `make module` builds it.

use std::fs;
use std::path::{Path, PathBuf};

/// Its octets: of the file that `MTLS_POLICY_WASM` names, or else of the one in cargo's target directory.
pub(crate) fn shipped() -> Vec<u8> {
    read(&path())
}

/// What rustc has made, from which the shipped one is made: of the target directory that this lies in.
pub(crate) fn named() -> Vec<u8> {
    read(&path().with_file_name("wasm32-wasip1").join("release/mtls_policy.wasm"))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("`{}`: {error}; run `make module`", path.display()))
}

fn path() -> PathBuf {
    std::env::var_os("MTLS_POLICY_WASM").map_or_else(built, PathBuf::from)
}

/// In the target directory that this executable lies in, which cargo marks with `CACHEDIR.TAG`, or else in this tree's.
fn built() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of this executable");
    let mut folders = executable.ancestors();
    let target = folders.find(|folder| folder.join("CACHEDIR.TAG").exists());
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    target.unwrap_or(&own).join("mtls_policy.wasm")
}
