//! `tocsin user`

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};

use crate::clock::{Randomness, SystemClock};
use crate::config::Config;
use crate::daemon::{add_user, open_store};
use crate::domain::user::{PASSWORD_SIZE_MAX, display_name, password_problem};
use crate::domain::{AuditActor, CaseScope, Permission, Permissions, Role, User, UserId};
use crate::store::acting::{self, Acting};
use crate::store::{Loaded, Repo};
use crate::tracker::{NewToken, Users};

/// Most bytes read for a password and the end of its line.
const PASSWORD_READ_MAX: u64 = PASSWORD_SIZE_MAX as u64 + 2;
/// Most users listed.
const USERS_MAX: usize = 1000;
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

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
        /// Which cases the user sees: all, those that name the user, or none.
        #[arg(long, value_enum, default_value = "all")]
        cases: CasesName,
        /// File that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Give a user a new password, which ends the user's sessions; read from a file or from standard input.
    Password {
        /// Login name.
        login: String,
        /// File that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Keep a user from logging in.
    Disable {
        /// Login name.
        login: String,
    },
    /// Let a disabled user log in again.
    Enable {
        /// Login name.
        login: String,
    },
    /// Take away the second factor of a user whose device is lost, which ends the user's sessions.
    ResetSecondFactor {
        /// Login name.
        login: String,
    },
    /// Make a token for a program that uses the API under this user's name; printed once.
    Token {
        /// Login name.
        login: String,
        /// What it is for.
        name: String,
        /// Ends by itself after so many days.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
        /// What it may do, given once for each; all that the user may where none is given.
        #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
        scopes: Vec<Permission>,
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
    Approver,
    Operator,
    Auditor,
    Viewer,
    Application,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CasesName {
    All,
    Own,
    None,
}

impl From<CasesName> for CaseScope {
    fn from(name: CasesName) -> Self {
        match name {
            CasesName::All => Self::All,
            CasesName::Own => Self::Own,
            CasesName::None => Self::None,
        }
    }
}

/// A permission by its name.
fn scope(name: &str) -> Result<Permission, String> {
    Permission::named(name).ok_or_else(|| {
        let all = Permission::ALL.map(Permission::as_str);
        format!("a scope is one of {}", all.join(", "))
    })
}

/// What a token may do of what its user may; none for all of it.
fn scopes_of(chosen: &[Permission]) -> Option<Permissions> {
    (!chosen.is_empty()).then(|| Permissions::of(chosen))
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Administrator => Self::Administrator,
            RoleName::Approver => Self::Approver,
            RoleName::Operator => Self::Operator,
            RoleName::Auditor => Self::Auditor,
            RoleName::Viewer => Self::Viewer,
            RoleName::Application => Self::Application,
        }
    }
}

impl Action {
    /// Under which name it is recorded; empty where it changes nothing.
    const fn act(&self) -> &'static str {
        match self {
            Self::Add { .. } => "user.create",
            Self::Password { .. } => "user.password",
            Self::Disable { .. } => "user.disable",
            Self::Enable { .. } => "user.enable",
            Self::ResetSecondFactor { .. } => "second_factor.reset",
            Self::Token { .. } => "token.create",
            Self::HashPassword { .. } | Self::List => "",
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let random = Randomness::from_os()?;
    if let Action::HashPassword { password_file } = &arguments.action {
        let password = password(password_file.as_ref())?;
        println!(
            "{}",
            crate::http::hash_password(&password, Role::Application, &random)
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
        let now = SystemClock::shared().wall();
        let name = arguments.action.act();
        let acting = Acting::new(now, AuditActor::CommandLine, name, None);
        acting::scope(acting, act(&arguments.action, &repo, &random)).await?;
        store.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn named(repo: &Repo, login: &str) -> anyhow::Result<Loaded<User>> {
    repo.user_by_login(&login.to_lowercase())?
        .with_context(|| format!("there is no user {login}"))
}

async fn act(action: &Action, repo: &Repo, random: &Randomness) -> anyhow::Result<()> {
    let users = Users::new(repo.clone(), SystemClock::shared(), random.fork());
    match action {
        Action::Add {
            login,
            role,
            cases,
            password_file,
        } => {
            let password = password(password_file.as_ref())?;
            add_user(
                repo,
                &SystemClock::shared(),
                random,
                login,
                (*role).into(),
                (*cases).into(),
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
            let user = named(repo, login)?;
            let hash = crate::http::hash_password(&password, user.role, random)
                .context("the password cannot be hashed")?;
            users.set_password(user.id, &hash, None).await?;
            println!("password of {login} changed; its sessions have ended");
        }
        Action::Disable { login } => {
            let user = named(repo, login)?;
            users.set_disabled(user.id, true, None).await?;
            println!("{login} may not log in any more; its sessions have ended");
        }
        Action::Enable { login } => {
            let user = named(repo, login)?.id;
            users.set_disabled(user, false, None).await?;
            println!("{login} may log in again");
        }
        Action::ResetSecondFactor { login } => {
            let user = named(repo, login)?.id;
            users.set_second_factor(user, None, None).await?;
            println!("{login} logs in with the password alone; its sessions have ended");
        }
        Action::Token {
            login,
            name,
            days,
            scopes,
        } => {
            let token = crate::http::new_token(random);
            let of = named(repo, login)?.id;
            let new = new_token(of, &token, name, *days, scopes)?;
            users.add_token(new).await?;
            println!("{token}");
        }
        Action::List => {
            repo.users(USERS_MAX)?.iter().for_each(|user| print(user));
        }
        Action::HashPassword { .. } => {}
    }
    Ok(())
}

/// A line of the list.
fn print(user: &User) {
    let disabled = if user.disabled { "\tdisabled" } else { "" };
    println!("{}\t{}{disabled}", user.login, user.role.as_str());
}

/// A token to be made, which ends after so many days from now.
fn new_token(
    user: UserId,
    token: &str,
    name: &str,
    days: Option<u32>,
    scopes: &[Permission],
) -> anyhow::Result<NewToken> {
    let now = SystemClock::shared().wall();
    Ok(NewToken {
        user,
        hash: crate::http::token_hash(token),
        name: display_name(name).map_err(|problem| anyhow::anyhow!("{problem}"))?,
        scopes: scopes_of(scopes),
        expires_at: days.map(|days| now.plus(DAY * days)),
    })
}

fn password(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let mut text = String::new();
    match file {
        Some(path) => {
            std::fs::File::open(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .take(PASSWORD_READ_MAX)
                .read_to_string(&mut text)?;
        }
        None => {
            std::io::stdin()
                .take(PASSWORD_READ_MAX)
                .read_to_string(&mut text)?;
        }
    }
    let password = text.lines().next().unwrap_or_default().to_owned();
    match password_problem(&password) {
        None => Ok(password),
        Some(problem) => anyhow::bail!("{problem}"),
    }
}
