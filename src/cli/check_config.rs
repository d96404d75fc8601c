//! `tocsin check-config`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(default_value = super::CONFIG_PATH, value_name = "FILE")]
    config: PathBuf,
    /// Print the effective configuration, defaults filled in and secrets hidden.
    #[arg(long)]
    print: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match Config::load(&arguments.config) {
        Ok(config) if arguments.print => print!("{}", config.to_toml()),
        Ok(_) => println!("{}: no mistakes", arguments.config.display()),
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
