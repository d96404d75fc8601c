//! Connecting, and connecting again.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Outcome};
use super::connection::{Connection, Ended};
use super::garbled::GarbledLog;
use super::{BindError, BindPhase, BindRefusal, BindStatus, Delivery, SmppSettings, Submission};

/// A connection of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The task behind a bind.
pub(super) struct Link {
    pub(super) settings: SmppSettings,
    pub(super) submissions: mpsc::Receiver<Submission>,
    pub(super) inbound: mpsc::Sender<Delivery>,
    pub(super) status: watch::Sender<BindStatus>,
    pub(super) cancel: CancellationToken,
    pub(super) garbled: GarbledLog,
    backoff: Backoff,
}

impl Link {
    pub(super) fn new(
        settings: SmppSettings,
        submissions: mpsc::Receiver<Submission>,
        inbound: mpsc::Sender<Delivery>,
        status: watch::Sender<BindStatus>,
        cancel: CancellationToken,
    ) -> Self {
        let (first, most) = (settings.reconnect_delay, settings.reconnect_delay_max);
        let backoff = Backoff::new(first, most, settings.jitter_seed);
        Self {
            settings,
            submissions,
            inbound,
            status,
            cancel,
            garbled: GarbledLog::default(),
            backoff,
        }
    }

    pub(super) async fn run(mut self) {
        while !self.cancel.is_cancelled() {
            self.set_phase(BindPhase::Connecting);
            let ended = match self.connect().await {
                Ok(stream) => Connection::run(&mut self, stream).await,
                Err(error) => Ended {
                    outcome: Outcome::Failed,
                    error,
                },
            };
            if self.cancel.is_cancelled() {
                break;
            }
            let (delay, refusal) = self.backoff.after(ended.outcome);
            self.tell_end(&ended.error, delay, refusal);
            self.status.send_modify(|status| {
                status.phase = BindPhase::Waiting;
                status.last_error = Some(ended.error);
                status.refused = refusal.or(status.refused);
                status.retry_in = delay;
            });
            let cancel = self.cancel.clone();
            let wait = async {
                tokio::time::timeout(delay, cancel.cancelled())
                    .await
                    .is_ok()
            };
            self.refusing_submissions(wait).await;
        }
        self.set_phase(BindPhase::Stopped);
        self.submissions.close();
        while let Some(submission) = self.submissions.recv().await {
            let _ = submission.reply.send(Err(BindError::NotBound));
        }
    }

    fn tell_end(&self, error: &str, delay: Duration, refusal: Option<BindRefusal>) {
        let retry_in_ms = delay.as_millis() as u64;
        let bind = &self.settings.name;
        match refusal {
            Some(refusal) => {
                let why = refusal.words();
                tracing::warn!(%bind, %error, %why, retry_in_ms, "login refused");
            }
            None => tracing::warn!(%bind, %error, retry_in_ms, "bind lost or not made"),
        }
    }

    async fn connect(&mut self) -> Result<Box<dyn Stream>, String> {
        let settings = self.settings.clone();
        let cancel = self.cancel.clone();
        let within = settings.session.bind_timeout;
        let attempt = async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err("stopped".to_owned()),
                done = tokio::time::timeout(within, open(&settings)) => {
                    done.unwrap_or_else(|_| Err("no connection in time".to_owned()))
                }
            }
        };
        self.refusing_submissions(attempt).await
    }

    /// Does `work`; whoever submits meanwhile is told that there is no bind.
    async fn refusing_submissions<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        let mut is_open = true;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                submission = self.submissions.recv(), if is_open => match submission {
                    Some(submission) => {
                        let _ = submission.reply.send(Err(BindError::NotBound));
                    }
                    None => is_open = false,
                },
            }
        }
    }

    fn set_phase(&self, phase: BindPhase) {
        self.status.send_modify(|status| status.phase = phase);
    }
}

async fn open(settings: &SmppSettings) -> Result<Box<dyn Stream>, String> {
    let address = (settings.host.as_str(), settings.port);
    let tcp = TcpStream::connect(address)
        .await
        .map_err(|e| format!("cannot connect: {e}"))?;
    tcp.set_nodelay(true)
        .map_err(|e| format!("cannot connect: {e}"))?;
    let Some(tls) = &settings.tls else {
        return Ok(Box::new(tcp));
    };
    let connector = TlsConnector::from(tls.config.clone());
    let stream = connector.connect(tls.server_name.clone(), tcp).await;
    Ok(Box::new(
        stream.map_err(|e| format!("cannot agree on TLS: {e}"))?,
    ))
}
