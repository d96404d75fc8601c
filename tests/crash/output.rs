//! What commands do when nobody reads what they say.

use std::process::{Command, Stdio};

#[test]
fn a_command_that_nobody_reads_ends_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tocsin.toml");
    let text = "[server]\nname = \"a.example\"\ndomain = \"a.example\"\n";
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    for arguments in [
        &["man"][..],
        &["completions", "bash"],
        &["check-config", config],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
        let command = command.args(arguments).stdin(Stdio::null()).stdout(writer);
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(141), "{arguments:?}: {said}");
        assert_eq!(said, "", "{arguments:?}");
    }
}
