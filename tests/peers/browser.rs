//! A real browser walks the console of the real daemon: `tocsin demo` with its simulated
//! carriers, and headless Chromium driven by `browser/journey.mjs` (an operator's day),
//! `browser/compose.mjs` (writing, with a script) and `browser/crawl.mjs` (every page that a link
//! leads to, in both languages).
//!
//! Screenshots of every page stay under `.tests/screenshots/`, or where `TOCSIN_SCREENSHOTS` says.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::skip::skip;

/// Longest time for the daemon to say where its console is.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for the whole journey on a busy machine.
const JOURNEY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
pub(crate) const PASSWORD: &str = "a password for one journey";

/// What is missing for this test; nothing when all is there.
pub(crate) fn missing(folder: &Path) -> Option<String> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !Path::new(&chromium).exists() {
        return Some("chromium".to_owned());
    }
    if !folder.join("node_modules").is_dir() {
        return Some(format!("npm ci --prefix {}", folder.display()));
    }
    let node = std::process::Command::new("node").arg("--version").output();
    node.is_err().then(|| "node".to_owned())
}

/// Where screenshots are kept.
pub(crate) fn screenshots() -> PathBuf {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tests/screenshots");
    std::env::var_os("TOCSIN_SCREENSHOTS").map_or(kept, PathBuf::from)
}

/// Starts the demo and reads where its console is.
pub(crate) async fn demo(state: &Path) -> (Child, String) {
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_tocsin"))
        .args([
            "demo",
            "--console",
            "127.0.0.1:0",
            "--password",
            PASSWORD,
            "--state",
        ])
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let address = timeout(START_TIMEOUT, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(address) = line.strip_prefix("console") {
                return address.trim().trim_end_matches('/').to_owned();
            }
        }
        panic!("the demo ended without saying where its console is");
    });
    let address = address.await.expect("the demo does not start");
    // Whoever prints must find a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (daemon, address)
}

#[tokio::test]
async fn an_operators_day_in_a_browser() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser");
    if let Some(missing) = missing(&folder) {
        return skip(&format!(
            "{missing} is missing; the console was NOT walked by a browser"
        ));
    }
    let state = tempfile::tempdir().unwrap();
    let (mut daemon, console) = demo(&state.path().join("state")).await;
    let shots = screenshots();
    for (script, more) in [
        ("journey.mjs", ["--wait", "120"].as_slice()),
        ("compose.mjs", &[]),
        ("crawl.mjs", &[]),
        ("crawl.mjs", &["--language", "fr"]),
    ] {
        let script = folder.join(script);
        let mut arguments: Vec<OsString> = [&console, "demo", PASSWORD].map(Into::into).into();
        arguments.push(shots.clone().into());
        arguments.extend(more.iter().map(Into::into));
        walk(&script, &arguments).await;
    }
    daemon.kill().await.unwrap();
}

/// Runs a script of the browser's; it says what it found.
pub(crate) async fn walk(script: &Path, arguments: &[OsString]) {
    let walk = Command::new("node")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(JOURNEY_TIMEOUT, walk)
        .await
        .expect("the journey hangs")
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
}
