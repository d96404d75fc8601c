//! Is it a person or an answering machine? A person says a word and waits; a machine reads a long
//! greeting and beeps. A guess, made from energy and tones alone: good enough to call again, not
//! to prove that a human heard anything.

use std::time::Duration;

use super::goertzel::level_dbfs;
use super::tones::BeepDetector;
use super::{FRAME, FRAME_SAMPLES};

/// What answering-machine detection goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmdConfig {
    /// Speech of this length without a real pause is a recorded greeting.
    pub greeting_min: Duration,
    /// Silence of this length after speech is a person waiting for us.
    pub pause_min: Duration,
    /// After this much of the call no greeting is looked for any more.
    pub listen_max: Duration,
}

impl Default for AmdConfig {
    fn default() -> Self {
        Self {
            greeting_min: Duration::from_millis(3_500),
            pause_min: Duration::from_millis(900),
            listen_max: Duration::from_secs(30),
        }
    }
}

/// Level above which a frame counts as sound.
const SOUND_MIN_DBFS: f32 = -42.0;

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmdEvent {
    /// A greeting longer than a person's.
    Greeting,
    /// A beep has ended: a machine records now.
    Beep,
}

/// Listens to one answered call, frame by frame.
#[derive(Debug)]
pub struct AmdDetector {
    config: AmdConfig,
    beep: BeepDetector,
    listened: Duration,
    speech: Duration,
    silence: Duration,
    greeted: bool,
    person: bool,
}

impl AmdDetector {
    /// Starts to listen at the answer.
    pub fn new(config: AmdConfig) -> Self {
        Self {
            config,
            beep: BeepDetector::default(),
            listened: Duration::ZERO,
            speech: Duration::ZERO,
            silence: Duration::ZERO,
            greeted: false,
            person: false,
        }
    }

    /// Takes one 20 ms frame of what the other side says.
    pub fn handle_frame(&mut self, frame: &[i16]) -> Option<AmdEvent> {
        self.listened += FRAME;
        let spoken_before = self.greeted || !self.speech.is_zero() || self.person;
        if self.beep.handle_frame(frame) && spoken_before {
            return Some(AmdEvent::Beep);
        }
        if self.greeted || self.person || self.listened > self.config.listen_max {
            return None;
        }
        if level_dbfs(&frame[..frame.len().min(FRAME_SAMPLES)]) >= SOUND_MIN_DBFS {
            self.speech += FRAME + std::mem::take(&mut self.silence);
        } else if !self.speech.is_zero() {
            self.silence += FRAME;
            self.person = self.silence >= self.config.pause_min;
        }
        self.greeted = self.speech >= self.config.greeting_min;
        self.greeted.then_some(AmdEvent::Greeting)
    }
}

#[cfg(test)]
mod tests {
    use super::super::goertzel::testing::babble;
    use super::super::tones::sine;
    use super::*;

    fn events(sound: &[i16]) -> Vec<AmdEvent> {
        let mut detector = AmdDetector::new(AmdConfig::default());
        sound
            .chunks_exact(FRAME_SAMPLES)
            .filter_map(|frame| detector.handle_frame(frame))
            .collect()
    }

    #[test]
    fn a_person_says_hello_and_waits() {
        let mut sound = babble(1, 1);
        sound.extend(vec![0i16; 8_000 * 3]);
        sound.extend(babble(6, 2));
        assert_eq!(events(&sound), vec![]);
        assert_eq!(events(&vec![0i16; 80_000]), vec![]);
    }

    #[test]
    fn a_machine_talks_and_beeps() {
        let mut sound = babble(6, 1);
        sound.extend(sine(1_000.0, 6_000, 4_000));
        sound.extend(vec![0i16; 4_000]);
        assert_eq!(events(&sound), vec![AmdEvent::Greeting, AmdEvent::Beep]);
    }

    #[test]
    fn a_short_greeting_with_a_beep_is_a_machine_too() {
        let mut sound = babble(2, 1);
        sound.extend(vec![0i16; 12_000]);
        sound.extend(sine(850.0, 6_000, 2_400));
        sound.extend(vec![0i16; 4_000]);
        assert_eq!(events(&sound), vec![AmdEvent::Beep]);
    }
}
