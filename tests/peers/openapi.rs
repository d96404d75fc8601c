//! The API against its own description: an independent validator of OpenAPI documents and
//! schemathesis (both from PyPI) ask the real daemon.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::browser::{PASSWORD, demo};
use crate::skip::skip;

/// Longest time for everything on a busy machine.
const ASKING_TIMEOUT: Duration = Duration::from_secs(10 * 60);

#[tokio::test]
async fn the_api_is_what_its_description_says() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = here.join(".tests/venv/bin/python");
    if !python.exists() {
        skip("python3 -m venv .tests/venv with tests/peers/openapi/requirements.txt");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut daemon, console) = demo(&folder.path().join("state")).await;
    let asking = Command::new(python)
        .arg(here.join("tests/peers/openapi/check.py"))
        .args([console.as_str(), "demo", PASSWORD])
        .kill_on_drop(true)
        .output();
    let done = timeout(ASKING_TIMEOUT, asking).await;
    let done = done.expect("it takes too long").unwrap();
    daemon.kill().await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let wrong = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{wrong}");
    assert!(said.contains("a valid document"), "{said}");
}
