//! Runs other programs with a time limit, and tasks on a runtime that outlives every test.

use std::process::{Output, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use tokio::runtime::Runtime;

/// Containers and their logs live here: a test's own runtime ends with the test and may have one thread only.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("envoy-harness")
        .enable_all()
        .build()
        .expect("a runtime")
});

/// Runs a future to its end on the harness's own runtime, from inside or outside of any other.
pub fn on_runtime<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    RUNTIME.spawn(async move {
        let _ = sender.send(future.await);
    });
    receiver.recv().expect("a task of the harness panicked")
}

/// Starts a task on the harness's own runtime.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    RUNTIME.spawn(future)
}

/// Runs a program and returns what it printed on stdout, or a sentence that says why not.
pub fn run(limit: Duration, program: &str, arguments: &[&str]) -> Result<String, String> {
    let said = format!("`{program} {}`", arguments.join(" "));
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = on_runtime(async move { tokio::time::timeout(limit, command.output()).await });
    let Output { status, stdout, stderr } = output
        .map_err(|_| format!("{said} did not end within {} s", limit.as_secs()))?
        .map_err(|error| format!("{said} did not start: {error}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    let last: Vec<&str> = stderr.lines().rev().take(5).collect();
    Err(format!("{said} failed ({status}): {}", last.into_iter().rev().collect::<Vec<_>>().join(" | ")))
}
