//! Where it was measured.

use std::fs;
use std::process::Command;

use crate::harness::Version;

/// What a reader must know of this machine, to compare.
pub(super) fn described(busy: f64) -> Vec<(&'static str, String)> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let number = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    vec![
        ("processor", format!("{number} x {}", model.map_or("unknown", |(_, model)| model))),
        ("memory", format!("{} GiB", memory.unwrap_or_default() >> 20)),
        ("kernel", fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()),
        ("envoy", Version::default().number().to_owned()),
        ("revision", revision()),
        ("load average before", format!("{busy:.1}")),
    ]
}

/// Of the last minute; 0 where it is not told.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|average| average.parse().ok()).unwrap_or_default()
}

/// The revision of this tree, with a `+` if there is more.
fn revision() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changed| !changed.is_empty());
    git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
        + if changed { "+" } else { "" }
}
