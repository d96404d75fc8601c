//! The media of one call: plays, listens, presses keys; without IO.
//!
//! Sends a packet every 20 ms from the start on (silence when there is nothing to say), because
//! trunks and address translators take a silent stream for a dead one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::amd::{AmdConfig, AmdDetector, AmdEvent};
use super::dtmf::{DtmfPress, DtmfReceiver};
use super::inband::InbandDetector;
use super::jitter::JitterBuffer;
use super::playout::{FrameDue, PlayoutClock};
use super::rtp::{RtpOrigin, RtpReceived, RtpSender};
use super::tones::FaxDetector;
use super::{Codec, Digit, FRAME_SAMPLES};

/// Packets waiting to be sent at most; the driver takes them after every call.
pub const OUTPUT_MAX: usize = 32;
/// Events waiting to be taken at most; later ones are dropped.
pub const EVENTS_MAX: usize = 64;

/// How the media of one call are set up.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// The codec that was agreed on.
    pub codec: Codec,
    /// The payload type agreed on for telephone events.
    pub telephone_event: Option<u8>,
    /// Where our stream's numbers start.
    pub origin: RtpOrigin,
    /// What to listen for.
    pub listen: Listen,
    /// Send silence while nothing is played.
    pub send_silence: bool,
}

/// What a session listens for in the audio. Telephone events are always read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listen {
    /// Keys in the audio itself.
    pub inband_dtmf: bool,
    /// Fax machines.
    pub fax: bool,
    /// Answering machines.
    pub voicemail: Option<AmdConfig>,
}

/// What was heard, or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEvent {
    /// A key was pressed.
    Digit(Digit),
    /// A fax machine answered.
    FaxTone,
    /// A recorded greeting is being read.
    VoicemailGreeting,
    /// A beep has ended: a machine records.
    VoicemailBeep,
    /// What was to be played has been played.
    PlaybackFinished,
}

/// The media of one call.
#[derive(Debug)]
pub struct MediaSession {
    codec: Codec,
    telephone_event: Option<u8>,
    send_silence: bool,
    sender: RtpSender,
    clock: PlayoutClock,
    playing: Option<Playing>,
    pressing: Option<(DtmfPress, u32)>,
    talking: bool,
    jitter: JitterBuffer,
    dtmf: DtmfReceiver,
    inband: Option<InbandDetector>,
    fax: Option<FaxDetector>,
    amd: Option<AmdDetector>,
    inband_seen: bool,
    events_seen: bool,
    frame: Vec<i16>,
    output: VecDeque<Vec<u8>>,
    events: VecDeque<MediaEvent>,
}

#[derive(Debug)]
struct Playing {
    samples: Arc<[i16]>,
    position: usize,
}

impl MediaSession {
    /// Starts at `now`; the first packet is due at once.
    pub fn new(config: MediaConfig, now: Instant) -> Self {
        Self {
            codec: config.codec,
            telephone_event: config.telephone_event,
            send_silence: config.send_silence,
            sender: RtpSender::new(config.origin),
            clock: PlayoutClock::new(now, config.origin.timestamp),
            playing: None,
            pressing: None,
            talking: false,
            jitter: JitterBuffer::default(),
            dtmf: DtmfReceiver::default(),
            inband: config.listen.inband_dtmf.then(InbandDetector::default),
            fax: config.listen.fax.then(FaxDetector::default),
            amd: config.listen.voicemail.map(AmdDetector::new),
            inband_seen: false,
            events_seen: false,
            frame: Vec::with_capacity(FRAME_SAMPLES),
            output: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Plays `samples` from their start, instead of whatever was being played.
    pub fn play(&mut self, samples: Arc<[i16]>) {
        self.playing = Some(Playing {
            samples,
            position: 0,
        });
    }

    /// Stops playing; no `PlaybackFinished` follows.
    pub fn stop_playback(&mut self) {
        self.playing = None;
    }

    /// Presses a key: as telephone event if agreed on, otherwise as sound.
    pub fn press(&mut self, digit: Digit, duration: Duration) {
        if self.telephone_event.is_some() {
            self.pressing = Some((DtmfPress::new(digit, duration), 0));
            return;
        }
        let samples = usize::try_from(duration.as_millis()).unwrap_or(0) * 8;
        self.play(super::inband::key_tone(digit, 6_000, samples).into());
    }

    /// The stream's sender side, for RTCP.
    pub fn sender(&self) -> &RtpSender {
        &self.sender
    }

    /// Packets received and packets lost so far.
    pub fn received_and_lost(&self) -> (u64, u64) {
        (self.jitter.received_count(), self.jitter.lost_count())
    }

    /// Takes a datagram in; anything that is not RTP of this call is ignored.
    pub fn handle_input(&mut self, datagram: &[u8], now: Instant) {
        let Some(packet) = RtpReceived::parse(datagram) else {
            return;
        };
        if Some(packet.payload_type) == self.telephone_event {
            self.hear_event(&packet);
            return;
        }
        if packet.payload_type != self.codec.payload_type() {
            return;
        }
        self.jitter.insert(packet, now);
        self.listen(now);
    }

    /// The next packet to send.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.pop_front()
    }

    /// The next thing heard or done.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called, if at all.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let speaks = self.send_silence || self.playing.is_some() || self.pressing.is_some();
        let due = speaks.then(|| self.clock.next_due());
        match (due, self.jitter.next_due()) {
            (Some(due), Some(jitter)) => Some(due.min(jitter)),
            (due, jitter) => due.or(jitter),
        }
    }

    /// Sends what is due and gives up on packets that did not come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.output.len() < OUTPUT_MAX {
            let Some(due) = self.clock.take_due(now) else {
                break;
            };
            self.send_frame(due);
        }
        self.listen(now);
    }

    fn send_frame(&mut self, due: FrameDue) {
        if self.send_key(due) {
            return;
        }
        let (payload, finished) = match &mut self.playing {
            Some(playing) => {
                let end = (playing.position + FRAME_SAMPLES).min(playing.samples.len());
                let mut frame = playing.samples[playing.position..end].to_vec();
                frame.resize(FRAME_SAMPLES, 0);
                playing.position = end;
                (
                    self.codec.encode(&frame),
                    playing.position >= playing.samples.len(),
                )
            }
            None if self.send_silence => (self.codec.encode(&[0; FRAME_SAMPLES]), false),
            None => {
                self.talking = false;
                return;
            }
        };
        let marker = !std::mem::replace(&mut self.talking, true);
        self.send(self.codec.payload_type(), due.timestamp, marker, &payload);
        if finished {
            self.playing = None;
            self.emit(MediaEvent::PlaybackFinished);
        }
    }

    fn send_key(&mut self, due: FrameDue) -> bool {
        let Some(payload_type) = self.telephone_event else {
            return false;
        };
        let Some((press, start)) = &mut self.pressing else {
            return false;
        };
        let Some(packet) = press.next_packet() else {
            self.pressing = None;
            return false;
        };
        if packet.marker {
            *start = due.timestamp;
        }
        let start = *start;
        self.send(payload_type, start, packet.marker, &packet.payload);
        true
    }

    fn send(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload: &[u8]) {
        let packet = self.sender.packet(payload_type, timestamp, marker, payload);
        self.output.extend(packet);
    }

    fn hear_event(&mut self, packet: &RtpReceived) {
        let digit = self
            .dtmf
            .handle(packet.timestamp, packet.marker, &packet.payload);
        let Some(digit) = digit else { return };
        // A trunk that sends both events and tones would press every key twice.
        self.events_seen = true;
        if !self.inband_seen {
            self.emit(MediaEvent::Digit(digit));
        }
    }

    fn listen(&mut self, now: Instant) {
        while let Some(packet) = self.jitter.pop(now) {
            for &byte in &packet.payload {
                self.frame.push(self.codec.decode_sample(byte));
                if self.frame.len() == FRAME_SAMPLES {
                    let frame = std::mem::take(&mut self.frame);
                    self.listen_frame(&frame);
                }
            }
        }
    }

    fn listen_frame(&mut self, frame: &[i16]) {
        let digits = match &mut self.inband {
            Some(detector) if !self.events_seen => detector.handle(frame),
            _ => vec![],
        };
        for digit in digits {
            self.inband_seen = true;
            self.emit(MediaEvent::Digit(digit));
        }
        if self.fax.as_mut().is_some_and(|fax| fax.handle_frame(frame)) {
            self.fax = None;
            self.emit(MediaEvent::FaxTone);
        }
        match self.amd.as_mut().and_then(|amd| amd.handle_frame(frame)) {
            Some(AmdEvent::Greeting) => self.emit(MediaEvent::VoicemailGreeting),
            Some(AmdEvent::Beep) => self.emit(MediaEvent::VoicemailBeep),
            None => {}
        }
    }

    fn emit(&mut self, event: MediaEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::goertzel::testing::babble;
    use super::super::tones::{CED_HZ, sine};
    use super::*;

    fn config(telephone_event: Option<u8>, ssrc: u32) -> MediaConfig {
        MediaConfig {
            codec: Codec::Pcma,
            telephone_event,
            origin: RtpOrigin {
                ssrc,
                sequence: 65_530,
                timestamp: u32::MAX - 400,
            },
            listen: Listen {
                inband_dtmf: true,
                fax: true,
                voicemail: Some(AmdConfig::default()),
            },
            send_silence: true,
        }
    }

    /// Two sessions that hear each other, on virtual time.
    struct Pair {
        ours: MediaSession,
        theirs: MediaSession,
        now: Instant,
    }

    impl Pair {
        fn new(telephone_event: Option<u8>) -> Self {
            let now = Instant::now();
            Self {
                ours: MediaSession::new(config(telephone_event, 1), now),
                theirs: MediaSession::new(config(telephone_event, 2), now),
                now,
            }
        }

        /// Runs for `span`; returns what each side heard or did.
        fn run(&mut self, span: Duration) -> (Vec<MediaEvent>, Vec<MediaEvent>) {
            let end = self.now + span;
            let mut heard = (vec![], vec![]);
            while self.now < end {
                let (ours, theirs) = (self.ours.poll_timeout(), self.theirs.poll_timeout());
                self.now = ours.unwrap().min(theirs.unwrap());
                self.ours.handle_timeout(self.now);
                self.theirs.handle_timeout(self.now);
                while let Some(packet) = self.ours.poll_output() {
                    self.theirs.handle_input(&packet, self.now);
                }
                while let Some(packet) = self.theirs.poll_output() {
                    self.ours.handle_input(&packet, self.now);
                }
                heard
                    .0
                    .extend(std::iter::from_fn(|| self.ours.poll_event()));
                heard
                    .1
                    .extend(std::iter::from_fn(|| self.theirs.poll_event()));
            }
            heard
        }
    }

    #[test]
    fn a_script_is_played_whole_and_reported() {
        let mut pair = Pair::new(Some(101));
        pair.ours.play(vec![1_000i16; 8_100].into());
        let (ours, _) = pair.run(Duration::from_millis(970));
        assert_eq!(ours, vec![]);
        let (ours, _) = pair.run(Duration::from_millis(60));
        assert_eq!(ours, vec![MediaEvent::PlaybackFinished]);
        assert_eq!(pair.theirs.received_and_lost().1, 0);
    }

    #[test]
    fn a_key_is_heard_once_whichever_way_it_is_sent() {
        for telephone_event in [Some(101), None] {
            let mut pair = Pair::new(telephone_event);
            pair.run(Duration::from_millis(100));
            let one = Digit::from_char('1').unwrap();
            pair.theirs.press(one, Duration::from_millis(120));
            let (ours, _) = pair.run(Duration::from_millis(600));
            assert_eq!(ours, vec![MediaEvent::Digit(one)], "{telephone_event:?}");
        }
    }

    #[test]
    fn a_fax_and_a_machine_are_recognised() {
        let mut pair = Pair::new(Some(101));
        pair.theirs.play(sine(CED_HZ, 6_000, 8_000).into());
        let (ours, _) = pair.run(Duration::from_secs(2));
        assert!(ours.contains(&MediaEvent::FaxTone), "{ours:?}");

        let mut pair = Pair::new(Some(101));
        let mut greeting = babble(6, 1);
        greeting.extend(sine(1_000.0, 6_000, 4_000));
        pair.theirs.play(greeting.into());
        let (ours, _) = pair.run(Duration::from_secs(8));
        assert_eq!(
            ours,
            vec![MediaEvent::VoicemailGreeting, MediaEvent::VoicemailBeep]
        );
    }

    #[test]
    fn rubbish_is_ignored() {
        let mut pair = Pair::new(Some(101));
        for length in 0..64 {
            pair.ours.handle_input(&vec![0x80; length], pair.now);
        }
        assert_eq!(pair.run(Duration::from_millis(100)).0, vec![]);
    }
}
