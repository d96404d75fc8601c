//! `tocsin completions` and `tocsin man`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArguments {
    /// Write one page for each command into this folder, which is made if need be.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<ExitCode> {
    super::out::Out.write_all(&completions_of(arguments.shell))?;
    Ok(ExitCode::SUCCESS)
}

fn completions_of(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(shell, &mut command, "tocsin", &mut text);
    text
}

pub(super) fn pages(arguments: &ManArguments) -> anyhow::Result<ExitCode> {
    match &arguments.out {
        Some(folder) => write_pages(folder)?,
        None => {
            let mut page = Vec::new();
            Man::new(super::Arguments::command()).render(&mut page)?;
            super::out::Out.write_all(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_pages(folder: &Path) -> anyhow::Result<()> {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(super::Arguments::command(), folder));
    written.with_context(|| format!("cannot write to {}", folder.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::{Command, Stdio};

    use clap::ValueEnum;

    use super::*;

    /// The names of a command and of everything under it, as pages have them.
    fn names(command: &clap::Command, before: &str) -> Vec<String> {
        let own = format!("{before}{}", command.get_name());
        let below = command.get_subcommands().filter(|one| !one.is_hide_set());
        let below = below.flat_map(|one| names(one, &format!("{own}-")));
        let below: Vec<String> = below.collect();
        std::iter::once(own).chain(below).collect()
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("man1");
        write_pages(&inner).unwrap();
        let names = names(&super::super::Arguments::command(), "");
        assert!(
            names.contains(&"tocsin-contacts-add".to_owned()),
            "{names:?}"
        );
        for name in &names {
            let page = std::fs::read_to_string(inner.join(format!("{name}.1"))).unwrap();
            assert!(
                page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"),
                "{name}"
            );
        }
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), names.len());
    }

    #[test]
    fn completions_name_every_command() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(completions_of(*shell)).unwrap();
            for name in ["check-config", "contacts", "send", "--sms-text"] {
                let name = if *shell == Shell::Fish {
                    name.trim_start_matches('-')
                } else {
                    name
                };
                assert!(text.contains(name), "{shell}: {name}");
            }
        }
    }

    #[test]
    fn bash_takes_its_completions() {
        let mut bash = Command::new("bash");
        let bash = bash.arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut bash = bash.spawn().unwrap();
        let mut input = bash.stdin.take().unwrap();
        input.write_all(&completions_of(Shell::Bash)).unwrap();
        drop(input);
        let done = bash.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.is_empty(), "{said}");
    }
}
