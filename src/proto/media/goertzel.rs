//! Goertzel's algorithm: how much of a block of samples is one frequency.

use super::SAMPLE_RATE_HZ;

/// One frequency to look for.
#[derive(Debug, Clone, Copy)]
pub struct Goertzel {
    coefficient: f32,
}

impl Goertzel {
    /// Looks for `frequency_hz`, which must lie below half the sample rate.
    pub fn new(frequency_hz: f32) -> Self {
        let rate = f32::from(u16::try_from(SAMPLE_RATE_HZ).unwrap_or(8_000));
        let omega = std::f32::consts::TAU * frequency_hz / rate;
        Self {
            coefficient: 2.0 * omega.cos(),
        }
    }

    /// The share of the block's power that is this frequency: 1.0 for a pure tone, near 0 for
    /// anything else. `energy` is [`energy`] of the same block.
    pub fn share(&self, block: &[i16], energy: f32) -> f32 {
        if energy <= f32::EPSILON || block.is_empty() {
            return 0.0;
        }
        let (mut one, mut two) = (0.0f32, 0.0f32);
        for &sample in block {
            let zero = f32::from(sample) + self.coefficient * one - two;
            two = one;
            one = zero;
        }
        let power = one * one + two * two - self.coefficient * one * two;
        2.0 * power / (length(block) * energy)
    }
}

/// The sum of squares of a block.
pub fn energy(block: &[i16]) -> f32 {
    block.iter().map(|&s| f32::from(s) * f32::from(s)).sum()
}

/// The mean level of a block in decibels below full scale (0 is the loudest, -91 the faintest).
pub fn level_dbfs(block: &[i16]) -> f32 {
    let mean = energy(block) / length(block).max(1.0);
    10.0 * (mean.max(1e-3) / (32_768.0 * 32_768.0)).log10()
}

fn length(block: &[i16]) -> f32 {
    f32::from(u16::try_from(block.len()).unwrap_or(u16::MAX))
}

#[cfg(test)]
pub(crate) mod testing {
    //! Sounds for the detectors' tests.

    /// Samples of several sines of equal amplitude.
    pub(crate) fn tones(frequencies_hz: &[f32], amplitude: f32, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| {
                let t = n as f32 / 8_000.0;
                let sum: f32 = frequencies_hz
                    .iter()
                    .map(|f| (std::f32::consts::TAU * f * t).sin() * amplitude)
                    .sum();
                sum.clamp(-32_768.0, 32_767.0) as i16
            })
            .collect()
    }

    /// White noise from a fixed seed.
    pub(crate) fn noise(amplitude: f32, samples: usize) -> Vec<i16> {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        (0..samples)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let unit = (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
                (unit * 2.0 * amplitude) as i16
            })
            .collect()
    }

    /// Something like a voice: a buzz whose pitch wanders, through three wandering resonances,
    /// in syllables. Its harmonics are what fools naive tone detectors.
    pub(crate) fn babble(seconds: usize, seed: u32) -> Vec<i16> {
        let mut phase = 0.0f32;
        let seed = seed as f32;
        (0..seconds * 8_000)
            .map(|n| {
                let t = n as f32 / 8_000.0;
                let pitch = 110.0 + 60.0 * (t * (1.3 + seed * 0.07)).sin() + 15.0 * (t * 5.1).sin();
                phase = (phase + pitch / 8_000.0).fract();
                let formants = [
                    500.0 + 300.0 * (t * 2.1 + seed).sin(),
                    1_400.0 + 500.0 * (t * 1.7 + seed * 2.0).sin(),
                    2_500.0,
                ];
                let mut sum = 0.0;
                for harmonic in 1..=24u8 {
                    let f = pitch * f32::from(harmonic);
                    let gain: f32 = formants
                        .iter()
                        .map(|c| 1.0 / (1.0 + ((f - c) / 80.0).powi(2)))
                        .sum();
                    sum += gain * (std::f32::consts::TAU * phase * f32::from(harmonic)).sin();
                }
                let syllable = (t * 20.0 + seed).sin().max(0.0);
                (sum * 5_000.0 * syllable).clamp(-32_768.0, 32_767.0) as i16
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_tone_is_all_of_its_block() {
        let block = testing::tones(&[1_000.0], 8_000.0, 160);
        let total = energy(&block);
        assert!((Goertzel::new(1_000.0).share(&block, total) - 1.0).abs() < 0.01);
        assert!(Goertzel::new(1_400.0).share(&block, total) < 0.01);
    }

    #[test]
    fn silence_has_no_tone() {
        let block = [0i16; 160];
        assert!(Goertzel::new(1_000.0).share(&block, energy(&block)) < f32::EPSILON);
        assert!(level_dbfs(&block) < -90.0);
    }
}
