//! `tocsin check-config`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::channel::email::DkimKeys;
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// The same, as the other commands are told.
    #[arg(short, long, default_value = super::CONFIG_PATH, value_name = "FILE")]
    config: PathBuf,
}

/// Mistakes go to standard error; without any, what would be in force goes to standard output,
/// defaults filled in and secrets hidden.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.file.as_ref().unwrap_or(&arguments.config);
    match Config::load(path) {
        Ok(config) => {
            if let Err(error) = DkimKeys::read(&config.email.dkim) {
                eprintln!("{}: {error}", path.display());
                return Ok(ExitCode::from(2));
            }
            print!("{}", config.to_toml());
            eprintln!("{}: no mistakes", path.display());
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("{error}");
            Ok(ExitCode::from(2))
        }
    }
}
