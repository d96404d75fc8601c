//! One call, from INVITE to its end: joins signalling, media and [`CallMachine`].

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ezk_sip_types::uri::NameAddr;
use ezk_sip_ua::dialog::ClientDialogBuilder;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::invite::{Heard, Signalling};
use super::media::CallMedia;
use super::ports::MediaSockets;
use super::trunk::{Shared, SipError};
use super::wire;
use crate::proto::call::{
    Action, CallMachine, CallPlan, CallResult, Input, Output, Progress, SipEvent,
};
use crate::proto::media::sdp::RemoteMedia;
use crate::proto::media::{MediaEvent, RTP_PACKET_BYTES_MAX, sdp};

/// A call to be placed.
pub struct CallOrder {
    /// The number as the trunk wants it.
    pub number: String,
    /// How it is to be made.
    pub plan: CallPlan,
    /// What is said: 8 kHz, 16 bit, one channel.
    pub script: Arc<[i16]>,
}

/// Without the number.
impl fmt::Debug for CallOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOrder")
            .field("plan", &self.plan)
            .field("script_samples", &self.script.len())
            .finish_non_exhaustive()
    }
}

/// Why a call could not even begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error(transparent)]
    Address(#[from] SipError),
    #[error("no port for media")]
    Media(#[from] std::io::Error),
    #[error("the trunk cannot be reached")]
    Trunk(#[from] ezk_sip_core::Error),
}

/// Sees one call through.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    order: CallOrder,
    progress: mpsc::Sender<Progress>,
    cancel: CancellationToken,
) -> Result<CallResult, BeginError> {
    let sockets = shared.ports.bind(&shared.random).await?;
    let (target, own) = shared.stack.target().await?;
    let mut builder = dialog_builder(shared, &order.number, own)?;
    builder.target_tp_info = target;
    let media_addr = SocketAddr::new(shared.own_ip, sockets.rtp.local_addr()?.port());
    let session_id = shared.random.next_u64() >> 2;
    let offer = sdp::offer(media_addr, session_id, &shared.config.codecs);
    let machine = CallMachine::new(order.plan, now());
    let signalling = Signalling::invite(shared, builder, offer).await?;
    let call = Call {
        shared: Arc::clone(shared),
        script: order.script,
        sockets,
        signalling,
        machine,
        media: None,
        progress,
    };
    Ok(call.see_through(cancel).await)
}

struct Call {
    shared: Arc<Shared>,
    script: Arc<[i16]>,
    sockets: MediaSockets,
    signalling: Signalling,
    machine: CallMachine,
    media: Option<CallMedia>,
    progress: mpsc::Sender<Progress>,
}

impl Call {
    async fn see_through(mut self, cancel: CancellationToken) -> CallResult {
        let mut datagram = vec![0; RTP_PACKET_BYTES_MAX + 1];
        let mut withdrawn = false;
        loop {
            if let Some(result) = self.follow().await {
                if let Some(media) = &self.media {
                    media.finish(&self.sockets, now());
                }
                self.signalling.leave();
                return result;
            }
            let due = self.poll_timeout();
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !withdrawn => {
                    withdrawn = true;
                    self.machine.handle_input(Input::Abort, now());
                }
                signal = self.signalling.receive() => {
                    let heard = self.signalling.handle(signal).await;
                    self.hear(heard);
                }
                () = sleep_until(due) => self.handle_timeout(),
                received = self.sockets.rtp.recv_from(&mut datagram) => {
                    if let (Ok((length, source)), Some(media)) = (received, &mut self.media) {
                        media.handle_datagram(&datagram[..length], source, now());
                    }
                }
            }
            self.hear_media();
        }
    }

    /// Does what the machine wants; returns the result when the call is over.
    async fn follow(&mut self) -> Option<CallResult> {
        while let Some(output) = self.machine.poll_output() {
            match output {
                // Three reports at most: a sink that is full does not hold up the audio.
                Output::Progress(progress) => {
                    let _ = self.progress.try_send(progress);
                }
                Output::Action(action) => self.act(action).await,
                Output::Ended(result) => return Some(result),
            }
        }
        None
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::PlayScript => {
                if let Some(media) = &mut self.media {
                    media.session.play(Arc::clone(&self.script));
                }
            }
            Action::StopPlayback => {
                if let Some(media) = &mut self.media {
                    media.session.stop_playback();
                }
            }
            Action::SendCancel => self.signalling.cancel().await,
            Action::SendBye => self.signalling.hang_up(),
        }
    }

    fn hear(&mut self, heard: Heard) {
        let input = match heard {
            Heard::Nothing => return,
            Heard::Event(event) => Input::Sip(event),
            Heard::Answered(remote) => {
                self.start_media(remote);
                Input::Sip(SipEvent::Answered)
            }
            Heard::Moved(remote) => {
                if let Some(media) = &mut self.media {
                    media.move_to(remote);
                }
                return;
            }
            Heard::Digit(digit) => Input::Media(MediaEvent::Digit(digit)),
        };
        self.machine.handle_input(input, now());
    }

    fn start_media(&mut self, remote: RemoteMedia) {
        let config = &self.shared.config;
        let allowed = if config.media_from_anywhere {
            vec![]
        } else {
            self.shared.server_ips.clone()
        };
        let media = CallMedia::new(remote, config.listen, allowed, &self.shared.random, now());
        self.media = Some(media);
    }

    fn hear_media(&mut self) {
        let Some(media) = &mut self.media else { return };
        while let Some(event) = media.session.poll_event() {
            self.machine.handle_input(Input::Media(event), now());
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let machine = self.machine.poll_timeout();
        let media = self.media.as_ref().and_then(CallMedia::poll_timeout);
        match (machine, media) {
            (Some(machine), Some(media)) => Some(machine.min(media)),
            (machine, media) => machine.or(media),
        }
    }

    fn handle_timeout(&mut self) {
        let now = now();
        self.machine.handle_timeout(now);
        if let Some(media) = &mut self.media {
            media.handle_timeout(&self.sockets, now);
        }
    }
}

fn dialog_builder(
    shared: &Shared,
    number: &str,
    own: SocketAddr,
) -> Result<ClientDialogBuilder, SipError> {
    let config = &shared.config;
    let domain = wire::host_port(&config.domain, None, "domain")?;
    let from = wire::uri(&config.caller_id, domain, "caller id")?;
    let host = wire::host_port(&config.host, Some(config.port), "host")?;
    let target = wire::uri(number, host, "number")?;
    let contact = wire::contact(&config.caller_id, own.into(), config.transport);
    Ok(ClientDialogBuilder::new(
        shared.stack.endpoint.clone(),
        NameAddr::uri(from),
        contact,
        target,
    ))
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
