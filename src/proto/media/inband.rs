//! DTMF in the audio itself (ITU-T Q.23 and Q.24), for trunks that send no telephone events.
//!
//! Speech must not be heard as keys, so a key needs all of: two tones, one of each group, that
//! together are nearly all of the sound; neither much louder than the other; no second harmonics
//! (voices have them, generators do not); the same for some 50 ms; and a pause before the same
//! key counts again. What people say while they press may hide a key; that is the smaller harm.

use super::Digit;
use super::goertzel::{Goertzel, energy};

const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];

/// Samples looked at together: 25.6 ms, bins 39 Hz wide.
const WINDOW_SAMPLES: usize = 205;
/// Samples between two looks.
const HOP_SAMPLES: usize = 80;
/// Looks in a row that must agree: 46 to 56 ms of tone.
const HITS_MIN: u8 = 3;
/// Looks without the key after which it may be pressed again (30 ms).
const MISSES_MIN: u8 = 3;
/// Both tones together must be this share of the sound.
const SHARE_MIN: f32 = 0.82;
/// The weaker tone must be this share of the sound.
const SHARE_EACH_MIN: f32 = 0.10;
/// The high tone may be this much stronger than the low one (4 dB, "reverse twist" 2.5) ...
const TWIST_HIGH_MAX: f32 = 3.2;
/// ... and the low one this much stronger than the high one (8 dB).
const TWIST_LOW_MAX: f32 = 6.3;
/// A second harmonic above this share of its tone is a voice.
const HARMONIC_MAX: f32 = 0.06;
/// Mean square below which nothing is looked for (about -45 dBFS).
const POWER_MIN: f32 = 34_000.0;
/// Consecutive looks may differ in loudness by this factor at most: generators are steady.
const STEADINESS_MAX: f32 = 1.8;
/// Generators may be off by this share (Q.24: 1.5 %); each tone is tried at three places.
const DETUNE: f32 = 0.011;

/// Hears keys in 8 kHz audio.
#[derive(Debug)]
pub struct InbandDetector {
    rows: [Tone; 4],
    columns: [Tone; 4],
    pending: Vec<i16>,
    candidate: Option<Candidate>,
    held: Option<Digit>,
    misses: u8,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    digit: Digit,
    hits: u8,
    energy: f32,
}

#[derive(Debug, Clone, Copy)]
struct Tone {
    places: [Goertzel; 3],
    harmonic: Goertzel,
}

impl Tone {
    fn new(frequency_hz: f32) -> Self {
        let places = [1.0 - DETUNE, 1.0, 1.0 + DETUNE].map(|k| Goertzel::new(frequency_hz * k));
        Self {
            places,
            harmonic: Goertzel::new(frequency_hz * 2.0),
        }
    }

    fn share(&self, block: &[i16], energy: f32) -> f32 {
        self.places
            .iter()
            .map(|place| place.share(block, energy))
            .fold(0.0, f32::max)
    }
}

impl Default for InbandDetector {
    fn default() -> Self {
        Self {
            rows: ROWS_HZ.map(Tone::new),
            columns: COLUMNS_HZ.map(Tone::new),
            pending: Vec::with_capacity(WINDOW_SAMPLES * 2),
            candidate: None,
            held: None,
            misses: 0,
        }
    }
}

impl InbandDetector {
    /// Takes samples in (any number); returns the keys whose press became certain with them.
    pub fn handle(&mut self, samples: &[i16]) -> Vec<Digit> {
        let mut heard = vec![];
        for chunk in samples.chunks(HOP_SAMPLES) {
            self.pending.extend_from_slice(chunk);
            while self.pending.len() >= WINDOW_SAMPLES {
                let look = self.look();
                self.pending.drain(..HOP_SAMPLES);
                heard.extend(self.judge(look));
            }
        }
        heard
    }

    /// The key that the current window shows, with the window's energy.
    fn look(&self) -> Option<(Digit, f32)> {
        let block = self.pending.get(..WINDOW_SAMPLES)?;
        let total = energy(block);
        if total < POWER_MIN * WINDOW_SAMPLES as f32 {
            return None;
        }
        let (row, low) = strongest(&self.rows, block, total);
        let (column, high) = strongest(&self.columns, block, total);
        if low.min(high) < SHARE_EACH_MIN || low + high < SHARE_MIN {
            return None;
        }
        if high > low * TWIST_HIGH_MAX || low > high * TWIST_LOW_MAX {
            return None;
        }
        let low_harmonic = self.rows[row].harmonic.share(block, total);
        let high_harmonic = self.columns[column].harmonic.share(block, total);
        if low_harmonic > low * HARMONIC_MAX || high_harmonic > high * HARMONIC_MAX {
            return None;
        }
        Some((Digit::from_char(KEYS[row][column])?, total))
    }

    fn judge(&mut self, look: Option<(Digit, f32)>) -> Option<Digit> {
        let Some((digit, energy)) = look else {
            self.candidate = None;
            self.miss();
            return None;
        };
        if self.held == Some(digit) {
            self.misses = 0;
            return None;
        }
        let hits = match self.candidate {
            Some(before) if before.digit == digit && is_steady(before.energy, energy) => {
                before.hits + 1
            }
            _ => 1,
        };
        self.candidate = Some(Candidate {
            digit,
            hits,
            energy,
        });
        if hits < HITS_MIN {
            self.miss();
            return None;
        }
        self.candidate = None;
        self.held = Some(digit);
        self.misses = 0;
        Some(digit)
    }

    fn miss(&mut self) {
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MISSES_MIN {
            self.held = None;
        }
    }
}

fn strongest(tones: &[Tone; 4], block: &[i16], energy: f32) -> (usize, f32) {
    let mut best = (0, 0.0);
    for (index, tone) in tones.iter().enumerate() {
        let share = tone.share(block, energy);
        if share > best.1 {
            best = (index, share);
        }
    }
    best
}

fn is_steady(before: f32, now: f32) -> bool {
    before <= now * STEADINESS_MAX && now <= before * STEADINESS_MAX
}

/// The sound of a key, for the simulator: both tones at `amplitude` each.
pub fn key_tone(digit: Digit, amplitude: i16, samples: usize) -> Vec<i16> {
    let place = KEYS.iter().enumerate().find_map(|(row, keys)| {
        let column = keys.iter().position(|&key| key == digit.as_char())?;
        Some((ROWS_HZ[row], COLUMNS_HZ[column]))
    });
    let Some((low, high)) = place else {
        return vec![];
    };
    let mut sound = super::tones::sine(low, amplitude, samples);
    for (sample, other) in sound
        .iter_mut()
        .zip(super::tones::sine(high, amplitude, samples))
    {
        *sample = sample.saturating_add(other);
    }
    sound
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::goertzel::testing::{babble, noise, tones};
    use super::*;

    fn heard(samples: &[i16]) -> String {
        let mut detector = InbandDetector::default();
        samples
            .chunks(160)
            .flat_map(|chunk| detector.handle(chunk))
            .map(Digit::as_char)
            .collect()
    }

    fn key(digit: char, millis: usize) -> Vec<i16> {
        key_tone(Digit::from_char(digit).unwrap(), 6_000, millis * 8)
    }

    #[test]
    fn every_key_is_heard_once_at_every_offset() {
        for digit in KEYS.into_iter().flatten() {
            for offset in [0, 17, 61, 80, 133] {
                let mut sound = vec![0i16; offset];
                sound.extend(key(digit, 70));
                sound.extend(vec![0i16; 800]);
                assert_eq!(heard(&sound), digit.to_string(), "offset {offset}");
            }
        }
    }

    #[test]
    fn a_long_press_is_one_and_two_presses_are_two() {
        assert_eq!(heard(&key('5', 3_000)), "5");
        let mut twice = key('5', 80);
        twice.extend(vec![0i16; 480]);
        twice.extend(key('5', 80));
        assert_eq!(heard(&twice), "55");
        let mut number = vec![];
        for digit in "1809#".chars() {
            number.extend(key(digit, 80));
            number.extend(vec![0i16; 480]);
        }
        assert_eq!(heard(&number), "1809#");
    }

    #[test]
    fn a_generator_off_by_one_and_a_half_percent_is_heard_and_one_off_by_four_is_not() {
        for k in [0.985, 1.015] {
            let sound = tones(&[770.0 * k, 1_336.0 * k], 6_000.0, 1_600);
            assert_eq!(heard(&sound), "5", "{k}");
        }
        for k in [0.96, 1.04] {
            let sound = tones(&[770.0 * k, 1_336.0 * k], 6_000.0, 1_600);
            assert_eq!(heard(&sound), "", "{k}");
        }
    }

    #[test]
    fn a_noisy_line_and_g711_keep_the_key() {
        use super::super::Codec;
        let mut sound = key('1', 120);
        for (sample, extra) in sound.iter_mut().zip(noise(900.0, 960)) {
            *sample = sample.saturating_add(extra);
        }
        for codec in Codec::ALL {
            assert_eq!(heard(&codec.decode(&codec.encode(&sound))), "1");
        }
    }

    #[test]
    fn single_tones_short_tones_and_twisted_pairs_are_no_key() {
        assert_eq!(heard(&tones(&[697.0], 8_000.0, 4_000)), "");
        assert_eq!(heard(&tones(&[440.0, 480.0], 8_000.0, 8_000)), "");
        assert_eq!(heard(&key('1', 25)), "");
        let mut twisted = tones(&[697.0], 8_000.0, 1_600);
        for (sample, other) in twisted.iter_mut().zip(tones(&[1_209.0], 800.0, 1_600)) {
            *sample = sample.saturating_add(other);
        }
        assert_eq!(heard(&twisted), "");
    }

    #[test]
    fn babble_and_noise_press_nothing() {
        for seed in 0..4 {
            assert_eq!(heard(&babble(20, seed)), "", "seed {seed}");
        }
        assert_eq!(heard(&noise(8_000.0, 8_000 * 20)), "");
    }
}
