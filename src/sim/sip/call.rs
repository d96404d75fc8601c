//! One simulated call, from ringing to its end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ezk_sip_core::{Endpoint, IncomingRequest};
use ezk_sip_types::StatusCode;
use ezk_sip_types::header::typed::{Contact, ContentType};
use ezk_sip_types::uri::{NameAddr, SipUri};
use ezk_sip_ua::dialog::Dialog;
use ezk_sip_ua::invite::acceptor::InviteAcceptor;
use ezk_sip_ua::invite::session::{InviteSession, InviteSessionEvent};
use tokio::net::UdpSocket;

use super::{Answered, Shared, SimCallEnd};
use crate::proto::media::rtp::RtpOrigin;
use crate::proto::media::sdp::{self, RemoteMedia};
use crate::proto::media::session::Listen;
use crate::proto::media::{
    Digit, MediaConfig, MediaEvent, MediaSession, RTP_PACKET_BYTES_MAX, SAMPLE_RATE_HZ, tones,
};

/// How long a key is held.
const PRESS: Duration = Duration::from_millis(120);
/// The longest simulated call.
const CALL_DURATION_MAX: Duration = Duration::from_secs(3_600);
const AMPLITUDE: i16 = 6_000;

type End = (SimCallEnd, u64);

/// Rings until the caller gives up.
pub(crate) async fn ring_for_ever(
    shared: &Shared,
    endpoint: Endpoint,
    invite: IncomingRequest,
) -> End {
    let Some(mut acceptor) = begin(shared, endpoint, invite).await else {
        return (SimCallEnd::Failed, 0);
    };
    tokio::select! {
        () = acceptor.cancelled() => (SimCallEnd::Cancelled, 0),
        () = shared.stop.cancelled() => (SimCallEnd::Failed, 0),
    }
}

/// Rings for `ring`, answers and does as told; without anything to do the answer is garbage.
pub(crate) async fn answer(
    shared: &Shared,
    endpoint: Endpoint,
    invite: IncomingRequest,
    ring: Duration,
    then: Option<Answered>,
) -> End {
    let offer = sdp::parse(&invite.body).ok();
    let Some(mut acceptor) = begin(shared, endpoint, invite).await else {
        return (SimCallEnd::Failed, 0);
    };
    tokio::select! {
        biased;
        () = acceptor.cancelled() => return (SimCallEnd::Cancelled, 0),
        () = tokio::time::sleep(ring) => {}
    }
    let Ok(socket) = UdpSocket::bind(SocketAddr::new(shared.config.ip, 0)).await else {
        return (SimCallEnd::Failed, 0);
    };
    let body = match (offer, &then, socket.local_addr()) {
        (Some(offer), Some(_), Ok(addr)) => {
            sdp::answer(&offer, addr, shared.random.next_u64() >> 2)
        }
        _ => "garbage".to_owned(),
    };
    let Some(session) = accept(acceptor, body).await else {
        return (SimCallEnd::Failed, 0);
    };
    let (Some(remote), Some(then)) = (offer, then) else {
        return (wait_for_bye(session).await, 0);
    };
    Telephone::new(shared, remote, socket, session)
        .live(then)
        .await
}

async fn begin(
    shared: &Shared,
    endpoint: Endpoint,
    invite: IncomingRequest,
) -> Option<InviteAcceptor> {
    let contact = Contact::new(NameAddr::uri(SipUri::new(shared.addr.into())));
    let dialog = Dialog::new_server(endpoint, &invite, contact).ok()?;
    let mut acceptor = InviteAcceptor::new(dialog, invite);
    let ringing = acceptor.create_response(StatusCode::RINGING, None).await;
    acceptor.respond_provisional(ringing.ok()?).await.ok()?;
    Some(acceptor)
}

async fn accept(acceptor: InviteAcceptor, body: String) -> Option<InviteSession> {
    let mut response = acceptor.create_response(StatusCode::OK, None).await.ok()?;
    response
        .msg
        .headers
        .insert_named(&ContentType("application/sdp".into()));
    response.msg.body = body.into();
    let (session, _ack) = acceptor.respond_success(response).await.ok()?;
    Some(session)
}

async fn wait_for_bye(mut session: InviteSession) -> SimCallEnd {
    loop {
        match session.run().await {
            Ok(InviteSessionEvent::Bye(bye)) => {
                let _ = session.handle_bye(bye).await;
                return SimCallEnd::CallerHungUp;
            }
            Ok(InviteSessionEvent::Terminated) | Err(_) => return SimCallEnd::Failed,
            Ok(_) => {}
        }
    }
}

/// An answered simulated call.
struct Telephone<'a> {
    shared: &'a Shared,
    remote: SocketAddr,
    socket: UdpSocket,
    session: InviteSession,
    media: MediaSession,
    heard: u64,
}

impl<'a> Telephone<'a> {
    fn new(
        shared: &'a Shared,
        remote: RemoteMedia,
        socket: UdpSocket,
        session: InviteSession,
    ) -> Self {
        let [a, b, c, d] = shared.random.bytes();
        let config = MediaConfig {
            codec: remote.codec,
            telephone_event: remote.telephone_event,
            origin: RtpOrigin {
                ssrc: u32::from_be_bytes([a, b, c, d]),
                sequence: u16::from_be_bytes([a, d]),
                timestamp: u32::from_be_bytes([d, c, b, a]),
            },
            listen: Listen::default(),
            send_silence: false,
        };
        Self {
            shared,
            remote: remote.address,
            socket,
            session,
            media: MediaSession::new(config, now()),
            heard: 0,
        }
    }

    async fn live(mut self, then: Answered) -> End {
        let mut due = Some(now() + self.first_step(&then));
        let end = now() + CALL_DURATION_MAX;
        let mut datagram = vec![0; RTP_PACKET_BYTES_MAX];
        loop {
            let tick = self.media.poll_timeout().into_iter().chain(due).min();
            let tick = tick.unwrap_or(end).min(end);
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return self.hang_up().await,
                event = self.session.run() => match event {
                    Ok(InviteSessionEvent::Bye(bye)) => {
                        let _ = self.session.handle_bye(bye).await;
                        return (SimCallEnd::CallerHungUp, self.heard);
                    }
                    Ok(InviteSessionEvent::Terminated) | Err(_) => {
                        return (SimCallEnd::Failed, self.heard);
                    }
                    Ok(_) => {}
                },
                _ = self.socket.recv_from(&mut datagram) => self.heard += 1,
                () = tokio::time::sleep_until(tick.into()) => {
                    if tick >= end {
                        return self.hang_up().await;
                    }
                    if due.is_some_and(|due| due <= now()) {
                        due = None;
                        if self.step(&then) {
                            return self.hang_up().await;
                        }
                    }
                    self.send();
                }
            }
            while let Some(MediaEvent::PlaybackFinished) = self.media.poll_event() {}
        }
    }

    fn first_step(&self, then: &Answered) -> Duration {
        match then {
            Answered::Press { after, .. } | Answered::HangUp { after } => *after,
            Answered::Listen => CALL_DURATION_MAX,
            Answered::Voicemail { .. } | Answered::Fax => Duration::ZERO,
        }
    }

    /// Does what the subscriber does; true if that is to hang up.
    fn step(&mut self, then: &Answered) -> bool {
        match then {
            Answered::Press { key, inband, .. } => {
                let Some(key) = Digit::from_char(*key) else {
                    return false;
                };
                if *inband {
                    let samples = samples_in(PRESS);
                    let tone = crate::proto::media::inband::key_tone(key, AMPLITUDE, samples);
                    self.media.play(tone.into());
                } else {
                    self.media.press(key, PRESS);
                }
            }
            Answered::Voicemail { greeting } => {
                let mut sound = greeting_like(*greeting);
                let beep = samples_in(Duration::from_millis(400));
                sound.extend(tones::sine(1_000.0, AMPLITUDE, beep));
                sound.extend(vec![0; samples_in(Duration::from_millis(300))]);
                self.media.play(sound.into());
            }
            Answered::Fax => {
                let samples = samples_in(Duration::from_secs(3));
                let tone = tones::sine(tones::CED_HZ, AMPLITUDE, samples);
                self.media.play(tone.into());
            }
            Answered::HangUp { .. } => return true,
            Answered::Listen => {}
        }
        false
    }

    fn send(&mut self) {
        self.media.handle_timeout(now());
        while let Some(packet) = self.media.poll_output() {
            let _ = self.socket.try_send_to(&packet, self.remote);
        }
    }

    async fn hang_up(mut self) -> End {
        let _ = self.session.terminate().await;
        (SimCallEnd::SubscriberHungUp, self.heard)
    }
}

/// Something between speech and a hum, loud throughout: four wandering tones.
fn greeting_like(length: Duration) -> Vec<i16> {
    let rate = f64::from(SAMPLE_RATE_HZ);
    let mut phases = [0.0f64; 4];
    (0..samples_in(length))
        .map(|n| {
            let t = n as f64 / rate;
            let mut sum = 0.0;
            for (index, phase) in phases.iter_mut().enumerate() {
                let place = index as f64;
                let pitch = 180.0 * (place + 1.0) + 60.0 * (t * (3.0 + place)).sin();
                *phase += std::f64::consts::TAU * pitch / rate;
                sum += phase.sin() * 1_500.0;
            }
            sum as i16
        })
        .collect()
}

fn samples_in(length: Duration) -> usize {
    usize::try_from(length.as_millis()).unwrap_or(0) * 8
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
