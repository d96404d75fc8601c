//! `tocsin serve`

use std::path::Path;
use std::process::ExitCode;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, LogFormat};
use crate::daemon::Daemon;
use crate::observe::{LogStyle, init_logs};

pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    let json = matches!(config.log.format, LogFormat::Json);
    init_logs(LogStyle::for_stderr(json), &config.log.level)?;
    let path = path.to_path_buf();
    super::runtime()?.block_on(async move {
        // Before anything can be asked of us, so that no early signal kills us.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let daemon = Daemon::start(config, Some(path)).await?;
        tell_manager(&[NotifyState::Ready]);
        let mut code = ExitCode::SUCCESS;
        loop {
            tokio::select! {
                () = daemon.failed() => {
                    code = ExitCode::FAILURE;
                    break;
                }
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    tell_manager(&[NotifyState::Reloading, monotonic()]);
                    daemon.reload().await;
                    tell_manager(&[NotifyState::Ready]);
                }
            }
        }
        tell_manager(&[NotifyState::Stopping]);
        daemon.drain().await;
        Ok(code)
    })
}

/// systemd wants to know when the reload began (`Type=notify-reload`).
fn monotonic() -> NotifyState<'static> {
    NotifyState::monotonic_usec_now().unwrap_or(NotifyState::Reloading)
}

/// Tells systemd, if it started us.
fn tell_manager(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
