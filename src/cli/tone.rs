//! `tocsin tone`

use std::io::Write;
use std::process::ExitCode;

use crate::channel::voice::wav_file;
use crate::proto::media::SAMPLE_RATE_HZ;

/// Length of the tone, in seconds.
const SECONDS: u32 = 4;
/// Its frequency, in hertz.
const FREQUENCY: f32 = 440.0;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let sample = |n: u32| {
        let phase = n as f32 / SAMPLE_RATE_HZ as f32 * FREQUENCY * std::f32::consts::TAU;
        (phase.sin() * 8000.0) as i16
    };
    let samples: Vec<i16> = (0..SAMPLE_RATE_HZ * SECONDS).map(sample).collect();
    super::out::Out.write_all(&wav_file(&samples)?)?;
    Ok(ExitCode::SUCCESS)
}
