//! Lets the console hear what a call says, by the program that speaks the calls.

use std::sync::Arc;

use crate::channel::voice::{CommandSpeech, SpeechSource, call_script, wav_file};
use crate::config::{self, Config};
use crate::domain::Content;
use crate::http::{Speaker, Spoken};

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
                Ok(samples) => wav_file(&samples).ok(),
                Err(error) => {
                    tracing::warn!(%error, "a script cannot be spoken for the console");
                    None
                }
            }
        })
    }
}
