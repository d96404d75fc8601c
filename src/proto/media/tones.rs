//! Single tones: fax machines (ITU-T T.30: CNG 1,100 Hz, CED 2,100 Hz) and the beep of an
//! answering machine.

use std::time::Duration;

use super::goertzel::{Goertzel, energy};
use super::{FRAME, FRAME_SAMPLES, SAMPLE_RATE_HZ};

/// Calling tone of a fax machine, in Hz.
pub const CNG_HZ: f32 = 1_100.0;
/// Answer tone of a fax machine or modem, in Hz.
pub const CED_HZ: f32 = 2_100.0;
/// How long a fax tone must last. CNG lasts 500 ms, CED at least 2.6 s.
pub const FAX_TONE_MIN: Duration = Duration::from_millis(400);
/// How long a beep must last.
pub const BEEP_MIN: Duration = Duration::from_millis(160);

/// The share of a frame that a tone must be.
const SHARE_MIN: f32 = 0.80;
/// Mean square below which nothing is looked for (about -45 dBFS).
const POWER_MIN: f32 = 34_000.0;
/// Frames that may miss in a run (phase reversals of ANSam, a lost packet).
const DROPOUTS_MAX: u32 = 1;
/// The beeps that we look for: 400 to 2,000 Hz, every 20.
const BEEP_LOW_HZ: u16 = 400;
const BEEP_HIGH_HZ: u16 = 2_000;
const BEEP_STEP_HZ: u16 = 20;
/// Steps by which the pitch may wander from frame to frame.
const BEEP_WANDER_STEPS: usize = 2;

/// Counts consecutive frames of one tone.
#[derive(Debug)]
struct Run {
    frames: u32,
    dropouts: u32,
    needed: u32,
}

impl Run {
    fn new(lasting: Duration) -> Self {
        let needed = u32::try_from(lasting.as_millis() / FRAME.as_millis()).unwrap_or(u32::MAX);
        Self {
            frames: 0,
            dropouts: 0,
            needed,
        }
    }

    /// True once, in the frame in which the tone has lasted long enough.
    fn step(&mut self, hit: bool) -> bool {
        if hit {
            self.frames = self.frames.saturating_add(1);
            self.dropouts = 0;
            return self.frames == self.needed;
        }
        self.dropouts += 1;
        if self.dropouts > DROPOUTS_MAX {
            self.frames = 0;
            self.dropouts = 0;
        }
        false
    }
}

/// Hears fax machines.
#[derive(Debug)]
pub struct FaxDetector {
    tones: [(Goertzel, Run); 2],
}

impl Default for FaxDetector {
    fn default() -> Self {
        let tones = [CNG_HZ, CED_HZ].map(|hz| (Goertzel::new(hz), Run::new(FAX_TONE_MIN)));
        Self { tones }
    }
}

impl FaxDetector {
    /// Takes one 20 ms frame; true when a fax tone has become certain.
    pub fn handle_frame(&mut self, frame: &[i16]) -> bool {
        let total = audible_energy(frame);
        let mut heard = false;
        for (tone, run) in &mut self.tones {
            let hit = total.is_some_and(|energy| tone.share(frame, energy) >= SHARE_MIN);
            heard |= run.step(hit);
        }
        heard
    }
}

/// Hears a beep: one steady tone of any usual pitch.
#[derive(Debug)]
pub struct BeepDetector {
    tones: Vec<Goertzel>,
    pitch: usize,
    run: Run,
    sounding: bool,
}

impl Default for BeepDetector {
    fn default() -> Self {
        let pitches = (BEEP_LOW_HZ..=BEEP_HIGH_HZ).step_by(usize::from(BEEP_STEP_HZ));
        Self {
            tones: pitches.map(|hz| Goertzel::new(f32::from(hz))).collect(),
            pitch: usize::MAX,
            run: Run::new(BEEP_MIN),
            sounding: false,
        }
    }
}

impl BeepDetector {
    /// Takes one 20 ms frame; true when a beep has ended and it is our turn to speak.
    pub fn handle_frame(&mut self, frame: &[i16]) -> bool {
        let best = audible_energy(frame).and_then(|energy| self.strongest(frame, energy));
        let hit = best.is_some_and(|index| index.abs_diff(self.pitch) <= BEEP_WANDER_STEPS);
        if let Some(index) = best
            && !hit
        {
            self.pitch = index;
            self.run = Run::new(BEEP_MIN);
        }
        self.sounding |= self.run.step(best.is_some());
        let ended = self.sounding && self.run.frames == 0;
        self.sounding &= !ended;
        ended
    }

    fn strongest(&self, frame: &[i16], energy: f32) -> Option<usize> {
        let shares = self.tones.iter().map(|tone| tone.share(frame, energy));
        let (index, share) = shares.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (share >= SHARE_MIN).then_some(index)
    }
}

fn audible_energy(frame: &[i16]) -> Option<f32> {
    let total = energy(frame);
    let frame_length = f32::from(u16::try_from(FRAME_SAMPLES).unwrap_or(160));
    (total >= POWER_MIN * frame_length).then_some(total)
}

/// A sine at `amplitude`, starting at phase zero.
pub fn sine(frequency_hz: f32, amplitude: i16, samples: usize) -> Vec<i16> {
    let rate = f64::from(SAMPLE_RATE_HZ);
    let step = std::f64::consts::TAU * f64::from(frequency_hz) / rate;
    (0..samples)
        .map(|n| {
            let value = (step * n as f64).sin() * f64::from(amplitude);
            value.round() as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::goertzel::testing::{babble, noise};
    use super::*;

    fn fax_in(sound: &[i16]) -> bool {
        let mut detector = FaxDetector::default();
        sound
            .chunks_exact(FRAME_SAMPLES)
            .any(|frame| detector.handle_frame(frame))
    }

    fn beeps_in(sound: &[i16]) -> usize {
        let mut detector = BeepDetector::default();
        sound
            .chunks_exact(FRAME_SAMPLES)
            .filter(|frame| detector.handle_frame(frame))
            .count()
    }

    #[test]
    fn both_fax_tones_are_heard_off_by_a_little() {
        for hz in [1_100.0, 1_110.0, 2_100.0, 2_090.0] {
            assert!(fax_in(&sine(hz, 5_000, 4_000)), "{hz}");
        }
    }

    #[test]
    fn phase_reversals_do_not_hide_the_answer_tone() {
        let mut sound = vec![];
        for turn in 0..6 {
            let amplitude = if turn % 2 == 0 { 5_000 } else { -5_000 };
            sound.extend(sine(CED_HZ, amplitude, 3_600));
        }
        assert!(fax_in(&sound));
    }

    #[test]
    fn voices_noise_and_short_tones_are_no_fax() {
        assert!(!fax_in(&babble(30, 3)));
        assert!(!fax_in(&noise(8_000.0, 80_000)));
        assert!(!fax_in(&sine(CNG_HZ, 5_000, 2_000)));
        assert!(!fax_in(&sine(1_000.0, 5_000, 8_000)));
    }

    #[test]
    fn a_beep_counts_once_when_it_is_over() {
        for hz in [425.0, 1_000.0, 1_387.0, 1_980.0] {
            let mut sound = sine(hz, 5_000, 3_200);
            assert_eq!(beeps_in(&sound), 0, "{hz} still sounds");
            sound.extend(vec![0i16; 800]);
            assert_eq!(beeps_in(&sound), 1, "{hz}");
        }
        let mut click = sine(1_000.0, 5_000, 800);
        click.extend(vec![0i16; 800]);
        assert_eq!(beeps_in(&click), 0);
    }
}
