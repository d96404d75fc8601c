#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::proto::call::Confirmation;

/// Steps a call through a written scenario on virtual time.
struct Scene {
    machine: CallMachine,
    now: Instant,
    said: Vec<String>,
}

fn plan(confirm: bool) -> CallPlan {
    CallPlan {
        setup_timeout: Duration::from_secs(20),
        ring_timeout: Duration::from_secs(30),
        cancel_wait: Duration::from_secs(10),
        answer_pause: Duration::from_secs(1),
        plays: 1,
        replay_pause: Duration::from_secs(2),
        call_duration_max: Duration::from_secs(300),
        confirmation: confirm.then(|| Confirmation {
            key: Digit::from_char('1').unwrap(),
            plays_max: 3,
            key_wait: Duration::from_secs(5),
        }),
        voicemail: VoicemailPolicy::HangUp,
    }
}

fn leaves_message(confirm: bool) -> CallPlan {
    CallPlan {
        voicemail: VoicemailPolicy::LeaveMessage {
            beep_wait: Duration::from_secs(8),
        },
        ..plan(confirm)
    }
}

fn input(word: &str) -> Input {
    match word {
        "100" => Input::Sip(SipEvent::Trying),
        "180" => Input::Sip(SipEvent::Ringing),
        "183" => Input::Sip(SipEvent::EarlyMedia),
        "200" => Input::Sip(SipEvent::Answered),
        "bye" => Input::Sip(SipEvent::Bye),
        "dead" => Input::Sip(SipEvent::TransportFailed),
        "mute" => Input::Sip(SipEvent::TimedOut),
        "rubbish" => Input::Sip(SipEvent::Unusable("x".to_owned())),
        "played" => Input::Media(MediaEvent::PlaybackFinished),
        "fax" => Input::Media(MediaEvent::FaxTone),
        "greeting" => Input::Media(MediaEvent::VoicemailGreeting),
        "beep" => Input::Media(MediaEvent::VoicemailBeep),
        "abort" => Input::Abort,
        _ => match word.strip_prefix("key") {
            Some(key) => {
                let key = Digit::from_char(key.chars().next().unwrap()).unwrap();
                Input::Media(MediaEvent::Digit(key))
            }
            None => Input::Sip(SipEvent::Rejected(SipAnswer::new(
                word.parse().unwrap(),
                "",
                None,
            ))),
        },
    }
}

impl Scene {
    fn new(plan: CallPlan) -> Self {
        let now = Instant::now();
        Self {
            machine: CallMachine::new(plan, now),
            now,
            said: vec![],
        }
    }

    /// Plays a script of words; `+5` lets five seconds pass.
    fn run(&mut self, script: &str) {
        self.listen();
        for word in script.split_whitespace() {
            match word.strip_prefix('+') {
                Some(seconds) => {
                    let seconds: u64 = seconds.parse().unwrap();
                    self.pass(Duration::from_secs(seconds));
                }
                None => self.machine.handle_input(input(word), self.now),
            }
            self.listen();
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.machine.handle_timeout(due);
            self.listen();
        }
        self.now = end;
        self.machine.handle_timeout(end);
    }

    fn listen(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.said.push(match output {
                Output::Action(Action::PlayScript) => "play".to_owned(),
                Output::Action(Action::StopPlayback) => "stop".to_owned(),
                Output::Action(Action::SendBye) => "BYE".to_owned(),
                Output::Action(Action::SendCancel) => "CANCEL".to_owned(),
                Output::Progress(progress) => format!("{progress:?}"),
                Output::Ended(result) => format!("={:?}", result.end),
            });
        }
    }
}

fn check(plan: CallPlan, script: &str, expected: &str) {
    let mut scene = Scene::new(plan);
    scene.run(script);
    assert_eq!(scene.said.join(" "), expected, "script: {script}");
}

#[test]
fn calls_that_nobody_answers() {
    check(plan(true), "100 180 180 486", "Started Ringing =Busy");
    check(plan(true), "100 183 480", "Started Ringing =NoAnswer");
    check(plan(true), "404", "Started =Failed");
    check(plan(true), "100 503", "Started =Failed");
    check(
        plan(true),
        "180 +30 487",
        "Started Ringing CANCEL =NoAnswer",
    );
    check(
        plan(true),
        "180 +30 +10",
        "Started Ringing CANCEL =NoAnswer",
    );
    check(plan(true), "+20", "Started =Failed");
    check(plan(true), "100 +20", "Started");
    check(plan(true), "+19 100 +11", "Started CANCEL");
    check(plan(true), "mute", "Started =Failed");
    check(plan(true), "180 dead", "Started Ringing =Failed");
    check(plan(true), "180 rubbish", "Started Ringing =Failed");
}

#[test]
fn a_key_confirms_at_any_time() {
    let answered = "Started Ringing InProgress";
    check(
        plan(true),
        "180 200 +1 played +3 key1",
        &format!("{answered} play BYE =Confirmed"),
    );
    check(
        plan(true),
        "180 200 +1 key1",
        &format!("{answered} play stop BYE =Confirmed"),
    );
    check(
        plan(true),
        "180 200 key1",
        &format!("{answered} BYE =Confirmed"),
    );
}

#[test]
fn without_the_key_the_script_repeats_and_the_call_completes() {
    check(
        plan(true),
        "200 +1 played +5 played +5 played +5",
        "Started InProgress play play play BYE =Completed",
    );
    check(
        plan(true),
        "200 +1 played bye",
        "Started InProgress play =Completed",
    );
    check(
        plan(false),
        "200 +1 played +2",
        "Started InProgress play BYE =Completed",
    );
    check(
        plan(false),
        "200 +1 key1 played +2",
        "Started InProgress play BYE =Completed",
    );
}

#[test]
fn a_wrong_key_begins_again_but_not_for_ever() {
    check(
        plan(true),
        "200 +1 key5 played key1",
        "Started InProgress play stop play BYE =Confirmed",
    );
    check(
        plan(true),
        "200 +1 key2 key2 key2 key2 key2 key2",
        "Started InProgress play stop play stop play stop play stop play stop play stop BYE =Completed",
    );
}

#[test]
fn machines_are_not_people() {
    check(plan(true), "200 +1 fax", "Started InProgress play BYE =Fax");
    check(
        plan(true),
        "200 +1 greeting",
        "Started InProgress play BYE =Voicemail",
    );
    check(
        leaves_message(true),
        "200 +1 greeting +4 beep played",
        "Started InProgress play stop play BYE =Voicemail",
    );
    check(
        leaves_message(true),
        "200 +1 greeting +8 played",
        "Started InProgress play stop play BYE =Voicemail",
    );
    check(
        leaves_message(true),
        "200 +1 beep bye",
        "Started InProgress play stop play =Voicemail",
    );
}

#[test]
fn a_key_proves_a_person_whatever_was_heard_before() {
    check(
        leaves_message(true),
        "200 +1 greeting key1",
        "Started InProgress play stop BYE =Confirmed",
    );
    check(
        leaves_message(true),
        "200 +1 key3 greeting fax played bye",
        "Started InProgress play stop play =Completed",
    );
}

#[test]
fn crossings() {
    check(
        plan(true),
        "180 +30 200",
        "Started Ringing CANCEL BYE =NoAnswer",
    );
    check(plan(true), "180 +30 486", "Started Ringing CANCEL =Busy");
    check(
        plan(true),
        "180 200 bye",
        "Started Ringing InProgress =Completed",
    );
    check(plan(true), "200 200 +1 180", "Started InProgress play");
    check(
        plan(true),
        "200 +1 bye key1 played 200 fax +400",
        "Started InProgress play =Completed",
    );
    check(plan(true), "180 key1 greeting", "Started Ringing");
    check(
        plan(true),
        "200 +1 dead",
        "Started InProgress play =Completed",
    );
}

#[test]
fn a_call_that_is_no_longer_wanted_ends() {
    check(
        plan(true),
        "180 abort 487",
        "Started Ringing CANCEL =Aborted",
    );
    check(
        plan(true),
        "180 abort +10",
        "Started Ringing CANCEL =Aborted",
    );
    check(
        plan(true),
        "200 +1 abort",
        "Started InProgress play BYE =Aborted",
    );
    check(plan(true), "200 abort", "Started InProgress BYE =Aborted");
    check(
        leaves_message(true),
        "200 +1 greeting abort",
        "Started InProgress play stop BYE =Aborted",
    );
    check(
        plan(true),
        "200 +1 played abort",
        "Started InProgress play BYE =Completed",
    );
}

#[test]
fn a_call_answered_by_silence_ends_at_its_limit() {
    // The playback never reports its end.
    check(
        plan(true),
        "200 +1 +299",
        "Started InProgress play BYE =Failed",
    );
    check(
        plan(true),
        "200 +1 played +5 +294",
        "Started InProgress play play BYE =Completed",
    );
}

proptest! {
    /// Whatever happens in whatever order: a call ends once, nothing follows, it ends by itself
    /// within its limits, and an answered call that we end is hung up.
    #[test]
    fn every_call_ends_once(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "100", "180", "183", "200", "404", "486", "487", "bye", "dead", "mute", "played",
                "fax", "greeting", "beep", "abort", "key1", "key9", "+1", "+7", "+40", "rubbish",
            ]),
            0..24,
        ),
        confirm in any::<bool>(),
        leave in any::<bool>(),
    ) {
        let plan = if leave { leaves_message(confirm) } else { plan(confirm) };
        let mut scene = Scene::new(plan);
        scene.run(&words.join(" "));
        scene.run("+400");
        let ends = scene.said.iter().filter(|word| word.starts_with('=')).count();
        prop_assert_eq!(ends, 1);
        prop_assert!(scene.said.last().unwrap().starts_with('='));
        let count = |wanted: &str| scene.said.iter().filter(|word| *word == wanted).count();
        prop_assert!(count("BYE") <= 1 && count("CANCEL") <= 1);
        prop_assert!(count("play") <= 3 + usize::from(REPLAYS_BY_KEY_MAX));
        // Transitions that the status table does not have.
        let answered = count("InProgress") == 1;
        let end = scene.said.last().unwrap().as_str();
        prop_assert!(!answered || !["=NoAnswer", "=Busy"].contains(&end));
        // Only we cut an answered call short.
        let cut_short = answered && ["=Failed", "=Aborted"].contains(&end);
        prop_assert!(!cut_short || count("BYE") == 1);
        prop_assert!(answered || !["=Fax", "=Voicemail", "=Completed", "=Confirmed"].contains(&end));
        let confirmed = scene.said.last().unwrap() == "=Confirmed";
        prop_assert!(!confirmed || (confirm && words.contains(&"key1")));
        prop_assert!(scene.machine.poll_timeout().is_none());
    }
}
