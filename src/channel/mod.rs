//! The three ways out. A channel makes one attempt at one delivery: it is told everything it
//! needs, reports progress on the way, and ends with exactly one outcome. It never touches
//! the store.

pub mod email;
pub mod off;
pub mod sms;
pub mod voice;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::domain::verdict::Verdict;
use crate::domain::{
    CallStatus, Channel as ChannelKind, Content, DeliveryId, Destination, Redacted,
};

/// A file that goes with an email.
#[derive(Clone, Debug)]
pub struct AttachedFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// One attempt at one delivery.
#[derive(Clone, Debug)]
pub struct AttemptRequest {
    /// Which delivery; doubles as idempotency key and correlation id.
    pub delivery: DeliveryId,
    /// 1 for the first attempt.
    pub attempt: u16,
    /// Where to.
    pub destination: Destination,
    /// What is said.
    pub content: Arc<Content>,
    /// The same as it was written, without links of the recipient's own; shared by all deliveries
    /// of a communication.
    pub written: Arc<Content>,
    /// The files that go with an email; shared by all deliveries of a communication.
    pub files: Arc<[AttachedFile]>,
    /// The whole message, for mail that an application handed in.
    pub submitted: Option<Bytes>,
    /// Name to greet or address, may be empty.
    pub recipient_name: String,
    /// ISO 639-1 language of the contact.
    pub language: String,
    /// Envelope sender for mail: the per-delivery bounce address (VERP); empty for a report, to
    /// which nothing comes back.
    pub return_path: String,
    /// `Message-ID` of the mail that this one answers, without brackets.
    pub in_reply_to: Option<String>,
    /// Key 1 is asked for and waited for in a call.
    pub confirmation_required: bool,
    /// Links of this delivery, for a mail that is composed.
    pub links: MailLinks,
    /// What the next server is told of what was asked for, for a mail that was handed in.
    pub reports: ReportParams,
    /// What is said is for this attempt alone (a code): it is not to be kept.
    pub once: bool,
    /// An emergency: it has places where others wait.
    pub express: bool,
}

/// What whoever handed a mail in asked for, as far as the next server is told (RFC 3461 section
/// 5.2.1). Reports come to us, who tell them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportParams {
    /// Success is to be reported.
    pub success: bool,
    /// ORCPT as it was given; empty for none.
    pub original_recipient: Redacted<String>,
}

/// Links of one delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailLinks {
    /// Picture of one pixel that tells of opening.
    pub pixel: Option<String>,
    /// One-click unsubscription (RFC 8058).
    pub unsubscribe: Option<String>,
    /// What it belongs to, for the figures that mailbox providers give to senders: the
    /// communication and its category, with a colon between.
    pub feedback: Option<String>,
}

/// What happens while an attempt runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The call went on: started, ringing, in progress.
    Call(CallStatus),
}

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The recipient's own side has it (mail: its MX said 250).
    Delivered {
        /// Its answer.
        verdict: Verdict,
    },
    /// The next hop has it and will report (a relay; an SMS carrier).
    Accepted {
        /// Its answer.
        verdict: Verdict,
        /// The carrier's ids, one for each segment; empty for mail.
        remote_ids: Vec<String>,
    },
    /// It was handed over, wholly or in part, and nobody answered: the next hop may have it or not.
    Unknown {
        /// What is known of it.
        verdict: Verdict,
    },
    /// Not now; try again later.
    Deferred {
        /// Why.
        verdict: Verdict,
    },
    /// Never.
    Rejected {
        /// Why.
        verdict: Verdict,
        /// The next hop saw it and said no; false when we never got to ask (no such domain).
        by_peer: bool,
    },
    /// A call ended.
    CallEnded {
        /// A final status: busy, fax, voicemail, completed, confirmed, no answer, failed.
        status: CallStatus,
        /// What the network said, if it said anything.
        verdict: Option<Verdict>,
        /// Keys that the person pressed, but for the one that confirms.
        keys: String,
    },
}

/// Takes progress while an attempt runs. Bounded: a full sink makes the channel wait.
pub type ProgressSink = tokio::sync::mpsc::Sender<Progress>;

/// A place at the other side, given back when this is dropped.
#[derive(Default)]
pub struct Place(Option<Box<dyn Any + Send>>);

impl Place {
    /// Gives this back at its end.
    pub fn of(held: impl Any + Send) -> Self {
        Self(Some(Box::new(held)))
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Place").field(&self.0.is_some()).finish()
    }
}

/// Whether an attempt makes sense now.
#[derive(Debug)]
pub enum Admission {
    /// It does, as long as the place is held.
    Go(Place),
    /// The other side takes no more at once, or asked to be spared: not before this has passed.
    Wait(Duration),
}

/// A future of an admission.
pub type AdmissionFuture<'a> = Pin<Box<dyn Future<Output = Admission> + Send + 'a>>;

/// Most progress events that wait for the tracker in one attempt.
pub const PROGRESS_MAX: usize = 16;

/// A future of an attempt.
pub type AttemptFuture<'a> = Pin<Box<dyn Future<Output = AttemptOutcome> + Send + 'a>>;

/// One way out.
pub trait Channel: Send + Sync + 'static {
    /// Which channel this is.
    fn kind(&self) -> ChannelKind;

    /// How many attempts may run at once.
    fn concurrency(&self) -> usize;

    /// Whether attempts make sense now: bound, registered, configured.
    fn is_ready(&self) -> bool;

    /// Whether the other side takes an attempt at this destination now. Who waits is put off
    /// without an attempt, and keeps no place from others.
    fn admit<'a>(&'a self, _destination: &'a Destination, _express: bool) -> AdmissionFuture<'a> {
        Box::pin(std::future::ready(Admission::Go(Place::default())))
    }

    /// Makes one attempt. Cancelled by `cancel` (the person confirmed elsewhere, or the daemon
    /// drains); then ends soon with what is true: `Deferred` when nothing was handed over.
    fn attempt<'a>(
        &'a self,
        request: AttemptRequest,
        progress: ProgressSink,
        cancel: CancellationToken,
    ) -> AttemptFuture<'a>;
}
