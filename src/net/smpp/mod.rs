//! One bind to a message centre, kept up: connects, binds, paces, reconnects.
//!
//! [`SmppBind`] is a handle that many tasks hold; one task behind it owns the
//! connection and drives [`crate::proto::smpp::Session`].

mod backoff;
mod connection;
mod garbled;
mod link;
mod pace;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::proto::smpp::{CommandStatus, DeliverSm, EncodeError, SubmitSm};

pub use backoff::{BindRefusal, REFUSED_DELAY_MAX, REFUSED_DELAY_MIN};
pub use settings::{SmppSettings, TlsSettings};

/// Submissions that wait for the window and the pace; more callers wait outside.
const SUBMISSIONS_WAITING_MAX: usize = 256;

/// Deliveries handed over and not yet answered; the centre is told to wait beyond.
pub const DELIVERIES_WAITING_MAX: usize = 256;

/// The centre took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its id for the message, as it wrote it; empty if it gave none.
    pub message_id: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// There is no bind now; nothing was sent.
    #[error("not bound to the message centre")]
    NotBound,
    /// The centre refused it; throttling has been waited out several times by then.
    #[error("refused by the message centre: {0}")]
    Refused(CommandStatus),
    /// It was sent, and no answer came. The centre may have it or not.
    #[error("no answer from the message centre")]
    Unanswered,
    /// A field does not fit; nothing was sent.
    #[error("the message cannot be encoded: {0}")]
    Unencodable(EncodeError),
}

/// Where a bind stands, for readiness, metrics and the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindStatus {
    /// Now.
    pub phase: BindPhase,
    /// Why the last connection ended or could not be made.
    pub last_error: Option<String>,
    /// Binds that succeeded since the start.
    pub binds: u64,
    /// Times the centre asked to slow down.
    pub throttled: u64,
    /// The centre refuses our login: an operator has to look. Until it lets us bind.
    pub refused: Option<BindRefusal>,
    /// How long the wait is that has just begun, or was the last.
    pub retry_in: Duration,
    /// PDUs that could not be taken since the start.
    pub garbled: u64,
}

/// See [`BindStatus`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindPhase {
    /// Making the connection, or waiting for the answer to the bind.
    Connecting,
    /// Messages pass.
    Bound {
        /// The centre's name for itself.
        system_id: String,
    },
    /// Waiting before the next try.
    Waiting,
    /// Unbound for good.
    Stopped,
}

/// A handle to a bind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SmppBind {
    submissions: mpsc::Sender<Submission>,
    status: watch::Receiver<BindStatus>,
    outstanding: Arc<AtomicUsize>,
}

/// What [`SmppBind::start`] gives.
pub struct StartedBind {
    /// For those who send.
    pub bind: SmppBind,
    /// What the centre delivers; take it in and answer each one.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// Ends after `cancel` and an orderly unbind.
    pub task: JoinHandle<()>,
}

/// A message or receipt from the centre. It is acknowledged only by
/// [`Delivery::confirm`]; dropping it asks the centre to offer it again.
#[derive(Debug)]
pub struct Delivery {
    message: DeliverSm,
    sequence: u32,
    answers: Option<mpsc::Sender<Answer>>,
}

/// A message on its way to the connection, and who waits for its answer.
#[derive(Debug)]
struct Submission {
    message: SubmitSm,
    reply: oneshot::Sender<Result<Submitted, BindError>>,
    /// How often the centre asked to slow down on it.
    throttled: u32,
}

/// The answer to a delivery.
#[derive(Debug)]
struct Answer {
    sequence: u32,
    status: CommandStatus,
}

impl SmppBind {
    /// Starts the bind's task, which connects and goes on until `cancel`.
    pub fn start(settings: SmppSettings, cancel: CancellationToken) -> StartedBind {
        let (submissions, waiting) = mpsc::channel(SUBMISSIONS_WAITING_MAX);
        let (inbound, deliveries) = mpsc::channel(DELIVERIES_WAITING_MAX);
        let status = BindStatus {
            phase: BindPhase::Connecting,
            last_error: None,
            binds: 0,
            throttled: 0,
            refused: None,
            retry_in: Duration::ZERO,
            garbled: 0,
        };
        let (told, status) = watch::channel(status);
        let link = link::Link::new(settings, waiting, inbound, told, cancel);
        let task = tokio::spawn(link.run());
        StartedBind {
            bind: Self {
                submissions,
                status,
                outstanding: Arc::default(),
            },
            deliveries,
            task,
        }
    }

    /// Sends one message and waits for the centre's answer: for room in the
    /// window, for the pace, and through throttling, but not for a bind.
    /// Dropping the future takes the message back if it is not sent yet.
    pub async fn submit(&self, message: SubmitSm) -> Result<Submitted, BindError> {
        let (reply, answer) = oneshot::channel();
        let submission = Submission {
            message,
            reply,
            throttled: 0,
        };
        let _held = Outstanding::hold(&self.outstanding);
        if !self.is_bound() || self.submissions.send(submission).await.is_err() {
            return Err(BindError::NotBound);
        }
        // The task answers everything it takes; it is gone if it does not.
        answer.await.unwrap_or(Err(BindError::Unanswered))
    }

    /// Messages handed in and not answered: those in the window, and those that wait for it.
    pub fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Messages pass now.
    pub fn is_bound(&self) -> bool {
        matches!(self.status.borrow().phase, BindPhase::Bound { .. })
    }

    /// Where it stands now.
    pub fn status(&self) -> BindStatus {
        self.status.borrow().clone()
    }

    /// Changes of [`SmppBind::status`] as they happen.
    pub fn watch(&self) -> watch::Receiver<BindStatus> {
        self.status.clone()
    }
}

/// One message more on its way, while it lives.
struct Outstanding<'a>(&'a AtomicUsize);

impl<'a> Outstanding<'a> {
    fn hold(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Delivery {
    /// What was delivered.
    pub fn message(&self) -> &DeliverSm {
        &self.message
    }

    /// It is on disk: the centre may forget it.
    pub fn confirm(mut self) {
        self.answer(CommandStatus::ROK);
    }

    /// The centre is to do what `status` means.
    pub fn refuse(mut self, status: CommandStatus) {
        self.answer(status);
    }

    fn answer(&mut self, status: CommandStatus) {
        let Some(answers) = self.answers.take() else {
            return;
        };
        // The connection may be gone; then the centre offers the message again.
        // There is room for as many answers as deliveries can wait.
        let _ = answers.try_send(Answer {
            sequence: self.sequence,
            status,
        });
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.answer(CommandStatus::RX_T_APPN);
    }
}
