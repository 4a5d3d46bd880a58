//! Chooses between the two runners, and says once which one it was.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::setup::Version;
use super::{binary, container, image, output::Output, process};

/// How one version of Envoy is run on this machine.
#[derive(Clone, Debug)]
pub enum Runner {
    /// A container of this image.
    Container {
        /// Name of the image.
        name: String,
        /// Its tag.
        tag: String,
    },
    /// A plain process of this binary.
    Process(PathBuf),
}

/// An Envoy that was launched; it ends when this is dropped.
pub trait Running: Send + Sync {
    /// The exit status, once it has ended by itself.
    fn exit_status(&mut self) -> Option<i64>;
    /// The address on this machine where a port of `Runner::ports` is reached; none while it cannot be known.
    fn reachable(&mut self, port: u16) -> Option<u16>;
    /// The address on this machine of Envoy's admin interface; none while it does not listen.
    fn admin(&mut self) -> Option<u16>;
    /// The number of its process, where that is one of this machine.
    fn process(&self) -> Option<u32> {
        None
    }
}

impl Runner {
    /// The runner for a version, as the environment wants it; panics with a sentence that says what to install.
    pub fn choose(version: Version) -> Runner {
        type Chosen = Vec<(Version, Result<Runner, String>)>;
        static CHOSEN: Mutex<Chosen> = Mutex::new(Vec::new());
        let chosen = {
            let mut known = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
            match known.iter().find(|(known, _)| *known == version) {
                Some((_, chosen)) => chosen.clone(),
                None => {
                    let chosen = Runner::find(version);
                    // A failure too: what could not be fetched for one test is not tried again for the next.
                    known.push((version, chosen.clone()));
                    chosen
                }
            }
        };
        chosen.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Says once in this process how Envoy runs. `version` is what it says of itself.
    pub fn announce(&self, version: &str) {
        static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let line = format!("Envoy {version}: {self}");
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if !said.contains(&line) {
            // Written to the handle itself: what test processes print is shown only when they fail.
            let _ = writeln!(std::io::stderr(), "{line}");
            said.push(line);
        }
    }

    fn find(version: Version) -> Result<Runner, String> {
        let container = || image::image(version).map(|(name, tag)| Runner::Container { name, tag });
        let process = || binary::binary(version).map(Runner::Process);
        match std::env::var("ENVOY_RUNNER").unwrap_or_default().as_str() {
            "docker" => {
                image::engine().map_err(|why| {
                    format!(
                        "no container engine answers: install Docker and start it, or set `ENVOY_RUNNER=process` ({why})"
                    )
                })?;
                container()
            }
            "process" => process(),
            "" if image::engine().is_ok() => container(),
            "" => process(),
            other => Err(format!("`ENVOY_RUNNER` is `docker` or `process`, not `{other}`")),
        }
    }

    /// The port that the listener of this number shall bind: a container has all ports to itself, on this machine the
    /// system picks a free one.
    pub fn listener_port(&self, number: u16) -> u16 {
        match self {
            Runner::Container { .. } => 10_000 + number,
            Runner::Process(_) => 0,
        }
    }

    /// The address that listeners shall bind.
    pub fn bind_address(&self) -> &'static str {
        match self {
            Runner::Container { .. } => "0.0.0.0",
            Runner::Process(_) => "127.0.0.1",
        }
    }

    /// How Envoy finds servers on this machine: the type of a cluster, and an address.
    pub fn this_machine(&self) -> (&'static str, &'static str) {
        match self {
            Runner::Container { .. } => ("STRICT_DNS", container::THIS_MACHINE),
            Runner::Process(_) => ("STATIC", "127.0.0.1"),
        }
    }

    /// The port for the admin interface.
    pub fn admin_port(&self) -> u16 {
        match self {
            Runner::Container { .. } => container::ADMIN_PORT,
            Runner::Process(_) => 0,
        }
    }

    /// Launches Envoy with these arguments. It sees `folder` under its own name; `ports` are what it listens on.
    pub fn launch(
        &self,
        arguments: &[String],
        folder: &Path,
        ports: &[u16],
        output: &Output,
    ) -> Result<Box<dyn Running>, String> {
        match self {
            Runner::Container { name, tag } => container::launch(name, tag, arguments, folder, ports, output)
                .map(|it| Box::new(it) as Box<_>),
            Runner::Process(binary) => {
                process::launch(binary, arguments, folder, output).map(|it| Box::new(it) as Box<_>)
            }
        }
    }
}

impl std::fmt::Display for Runner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Runner::Container { name, tag } => write!(formatter, "container of image {name}:{tag}"),
            Runner::Process(binary) => write!(formatter, "process {}", binary.display()),
        }
    }
}
