//! Envoy as a container.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testcontainers::bollard::models::PortBinding;
use testcontainers::core::logs::LogFrame;
use testcontainers::core::{Host, IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::command::{on_runtime, run};
use super::output::Output;
use super::runner::Running;
use super::workspace::alive;

/// Where the admin interface listens inside.
pub const ADMIN_PORT: u16 = 9901;

/// The name of this machine inside.
pub const THIS_MACHINE: &str = "host.docker.internal";

/// Marks our containers with the process that owns them, to find those whose owner was killed.
const OWNER: &str = "mtls-policy.owner";
const HOST: &str = "mtls-policy.host";
const START_LIMIT: Duration = Duration::from_secs(60);
const SWEEP_LIMIT: Duration = Duration::from_secs(30);

/// Longer than the engine waits for a container to stop.
const WATCHDOG_LIMIT: Duration = Duration::from_secs(20);

static SIGNALLED: AtomicBool = AtomicBool::new(false);

/// To be called by a program that caught SIGINT, SIGTERM or SIGQUIT before it drops its Envoys.
pub fn signalled() {
    SIGNALLED.store(true, Ordering::SeqCst);
}

/// A container, with the ports on this machine that lead to it.
pub struct Container {
    container: Option<ContainerAsync<GenericImage>>,
    ports: HashMap<u16, u16>,
}

/// Starts Envoy.
pub fn launch(
    name: &str,
    tag: &str,
    arguments: &[String],
    folder: &Path,
    ports: &[u16],
    output: &Output,
) -> Result<Container, String> {
    static SWEEP: Once = Once::new();
    SWEEP.call_once(sweep);
    let folder = folder.display().to_string();
    let output = output.clone();
    let ports: Vec<u16> = ports.iter().copied().chain([ADMIN_PORT]).collect();
    let published: HashMap<String, Option<Vec<PortBinding>>> =
        ports.iter().map(|port| (format!("{port}/tcp"), Some(vec![local_port()]))).collect();
    let request = ports
        .iter()
        .fold(GenericImage::new(name, tag), |image, port| image.with_exposed_port(port.tcp()))
        .with_cmd(arguments)
        .with_host(THIS_MACHINE, Host::HostGateway)
        .with_mount(Mount::bind_mount(folder.clone(), folder))
        .with_label(OWNER, std::process::id().to_string())
        .with_label(HOST, host())
        .with_startup_timeout(START_LIMIT)
        .with_host_config_modifier(move |host| {
            host.publish_all_ports = Some(false);
            host.port_bindings = Some(published.clone());
        })
        .with_log_consumer(move |frame: &LogFrame| match frame {
            LogFrame::StdOut(bytes) => output.push_access(bytes),
            LogFrame::StdErr(bytes) => output.push_log(bytes),
        });
    on_runtime(async move {
        let container =
            request.start().await.map_err(|error| format!("cannot start a container: {error}"))?;
        let mut reached = HashMap::new();
        for port in ports {
            // None where the container has ended already: a configuration that Envoy refuses.
            if let Ok(outside) = container.get_host_port_ipv4(port).await {
                reached.insert(port, outside);
            }
        }
        Ok(Container { container: Some(container), ports: reached })
    })
}

fn local_port() -> PortBinding {
    PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None }
}

impl Running for Container {
    fn exit_status(&mut self) -> Option<i64> {
        let container = self.container.take()?;
        let (container, status) = on_runtime(async move {
            let status = match container.is_running().await {
                Ok(false) => container.exit_code().await.ok().flatten(),
                Ok(true) | Err(_) => None,
            };
            (container, status)
        });
        self.container = Some(container);
        status
    }

    fn reachable(&mut self, port: u16) -> Option<u16> {
        self.ports.get(&port).copied()
    }

    fn admin(&mut self) -> Option<u16> {
        self.reachable(ADMIN_PORT)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(container) = self.container.take() {
            if SIGNALLED.load(Ordering::SeqCst) {
                // The watchdog removes it, ends this process, and fails loudly where it finds nothing to remove.
                std::thread::sleep(WATCHDOG_LIMIT);
            }
            on_runtime(async move {
                let _ = container.rm().await;
            });
        }
    }
}

/// Removes containers whose owner on this machine has ended without doing so, as a killed test process does.
fn sweep() {
    let filters = format!("label={HOST}={}", host());
    let format = format!("{{{{.ID}}}} {{{{.Label \"{OWNER}\"}}}}");
    let listed = [
        "ps",
        "--all",
        "--filter",
        "label=org.testcontainers.managed-by=testcontainers",
        "--filter",
        &filters,
        "--format",
        &format,
    ];
    for line in run(SWEEP_LIMIT, "docker", &listed).unwrap_or_default().lines() {
        if let Some((container, owner)) = line.split_once(' ')
            && !alive(owner)
        {
            let _ = run(SWEEP_LIMIT, "docker", &["rm", "--force", "--volumes", container]);
        }
    }
}

fn host() -> String {
    run(SWEEP_LIMIT, "uname", &["-n"]).unwrap_or_default().trim().to_owned()
}
