//! Connecting, and connecting again.

use std::future::Future;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Ended};
use super::{BindError, BindPhase, BindStatus, Delivery, SmppSettings, Submission};

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
    jitter: StdRng,
}

impl Link {
    pub(super) fn new(
        settings: SmppSettings,
        submissions: mpsc::Receiver<Submission>,
        inbound: mpsc::Sender<Delivery>,
        status: watch::Sender<BindStatus>,
        cancel: CancellationToken,
    ) -> Self {
        let jitter = StdRng::seed_from_u64(settings.jitter_seed);
        Self {
            settings,
            submissions,
            inbound,
            status,
            cancel,
            jitter,
        }
    }

    pub(super) async fn run(mut self) {
        let mut failures = 0;
        while !self.cancel.is_cancelled() {
            self.set_phase(BindPhase::Connecting);
            let ended = match self.connect().await {
                Ok(stream) => Connection::run(&mut self, stream).await,
                Err(error) => Ended {
                    was_bound: false,
                    error,
                },
            };
            if self.cancel.is_cancelled() {
                break;
            }
            failures = if ended.was_bound { 0 } else { failures + 1 };
            let delay = self.delay(failures);
            tracing::warn!(
                bind = %self.settings.name,
                error = %ended.error,
                retry_in_ms = delay.as_millis() as u64,
                "bind lost or not made"
            );
            self.status.send_modify(|status| {
                status.phase = BindPhase::Waiting;
                status.last_error = Some(ended.error);
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

    /// Exponential, with up to half taken off at random so that many binds do
    /// not come back together.
    fn delay(&mut self, failures: u32) -> Duration {
        let doubled = self
            .settings
            .reconnect_delay
            .saturating_mul(1 << failures.min(16));
        let delay = doubled.min(self.settings.reconnect_delay_max);
        delay.mul_f64(self.jitter.random_range(0.5..=1.0))
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
