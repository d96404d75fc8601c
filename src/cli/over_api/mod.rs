//! `tocsin send`, `tocsin status` and `tocsin contacts`: what asks a running gateway over its API.

mod columns;
mod contacts;
mod failure;
mod gateway;
mod send;
mod status;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) use contacts::Arguments as ContactsArguments;
use failure::Failure;
use gateway::Gateway;
pub(super) use send::Arguments as SendArguments;
pub(super) use status::Arguments as StatusArguments;

/// What a command comes to: its exit code.
type Done = Result<u8, Failure>;

/// What the exit codes of these commands are, as their help says it.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 something here is wrong; 2 wrong arguments; \
3 no answer; 4 the token is not taken, or may not do that; 5 what was asked is wrong; \
6 there is no such thing; 7 not possible as things stand; 8 not possible for the moment; \
9 not confirmed, nothing was sent; with --check or --wait 10 some were reached, 11 nobody was, \
12 it is still under way, 13 it was sent but how it stands is not known, or not told to this token, \
14 it is a draft or awaits approval.";

/// Which gateway is asked, and how its answers are shown.
#[derive(Clone, Debug, clap::Args)]
struct Connection {
    /// Address of the console.
    #[arg(
        long,
        global = true,
        env = "TOCSIN_URL",
        default_value = "http://localhost:8025",
        value_name = "URL"
    )]
    url: String,
    /// File that holds the token; without it the token is read from TOCSIN_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust the certificates of this file, too.
    #[arg(long, global = true, value_name = "FILE.pem")]
    roots: Option<PathBuf>,
    /// Send the token without encryption to other machines, too.
    #[arg(long, global = true)]
    unencrypted: bool,
    /// Print what the API answers as it is.
    #[arg(long, global = true)]
    json: bool,
}

pub(super) fn send(arguments: &SendArguments) -> anyhow::Result<ExitCode> {
    run(&arguments.connection, async |gateway, out| {
        send::run(arguments, gateway, out).await
    })
}

pub(super) fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    run(&arguments.connection, async |gateway, out| {
        status::run(arguments, gateway, out).await
    })
}

pub(super) fn contacts(arguments: &ContactsArguments) -> anyhow::Result<ExitCode> {
    run(&arguments.connection, async |gateway, out| {
        contacts::run(arguments, gateway, out).await
    })
}

fn run(
    connection: &Connection,
    command: impl AsyncFnOnce(&Gateway, &mut dyn Write) -> Done,
) -> anyhow::Result<ExitCode> {
    let token = std::env::var("TOCSIN_TOKEN").ok();
    let done = super::runtime()?.block_on(async {
        let gateway = Gateway::of(connection, token)?;
        command(&gateway, &mut super::out::Out).await
    });
    let code = end(done, connection.json, &mut std::io::stderr());
    Ok(ExitCode::from(code))
}

/// What the process ends with, once it is said why.
fn end(done: Done, json: bool, stderr: &mut dyn Write) -> u8 {
    match done {
        Ok(code) => code,
        Err(failure) => {
            if !failure.is_end_of_reader() {
                // Nobody may be listening there either.
                let _ = write!(stderr, "{}", failure.told(json));
            }
            failure.exit_code()
        }
    }
}
