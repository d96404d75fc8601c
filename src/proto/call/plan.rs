//! What a call goes by: every wait has a name.

use std::time::Duration;

use crate::proto::media::Digit;

/// How one call is to be made.
#[derive(Debug, Clone)]
pub struct CallPlan {
    /// From handing the number to the trunk to its first sign of life.
    pub setup_timeout: Duration,
    /// From handing the number to the trunk to giving up: CANCEL, "no answer". SIP itself gives
    /// up two minutes after the last sign of life; stay below.
    pub ring_timeout: Duration,
    /// How long the final answer to a CANCEL is waited for.
    pub cancel_wait: Duration,
    /// Silence between the answer and the first word: people lift the receiver first.
    pub answer_pause: Duration,
    /// How often the script is played when no confirmation is asked for.
    pub plays: u8,
    /// Silence between two plays, and between the last word and hanging up.
    pub replay_pause: Duration,
    /// The longest an answered call may last.
    pub call_duration_max: Duration,
    /// Whether a key is asked for.
    pub confirmation: Option<Confirmation>,
    /// What to do when a machine answers.
    pub voicemail: VoicemailPolicy,
}

/// A key that must be pressed.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation {
    /// The key.
    pub key: Digit,
    /// How often the script is played while the key is waited for.
    pub plays_max: u8,
    /// How long the key is waited for after each play.
    pub key_wait: Duration,
}

/// What to do when a machine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoicemailPolicy {
    /// Hang up; the next attempt may reach the person.
    HangUp,
    /// Wait for the beep and say the script once.
    LeaveMessage {
        /// Without a beep the script starts after this.
        beep_wait: Duration,
    },
}

impl Default for CallPlan {
    fn default() -> Self {
        Self {
            setup_timeout: Duration::from_secs(32),
            ring_timeout: Duration::from_secs(45),
            cancel_wait: Duration::from_secs(10),
            answer_pause: Duration::from_millis(700),
            plays: 1,
            replay_pause: Duration::from_secs(1),
            call_duration_max: Duration::from_secs(300),
            confirmation: None,
            voicemail: VoicemailPolicy::HangUp,
        }
    }
}
