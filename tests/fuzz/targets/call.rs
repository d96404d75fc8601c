//! One outbound call, with the signalling and the audio of any other side.
//!
//! The first octet is the plan; each of the others is something that happens ([`Scene::step`]), some
//! with an octet that says more.

use std::time::{Duration, Instant};

use tocsin::proto::call::{
    Action, CallEnd, CallMachine, CallPlan, CallResult, Confirmation, Input, KEYS_MAX, Output,
    Progress, REPLAYS_BY_KEY_MAX, SipAnswer, SipEvent, VoicemailPolicy,
};
use tocsin::proto::media::{Digit, MediaEvent};

use super::script::Script;

/// Answers of the network, for an octet each.
const CODES: [u16; 16] = [
    300, 301, 302, 400, 403, 404, 408, 410, 480, 486, 487, 488, 500, 503, 600, 603,
];
/// Causes of the telephone exchange.
const CAUSES: [Option<u8>; 4] = [None, Some(17), Some(19), Some(1)];
/// Longest call, in seconds.
const CALL_SECS_MAX: u64 = 300;
/// A timer that is due is gone after so many calls.
const CALLS_MAX: usize = 4;

/// Any octets.
pub(crate) fn target(data: &[u8]) {
    let mut script = Script::new(data);
    let mut scene = Scene::new(script.octet().unwrap_or_default());
    while let Some(octet) = script.octet() {
        scene.step(octet, &mut script);
        scene.listen();
    }
    scene.finish();
}

struct Scene {
    machine: CallMachine,
    now: Instant,
    plan: CallPlan,
    progress: Option<Progress>,
    is_playing: bool,
    plays: u8,
    byes: u32,
    cancels: u32,
    /// The key that confirms was pressed.
    was_pressed: bool,
    result: Option<CallResult>,
}

impl Scene {
    fn new(bits: u8) -> Self {
        let has = |bit: u8| bits & bit != 0;
        let plan = CallPlan {
            call_duration_max: Duration::from_secs(CALL_SECS_MAX),
            plays: if has(4) { 3 } else { 1 },
            confirmation: has(1).then(|| Confirmation {
                key: Digit::from_char('1').unwrap(),
                plays_max: 3,
                key_wait: Duration::from_secs(5),
            }),
            voicemail: if has(2) {
                VoicemailPolicy::LeaveMessage {
                    beep_wait: Duration::from_secs(8),
                }
            } else {
                VoicemailPolicy::HangUp
            },
            ..CallPlan::default()
        };
        let now = Instant::now();
        let mut scene = Self {
            machine: CallMachine::new(plan.clone(), now),
            now,
            plan,
            progress: None,
            is_playing: false,
            plays: 0,
            byes: 0,
            cancels: 0,
            was_pressed: false,
            result: None,
        };
        scene.listen();
        scene
    }

    /// Something happens.
    fn step(&mut self, octet: u8, script: &mut Script<'_>) {
        let mut more = || script.octet().unwrap_or_default();
        let input = match octet % 18 {
            0 => Input::Sip(SipEvent::Trying),
            1 => Input::Sip(SipEvent::Ringing),
            2 => Input::Sip(SipEvent::EarlyMedia),
            3 => Input::Sip(SipEvent::Answered),
            4 => Input::Sip(SipEvent::Rejected(answer(more()))),
            5 => Input::Sip(SipEvent::Unusable("no audio".to_owned())),
            6 => Input::Sip(SipEvent::Bye),
            7 => Input::Sip(SipEvent::TimedOut),
            8 => Input::Sip(SipEvent::TransportFailed),
            9 => {
                let digit = Digit::from_event(more() & 0x0f).unwrap();
                self.was_pressed |= digit.as_char() == '1';
                Input::Media(MediaEvent::Digit(digit))
            }
            10 => {
                self.is_playing = false;
                Input::Media(MediaEvent::PlaybackFinished)
            }
            11 => Input::Media(MediaEvent::FaxTone),
            12 => Input::Media(MediaEvent::VoicemailGreeting),
            13 => Input::Media(MediaEvent::VoicemailBeep),
            14 => Input::Abort,
            15 => return self.pass_to_timer(),
            16 => {
                let until = self.now + Duration::from_secs(more().into());
                return self.pass(until);
            }
            _ => return self.machine.handle_timeout(self.now),
        };
        self.machine.handle_input(input, self.now);
    }

    fn pass_to_timer(&mut self) {
        if let Some(at) = self.machine.poll_timeout() {
            self.pass(at);
        }
    }

    /// Time passes until then; what is due by then happens.
    fn pass(&mut self, until: Instant) {
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let is_over = |machine: &CallMachine, now: Instant| {
                machine.poll_timeout().is_none_or(|next| next > now)
            };
            for _ in 0..CALLS_MAX {
                self.machine.handle_timeout(self.now);
                self.listen();
                if is_over(&self.machine, self.now) {
                    break;
                }
            }
            assert!(
                is_over(&self.machine, self.now),
                "a timer stays in the past"
            );
        }
        self.now = self.now.max(until);
    }

    /// Takes what the call wants done and tells.
    fn listen(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            assert!(
                self.result.is_none(),
                "something behind the end: {output:?}"
            );
            match output {
                Output::Progress(progress) => {
                    assert!(self.progress < Some(progress));
                    self.progress = Some(progress);
                }
                Output::Action(Action::PlayScript) => {
                    assert!(self.is_answered() && !self.is_playing && self.byes == 0);
                    self.is_playing = true;
                    self.plays += 1;
                }
                Output::Action(Action::StopPlayback) => {
                    assert!(self.is_playing);
                    self.is_playing = false;
                }
                Output::Action(Action::SendBye) => self.byes += 1,
                Output::Action(Action::SendCancel) => {
                    assert!(!self.is_answered());
                    self.cancels += 1;
                }
                Output::Ended(result) => self.result = Some(result),
            }
        }
    }

    fn is_answered(&self) -> bool {
        self.progress == Some(Progress::InProgress)
    }

    /// A call ends by itself, once, and as what happened.
    fn finish(mut self) {
        let end = self.now + Duration::from_secs(2 * CALL_SECS_MAX);
        self.pass(end);
        assert!(self.machine.poll_timeout().is_none());
        self.machine
            .handle_input(Input::Sip(SipEvent::Bye), self.now);
        self.machine.handle_timeout(self.now);
        self.listen();
        let is_answered = self.is_answered();
        let asked = self.plan.confirmation;
        let result = self.result.expect("the call does not end");
        assert!(self.byes <= 1 && self.cancels <= 1);
        assert_eq!(result.plays, self.plays);
        let plays_max = asked.map_or(self.plan.plays, |asked| asked.plays_max);
        // One more for a machine.
        assert!(result.plays <= plays_max + REPLAYS_BY_KEY_MAX + 1);
        assert!(result.keys.len() <= KEYS_MAX);
        match result.end {
            CallEnd::Busy | CallEnd::NoAnswer => assert!(!is_answered),
            CallEnd::Fax | CallEnd::Voicemail | CallEnd::Completed => assert!(is_answered),
            CallEnd::Confirmed => {
                assert!(is_answered && asked.is_some() && self.was_pressed);
            }
            // An answered call is cut short by us alone.
            CallEnd::Failed | CallEnd::Aborted => assert!(!is_answered || self.byes == 1),
        }
    }
}

fn answer(octet: u8) -> SipAnswer {
    let code = CODES[usize::from(octet & 0x0f)];
    let cause = CAUSES[usize::from(octet >> 4) % CAUSES.len()];
    SipAnswer::new(code, "Reason", cause)
}
