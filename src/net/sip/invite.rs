//! The signalling of one outbound call: INVITE and its answers, withdrawal, the dialog, what the
//! peer asks inside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ezk_sip_core::transaction::consts::{T1, T2};
use ezk_sip_core::transaction::{Accepted, ClientInvTsx, TsxResponse};
use ezk_sip_core::transport::OutgoingRequest;
use ezk_sip_core::{Error, IncomingRequest};
use ezk_sip_types::{Method, StatusCode};
use ezk_sip_ua::dialog::{ClientDialogBuilder, Dialog, UsageGuard};
use tokio::sync::{mpsc, oneshot};

use super::auth::Authentication;
use super::layer::{CallUsage, answer};
use super::trunk::Shared;
use super::{SIGNALS_MAX, bye, wire};
use crate::proto::call::SipEvent;
use crate::proto::media::Digit;
use crate::proto::media::sdp::{self, RemoteMedia};

/// How long repeated answers to a finished call are still taken care of (64 × T1).
const LINGER: Duration = Duration::from_secs(32);

/// Something came in for this call.
pub(crate) enum Signal {
    Response(Box<TsxResponse>),
    Request(Box<IncomingRequest>),
    Failed(Error),
    RepeatCancel,
}

/// What it means.
pub(crate) enum Heard {
    /// Nothing that the call need know.
    Nothing,
    /// Something that moves the call.
    Event(SipEvent),
    /// Answered; the audio goes there.
    Answered(RemoteMedia),
    /// The peer moved its audio.
    Moved(RemoteMedia),
    /// A key, by INFO.
    Digit(Digit),
}

/// The signalling of one call.
pub(crate) struct Signalling {
    shared: Arc<Shared>,
    builder: ClientDialogBuilder,
    auth: Authentication,
    offer: Bytes,
    sent: OutgoingRequest,
    inbox: mpsc::Receiver<Signal>,
    outbox: mpsc::Sender<Signal>,
    dialog: Option<Established>,
    early_media: Option<RemoteMedia>,
    provisional: bool,
    finished: bool,
    cancel: Cancel,
}

struct Established {
    dialog: Arc<Dialog>,
    _usage: UsageGuard,
    acknowledgement: OutgoingRequest,
    remote: Option<RemoteMedia>,
    hung_up: bool,
    reinvite_ack: Option<(u32, oneshot::Sender<()>)>,
}

#[derive(Default)]
struct Cancel {
    wanted: bool,
    repeat: Option<(Instant, Duration)>,
}

impl Signalling {
    /// Sends the INVITE.
    pub(crate) async fn invite(
        shared: &Arc<Shared>,
        mut builder: ClientDialogBuilder,
        offer: String,
    ) -> Result<Self, Error> {
        let (outbox, inbox) = mpsc::channel(SIGNALS_MAX);
        let mut auth = Authentication::new(shared.config.credentials.as_ref());
        let offer = Bytes::from(offer);
        let sent = send_invite(&mut builder, &mut auth, &offer, &outbox).await?;
        Ok(Self {
            shared: Arc::clone(shared),
            builder,
            auth,
            offer,
            sent,
            inbox,
            outbox,
            dialog: None,
            early_media: None,
            provisional: false,
            finished: false,
            cancel: Cancel::default(),
        })
    }

    /// Waits for the next signal. May be dropped at any time.
    pub(crate) async fn receive(&mut self) -> Signal {
        let repeat = self.cancel.repeat.map(|(due, _)| due);
        let due = async move {
            match repeat {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // We hold a sender ourselves, so the channel never closes.
            Some(signal) = self.inbox.recv() => signal,
            () = due => Signal::RepeatCancel,
        }
    }

    /// Does what the signal asks for and says what it means. Must not be dropped half way.
    pub(crate) async fn handle(&mut self, signal: Signal) -> Heard {
        let result = match signal {
            Signal::Response(response) => self.handle_response(*response).await,
            Signal::Request(request) => return self.handle_request(*request).await,
            Signal::Failed(error) => Ok(self.handle_failure(&error)),
            Signal::RepeatCancel => {
                self.send_cancel().await;
                Ok(Heard::Nothing)
            }
        };
        result.unwrap_or_else(|error| {
            tracing::debug!(%error, "the trunk's answer could not be followed up");
            Heard::Event(SipEvent::Unusable(error.to_string()))
        })
    }

    /// Withdraws the call; before any provisional answer as soon as one comes (RFC 3261 9.1).
    pub(crate) async fn cancel(&mut self) {
        self.cancel.wanted = true;
        if self.provisional && !self.finished {
            self.send_cancel().await;
        }
    }

    /// Hangs up if there is a dialog.
    pub(crate) fn hang_up(&mut self) {
        if let Some(established) = &mut self.dialog
            && !established.hung_up
        {
            established.hung_up = true;
            bye::hang_up(&self.shared, Arc::clone(&established.dialog));
        }
    }

    /// Leaves the call to end by itself: a late 200 is acknowledged and hung up, a repeated one
    /// acknowledged again, the peer's BYE answered.
    pub(crate) fn leave(mut self) {
        let rejected = self.finished && self.dialog.is_none();
        if rejected {
            return;
        }
        let stop = self.shared.stack.stop.clone();
        let tasks = self.shared.tasks.clone();
        tasks.spawn(async move {
            if !self.finished {
                self.cancel().await;
            }
            let end = tokio::time::Instant::now() + LINGER;
            loop {
                let signal = tokio::select! {
                    signal = self.receive() => signal,
                    () = tokio::time::sleep_until(end) => return,
                    () = stop.cancelled() => return,
                };
                self.handle(signal).await;
                self.hang_up();
                let rejected = self.finished && self.dialog.is_none();
                if rejected || !self.shared.stack.is_udp() && self.finished {
                    return;
                }
            }
        });
    }

    async fn handle_response(&mut self, response: TsxResponse) -> Result<Heard, Error> {
        match response.line.code.into_u16() {
            0..=199 => Ok(self.handle_provisional(&response).await),
            200..=299 => self.handle_success(&response).await,
            401 | 407 if self.may_authenticate(&response) => {
                let sending =
                    send_invite(&mut self.builder, &mut self.auth, &self.offer, &self.outbox);
                self.sent = sending.await?;
                self.provisional = false;
                Ok(Heard::Nothing)
            }
            _ => {
                self.finished = true;
                self.cancel.repeat = None;
                let answer = wire::sip_answer(&response);
                Ok(Heard::Event(SipEvent::Rejected(answer)))
            }
        }
    }

    fn may_authenticate(&mut self, challenge: &TsxResponse) -> bool {
        !self.cancel.wanted && self.auth.handle_challenge(&self.sent.msg, challenge)
    }

    async fn handle_provisional(&mut self, response: &TsxResponse) -> Heard {
        if self.finished {
            return Heard::Nothing;
        }
        let first = !std::mem::replace(&mut self.provisional, true);
        if first && self.cancel.wanted {
            self.send_cancel().await;
        }
        if let Ok(media) = sdp::parse(&response.body) {
            self.early_media = Some(media);
        }
        Heard::Event(match response.line.code.into_u16() {
            0..=100 => SipEvent::Trying,
            183 => SipEvent::EarlyMedia,
            _ => SipEvent::Ringing,
        })
    }

    async fn handle_success(&mut self, response: &TsxResponse) -> Result<Heard, Error> {
        if let Some(established) = &mut self.dialog {
            if established.dialog.peer_fromto.tag == response.base_headers.to.tag {
                let repeated = &mut established.acknowledgement;
                self.builder
                    .endpoint
                    .send_outgoing_request(repeated)
                    .await?;
            } else {
                self.refuse_fork(response).await?;
            }
            return Ok(Heard::Nothing);
        }
        self.finished = true;
        self.cancel.repeat = None;
        let dialog = self.builder.create_dialog_from_response(response)?;
        let usage = dialog.register_usage(CallUsage {
            signals: self.outbox.clone(),
        });
        let acknowledgement = bye::acknowledge(&dialog, &self.sent).await?;
        let media = match (sdp::parse(&response.body), self.early_media) {
            (Ok(media), _) => Ok(media),
            (Err(_), Some(media)) if response.body.is_empty() => Ok(media),
            (Err(error), _) => Err(error),
        };
        self.dialog = Some(Established {
            dialog: Arc::new(dialog),
            _usage: usage,
            acknowledgement,
            remote: media.ok(),
            hung_up: false,
            reinvite_ack: None,
        });
        Ok(match media {
            Ok(media) => Heard::Answered(media),
            Err(error) => {
                self.hang_up();
                Heard::Event(SipEvent::Unusable(error.to_string()))
            }
        })
    }

    /// A second telephone answered the same call (RFC 3261 section 13.2.2.4): one is enough.
    async fn refuse_fork(&mut self, response: &TsxResponse) -> Result<(), Error> {
        let dialog = self.builder.create_dialog_from_response(response)?;
        bye::acknowledge(&dialog, &self.sent).await?;
        bye::hang_up(&self.shared, Arc::new(dialog));
        Ok(())
    }

    fn handle_failure(&mut self, error: &Error) -> Heard {
        if self.finished {
            return Heard::Nothing;
        }
        self.finished = true;
        self.cancel.repeat = None;
        Heard::Event(match error {
            Error::RequestTimedOut => SipEvent::TimedOut,
            Error::Io(_) => SipEvent::TransportFailed,
            Error::Header(_) => SipEvent::Unusable(error.to_string()),
        })
    }

    async fn send_cancel(&mut self) {
        if self.finished {
            self.cancel.repeat = None;
            return;
        }
        if let Err(error) = bye::cancel(&self.builder.endpoint, &self.sent).await {
            tracing::debug!(%error, "CANCEL not sent");
        }
        let wait = match self.cancel.repeat {
            Some((_, wait)) => (wait * 2).min(T2),
            None => T1,
        };
        let due = tokio::time::Instant::now().into_std() + wait;
        self.cancel.repeat = self.shared.stack.is_udp().then_some((due, wait));
    }

    async fn handle_request(&mut self, request: IncomingRequest) -> Heard {
        let endpoint = self.builder.endpoint.clone();
        let method = request.line.method.clone();
        if method == Method::ACK {
            self.handle_ack(&request);
        } else if method == Method::BYE {
            answer(&endpoint, request, StatusCode::OK).await;
            if let Some(established) = &mut self.dialog {
                established.hung_up = true;
            }
            return Heard::Event(SipEvent::Bye);
        } else if method == Method::INVITE || method == Method::UPDATE {
            return self.handle_reoffer(request).await;
        } else if method == Method::INFO {
            let digit = wire::digit_in_info(&request.body);
            answer(&endpoint, request, StatusCode::OK).await;
            return digit.map_or(Heard::Nothing, Heard::Digit);
        } else if method == Method::OPTIONS {
            answer(&endpoint, request, StatusCode::OK).await;
        } else {
            answer(&endpoint, request, StatusCode::METHOD_NOT_ALLOWED).await;
        }
        Heard::Nothing
    }

    /// re-INVITE and UPDATE (RFC 3261 section 14, RFC 3311): the peer refreshes the session or
    /// moves its audio. What would change the codec is refused with 488; the call goes on as is.
    async fn handle_reoffer(&mut self, request: IncomingRequest) -> Heard {
        let endpoint = self.builder.endpoint.clone();
        let offered = sdp::parse(&request.body).ok();
        let Some(established) = self.dialog.as_mut().filter(|it| !it.hung_up) else {
            answer(
                &endpoint,
                request,
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            )
            .await;
            return Heard::Nothing;
        };
        let codec = established.remote.map(|remote| remote.codec);
        let moved = offered.filter(|offered| Some(offered.codec) == codec);
        if !request.body.is_empty() && moved.is_none() {
            answer(&endpoint, request, StatusCode::NOT_ACCEPTABLE_HERE).await;
            return Heard::Nothing;
        }
        let with_sdp = request.line.method == Method::INVITE || moved.is_some();
        if let Err(error) = established.accept(request, &self.offer, with_sdp).await {
            tracing::debug!(%error, "session refresh not answered");
        }
        match moved {
            Some(moved) => {
                established.remote = Some(moved);
                Heard::Moved(moved)
            }
            None => Heard::Nothing,
        }
    }

    fn handle_ack(&mut self, request: &IncomingRequest) {
        let Some(established) = &mut self.dialog else {
            return;
        };
        let cseq = request.base_headers.cseq.cseq;
        if established
            .reinvite_ack
            .as_ref()
            .is_some_and(|(awaited, _)| *awaited == cseq)
            && let Some((_, acknowledged)) = established.reinvite_ack.take()
        {
            let _ = acknowledged.send(());
        }
    }
}

impl Established {
    /// 200 to a re-INVITE or UPDATE. Our side of the session stays as it was offered first; only
    /// the peer's codec is in it, which it already speaks.
    async fn accept(
        &mut self,
        mut request: IncomingRequest,
        offer: &Bytes,
        with_sdp: bool,
    ) -> Result<(), Error> {
        let endpoint = self.dialog.endpoint.clone();
        let mut response = self
            .dialog
            .create_response(&request, StatusCode::OK, None)?;
        if with_sdp {
            wire::set_sdp(&mut response.msg.headers);
            response.msg.body = offer.clone();
        }
        if request.line.method != Method::INVITE {
            let transaction = endpoint.create_server_tsx(&mut request);
            return transaction.respond(response).await;
        }
        let cseq = request.base_headers.cseq.cseq;
        let transaction = endpoint.create_server_inv_tsx(&mut request);
        let accepted = transaction.respond_success(response).await?;
        let (acknowledged, wait) = oneshot::channel();
        self.reinvite_ack = Some((cseq, acknowledged));
        tokio::spawn(repeat_until_acknowledged(accepted, wait));
        Ok(())
    }
}

async fn repeat_until_acknowledged(mut accepted: Accepted, mut wait: oneshot::Receiver<()>) {
    let end = tokio::time::Instant::now() + LINGER;
    let mut delta = T1;
    while tokio::time::Instant::now() < end {
        if tokio::time::timeout(delta, &mut wait).await.is_ok() {
            return;
        }
        if accepted.retransmit().await.is_err() {
            return;
        }
        delta = (delta * 2).min(T2);
    }
}

async fn send_invite(
    builder: &mut ClientDialogBuilder,
    auth: &mut Authentication,
    offer: &Bytes,
    outbox: &mpsc::Sender<Signal>,
) -> Result<OutgoingRequest, Error> {
    let mut request = builder.create_request(Method::INVITE, None);
    request.headers.insert_named(builder.endpoint.allowed());
    auth.authorize(&mut request.headers);
    wire::set_sdp(&mut request.headers);
    request.body = offer.clone();
    let endpoint = builder.endpoint.clone();
    let sending = endpoint.send_invite(request, &mut builder.target_tp_info);
    let transaction = sending.await?;
    let sent = transaction.request().clone();
    tokio::spawn(pump(transaction, outbox.clone()));
    Ok(sent)
}

/// Drives the transaction without a break (its retransmission timer starts anew whenever its
/// future is dropped) and hands its answers on.
async fn pump(mut transaction: ClientInvTsx, outbox: mpsc::Sender<Signal>) {
    loop {
        let signal = match transaction.receive().await {
            Ok(Some(response)) => Signal::Response(Box::new(response)),
            Ok(None) => return,
            Err(error) => Signal::Failed(error),
        };
        let last = matches!(signal, Signal::Failed(_));
        if outbox.send(signal).await.is_err() || last {
            return;
        }
    }
}
