//! What a speech program writes, as what a telephone plays.

use std::io::Cursor;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use rubato::{
    Resampler, SincFixedIn, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

use crate::proto::media::SAMPLE_RATE_HZ;

/// Sample rates that are believed.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Samples that are resampled at a time.
const CHUNK: usize = 1_024;
/// Telephones pass 300 to 3,400 Hz; cut off below half our rate.
const CUTOFF: f32 = 0.92;

/// A WAV file as 8 kHz, 16 bit, one channel; `None` if it is none, or empty. A data length that
/// is not true (programs that write to a pipe do not know it) does not matter.
pub(super) fn telephone_audio(wav: &[u8]) -> Option<Vec<i16>> {
    let reader = WavReader::new(Cursor::new(wav)).ok()?;
    let spec = reader.spec();
    if !RATES_HZ.contains(&spec.sample_rate) || spec.channels == 0 {
        return None;
    }
    let samples = read_samples(reader)?;
    let channels = usize::from(spec.channels);
    let mono: Vec<f32> = samples
        .chunks_exact(channels)
        .map(|frame| frame.iter().sum::<f32>() / f32::from(spec.channels))
        .collect();
    let audio = if spec.sample_rate == SAMPLE_RATE_HZ {
        mono
    } else {
        resample(&mono, spec.sample_rate)?
    };
    let audio: Vec<i16> = audio
        .into_iter()
        .map(|sample| (sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16)
        .collect();
    (!audio.is_empty()).then_some(audio)
}

/// All samples up to the true end, each from -1 to 1.
fn read_samples(mut reader: WavReader<Cursor<&[u8]>>) -> Option<Vec<f32>> {
    let spec = reader.spec();
    match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => {
            let full = (1i64 << (bits - 1)) as f32;
            let samples = reader.samples::<i32>().map_while(Result::ok);
            Some(samples.map(|sample| sample as f32 / full).collect())
        }
        (SampleFormat::Float, 32) => Some(reader.samples::<f32>().map_while(Result::ok).collect()),
        _ => None,
    }
}

fn resample(mono: &[f32], rate_hz: u32) -> Option<Vec<f32>> {
    let ratio = f64::from(SAMPLE_RATE_HZ) / f64::from(rate_hz);
    let parameters = SincInterpolationParameters {
        sinc_len: 128,
        f_cutoff: CUTOFF,
        oversampling_factor: 128,
        interpolation: SincInterpolationType::Linear,
        window: WindowFunction::BlackmanHarris2,
    };
    let mut resampler = SincFixedIn::<f32>::new(ratio, 1.0, parameters, CHUNK, 1).ok()?;
    let delay = resampler.output_delay();
    let wanted = (mono.len() as f64 * ratio).ceil() as usize;
    let mut audio = Vec::with_capacity(wanted + CHUNK);
    let mut chunks = mono.chunks_exact(CHUNK);
    for chunk in &mut chunks {
        audio.extend_from_slice(&resampler.process(&[chunk], None).ok()?[0]);
    }
    let rest = resampler.process_partial(Some(&[chunks.remainder()]), None);
    audio.extend_from_slice(&rest.ok()?[0]);
    while audio.len() < wanted + delay {
        let flushed = resampler.process_partial::<&[f32]>(None, None).ok()?;
        audio.extend_from_slice(&flushed[0]);
    }
    audio.drain(..delay.min(audio.len()));
    audio.truncate(wanted);
    Some(audio)
}

/// What a telephone plays (8 kHz, 16 bit, one channel) as a WAV file.
///
/// # Errors
/// When it is longer than a WAV file can be, 4 GiB.
pub fn wav_file(samples: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::with_capacity(44 + samples.len() * 2));
    let mut writer = WavWriter::new(&mut file, spec)?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()?;
    Ok(file.into_inner())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::proto::media::goertzel::{Goertzel, energy};

    fn wav(rate: u32, channels: u16, hz: f32, seconds: f32) -> Vec<u8> {
        let spec = WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut bytes = Cursor::new(vec![]);
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for n in 0..(rate as f32 * seconds) as usize {
            let phase = std::f32::consts::TAU * hz * n as f32 / rate as f32;
            for _ in 0..channels {
                writer.write_sample((phase.sin() * 8_000.0) as i16).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_is_written_reads_back() {
        let samples = [0_i16, 1, -1, 100, -100, 8_000, -8_000, i16::MAX, i16::MIN];
        let file = wav_file(&samples).unwrap();
        let read: Vec<i16> = WavReader::new(Cursor::new(file))
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read, samples);
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_length() {
        for (rate, channels) in [(22_050, 1), (8_000, 1), (44_100, 2), (16_000, 1)] {
            let audio = telephone_audio(&wav(rate, channels, 1_000.0, 0.5)).unwrap();
            assert!(audio.len().abs_diff(4_000) <= 2, "{rate}: {}", audio.len());
            let middle = &audio[1_000..3_000];
            let share = Goertzel::new(1_000.0).share(middle, energy(middle));
            assert!(share > 0.98, "{rate}: {share}");
        }
    }

    #[test]
    fn what_is_above_the_telephones_band_is_gone_not_folded_back() {
        let audio = telephone_audio(&wav(22_050, 1, 6_000.0, 0.5)).unwrap();
        let middle = &audio[1_000..3_000];
        let kept = telephone_audio(&wav(22_050, 1, 1_000.0, 0.5)).unwrap();
        assert!(energy(middle) < energy(&kept[1_000..3_000]) / 1_000.0);
    }

    #[test]
    fn a_length_that_is_not_true_and_rubbish() {
        let mut streamed = wav(22_050, 1, 1_000.0, 0.5);
        streamed[40..44].copy_from_slice(&0x7fff_f000u32.to_le_bytes());
        assert!(telephone_audio(&streamed).unwrap().len() > 3_900);
        assert_eq!(telephone_audio(b"RIFF"), None);
        assert_eq!(telephone_audio(&wav(22_050, 1, 1_000.0, 0.0)), None);
    }
}
