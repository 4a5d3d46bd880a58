//! Envoy as a plain process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::output::Output;
use super::runner::Running;

/// Ends a program when its own standard input ends, so that it does not outlive us however we end. Signals to our whole
/// group, as a terminal sends them, must not end it before that.
pub(super) const SUPERVISOR: &str = r#"
trap '' HUP INT QUIT TERM
exec 3<&0
"$@" </dev/null 3<&- &
envoy=$!
{ read -r _; kill -9 "$envoy"; } <&3 &
watch=$!
exec 3<&-
wait "$envoy"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// The supervisor, with Envoy below it.
pub struct Process {
    supervisor: Child,
    admin_address: PathBuf,
    /// As `/proc` names it.
    binary: PathBuf,
}

/// Starts Envoy.
pub fn launch(
    binary: &Path,
    arguments: &[String],
    folder: &Path,
    output: &Output,
) -> Result<Process, String> {
    let admin_address = folder.join("admin");
    let mut supervisor = Command::new("sh")
        .args(["-c", SUPERVISOR, "envoy"])
        .arg(binary)
        .args(arguments)
        .arg("--admin-address-path")
        .arg(&admin_address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{}`: {error}", binary.display()))?;
    if let (Some(stdout), Some(stderr)) = (supervisor.stdout.take(), supervisor.stderr.take()) {
        output.follow(stdout, stderr);
    }
    let binary = binary.canonicalize().unwrap_or_else(|_| binary.to_owned());
    Ok(Process { supervisor, admin_address, binary })
}

impl Running for Process {
    fn exit_status(&mut self) -> Option<i64> {
        let status = self.supervisor.try_wait().ok()??;
        Some(status.code().map_or(-1, i64::from))
    }

    fn reachable(&mut self, port: u16) -> Option<u16> {
        Some(port)
    }

    fn admin(&mut self) -> Option<u16> {
        let address = std::fs::read_to_string(&self.admin_address).ok()?;
        address.trim().rsplit_once(':')?.1.parse().ok()
    }

    fn process(&self) -> Option<u32> {
        let supervisor = self.supervisor.id();
        let children =
            std::fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
        // The other child is what watches the supervisor's standard input.
        let is_envoy = |child: &&str| {
            std::fs::read_link(format!("/proc/{child}/exe")).is_ok_and(|binary| binary == self.binary)
        };
        children.split_whitespace().find(is_envoy)?.parse().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
