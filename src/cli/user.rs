//! `tocsin user`

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};

use crate::clock::{Randomness, SystemClock};
use crate::config::Config;
use crate::daemon::{add_user, open_store, set_password};
use crate::domain::Role;
use crate::store::Repo;

/// Shortest password taken, in characters (NIST SP 800-63B asks for at least 8).
const PASSWORD_MIN: usize = 10;
/// Longest password read, in bytes.
const PASSWORD_SIZE_MAX: u64 = 1024;
/// Most users listed.
const USERS_MAX: usize = 1000;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: super::ConfigArgument,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user; the password is read from a file or from standard input.
    Add {
        /// Login name.
        login: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value = "operator")]
        role: RoleName,
        /// File that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Give a user a new password, read from a file or from standard input.
    Password {
        /// Login name.
        login: String,
        /// File that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Print the hash of a password, for `[[submission.account]]`.
    HashPassword {
        /// File that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List users.
    List,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    Administrator,
    Operator,
    Application,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Administrator => Self::Administrator,
            RoleName::Operator => Self::Operator,
            RoleName::Application => Self::Application,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let random = Randomness::from_os()?;
    if let Action::HashPassword { password_file } = &arguments.action {
        let password = password(password_file.as_ref())?;
        println!(
            "{}",
            crate::http::hash_password(&password, &random)
                .context("the password cannot be hashed")?
        );
        return Ok(ExitCode::SUCCESS);
    }
    let config = match Config::load(&arguments.config.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    super::runtime()?.block_on(async {
        let store = open_store(&config)
            .await
            .context("stop the gateway first: its state can be open only once")?;
        let repo = Repo::new(store.clone());
        act(&arguments.action, &repo, &random).await?;
        store.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn act(action: &Action, repo: &Repo, random: &Randomness) -> anyhow::Result<()> {
    match action {
        Action::Add {
            login,
            role,
            password_file,
        } => {
            let password = password(password_file.as_ref())?;
            add_user(
                repo,
                &SystemClock::shared(),
                random,
                login,
                (*role).into(),
                &password,
            )
            .await?;
            println!("added {login}");
        }
        Action::Password {
            login,
            password_file,
        } => {
            let password = password(password_file.as_ref())?;
            set_password(repo, random, login, &password).await?;
            println!("password of {login} changed");
        }
        Action::List => {
            for user in repo.users(USERS_MAX)? {
                println!("{}\t{}", user.login, user.role.as_str());
            }
        }
        Action::HashPassword { .. } => {}
    }
    Ok(())
}

fn password(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let mut text = String::new();
    match file {
        Some(path) => {
            std::fs::File::open(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .take(PASSWORD_SIZE_MAX)
                .read_to_string(&mut text)?;
        }
        None => {
            std::io::stdin()
                .take(PASSWORD_SIZE_MAX)
                .read_to_string(&mut text)?;
        }
    }
    let password = text.lines().next().unwrap_or_default().to_owned();
    anyhow::ensure!(
        password.chars().count() >= PASSWORD_MIN,
        "a password has at least {PASSWORD_MIN} characters"
    );
    Ok(password)
}
