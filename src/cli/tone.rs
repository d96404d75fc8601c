//! `tocsin tone`

use std::io::{Cursor, Write};
use std::process::ExitCode;

/// Samples a second.
const RATE: u32 = 8000;
/// Length of the tone, in seconds.
const SECONDS: u32 = 4;
/// Its frequency, in hertz.
const FREQUENCY: f32 = 440.0;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec)?;
    for n in 0..RATE * SECONDS {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let sample =
            ((n as f32 / RATE as f32 * FREQUENCY * std::f32::consts::TAU).sin() * 8000.0) as i16;
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    std::io::stdout().write_all(file.get_ref())?;
    Ok(ExitCode::SUCCESS)
}
