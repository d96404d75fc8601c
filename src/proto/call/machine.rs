//! The states of a call and what moves it from one to the next.

use std::collections::VecDeque;
use std::time::Instant;

use super::{
    Action, CallEnd, CallFailure, CallPlan, CallResult, Input, KEYS_MAX, Output, Progress,
    SipAnswer, SipEvent, VoicemailPolicy,
};
use crate::proto::media::{Digit, MediaEvent};

/// How often a wrong key may have the script begun again.
pub const REPLAYS_BY_KEY_MAX: u8 = 5;

/// One outbound call.
#[derive(Debug)]
pub struct CallMachine {
    plan: CallPlan,
    state: State,
    /// When the INVITE was sent; none once the trunk has given a sign of life.
    unheard_since: Option<Instant>,
    /// When the current state's wait is over.
    wait: Option<Instant>,
    /// When the call as a whole must end.
    limit: Option<Instant>,
    heard: Option<Heard>,
    progress: Progress,
    plays: u8,
    /// The script was heard to its end at least once.
    was_played: bool,
    replays: u8,
    keys: Vec<Digit>,
    output: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// INVITE sent, no final answer.
    Calling,
    /// CANCEL sent, no final answer.
    Cancelling { end: CallEnd },
    /// Answered; the first word comes after a pause.
    BeforeScript,
    /// The script is being played.
    Playing,
    /// The script was played; a key may come, or the next play.
    AfterScript,
    /// A machine answered; its beep may come.
    BeforeBeep,
    /// Over.
    Ended,
}

/// What answered, when that has become clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Machine,
    Person,
}

impl CallMachine {
    /// A call whose INVITE is sent at `now`.
    pub fn new(plan: CallPlan, now: Instant) -> Self {
        let mut output = VecDeque::new();
        output.push_back(Output::Progress(Progress::Started));
        Self {
            wait: Some(now + plan.setup_timeout.min(plan.ring_timeout)),
            plan,
            state: State::Calling,
            unheard_since: Some(now),
            limit: None,
            heard: None,
            progress: Progress::Started,
            plays: 0,
            was_played: false,
            replays: 0,
            keys: Vec::new(),
            output,
        }
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        if self.state == State::Ended {
            return;
        }
        match input {
            Input::Sip(event) => self.handle_sip(event, now),
            Input::Media(event) => self.handle_media(event, now),
            Input::Abort => self.handle_abort(now),
        }
    }

    /// The next thing to do or to tell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.wait, self.limit) {
            (Some(wait), Some(limit)) => Some(wait.min(limit)),
            (wait, limit) => wait.or(limit),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.limit.is_some_and(|limit| limit <= now) {
            self.cut_short(CallEnd::Failed);
            return;
        }
        if self.wait.is_none_or(|wait| wait > now) {
            return;
        }
        self.wait = None;
        match self.state {
            State::Calling if self.unheard_since.is_some() => self.fail(CallFailure::TimedOut),
            State::Calling => self.cancel(CallEnd::NoAnswer, now),
            State::Cancelling { end } => self.end(end, None, None),
            State::BeforeScript | State::BeforeBeep => self.play(),
            State::AfterScript => self.play_again_or_hang_up(),
            State::Playing | State::Ended => {}
        }
    }

    fn handle_sip(&mut self, event: SipEvent, now: Instant) {
        match event {
            SipEvent::Trying => self.hear_trunk(),
            SipEvent::Ringing | SipEvent::EarlyMedia => {
                self.hear_trunk();
                if self.state == State::Calling {
                    self.advance(Progress::Ringing);
                }
            }
            SipEvent::Answered => self.handle_answer(now),
            SipEvent::Rejected(answer) => self.handle_rejection(answer),
            SipEvent::Bye => self.end_answered(),
            SipEvent::Unusable(why) => self.fail(CallFailure::Unusable(why)),
            SipEvent::TimedOut => self.fail(CallFailure::TimedOut),
            SipEvent::TransportFailed => self.fail(CallFailure::TransportFailed),
        }
    }

    /// The trunk lives: from now on only the ring timeout counts.
    fn hear_trunk(&mut self) {
        if self.state == State::Calling
            && let Some(since) = self.unheard_since.take()
        {
            self.wait = Some(since + self.plan.ring_timeout);
        }
    }

    fn handle_answer(&mut self, now: Instant) {
        match self.state {
            State::Calling => {
                self.advance(Progress::InProgress);
                self.state = State::BeforeScript;
                self.wait = Some(now + self.plan.answer_pause);
                self.limit = Some(now + self.plan.call_duration_max);
            }
            // Our CANCEL and their 200 crossed: it is an answered call now, and ours to end.
            State::Cancelling { end } => {
                self.act(Action::SendBye);
                self.end(end, None, None);
            }
            State::BeforeScript
            | State::Playing
            | State::AfterScript
            | State::BeforeBeep
            | State::Ended => {}
        }
    }

    fn handle_rejection(&mut self, answer: SipAnswer) {
        match self.state {
            State::Calling => {
                let end = answer.end();
                self.end(end, Some(answer), None);
            }
            // 487 answers our own CANCEL; anything else was on its way before.
            State::Cancelling { end } if answer.code == 487 => self.end(end, None, None),
            State::Cancelling { .. } => {
                let end = answer.end();
                self.end(end, Some(answer), None);
            }
            State::BeforeScript
            | State::Playing
            | State::AfterScript
            | State::BeforeBeep
            | State::Ended => {}
        }
    }

    fn handle_media(&mut self, event: MediaEvent, now: Instant) {
        if !self.is_answered() {
            return;
        }
        match event {
            MediaEvent::Digit(digit) => self.handle_digit(digit),
            MediaEvent::PlaybackFinished => self.handle_playback_finished(now),
            MediaEvent::FaxTone => {
                if self.heard != Some(Heard::Person) {
                    self.act(Action::SendBye);
                    self.end(CallEnd::Fax, None, None);
                }
            }
            MediaEvent::VoicemailGreeting => self.handle_machine(now),
            MediaEvent::VoicemailBeep => {
                if self.state == State::BeforeBeep {
                    self.play();
                } else {
                    self.handle_machine(now);
                    if self.state == State::BeforeBeep {
                        self.play();
                    }
                }
            }
        }
    }

    /// Only a key proves a person, and it does so against every other sign.
    fn handle_digit(&mut self, digit: Digit) {
        self.heard = Some(Heard::Person);
        let Some(confirmation) = self.plan.confirmation else {
            self.note(digit);
            return;
        };
        if digit != confirmation.key {
            self.note(digit);
        }
        if self.state == State::Playing {
            self.act(Action::StopPlayback);
        }
        if digit == confirmation.key {
            self.act(Action::SendBye);
            self.end(CallEnd::Confirmed, None, None);
        } else if self.replays < REPLAYS_BY_KEY_MAX {
            self.replays += 1;
            self.play();
        } else {
            self.hang_up();
        }
    }

    fn note(&mut self, digit: Digit) {
        if self.keys.len() < KEYS_MAX {
            self.keys.push(digit);
        }
    }

    fn handle_playback_finished(&mut self, now: Instant) {
        if self.state != State::Playing {
            return;
        }
        self.was_played = true;
        if self.heard == Some(Heard::Machine) {
            self.hang_up();
            return;
        }
        self.state = State::AfterScript;
        let wait = match self.plan.confirmation {
            Some(confirmation) => confirmation.key_wait,
            None => self.plan.replay_pause,
        };
        self.wait = Some(now + wait);
    }

    fn handle_machine(&mut self, now: Instant) {
        if self.heard.is_some() {
            return;
        }
        self.heard = Some(Heard::Machine);
        match self.plan.voicemail {
            VoicemailPolicy::HangUp => self.hang_up(),
            VoicemailPolicy::LeaveMessage { beep_wait } => {
                if self.state == State::Playing {
                    self.act(Action::StopPlayback);
                }
                self.state = State::BeforeBeep;
                self.wait = Some(now + beep_wait);
            }
        }
    }

    fn handle_abort(&mut self, now: Instant) {
        match self.state {
            State::Calling => self.cancel(CallEnd::Aborted, now),
            State::Cancelling { .. } | State::Ended => {}
            State::BeforeScript | State::Playing | State::AfterScript | State::BeforeBeep => {
                self.cut_short(CallEnd::Aborted);
            }
        }
    }

    fn is_answered(&self) -> bool {
        match self.state {
            State::BeforeScript | State::Playing | State::AfterScript | State::BeforeBeep => true,
            State::Calling | State::Cancelling { .. } | State::Ended => false,
        }
    }

    fn cancel(&mut self, end: CallEnd, now: Instant) {
        self.act(Action::SendCancel);
        self.state = State::Cancelling { end };
        self.wait = Some(now + self.plan.cancel_wait);
    }

    fn play(&mut self) {
        self.plays = self.plays.saturating_add(1);
        self.state = State::Playing;
        self.wait = None;
        self.act(Action::PlayScript);
    }

    fn play_again_or_hang_up(&mut self) {
        let plays_max = match self.plan.confirmation {
            Some(confirmation) => confirmation.plays_max,
            None => self.plan.plays,
        };
        if self.plays < plays_max.saturating_add(self.replays) {
            self.play();
        } else {
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        if self.is_answered() {
            self.act(Action::SendBye);
            self.end_answered();
        }
    }

    /// Hangs up before the script's time. Who has not heard it once has not been reached.
    fn cut_short(&mut self, unheard: CallEnd) {
        if self.was_played {
            self.hang_up();
        } else if self.is_answered() {
            self.act(Action::SendBye);
            self.end(unheard, None, None);
        }
    }

    /// Ends a call that was answered and whose last word is said.
    fn end_answered(&mut self) {
        match (self.state, self.heard) {
            // A BYE inside an early dialog withdraws what never was a call.
            (State::Calling, _) => self.end(CallEnd::NoAnswer, None, None),
            (State::Cancelling { end }, _) => self.end(end, None, None),
            (_, Some(Heard::Machine)) => self.end(CallEnd::Voicemail, None, None),
            (_, Some(Heard::Person) | None) => self.end(CallEnd::Completed, None, None),
        }
    }

    /// An answered call whose transport fails has still been answered.
    fn fail(&mut self, failure: CallFailure) {
        match self.state {
            State::Calling => self.end(CallEnd::Failed, None, Some(failure)),
            _ => self.end_answered(),
        }
    }

    fn end(&mut self, end: CallEnd, answer: Option<SipAnswer>, failure: Option<CallFailure>) {
        self.state = State::Ended;
        self.wait = None;
        self.limit = None;
        self.output.push_back(Output::Ended(CallResult {
            end,
            answer,
            failure,
            plays: self.plays,
            keys: std::mem::take(&mut self.keys),
        }));
    }

    fn advance(&mut self, progress: Progress) {
        if progress > self.progress {
            self.progress = progress;
            self.output.push_back(Output::Progress(progress));
        }
    }

    fn act(&mut self, action: Action) {
        self.output.push_back(Output::Action(action));
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
