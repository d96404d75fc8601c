//! Lets the console hear what a call says, by the program that speaks the calls.

use std::sync::Arc;

use crate::channel::voice::{CommandSpeech, SpeechSource, call_script};
use crate::config::{self, Config};
use crate::domain::Content;
use crate::http::{Speaker, Spoken};

/// Samples in a second, as on the telephone.
const RATE: u32 = 8000;

#[derive(Debug)]
struct Calls {
    speech: CommandSpeech,
    config: config::Voice,
}

/// What was spoken for a call is not spoken again: both keep it in the same place.
pub(super) fn speaker(config: &Config) -> Arc<dyn Speaker> {
    let folder = config.server.state.join("speech");
    Arc::new(Calls {
        speech: CommandSpeech::new(config.voice.speech.clone(), folder),
        config: config.voice.clone(),
    })
}

impl Speaker for Calls {
    fn speak<'a>(&'a self, content: &'a Content, language: &'a str, confirmed: bool) -> Spoken<'a> {
        Box::pin(async move {
            let script = call_script(content, language, confirmed, &self.config);
            match self.speech.speak(&script, language).await {
                Ok(samples) => Some(wav(&samples)),
                Err(error) => {
                    tracing::warn!(%error, "a script cannot be spoken for the console");
                    None
                }
            }
        })
    }
}

/// A WAV file of one channel of 16 bits.
fn wav(samples: &[i16]) -> Vec<u8> {
    let size = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&size.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE * 2).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}
