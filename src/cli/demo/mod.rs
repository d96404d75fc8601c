//! `tocsin demo`: the real daemon on empty temporary state, with simulated carriers and invented
//! people, an alert on its way to them, and a law firm with a case.

mod check;
mod firm;
mod settings;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::observe::{LogStyle, init_logs};
use stage::Stage;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Do it without a person: print one JSON line for each expected outcome, exit 0 only if all
    /// came true.
    #[arg(long)]
    check: bool,
    /// Invite so many people with three working methods each instead of the forty with their
    /// fates; at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    contacts: Option<u16>,
    /// Address of the console.
    #[arg(long, default_value = "127.0.0.1:0")]
    console: std::net::SocketAddr,
    /// What to log, as in `log.level`.
    #[arg(long, default_value = "warn")]
    log: String,
    /// Where to keep the temporary state.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Password of the login `demo`; a random one is made otherwise.
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Only set the stage: a person sends the alert.
    #[arg(long)]
    no_alert: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    init_logs(LogStyle::for_stderr(false), &arguments.log)?;
    super::runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stage = Stage::set(arguments).await?;
        let mut code = ExitCode::SUCCESS;
        if arguments.check {
            code = check::run(&stage).await?;
        } else {
            stage.introduce();
            if !arguments.no_alert {
                stage.send_alert().await?;
                firm::open(&stage).await?;
            }
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        stage.strike().await;
        Ok(code)
    })
}
