//! Where things lie: the repository, the target directory, and the lock that test processes share.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};
use std::time::Duration;

use super::command::run;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target directory, found from this executable: cargo marks it with `CACHEDIR.TAG`.
pub fn target() -> &'static Path {
    static TARGET: LazyLock<PathBuf> = LazyLock::new(|| {
        let executable = std::env::current_exe().expect("the path of this executable");
        executable
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").exists())
            .map_or_else(|| root().join("target"), Path::to_path_buf)
    });
    &TARGET
}

/// A lock between test processes, held until dropped. `name` says what is guarded.
pub fn lock(name: &str) -> File {
    let folder = target().join("envoy");
    fs::create_dir_all(&folder).expect("the folder for locks");
    let file = File::create(folder.join(format!("{name}.lock"))).expect("the lock file");
    file.lock().expect("a file lock");
    file
}

/// A new folder for one Envoy, removed when dropped. Everyone may read it, since an image may run as another user.
pub fn run_folder() -> tempfile::TempDir {
    static SWEEP: Once = Once::new();
    let parent = target().join("envoy/run");
    fs::create_dir_all(&parent).expect("the folder for runs");
    SWEEP.call_once(|| sweep(&parent));
    let prefix = format!("{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).expect("a folder for a run");
    open_to_all(folder.path(), 0o755);
    folder
}

/// Removes what processes left that were killed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        if name.to_str().and_then(|name| name.split_once('-')).is_some_and(|(owner, _)| !alive(owner)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a process of this number runs, whoever owns it.
pub fn alive(process: &str) -> bool {
    if Path::new("/proc/self").exists() {
        return Path::new("/proc").join(process).exists();
    }
    run(Duration::from_secs(10), "sh", &["-c", "kill -0 \"$0\"", process]).is_ok()
}

/// Writes a file that everyone may read.
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path, content).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
    open_to_all(path, 0o644);
}

/// Sets permissions, whatever the umask.
pub fn open_to_all(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}
