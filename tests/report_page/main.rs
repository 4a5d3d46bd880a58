//! The page of `mtlsctl report` in a real browser, `chromium` or what `CHROMIUM` names.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops where what it stands on does not hold, and waits by the clock"
)]

#[path = "../mtlsctl/records.rs"]
mod records;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};

use records::{denial, lines, permit};

/// Longer than the slowest machine needs for a page.
const LIMIT: Duration = Duration::from_secs(120);

const HOSTILE: &str =
    "CN=<script>document.title='run'</script>\"><img src=x onerror=\"document.title='run'\">\u{202e}x";

fn records() -> Vec<Value> {
    let mut all: Vec<Value> =
        (0..40).map(|at| permit(at, &format!("service-{}", at % 7), json!({}))).collect();
    all.push(permit(
        41,
        "x",
        json!({ "certificate": { "sha256": "ab".repeat(32), "uri": [], "subject": HOSTILE } }),
    ));
    all.extend((0..3).map(|at| denial(50 + at, "guest", "identity_not_allowed", json!({}))));
    all.push(denial(
        53,
        "late",
        "expired",
        json!({ "mode": "shadow", "certificate": { "not_after": "2026-11-19T00:00:00Z" } }),
    ));
    all.push(denial(
        54,
        "late",
        "revocation_unknown",
        json!({ "revocation": { "status": "unknown", "why": "stale", "method": "crl" } }),
    ));
    all
}

/// Runs the browser on the page with these options, and returns what it prints.
fn browse(folder: &Path, options: &[&str]) -> String {
    let browser = env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let printed = folder.join("printed");
    let mut child = Command::new(&browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(options)
        .arg(format!("file://{}", folder.join("report.html").display()))
        .stdin(Stdio::null())
        .stdout(fs::File::create(&printed).unwrap())
        .stderr(fs::File::create(folder.join("said")).unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("`{browser}` did not start ({error}): `make chromium` installs it"));
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > LIMIT {
            let _ = child.kill();
            panic!("`{browser}` did not end: {}", fs::read_to_string(folder.join("said")).unwrap());
        }
        thread::sleep(Duration::from_millis(50));
    }
    fs::read_to_string(printed).unwrap()
}

#[test]
fn a_browser_shows_the_numbers_and_hostile_names_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("envoy.log"), lines(&records())).unwrap();
    let report = Command::new(env!("CARGO_BIN_EXE_mtlsctl"))
        .args(["report", "envoy.log", "--html", "report.html"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));

    let dom = browse(folder, &["--dump-dom"]);
    assert!(
        dom.contains("<title>Access report</title>"),
        "a script or a handler ran, or nothing was loaded: {dom}"
    );
    for shown in [
        "<div><dt>permits</dt><dd>41</dd></div>",
        "<div><dt>denials</dt><dd>4</dd></div>",
        "<div><dt>shadow denials</dt><dd>1</dd></div>",
        "<div><dt>lost records</dt><dd>9</dd></div>",
        "<bdi>identity_not_allowed</bdi>",
        "<bdi>spiffe://acme.example/service-6</bdi>",
        "<bdi>-2</bdi>",
        "<bdi>CN=&lt;script&gt;document.title='run'&lt;/script&gt;\"&gt;&lt;img src=x onerror=\"document.title='run'\"&gt;\\u{202e}x</bdi>",
    ] {
        assert!(dom.contains(shown), "`{shown}` is not in {dom}");
    }
    for forbidden in ["<script", "<img", "\u{202e}"] {
        assert!(!dom.contains(forbidden), "{forbidden}");
    }
    let said = fs::read_to_string(folder.join("said")).unwrap();
    assert!(
        !said.contains("Content Security Policy"),
        "the policy of the page refuses what the page holds: {said}"
    );

    // Whoever wants to look at it names a folder.
    let pictures = env::var_os("REPORT_PICTURES").map(std::path::PathBuf::from);
    for (name, size, further) in [
        ("wide", "1280,1500", None),
        ("dark", "1280,1500", Some("--force-dark-mode")),
        ("phone", "500,1500", None),
    ] {
        let picture = pictures.as_deref().unwrap_or(folder).join(format!("{name}.png"));
        let mut options =
            vec![format!("--screenshot={}", picture.display()), format!("--window-size={size}")];
        options.extend(further.map(str::to_owned));
        browse(folder, &options.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(fs::metadata(&picture).unwrap().len() > 10_000, "{name} is an empty picture");
    }
}
