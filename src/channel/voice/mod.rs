//! Calls out: one attempt is one call, placed over the SIP trunk, speaking the script.

mod cache;
mod outcome;
mod pcm;
mod prompt;
mod settings;
mod speech;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

pub use pcm::wav_file;
pub use prompt::call_script;
pub use speech::{CommandSpeech, SpeechError, SpeechFuture, SpeechSource};

use super::{
    AttemptFuture, AttemptOutcome, AttemptRequest, Channel, PROGRESS_MAX, Progress, ProgressSink,
};
use crate::clock::Randomness;
use crate::config;
use crate::domain::{Channel as ChannelKind, Destination};
use crate::net::sip::{CallOrder, SipTrunk, TrunkConfig};

/// What the channel is made of.
pub struct VoiceParts {
    /// `[voice]`.
    pub config: config::Voice,
    /// Who speaks.
    pub speech: Arc<dyn SpeechSource>,
    /// Numbers of RTP streams, choice of ports.
    pub random: Randomness,
}

impl VoiceParts {
    /// The parts as the daemon uses them: speech by the configured program, kept in `folder`.
    pub fn with_program(config: config::Voice, folder: PathBuf, random: Randomness) -> Self {
        let speech = Arc::new(CommandSpeech::new(config.speech.clone(), folder));
        Self {
            config,
            speech,
            random,
        }
    }
}

/// The voice channel.
pub struct VoiceChannel {
    config: config::Voice,
    trunk_config: Result<TrunkConfig, &'static str>,
    speech: Arc<dyn SpeechSource>,
    random: Randomness,
    /// Started by the first attempt, so that a name server that is down delays calls and not the
    /// daemon.
    trunk: Mutex<Option<SipTrunk>>,
}

impl VoiceChannel {
    /// Gets ready; nothing is bound or sent before the first attempt.
    #[must_use]
    pub fn new(parts: VoiceParts) -> Self {
        Self {
            trunk_config: settings::trunk(&parts.config),
            config: parts.config,
            speech: parts.speech,
            random: parts.random,
            trunk: Mutex::new(None),
        }
    }

    /// Lets no further call begin and waits shortly for the last goodbyes. Cancel the attempts
    /// first.
    pub async fn close(&self) {
        if let Some(trunk) = self.trunk.lock().await.take() {
            trunk.close().await;
        }
    }

    async fn call(
        &self,
        request: AttemptRequest,
        sink: ProgressSink,
        cancel: CancellationToken,
    ) -> AttemptOutcome {
        let Destination::Phone(number) = &request.destination else {
            return outcome::misdirected();
        };
        let text = prompt::script(&request, &self.config);
        let speaking = if request.once {
            self.speech.speak_once(&text, &request.language)
        } else {
            self.speech.speak(&text, &request.language)
        };
        let script = tokio::select! {
            biased;
            () = cancel.cancelled() => return outcome::withdrawn(),
            script = speaking => match script {
                Ok(script) => script,
                Err(error) => return outcome::speechless(&error),
            },
        };
        let trunk = match self.trunk().await {
            Ok(trunk) => trunk,
            Err(outcome) => return outcome,
        };
        let order = CallOrder {
            number: number.reveal().as_str().to_owned(),
            plan: settings::plan(&self.config, request.confirmation_required),
            script,
        };
        tracing::debug!(attempt = request.attempt, "call placed");
        let (steps, mut seen) = mpsc::channel(PROGRESS_MAX);
        let forward = async {
            while let Some(step) = seen.recv().await {
                // Nobody listens any more: the call goes on, its outcome is what counts.
                let _ = sink.send(Progress::Call(outcome::status_of(step))).await;
            }
        };
        let (result, ()) = tokio::join!(trunk.call(order, steps, cancel), forward);
        outcome::of(&result, &self.config.confirm_key)
    }

    async fn trunk(&self) -> Result<SipTrunk, AttemptOutcome> {
        let mut trunk = self.trunk.lock().await;
        if let Some(trunk) = &*trunk {
            return Ok(trunk.clone());
        }
        let config = match &self.trunk_config {
            Ok(config) => config.clone(),
            Err(why) => return Err(outcome::no_trunk(why)),
        };
        match SipTrunk::start(config, self.random.fork()).await {
            Ok(started) => Ok(trunk.insert(started).clone()),
            Err(error) => {
                tracing::warn!(%error, "SIP trunk could not start");
                Err(outcome::no_trunk(&error.to_string()))
            }
        }
    }
}

impl std::fmt::Debug for VoiceChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceChannel").finish_non_exhaustive()
    }
}

impl Channel for VoiceChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Call
    }

    fn concurrency(&self) -> usize {
        usize::try_from(self.config.max_calls).unwrap_or(usize::MAX)
    }

    fn is_ready(&self) -> bool {
        self.trunk_config.is_ok()
    }

    fn attempt<'a>(
        &'a self,
        request: AttemptRequest,
        progress: ProgressSink,
        cancel: CancellationToken,
    ) -> AttemptFuture<'a> {
        Box::pin(self.call(request, progress, cancel))
    }
}
