//! `tocsin verify --bundle`

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::evidence::{BUNDLE_SIZE_MAX_BYTES, verify};

/// The exit code when nothing is wrong but the key was compared with none.
const KEY_UNCHECKED: u8 = 3;

/// Checks a bundle of evidence without any configuration or state.
pub(super) fn run(path: &Path, key: Option<&str>) -> anyhow::Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut bytes = Vec::new();
    // One more than there may be, so that a bundle that is too large is told from its beginning.
    file.take(BUNDLE_SIZE_MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let report = verify(&bytes, key);
    for line in &report.lines {
        println!("{}", printable(line));
    }
    for problem in &report.problems {
        println!("problem: {}", printable(problem));
    }
    println!("{} problems", report.problems.len());
    Ok(if !report.is_sound() {
        ExitCode::FAILURE
    } else if key.is_none() {
        ExitCode::from(KEY_UNCHECKED)
    } else {
        ExitCode::SUCCESS
    })
}

/// A bundle comes from anywhere: nothing in it steers the terminal.
fn printable(line: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() {
            '\u{fffd}'
        } else {
            letter
        }
    };
    line.chars().map(shown).collect()
}
