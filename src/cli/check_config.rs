//! `tocsin check-config`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::channel::email::DkimKeys;
use crate::classify::network_errors::ErrorCodes;
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
            if let Some(mistake) = wrong_error_code(&config) {
                eprintln!("{}: {mistake}", path.display());
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

/// The first error code of a carrier whose meaning is none.
fn wrong_error_code(config: &Config) -> Option<String> {
    let carriers = config.sms.carriers.iter();
    let carriers = carriers.map(|one| (&one.name, &one.settings.error_codes));
    let binds = config.sms.binds.iter();
    let mut all = carriers.chain(binds.map(|one| (&one.carrier, &one.settings.error_codes)));
    all.find_map(|(name, codes)| {
        let why = ErrorCodes::read(codes).err()?;
        Some(format!("error_codes of \"{name}\": {why}"))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Surroundings;

    #[test]
    fn a_reason_that_there_is_not_is_told_before_the_start() {
        let wrong = |meaning: &str| {
            let text = format!(
                "[[sms.carrier]]\nname = \"main\"\nsource = \"40404\"\n\
                 error_codes = {{ \"301\" = \"{meaning} lasts\" }}"
            );
            wrong_error_code(&Config::parse(&text, &Surroundings::default()).unwrap())
        };
        assert_eq!(wrong("user_unknown"), None);
        let told = wrong("userunknown").unwrap();
        assert_eq!(
            told,
            "error_codes of \"main\": there is no reason \"userunknown\""
        );
    }
}
