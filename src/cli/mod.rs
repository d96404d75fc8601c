//! The command line.
#![allow(clippy::print_stdout, clippy::print_stderr)]

/// In the place of the one of the standard library, which panics when nobody reads any more.
macro_rules! print {
    ($($said:tt)*) => { $crate::cli::out::say(format_args!($($said)*)) };
}

macro_rules! println {
    ($($said:tt)*) => { $crate::cli::out::say(format_args!("{}\n", format_args!($($said)*))) };
}

mod check_config;
mod classify;
mod demo;
mod dkim;
mod healthcheck;
mod manual;
mod out;
mod over_api;
mod reindex;
mod serve;
mod sms;
mod tone;
mod user;
mod verify;
mod verify_bundle;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, Engine, Surroundings};
use crate::store::engine::has_state;

/// Where the configuration lies unless told otherwise.
const CONFIG_PATH: &str = "/etc/tocsin/tocsin.toml";

/// Self-hosted email, SMS and voice gateway.
#[derive(Debug, Parser)]
#[command(name = "tocsin", version, about)]
struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(ConfigArgument),
    /// Run it on empty temporary state with simulated carriers and invented people, and send an
    /// alert.
    Demo(demo::Arguments),
    /// Say everything that is wrong with a configuration.
    CheckConfig(check_config::Arguments),
    /// Print what the DNS has to say of the keys that sign our mail (DKIM).
    Dkim(ConfigArgument),
    /// Add people who log in, and give them passwords.
    User(user::Arguments),
    /// Write a communication and send it, over the API of a running gateway.
    Send(Box<over_api::SendArguments>),
    /// Say how communications stand, over the API: the last ones, or one with its numbers.
    Status(over_api::StatusArguments),
    /// Find, show, add and export contacts, over the API.
    Contacts(over_api::ContactsArguments),
    /// Say what bounces, complaints and automatic answers mean, and to whom, with the rule that
    /// decided: a line of JSON for each mail.
    Classify(classify::Arguments),
    /// Say how a text message is sent: its alphabet, its segments and their octets, and what keeps
    /// it out of the 7-bit alphabet. Exit code 2 where it cannot be sent so.
    Sms(sms::Arguments),
    /// Write completions for a shell to standard output.
    Completions(manual::CompletionsArguments),
    /// Write the manual page to standard output, or one page for each command into a folder.
    Man(manual::ManArguments),
    /// Ask a running gateway whether it is ready; exit code 0 if so.
    Healthcheck(healthcheck::Arguments),
    /// Write a WAV file of a tone to standard output: the voice of the demo where no speech
    /// program is installed.
    #[command(hide = true)]
    Tone,
    /// Make the search index of a stopped gateway anew from its state.
    Reindex(ConfigArgument),
    /// Check the state of a stopped gateway: every row, index, counter and body. Or check a bundle
    /// of evidence, anywhere and without a configuration.
    Verify(VerifyArguments),
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// The configuration file.
    #[arg(short, long, default_value = CONFIG_PATH, value_name = "FILE")]
    config: PathBuf,
}

/// A configuration whose secrets stay unread: whoever asks need not be able to.
fn load_without_secrets(path: &Path) -> Result<Config, ConfigError> {
    let around = Surroundings {
        leave_secrets_unread: true,
        ..Surroundings::of(path.parent().unwrap_or(Path::new("")))
    };
    Config::load_with(path, &around)
}

/// What is checked.
#[derive(Debug, clap::Args)]
struct VerifyArguments {
    /// The configuration file.
    #[command(flatten)]
    config: ConfigArgument,
    /// Check the record of who did what and nothing else.
    #[arg(long, conflicts_with = "bundle")]
    audit: bool,
    /// Check this bundle of evidence and nothing else.
    #[arg(long, value_name = "FILE.zip", conflicts_with = "config")]
    bundle: Option<PathBuf>,
    /// The fingerprint that the bundle's key has to have. Without it, nothing says who signed:
    /// the exit code is 3 when nothing else is wrong.
    #[arg(long, value_name = "FINGERPRINT", requires = "bundle")]
    key: Option<String>,
}

/// Runs what the arguments ask for.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve(config) => serve::run(&config.config),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::Dkim(config) => dkim::run(&config),
        Command::User(arguments) => user::run(&arguments),
        Command::Send(arguments) => over_api::send(&arguments),
        Command::Status(arguments) => over_api::status(&arguments),
        Command::Contacts(arguments) => over_api::contacts(&arguments),
        Command::Classify(arguments) => classify::run(&arguments),
        Command::Sms(arguments) => sms::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::pages(&arguments),
        Command::Healthcheck(arguments) => healthcheck::run(&arguments),
        Command::Reindex(config) => reindex::run(&config.config),
        Command::Tone => tone::run(),
        Command::Verify(asked) => match &asked.bundle {
            Some(bundle) => verify_bundle::run(bundle, asked.key.as_deref()),
            None => verify::run(&asked.config.config, asked.audit),
        },
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be listening there: that is no reason to panic.
            let _ = writeln!(std::io::stderr(), "tocsin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// What works on the state of a stopped gateway must find one: opening a folder that a slip of the
/// pen named would make an empty one, in which nothing is wrong.
fn look_for_state(config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.store.engine == Engine::Sled,
        "state in memory is gone with its process"
    );
    anyhow::ensure!(
        has_state(&config.server.state),
        "no gateway has kept its state in {}: is this its configuration?",
        config.server.state.display()
    );
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_folder_is_neither_sound_nor_indexed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("stat");
        let path = folder.path().join("tocsin.toml");
        let text =
            format!("[server]\nname = \"a.example\"\ndomain = \"a.example\"\nstate = {state:?}\n");
        std::fs::write(&path, text).unwrap();
        for refused in [
            verify::run(&path, false),
            verify::run(&path, true),
            reindex::run(&path),
        ] {
            let said = refused.unwrap_err().to_string();
            assert!(
                said.starts_with("no gateway has kept its state in"),
                "{said}"
            );
        }
        assert!(!state.exists());
    }
}
